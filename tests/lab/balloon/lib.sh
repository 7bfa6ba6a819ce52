# lib.sh - for the balloon scenarios in dom0: `. ./lib.sh`
#
# A scenario boots guests, starts the daemons, lets programs take memory (src/hog.c), and reads what happened from
# three witnesses: the hypervisor's figures (src/memwatch.c), the programs' own lines on the guests' consoles,
# and what Pagemeter bills. Memory is in MiB in arguments, and in KiB where the name says so.
# shellcheck shell=sh disable=SC1091,SC2034
. lab-checks.sh
out=/job/out
db=/tmp/meter
conf=/etc/pagemeter/pagemeter.conf

# ---- guests

# guest [OPTION...] NAME MIN MAX [pv|pvh]: creates a guest of MIN MiB that may grow to MAX, and waits until it is up.
# A PVH guest that is smaller than its maximum boots four times slower (populate on demand): it is made in full and
# then taken down. $domid is its domid.
guest() {
    guest_options=''
    while [ "${1#-}" != "$1" ]; do
        guest_options="$guest_options $1 $2"
        shift 2
    done
    guest_mib=$2
    [ "${4:-pv}" = pv ] || guest_mib=$3
    # shellcheck disable=SC2086  # options without blanks
    lab-guest $guest_options "$1" "$guest_mib" "$3" "${4:-pv}" || flunk "lab-guest $*"
    domid=$(lab-wait "$1" 60) || flunk "$1 did not boot"
    if [ "$guest_mib" != "$2" ]; then
        xl mem-set "$1" "$2"
        settled_kib "$domid" $(($2 * 1024 + 64)) >/dev/null
    fi
}

console() { tr -d '\r' </var/log/xen/console/guest-"$1".log; }

# run_in NAME COMMAND: in the guest, and waits
run_in() { LAB_GEXEC_TIMEOUT=60 lab-gexec "$@"; }

# hog NAME ID ARGUMENTS: starts one in the guest, in the background
hog() {
    hog_guest=$1 hog_id=$2
    shift 2
    run_in "$hog_guest" "hog -i $hog_id $* >/dev/console 2>&1 &" >/dev/null
}

hog_has_ended() { console "$1" | grep -q "^hog $2 end "; }
hog_has_begun() { console "$1" | grep -q "^hog $2 start "; }

# hog_wait NAME ID SECONDS: until it has ended
hog_wait() { until_true "$3" hog_has_ended "$1" "$2" || flunk "$1: hog $2 did not end within $3 s"; }

# hog_value NAME ID KEY: of its last line; - when it has none
hog_value() {
    hog_found=$(console "$1" | sed -n "s/^hog $2 end .*\\<$3=\\([-0-9.]*\\).*/\\1/p" | tail -n 1)
    echo "${hog_found:--}"
}

# hog_story NAME ID: its last line, for people
hog_story() { say "$1: $(console "$1" | sed -n "s/^hog \\($2 end .*\\)/\\1/p")"; }

# check_lived NAME ID: the program got all that it wanted
check_lived() { check_equal "$1: the OOM killer spares $2" "$(hog_value "$1" "$2" killed)" 0; }

# has_not_waited NAME ID MS: it waited for memory no longer than that, by the kernel's own account (PSI), or never had
# to reclaim itself: PSI counts kswapd at work too, for which nobody waits
has_not_waited() {
    is_less "$(hog_value "$1" "$2" some_ms)" "$3" || [ "$(hog_value "$1" "$2" stalls)" = 0 ]
}

check_unstalled() {
    check "$1: $2 waited for memory $(hog_value "$1" "$2" some_ms) ms, at most $3" has_not_waited "$1" "$2" "$3"
}

available_kib() { run_in "$1" "awk '/^MemAvailable/ { print \$2 }' /proc/meminfo"; }

# fill NAME MIB: a program takes so much that MIB are left available, and keeps it
fill() {
    fill_mib=$(($(available_kib "$1") / 1024 - $2))
    [ $fill_mib -lt 1 ] || hog "$1" fill -s $fill_mib -r 50 -h 1000
    sleep 1
}

is_less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "-" && a < b) }'; }

# ---- the witness in dom0

# witness [memwatch's options] DOMID...: starts it; $log is what it writes. It costs dom0 time: by default it looks
# every 20 ms.
witness() {
    witness_options='-i 20'
    while [ "${1#-}" != "$1" ]; do
        witness_options="$witness_options $1 $2"
        shift 2
    done
    log=$out/memwatch.log
    # shellcheck disable=SC2086  # options
    memwatch $witness_options "$log" "$@" &
    witness_pid=$!
    until_true 20 grep -qs '^M ' "$log" || flunk "memwatch did not begin"
}

end_witness() {
    witness_options='-i 20'
    while [ "${1#-}" != "$1" ]; do
        witness_options="$witness_options $1 $2"
        shift 2
    done
    kill -TERM "$witness_pid"
    wait "$witness_pid" 2>/dev/null
}

# What the guest had, by the witness: most_kib DOMID, least_kib DOMID
most_kib() { awk -v d="$1" '$1 == "D" && $3 == d && $4 > most { most = $4 } END { print most + 0 }' "$log"; }
least_kib() {
    awk -v d="$1" '$1 == "D" && $3 == d && $4 != "gone" && (!least || $4 < least) { least = $4 } END { print least + 0 }' "$log"
}

# average_kib DOMID FROM_US TO_US: what it had, over time
average_kib() {
    awk -v d="$1" -v from="$2" -v to="$3" '
        function add(until) { if (until > at) sum += held * (until - at) / (to - from); at = until }
        BEGIN { at = from }
        $1 == "D" && $3 == d { if ($2 > from) add($2 < to ? $2 : to); held = $4 }
        END { add(to); printf "%d\n", sum }' "$log"
}

now_us() { awk '{ printf "%d\n", $1 * 1000000 }' /proc/uptime; }

# Invariant I1, seen from outside: the host never promised more than it has. (What a toolstack does counts too, so
# this is for scenarios in which nobody creates guests while the witness looks on.)
check_ledger() {
    worst=$(awk '$1 == "H" && (!seen++ || $4 < least) { least = $4 } END { print least + 0 }' "$log")
    check "the host never promised more than it has (surplus at least $((worst / 1024)) MiB)" [ "$worst" -ge 0 ]
}

# check_within DOMID FLOOR CEILING: what it had, always; 2 MiB for what a type has beyond its target
check_within() {
    check_equal "domain $1 stayed between $2 and $3 MiB ($(($(least_kib "$1") / 1024)) .. $(($(most_kib "$1") / 1024)))" \
        "$(awk -v least="$(least_kib "$1")" -v most="$(most_kib "$1")" -v floor="$2" -v ceiling="$3" \
            'BEGIN { print (least >= floor * 1024) (most <= (ceiling + 2) * 1024) }')" 11
}

# ---- the daemons

# write_conf [LINE...]: lines of [balloon]. Most scenarios want a VM managed as soon as it appears.
write_conf() {
    mkdir -p /etc/pagemeter /var/lib/pagemeter
    {
        printf '[meter]\ninterval = 250ms\n[store]\ndb = %s\n[balloon]\nmode = on\n' $db
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >$conf
}

is_metering() { [ -S /run/pagemeter/stream.sock ]; }
is_ballooning() { pagemeter balloon list >/dev/null 2>&1; }

start_meter() {
    pagemeterd -c $conf 2>>$out/pagemeterd.log &
    meter=$!
    until_true 10 is_metering || flunk "pagemeterd has no stream"
}

start_balloon() {
    pageballoond -c $conf 2>>$out/pageballoond.log &
    balloon=$!
    until_true 10 is_ballooning || flunk "pageballoond does not answer"
}

# start_daemons [LINE...]: both, with such lines of [balloon]
start_daemons() {
    write_conf "$@"
    start_meter
    start_balloon
}

is_alive() { kill -0 "$1" 2>/dev/null; }

# The last check of every scenario with daemons.
check_daemons() {
    check "pagemeterd is still there" is_alive "$meter"
    check "pageballoond is still there" is_alive "$balloon"
}

# stop_meter: as at a shutdown; the bill is complete afterwards
stop_meter() {
    kill -TERM "$meter"
    wait "$meter" 2>/dev/null
}

# usage_value DOMID COLUMN: summed up over the rows of the domain's life
usage_value() {
    pagemeter usage --db $db --by life,hour --format csv | awk -F, -v domid="/$1/" -v name="$2" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        index($column["life"], domid) { sum += $column[name] }
        END { printf "%.0f\n", sum }'
}

# billed_kib DOMID: the average that is billed for what was measured
billed_kib() { awk -v u="$(usage_value "$1" kib_ns)" -v t="$(usage_value "$1" measured_ns)" 'BEGIN { printf "%d\n", t ? u / t : 0 }'; }

set_vm() {
    pagemeter balloon set "$@" >>$out/tool.log 2>&1 || flunk "pagemeter balloon set $*: $(tail -n 1 $out/tool.log)"
}

target_kib() { xenstore-read /local/domain/"$1"/memory/target; }
has_target_below() { [ "$(target_kib "$1")" -lt "$2" ]; }
has_at_least() { [ "$(domain_kib "$1")" -ge "$2" ]; }
has_at_most() { [ "$(domain_kib "$1")" -le "$2" ]; }
is_answering() { [ "$(lab-gexec "$1" 'echo yes')" = yes ]; }

# What is left behind of every scenario with daemons: what they say of each VM, and their stores.
keep_evidence() {
    [ -n "${balloon:-}" ] || return 0
    {
        timeout 5 pagemeter balloon list
        timeout 5 pagemeter balloon host
        xl list | awk 'NR > 1 && $2 > 0 { print $1 }' | while read -r name; do
            timeout 5 pagemeter explain "$name"
        done
    } >$out/explain.log 2>&1
    mkdir -p $out/db
    cp -r $db/. $out/db/
}
trap keep_evidence EXIT

# say TEXT: a line for people, between the checks
say() { printf '    %s\n' "$*"; }
