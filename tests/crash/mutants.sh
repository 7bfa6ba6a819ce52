#!/bin/bash
# mutants.sh BUILD - each safety of the store, the queue and a command's transaction, turned off: a
# test must then fail.
set -u
build=$1
here=$(dirname "$0")
passed=0 failed=0

must_fail() { # must_fail SAFETY PROGRAM TESTS...
    local safety=$1 program=$2
    shift 2
    if PAGEMETER_SAFETY_OFF=$safety timeout 120 python3 "$here/$program" "$@" "$build" >/dev/null 2>&1; then
        echo "FAIL without the safety $safety nothing fails"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

must_fail store-transaction run.py --only kill-disk --every 9
# A fault that outlasts a batch: a single one is healed when the batch's ticks are tried alone.
must_fail store-retry run.py --only full-disk
must_fail queue-bound run.py --only full_file_system
must_fail store-lock run.py --only second_writer
must_fail billing-transaction billing.py --only 'close kill-call' --every 2
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
