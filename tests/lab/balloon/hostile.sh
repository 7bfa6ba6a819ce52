# hostile.sh - a guest that writes garbage where its record belongs affects nobody else, and is served again when it
# has come to its senses.
# lab: -V -m 2048 -0 640 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest good 128 448 pv
good=$domid
guest -k lab.modd=off bad 128 448 pv
bad=$domid
witness "$good" "$bad"
start_daemons 'policy = demand'
for name in good bad; do set_vm $name floor=128M ceiling=448M; done
size=$(domain_kib "$bad")

section "garbage of every kind"
for kind in empty nuls digits signs records perms tree; do
    say "$(run_in bad "garbage $kind")"
    sleep 0.3
done
check_daemons
check "explain answers for bad" sh -c "pagemeter explain bad >$out/explain-bad.txt"

section "a flood of garbage, while a program grows in the other guest"
run_in bad 'garbage flood 6 >/dev/console 2>&1 &' >/dev/null
hog good steady -s 120 -r 20 -h 2
hog_wait good steady 60
check_lived good steady
check_unstalled good steady 50
hog_story good steady
check_equal "bad got nothing for it" "$(domain_kib "$bad")" "$size"
check_daemons
check "explain answers in time" timeout 2 pagemeter explain good >/dev/null
say "$(console bad | grep '^garbage flood')"

section "bad's agent starts at last"
run_in bad 'modd >/dev/null 2>&1 &' >/dev/null
sleep 2
hog bad steady -s 150 -r 20 -h 2
hog_wait bad steady 60
check_lived bad steady
stop_meter
check_equal "the meter missed nothing of good" "$(usage_value "$good" missing_ns)" 0
end_witness
check_within "$good" 128 448
check_within "$bad" 128 448
check_ledger
check "pageballoond is still there" is_alive "$balloon"
checks_end
