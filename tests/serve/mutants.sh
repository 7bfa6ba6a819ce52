#!/bin/bash
# mutants.sh BUILD - the safety of what is shown, turned off: a test of api.py must then fail, which holds with it.
set -u
build=$1
here=$(dirname "$0")

tell() { # tell [SAFETY]: does it hold?
    PAGEMETER_SAFETY_OFF=${1:-} timeout 120 python3 "$here/api.py" "$build/test/bin" test_weeks_are_what_is_billed_now >/dev/null 2>&1
}

if ! tell; then
    echo "with every safety on it fails"
elif tell serve-kept; then
    echo "without the safety serve-kept nothing fails"
else
    echo "1 passed, 0 failed"
    exit 0
fi
echo "0 passed, 1 failed"
exit 1
