#!/bin/bash
# Golden traces: bills derived by hand (NAME.txt) against what the product says.
#
#   run.sh [--quick] [--first] BINDIR
#
# Of each NAME.trace, replayed into an empty store:
#   - `usage --all --by vm,host,life,hour --format csv` is NAME.csv to the byte, and
#     `usage --by vm` is NAME.vm.csv where there is one;
#   - audit finds nothing;
#   - replayed once more it is refused and changes nothing;
#   - cut in two between any two records and replayed in parts, it gives the same bill
#     (the meter restarted at each point). Not with --quick.
# Of each refused/NAME.trace, replayed into an empty store and into one made from
# refused/before: refused, naming the line in NAME.line (- when it is the store that
# objects), and nothing has changed.
#
# A line per failing case (--first stops at the first one), then "N passed, M failed".
set -u

quick='' only_first=''
while :; do
	case ${1-} in
	--quick) quick=1; shift ;;
	--first) only_first=1; shift ;;
	*) break ;;
	esac
done
if [ $# -ne 1 ]; then echo "usage: run.sh [--quick] [--first] BINDIR" >&2; exit 2; fi
pagemeter=$(cd "$1" && pwd)/pagemeter || exit 2
cd "$(dirname "$0")" || exit 2
[ -x "$pagemeter" ] || { echo "run.sh: no $pagemeter" >&2; exit 2; }

tmp=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" pagemeter-golden.XXXXXX) || exit 2
trap 'rm -rf "$tmp"' EXIT
keys=vm,host,life,hour
passed=0 failed=0

summary() {
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ]
}

ok()  { passed=$((passed + 1)); }
bad() {
	failed=$((failed + 1))
	echo "FAIL $1: $2"
	if [ -n "$only_first" ]; then summary; exit 1; fi
}

# The last words of the product, for the line about a failing case.
said() { tail -n 1 "$tmp/err" 2>/dev/null | cut -c 1-160; }

# replay TRACE DB: the exit status; stderr in $tmp/err
replay() { "$pagemeter" replay "$1" --db "$2" >"$tmp/out" 2>"$tmp/err"; }

# bill DB: the bill per life and hour on stdout
bill() { "$pagemeter" usage --db "$1" --all --by $keys --format csv 2>"$tmp/err"; }

# same_bill DB FILE
same_bill() { bill "$1" >"$tmp/bill" && cmp -s "$tmp/bill" "$2"; }

# Each place where a trace can be cut, as "LINE P-line to begin the second part with".
cuts() {
	awk '$1 != "D" && NR > 1 { print NR, p }
	     $1 == "P" { p = $0 }
	     $1 == "B" { split(p, f, " "); p = f[1] " " f[2] " " f[3] " " f[4] " " $2 " " f[6] " " f[7] }' "$1"
}

# check_parts TRACE CSV: sets why on failure
check_parts() {
	local line header db=$tmp/parts
	while read -r line header; do
		rm -rf "$db"
		head -n $((line - 1)) "$1" >"$tmp/part1"
		{ echo "$header"; tail -n "+$line" "$1"; } >"$tmp/part2"
		replay "$tmp/part1" "$db" || { why="cut before line $line, first part: $(said)"; return 1; }
		replay "$tmp/part2" "$db" || { why="cut before line $line, second part: $(said)"; return 1; }
		same_bill "$db" "$2" || { why="cut before line $line, the bill differs"; return 1; }
	done < <(cuts "$1")
}

# check_case TRACE CSV VM_CSV DB: one good trace; sets why on failure
check_case() {
	local trace=$1 csv=$2 vm_csv=$3 db=$4 status
	replay "$trace" "$db" || { why="replay exits with $?: $(said)"; return 1; }
	same_bill "$db" "$csv" || { why="the bill differs, first at: $(diff "$csv" "$tmp/bill" | sed -n 2p) $(said)"; return 1; }
	if [ -e "$vm_csv" ]; then
		if ! "$pagemeter" usage --db "$db" --by vm --format csv >"$tmp/bill" 2>"$tmp/err" || ! cmp -s "$tmp/bill" "$vm_csv"; then
			why="the bill by VM differs: $(diff "$vm_csv" "$tmp/bill" | sed -n 2p) $(said)"; return 1
		fi
	fi
	"$pagemeter" audit --db "$db" >"$tmp/out" 2>"$tmp/err" || { why="audit exits with $?: $(tail -n 1 "$tmp/out") $(said)"; return 1; }
	if grep -q '^T' "$trace"; then
		replay "$trace" "$db"; status=$?
		[ $status -eq 3 ] || { why="replayed once more it exits with $status"; return 1; }
	fi
	same_bill "$db" "$csv" || { why="replayed once more it changes the bill"; return 1; }
	"$pagemeter" audit --db "$db" >"$tmp/out" 2>"$tmp/err" || { why="replayed once more, audit exits with $?: $(said)"; return 1; }
	[ -n "$quick" ] || [ "$(wc -l <"$trace")" -gt 500 ] || check_parts "$trace" "$csv"
}

check_good() { # NAME TRACE CSV VM_CSV
	local why=
	if check_case "$2" "$3" "$4" "$tmp/db-$1"; then ok; else bad "$1" "$why"; fi
	rm -rf "$tmp/db-$1"
}

# is_refused TRACE DB LINE: sets why on failure
is_refused() {
	replay "$1" "$2"
	local status=$?
	[ $status -eq 3 ] || { why="exit status $status, not 3: $(said)"; return 1; }
	[ "$3" = - ] && { [ -s "$tmp/err" ] || why="refused without a word"; [ -s "$tmp/err" ]; return; }
	grep -Eq "(line |:)$3([^0-9]|\$)" "$tmp/err" || { why="does not name line $3: $(said)"; return 1; }
}

check_refused_case() { # TRACE LINE: sets why on failure
	local fresh=$tmp/fresh store=$tmp/store
	rm -rf "$fresh" "$store"
	if [ "$2" != - ]; then
		is_refused "$1" "$fresh" "$2" || { why="empty store: $why"; return 1; }
		if [ -e "$fresh" ] && bill "$fresh" >"$tmp/bill" && [ "$(wc -l <"$tmp/bill")" -ne 1 ]; then
			why="left something in an empty store"; return 1
		fi
	fi
	cp -a "$tmp/before" "$store"
	is_refused "$1" "$store" "$2" || return 1
	same_bill "$store" "$tmp/before.csv" || { why="the store has changed: $(said)"; return 1; }
	"$pagemeter" audit --db "$store" >"$tmp/out" 2>"$tmp/err" || { why="audit exits with $?: $(said)"; return 1; }
}

check_refused() { # NAME TRACE LINE
	local why=
	if check_refused_case "$2" "$3"; then ok; else bad "$1" "$why"; fi
}

# one_second_ticks TICKS FIRST_S KIB SEQ: one VM, a tick a second, from FIRST_S and SEQ on
one_second_ticks() {
	awk -v n="$1" -v first="$2" -v kib="$3" -v seq="$4" 'BEGIN {
		print "P 1 0a0a0a0a-0000-4000-8000-00000000000a 0b0b0b0b-0000-4000-8000-00000000000b b0070001-0000-4000-8000-0000000000b1 1000000000 5000000000"
		for (i = 0; i < n; i++) {
			printf "T %d %d000000000 %d000000000 20000 s 4194304 0 1\n", seq + i, 999 + seq + i, first + i
			printf "D 1 aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa %d %d 0 rh %d000000\n", kib, kib, i + 1
		}
	}'
}

for trace in *.trace; do
	name=${trace%.trace}
	check_good "$name" "$trace" "$name.csv" "$name.vm.csv"
done

# The first two bills again, with a tick each second as the daemon takes them. 28,802
# samples give 28,800 rectangles: 12:59:59 to 13:00:00 is excluded, then eight hours.
# 902 samples give 900. 1795352400 is 2026-11-22T13:00:00Z.
header=vm,host,life,hour,kib_ns,gib_h,measured_ns,missing_ns,excluded_ns
row=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa,0a0a0a0a-0000-4000-8000-00000000000a,b0070001/1/1,2026-11-22T
first=${row}12:00:00Z,0,0.000000000,0,0,1000000000
one_second_ticks 28802 1795352399 131072 1 >"$tmp/8h.trace"
{ echo $header; echo "$first"
  for hour in 13 14 15 16 17 18 19 20; do
	echo "$row$hour:00:00Z,471859200000000000,0.125000000,3600000000000,0,0"
  done; } >"$tmp/8h.csv"
one_second_ticks 902 1795352399 4194304 1 >"$tmp/15m.trace"
{ echo $header; echo "$first"
  echo "${row}13:00:00Z,3774873600000000000,1.000000000,900000000000,0,0"; } >"$tmp/15m.csv"
check_good 128-mib-for-8-hours-each-second "$tmp/8h.trace" "$tmp/8h.csv" -
check_good 4-gib-for-15-minutes-each-second "$tmp/15m.trace" "$tmp/15m.csv" -

if replay refused/before "$tmp/before" && bill "$tmp/before" >"$tmp/before.csv" && [ "$(wc -l <"$tmp/before.csv")" -eq 2 ]; then
	for trace in refused/*.trace; do
		name=${trace#refused/}
		check_refused "refused/${name%.trace}" "$trace" "$(cat "${trace%.trace}.line")"
	done
	# The same after hours of good ticks, all of which must be taken back: a P line and two
	# lines a tick come before the wrong one.
	{ one_second_ticks 20000 1795352404 131072 5; echo "T 20005 1"; } >"$tmp/late.trace"
	check_refused refused-after-20000-ticks "$tmp/late.trace" 40002
else
	bad refused/before "$(said)"
fi

# A made-up host without end never comes to the boot that a store of another host ends in: the
# daemon that looks for it ends when it is told to.
printf '[sim]\nseed = 7\ndomains = 1\n' >"$tmp/other.sim"
rm -f "$tmp/before/meter.lock"
"${pagemeter}d" --source "sim:$tmp/other.sim" --db "$tmp/before" --stream none 2>"$tmp/other.err" &
daemon=$!
( sleep 20; kill -KILL "$daemon" ) 2>"$tmp/watch.err" &
watch=$!
while [ ! -e "$tmp/before/meter.lock" ] && kill -0 "$daemon" 2>"$tmp/watch.err"; do sleep 0.05; done
kill -TERM "$daemon"
wait "$daemon"
status=$?
kill "$watch"
if [ "$status" -eq 3 ] && grep -q "told to end before sim:" "$tmp/other.err"; then ok; else bad daemon-looks-for-its-boot "status $status: $(cat "$tmp/other.err")"; fi

summary
