#!/bin/sh
# rates.sh - how fast memory on demand is on this host: a report for docs/performance.md.
#
#   rates.sh --vm VM --in 'COMMAND' [OPTION...]     in a dom0, as root
#
#   --vm VM           a Linux guest under policy demand, with modd and with nothing of importance in it
#   --in COMMAND      runs what follows it, one shell command, in the guest: 'ssh web'
#   --hog PATH        hog in the guest (hog)
#   --memwatch PATH   memwatch in dom0 (build/hardware/memwatch, or that in PATH)
#   --conf FILE       of the daemons (/etc/pagemeter/pagemeter.conf)
#   --arrivals N      so many times +64 MiB (10)         --big MIB   and once so much (768)
#   --needs N         so many reactions (50)             --rates 'R...'   MiB/s to try (50 100 200 400 ... 6400)
#   --seconds S       for what a tick costs (60)         --poll MS   how often memwatch looks (2)
#
# It sets the VM's floor and headroom while it measures and puts them back at the end, also when it is stopped.
# Everything else stays as it is. The report goes to standard output, what happens to standard error. Exit status:
# 0; 2 wrong usage; 3 refused, or a measurement failed: a sentence says which.
#
# README.md says how to prepare it, how long it takes and what it does to the guest.
set -u

top=$(cd "$(dirname "$0")/../.." 2>/dev/null && pwd)
vm='' in='' hog=hog memwatch='' conf=/etc/pagemeter/pagemeter.conf
arrivals=10 big_mib=768 needs=50 rates='50 100 200 400 800 1600 3200 6400' seconds=60 poll_ms=2
headroom_kib=32768      # of reactions
work='' watching='' is_set='' is_hogging=''

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "rates.sh: $*"
    exit 3
}

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0" >&2
    exit 2
}

# ---- the VM, as pageballoond sees it

# vm_is FIELD: of `pagemeter balloon list`, KiB
vm_is() {
    pagemeter balloon list --format csv | awk -F, -v vm="$vm" -v name="$1" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["name"] == vm || $column["domid"] == vm || $column["uuid"] == vm { print $column[name]; exit }'
}

host_is() { pagemeter balloon host --format table | awk -v name="$1" '$1 == name { print $2 }'; }

set_vm() { pagemeter balloon set "$vm" "$@" >/dev/null || fail "the VM's settings can't be changed: $*"; }

# setting KEY: what the operator has set, nothing when he has not
setting() { sqlite3 -readonly "$store/balloon.db" "SELECT value FROM setting WHERE scope = '$uuid' AND key = '$1'"; }

in_guest() { $in "$1"; }

# At rest it has nothing to give back, and nothing is on its way.
is_resting() { [ "$(vm_is blocked_by)" = - ] && [ "$(vm_is target_kib)" = "$1" ]; }

rest() {
    tries=0 calm=0
    sleep 3 # a record, and the decision on it
    while [ $calm -lt 3 ]; do
        target=$(vm_is target_kib)
        sleep 1
        if is_resting "$target"; then calm=$((calm + 1)); else calm=0; fi
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "$vm has not come to rest within five minutes: $(vm_is blocked_by)"
    done
}

# ---- what it must find

need_tool() { command -v "$1" >/dev/null || fail "$1 is not here: $2"; }

check_host() {
    grep -q control_d /proc/xen/capabilities 2>/dev/null ||
        fail "this is no dom0 of a Xen host (/proc/xen/capabilities does not say control_d)"
    [ "$(id -u)" = 0 ] || fail "only root may change a VM's settings and read the hypervisor"
    need_tool pagemeter 'install Pagemeter'
    need_tool pagemeterd 'install Pagemeter'
    need_tool xl 'install xen-utils-common'
    need_tool sqlite3 'apt-get install sqlite3; the settings that are to be put back are read with it'
    [ -n "$memwatch" ] || memwatch=$top/build/hardware/memwatch
    [ -x "$memwatch" ] || [ "$memwatch" != "$top/build/hardware/memwatch" ] || memwatch=memwatch
    need_tool "$memwatch" 'make hardware builds it; say --memwatch PATH'
    for daemon in pagemeterd pageballoond; do
        pidof $daemon >/dev/null || fail "$daemon does not run"
    done
    [ "$(host_is mode)" = on ] || fail "pageballoond is in dry-run, or does not answer: nothing follows a decision"
    [ "$(host_is stopped)$(host_is draining)" = 00 ] ||
        fail "memory on demand is stopped or draining: balloon start"
}

check_vm() {
    domid=$(vm_is domid) uuid=$(vm_is uuid)
    [ -n "$domid" ] || fail "pageballoond knows no VM $vm"
    [ "$(vm_is policy)" = demand ] || fail "$vm is under policy $(vm_is policy), not demand"
    [ "$(vm_is state)" = run ] || fail "$vm is not run: $(vm_is state), $(vm_is blocked_by)"
    store=$(pagemeterd -n -c "$conf" | sed -n 's/^db = //p')
    floor=$(setting floor) headroom=$(setting headroom)
    [ -n "$floor" ] || fail "$vm has no floor of its own: pagemeter balloon set $vm floor=... ceiling=..."
    ceiling_kib=$(vm_is ceiling_kib)
}

check_guest() {
    [ "$(in_guest 'echo yes' </dev/null)" = yes ] || fail "'$in' runs nothing in the guest"
    in_guest "command -v $hog" >/dev/null </dev/null ||
        fail "$hog is not in the guest: make hardware, and copy it there"
    surplus_kib=$(host_is surplus_kib)
    [ "$surplus_kib" -gt $((ceiling_kib - $(vm_is target_kib))) ] ||
        fail "the host has $((surplus_kib / 1024)) MiB to promise: too little for $vm to grow to its ceiling"
}

# ---- the witness

begin_watching() {
    "$memwatch" -i "$poll_ms" -c 0 "$work/log" "$domid" &
    watching=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -qs '^M ' "$work/log" && return
        sleep 1
    done
    fail "memwatch did not begin"
}

lines_so_far() { wc -l <"$work/log"; }

# What it has beyond its target, at rest: its type's pages, and video memory.
offset_kib() { echo $(($(vm_is tot_kib) - $(vm_is target_kib))); }

# arrival_after LINE: ms from the target to the last page of it; 192 KiB nearer is there
arrival_after() {
    awk -v from="$1" -v domid="$domid" -v offset="$offset" '
        NR <= from || $3 != domid { next }
        $1 == "T" && $4 > target { target = $4; written = $2 }
        $1 == "D" && target && $4 + 192 >= target + offset { print ($2 - written) / 1000; exit }' "$work/log"
}

# raise MIB FILE: the floor by so much; the time until it is there goes into the file
raise() {
    from=$(lines_so_far) tries=0
    set_vm "floor=$(($(vm_is target_kib) + $1 * 1024))K"
    until [ -n "$(arrival_after "$from")" ]; do
        sleep 0.2
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "+$1 MiB have not arrived within a minute"
    done
    arrival_after "$from" >>"$work/$2"
}

# ---- the measurements

room_mib() { echo $(((ceiling_kib - $(vm_is target_kib)) / 1024)); }

lower() {
    set_vm "floor=$floor"
    rest
}

measure_arrivals() {
    count=$(($(room_mib) < arrivals * 64 ? $(room_mib) / 64 : arrivals))
    [ "$count" -gt 0 ] || fail "$vm has no room to grow: $(room_mib) MiB up to its ceiling"
    offset=$(offset_kib)
    say "+64 MiB, $count times"
    while [ "$count" -gt 0 ]; do
        raise 64 small
        sleep 2
        count=$((count - 1))
    done
    lower
    big_mib=$(($(room_mib) < big_mib ? $(room_mib) : big_mib))
    say "+$big_mib MiB"
    raise "$big_mib" big
    lower
}

# run_hog FILE ARGUMENTS: its lines on needs, and its last one
run_hog() {
    file=$1
    shift
    is_hogging=1
    in_guest "setsid sh -c 'echo \$\$ >/tmp/rates.pid; exec $hog -i rates $*' 2>&1 |
        sed -n -e 's/^hog rates \\([ba][a-z]* [0-9]*\\).*/\\1/p' -e 's/^hog rates end/end/p'
        rm -f /tmp/rates.pid" </dev/null >>"$work/$file" &
    wait $! # a signal ends this at once, and not a program in the foreground
    is_hogging=''
}

# From "below" to "above", ms; a need that was answered before it came is none.
count_needs() {
    awk '$1 == "below" { since = $2 }
         $1 == "above" && since { print ($2 - since) / 1000; since = 0 }
         $1 == "end" { if (since) print "never"; since = 0 }' "$work/needs" >"$work/seen"
    grep -v never "$work/seen" >"$work/reactions"
    seen=$(wc -l <"$work/reactions") nevers=$(grep -c never "$work/seen")
}

# Takes memory slowly until 12 MiB more than half of the headroom are left, then 20 MiB at once; waits; and again.
# Each time it keeps 60 to 80 MiB.
measure_reactions() {
    set_vm headroom=${headroom_kib}K
    rest
    seen=0 nevers=0 rounds=0
    while [ "$seen" -lt "$needs" ] && [ $rounds -lt $((needs + 3)) ]; do
        count=$(($(room_mib) / 80))
        [ "$count" -gt 0 ] || fail "$vm has no room for a need: give it a higher ceiling"
        [ $((seen + count)) -lt "$needs" ] || count=$((needs - seen))
        [ "$count" -lt 16 ] || count=16
        say "reactions: $count of $((needs - seen))"
        run_hog needs -n "$count" -r 16 -u 12 -s 20 -p 1500 -b $((headroom_kib / 2))
        rest
        count_needs
        rounds=$((rounds + 1))
        [ "$seen" -gt 0 ] || [ $rounds -lt 3 ] || fail "no need was seen in three rounds: see what '$in $hog -s 1' says"
    done
}

# last FILE KEY: of hog's last line
last() { sed -n "s/^end .*\\<$2=\\([-0-9.]*\\).*/\\1/p" "$work/$1" | tail -n 1; }

# has_stalled: it waited for memory, by the kernel's direct reclaims, or it was swapped or killed
has_stalled() { [ "$(last steady stalls)$(last steady swap_out)$(last steady killed)" != 000 ]; }

measure_steady() {
    size_mib=$(((ceiling_kib - $(vm_is need_kib) - headroom_kib) / 1024 - 32))
    [ $size_mib -gt 0 ] || fail "$vm has no room for a program: give it a higher ceiling"
    fastest='' stopped_at=''
    for rate in $rates; do
        say "$size_mib MiB at $rate MiB/s"
        run_hog steady -s $size_mib -r "$rate"
        touched=$(last steady touched) ms=$(last steady ms)
        [ "${ms:-0}" -gt 0 ] || fail "hog said nothing: see what '$in $hog -s 1' says"
        rest
        if has_stalled; then
            stopped_at="at $rate it waited (direct reclaims: $(last steady stalls), swapped out: $(
                last steady swap_out) pages, killed: $(last steady killed))"
            return
        fi
        fastest=$((touched * 1000 / ms))
        if [ $((fastest * 10)) -lt $((rate * 9)) ]; then
            stopped_at="the program is no faster"
            return
        fi
    done
    stopped_at="more was not tried"
}

# cpu_ns PROGRAM: of all its threads
cpu_ns() {
    for pid in $(pidof "$1"); do cat "/proc/$pid/task"/*/schedstat; done |
        awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

uptime_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

measure_ticks() {
    pagemeter record --ticks 1 - 2>/dev/null >"$work/tick"
    interval_ns=$(awk '$1 == "P" { print $6 }' "$work/tick")
    domains=$(awk '$1 == "T" { print $9 }' "$work/tick")
    [ -n "$domains" ] || fail "pagemeterd publishes no ticks"
    say "what a tick costs, $seconds s"
    meter_ns=$(cpu_ns pagemeterd) balloon_ns=$(cpu_ns pageballoond) begun_ms=$(uptime_ms)
    sleep "$seconds" &
    wait $!
    meter_ns=$(($(cpu_ns pagemeterd) - meter_ns)) balloon_ns=$(($(cpu_ns pageballoond) - balloon_ns))
    span_ms=$(($(uptime_ms) - begun_ms))
}

# ---- the report

xen_says() { xl info | sed -n "s/^$1 *: *//p"; }

# figures FILE: | n | median | p99 | most |, ms
figures() {
    sort -n "$work/$1" | awk '{ v[NR] = $1 } END {
        if (NR == 0) { print "| 0 | | | |"; exit }
        p = int(NR * 0.99) + 1
        printf "| %d | %.1f | %.1f | %.1f |\n", NR, v[int(NR / 2) + 1], v[p > NR ? NR : p], v[NR] }'
}

share() { awk -v ns="$1" -v ms="$span_ms" 'BEGIN { printf "%.4f %%", ns / ms / 10000 }'; }

describe() {
    dmi=/sys/class/dmi/id
    echo "$(cat $dmi/sys_vendor $dmi/product_name 2>/dev/null | tr '\n' ' ')$(
        sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(xen_says nr_cpus) CPUs, $(
        xen_says total_memory) MiB;"
    echo "Xen $(xen_says xen_version), dom0 Linux $(uname -r), $(pagemeter --version)."
    echo "Guest: $(in_guest 'cat /sys/hypervisor/guest_type; uname -sr; nproc' </dev/null |
        tr '\n' ' ')vCPU, $((floor_was_kib / 1024)) to $((ceiling_kib / 1024)) MiB, $(
        in_guest "awk '/^SwapTotal/ { print int(\$2 / 1024) }' /proc/meminfo" </dev/null) MiB swap."
}

report() {
    describe
    echo
    echo "| ms | n | median | p99 | most |"
    echo "|---|---|---|---|---|"
    echo "| +64 MiB: from the target written to the last page $(figures small)"
    echo "| +$big_mib MiB $(figures big)"
    echo "| from need (half of a headroom of $((headroom_kib / 1024)) MiB) to memory there; never: $nevers $(
        figures reactions)"
    echo
    echo "| | |"
    echo "|---|---|"
    echo "| fastest steady growth without stall, $size_mib MiB | ${fastest:-none} MiB/s; $stopped_at |"
    echo "| pagemeterd, a tick of $domains domains each $((interval_ns / 1000000)) ms | $(
        awk -v ns=$meter_ns -v ms=$span_ms -v each="$interval_ns" 'BEGIN { printf "%.1f", ns * each / ms / 1e9 }'
        ) us, $(share $meter_ns) of a core |"
    echo "| pageballoond, at rest | $(share $balloon_ns) of a core |"
}

# ---- begin and end

clean_up() {
    # shellcheck disable=SC2016  # the guest's shell expands it
    [ -z "$is_hogging" ] ||
        in_guest 'kill -- -$(cat /tmp/rates.pid); rm -f /tmp/rates.pid' </dev/null >/dev/null 2>&1
    [ -z "$watching" ] || kill "$watching"
    [ -z "$is_set" ] || pagemeter balloon set "$vm" "floor=$floor" "headroom=${headroom:-auto}" >/dev/null ||
        say "rates.sh: floor and headroom of $vm could not be put back: floor=$floor headroom=${headroom:-auto}"
    [ -z "$work" ] || rm -rf "$work"
}

while [ $# -gt 1 ]; do
    case $1 in
        --vm) vm=$2 ;;
        --in) in=$2 ;;
        --hog) hog=$2 ;;
        --memwatch) memwatch=$2 ;;
        --conf) conf=$2 ;;
        --arrivals) arrivals=$2 ;;
        --big) big_mib=$2 ;;
        --needs) needs=$2 ;;
        --rates) rates=$2 ;;
        --seconds) seconds=$2 ;;
        --poll) poll_ms=$2 ;;
        *) usage ;;
    esac
    shift 2
done
if [ $# != 0 ] || [ -z "$vm" ] || [ -z "$in" ]; then usage; fi
for number in "$arrivals" "$big_mib" "$needs" "$seconds" "$poll_ms" $rates; do
    case $number in
        '' | *[!0-9]* | 0*) fail "'$number' is no number above 0" ;;
    esac
done

check_host
check_vm
check_guest
trap clean_up EXIT
trap 'exit 3' INT TERM HUP
work=$(mktemp -d) || exit 3
floor_was_kib=$(vm_is floor_kib)
say "waiting until $vm is at rest"
rest
measure_ticks
begin_watching
is_set=1
measure_arrivals
measure_reactions
measure_steady
report
