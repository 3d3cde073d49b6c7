#!/usr/bin/env python3
"""Runs the checks of this project, one step after the other, and adds up what they say.

    tools/check.py [--jobs N] [--fuzz-seconds N] [STEP...]

Steps, in the order in which they run when none is named:

    lint         tools/lint.py
    build        the release build, with gcc (or CC)
    docs         generated pages in doc/ are current
    clang        everything once more with the second compiler, for its warnings
    unit         unit tests and past fuzz findings, under ASan and UBSan
    integration  pytest against the release program
    asan         pytest against the program under ASan and UBSan
    tsan         unit tests and pytest under TSan
    fuzz         every fuzz target for a short time (--fuzz-seconds, 10)

A step that needs what is not installed is counted as skipped and says so. The last line is
"N passed, N failed, N skipped" over all of them; the exit status is 1 when anything failed.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PROGRAM = "cliproxyapi++"
PYTEST_FOLDERS = ("tests/integration", "tests/corpus", "tests/sdk")
# Minutes of other vendors' programs waiting for each other: once is enough.
RELEASE_FOLDERS = (*PYTEST_FOLDERS, "tests/agents")
STEP_SECONDS = 900

# For fuzz targets; unit tests have theirs from tests/CMakeLists.txt, pytest from its harness.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


PASS, FAIL, SKIP = Count(passed=1), Count(failed=1), Count(skipped=1)


def say(text):
    print(text, flush=True)


def run(argv, env=None, timeout=STEP_SECONDS, show=True):
    """Runs a command in a process group of its own; returns (status, what it printed).

    Output is shown as it comes. When time is up, the whole group is ended: a test runner that
    hangs must not leave gateways behind.
    """
    p = subprocess.Popen([str(a) for a in argv], cwd=ROOT, env={**os.environ, **(env or {})},
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, start_new_session=True)

    def end():
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    late = threading.Event()

    def on_time():
        late.set()
        end()

    timer = threading.Timer(timeout, on_time)
    timer.start()
    out = []
    try:
        while chunk := os.read(p.stdout.fileno(), 65536):
            out.append(chunk)
            if show:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
        p.wait()
    except BaseException:
        end()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        say(f"\n(ended: it took longer than {timeout} s)")
    return (124 if late.is_set() else p.returncode), b"".join(out).decode("utf-8", "replace")


def steady():
    """A prefix that switches address randomisation off, where that is possible.

    The sanitizers of gcc 12 and clang 14 do not cope with the wide randomisation of newer kernels.
    """
    if shutil.which("setarch"):
        if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0:
            return ["setarch", "-R"]
    return []


def python():
    return os.environ.get("CLIPROXY_PYTHON") or str(BUILD / "venv/bin/python")


def build(options, preset):
    status, _ = run(["tools/cmake.sh", preset, options.jobs], env={"CLIPROXY_QUIET": "1"})
    return status == 0


# ---- runners -------------------------------------------------------------------------------------


def count_cmocka(text):
    """Adds up what cmocka programs printed, in a log of all of them."""
    passed = sum(int(n) for n in re.findall(r"^\[  PASSED  \] (\d+) test", text, re.M))
    skipped = sum(int(n) for n in re.findall(r"^\[  SKIPPED \][^\n]*?(\d+) test", text, re.M))
    failed = sum(int(n) for n in re.findall(r"^\[  FAILED  \][^\n]*?(\d+) test", text, re.M))
    return Count(passed, failed, skipped)


def ctest(options, preset):
    """Runs the unit tests of a preset. Programs are ctest's unit, single tests are ours."""
    log = BUILD / preset / "Testing/Temporary/LastTest.log"
    log.unlink(missing_ok=True)
    status, out = run([*steady(), "ctest", "--test-dir", BUILD / preset, "-j", options.jobs,
                       "--output-on-failure", "--no-tests=ignore", "--progress"], show=False)
    text = log.read_text(errors="replace") if log.exists() else ""
    count = count_cmocka(text)
    # A replayed folder of fuzz inputs counts as one.
    count.passed += len(re.findall(r"^\d+ inputs$", text, re.M))
    m = re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", out)
    bad = int(m.group(2)) if m else (0 if "No tests were found" in out else 1)
    if bad or status:
        say(out)
        count.failed = max(count.failed, bad, 1)
    return count


def pytest(options, binary, prefix=(), among=PYTEST_FOLDERS):
    folders = [f for f in among if any((ROOT / f).rglob("test_*.py"))]
    if not folders:
        say("no tests in " + ", ".join(PYTEST_FOLDERS))
        return SKIP
    argv = [*prefix, python(), "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", *folders]
    if subprocess.run([python(), "-c", "import xdist"], capture_output=True).returncode == 0:
        # By file, since the tests of one file share their gateway.
        argv += ["-n", options.jobs, "--dist", "loadfile"]
    if options.pytest_args:
        argv += options.pytest_args.split()
    status, out = run(argv, env={"GATEWAY_BIN": str(binary), "PYTHONDONTWRITEBYTECODE": "1"})
    words = {}
    for line in reversed(out.splitlines()):
        if re.search(r"\bin [\d.]+s", line):
            words = {w.rstrip("s"): int(n) for n, w in re.findall(r"(\d+) ([a-z]+)", line)}
            break
    count = Count(words.get("passed", 0) + words.get("xpassed", 0),
                  words.get("failed", 0) + words.get("error", 0),
                  words.get("skipped", 0) + words.get("xfailed", 0))
    if status == 5:  # nothing was selected
        return count + SKIP
    if status and not count.failed:
        count += FAIL
    return count


# ---- steps ---------------------------------------------------------------------------------------


def lint(*checks):
    _, out = run(["python3", "tools/lint.py", *checks])
    m = re.search(r"lint: (\d+) passed, (\d+) failed, (\d+) skipped", out)
    if not m:
        return FAIL
    return Count(*map(int, m.groups()))


def step_lint(options):
    return lint("layers", "headers compile alone", "formatting", "text", "lengths", "scripts")


def step_build(options):
    return PASS if build(options, "release") else FAIL


def step_docs(options):
    return lint("generated pages")


def step_clang(options):
    if not shutil.which("clang"):
        say("no clang")
        return SKIP
    return PASS if build(options, "clang") else FAIL


def step_unit(options):
    return ctest(options, "asan") if build(options, "asan") else FAIL


def step_integration(options):
    if not build(options, "release"):
        return FAIL
    return pytest(options, BUILD / PROGRAM, among=RELEASE_FOLDERS)


def step_asan(options):
    if not build(options, "asan"):
        return FAIL
    return pytest(options, BUILD / "asan" / PROGRAM, prefix=steady())


def step_tsan(options):
    if not build(options, "tsan"):
        return FAIL
    binary = BUILD / "tsan" / PROGRAM
    status, out = run([*steady(), binary, "--version"], show=False)
    if "unexpected memory mapping" in out:
        say("the thread sanitizer cannot run under this kernel's address randomisation")
        return SKIP
    return ctest(options, "tsan") + pytest(options, binary, prefix=steady())


def fuzz_one(options, name):
    """Explores with one target; new inputs stay in build/, findings in build/fuzz/findings."""
    short = name.removeprefix("fuzz_")
    work = BUILD / "fuzz/corpus" / name
    findings = BUILD / "fuzz/findings"
    work.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    seeds = [d for d in (ROOT / "tests/fuzz/corpus" / n for n in (short, name)) if d.is_dir()]
    words = [f"-dict={d}" for d in (ROOT / "tests/fuzz" / f"{n}.dict" for n in (short, name))
             if d.is_file()][:1]
    status, out = run([*steady(), BUILD / "fuzz/tests" / name, *words,
                       f"-max_total_time={options.fuzz_seconds}", "-timeout=10",
                       "-rss_limit_mb=2048", "-print_final_stats=1",
                       f"-artifact_prefix={findings}/{name}-", work, *seeds],
                      env=SANITIZERS, timeout=options.fuzz_seconds + 120, show=False)
    return name, status, out


def step_fuzz(options):
    if not shutil.which("clang"):
        say("no clang")
        return SKIP
    where = subprocess.run(["clang", "-print-resource-dir"], capture_output=True, text=True).stdout
    if not list(Path(where.strip()).glob("lib/*/libclang_rt.fuzzer*")):
        say("clang is here without libFuzzer (package libclang-rt-*-dev)")
        return SKIP
    names = sorted(p.stem for p in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
    if options.fuzz_targets:
        names = [n for n in names if n in options.fuzz_targets.replace(",", " ").split()]
    if not names:
        say("no fuzz targets")
        return SKIP
    if not build(options, "fuzz"):
        return FAIL
    count = Count()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, status, out in pool.map(lambda n: fuzz_one(options, n), names):
            if status:
                out = re.sub(r"^#\d+\t.*\n", "", out, flags=re.M)  # progress
                say(f"{name}: FAILED, inputs in build/fuzz/findings\n{out[-6000:]}")
                count += FAIL
                continue
            runs = re.search(r"number_of_executed_units: (\d+)", out)
            cov = re.findall(r"cov: (\d+)", out)
            say(f"{name}: ok, {runs.group(1) if runs else '?'} runs, "
                f"coverage {cov[-1] if cov else '?'}")
            count += PASS
    return count


STEPS = {name: globals()["step_" + name] for name in
         "lint build docs clang unit integration asan tsan fuzz".split()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fuzz-seconds", type=int, default=10)
    parser.add_argument("--fuzz-targets", default="", help="only these, by name")
    parser.add_argument("--pytest-args", default=os.environ.get("PYTEST_ARGS", ""))
    parser.add_argument("steps", nargs="*", metavar="STEP", choices=[*STEPS, []])
    options = parser.parse_args()

    rows = []
    begin = time.monotonic()
    for name in options.steps or STEPS:
        say(f"=== {name}")
        start = time.monotonic()
        count = STEPS[name](options)
        seconds = time.monotonic() - start
        rows.append((name, count, seconds))
        say(f"--- {name}: {count} ({seconds:.0f} s)\n")

    total = sum((count for _, count, _ in rows), Count())
    for name, count, seconds in rows:
        say(f"{'FAILED' if count.failed else 'ok':7}{name:12} {seconds:5.0f} s   {count}")
    say(f"{'':7}{'all':12} {time.monotonic() - begin:5.0f} s")
    say(str(total))
    sys.exit(1 if total.failed else 0)


if __name__ == "__main__":
    main()
