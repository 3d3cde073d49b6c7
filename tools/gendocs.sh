#!/bin/sh
# Writes the reference pages that come from the program's own tables: tools/gendocs.sh [FOLDER]
# (default doc/). `make docs` builds first; lint compares the result with what is committed.
set -eu
cd "$(dirname "$0")/.."
out=${1:-doc}
bin=${GATEWAY_BIN:-build/cliproxyapi++}
[ -x "$bin" ] || {
    echo "gendocs: no $bin; run make build" >&2
    exit 1
}
mkdir -p "$out"
for page in config dialects metrics errors; do
    tmp=$out/.$page.md.new
    # A program that does not know a page yet says so with exit status 2 (usage): leave that page.
    if "$bin" docs "$page" >"$tmp" 2>/dev/null && [ -s "$tmp" ]; then
        mv "$tmp" "$out/$page.md"
    else
        rm -f "$tmp"
    fi
done
