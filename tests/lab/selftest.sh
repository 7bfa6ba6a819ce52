# selftest.sh - what Pagemeter claims of Xen, checked on a real one. Runs in dom0:
#     run.sh -0 640 -o DIRECTORY -c selftest.sh
# Nothing of Pagemeter runs here. `xcstat -w` keeps a history of every domain, a line per change, every
# few milliseconds; the claims about flags and CPU time (DESIGN.md, rule 2) are read off that at the end.
# shellcheck shell=sh disable=SC1091,SC2016
. lab-checks.sh
history=/tmp/history
events=/tmp/events

is_answering() { [ "$(lab-gexec "$1" 'echo yes')" = yes ]; }
has_new_domid() { domid=$(xl domid "$1" 2>/dev/null) && [ "$domid" != "$2" ]; }
releases() { grep -c releaseDomain $events; }
more_releases() { [ "$(releases)" -ge "$1" ]; }

xcstat -w 20 >$history &
watcher=$!
xenstore-watch @introduceDomain @releaseDomain >$events &
listener=$!

section "two guests: create, boot"
lab-guest pv 96 192
lab-guest pvh 96 96 pvh
pv=$(lab-wait pv)
check_equal "a PV guest has exactly its memory" "$(domain_kib "$pv")" 98304
check_equal "and xl lists it with that" "$(xl list | awk '$1 == "pv" { print $3 }')" 96

section "balloon"
xl mem-set pv 84
check_equal "xl mem-set down" "$(settled_kib "$pv" 86016)" 86016
check_equal "xenstore has the same target" "$(xenstore-read /local/domain/"$pv"/memory/target)" 86016
xcstat -m "$pv" 196608
xenstore-write /local/domain/"$pv"/memory/target 163840
check_equal "up by cap and target alone, without xl" "$(settled_kib "$pv" 163840)" 163840
xcstat -m "$pv" 98304
check_equal "a cap below what it has takes nothing back" "$(domain_kib "$pv")" 163840
pvh=$(lab-wait pvh)
check_equal "a PVH guest has 16 pages more than its memory" "$(domain_kib "$pvh")" $((98304 + 64))
xl mem-set pvh 90
check_equal "and still after mem-set down" "$(settled_kib "$pvh" $((92160 + 64)))" $((92160 + 64))

section "pause"
xl pause pv
check "a paused domain has the flag" has_flag "$pv" p
check_equal "and keeps its memory" "$(domain_kib "$pv")" 163840
check "and its CPU time" [ "$(domain_field "$pv" 8)" -gt 0 ]
xl unpause pv
check "unpaused it runs on" is_answering pv

section "created paused"
LAB_XL_CREATE=-p lab-guest still 96 96
still=$(xl domid still)
check_equal "a domain created paused has all its memory" "$(domain_kib "$still")" 98304
check_equal "and no CPU time until it runs" "$(domain_field "$still" 8)" 0
xl destroy still

section "save, restore"
xcstat -m "$pv" 196608
xl mem-set pv 96
settled_kib "$pv" 98304 >/dev/null
uuid=$(domain_uuid "$pv")
xl save pv /tmp/image >/dev/null 2>&1
check "save ends the domain" until_true 5 is_gone "$pv"
xl restore /tmp/image >/dev/null 2>&1
rm /tmp/image
restored=$(xl domid pv)
check "restore makes a new domain" [ "$restored" -gt "$still" ]
check_equal "with the same uuid" "$(domain_uuid "$restored")" "$uuid"
check "and it lives on" is_answering pv

section "reboot"
xl reboot pv
check "a reboot makes a new domain" until_true 30 has_new_domid pv "$restored"
rebooted=$(xl domid pv)
check_equal "with the same uuid" "$(domain_uuid "$rebooted")" "$uuid"

section "live migration to the same host"
migrating_uuid=$(domain_uuid "$pvh")
check "a PVH guest migrates" sh -c "xl migrate -s '' pvh 'sh -c \"xl migrate-receive\"' >/tmp/migration 2>&1"
migrated=$(xl domid pvh)
check "to a new domid" [ "$migrated" -gt "$pvh" ]
check_equal "with the same uuid" "$(domain_uuid "$migrated")" "$migrating_uuid"
check_equal "and the same memory" "$(settled_kib "$migrated" $((92160 + 64)))" $((92160 + 64))

# The last of the kind: the xl process that watches a domain takes a checkpoint for its end and leaves, so
# that nobody would carry out a reboot after it.
section "checkpoint"
lab-wait pv >/dev/null
xl save -c pv /tmp/image >/dev/null 2>&1
rm /tmp/image
check_equal "a checkpoint keeps the domid" "$(xl domid pv)" "$rebooted"
check "and the guest lives on" until_true 5 is_answering pv

section "ends"
released=$(releases)
xl destroy pv
check "destroy: the domain goes" until_true 5 is_gone "$rebooted"
check "destroy: @releaseDomain fires" until_true 5 more_releases $((released + 1))
LAB_GEXEC_TIMEOUT=1 lab-gexec pvh 'echo c >/proc/sysrq-trigger' >/dev/null 2>&1
check "crash: the domain stays, shut down" until_true 10 has_flag "$migrated" s
check_equal "crash: with code 3" "$(domain_field "$migrated" 9)" 3
check_equal "crash: with all its memory" "$(domain_kib "$migrated")" $((92160 + 64))
xcstat -x "$migrated"
check "destroyed behind xl's back it goes too" until_true 5 is_gone "$migrated"
check "but xenstore still names it" xenstore-exists /local/domain/"$migrated"
sleep 0.1

section "the price of a reading"
xcstat -b 200 | tee /tmp/prices
check "a page of 36 domains costs less than 37: its buffer is kept, a larger one mapped anew" \
    awk '/ 36 entries/ { page = $5 } / 37 entries/ { more = $5 } END { exit !(page < more) }' /tmp/prices

section "rule 2, read off the history of every domain"
kill $watcher $listener
cp $history $events /job/out/
# Fields: time, domid, uuid, tot_kib, max_kib, outstanding, flags, cpu_ns, shutdown code; or time, domid, uuid, "gone".
find_in_history() { awk "$@" $history; }

check_none "until a domain is first unpaused it has no CPU time (created, restored, incoming)" find_in_history '
    $4 != "gone" && $2 > 0 { started[$2] = started[$2] || $7 !~ /p/; if (!started[$2] && $8 > 0) print }'
check_none "and then it has some within a second" find_in_history '
    $4 != "gone" && $2 > 0 && $7 !~ /p/ && !since[$2] { since[$2] = $1 }
    $4 != "gone" && $2 > 0 && $8 == 0 && since[$2] && $1 > since[$2] + 1'
check_none "CPU time never goes back to 0" find_in_history '
    $4 != "gone" && $8 > 0 { ran[$2] = 1 }
    $4 != "gone" && $8 == 0 && ran[$2]'
check_none "every domain begins small, without CPU time" find_in_history '
    $4 != "gone" && $2 > 0 && !known[$2]++ && ($8 > 0 || $4 > 16384)'
find_in_history '$7 ~ /d/ && $4 < had[$2] { print } $4 != "gone" { had[$2] = $4 }' >/tmp/dying
check "a domain that dies is still listed, with ever less memory" [ -s /tmp/dying ]
find_in_history -v domid="$pv" '$2 == domid && $7 ~ /s/ && $7 !~ /d/ && $9 == 2 && $4 == 98304' >/tmp/suspended
check "a domain being saved is shut down with code 2, memory still there" [ -s /tmp/suspended ]
find_in_history -v domid="$rebooted" '$2 == domid && $4 != "gone" && $7 !~ /d/ { print $7 ~ /s/ ? "s" : "-" }' |
    uniq | tr -d '\n' >/tmp/shape
check_equal "a checkpoint: runs, shut down, runs, in one domain" "$(cat /tmp/shape)" "-s-"
check_none "migration: never two domains of one uuid that count" find_in_history -v uuid="$migrating_uuid" '
    $3 != uuid { next }
    $4 == "gone" { counts[$2] = 0 }
    $4 != "gone" { ran[$2] = ran[$2] || $8 > 0; counts[$2] = ran[$2] && $7 !~ /s|d/ }
    { n = 0; for (d in counts) n += counts[d]; if (n > 1) print }'
find_in_history -v uuid="$migrating_uuid" -v old="$pvh" -v new="$migrated" '
    $3 == uuid && $2 == new && $8 == 0 { both = 1 }
    $3 == uuid && $2 == old && $4 == "gone" && both' >/tmp/both
check "migration: both were listed, the new one without CPU time" [ -s /tmp/both ]

checks_end
