# fair.sh - two guests that grow at once share what there is by weight, the slack of a third included, and nobody
# goes below its floor. All have swap: when the host is full, it is theirs to bear.
# lab: -V -m 1600 -0 832 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 512 light 128 512 pv
light=$domid
guest -s 512 heavy 128 512 pv
heavy=$domid
guest idle 256 256 pv
idle=$domid
witness "$light" "$heavy" "$idle"
start_daemons 'policy = demand'
set_vm light floor=128M ceiling=512M weight=100
set_vm heavy floor=128M ceiling=512M weight=300
set_vm idle floor=128M ceiling=256M
say "free: $(awk '$1 == "H" { free = $3; surplus = $4 } END { printf "%d MiB, promised to nobody %d", free / 1024, surplus / 1024 }' "$log")"

# A domain's memory is left alone while it is young: 60 s.
sleep 60
section "both take 400 MiB as fast as they can"
hog light grow -s 400 -w 400 -h 25
hog heavy grow -s 400 -w 400 -h 25
hog_wait light grow 120
hog_wait heavy grow 120
for name in light heavy; do
    check_lived $name grow
    hog_story $name grow
done
end_witness
light_mib=$(($(most_kib "$light") / 1024 - 128)) heavy_mib=$(($(most_kib "$heavy") / 1024 - 128))
say "light got $light_mib MiB above its floor, heavy $heavy_mib"
check "both got some" [ "$light_mib" -gt 8 ]
check "the heavier got more" [ "$heavy_mib" -gt "$light_mib" ]
check "the idle one gave its slack" [ "$(least_kib "$idle")" -lt $((240 * 1024)) ]
check "idle: is well" is_answering idle
check_within "$light" 128 512
check_within "$heavy" 128 512
check_within "$idle" 128 256
check_ledger
check_daemons
checks_end
