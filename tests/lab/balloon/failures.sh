# failures.sh - failures leave sizes as they are or make them larger: pageballoond is killed, xenstored stops for a
# while, and a guest whose agent was killed is given what it started with.
# lab: -V -m 2560 -0 640 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest pv 128 448 pv
pv=$domid
guest other 128 448 pv
other=$domid
witness "$pv" "$other"
start_daemons 'policy = demand'
set_vm pv floor=128M ceiling=448M
set_vm other floor=128M ceiling=440M start=256M
hog pv hold -s 120 -r 20 -h 500
sleep 10

section "the agent of other is killed"
run_in other 'killall -KILL modd' >/dev/null
killed_at=$(now_us)

section "pageballoond is killed"
size=$(domain_kib "$pv") target=$(target_kib "$pv")
kill -KILL "$balloon"
wait "$balloon" 2>/dev/null
sleep 5
check_equal "the size stays" "$(domain_kib "$pv")" "$size"
check_equal "the target stays" "$(target_kib "$pv")" "$target"
check "the meter goes on" is_alive "$meter"
start_balloon
check "settings were kept" sh -c "pagemeter explain other | grep -q 'ceiling 440'"
hog pv again -s 60 -r 20 -h 2
hog_wait pv again 40
check_lived pv again

section "xenstored stops for 8 s while a program grows"
hog pv hung -s 60 -r 5 -h 2
kill -STOP "$(cat /run/xenstored.pid)"
sleep 8
check_daemons
kill -CONT "$(cat /run/xenstored.pid)"
hog_wait pv hung 40
hog_story pv hung
check "pv: is well" is_answering pv
hog pv after -s 60 -r 20 -h 2
hog_wait pv after 40
check_lived pv after
check_daemons

section "fail-open"
check "other is raised to its start size" until_true 90 has_at_least "$other" $((256 * 1024))
say "$(awk -v d="$other" -v from="$killed_at" '$1 == "D" && $3 == d && $4 >= 262144 && !done++ { printf "%.1f s after its agent was killed", ($2 - from) / 1e6 }' "$log")"
run_in other 'modd >/dev/null 2>&1 &' >/dev/null
hog other back -s 200 -r 20 -h 2
hog_wait other back 60
check_lived other back
end_witness
check_within "$pv" 128 448
check_ledger
check_daemons
checks_end
