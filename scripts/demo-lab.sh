# demo-lab.sh STARTED - the part of the demo that runs in the lab's dom0; see demo.sh. STARTED is when
# the demo began, in seconds since 1970.
#
# Every row shows what the meter has just published on its stream, not what was asked of Xen.
# shellcheck shell=sh
started=$1
web_uuid='' db_uuid='' mail_uuid=''
db=/var/lib/pagemeter
trace=/tmp/trace
vms="web db mail"

say() {
    age=$(($(date +%s) - started))
    printf '  %d:%02d  %-50s' $((age / 60)) $((age % 60)) "$1"
}

vm_uuid() { eval "echo \$${1}_uuid"; }

# What the last complete tick says of a VM, in MiB: "-" not there; "(96)" there and not billed, because it is
# still being built, or shut down.
metered() {
    tail -n 60 $trace | awk -v uuid="$(vm_uuid "$1")" '
        $1 == "T" { complete = now; now = "-" }
        $1 == "D" && $3 == uuid {
            now = sprintf($8 > 0 && $7 !~ /s|d/ ? "%d" : "(%d)", $4 / 1024)
        }
        END { print complete == "" ? "-" : complete }'
}

metered_row() {
    for vm in $vms; do
        printf '%7s' "$(metered "$vm")"
    done
}

# row WHAT: the stream is a quarter of a second behind what has just been done; give it one more.
row() {
    usleep 600000
    say "$1"
    metered_row
    echo
}

# settle VM MIB: waits until the meter shows this
settle() {
    tries=0
    until [ "$(metered "$1")" = "$2" ] || [ $tries -ge 60 ]; do
        usleep 100000
        tries=$((tries + 1))
    done
}

# create NAME FIRST-DIGITS MEMORY MAXMEM TYPE: uuids that begin so that a reader knows them again
create() {
    random=$(cat /proc/sys/kernel/random/uuid)
    eval "${1}_uuid=$2-${random#*-}"
    lab-guest "$1" "$3" "$4" "$5" "uuid='$(vm_uuid "$1")'"
}

# "1234567" -> "1,234,567"
grouped() { echo "$1" | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta'; }

printf '  time  what happens                                          web     db   mail   MiB\n'
printf '  ----  ---------------------------------------------------------------------\n'

pagemeterd --source xen --db $db --interval 250ms 2>/tmp/pagemeterd.log &
meter=$!
until [ -S /run/pagemeter/stream.sock ]; do
    kill -0 $meter 2>/dev/null || { cat /tmp/pagemeterd.log; exit 3; }
    usleep 100000
done
pagemeter record $trace 2>/dev/null &
recorder=$!
row "the meter starts"

create web 11111111 128 192 pv
row "web is created (PV)"
create db 22222222 96 96 pv
row "db is created (PV)"
create mail 33333333 96 96 pvh
row "mail is created (PVH)"

lab-wait web >/dev/null
xl mem-set web 192
settle web 192
row "web has booted; it gets more memory"
xl mem-set web 112
settle web 112
row "web gives memory back"

lab-wait db >/dev/null
xl pause db
row "db is paused: it still holds its memory"
sleep 2
xl unpause db
row "db runs on"

xl save db /tmp/db.image >/dev/null 2>&1
row "db is saved to disk: nothing left to bill"
sleep 1
xl restore /tmp/db.image >/dev/null 2>&1
row "db is restored: a new domain, the same VM"

lab-wait mail >/dev/null
xl mem-set mail 88
settle mail 88
row "mail gives memory back"
LAB_GEXEC_TIMEOUT=1 lab-gexec web 'echo c >/proc/sysrq-trigger' >/dev/null 2>&1
settle web "(112)"
row "web crashes: its memory is kept, not billed"
xl destroy web
row "web is destroyed"
sleep 1
row "the meter is told to end"
kill $meter
wait $meter
kill $recorder

cat <<EOF

  ( ) there but not billed: under construction, shut down or crashed.

  The VMs:  web   $web_uuid
            db    $db_uuid
            mail  $mail_uuid

  What they owe, and the same by lives (a domain on a host: db has had two).

\$ pagemeter usage

EOF
pagemeter usage --db $db
printf '\n$ pagemeter usage --by vm,life\n\n'
pagemeter usage --db $db --by vm,life

# db held the same all its life, so that its bill is one multiplication. 64 bits hold it.
db_bill=$(pagemeter usage --db $db --format csv | grep "^$db_uuid,")
db_kib_ns=$(echo "$db_bill" | cut -d, -f2)
db_measured_ns=$(echo "$db_bill" | cut -d, -f4)
cat <<EOF

  By hand: db always held 96 MiB, which are 98,304 KiB.
           98,304 KiB x $(grouped "$db_measured_ns") ns = $(grouped $((98304 * db_measured_ns))) KiB*ns
           the meter's own figure for db is       $(grouped "$db_kib_ns") KiB*ns

  The audit recomputes everything in the store from what is raw in it.

\$ pagemeter audit

EOF
pagemeter audit --db $db
