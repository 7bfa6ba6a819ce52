# survival.sh - the fastest steady allocation that causes no stall, for each headroom and type of guest: 160 MiB at
# a time, faster each time. A stall is 20 ms of waiting for memory by the kernel's account (PSI) while programs had to
# reclaim themselves, or a killed program; that kswapd was at work is none.
# lab: -V -m 6144 -0 640 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh
rates='10 20 40 80 160 240 320' stall_ms=20

start_daemons 'policy = demand'

# try NAME RATE: does the program go through without a stall?
try() {
    fill "$1" $((headroom + 4))
    sleep 2
    hog "$1" "at$2" -s 160 -r "$2" -h 1
    hog_wait "$1" "at$2" 60
    hog_story "$1" "at$2"
    [ "$(hog_value "$1" "at$2" oom_kills)" = 0 ] && has_not_waited "$1" "at$2" $stall_ms
}

for type in pv pvh; do
    for headroom in 16 32 64; do
        name=$type$headroom survived=0
        section "$type, headroom $headroom MiB"
        guest $name 128 2048 $type
        set_vm $name floor=256M ceiling=2048M headroom=${headroom}M
        for rate in $rates; do
            try $name "$rate" || break
            survived=$rate
        done
        check "$type, headroom $headroom MiB: no stall at $survived MiB/s" [ "$survived" -ge 10 ]
        echo "$type $headroom $survived" >>"$out/survival"
        xl destroy $name
    done
done
section "the fastest steady allocation without a stall"
awk '{ printf "    %-4s headroom %3d MiB: %4d MiB/s\n", $1, $2, $3 }' "$out/survival"
check_daemons
checks_end
