#!/bin/sh
# Configures (once) and builds one preset: tools/cmake.sh PRESET [JOBS [TARGET...]]
# Quiet when all is well; ninja says what failed.
set -eu
cd "$(dirname "$0")/.."
preset=$1
jobs=${2:-2}
shift
[ $# -eq 0 ] || shift

# One build at a time per preset: two makes in one tree would otherwise spoil each other's objects.
if [ -z "${CLIPROXY_BUILD_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
    mkdir -p build
    CLIPROXY_BUILD_LOCKED=1 exec flock "build/.$preset.lock" "$0" "$preset" "$jobs" "$@"
fi

if [ ! -f "build/$preset/build.ninja" ]; then
    log=build/$preset.configure.log
    mkdir -p build
    if ! cmake --preset "$preset" >"$log" 2>&1; then
        cat "$log" >&2
        echo "cmake could not configure the preset $preset; see above (try: make deps)" >&2
        rm -f "build/$preset/build.ninja"
        exit 1
    fi
fi
[ $# -gt 0 ] || set -- all
# Progress is for people; with CLIPROXY_QUIET only what a compiler says is printed, about every file.
[ -z "${CLIPROXY_QUIET:-}" ] || set -- "$@" -- --quiet -k 0
exec cmake --build "build/$preset" -j "$jobs" --target "$@"
