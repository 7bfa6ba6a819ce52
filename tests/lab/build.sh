#!/bin/bash
# build.sh - make the images of the Xen lab out of Debian packages.
#
#   build/lab/xen           the hypervisor, as the 32-bit multiboot ELF that QEMU's -kernel takes
#   build/lab/vmlinux-dom0  dom0's kernel, unpacked: Xen would take seconds over it under emulation
#   build/lab/dom0.cpio     dom0's file system; the guests' kernel and ramdisk lie in its /guest
#   build/lab/dom0.libs     the shared libraries in it, by name (run.sh brings the missing ones)
#   build/lab/guest-web     Apache, what it loads, and web/: more for the guests of balloon/web.sh
#   build/lab/cache         the packages, kept from build to build
#
# Nothing of Xen is installed here. Needs no root, except to install what `packages` lists under
# "host". Builds again only when this script, `packages` or something in src/ or web/ has changed.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
lab=${LAB_DIR:-$(cd "$here/../.." && pwd)/build/lab}
cache=$lab/cache
work=$lab/work
xen_version=4.17
libdir=lib/x86_64-linux-gnu

say() { echo "lab: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

stamp_now() { cat "$here"/build.sh "$here"/packages "$here"/src/* "$here"/web/* | sha256sum; }

is_built() {
    [ -f "$lab/dom0.cpio" ] && [ -f "$lab/stamp" ] && [ "$(stamp_now)" = "$(cat "$lab/stamp")" ]
}

listed() { awk -v where="$1" '$1 == where { print $2 }' "$here/packages"; }

# ---- the machine's own part

refresh_lists() {
    [ "$(id -u)" = 0 ] || fail "the package lists are missing or too old; run as root: apt-get update"
    say "apt-get update"
    apt-get update -qq
}

has_lists() { apt-cache show linux-image-amd64 >/dev/null 2>&1; }

missing_here() {
    local where package proof
    while read -r where package proof; do
        [ "$where" = host ] || continue
        [ -e "$proof" ] || command -v "$proof" >/dev/null || echo "$package"
    done <"$here/packages"
}

install_missing() {
    local missing
    missing=$(missing_here | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || fail "missing here: ${missing% }; run as root: apt-get install --no-install-recommends $missing"
    say "installing ${missing% }"
    # shellcheck disable=SC2086  # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 $missing >"$lab/apt.log" 2>&1 || {
        cat "$lab/apt.log" >&2
        fail "could not install ${missing% }"
    }
}

# ---- packages

# The kernel that a kernel metapackage means today.
kernel_of() { apt-cache depends "$1" | awk '/Depends: linux-image-[0-9]/ { print $2; exit }'; }

# "PACKAGE FILE BYTES" for each argument, of the version that apt would take today.
deb_files() {
    local file bytes
    apt-get download --print-uris -qq "$@" | while read -r _ file bytes _; do
        echo "${file%%_*} $file $bytes"
    done
}

# Names the kernels and every package file, in $work/debs. With lists that are too old this
# succeeds and the download fails.
choose_packages() {
    dom0_kernel=$(kernel_of "$(listed dom0-kernel)")
    guest_kernel=$(kernel_of "$(listed guest-kernel)")
    # shellcheck disable=SC2046  # a list of names
    deb_files $(listed dom0) $(listed web) "$dom0_kernel" "$guest_kernel" >"$work/debs"
}

download_missing() {
    local package file bytes absent=() total=0
    while read -r package file bytes; do
        [ -f "$cache/$file" ] && continue
        absent+=("$package")
        total=$((total + bytes))
    done <"$work/debs"
    [ ${#absent[@]} -gt 0 ] || return 0
    say "downloading ${#absent[@]} packages, $((total / 1000000)) MB, kept for the next time"
    # As root apt would drop to a user that may not be able to write here.
    (cd "$cache" && apt-get download -qq -o APT::Sandbox::User=root "${absent[@]}")
}

get_packages() {
    choose_packages
    download_missing && return
    refresh_lists
    choose_packages
    download_missing || fail "could not download the packages; see the lines above"
}

deb_of() { awk -v package="$1" -v cache="$cache" '$1 == package { print cache "/" $2 }' "$work/debs"; }

# A kernel package unpacks to 400 MB: take only the files named.
unpack_some() {
    local deb=$1 to=$2
    shift 2
    mkdir -p "$to"
    dpkg --fsys-tarfile "$deb" | tar -x -C "$to" "$@"
}

# ---- the parts

# What a PV dom0 needs to talk to Xen (xen-*), and QEMU's two ways in and out: a virtio serial
# port and a 9p share. dom0-init loads them, in the order that they depend on each other.
dom0_modules="
    drivers/xen/xen-privcmd drivers/xen/xenfs/xenfs drivers/xen/xen-evtchn
    drivers/xen/xen-gntdev drivers/xen/xen-gntalloc
    drivers/virtio/virtio drivers/virtio/virtio_ring drivers/virtio/virtio_pci_modern_dev
    drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci drivers/char/virtio_console
    fs/netfs/netfs fs/fscache/fscache net/9p/9pnet net/9p/9pnet_virtio fs/9p/9p"

# Disks and networks for guests, and swap in their memory. lab-disk and lab-guest load dom0's when the first is made,
# guest-init a guest's when its command line asks for one. ext4 is built into the guests' kernel.
dom0_disk_modules="drivers/block/brd drivers/block/xen-blkback/xen-blkback"
dom0_net_modules="drivers/net/xen-netback/xen-netback"
guest_modules="drivers/block/xen-blkfront drivers/net/xen-netfront mm/zsmalloc crypto/lzo-rle drivers/block/zram/zram"

# unpack_kernel_of PACKAGE DIRECTORY MODULE...
unpack_kernel_of() {
    local package=$1 to=$2 version=${1#linux-image-} module files
    shift 2
    files=./boot/vmlinuz-$version
    for module; do
        files="$files ./lib/modules/$version/kernel/$module.ko"
    done
    # shellcheck disable=SC2086  # a list of names
    unpack_some "$(deb_of "$package")" "$to" $files
}

unpack_all() {
    local package
    mkdir -p "$work/root"
    for package in $(listed dom0); do
        dpkg -x "$(deb_of "$package")" "$work/root"
    done
    for package in $(listed web); do
        dpkg -x "$(deb_of "$package")" "$work/web-root"
    done
    # shellcheck disable=SC2086  # lists of names
    unpack_kernel_of "$dom0_kernel" "$work/kernel" $dom0_modules $dom0_disk_modules $dom0_net_modules
    # shellcheck disable=SC2086
    unpack_kernel_of "$guest_kernel" "$work/guest-kernel" $guest_modules
}

# Takes the ELF kernel out of a bzImage: payload_offset and payload_length of its header say where
# it is (Linux, Documentation/x86/boot.rst).
unpack_kernel() {
    python3 - "$1" "$2" <<'EOF'
import lzma, struct, sys
image = open(sys.argv[1], 'rb').read()
setup_sectors = image[0x1f1] or 4
offset, length = struct.unpack_from('<II', image, 0x248)
start = (setup_sectors + 1) * 512 + offset
payload = image[start:start + length]
if not payload.startswith(b'\xfd7zXZ\0'):
    sys.exit('lab: dom0\'s kernel is not packed with xz, but %r' % payload[:6])
elf = lzma.LZMADecompressor().decompress(payload)
assert elf.startswith(b'\x7fELF')
open(sys.argv[2], 'wb').write(elf)
EOF
}

# Guests have no libc, and little memory: static, with musl. xsguest is used in dom0 too.
build_tools() {
    local usr=$work/root/usr src=$here/src program
    mkdir -p "$work/bin" "$work/guest-bin"
    for program in xsguest clockpong garbage hog reader; do
        musl-gcc -std=gnu11 -O2 -Wall -Wextra -ffunction-sections -static -s -Wl,--gc-sections \
            -o "$work/guest-bin/$program" "$src/$program.c" "$src/xenbus.c" "$src/memfile.c"
    done
    cp "$work/guest-bin/xsguest" "$work/bin/"
    for program in xcstat memwatch users; do
        gcc -std=gnu11 -O2 -Wall -Wextra -pthread -I"$usr/include" -o "$work/bin/$program" "$src/$program.c" \
            -L"$usr/$libdir" -Wl,-rpath-link,"$usr/$libdir" -Wl,--as-needed -lxenctrl -lxenstore
    done
}

# The archive's owner is root whoever builds it.
pack() { (cd "$1" && find . | sort | cpio -o -H newc --quiet -R 0:0); }

build_guest() {
    local guest=$work/guest
    mkdir -p "$guest/bin" "$guest/etc/rc.d" "$guest/lib/modules"
    cp "$work/root/bin/busybox" "$work/guest-bin"/* "$guest/bin/"
    find "$work/guest-kernel/lib/modules" -name '*.ko' -exec cp {} "$guest/lib/modules/" \;
    cp "$here/src/guest-init" "$guest/init"
    pack "$guest" >"$work/guest.cpio"
}

# Apache with the modules that web/apache2.conf loads, and the libraries of all of them.
build_web() {
    local web=$work/guest-web from=$work/web-root modules=usr/lib/apache2/modules library module
    mkdir -p "$web"/{bin,etc,$libdir,lib64,$modules,srv}
    cp "$from/usr/sbin/apache2" "$web/bin/"
    awk '$1 == "LoadModule" { print $3 }' "$here/web/apache2.conf" | while read -r module; do
        cp "$from/$module" "$web/$modules/"
    done
    LD_LIBRARY_PATH=$from/usr/$libdir:$from/$libdir:$work/root/usr/$libdir:$work/root/$libdir \
        ldd "$web/bin/apache2" "$web/$modules"/* | awk '$3 ~ /^\// { print $3 }' | sort -u >"$work/web.libs"
    while read -r library; do
        cp -L "$library" "$web/$libdir/"
    done <"$work/web.libs"
    cp -L "$work/root/$libdir/ld-linux-x86-64.so.2" "$web/lib64/"
    cp "$here/web/apache2.conf" "$web/etc/"
    cp "$here/web/page.lua" "$web/srv/"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$web/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$web/etc/group"
}

# The shared libraries that the programs of the dom0 tree at $1 load, as paths in the unpacked packages.
libraries_of() {
    local program
    for program in "$1/usr/lib/xen-$xen_version/bin"/* "$1"/bin/*; do
        LD_LIBRARY_PATH=$work/root/usr/$libdir:$work/root/$libdir ldd "$program" 2>/dev/null |
            awk '$3 ~ /^\// { print $3 }'
    done | sort -u
    # Loaded by pthread_cancel, so ldd does not know. Without it xl aborts after creating a guest, and
    # nobody is left to watch the domain.
    echo "$work/root/$libdir/libgcc_s.so.1"
}

build_dom0() {
    local dom0=$work/dom0 xen=usr/lib/xen-$xen_version/bin program library
    mkdir -p "$dom0"/{bin,sbin,etc/xen,$libdir,lib/modules,lib64,$xen,guest,root}
    cp "$here/src/dom0-init" "$dom0/init"
    cp "$work/root/bin/busybox" "$work/bin"/* "$here"/src/lab-* "$dom0/bin/"
    for program in xl xenstored oxenstored xenconsoled xenconsole libxl-save-helper xen-init-dom0 xenstore-control; do
        cp "$work/root/$xen/$program" "$dom0/$xen/"
    done
    for program in list ls read write rm watch exists chmod; do
        cp "$work/root/usr/bin/xenstore-$program" "$dom0/bin/"
    done
    find "$work/kernel/lib/modules" -name '*.ko' -exec cp {} "$dom0/lib/modules/" \;

    printf 'autoballoon="off"\n' >"$dom0/etc/xen/xl.conf"
    cp "$work/root/etc/xen/oxenstored.conf" "$dom0/etc/xen/"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$dom0/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$dom0/etc/group"

    for library in $(libraries_of "$dom0"); do
        cp -L "$library" "$dom0/$libdir/"
    done
    cp -L "$work/root/$libdir/ld-linux-x86-64.so.2" "$dom0/lib64/"

    cp "$work/guest-kernel/boot/vmlinuz-${guest_kernel#linux-image-}" "$dom0/guest/vmlinuz"
    cp "$work/guest.cpio" "$dom0/guest/initrd"
    ls "$dom0/$libdir" "$dom0/lib64" >"$work/dom0.libs"
    pack "$dom0" >"$work/dom0.cpio"
}

build() {
    local started=$SECONDS
    install_missing
    rm -rf "$work"
    mkdir -p "$work"
    get_packages
    say "building the images"
    unpack_all
    gunzip -c "$work/root/boot/xen-$xen_version-amd64.gz" >"$work/xen"
    unpack_kernel "$work/kernel/boot/vmlinuz-${dom0_kernel#linux-image-}" "$work/vmlinux-dom0"
    build_tools
    build_guest
    build_web
    build_dom0
    # By rename: a lab that is starting just now has either the old image or the new one.
    mv "$work"/{xen,vmlinux-dom0,dom0.cpio,dom0.libs} "$lab/"
    rm -rf "$lab/guest-web"
    mv "$work/guest-web" "$lab/"
    stamp_now >"$lab/stamp"
    rm -rf "$work"
    say "images built in $((SECONDS - started)) s: Xen $xen_version, dom0 ${dom0_kernel#linux-image-}"
}

! is_built || exit 0
mkdir -p "$cache"
exec 9>"$lab/lock"
flock 9                 # two builds at once: the second waits, and finds the work done
! is_built || exit 0
has_lists || refresh_lists
build
