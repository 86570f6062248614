#!/bin/sh
# Installs what the program needs (Debian 12 or 13), builds it and runs the main job.
set -eu
cd "$(dirname "$0")/.."
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
root apt-get update -qq
root apt-get install -y -qq --no-install-recommends gcc libc6-dev meson ninja-build pkg-config \
    python3 git libsimgrid-dev libyaml-dev libjansson-dev zlib1g-dev libsqlite3-dev >/dev/null
[ -d build ] || meson setup build -Dtests=disabled
ninja -C build
exec build/tools/bitline run hawis resnet20 --trace build/resnet20.json --csv build/resnet20
