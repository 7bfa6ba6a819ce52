# baseline.sh - what happens to a guest without pageballoond: a program takes 120 MiB in a guest of 128 that might
# grow to 512. Without swap the OOM killer ends it; with swap the guest swaps. Nothing of Pagemeter runs.
# lab: -V -m 2048 -0 1024 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 256 pv 128 512 pv
guest -s 256 pvh 128 512 pvh

section "without swap"
for name in pv pvh; do
    check "$name: has swap, which is turned off" run_in $name 'grep -q xvda /proc/swaps && swapoff /dev/xvda'
    hog $name steady -s 120 -r 20 -h 1
    hog_wait $name steady 60
    hog $name burst -s 120 -h 1
    hog_wait $name burst 60
    check_equal "$name: the OOM killer ends a program that takes 20 MiB/s" "$(hog_value $name steady killed)" 1
    hog_story $name steady
    check_equal "$name: and one that takes all at once" "$(hog_value $name burst killed)" 1
    hog_story $name burst
done

section "with swap on a disk"
for name in pv pvh; do
    run_in $name 'swapon /dev/xvda'
    hog $name swapping -s 120 -r 20 -w 20 -h 1
    hog_wait $name swapping 100
    check_equal "$name: the program lives" "$(hog_value $name swapping killed)" 0
    check "$name: but the guest swaps" [ "$(hog_value $name swapping swap_out)" -gt 5000 ]
    hog_story $name swapping
done
checks_end
