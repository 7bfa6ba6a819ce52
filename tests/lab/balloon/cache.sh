# cache.sh - a guest that lives on its file cache keeps it: what a shrink made it read again from its disk is given
# back, and when it reads no more its memory goes.
# lab: -V -m 2560 -0 1088 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh
file_mib=110

guest -e 160 pv 288 288 pv
pv=$domid
guest -e 160 pvh 288 288 pvh
pvh=$domid

# read_for NAME ID SECONDS [OPTION]: reads the file over and over, in the background. In virtual time pauses cost nothing.
read_for() { run_in "$1" "reader -i $2 ${4:-} -r 300 -s $file_mib -h $3 /data/file >/dev/console 2>&1 &" >/dev/null; }

has_read() { console "$1" | grep -q "^reader $2 end "; }
reader_value() { console "$1" | sed -n "s/^reader $2 end .*\\<$3=\\([-0-9.]*\\).*/\\1/p" | tail -n 1; }

read_wait() {
    until_true "$3" has_read "$1" "$2" || flunk "$1: reader $2 did not end within $3 s"
    say "$1: $(console "$1" | sed -n "s/^reader \\($2 end .*\\)/\\1/p")"
}

section "how fast it is from the cache, without pageballoond"
for name in pv pvh; do
    read_for $name before 4 -c
    read_wait $name before 60
done

witness "$pv" "$pvh"
start_daemons 'policy = demand'
for name in pv pvh; do set_vm $name floor=128M ceiling=288M; done

# Nothing is taken from a domain in its first minute.
section "25 s of reading from when it may be shrunk on"
sleep 56
for name in pv pvh; do read_for $name while 25; done
for name in pv pvh; do read_wait $name while 60; done
for name in pv pvh; do
    id=$(xl domid $name)
    pagemeter explain $name >"$out/explain-$name.txt"
    check "$name: something was taken ($(($(least_kib "$id") / 1024)) MiB was the least)" [ "$(least_kib "$id")" -lt $((276 * 1024)) ]
    check "$name: and given back" grep -q 'undo' "$out/explain-$name.txt"
    read_for $name after 2
    read_wait $name after 30
    check "$name: it reads at least half as fast as before" \
        awk -v now="$(reader_value $name after mib_per_s)" -v before="$(reader_value $name before mib_per_s)" \
        'BEGIN { exit !(now > before / 2) }'
    check "$name: nobody was killed" [ "$(run_in $name "awk '/^oom_kill/ { print \$2 }' /proc/vmstat")" = 0 ]
done

section "nobody reads"
for id in $pv $pvh; do
    check "domain $id gives its cache back" until_true 200 has_at_most "$id" $((200 * 1024))
done
for name in pv pvh; do check "$name: is well" is_answering $name; done
end_witness
check_within "$pv" 128 288
check_within "$pvh" 128 288
check_ledger
check_daemons
checks_end
