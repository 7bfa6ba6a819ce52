# asleep.sh - a guest's balloon driver that has given up and sleeps for an hour is woken.
# lab: -V -m 2048 -0 640 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest pv 128 448 pv
pv=$domid

# A target beyond the cap: the driver tries, is refused, and after so many times sleeps for 3600 s.
section "the driver falls asleep"
run_in pv 'echo 1 >/sys/devices/system/xen_memory/xen_memory0/max_retry_count' >/dev/null
xenstore-write /local/domain/"$pv"/memory/target $((256 * 1024))
sleep 12
xcstat -m "$pv" $((257 * 1024))
sleep 12
check "it has room and a target and does not move ($(($(domain_kib "$pv") / 1024)) MiB)" has_at_most "$pv" $((140 * 1024))

section "pageballoond"
witness "$pv"
start_daemons 'policy = demand'
set_vm pv floor=256M ceiling=448M
check "it is woken within 20 s" until_true 20 has_at_least "$pv" $((256 * 1024))
run_in pv 'echo 4 >/sys/devices/system/xen_memory/xen_memory0/max_retry_count' >/dev/null
hog pv grow -s 200 -r 20 -h 2
hog_wait pv grow 40
check_lived pv grow
end_witness
check_ledger
check_daemons
checks_end
