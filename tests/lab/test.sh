#!/bin/bash
# test.sh - the lab's tests: what we claim of Xen, then Pagemeter on it, then its bill computed again.
#
#   tests/lab/test.sh [BIN]         BIN: where the programs are (build/bin)
#   tests/lab/test.sh -x [BIN]      only what we claim of Xen: needs no programs
#
# What the runs leave behind is in build/lab/results. The last line is "N passed, M failed"; exit status 1
# when a check failed or a lab did.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
results=$top/build/lab/results
passed=0
failed=0
only_xen=''
if [ "${1:-}" = -x ]; then
    only_xen=1
    shift
fi
bin=${1:-$top/build/bin}

# add_up NAME STATUS: takes over the last line of a log.
add_up() {
    local log=$results/$1.log status=$2 summary
    summary=$(grep -xE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        [ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
    else
        echo "FAIL $1 ended early, with status $status"
        failed=$((failed + 1))
    fi
}

# count NAME COMMAND...: runs it, shows its output, adds it up. In the background, because a trap waits for
# what is in the foreground.
count() {
    local name=$1 job show status
    shift
    mkfifo "$results/$name.pipe"
    tee "$results/$name.log" <"$results/$name.pipe" &
    show=$!
    "$@" >"$results/$name.pipe" 2>&1 &
    job=$!
    wait $job
    status=$?
    wait $show
    add_up "$name" $status
}

# The recorded trace, replayed on this machine, gives the bill that the host had.
verify_replay() {
    local store=$results/replayed
    "$bin/pagemeter" replay "$results/whole.trace" --db "$store" >&2 &&
        "$bin/pagemeter" usage --db "$store" --by vm,life,hour --format csv >"$results/replayed.csv" &&
        "$bin/pagemeter" audit --db "$store" >&2 &&
        diff "$results/whole.csv" "$results/replayed.csv"
}

check_replay() {
    if verify_replay; then
        echo "ok   the trace replayed gives the same bill, and it passes the audit"
        echo "1 passed, 0 failed"
    else
        echo "FAIL the trace replayed gives another bill, or none"
        echo "0 passed, 1 failed"
        return 1
    fi
}

# Always in the background: its process becomes the lab, so that killing it ends the lab.
meter_lab() {
    local programs=(-p "$bin/pagemeterd" -p "$bin/pagemeter" -p "$(command -v sqlite3)")
    local contract=$top/build/test/source_contract
    [ ! -x "$contract" ] || programs+=(-p "$contract")
    exec "$here/run.sh" -0 640 -t 420 "${programs[@]}" -o "$results" -c "$here/meter.sh"
}

actuator_lab() {
    exec "$here/run.sh" -0 640 -t 420 -p "$top/build/test/actuator_contract" -o "$results/actuator" \
        -c "$here/actuator.sh"
}

modd_lab() {
    exec "$here/run.sh" -0 640 -t 560 -g "$bin/modd:/etc/rc.d/modd" -o "$results/modd" -c "$here/modd.sh"
}

"$here/build.sh" || exit 1
rm -rf "$results"
mkdir -p "$results"

# The two labs run at once: one alone keeps less than half of two CPUs busy.
"$here/run.sh" -t 420 -o "$results/selftest" -c "$here/selftest.sh" >"$results/selftest.log" 2>&1 &
selftest=$!
# shellcheck disable=SC2046  # a list of numbers
trap 'kill $(jobs -p); wait; exit 1' INT TERM HUP

if [ -z "$only_xen" ]; then
    echo "== Pagemeter in dom0"
    count meter meter_lab
    echo
    echo "== the same bill, computed twice more"
    count verify python3 "$here/verify_trace.py" "$results/whole.trace" "$results/whole.csv"
    count replay check_replay
    echo
    echo "== the agent in its guests"
    count modd modd_lab
    echo
    if [ -x "$top/build/test/actuator_contract" ]; then
        echo "== memory on demand: what it reads and writes in dom0"
        count actuator actuator_lab
        echo
    fi
fi
echo "== Xen, without Pagemeter"
wait $selftest
status=$?
cat "$results/selftest.log"
add_up selftest $status
printf '\n%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
