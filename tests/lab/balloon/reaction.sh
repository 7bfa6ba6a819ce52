# reaction.sh - how long it takes from need to memory arrived, over 50 times and more. A program takes memory at
# 16 MiB/s until little more than half of the headroom is left; then 14 MiB at once, which takes it below; waits 2 s;
# and again. The rate is too low to be answered ahead of the need. reaction.py computes.
# lab: -V -m 5504 -0 640 -t 1200
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh
events=7 headroom_mib=32 ceiling_mib=1152 names='pv1 pv2 pv3 pv4 pv5 pv6 pvh1 pvh2 pvh3'

domids=''
for name in $names; do
    guest "$name" 128 $ceiling_mib "${name%[0-9]}"
    domids="$domids $domid"
done
# shellcheck disable=SC2086  # a list of numbers
witness -i 5 -c 40 $domids
for name in $names; do echo "$name $(xl domid "$name") $((ceiling_mib * 1024))"; done >"$out/guests"
start_daemons 'policy = demand'
for name in $names; do set_vm "$name" floor=128M ceiling=${ceiling_mib}M headroom=${headroom_mib}M; done
sleep 2

section "$events needs in each guest, three guests at a time"
for group in 'pv1 pv2 pvh1' 'pv3 pv4 pvh2' 'pv5 pv6 pvh3'; do
    for name in $group; do
        hog "$name" need -n $events -r 16 -u 12 -s 14 -p 1500 -b $((headroom_mib * 512))
    done
    for name in $group; do
        hog_wait "$name" need 200
        check_lived "$name" need
        hog_story "$name" need
        say "$name had up to $(($(most_kib "$(xl domid "$name")") / 1024)) MiB"
        xl destroy "$name"
    done
done
end_witness
check_ledger
check_daemons
checks_end
