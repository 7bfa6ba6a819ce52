#!/bin/bash
# demo.sh [BIN] - show what Pagemeter does; called by `make demo`.
#
# On a Xen dom0 it meters that host for a minute and prints the bill. Anywhere else it boots a real Xen host
# under QEMU (tests/lab) and meters that one, while demo-lab.sh moves its guests about.
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${1:-$top/build/bin}" && pwd) || exit 3
started=$(date +%s)

fail() {
    echo "demo: $*" >&2
    exit 3
}

is_dom0() { grep -q control_d /proc/xen/capabilities 2>/dev/null; }

meter_this_host() {
    local scratch meter
    scratch=$(mktemp -d) || exit 3
    cat <<EOF

  This is a Xen dom0: pagemeterd meters it for a minute, into a store of its own that is thrown
  away afterwards. Nothing on the host is touched: it only reads.

EOF
    "$bin/pagemeterd" --source xen --db "$scratch/db" --stream "$scratch/stream.sock" --interval 1s \
        2>"$scratch/log" &
    meter=$!
    # shellcheck disable=SC2064  # these values
    trap "kill $meter 2>/dev/null; rm -rf '$scratch'" EXIT
    for _ in {1..50}; do
        [ -S "$scratch/stream.sock" ] && break
        kill -0 $meter 2>/dev/null || break
        sleep 0.1
    done
    "$bin/pagemeter" top --stream "$scratch/stream.sock" --all --ticks "${DEMO_TICKS:-60}" || {
        cat "$scratch/log" >&2
        fail "the meter could not do its work; its own words are above"
    }
    kill $meter
    wait $meter
    printf '\n  The bill of this minute, dom0 shown too (it is never billed):\n\n'
    "$bin/pagemeter" usage --db "$scratch/db" --all
    printf '\n  And the audit: everything in the store recomputed from what is raw in it.\n\n'
    "$bin/pagemeter" audit --db "$scratch/db"
}

meter_a_lab() {
    cat <<'EOF'

  Pagemeter, on a real Xen host
  =============================

  This machine is not one, so here comes one of its own: the Xen hypervisor of Debian, a Linux dom0
  and three Linux guests, under QEMU in software emulation. pagemeterd runs in that dom0 and meters
  every guest four times a second while they are moved about. Takes about two minutes.

EOF
    "$top/tests/lab/build.sh" 2>&1 | sed -u 's/^lab: /  /'
    [ "${PIPESTATUS[0]}" = 0 ] || fail "the lab could not be built; the lines above say why"
    echo "  booting Xen and its dom0 ..."
    echo
    "$top/tests/lab/run.sh" -t 400 -p "$bin/pagemeterd" -p "$bin/pagemeter" -f "$top/scripts/demo-lab.sh" -- \
        sh demo-lab.sh "$started" || fail "the run in the lab failed"
    cat <<'EOF'

  Next: README.md says what is guaranteed, docs/billing.md why those figures and not others,
  `tests/lab/run.sh -I` opens a shell in such a dom0.

EOF
}

if is_dom0; then
    meter_this_host
else
    meter_a_lab
fi
