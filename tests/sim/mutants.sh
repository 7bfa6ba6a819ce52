#!/bin/bash
# mutants.sh SIM [NAME...] - each safety of memory on demand, turned off: a scenario or a property
# must then fail that does not fail with all of them on.
set -u
sim=$1
shift
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <("$sim" --safeties | grep '^balloon-')
passed=0 failed=0

# What fails, a line each: scenarios, properties, and the properties' numbers of failed hosts.
failures() {
    PAGEMETER_SAFETY_OFF=$1 timeout 300 "$sim" --seed 1 --hosts 5000 | grep -E '^FAIL|failed$'
}

with_all=$(failures none)
for name in "${names[@]}"; do
    if [ "$(failures "$name")" = "$with_all" ]; then
        echo "FAIL without the safety $name nothing fails"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
