# steady.sh - with pageballoond nobody is killed, nobody swaps, and the bill follows the need: programs take
# 250 MiB at 20 MiB/s in guests of 128 that may grow to 512, PV and PVH, without swap and with it.
# lab: -V -m 3072 -0 704 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest pv 128 512 pv
pv=$domid
guest pvh 128 512 pvh
pvh=$domid
guest -s 128 swapper 128 512 pv
swapper=$domid
witness "$pv" "$pvh" "$swapper"
start_daemons 'policy = demand'
for name in pv pvh swapper; do set_vm $name floor=128M ceiling=512M; done

section "250 MiB at 20 MiB/s, one guest after the other"
for name in pv pvh swapper; do
    hog $name steady -s 250 -r 20 -l 200 -h 3
    hog_wait $name steady 60
    check_lived $name steady
    check_unstalled $name steady 50
    check_equal "$name: nothing was swapped" "$(hog_value $name steady swap_out)" 0
    hog_story $name steady
done

# While the program grew: what the guest had, against what it needed (current - available) and its headroom.
section "no more than needed"
for name in pv pvh swapper; do
    console $name | sed -n 's/^hog steady at .*touched=\([0-9]*\) .*available=\([0-9]*\) current=\([0-9]*\) .*/\1 \2 \3/p' |
        awk '$1 < 250 { had += $3; needed += $3 - $2; n++ } END { printf "%d %d\n", had / n, needed / n }' >/tmp/sizes
    read -r had needed </tmp/sizes
    check "$name: had $((had / 1024)) MiB on average while it needed $((needed / 1024)), at most 64 more" \
        [ $((had - needed)) -le $((64 * 1024)) ]
done

section "the bill"
stop_meter
end_witness
from=$(awk '$1 == "M" { print $2 }' "$log")
to=$(awk '{ last = $2 } END { print last }' "$log")
for id in $pv $pvh $swapper; do
    billed=$(billed_kib "$id") held=$(average_kib "$id" "$from" "$to")
    check "domain $id is billed $((billed / 1024)) MiB on average, and had $((held / 1024)) (within 3 %)" \
        awk -v a="$billed" -v b="$held" 'BEGIN { exit !(a > b * 0.97 && a < b * 1.03) }'
    check "and less than three quarters of what its ceiling costs" [ "$billed" -lt $((384 * 1024)) ]
    check_within "$id" 128 512
done
check_ledger
check "pageballoond is still there" is_alive "$balloon"
checks_end
