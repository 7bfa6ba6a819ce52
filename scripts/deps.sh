#!/bin/sh
# deps.sh SET... - install the Debian packages that a set needs, if any is missing.
#
# Says what it does, asks nothing as root; elsewhere it says what to run. Sets: build, guest,
# check, browser, cover, lint.
set -eu

packages_of() {
    case $1 in
    build) echo gcc libc6-dev make pkg-config libsqlite3-dev libinih-dev libjson-c-dev nettle-dev libpq-dev libmicrohttpd-dev libcairo2-dev libxen-dev musl-tools ;;
    guest) echo gcc make musl-tools ;;
    check) echo libcmocka-dev sqlite3 postgresql python3-minimal python3 mandoc hledger ledger prometheus clang libclang-rt-14-dev llvm openssl ;;
    browser)
        echo chromium
        # from Debian, or from elsewhere
        command -v node >/dev/null || echo nodejs
        command -v npm >/dev/null || echo npm
        ;;
    cover) echo gcovr ;;
    lint) echo clang-format clang-tidy shellcheck ;;
    *)
        echo "deps.sh: there is no set '$1'" >&2
        exit 2
        ;;
    esac
}

missing=
for set in "$@"; do
    for package in $(packages_of "$set"); do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "These packages are missing:$missing" >&2
    echo "Install them: sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
echo "Installing with apt-get:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
