# modd.sh - the guests' agent on real Xen: that its records arrive, when, and through what. Runs in dom0; `make
# lab-modd` starts it alone, test.sh with the others.
# shellcheck shell=sh disable=SC1091,SC2154,SC2086,SC2016,SC2034
. lab-checks.sh
locked_most_kib=192
all='eater hvm nopsi'
export LAB_GEXEC_TIMEOUT=60      # a busy machine emulates slowly

# ---- what a guest says ----

node() { echo "/local/domain/$(xl domid "$1")/data/pagemeter/mem"; }
record() { xenstore-read "$(node "$1")" 2>/dev/null; }
# value NAME KEY: of its record
value() { record "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# 1: the flags, as a pattern
proper="^v=1 seq=[0-9]+ up=[0-9]+ cur=[0-9]+ tot=[0-9]+ free=[0-9]+ avail=[0-9]+ cached=[0-9]+ swtot=[0-9]+"
proper="$proper swfree=[0-9]+ commit=[0-9]+ swin=[0-9]+ swout=[0-9]+ refault=[0-9]+ majfault=[0-9]+ oom=[0-9]+"
proper="$proper psome=[0-9]+ pfull=[0-9]+ flags="
is_proper() { record "$1" | grep -qE "$proper$2\$"; }

is_beyond() { now_at=$(value "$1" seq) && [ "${now_at:-0}" -gt "$2" ]; }
# goes_on NAME SECONDS: another record comes
goes_on() {
    from=$(value "$1" seq)
    until_true "$2" is_beyond "$1" "${from:-0}"
}

is_available_from() { at=$(value "$1" avail) && [ "${at:-0}" -ge "$2" ]; }
is_available_below() { at=$(value "$1" avail) && [ -n "$at" ] && [ "$at" -lt "$2" ]; }

# modd_proc NAME FILE: of its process in the guest
modd_pid() { lab-gexec "$1" pidof modd; }
modd_proc() { lab-gexec "$1" "cat /proc/\$(pidof modd)/$2"; }

# check_small NAME: what the page tables have, and what of it is locked
check_small() {
    modd_proc "$1" smaps_rollup >/tmp/rollup
    rss=$(awk '$1 == "Rss:" { print $2 }' /tmp/rollup)
    locked=$(awk '$1 == "Locked:" { print $2 }' /tmp/rollup)
    check "$1: modd holds $rss KiB, $locked of them locked (at most $locked_most_kib)" \
        [ "${rss:-999}" -le $locked_most_kib -a "${locked:-0}" -gt 0 ]
}

# records_in NAME SECONDS: how many it makes in that time
records_in() {
    before=$(value "$1" seq)
    sleep "$2"
    after=$(value "$1" seq)
    echo $((after - before))
}

section "three guests"
lab-guest eater 96 160
lab-guest -k psi=0 nopsi 96 96
lab-guest hvm 96 160 pvh
for guest in $all; do lab-wait $guest >/dev/null; done

section "records"
for guest in eater hvm; do
    check "$guest: a record, with balloon and pressure" until_true 10 is_proper $guest bp
done
check "nopsi: a record without pressure" until_true 10 is_proper nopsi b
check_equal "nopsi: no stalls are claimed" "$(value nopsi psome) $(value nopsi pfull)" "0 0"
for guest in $all; do
    check "$guest: it goes on" goes_on $guest 6
    current=$(value $guest cur)
    # A PVH guest does not count the pages of its firmware tables.
    check "$guest: current is what the hypervisor gave ($current KiB)" [ "$current" -le 98304 -a "$current" -ge 97792 ]
    check "$guest: less is available than there is" [ "$(value $guest avail)" -lt "$(value $guest tot)" ]
    alarms=1
    [ $guest != nopsi ] || alarms=-1
    # the figures, and the alarm
    check_equal "$guest: pressure is open so often" \
        "$(lab-gexec $guest "ls -l /proc/\$(pidof modd)/fd | grep -c pressure")" $((alarms + 1))
    check_equal "$guest: the kernel never picks it" "$(modd_proc $guest oom_score_adj)" -1000
done
echo "       $(record eater)"
check "the same by hand: modd -n" sh -c "lab-gexec eater '/etc/rc.d/modd -n' | grep -qE '${proper}bp\$'"

section "quiet: one record in 5 s"
count=$(records_in nopsi 20)
check "nopsi: $count records in 20 s" [ "$count" -ge 3 -a "$count" -le 8 ]

section "memory is eaten"
for guest in eater hvm; do
    domid=$(xl domid $guest)
    memwatch -i 1000 /tmp/watch.$guest "$domid" &
    watch=$!
    until_true 20 grep -qs '^M ' /tmp/watch.$guest
    before=$(value $guest avail) before_seq=$(value $guest seq)
    # A tmpfs takes what is written to it from what is available.
    ate_ms=$(lab-gexec $guest "head -c 24m /dev/zero >/tmp/eaten; cut -d' ' -f1 /proc/uptime" |
        awk '{ printf "%d\n", $1 * 1000 }')
    check "$guest: a record says so" until_true 5 is_available_below $guest $((before - 20480))
    sleep 0.5 # the witness hears of it too
    kill $watch
    wait $watch
    first_ms=$(awk -v domid="$domid" -v below=$((before - 20480)) '
        $1 == "R" && $3 == domid {
            for (i = 4; i <= NF; i++) { split($i, pair, "="); said[pair[1]] = pair[2] }
            if (said["avail"] + 0 < below) { print said["up"]; exit }
        }' /tmp/watch.$guest)
    check "$guest: the first is of $((first_ms - ate_ms)) ms after the last bite" [ $((first_ms - ate_ms)) -le 400 ]
    count=$(grep -c '^R' /tmp/watch.$guest)
    check "$guest: $count records meanwhile, not one for every page" [ "$count" -ge 1 -a "$count" -le 40 ]
    check "$guest: seq went from $before_seq" is_beyond $guest "$before_seq"
    lab-gexec $guest rm /tmp/eaten
    check "$guest: and another when it is back" until_true 7 is_available_from $guest $((before - 8192))
done

section "programs wait for memory while there is plenty"
# A group over its memory.high is held up, which is a stall like any other.
lab-guest calm 192 192
lab-wait calm >/dev/null
until_true 10 is_proper calm bp
check "calm: four headrooms are available ($(value calm avail) KiB)" is_available_from calm 66000
lab-gexec calm 'mkdir /tmp/cg && mount -t cgroup2 cg /tmp/cg && echo +memory >/tmp/cg/cgroup.subtree_control &&
    mkdir /tmp/cg/slow && echo 2M >/tmp/cg/slow/memory.high'
switches='sed -n "s/^voluntary_ctxt_switches:[^0-9]*//p" /proc/$(pidof modd)/status'
quiet=$(lab-gexec calm "$switches; sleep 5; $switches" | awk '{ n = $1 - before; before = $1 } END { print n }')
held_up=$(lab-gexec calm "$switches
    (read -r me rest </proc/self/stat; echo \$me >/tmp/cg/slow/cgroup.procs; exec timeout 5 head -c 8m /dev/zero >/tmp/held) &
    sleep 5; $switches" | awk '{ n = $1 - before; before = $1 } END { print n }')
check "calm: the alarm wakes modd ($held_up times in 5 s, $quiet without)" [ "$held_up" -ge $((quiet + 3)) ]
echo "       $(record calm)"
xl destroy calm

section "the host sets the headroom"
domid=$(xl domid eater)
sleep 6
xenstore-write "/local/domain/$domid/pagemeter/headroom" 32768
xenstore-chmod "/local/domain/$domid/pagemeter/headroom" n0 "r$domid"
sleep 6
before=$(value eater seq) before_ms=$(value eater up)
for try in 1 2 3; do
    lab-gexec eater "head -c 6m /dev/zero >/tmp/eaten; sleep 0.3; rm /tmp/eaten; sleep 0.3"
done
count=$(($(value eater seq) - before))
keep_alives=$((($(value eater up) - before_ms) / 5000 + 1))
check "with 32 MiB of headroom, moves of 6 MiB are no news ($count records, $keep_alives keep-alives)" \
    [ "$count" -le $keep_alives ]
xenstore-rm "/local/domain/$domid/pagemeter"
sleep 6
before=$(value eater seq)
for try in 1 2 3; do
    lab-gexec eater "head -c 6m /dev/zero >/tmp/eaten; sleep 0.3; rm /tmp/eaten; sleep 0.3"
done
count=$(($(value eater seq) - before))
check "with its own of 16, they are again ($count records)" [ "$count" -ge 5 ]

section "xenstored hangs for 5 s"
# Its context switches each half second: they go on when it goes on.
lab-gexec eater "(while :; do grep ^voluntary /proc/\$(pidof modd)/status; sleep 0.5; done >/tmp/switches) & echo \$! >/tmp/counter"
sleep 1
before=$(value eater seq)
kill -STOP "$(cat /run/xenstored.pid)"
sleep 5
kill -CONT "$(cat /run/xenstored.pid)"
check "eater: records go on afterwards" until_true 3 is_beyond eater "$before"
check "hvm: records go on afterwards" goes_on hvm 7
lab-gexec eater 'kill $(cat /tmp/counter); wc -l </tmp/switches'
longest=$(lab-gexec eater cat /tmp/switches | awk '
    NR > 1 { same = $2 == last ? same + 1 : 0; if (same > longest) longest = same }
    { last = $2 }
    END { print longest + 0 }')
check "it never stood still for more than a second ($longest half seconds)" [ "$longest" -le 2 ]

if command -v xenstore-control >/dev/null; then
    section "xenstored is replaced while it runs"
    xenstored=$(cat /run/xenstored.pid)
    check "a live update" xenstore-control live-update "$(readlink "/proc/$xenstored/exe")"
    check_equal "it was one" "$(tr '\0' '\n' <"/proc/$xenstored/cmdline" | grep -c -e live-update -e ^-U)" 1
    for guest in $all; do check "$guest: records go on" goes_on $guest 12; done
fi

section "save, restore"
before=$(value eater seq)
xl save eater /tmp/image >/dev/null 2>&1
xl restore /tmp/image >/dev/null 2>&1
rm /tmp/image
check "a record again, from the same modd" until_true 30 is_beyond eater "$before"
check "and more" goes_on eater 7

section "live migration to the same host"
before=$(value hvm seq)
xl migrate -s '' hvm 'sh -c "xl migrate-receive"' >/tmp/migration 2>&1
check "a record again, from the same modd" until_true 30 is_beyond hvm "$before"
check "and more" goes_on hvm 7

section "out of memory"
pid=$(modd_pid nopsi)
# tail keeps the last line, and this one has no end
lab-gexec nopsi 'tail -n 1 /dev/zero >/dev/null' >/dev/null
killed() { is_proper nopsi b && [ "$(value nopsi oom)" -ge 1 ]; }
check "nopsi: the record counts the kill" until_true 10 killed
check_equal "nopsi: and it was not modd" "$(modd_pid nopsi)" "$pid"

section "what it costs"
for guest in $all; do check_small $guest; done
checks_end
