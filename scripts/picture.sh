#!/bin/bash
# picture.sh LAB FILE [BIN] - draw a run of `tests/lab/balloon.sh web`, which left LAB behind, as FILE; see `make picture`.
#
# pagemeter draws it, from a copy of the stores in whose books the VM has a name and a price. First the copy passes the
# audit, and what is drawn adds up to what is billed.
set -euo pipefail
lab=$1 file=$2
bin=$(cd "${3:-build/bin}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "picture.sh: $*" >&2
    exit 1
}

pm() { "$bin/pagemeter" "$@" --db "$work/db"; }

# run_value KEY: what the run says of itself
run_value() { sed -n "s/^$1 //p" "$lab/run"; }

# The sum over the billed pieces of the step function that is drawn, KiB*ns; fails without the guest's lines.
drawn_kib_ns() {
    python3 - "$1" <<'END'
import json, sys
chart = json.load(open(sys.argv[1]))
pieces = chart['pieces']
for line in ('used', 'free', 'swap'):
    if not chart['lines'].get(line):
        sys.exit('picture.sh: nothing is known of what is ' + line)
print(sum(int(p['kib']) * int(p['ns']) for p in pieces if p['kind'] == 'billed'))
END
}

# first_figure T: the second in which the guest's figures were kept for the first time from T on. They are one in ten
# seconds while nothing happens, and its lines begin with the first.
first_figure() {
    python3 - "$work/db/balloon.db" "$(date -u -d "$1" +%s)" <<'END'
import sqlite3, sys, time
store = sqlite3.connect(sys.argv[1])
(first,) = store.execute('SELECT min(utc_ns) FROM figure WHERE utc_ns >= ? * 1000000000', (int(sys.argv[2]),)).fetchone()
print(time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(first // 1000000000)))
END
}

cp -r "$lab/db" "$work/db"
vm=$(run_value vm) from=$(run_value from) to=$(run_value to)
[ -n "$to" ] || fail "$lab: the run has not come to its end"

pm audit >/dev/null || fail "the store of the run does not pass the audit"
pm chart "$vm" --from "${from%%T*}" --to "$(date -u -d "${to%%T*} + 1 day" +%F)" -o "$work/chart.json"
drawn=$(drawn_kib_ns "$work/chart.json")
billed=$(pm usage --by vm --format csv | sed -n "s/^$vm,\([0-9]*\),.*/\1/p")
[ "$drawn" = "$billed" ] || fail "drawn are $drawn KiB*ns, billed $billed"

pm account add example --name Example >/dev/null
pm tariff set default 0.42 EUR/GiBh --from "${from%%T*}" >/dev/null
pm account assign "$vm" example --from "${from%%T*}" --name "A web server under 140 simultaneous users" >/dev/null
pm chart "$vm" --from "$(first_figure "$from")" --to "$to" --size 960x480 --light -o "$file"
echo "$file: $(stat -c %s "$file") bytes; what it shows is what is billed, $billed KiB*ns"
