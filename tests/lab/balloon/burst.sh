# burst.sh - a guest with swap that bursts gets its memory within seconds, and what it frees is taken back.
# lab: -V -m 2560 -0 832 -t 900
# shellcheck shell=sh disable=SC1091,SC2154
. ./lib.sh

guest -s 256 pv 128 512 pv
pv=$domid
guest -s 256 pvh 128 512 pvh
pvh=$domid
witness "$pv" "$pvh"
start_daemons 'policy = demand'
for name in pv pvh; do set_vm $name floor=128M ceiling=512M; done

section "200 MiB at once, touched again and again for 10 s"
for name in pv pvh; do
    hog $name burst -s 200 -w 200 -h 10
    hog_wait $name burst 60
    check_lived $name burst
    hog_story $name burst
    check "$name: got the memory" [ "$(most_kib "$(xl domid $name)")" -gt $((230 * 1024)) ]
done

# Young domains are not shrunk for 60 s, and after growth it takes 30 s.
section "freed: taken back"
for name in pv pvh; do
    check "$name: is down to less than 160 MiB within 90 s" until_true 90 has_at_most "$(xl domid $name)" $((160 * 1024))
    say "$name: available now $(($(available_kib $name) / 1024)) MiB of $(($(domain_kib "$(xl domid $name)") / 1024))"
    check "$name: is well" is_answering $name
done
sleep 3
before=$(domain_kib "$pv")
sleep 5
check_equal "and there it stays" "$(domain_kib "$pv")" "$before"
end_witness
for id in $pv $pvh; do check_within "$id" 128 512; done
check_ledger
check_daemons
checks_end
