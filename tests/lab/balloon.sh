#!/bin/bash
# balloon.sh - memory on demand on a real Xen host: what pageballoond and modd promise, one scenario each.
#
#   tests/lab/balloon.sh [-b BIN] [SCENARIO...]     `all` for all of them; without: the short set of a build
#   tests/lab/balloon.sh -l                         what there is
#
# BIN: where the programs are (build/bin). A scenario is a script of balloon/, and runs in the dom0 of a lab of its
# own. What the runs leave behind is in build/lab/balloon. The last line is "N passed, M failed"; exit status
# 1 when a check failed or a lab did.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
scenarios=$here/balloon
lab=${LAB_DIR:-$top/build/lab}
results=$lab/balloon
bin=$top/build/bin
short='baseline steady'
passed=0
failed=0

fail() {
    echo "balloon.sh: $*" >&2
    exit 1
}

all() { for file in "$scenarios"/*.sh; do basename "$file" .sh; done | grep -vx lib; }

# What its script says of itself: its first words, and the lab that it wants.
about() { sed -n '1s/^# [a-z]*\.sh - \([^.:,]*\).*/\1/p' "$scenarios/$1.sh"; }
lab_options() { sed -n 's/^# lab: //p' "$scenarios/$1.sh"; }

# Programs that are not built yet are missing in the lab, and the scenarios that need them fail.
program_options() {
    local name
    for name in pagemeterd pagemeter pageballoond; do
        [ ! -x "$bin/$name" ] || printf '%s\n' -p "$bin/$name"
    done
    [ ! -x "$bin/modd" ] || printf '%s\n' -g "$bin/modd:/bin/modd"
}

# Sums up the last line of the scenario's log; a lab that ended without one is a failure.
add_up() {
    local summary
    summary=$(grep -xE '[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1)
    if [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        echo "FAIL $(basename "$1" .log) ended early"
        failed=$((failed + 1))
    fi
}

# How long programs of this machine have waited for a CPU, us. Figures taken while others wanted the CPUs say little.
waited_us() { sed -n 's/^some .*total=//p' /proc/pressure/cpu 2>/dev/null || echo 0; }

# Under load QEMU sometimes loses a PVH guest: it mixes up the guest's registers with the hypervisor's, and Xen says
# so. That is nobody's fault here.
has_emulator_failed() { grep -q 'Triple fault' "$results/$1/serial.log" 2>/dev/null; }

# boot_scenario NAME. In the background, because a trap waits for what is in the foreground.
boot_scenario() {
    local name=$1 options programs more=()
    read -ra options <<<"$(lab_options "$name")"
    mapfile -t programs < <(program_options)
    [ ! -d "$lab/guest-$name" ] || more=(-G "$lab/guest-$name")
    rm -rf "${results:?}/$name"
    mkdir -p "$results/$name"
    "$here/run.sh" "${options[@]}" "${programs[@]}" -f "$scenarios/lib.sh" \
        -g "$scenarios/guest-start:/etc/rc.d/guest-start" "${more[@]}" -o "$results/$name" -L "$results/$name/serial.log" \
        -c "$scenarios/$name.sh" >"$results/$name.log" 2>&1 &
    wait $!
}

run_scenario() {
    local name=$1 started=$SECONDS waited
    waited=$(waited_us)
    echo "== $name: $(about "$name")"
    boot_scenario "$name"
    if has_emulator_failed "$name"; then
        echo "   QEMU has lost a PVH guest: once more"
        boot_scenario "$name"
    fi
    cat "$results/$name.log"
    add_up "$results/$name.log"
    if [ -f "$scenarios/$name.py" ]; then
        python3 "$scenarios/$name.py" "$results/$name" >"$results/$name.figures.log" 2>&1
        cat "$results/$name.figures.log"
        add_up "$results/$name.figures.log"
    fi
    waited=$((($(waited_us) - waited) / 10000 / (SECONDS - started + 1)))
    printf '== %s: %d s; some program of this machine waited for a CPU %d %% of the time\n\n' \
        "$name" $((SECONDS - started)) $waited
}

while getopts b:l option; do
    case $option in
        b) bin=$OPTARG ;;
        l) for name in $(all); do printf '%-12s %s\n' "$name" "$(about "$name")"; done; exit ;;
        *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
# shellcheck disable=SC2086  # a list of names
[ $# -gt 0 ] || set -- $short
# shellcheck disable=SC2046
[ "$*" != all ] || set -- $(all)
for name; do
    [ -f "$scenarios/$name.sh" ] || fail "there is no scenario $name; -l lists them"
done

"$here/build.sh" || exit 1
mkdir -p "$results"
# shellcheck disable=SC2046  # a list of numbers
trap 'kill $(jobs -p); wait; exit 1' INT TERM HUP
for name; do
    run_scenario "$name"
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
