# meter.sh - pagemeterd on a real Xen host, through everything that a toolstack does to a guest. Runs in
# dom0; test.sh starts it and verifies what it leaves in /job/out.
#
# Throughout, what the meter saw (the trace that `pagemeter record` writes) is compared with what the
# hypervisor, xenstore and `xl list` say. In the first part the meter runs without interruption, so that the
# bill can be recomputed from the trace; in the second it is stopped, killed and refused.
# shellcheck shell=sh disable=SC1091,SC2154
. lab-checks.sh
out=/job/out
db=/tmp/meter
interval_ms=250
max_gap_s=4

start_meter() {
    pagemeterd --source xen --db $db --interval ${interval_ms}ms --max-gap ${max_gap_s}s 2>>$out/pagemeterd.log &
    meter=$!
}

ticks_recorded() { if [ -f "$trace" ]; then grep -c '^T' "$trace"; else echo 0; fi; }
has_ticks() { [ "$(ticks_recorded)" -ge "$1" ]; }
is_streaming() { [ -S /run/pagemeter/stream.sock ]; }

# start_recorder TRACE: from now on `metered` reads this one
start_recorder() {
    trace=$1
    pagemeter record "$trace" 2>>$out/record.log &
    recorder=$!
    until_true 5 has_ticks 1
}

# metered DOMID FIELD: field of the domain's D line in the last complete tick; - when it is not listed
metered() {
    tail -n 60 "$trace" | awk -v domid="$1" -v field="$2" '
        $1 == "T" { complete = now; now = "-" }
        $1 == "D" && $2 == domid { now = $field }
        END { print complete }'
}
metered_kib() { metered "$1" 4; }
metered_flags() { metered "$1" 7; }

is_metered() { [ "$(metered_kib "$1")" = "$2" ]; }
is_metered_with_flag() { case $(metered_flags "$1") in *"$2"*) ;; *) return 1 ;; esac; }
is_not_metered() { [ "$(metered_kib "$1")" = - ]; }

target_kib() { xenstore-read /local/domain/"$1"/memory/target; }
listed_mib() { xl list | awk -v domid="$1" '$2 == domid { print $3 }'; }

# check_memory WHAT NAME MIB: the guest has so much, in everybody's opinion. A PVH guest has 16 pages more than
# its target.
check_memory() {
    domid=$(xl domid "$2")
    extra=0
    has_flag "$domid" h && extra=64
    kib=$(($3 * 1024 + extra))
    settled_kib "$domid" $kib >/dev/null
    until_true 5 is_metered "$domid" $kib
    check_equal "$1: meter, hypervisor, xenstore and xl list agree on $3 MiB" \
        "$(metered_kib "$domid") $(domain_kib "$domid") $(($(target_kib "$domid") + extra)) $(listed_mib "$domid")" \
        "$kib $kib $kib $3"
}

# usage_sum NAME FILE: the sum of a column of a usage CSV over the rows of $life. The shell adds, in 64 bits:
# awk has only doubles.
usage_sum() {
    awk -F, -v name="$1" -v life="$life" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["life"] == life { print $column[name] }' "$2" >/tmp/values
    sum=0
    while read -r value; do sum=$((sum + value)); done </tmp/values
    echo $sum
}

is_audit_clean() { pagemeter audit --db "$1" >/tmp/audit 2>&1 || { cat /tmp/audit; return 1; }; }

usage() { pagemeter usage --db "$1" --by vm,life,hour --format csv; }

if command -v source_contract >/dev/null; then
    section "the source contract, on the hypervisor"
    check "source_contract xen" source_contract xen
fi

section "no privilege"
su nobody -s /bin/sh -c 'pagemeterd --db /tmp/nobody --stream none' 2>/tmp/refusal
check_equal "is refused with status" $? 3
check "in one sentence: $(cat /tmp/refusal)" grep -q root /tmp/refusal

section "the meter starts before the guests"
start_meter
check "pagemeterd opens its stream" until_true 10 is_streaming
start_recorder $out/whole.trace
check "ticks come in" has_ticks 1

section "create"
lab-guest web 96 192
lab-guest db 96 96
lab-guest mail 96 96 pvh
lab-wait web >/dev/null
check_memory "created, PV" web 96

section "balloon"
xl mem-set web 84
check_memory "mem-set down" web 84
xl mem-set web 160
check_memory "mem-set up" web 160
lab-wait mail >/dev/null
check_memory "created, PVH" mail 96
xl mem-set mail 90
check_memory "mem-set down, PVH" mail 90

section "pause"
web=$(xl domid web)
xl pause web
check "the meter sees the pause" until_true 5 is_metered_with_flag "$web" p
check_memory "paused" web 160
xl unpause web

section "save, restore"
lab-wait db >/dev/null
old=$(xl domid db)
xl save db /tmp/image >/dev/null 2>&1
check "saved: the meter does not list it" until_true 5 is_not_metered "$old"
xl restore /tmp/image >/dev/null 2>&1
rm /tmp/image
check_memory "restored" db 96

section "checkpoint"
xl save -c web /tmp/image >/dev/null 2>&1
rm /tmp/image
check_equal "a checkpoint keeps the domid" "$(xl domid web)" "$web"
check_memory "after the checkpoint" web 160

section "live migration to the same host"
old=$(xl domid mail)
xl migrate -s '' mail 'sh -c "xl migrate-receive"' >/tmp/migration 2>&1
check "migrated: the meter does not list the old domain" until_true 5 is_not_metered "$old"
check_memory "migrated" mail 90

section "reboot"
old=$(xl domid db)
xl reboot db
check "rebooted: the meter does not list the old domain" until_true 30 is_not_metered "$old"

section "destroy, crash"
xl destroy web
check "destroyed: the meter does not list it" until_true 5 is_not_metered "$web"
mail=$(xl domid mail)
LAB_GEXEC_TIMEOUT=1 lab-gexec mail 'echo c >/proc/sysrq-trigger' >/dev/null 2>&1
check "crashed: the meter sees it shut down" until_true 10 is_metered_with_flag "$mail" s
check_equal "and still holding its memory" "$(metered_kib "$mail")" $((90 * 1024 + 64))
xl destroy mail
check "destroyed: the meter does not list it" until_true 5 is_not_metered "$mail"

section "reboot, continued"
lab-wait db >/dev/null
check_memory "rebooted" db 96

section "stop: everything is committed, at once"
stopping=$(uptime_s)
kill -TERM $meter
wait $meter
check_equal "SIGTERM ends it with status" $? 0
stopped=$(uptime_s)
cp -r $db /tmp/whole
start_meter
check "within a second or two: told at $stopping, gone at $stopped" [ $((${stopped%.*} - ${stopping%.*})) -le 2 ]
kill -TERM $recorder
wait $recorder
usage /tmp/whole >$out/whole.csv
check "the audit finds nothing wrong" is_audit_clean /tmp/whole
check_equal "ticks that the queue had no room for" "$(grep -c queue-full $out/pagemeterd.log)" 0

section "a second meter"
start_recorder $out/restarts.trace
pagemeterd --db /tmp/second --stream none 2>/tmp/refusal
check_equal "is refused with status" $? 3
check "in one sentence: $(cat /tmp/refusal)" [ "$(wc -l </tmp/refusal)" = 1 ]

section "xenstored hangs for 4 s"
kill -STOP "$(cat /run/xenstored.pid)"
hung_from=$(uptime_s)
sleep 4
hung_to=$(uptime_s)
kill -CONT "$(cat /run/xenstored.pid)"
longest_ms=$(awk -v from="$hung_from" -v to="$hung_to" '
    $1 == "T" { now = $3 / 1e9; if (now > from && now < to && now - before > longest) longest = now - before; before = now }
    END { printf "%d\n", longest * 1000 }' "$trace")
check "no tick is late: at most $longest_ms ms from one to the next" [ "$longest_ms" -lt 1000 ]

section "killed, and started again within max_gap"
db_domid=$(xl domid db)
kill -KILL $meter
wait $meter 2>/dev/null
start_meter
before=$(ticks_recorded)
check "the recorder finds it again" until_true 10 has_ticks $((before + 4))
usage $db >/tmp/usage.csv
life=$(cut -d, -f2 /tmp/usage.csv | grep "/$db_domid/" | sort -u)     # a run may see a full hour
check_equal "the guest's life goes on" "$(echo "$life" | wc -l)" 1
check_equal "nothing is missing" "$(usage_sum missing_ns /tmp/usage.csv)" 0

section "killed, and started again after max_gap"
kill -KILL $meter
wait $meter 2>/dev/null
sleep $((max_gap_s + 1))
start_meter
before=$(ticks_recorded)
check "the recorder finds it again" until_true 10 has_ticks $((before + 4))
kill -TERM $meter
wait $meter
check_equal "SIGTERM ends it with status" $? 0
kill -TERM $recorder
wait $recorder
usage $db >$out/restarts.csv
missing_ns=$(usage_sum missing_ns $out/restarts.csv)
check "the gap is missing from the bill ($missing_ns ns)" [ "$missing_ns" -gt $((max_gap_s * 1000000000)) ]
check_equal "and stored, with its cause" \
    "$(sqlite3 -readonly $db/meter.db 'SELECT span_ns, cause FROM gap')" "$missing_ns|restart"
# The guest was quiet: 96 MiB from its start to the end. 64 bits hold the product.
check_equal "what is billed is its memory times what was measured" \
    "$(usage_sum kib_ns $out/restarts.csv)" $((96 * 1024 * $(usage_sum measured_ns $out/restarts.csv)))
check "the audit finds nothing wrong" is_audit_clean $db
checks_end
