#!/bin/sh
# The long checks, one after the other: clang, sanitizers, valgrind, clang-tidy, cppcheck. Needs
# clang, clang-tidy, cppcheck, valgrind and strace beside what the tests need. Build folders are kept.
set -eu
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$1"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The end of what the tests say; all of it, and no further, if one fails.
tests() {
    meson test --no-rebuild --print-errorlogs "$@" >"$log" || { cat "$log"; exit 1; }
    tail -n 9 "$log"
}

step "clang"
[ -d build-clang ] || CC=clang meson setup build-clang -Dtests=enabled >/dev/null
ninja -C build-clang >/dev/null
tests -C build-clang

step "address and undefined behaviour sanitizers"
[ -d build-san ] || meson setup build-san -Dtests=enabled -Db_sanitize=address,undefined \
    -Db_lundef=false >/dev/null
ninja -C build-san >/dev/null
tests -C build-san --timeout-multiplier 10 --no-suite style

# By gcc: valgrind 3.19 cannot read the debug information of clang 14.
step "valgrind"
[ -d build-test ] || meson setup build-test -Dtests=enabled >/dev/null
ninja -C build-test >/dev/null
tests -C build-test --timeout-multiplier 30 \
    --suite base --suite conf --suite nets --suite models --suite map --suite energy --suite traces \
    --wrapper 'valgrind -q --error-exitcode=9 --leak-check=full'

step "10,000 random networks"
GRAPHS=10000 build-test/tests/graphs/test_graphs
GRAPHS=10000 build-test/tests/graphs/test_events

step "failing system calls"
meson test -C build-test --no-rebuild --suite torture --print-errorlogs

step "clang-tidy"
git ls-files '*.c' | grep -v '^tests/' | {
    bad=0
    while read -r file; do
        clang-tidy -quiet -p build-clang "$file" 2>/dev/null || { echo "clang-tidy: $file"; bad=1; }
    done
    exit $bad
}

step "cppcheck"
cppcheck --project=build-clang/compile_commands.json --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --inline-suppr --error-exitcode=1 --quiet -ibuild-clang \
    --suppress='*:*/build-clang/*'
echo
echo "all clean"
