# nopsi.sh - a guest whose kernel has no pressure accounting is served like any other.
# lab: -V -m 2048 -0 640 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -k psi=0 pv 128 448 pv
pv=$domid
guest -k psi=0 pvh 128 448 pvh
pvh=$domid
witness "$pv" "$pvh"
start_daemons 'policy = demand'
for name in pv pvh; do set_vm $name floor=128M ceiling=448M; done
for name in pv pvh; do
    section "$name"
    check "$name: its kernel has no pressure accounting" run_in $name '! cat /proc/pressure/memory >/dev/null 2>&1'
    hog $name steady -s 200 -r 20 -h 2
    hog_wait $name steady 60
    check_lived $name steady
    hog_story $name steady
done
end_witness
check_within "$pv" 128 448
check_within "$pvh" 128 448
check_ledger
check_daemons
checks_end
