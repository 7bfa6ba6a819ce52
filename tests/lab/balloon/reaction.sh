# reaction.sh - how long it takes from need to memory arrived. Each guest is filled until little more than its headroom
# is available; then requests follow, each of which takes it below half of that. reaction.py computes.
# lab: -m 4096 -0 640 -t 400
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh
events=14 request_mib=12 headroom_mib=16

domids=''
for name in pv1 pv2 pvh1 pvh2; do
    guest $name 128 512 "${name%[0-9]}"
    domids="$domids $domid"
done
# shellcheck disable=SC2086  # a list of numbers
witness $domids
for name in pv1 pv2 pvh1 pvh2; do echo "$name $(xl domid $name) $((headroom_mib * 512))"; done >$out/guests
start_daemons 'policy = demand'
for name in pv1 pv2 pvh1 pvh2; do set_vm $name floor=128M ceiling=512M headroom=${headroom_mib}M; done

section "$events requests of $request_mib MiB in each guest, two guests at a time"
for pair in 'pv1 pvh1' 'pv2 pvh2'; do
    for name in $pair; do fill $name $((headroom_mib + 4)); done
    for name in $pair; do hog $name need -n $events -s $request_mib -r 100 -p 1000 -b $((headroom_mib * 512)); done
    for name in $pair; do
        hog_wait $name need 90
        check_lived $name need
        hog_story $name need
    done
done
end_witness
check_ledger
check_daemons
checks_end
