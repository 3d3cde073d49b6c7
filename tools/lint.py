#!/usr/bin/env python3
"""Checks of the source tree that no compiler makes.

    tools/lint.py             all checks; says what is wrong as file:line: sentence
    tools/lint.py --format    rewrite C files with clang-format instead

The checks: layers include downwards only; every header of src/ compiles alone; clang-format;
white space; no machine paths or package registries in what is committed; function and file
length; scripts parse; generated pages in doc/ are what the program would generate.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "lint.json"
PROGRAM = ROOT / "build" / "cliproxyapi++"

# Low to high, as in CMakeLists.txt. A file includes its own layer and lower ones.
LAYERS = (
    "base json net http config ir dialect channel cred route relay store obs api manage mcp app"
).split()
# (layer, upper layer it may include all the same): the configuration knows which dialects there are.
UPWARD = {("config", "ir")}

FORMATTER_MAJOR = 14
MAX_COLUMNS = 100
MAX_FUNCTION = 120
LONG_FUNCTION = 60
LONG_FILE = 800

# Written in pieces, so that this file passes its own check.
REGISTRIES = [
    "registry.npm" + "js.org", "registry.yarn" + "pkg.com", "py" + "pi.org",
    "files.python" + "hosted.org", "deb.deb" + "ian.org", "security.deb" + "ian.org",
    "archive.ub" + "untu.com", "proxy.gol" + "ang.org", "crates" + ".io",
]
MACHINE_PATHS = ["/work" + "/main", "/work" + "/shared", "/work" + "/.", "/root" + "/.py",
                 "/tmp" + "/bash_jobs"]
# Recorded bodies are what providers sent; only what we write ourselves is held to these rules.
RECORDED = ("tests/corpus/", "tests/fuzz/corpus/", "tests/vectors/")

CFLAGS = ("-std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes "
          "-Wpointer-arith -Wwrite-strings -Wvla -D_GNU_SOURCE= -DOPENSSL_API_COMPAT=30000 -Isrc").split()

problems = []
notices = []

SKIPPED = "skipped"  # what a check returns that could not look


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")


def run(*argv, **kw):
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, errors="replace", **kw)


def tree():
    """Files that are or could be committed, as strings relative to the root."""
    git = run("git", "ls-files", "-co", "--exclude-standard", "-z")
    if git.returncode == 0:
        names = [n for n in git.stdout.split("\0") if n]
    else:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()]
        names = [n for n in names if not n.startswith((".git/", "build/"))]
    return sorted(n for n in names if (ROOT / n).is_file() and not (ROOT / n).is_symlink())


def text_of(name):
    """The file's text, or None when it is not text."""
    data = (ROOT / name).read_bytes()
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


# ---- layers --------------------------------------------------------------------------------------

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def check_layers(files):
    for name in files:
        if not name.startswith("src/") or not name.endswith((".c", ".h", ".def")):
            continue
        layer = name.split("/")[1]
        if layer not in LAYERS:
            problem(name, 0, f"src/{layer} is not a layer (tools/lint.py has the list)")
            continue
        for number, line in enumerate((text_of(name) or "").splitlines(), 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            target = m.group(1).split("/")[0]
            if target not in LAYERS:
                problem(name, number, f'write the path from src/: "{m.group(1)}"')
            elif not (ROOT / "src" / m.group(1)).is_file():
                problem(name, number, f'no such file: src/{m.group(1)}')
            elif LAYERS.index(target) > LAYERS.index(layer) and (layer, target) not in UPWARD:
                problem(name, number, f"{layer} must not include {target}, which is above it")


# ---- headers compile alone -----------------------------------------------------------------------


def compile_alone(name, include_flags):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
        f.write(f'#include "{name.removeprefix("src/")}"\n#include "{name.removeprefix("src/")}"\n')
        f.flush()
        r = run(os.environ.get("CC", "cc"), "-fsyntax-only", *CFLAGS, *include_flags, f.name)
    return name, r.stderr if r.returncode else ""


def check_headers(files):
    headers = [n for n in files if n.startswith("src/") and n.endswith(".h")]
    inputs = [n for n in files if n.startswith("src/") and n.endswith((".h", ".def"))]
    digest = hashlib.sha256("".join(sorted(CFLAGS)).encode())
    for n in inputs:
        digest.update(n.encode() + b"\0" + (ROOT / n).read_bytes())
    key = digest.hexdigest()
    try:
        if json.loads(CACHE.read_text()).get("headers") == key:
            return
    except (OSError, ValueError):
        pass
    pc = run("pkg-config", "--cflags", "libuv", "libllhttp", "yyjson", "libssl", "libfyaml", "zlib",
             "libzstd", "libbrotlidec")
    if pc.returncode:
        notices.append("headers not compiled alone: pkg-config does not find the libraries")
        return SKIPPED
    good = True
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, err in pool.map(lambda n: compile_alone(n, pc.stdout.split()), headers):
            if err:
                good = False
                problem(name, 0, "does not compile alone:\n    " + err.strip().replace("\n", "\n    "))
    if good:
        CACHE.parent.mkdir(exist_ok=True)
        CACHE.write_text(json.dumps({"headers": key}))


# ---- formatting ----------------------------------------------------------------------------------


def formatter():
    """The clang-format to use, or None with a notice."""
    for exe in (f"clang-format-{FORMATTER_MAJOR}", "clang-format"):
        if shutil.which(exe):
            version = re.search(r"version (\d+)", run(exe, "--version").stdout)
            if version and int(version.group(1)) == FORMATTER_MAJOR:
                return exe
            found = version.group(1) if version else "?"
            notices.append(f"formatting not checked: clang-format is {found}, "
                           f"the tree is formatted with {FORMATTER_MAJOR}")
            return None
    notices.append("formatting not checked: no clang-format")
    return None


def formatted(files):
    return [n for n in files
            if n.endswith((".c", ".h")) and n.startswith(("src/", "tests/", "bench/"))
            and not n.startswith(RECORDED)]


def check_format(files):
    exe = formatter()
    if not exe:
        return SKIPPED
    names = formatted(files)
    half = [names[i::2] for i in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for r in pool.map(lambda part: run(exe, "--dry-run", *part) if part else None, half):
            seen = set()
            for line in (r.stderr if r else "").splitlines():
                m = re.match(r"(.+?):(\d+):\d+: warning: code should be clang-formatted", line)
                if m and m.group(1) not in seen:
                    seen.add(m.group(1))
                    problem(m.group(1), m.group(2), "not formatted from here on (make format)")


# ---- white space, words, lengths -----------------------------------------------------------------


def check_text(files):
    for name in files:
        if name.startswith(RECORDED):
            continue
        text = text_of(name)
        if text is None:
            continue
        code = name.endswith((".c", ".h", ".def"))
        makefile = name.endswith("Makefile") or name.endswith(".mk")
        if text and not text.endswith("\n"):
            problem(name, text.count("\n") + 1, "no line end at the end of the file")
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and not (name.endswith(".md") and line.endswith("  ")):
                problem(name, number, "white space at the end of the line")
            if "\t" in line and not makefile and not name.startswith("tests/sdk/package"):
                problem(name, number, "tab")
            if code and len(line) > MAX_COLUMNS and '"' not in line:
                problem(name, number, f"{len(line)} columns, the limit is {MAX_COLUMNS}")
            for word in REGISTRIES:
                if word in line:
                    problem(name, number, "names a package registry")
            for word in MACHINE_PATHS:
                if word in line:
                    problem(name, number, "names a path of one machine")


def functions(lines):
    """(first line, name, body length) of every function: a body is { to } in column 0."""
    start = 0
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = " ".join(lines[max(0, start - 6):start - 1])
            names = re.findall(r"([A-Za-z_]\w*)\s*\(", head)
            yield start, names[-1] if names else "?", number - start - 1
            start = 0


def check_lengths(files):
    sizes = []
    for name in files:
        if not name.startswith("src/") or not name.endswith(".c"):
            continue
        lines = (text_of(name) or "").split("\n")
        for line, function, size in functions(lines):
            sizes.append(size)
            if size > MAX_FUNCTION:
                problem(name, line, f"{function}() has {size} lines, the limit is {MAX_FUNCTION}")
            elif size > LONG_FUNCTION:
                notices.append(f"{name}:{line}: {function}() has {size} lines")
        if len(lines) - 1 > LONG_FILE:
            notices.append(f"{name}: {len(lines) - 1} lines")
    if sizes:
        sizes.sort()
        notices.append(f"{len(sizes)} functions: median {sizes[len(sizes) // 2]} lines, "
                       f"p90 {sizes[len(sizes) * 9 // 10]}, longest {sizes[-1]}")


def check_scripts(files):
    for name in files:
        if name.endswith(".py"):
            try:
                compile(text_of(name) or "", name, "exec", dont_inherit=True)
            except SyntaxError as e:
                problem(name, e.lineno, f"does not parse: {e.msg}")
        elif name.endswith(".sh") or name == ".ci/run":
            first = (text_of(name) or "").split("\n")[0]
            shell = "bash" if "bash" in first else "sh"
            r = run(shell, "-n", name)
            if r.returncode:
                problem(name, 0, r.stderr.strip())


# ---- generated pages -----------------------------------------------------------------------------


def program_is_current(files):
    """Whether build/cliproxyapi++ is newer than all it is made of."""
    if not PROGRAM.is_file():
        return False
    made = PROGRAM.stat().st_mtime
    return all((ROOT / n).stat().st_mtime <= made for n in files if n.startswith("src/"))


def check_docs(files):
    pages = [n for n in ("config", "dialects", "metrics", "errors") if (ROOT / f"doc/{n}.md").is_file()]
    if not pages:
        return
    if not program_is_current(files):
        notices.append(f"generated pages not checked: {PROGRAM.name} is missing or older than src/")
        return SKIPPED
    with tempfile.TemporaryDirectory() as out:
        r = run("sh", "tools/gendocs.sh", out)
        if r.returncode:
            problem("tools/gendocs.sh", 0, (r.stdout + r.stderr).strip())
            return
        for page in pages:
            made = Path(out) / f"{page}.md"
            if made.is_file() and made.read_bytes() != (ROOT / f"doc/{page}.md").read_bytes():
                problem(f"doc/{page}.md", 0, "differs from what the program generates (make docs)")


# ---- main ----------------------------------------------------------------------------------------

CHECKS = [
    ("layers", check_layers),
    ("headers compile alone", check_headers),
    ("formatting", check_format),
    ("text", check_text),
    ("lengths", check_lengths),
    ("scripts", check_scripts),
    ("generated pages", check_docs),
]


def main():
    files = tree()
    if sys.argv[1:] == ["--format"]:
        exe = formatter()
        if not exe:
            sys.exit("\n".join(notices))
        subprocess.run([exe, "-i", *formatted(files)], cwd=ROOT, check=True)
        return
    only = sys.argv[1:]
    passed = failed = skipped = 0
    for name, check in CHECKS:
        if only and name not in only:
            continue
        before = len(problems)
        start = time.monotonic()
        verdict = check(files) or "ok"
        bad = len(problems) - before
        if bad:
            failed += 1
            verdict = f"{bad} problems"
        elif verdict is SKIPPED:
            skipped += 1
        else:
            passed += 1
        print(f"{name}: {verdict} ({time.monotonic() - start:.1f} s)")
        for p in problems[before:]:
            print("  " + p)
    for n in notices:
        print("note: " + n)
    print(f"lint: {passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
