#!/bin/sh
# Builds and tests other ways than the default one: sh tools/build-matrix.sh ROW...
#
#   gcc-release clang sanitize            what CI runs besides tools/run-tests.sh
#   debug plain minsize lto native        other build types, link-time optimisation, -march=native
#   newest                                gcc and clang of Debian 13
#   i386 aarch64                          32-bit x86; 64-bit ARM, cross-built, its tests under qemu
#
# Warnings are errors. The last three rows bootstrap a Debian of their own under BITLINE_ROOTS
# (default /var/tmp/bitline-roots; kept) and must run as root. CONTRIBUTING.md says more.
set -eu
cd "$(dirname "$0")/.."
roots=${BITLINE_ROOTS:-/var/tmp/bitline-roots}
programs="meson ninja-build pkg-config python3 python3-yaml git gnuplot-nox locales libc6-dev"
libraries="libsimgrid-dev libyaml-dev libjansson-dev zlib1g-dev libsqlite3-dev libcmocka-dev"

# The suites that do the arithmetic, and those that compare what a user sees.
modules="base conf nets workloads models chip map energy traces crossbar"
events="events laws graphs"
inputs="golden names store"

install() {
    missing=
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    sudo=sudo
    [ "$(id -u)" != 0 ] || sudo=
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null
}

# build ROW SETUP-ARGUMENT...
build() {
    row=$1
    shift
    [ -f "build-$row/build.ninja" ] ||
        meson setup "build-$row" -Dtests=enabled -Dwerror=true "$@" >/dev/null
    ninja -C "build-$row" ${JOBS:+-j$JOBS} >"build-$row/log" || { cat "build-$row/log"; exit 1; }
}

# tests ROW SUITES [ARGUMENT...]
tests() {
    row=$1
    suites=
    for suite in $2; do
        suites="$suites --suite $suite"
    done
    shift 2
    # shellcheck disable=SC2086
    meson test -C "build-$row" --no-rebuild --print-errorlogs --timeout-multiplier 10 $suites "$@" \
        >"build-$row/log" || { cat "build-$row/log"; exit 1; }
    grep -E '^(Ok|Fail|Skipped):' "build-$row/log"
}

# in_debian RELEASE ARCHITECTURE PACKAGES COMMAND: in the tracked files of this folder.
in_debian() {
    root=$roots/$1-$2
    command -v debootstrap >/dev/null || install debootstrap
    if [ ! -f "$root/ready" ]; then
        rm -rf --one-file-system "$root" # of a bootstrap that was stopped
        mkdir -p "$root"
        debootstrap --variant=minbase --arch="$2" --include=ca-certificates "$1" "$root" >/dev/null
        touch "$root/ready"
    fi
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    mkdir -p "$root/bitline"
    find "$root/bitline" -mindepth 1 -maxdepth 1 ! -name 'build-*' -exec rm -rf {} +
    git ls-files -z | tar -c --null -T - | tar -x -C "$root/bitline"
    # The mounts end with the command.
    # shellcheck disable=SC2016
    unshare --mount sh -c 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" &&
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
            JOBS="$3" DEBIAN_FRONTEND=noninteractive chroot "$0" sh -ec "cd /bitline
            apt-get update -qq
            apt-get install -y -qq --no-install-recommends $1 >/dev/null
            $2"' "$root" "$3" "$4" "${JOBS:-}"
}

# Programs that scripts run themselves, not through Meson: each becomes a script that calls qemu.
through_qemu() {
    find "build-$1" -type f -perm -u+x ! -name 'test_*' ! -name 'bench_*' ! -name '*.real' \
        -exec sh -c 'head -c 4 "$1" | grep -q ELF' sh {} \; -print | while read -r program; do
        mv "$program" "$program.real"
        # shellcheck disable=SC2016
        printf '#!/bin/sh\nexec qemu-aarch64 -L /usr/aarch64-linux-gnu "%s.real" "$@"\n' \
            "$PWD/$program" >"$program"
        chmod +x "$program"
    done
}

row() {
    case $1 in
    gcc-release)
        build "$1" -Dbuildtype=release
        tests "$1" "$modules $events $inputs"
        ;;
    clang)
        command -v clang >/dev/null || install clang
        CC=clang build "$1"
        tests "$1" "$modules $events golden"
        ;;
    sanitize)
        build "$1" -Db_sanitize=address,undefined -Db_lundef=false
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 tests "$1" "$modules $inputs"
        ;;
    debug | plain | minsize)
        build "$1" -Dbuildtype="$1"
        tests "$1" "$modules $events golden"
        ;;
    lto)
        build "$1" -Dbuildtype=release -Db_lto=true -Db_lto_threads=2
        tests "$1" "$modules $events golden"
        ;;
    native)
        build "$1" -Dbuildtype=release -Dc_args=-march=native
        tests "$1" "$modules $events golden"
        ;;
    newest)
        in_debian trixie amd64 "gcc clang libdnnl-dev $programs $libraries" \
            "sh tools/build-matrix.sh gcc-release clang"
        ;;
    i386)
        in_debian bookworm i386 "gcc $programs $libraries" "sh tools/build-matrix.sh gcc-release"
        ;;
    aarch64)
        arm=
        for library in $libraries libdnnl-dev; do
            arm="$arm $library:arm64"
        done
        in_debian bookworm amd64 "gcc-aarch64-linux-gnu qemu-user $programs" \
            "dpkg --add-architecture arm64
            apt-get update -qq
            apt-get install -y -qq --no-install-recommends $arm >/dev/null
            sh tools/build-matrix.sh cross-aarch64"
        ;;
    cross-aarch64) # inside the Debian of the row before
        build "$1" --cross-file tools/aarch64.ini
        through_qemu "$1"
        tests "$1" "$modules golden"
        ;;
    *)
        echo "build-matrix.sh: there is no row '$1'; the head of this file lists them" >&2
        exit 2
        ;;
    esac
}

[ $# -gt 0 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
for name in "$@"; do
    printf '\n== %s\n' "$name"
    row "$name"
done
