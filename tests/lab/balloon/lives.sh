# lives.sh - a guest boots, is saved, restored and migrated live without harm while pageballoond is at work, and is
# served afterwards.
# lab: -V -m 3072 -0 1024 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh
write_conf 'policy = demand'
start_meter
start_balloon

# serve NAME ID MIB: a program grows by that, and lives. Its lines stay in the guest, which may change its name.
serve() {
    run_in "$1" "hog -i $2 -s $3 -r 20 -h 2 >/tmp/$2.log 2>&1; tail -n 1 /tmp/$2.log" >/tmp/served
    check "$1: $2: a program of $3 MiB lives" grep -q 'killed=0' /tmp/served
    say "$1: $(cat /tmp/served)"
}

has_record() { xenstore-exists /local/domain/"$1"/data/pagemeter/mem; }
has_domid() { [ "$(xl domid "$1" 2>/dev/null)" != "$2" ]; }

section "boot, with both daemons at work"
guest pv 128 448 pv
pv=$domid
guest pvh 128 448 pvh
pvh=$domid
set_vm pv floor=128M ceiling=448M
set_vm pvh floor=128M ceiling=448M
for name in pv pvh; do
    check "$name: its agent speaks" until_true 10 has_record "$(xl domid $name)"
    serve $name booted 120
    check "$name: grew" has_at_least "$(xl domid $name)" $((160 * 1024))
done

section "save, restore"
before=$(target_kib "$pv")
xl save pv /tmp/image >/dev/null 2>&1
xl restore /tmp/image >/dev/null 2>&1
rm /tmp/image
restored=$(xl domid pv)
check "restored as another domain" [ "$restored" != "$pv" ]
check "its target is not below the one that it had" [ "$(target_kib "$restored")" -ge "$before" ]
check "its agent speaks again" until_true 20 has_record "$restored"
serve pv restored 200

section "live migration to the same host"
before=$(target_kib "$pvh")
check "a PVH guest migrates" sh -c "xl migrate -s '' pvh 'sh -c \"xl migrate-receive\"' >/tmp/migration 2>&1"
migrated=$(xl domid pvh)
check "to another domain" [ "$migrated" != "$pvh" ]
check "its target is not below the one that it had" [ "$(target_kib "$migrated")" -ge "$before" ]
check "its agent speaks again" until_true 20 has_record "$migrated"
serve pvh migrated 200

section "settings outlive the domain"
pagemeter balloon list >/tmp/list
cat /tmp/list
check "pv and pvh are listed once each" [ "$(grep -cwE 'pv|pvh' /tmp/list)" = 2 ]
check_daemons
checks_end
