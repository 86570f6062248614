#!/bin/sh
# Installs what the tests need besides (Debian 12 or 13), builds and runs them. Arguments go to
# `meson setup` (CI: -Dwerror=true).
set -eu
cd "$(dirname "$0")/.."
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
root apt-get update -qq
root apt-get install -y -qq --no-install-recommends gcc libc6-dev meson ninja-build pkg-config \
    python3 python3-yaml git libsimgrid-dev libyaml-dev libjansson-dev zlib1g-dev libsqlite3-dev libcmocka-dev \
    libdnnl-dev libopenmpi-dev openmpi-bin gnuplot-nox locales clang-format >/dev/null
if [ ! -d build-test ]; then
    meson setup build-test -Dtests=enabled "$@"
elif [ $# -gt 0 ]; then
    meson configure build-test "$@"
fi
ninja -C build-test
exec meson test -C build-test --no-rebuild --print-errorlogs
