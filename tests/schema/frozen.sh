#!/bin/bash
# frozen.sh - a migration that main has had does not change: who has applied it would never get the change.
#
#     frozen.sh             every migration is as frozen.sha256 has it, and nothing else is there
#     frozen.sh --add       adds to frozen.sha256 those that are new
#
# What must be different is a migration of its own, with the next number. The last line is "N passed, M failed".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sums=$here/frozen.sha256
passed=0 failed=0

migrations() { (cd "$1" && find schema -name '[0-9]*.sql' | LC_ALL=C sort); }

# as_listed ROOT: says what is not
as_listed() {
    (cd "$1" && sha256sum --check --strict --quiet "$sums") 2>&1 &&
        diff <(migrations "$1") <(sed 's/^[0-9a-f]*  //' "$sums")
}

check() { # check WHAT COMMAND...
    local what=$1 said
    shift
    if said=$("$@"); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n%s\n' "$what" "$said"
    fi
}

refused() { ! as_listed "$copy" >/dev/null; }

cd "$here/../.."
if [ "${1:-}" = --add ]; then
    for file in $(migrations .); do
        grep -q "  $file\$" "$sums" || sha256sum "$file"
    done >"$sums.new"
    cat "$sums.new" >>"$sums"
    LC_ALL=C sort -k 2 -o "$sums" "$sums"
    rm "$sums.new"
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R schema "$copy"
check "a migration is not as it was: what is new belongs into one with the next number" as_listed .
first=$(migrations . | head -1)
echo "-- a word more" >>"$copy/$first"
check "a migration that has a word more is taken" refused
cp "$first" "$copy/$first"
check "a copy is refused" as_listed "$copy"
rm "$copy/$first"
check "a migration may be missing" refused
cp "$first" "$copy/$first"
cp "$first" "$copy/${first%/*}/9999_more.sql"
check "a migration may come without being listed" refused
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
