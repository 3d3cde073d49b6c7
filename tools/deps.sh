#!/bin/sh
# Installs what this project needs: tools/deps.sh [build|check|bench|fuzz]
#
#   build  compiler, cmake, ninja, the libraries             (the default)
#   fuzz   build + clang with libFuzzer + python3
#   check  fuzz + clang-format, pytest in build/venv, and the npm packages of tests/sdk in build/sdk
#          and of tests/agents in build/agents
#   bench  build + nginx, wrk, python3
#
# On Debian 12 and 13 as root or with sudo. Does nothing, fast and without the network, when all is
# there; what is there is asked from the tools themselves (command -v, pkg-config), so a compiler or
# node from elsewhere counts. On other systems it names what is missing and stops.
#
#   CLIPROXY_PYTHON=/path/python3   use this interpreter, with what it has, instead of build/venv
#   CLIPROXY_NO_INSTALL=1           never install; name what is missing and fail
#   CLIPROXY_NO_AGENTS=1            do without the coding agents (1.3 GB)
set -eu
cd "$(dirname "$0")/.."
mode=${1:-build}
log=build/deps.log

# ---- saying things ---------------------------------------------------------------------------

say() {
    echo "deps: $*"
}

# fail SENTENCE...: the end of the log, if there is one, then the sentence.
fail() {
    if [ -s "$log" ]; then
        tail -n 15 "$log" | sed 's/^/  | /' >&2
        echo "deps: (the whole log is in $log)" >&2
    fi
    echo "deps: $*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# ---- what is missing -------------------------------------------------------------------------

# "pkg-config module:Debian package"
libs='libuv:libuv1-dev libllhttp:libllhttp-dev yyjson:libyyjson-dev libssl:libssl-dev
      libcrypto:libssl-dev libfyaml:libfyaml-dev zlib:zlib1g-dev libzstd:libzstd-dev
      libbrotlidec:libbrotli-dev cmocka:libcmocka-dev'

missing=
want() {
    case " $missing " in
    *" $1 "*) ;;
    *) missing="$missing $1" ;;
    esac
}

want_tool() { # COMMAND PACKAGE
    has "$1" || want "$2"
}

want_build() {
    want_tool cc gcc
    # A compiler without the C library's headers is what a slim image has at times.
    if has cc && ! echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1; then
        want libc6-dev
    fi
    want_tool git git
    want_tool make make
    want_tool cmake cmake
    want_tool ninja ninja-build
    want_tool pkg-config pkg-config
    modules=
    for l in $libs; do
        modules="$modules ${l%%:*}"
    done
    # One call when all is well; one per library only to find out which.
    # shellcheck disable=SC2086
    if ! has pkg-config || ! pkg-config --exists $modules 2>/dev/null; then
        for l in $libs; do
            if ! has pkg-config || ! pkg-config --exists "${l%%:*}" 2>/dev/null; then
                want "${l#*:}"
            fi
        done
    fi
}

want_python() {
    want_tool python3 python3
}

want_fuzz() {
    want_python
    want_tool clang clang
    # Debian keeps the sanitizer and libFuzzer archives in a package of their own, by version.
    if has clang; then
        dir=$(clang -print-resource-dir 2>/dev/null)
        set -- "$dir"/lib/*/libclang_rt.fuzzer*
        if [ ! -e "$1" ]; then
            want "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
        fi
    fi
}

want_check() {
    want_tool clang-format clang-format
    want_tool openssl openssl
    [ -e /etc/ssl/certs/ca-certificates.crt ] || want ca-certificates
    if [ -z "${CLIPROXY_PYTHON:-}" ] && [ ! -x build/venv/bin/python ]; then
        if ! has python3 || ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
            want python3-venv
        fi
    fi
    if [ -f tests/sdk/package.json ]; then
        want_tool node nodejs
        want_tool npm npm
    fi
}

want_bench() {
    want_python
    PATH="$PATH:/usr/sbin" want_tool nginx nginx-light
    want_tool wrk wrk
    want_tool openssl openssl
}

look() {
    missing=
    want_build
    case "$mode" in
    build) ;;
    fuzz) want_fuzz ;;
    check) want_fuzz && want_check ;;
    bench) want_bench ;;
    *)
        echo "usage: tools/deps.sh [build|check|bench|fuzz]" >&2
        exit 2
        ;;
    esac
}

# ---- Debian ----------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
        -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 </dev/null
}

# True when apt knows a version of every package given.
apt_knows() {
    for p in "$@"; do
        case "$(LC_ALL=C apt-cache policy "$p" 2>/dev/null)" in
        '' | *'Candidate: (none)'*) return 1 ;;
        esac
    done
}

# The deb822 fields "URIs" and "Signed-By" of the machine's own source for suite $1, from its
# .sources files or, failing these, from classic one-line lists.
own_source() {
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] || continue
        # One stanza per record; a field goes on over lines that start with a space (an embedded
        # key does), so fields are collected first and judged at the end of the stanza.
        out=$(awk -v suite="$1" '
            function field(name) { return (name in f) ? f[name] : "" }
            function stanza(    n, s, i, hit) {
                n = split(field("suites"), s, /[ \t\n]+/)
                for (i = 1; i <= n; i++) if (s[i] == suite) hit = 1
                if (hit && !done && field("uris") != "" && field("enabled") !~ /no/ &&
                    field("types") ~ /(^|[ \t])deb([ \t]|$)/) {
                    print "URIs:" field("uris")
                    if (field("signed-by") != "") print "Signed-By:" field("signed-by")
                    done = 1
                }
                delete f
            }
            /^#/ { next }
            /^[ \t]*$/ { stanza(); next }
            /^[ \t]/ { f[key] = f[key] "\n" $0; next }
            { key = tolower($0); sub(/:.*/, "", key); val = $0; sub(/^[^:]*:/, "", val)
              f[key] = val }
            END { stanza() }' "$f")
        if [ -n "$out" ]; then
            echo "$out"
            return
        fi
    done
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk -v suite="$1" '
        $1 == "deb" {
            opts = ""; i = 2
            if ($2 ~ /^\[/) {           # [signed-by=FILE arch=amd64]
                while (i <= NF) { opts = opts " " $i; if ($(i++) ~ /\]$/) break }
            }
            if ($(i + 1) != suite) next
            print "URIs: " $i
            gsub(/[][]/, "", opts)
            n = split(opts, o, /[ \t]+/)
            for (j = 1; j <= n; j++)
                if (tolower(o[j]) ~ /^signed-by=/) { sub(/^[^=]*=/, "", o[j]); print "Signed-By: " o[j] }
            exit
        }'
}

# Debian 12 has neither yyjson nor llhttp; their Debian 13 packages run on it unchanged. The suite
# is pinned below everything else, so nothing comes from it but what exists nowhere else.
add_trixie() {
    list=/etc/apt/sources.list.d/cliproxy-trixie.sources
    pin=/etc/apt/preferences.d/cliproxy-trixie
    [ ! -f "$list" ] || return 0
    src=$(own_source bookworm)
    [ -n "$src" ] || fail "found no apt source for the suite bookworm to copy for trixie;" \
        "install libyyjson-dev and libllhttp-dev of Debian 13 by hand"
    say "adding the suite trixie, pinned at priority 100, for libyyjson and libllhttp ($list)"
    # The pin first, so that no update ever sees the suite unpinned.
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' | as_root tee "$pin" >/dev/null
    printf 'Types: deb\n%s\nSuites: trixie\nComponents: main\n' "$src" |
        as_root tee "$list" >/dev/null
}

# Packages that bring a daemon must not start it here. Only where the machine has no policy of its
# own, and only while apt runs.
policy=/usr/sbin/policy-rc.d
policy_ours=
hold_daemons() {
    [ ! -e "$policy" ] || return 0
    policy_ours=1
    trap release_daemons EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

release_daemons() {
    [ -z "$policy_ours" ] || as_root rm -f "$policy"
    policy_ours=
}

apt_install() { # PACKAGE...
    case " $* " in
    *' libyyjson-dev '* | *' libllhttp-dev '*)
        if [ "${VERSION_CODENAME:-}" = bookworm ] && ! apt_knows libyyjson-dev libllhttp-dev; then
            add_trixie
        fi
        ;;
    esac
    say "installing $*"
    fresh=
    if ! apt_knows "$@"; then
        apt_get update || true # its failure shows below, as what it means
        fresh=1
        apt_knows "$@" || fail "no package source of this machine offers all of: $*." \
            "Is the network there, and does the mirror carry them?"
    fi
    case " $* " in *' nginx'*) hold_daemons ;; esac
    if ! apt_get install --no-install-recommends "$@"; then
        # Lists that are older than the mirror name files it no longer has.
        [ -z "$fresh" ] || fail "apt could not install: $*"
        apt_get update || true
        apt_get install --no-install-recommends "$@" || fail "apt could not install: $*." \
            "Is the network there?"
    fi
    release_daemons
}

install_missing() {
    ID='' VERSION_CODENAME=''
    # shellcheck disable=SC1091
    [ ! -r /etc/os-release ] || . /etc/os-release
    if [ -n "${CLIPROXY_NO_INSTALL:-}" ]; then
        fail "missing:$missing"
    elif [ "$ID" != debian ] || ! has apt-get; then
        fail "this installs by itself on Debian 12 and 13 only. Missing here, by their Debian" \
            "names:$missing. Install the like with this system's package manager and try again"
    elif [ "$(id -u)" != 0 ] && ! has sudo; then
        fail "not root and no sudo. As root, run: tools/deps.sh $mode   (it would install:$missing)"
    fi
    # shellcheck disable=SC2086
    apt_install $missing
    before=$missing
    look
    [ -n "$missing" ] || return 0
    # What can be named only now, such as the runtime of the clang just installed.
    [ "$missing" != "$before" ] || fail "still missing after the installation:$missing"
    # shellcheck disable=SC2086
    apt_install $missing
    look
    [ -z "$missing" ] || fail "still missing after the installation:$missing"
}

# ---- packages of other worlds, inside build/ -------------------------------------------------

# One line that changes when any of the files does.
digest() {
    cat "$@" | sha256sum | cut -c1-64
}

python_packages() {
    [ -z "${CLIPROXY_PYTHON:-}" ] || return 0
    list=tests/requirements.txt
    stamp=$(command -v python3)
    [ ! -f "$list" ] || stamp="$stamp $(digest "$list")"
    if [ -x build/venv/bin/python ] && [ "$(cat build/venv/stamp 2>/dev/null)" = "$stamp" ]; then
        return 0
    fi
    say "python packages into build/venv"
    rm -rf build/venv
    python3 -m venv build/venv >>"$log" 2>&1 || fail "python3 could not make build/venv"
    if [ -f "$list" ] && grep -qi '^pytest\>' "$list"; then
        set -- -r "$list"
    elif [ -f "$list" ]; then
        set -- pytest -r "$list"
    else
        set -- pytest
    fi
    build/venv/bin/python -m pip install -q --disable-pip-version-check --no-input "$@" \
        >>"$log" 2>&1 </dev/null ||
        fail "pip could not install the python packages of the tests. Is the network there?"
    echo "$stamp" >build/venv/stamp
}

# npm_install FROM INTO: the packages that FROM/package.json names, into INTO, unless they are there.
npm_install() {
    set -- "$1" "$2" "$1/package.json"
    from=$1 into=$2
    shift 2
    for f in "$from/package-lock.json" "$from/.npmrc"; do
        [ ! -f "$f" ] || set -- "$@" "$f"
    done
    stamp="$(command -v node) $(digest "$@")"
    [ "$(cat "$into/stamp" 2>/dev/null)" != "$stamp" ] || return 0
    say "npm packages into $into"
    rm -rf "$into"
    mkdir -p "$into"
    cp "$@" "$into/"
    how='install --no-package-lock'
    [ ! -f "$into/package-lock.json" ] || how=ci
    # shellcheck disable=SC2086
    (cd "$into" && npm $how --no-audit --no-fund --ignore-scripts --loglevel=error) \
        >>"$log" 2>&1 </dev/null || return 1
    echo "$stamp" >"$into/stamp"
}

# The official SDKs live in build/sdk; tests/sdk/node_modules points there, so that scripts in
# tests/sdk find them and nothing is written into the source tree but an ignored link.
#
# The coding agents of tests/agents live in build/agents: 1.3 GB of programs, which a machine may
# well be unable to get or to run. Their tests are skipped then and say why.
node_packages() {
    if [ -f tests/sdk/package.json ]; then
        npm_install tests/sdk build/sdk ||
            fail "npm could not install the packages of tests/sdk. Is the network there?"
        [ -e tests/sdk/node_modules ] ||
            ln -sfn ../../build/sdk/node_modules tests/sdk/node_modules
    fi
    if [ -f tests/agents/package.json ] && [ -z "${CLIPROXY_NO_AGENTS:-}" ]; then
        npm_install tests/agents build/agents ||
            say "npm could not install the packages of tests/agents; their tests will be skipped"
    fi
}

# ---- main ------------------------------------------------------------------------------------

mkdir -p build
# One at a time in a tree.
if [ -z "${CLIPROXY_DEPS_LOCKED:-}" ] && has flock; then
    CLIPROXY_DEPS_LOCKED=1 exec flock build/.deps.lock "$0" "$@"
fi
: >"$log"
look
[ -z "$missing" ] || install_missing
if [ "$mode" = check ]; then
    python_packages
    node_packages
fi
