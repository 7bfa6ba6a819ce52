# greedy.sh - a program that takes a share of whatever memory it sees is held, when its guest has swap; and so it is
# under policy swap.
# lab: -V -m 3584 -0 832 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 256 server 128 768 pv
server=$domid
guest -s 256 quiet 128 768 pv
quiet=$domid
witness "$server" "$quiet"
start_daemons 'policy = demand'
set_vm server floor=128M ceiling=768M
set_vm quiet floor=128M ceiling=768M policy=swap

section "a program wants 90 % of the memory it sees, for 40 s"
hog server greedy -s 700 -g 90 -r 50 -h 40
hog quiet greedy -s 700 -g 90 -r 50 -h 40
hog_wait server greedy 90
hog_wait quiet greedy 90
for name in server quiet; do
    check_lived $name greedy
    hog_story $name greedy
done
say "policy demand: up to $(($(most_kib "$server") / 1024)) MiB; policy swap: up to $(($(most_kib "$quiet") / 1024))"
# With 395 MiB such a program leaves half of the headroom, and asks no more; fed ahead of its growth it has 650.
check "policy demand holds it below 60 % of its ceiling" [ "$(most_kib "$server")" -lt $((460 * 1024)) ]
check "policy swap below half" [ "$(most_kib "$quiet")" -lt $((384 * 1024)) ]
end_witness
check_ledger
check_daemons
checks_end
