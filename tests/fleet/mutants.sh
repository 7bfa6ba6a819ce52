#!/bin/bash
# mutants.sh BUILD - each safety of shipping and of what many hosts share, turned off: a story of ship.py, or a case of
# books.py, must then fail, which holds with it.
set -u
build=$1
here=$(dirname "$0")
passed=0 failed=0

tell() { # tell STORY [SAFETY]: does it hold?
    PAGEMETER_SAFETY_OFF=${2:-} timeout 180 python3 "$here/${3:-ship.py}" --only "$1" "$build/test/bin" >/dev/null 2>&1
}

must_fail() { # must_fail SAFETY STORY [PROGRAM]
    if ! tell "$2" "" "${3:-}"; then
        echo "FAIL $2, with every safety on"
        failed=$((failed + 1))
    elif tell "$2" "$1" "${3:-}"; then
        echo "FAIL without the safety $1 nothing fails"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

must_fail ship-pruned prune
must_fail ship-delivered lost
must_fail ship-older-copy older_copy
must_fail rated-once an_hour_of_several_lives_is_sealed_as_one books.py
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
