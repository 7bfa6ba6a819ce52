# crowd.sh - eight guests burst together: nobody is killed, everybody gets what it needs, and the host never
# promises more than it has.
# lab: -V -m 4096 -0 640 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh
names='g1 g2 g3 g4 g5 g6 g7 g8'

for name in $names; do lab-guest "$name" 112 384 pv; done
domids=''
for name in $names; do domids="$domids $(lab-wait "$name" 60)"; done
# shellcheck disable=SC2086  # a list of numbers
witness $domids
start_daemons 'policy = demand'
for name in $names; do set_vm "$name" floor=112M ceiling=384M headroom=32M; done
sleep 3

section "120 MiB at 20 MiB/s, in all of them at once"
for name in $names; do hog "$name" crowd -s 120 -r 20 -h 2; done
for name in $names; do
    hog_wait "$name" crowd 90
    check_lived "$name" crowd
    hog_story "$name" crowd
done
end_witness
for id in $domids; do check_within "$id" 112 384; done
check_ledger
check_daemons
checks_end
