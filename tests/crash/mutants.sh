#!/bin/bash
# mutants.sh BUILD - each safety of the store and the queue, turned off: a test must then fail.
set -u
build=$1
here=$(dirname "$0")
passed=0 failed=0

must_fail() { # must_fail SAFETY TESTS...
    local safety=$1
    shift
    if PAGEMETER_SAFETY_OFF=$safety timeout 120 python3 "$here/run.py" "$@" "$build" >/dev/null 2>&1; then
        echo "FAIL without the safety $safety nothing fails"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

must_fail store-transaction --only kill-disk --every 9
# A fault that outlasts a batch: a single one is healed when the batch's ticks are tried alone.
must_fail store-retry --only full-disk
must_fail queue-bound --only full_file_system
must_fail store-lock --only second_writer
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
