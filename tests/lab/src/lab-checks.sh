# lab-checks.sh - for the lab's test scripts in dom0: `. lab-checks.sh`
#
# A check prints "ok   WHAT" or "FAIL WHAT: what was wrong" and is counted; the script ends with
# `checks_end`.
# shellcheck shell=sh
checks_ok=0
checks_failed=0

uptime_s() { cut -d' ' -f1 /proc/uptime; }

section() { printf '\n[%7s] %s\n' "$(uptime_s)" "$*"; }

pass() {
    checks_ok=$((checks_ok + 1))
    printf '[%7s] ok   %s\n' "$(uptime_s)" "$*"
}

flunk() {
    checks_failed=$((checks_failed + 1))
    printf '[%7s] FAIL %s\n' "$(uptime_s)" "$*"
}

# checks_end: the last line and the exit status of a test script
checks_end() {
    printf '\n%d passed, %d failed\n' "$checks_ok" "$checks_failed"
    [ "$checks_failed" = 0 ]
}

# check_equal WHAT GOT WANTED
check_equal() {
    if [ "$2" = "$3" ]; then pass "$1 ($2)"; else flunk "$1: got '$2', wanted '$3'"; fi
}

# check WHAT COMMAND...: the command succeeds
check() {
    checked=$1
    shift
    if "$@"; then pass "$checked"; else flunk "$checked: $* gave status $?"; fi
}

# check_none WHAT COMMAND...: the command finds nothing; what it finds is what is wrong. (Not the end of a
# pipeline: a subshell would count for itself alone.)
check_none() {
    checked=$1
    shift
    wrong=$("$@" | head -n 5)
    if [ -z "$wrong" ]; then pass "$checked"; else flunk "$checked: $wrong"; fi
}

# until_true SECONDS COMMAND...: tries every 50 ms
until_true() {
    deadline=$(uptime_s)
    deadline=$((${deadline%.*} + $1 + 1))
    shift
    until "$@"; do
        moment=$(uptime_s)
        [ "${moment%.*}" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# A domain as the hypervisor sees it, a field of xcstat's line. Empty when it is gone; that is asked
# three times, since on a busy emulator a program was once seen to end without a word.
domain_field() {
    for try in 1 2 3; do
        field=$(xcstat "$1" | cut -d' ' -f"$2")
        if [ -n "$field" ]; then
            echo "$field"
            return 0
        fi
        [ "$try" = 3 ] || echo "lab: no answer on domain $1, asked $try times" >&2
    done
}
domain_uuid() { domain_field "$1" 3; }
domain_kib() { domain_field "$1" 4; }
domain_flags() { domain_field "$1" 7; }

has_kib() { [ "$(domain_kib "$1")" = "$2" ]; }
has_flag() { case $(domain_flags "$1") in *"$2"*) ;; *) return 1 ;; esac; }
is_gone() { ! xcstat "$1" >/dev/null; }

# settled_kib DOMID KIB: waits until the domain has so much, and prints what it has
settled_kib() {
    until_true 10 has_kib "$1" "$2"
    domain_kib "$1"
}
