#!/bin/bash
# mutants.sh SIM [NAME...] - each safety of memory on demand, turned off: a scenario or a property
# must then fail.
set -u
sim=$1
shift
[ $# -gt 0 ] || mapfile -t names < <("$sim" --safeties | grep '^balloon-')
[ $# -eq 0 ] || names=("$@")
passed=0 failed=0

for name in "${names[@]}"; do
    if PAGEMETER_SAFETY_OFF=$name timeout 300 "$sim" --seed 1 --hosts 5000 >/dev/null 2>&1; then
        echo "FAIL without the safety $name nothing fails"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
