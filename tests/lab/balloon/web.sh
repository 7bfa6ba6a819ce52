# web.sh - a web server under 140 simultaneous users: it has what it needs while they are there, and gives it back.
# lab: -V -m 2304 -0 704 -t 1500
# shellcheck shell=sh disable=SC1091,SC2154
#
# The server is Debian's Apache in the guest, with a process for each user and, as long as he is there, 2.5 MiB of his
# (web/apache2.conf, web/page.lua). The users are in dom0 (src/users.c) and come over the guest's network. What
# `make picture` draws is what this leaves behind; web.py looks at the same.
. ./lib.sh
users=140 floor=160 ceiling=768

utc() { date -u +%Y-%m-%dT%H:%M:%S; }

guest -s 256 -n 10.0.0.2 web $floor $ceiling pv
web=$domid
witness "$web"
start_daemons 'policy = demand'
set_vm web floor=${floor}M ceiling=${ceiling}M
sleep 2
echo "vm $(domain_uuid "$web")" >"$out/run"
echo "domid $web" >>"$out/run"
echo "from $(utc)" >>"$out/run"

section "a web server in the guest"
run_in web 'apache2 -f /etc/apache2.conf -k start' >/dev/null
is_serving() { wget -q -O - http://10.0.0.2/page >/dev/null 2>&1; }
until_true 30 is_serving || { flunk "Apache serves no page"; checks_end; exit 1; }
sleep 25
idle=$(domain_kib "$web")

section "$users users: one more each third of a second, all of them for 45 s, one less each third of a second"
users 10.0.0.2 80 /page $users 45 45 2500 >"$out/users.log"
end=$(sed -n 's/^users end //p' "$out/users.log")
say "$end"
check "all $users were served at once" grep -q "at_once=$users " "$out/users.log"
check "no request failed" grep -q ' failed=0 ' "$out/users.log"
most=$(most_kib "$web")
check "the VM had $((most / 1024)) MiB, $(((most - idle) / 1024)) more than before: at least 2.5 for each of them" \
    [ $((most - idle)) -ge $((users * 2560)) ]

section "when they have gone"
check "within 2 minutes it has given back nine tenths of that" until_true 120 has_at_most "$web" $((idle + (most - idle) / 10))
sleep 30
echo "to $(utc)" >>"$out/run"
check_equal "the OOM killer had nothing to do" "$(run_in web "sed -n 's/^oom_kill //p' /proc/vmstat")" 0
check_within "$web" $floor $ceiling
check_ledger
check_daemons

section "the bill"
stop_meter
kill -TERM "$balloon"
wait "$balloon"
end_witness
from=$(awk '$1 == "M" { print $2 }' "$log")
to=$(awk '{ last = $2 } END { print last }' "$log")
billed=$(billed_kib "$web") held=$(average_kib "$web" "$from" "$to")
check "$((billed / 1024)) MiB are billed on average, and it had $((held / 1024)) (within 3 %)" \
    awk -v a="$billed" -v b="$held" 'BEGIN { exit !(a > b * 0.97 && a < b * 1.03) }'
checks_end
