# rates.sh - tests/hardware/rates.sh on an emulated host: that it refuses what it must, measures all that it says, and
# leaves the VM's settings as they were. Its figures say nothing here. Runs in dom0:
# `make lab-rates`.
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

# rates ARGUMENT...: the script; its report in $out/report, what it says beside in "$out/said"
rates() {
    sh ./rates.sh --conf "$conf" --in 'env LAB_GEXEC_TIMEOUT=200 lab-gexec web' --poll 5 "$@" \
        >"$out/report" 2>"$out/said" &
    echo $! >/tmp/rates.pid
    wait $!
}

# check_refused WHAT SENTENCE ARGUMENT...
check_refused() {
    refused=$1 sentence=$2
    shift 2
    rates "$@"
    check_equal "$refused: refused" $? 3
    check "$refused: it says why" grep -q "$sentence" "$out/said"
}

settings() {
    sqlite3 -readonly "$db/balloon.db" "SELECT key, value FROM setting WHERE scope <> 'host' ORDER BY key" | tr '\n' ' '
}

floor_kib() { pagemeter balloon list --format csv | awk -F, '$2 == "web" { print $10 }'; }
is_raised() { [ "$(floor_kib)" -gt 131072 ]; }
is_lowered() { [ "$(floor_kib)" = 131072 ]; }

guest web 128 448 pv
start_daemons 'policy = demand'
sleep 3

section "what it refuses"
check_refused "another VM" "knows no VM db" --vm db
check_refused "a VM without a floor" "has no floor of its own" --vm web
set_vm web floor=128M ceiling=448M headroom=20M
check_refused "a guest without hog" "nohog is not in the guest" --vm web --hog nohog
check_refused "a dom0 without memwatch" "nowatch is not here" --vm web --memwatch nowatch
check_refused "no number" "'x' is no number" --vm web --needs x
set_vm web policy=fixed
check_refused "a VM that is not under demand" "under policy fixed, not demand" --vm web
set_vm web policy=demand
pagemeter balloon stop
check_refused "a host that is stopped" "stopped or draining" --vm web
pagemeter balloon start
sleep 2
rates --vm
check_equal "wrong usage" $? 2
before=$(settings)

section "a report"
check "it measures" rates --vm web --memwatch memwatch --arrivals 2 --needs 3 --rates '40 1000' --seconds 5
cat "$out/said" "$out/report"
for row in '+64 MiB: .* | 2 |' '+[23][0-9]* MiB | 1 |' 'from need .* | 3 |' 'fastest .* | [0-9]* MiB/s; [a-z]' \
    'pagemeterd, a tick of 2 domains each 250 ms | [0-9]' 'pageballoond, at rest | [0-9]'; do
    check "the report has: $row" grep -q "^| $row" "$out/report"
done
check_equal "floor and headroom are as they were" "$(settings)" "$before"

section "stopped while it measures"
rates --vm web --memwatch memwatch --arrivals 1 --seconds 1 &
until_true 120 is_raised
check "the floor is up" is_raised
kill -TERM "$(cat /tmp/rates.pid)"
wait $!
until_true 20 is_lowered
check_equal "floor and headroom are as they were" "$(settings)" "$before"
check_daemons
checks_end
