# reclaim.sh - memory in use is not taken from a guest, but from one with reclaim=swap: down to its fair share, and
# only onto free swap.
# lab: -V -m 2280 -0 1600 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 384 rich 400 448 pv
rich=$domid
guest -s 384 poor 128 448 pv
poor=$domid
witness "$rich" "$poor"
start_daemons 'policy = demand'
set_vm rich floor=128M ceiling=448M
set_vm poor floor=128M ceiling=448M

section "rich uses what it has, and leaves most of it alone"
hog rich hold -s 300 -r 100 -w 16 -h 150
sleep 65
held=$(domain_kib "$rich")
say "rich has $((held / 1024)) MiB"

section "poor is short: reclaim=none"
hog poor want -s 250 -r 50 -w 150 -h 40
sleep 15
check "what rich uses is not taken ($(($(domain_kib "$rich") / 1024)) MiB)" has_at_least "$rich" $((held - 32 * 1024))
before=$(domain_kib "$poor")

section "reclaim=swap"
set_vm rich reclaim=swap
check "rich gives up memory in use" until_true 20 has_at_most "$rich" $((held - 48 * 1024))
hog_wait poor want 90
say "rich has $(($(domain_kib "$rich") / 1024)) MiB, poor had $((before / 1024)) and then $(($(most_kib "$poor") / 1024))"
check "poor gets it" [ "$(most_kib "$poor")" -gt $((before + 32 * 1024)) ]
check_lived poor want
hog_story poor want
check "rich: is well" is_answering rich
check_equal "rich: nobody was killed" "$(run_in rich "awk '/^oom_kill/ { print \$2 }' /proc/vmstat")" 0
end_witness
check_within "$rich" 128 448
check_within "$poor" 128 448
check_ledger
check_daemons
checks_end
