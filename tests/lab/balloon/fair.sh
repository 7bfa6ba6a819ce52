# fair.sh - guests that grow at once share what there is, the slack of an idle one included, and nobody goes below its
# floor; what becomes free while two are short is divided by weight. They have swap: a full host is theirs to bear.
# lab: -V -m 2560 -0 1536 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 512 light 128 512 pv
light=$domid
guest -s 512 heavy 128 512 pv
heavy=$domid
guest idle 256 256 pv
idle=$domid
guest -k lab.modd=off giver 240 240 pv
witness "$light" "$heavy" "$idle"
start_daemons 'policy = demand'
set_vm light floor=128M ceiling=512M weight=100
set_vm heavy floor=128M ceiling=512M weight=300
set_vm idle floor=128M ceiling=256M
set_vm giver policy=fixed
say "free: $(awk '$1 == "H" { free = $3; surplus = $4 } END { printf "%d MiB, promised to nobody %d", free / 1024, surplus / 1024 }' "$log")"

# above_floor DOMID, MiB
above_floor() { echo $(($(domain_kib "$1") / 1024 - 128)); }

# A domain's memory is left alone while it is young: 60 s.
sleep 60
section "both take 360 MiB and go on using all of it"
hog light grow -s 360 -r 100 -w 360 -h 25
hog heavy grow -s 360 -r 100 -w 360 -h 25
sleep 12
light_had=$(above_floor "$light") heavy_had=$(above_floor "$heavy")
say "above its floor light has $light_had MiB, heavy $heavy_had"
check "both got some" [ "$light_had" -gt 8 -a "$heavy_had" -gt 8 ]
check "the idle one gave its slack" [ "$(domain_kib "$idle")" -lt $((240 * 1024)) ]
check "and is well" is_answering idle

# By its toolstack, which lowers its cap as well: what is free then is the host's.
section "another guest gives 20 MiB a second, by its owner's will"
for size in 220 200 180 160 140; do
    xl mem-set giver $size
    sleep 1
done
sleep 1
light_more=$(($(above_floor "$light") - light_had)) heavy_more=$(($(above_floor "$heavy") - heavy_had))
say "light got $light_more MiB more, heavy $heavy_more"
check "they got most of it" [ $((light_more + heavy_more)) -ge 64 ]
check "three times the weight gets at least twice as much" [ "$heavy_more" -ge $((2 * light_more)) ]
for name in light heavy; do
    hog_wait $name grow 120
    check_lived $name grow
    hog_story $name grow
done
end_witness
check_within "$light" 128 512
check_within "$heavy" 128 512
check_within "$idle" 128 256
check_ledger
check_daemons
checks_end
