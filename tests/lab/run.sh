#!/bin/bash
# run.sh - boot a real Xen host under QEMU, run one command in its dom0, return its exit status.
#
#   run.sh [options] -- COMMAND [ARGUMENT...]
#   run.sh [options] -c SCRIPT
#   run.sh [options] -I                 a shell in dom0
#
#   -p PROGRAM      put a program into dom0's PATH, with the shared libraries that dom0 lacks
#   -f FILE[:NAME]  put a file into /job/in, where the command runs
#   -d DIRECTORY    put a directory's contents there
#   -g FILE:PATH    put a file into every guest's ramdisk; executables in /etc/rc.d are started
#   -G DIRECTORY    put a directory's contents there
#   -o DIRECTORY    bring back what the command leaves in /job/out, and log/ of xl and the guests
#   -L FILE         keep the serial log of Xen and dom0's kernel
#   -t SECONDS      time limit of the whole run (600)
#   -m MB           the host's memory (2048)        -0 MB  dom0's (512)
#   -s COUNT        the host's CPUs (2)             -v COUNT  dom0's (1)
#   -V              in virtual time: an instruction takes a nanosecond, waiting takes none. Slower, but times
#                   inside do not depend on what else this machine does, and long sleeps cost nothing.
#                   -t stays this machine's time
#   -x ARGS         more for Xen's command line     -k ARGS   more for dom0's kernel's
#
# The output is streamed. Exit status: the command's; 124 when the time limit was hit; 125 when the lab
# failed. Needs no root and no KVM; any number of labs may run at once. -p, -f, -d, -g, -G may be repeated.
# Everything started here ends with this script, even when it is killed.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lab=${LAB_DIR:-$(cd "$here/../.." && pwd)/build/lab}
host_mb=2048 dom0_mb=512 cpus=2 dom0_cpus=1 limit_s=600
accel='tcg,thread=multi' virtual_time=()
xen_args='' kernel_args='' out='' serial_log='' has_command=''

fail() {
    echo "run.sh: $*" >&2
    exit 125
}

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 125
}

# "FILE" or "FILE:NAME", below the directory $1.
put() {
    local to=$1 file=${2%%:*} name=${2#*:}
    [ "$name" != "$2" ] || name=$(basename "$file")
    mkdir -p "$to/$(dirname "$name")"
    cp -L "$file" "$to/$name" || fail "cannot copy $file"
}

# The libraries of the dom0 image are those that Debian has for its Xen: they win over this machine's.
put_program() {
    local library
    mkdir -p "$job/programs/bin" "$job/programs/lib"
    cp -L "$1" "$job/programs/bin/" || fail "cannot copy $1"
    for library in $(ldd "$1" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'); do
        grep -qxF "$(basename "$library")" "$lab/dom0.libs" || cp -L "$library" "$job/programs/lib/"
    done
}

[ -f "$lab/dom0.cpio" ] || fail "no images; run $here/build.sh"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/xenlab.XXXXXX") || exit 125
trap 'rm -rf "$scratch"' EXIT
job=$scratch/job
mkdir -p "$job/in" "$job/out"

is_shell=''
while getopts p:f:d:g:G:o:L:t:m:0:s:v:x:k:c:IV option; do
    case $option in
        p) put_program "$OPTARG" ;;
        f) put "$job/in" "$OPTARG" ;;
        d) cp -RL "$OPTARG/." "$job/in/" || fail "cannot copy $OPTARG" ;;
        g) put "$job/guest" "$OPTARG" ;;
        G) mkdir -p "$job/guest"; cp -RL "$OPTARG/." "$job/guest/" || fail "cannot copy $OPTARG" ;;
        c) cp "$OPTARG" "$job/cmd" || fail "cannot copy $OPTARG"; has_command=1 ;;
        I) is_shell=1 ;;
        V) accel='tcg,thread=single' virtual_time=(-icount 'shift=0,sleep=off') ;;
        o) out=$OPTARG ;;
        L) serial_log=$OPTARG ;;
        t) limit_s=$OPTARG ;;
        m) host_mb=$OPTARG ;;
        0) dom0_mb=$OPTARG ;;
        s) cpus=$OPTARG ;;
        v) dom0_cpus=$OPTARG ;;
        x) xen_args=$OPTARG ;;
        k) kernel_args=$OPTARG ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
if [ -z "$has_command" ] && [ $# -gt 0 ]; then
    printf '%q ' "$@" >"$job/cmd"
elif [ -z "$has_command$is_shell" ]; then
    usage
fi
[ -n "$serial_log" ] || serial_log=$scratch/serial.log

# A comma separates QEMU's options and Xen's modules; one that is meant has to be doubled.
escaped() { echo "${1//,/,,}"; }

# - The CPU model decides everything. QEMU's XSAVE under Xen corrupts dom0 at random; SMAP, MWAIT and
#   RDTSCP fail in other ways; without npt there are no PVH guests (Debian's Xen has no shadow paging);
#   without rdrand the first random number takes minutes.
# - dom0's TSC watchdog gives up the tsc under load, in mid-run, for a clock that costs 200 times more.
# - -no-reboot and panic=1 turn a crash of Xen or dom0 into an early end.
# - What follows tsc= and guest_loglvl= only saves time: half a second here and there.
# - setpriv ends QEMU should this script be killed outright.
start_qemu() {
    local xen_line kernel_line
    xen_line="console=com1 com1=115200 dom0_mem=${dom0_mb}M,max:${dom0_mb}M dom0_max_vcpus=$dom0_cpus"
    xen_line+=" loglvl=info guest_loglvl=info bootscrub=0 spec-ctrl=no"
    kernel_line="console=hvc0 loglevel=4 panic=1 tsc=nowatchdog"
    kernel_line+=" mitigations=off rodata=off lsm= audit=0 cryptomgr.notests"
    setpriv --pdeathsig TERM timeout --foreground -k 5 "$limit_s" qemu-system-x86_64 \
        -accel "$accel" "${virtual_time[@]}" -cpu qemu64,+npt,+rdrand -m "$host_mb" -smp "$cpus" \
        -nodefaults -no-user-config -display none -nic none -no-reboot \
        -kernel "$lab/xen" \
        -append "$xen_line $xen_args" \
        -initrd "$lab/vmlinux-dom0 $kernel_line $(escaped "$kernel_args"),$lab/dom0.cpio" \
        -chardev "file,id=serial,path=$(escaped "$serial_log")" -serial chardev:serial \
        -device virtio-serial-pci -chardev stdio,id=out,signal=off \
        -device virtserialport,chardev=out,name=lab.out \
        -virtfs "local,path=$(escaped "$job"),mount_tag=job,security_model=none,id=job" \
        <&9 >"$scratch/stdout" &
    qemu=$!
}

# QEMU closes the port when its standard input ends, so that must stay open; and it makes both its ends
# non-blocking, which would leak into a terminal or a pipe shared with others. So: a fifo on either side.
mkfifo "$scratch/stdin" "$scratch/stdout"
exec 8<&0 9<>"$scratch/stdin"
cat "$scratch/stdout" &
reader=$!
writer=''
if [ -n "$is_shell" ]; then
    cat <&8 >&9 &
    writer=$!
fi
start_qemu
# shellcheck disable=SC2086  # writer may be absent
trap 'kill $qemu $writer 2>/dev/null; wait $qemu; kill $reader 2>/dev/null; exit 125' INT TERM HUP
wait "$qemu"
ended=$?
wait "$reader"
trap - INT TERM HUP
[ -z "$writer" ] || kill "$writer" 2>/dev/null

if [ -n "$out" ]; then
    mkdir -p "$out"
    cp -R "$job/out/." "$out/"
    cp -R "$job/log" "$out/" 2>/dev/null
fi
if [ -f "$job/rc" ]; then
    exit "$(cat "$job/rc")"
fi
echo "run.sh: no exit status came back (qemu ended with $ended); the end of the serial log:" >&2
tail -n 25 "$serial_log" >&2
[ $ended -ne 124 ] || exit 124
exit 125
