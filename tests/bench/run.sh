#!/bin/bash
# run.sh BIN BENCH - what the meter costs: prints figures, judges nothing (docs/performance.md does).
#
# Works in memory (/dev/shm) where it can, so that the disk of this machine plays no part; bytes on
# disk are bytes of the file.
set -eu
bin=$1 bench=$2

base=/dev/shm
[ -w "$base" ] || base=${TMPDIR:-/tmp}
dir=$(mktemp -d "$base/pagemeter-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo
"$bench" tick "$dir"
echo
"$bench" disk "$dir"
echo

replay_rate() { # replay_rate DOMAINS TICKS
    "$bench" trace "$dir/trace" "$1" "$2"
    local samples=$((($1 + 1) * $2)) begin end
    begin=$(date +%s%N)
    "$bin/pagemeter" replay "$dir/trace" --db "$dir/replay-$1" >/dev/null
    end=$(date +%s%N)
    printf '%8d domains %10d samples %6d ms  %10d samples/s\n' "$1" "$samples" \
        $(((end - begin) / 1000000)) $((samples * 1000000000 / (end - begin)))
    rm -f "$dir/trace"
}
echo "Replay of a trace into an empty store, a change per VM every 300 s"
replay_rate 100 20000
replay_rate 1000 2000
replay_rate 10000 200
echo
"$bench" month "$dir"
