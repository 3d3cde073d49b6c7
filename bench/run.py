#!/usr/bin/env python3
"""Figures of the gateway beside nginx, on this machine, in one run.

    bench/run.py [--quick] [--row NAME]... [--gateway BINARY] [--callgrind] [--doc]

Prints one table: row, ours, nginx, ratio (median of the rounds' ratios, quartiles in brackets),
budget, and whether it is met. doc/performance.md says how each figure is taken.
"""
import argparse
import os
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import count  # noqa: E402
from rig import BenchError, CORE_GATE, Rig, ROOT, ask_once, descriptor_limit  # noqa: E402

KB, MB = 1024, 1024 * 1024
NOISE_MAX = 0.2         # cores that other programs may use during a round
ROWS = []


class Row:
    """One line of the table. `good` is None where no budget applies."""

    def __init__(self, name, ours="-", nginx="-", ratio="", budget="", good=None, note=""):
        self.name, self.ours, self.nginx, self.ratio = name, ours, nginx, ratio
        self.budget, self.good, self.note = budget, good, note

    def verdict(self):
        return "" if self.good is None else "ok" if self.good else "OVER"


def row(name):
    def register(fn):
        ROWS.append((name, fn))
        return fn
    return register


def quartiles(values):
    if len(values) < 3:
        return min(values), statistics.median(values), max(values)
    q1, q2, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return q1, q2, q3


def ratio_text(values):
    q1, q2, q3 = quartiles(values)
    return f"{q2:.2f} [{q1:.2f}-{q3:.2f}]"


class OtherPrograms:
    """How busy programs other than the bench's own were since this was made."""

    def __init__(self, rig):
        self.rig = rig
        self.since, self.before = time.monotonic(), self.busy_s()

    def busy_s(self):
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        ended = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return busy - sum(r.ru_utime + r.ru_stime for r in ended) - self.rig.cpu_s()

    def cores(self):
        return max(0, self.busy_s() - self.before) / (time.monotonic() - self.since)


class Bench:
    """The rig, how long to measure, and the two gateways most rows share."""

    def __init__(self, rig, quick):
        self.rig, self.quick = rig, quick
        self.nginx = self.ours = None
        self.idle = {}
        self.rounds_taken = self.rounds_noisy = 0

    def pair(self):
        if not self.ours:
            self.ours = self.rig.start_ours()
            self.nginx = self.rig.start_nginx()
        return [self.nginx, self.ours]

    def rounds(self, quick, full):
        return quick if self.quick else full

    def paired(self, measure, rounds, gateways=None):
        """
        measure(gateway) in turn, order changing each round; the first round only warms up. A round
        during which other programs were busy is taken again, but no more than twice as often as
        asked; when too few quiet ones come, the noisy ones count as well.
        """
        gateways = gateways or self.pair()
        quiet, noisy = [], []
        for i in range(2 * rounds + 1):
            if len(quiet) == rounds:
                break
            others = OtherPrograms(self.rig)
            values = {}
            for g in gateways if i % 2 else reversed(gateways):
                values[g.name] = measure(g)
                self.rig.log_trim(g)
            if i:
                (quiet if others.cores() <= NOISE_MAX else noisy).append(values)
        taken = quiet + noisy[:max(0, rounds - len(quiet))]
        self.rounds_taken += len(taken)
        self.rounds_noisy += len(taken) - len(quiet)
        return {g.name: [values[g.name] for values in taken] for g in gateways}

    def cpu_per_request(self, kind, connections, body_bytes=2000):
        seconds = 1 if self.quick else 2

        def measure(g):
            port, model = g.targets[kind]
            before = g.cpu_ns()
            r = self.rig.wrk(port, model, connections, seconds, body_bytes)
            return ((g.cpu_ns() - before) / 1e3 / r["requests"], r["requests"] / r["seconds"])
        return measure

    def cpu_row(self, name, kind, budget, connections=50, body_bytes=2000, rounds=(5, 9),
                gateways=None):
        got = self.paired(self.cpu_per_request(kind, connections, body_bytes),
                          self.rounds(*rounds), gateways)
        ratios = [o[0] / n[0] for o, n in zip(got["ours"], got["nginx"])]
        line = Row(name, *(f"{statistics.median(v[0] for v in got[who]):.1f} us"
                           for who in ("ours", "nginx")),
                   ratio_text(ratios), f"<= {budget}", statistics.median(ratios) <= budget)
        return got, line


# ---- CPU ---------------------------------------------------------------------------------


@row("cpu")
def row_cpu(b):
    got, line = b.cpu_row("CPU per request, 2 KB", "plain", 1.0)
    rates = {who: statistics.median(v[1] for v in got[who]) for who in got}
    ratios = [o[1] / n[1] for o, n in zip(got["ours"], got["nginx"])]
    return [line, Row("requests/s at saturation", f"{rates['ours']:.0f}", f"{rates['nginx']:.0f}",
                      ratio_text(ratios), ">= 1.0", statistics.median(ratios) >= 1.0)]


def chunk_row(b, name, kind, budget):
    parallel, chunks, every = 400, 100, 20

    def measure(g):
        port, model = g.targets[kind]
        before = g.cpu_ns()
        r = b.rig.streams(port, model, parallel, chunks, every, 400, 30)
        return (g.cpu_ns() - before) / 1e3 / r["events"]

    got = b.paired(measure, b.rounds(3, 7))
    ratios = [o / n for o, n in zip(got["ours"], got["nginx"])]
    good = None if budget is None else statistics.median(ratios) <= budget
    return Row(name, *(f"{statistics.median(got[who]):.1f} us" for who in ("ours", "nginx")),
               ratio_text(ratios), f"<= {budget}" if budget else "", good)


@row("chunk")
def row_chunk(b):
    return [chunk_row(b, "CPU per streamed chunk", "stream", 0.95)]


@row("body")
def row_body(b):
    return [b.cpu_row("CPU per request, 200 KB", "big", 1.2, 16, 200000, (4, 7))[1]]


@row("translated")
def row_translated(b):
    return [b.cpu_row("translated, CPU per request, 2 KB", "x_plain", 1.25)[1],
            chunk_row(b, "translated, CPU per streamed chunk", "x_stream", 1.05),
            b.cpu_row("translated, CPU per request, 200 KB", "x_big", 2.4, 16, 200000, (4, 7))[1]]


@row("tls")
def row_tls(b):
    return [b.cpu_row("CPU per request, TLS upstream", "tls", 1.1, rounds=(4, 7))[1]]


@row("tls-chunk")
def row_tls_chunk(b):
    return [] if b.quick else [chunk_row(b, "CPU per chunk, TLS upstream", "tls_stream", None)]


@row("many")
def row_many(b):
    """Neither many upstream credentials nor many client keys may cost a request anything."""
    nginx = b.pair()[0]
    lines = []
    for name, options in (("CPU per request, 1,000 credentials", {"creds": 1000}),
                          ("CPU per request, 1,000 client keys", {"keys": 1000})):
        ours = b.rig.start_ours(**options)
        lines.append(b.cpu_row(name, "plain", 1.0, rounds=(3, 5), gateways=[nginx, ours])[1])
        b.rig.stop(ours.proc)
    return lines


@row("p50")
def row_p50(b):
    seconds, direct = 1, []

    def measure(g):
        # The mock alone is measured beside each gateway, so that a slow moment hits both.
        alone = b.rig.wrk(b.rig.mock_port, "bench", 1, seconds)["p50_us"]
        direct.append(alone)
        port, model = g.targets["plain"]
        return b.rig.wrk(port, model, 1, seconds)["p50_us"] - alone

    got = b.paired(measure, b.rounds(4, 9))
    ratios = [o / max(1, n) for o, n in zip(got["ours"], got["nginx"])]
    return [Row("added p50 at one connection",
                *(f"{statistics.median(got[who]):.0f} us" for who in ("ours", "nginx")),
                ratio_text(ratios), "<= 1.1", statistics.median(ratios) <= 1.1,
                f"the mock alone: {statistics.median(direct):.0f} us")]


# ---- memory ------------------------------------------------------------------------------


def fresh(b, who):
    """A new instance that has answered one request, and its resident memory then."""
    if who == "ours":
        g = b.rig.start_ours()
    else:
        g = b.rig.start_nginx(8192)     # its table of connections is resident memory
        ask_once(*g.targets["plain"])
    time.sleep(0.3)
    idle = g.rss()
    b.idle.setdefault(who, idle)
    return g, idle


def stream_memory(b, who, kind):
    g, idle = fresh(b, who)
    seen = []

    def look():
        time.sleep(0.3)
        seen.append(g.rss())

    port, model = g.targets[kind]
    n = 1000
    b.rig.streams(port, model, n, 3, 2000, 1000, 30, when_open=look)
    b.rig.stop(g.proc)
    return (seen[0] - idle) / n


@row("memory")
def row_memory(b):
    lines = []
    for name, kind, budget in (("user memory per stream", "stream", 10 * KB),
                               ("user memory per stream, TLS upstream", "tls_stream", 48 * KB)):
        ours, nginx = stream_memory(b, "ours", kind), stream_memory(b, "nginx", kind)
        lines.append(Row(name, f"{ours / KB:.1f} KB", f"{nginx / KB:.1f} KB",
                         f"{ours / max(1, nginx):.2f}", f"<= {budget // KB} KB", ours <= budget))
    lines.append(Row("idle resident memory", f"{b.idle['ours'] / MB:.1f} MB",
                     f"{b.idle['nginx'] / MB:.1f} MB", f"{b.idle['ours'] / b.idle['nginx']:.2f}",
                     "<= 12 MB", b.idle["ours"] <= 12 * MB))
    return lines


@row("burst")
def row_burst(b):
    after, peak, idle = {}, {}, {}
    running = []
    for who in ("ours", "nginx"):
        g, idle[who] = fresh(b, who)
        port, model = g.targets["big"]
        b.rig.streams(port, model, 1500, 3, 600, 300, 30, 150000,
                      when_open=lambda g=g, who=who: peak.update({who: g.rss()}))
        running.append((who, g, time.monotonic()))
    for who, g, ended in running:
        time.sleep(max(0, ended + 10 - time.monotonic()))
        after[who] = g.rss()
        b.rig.stop(g.proc)
    return [Row("resident, 10 s after 1,500 x 150 KB",
                *(f"{after[who] / MB:.1f} MB" for who in ("ours", "nginx")),
                f"{after['ours'] / idle['ours']:.2f} x idle", "<= 2 x idle",
                after["ours"] <= 2 * idle["ours"],
                f"while all were open: {peak['ours'] / MB:.0f} MB, nginx "
                f"{peak['nginx'] / MB:.0f} MB; nginx after / idle "
                f"{after['nginx'] / idle['nginx']:.2f}")]


# ---- streams -----------------------------------------------------------------------------


def timely_row(b, parallel, every_ms, chunks, ramp_ms, asked=None):
    def text(r):
        return (f"{r['lost'] + r['bad']} lost, {r['late']} late, "
                f"p99 {r['late_ms']['p99']:.0f} ms, max {r['late_ms']['max']:.0f} ms")

    got = {}
    for g in b.pair():
        port, model = g.targets["stream"]
        got[g.name] = b.rig.streams(port, model, parallel, chunks, every_ms, ramp_ms, 60,
                                    check=False)
        b.rig.log_trim(g)
    ours = got["ours"]
    note = f"asked: {asked}; {parallel} is what {descriptor_limit()} descriptors allow" \
        if asked and asked != parallel else ""
    return Row(f"{parallel:,} streams, an event per {every_ms} ms", text(ours), text(got["nginx"]),
               "", "0 lost, 0 late", ours["lost"] + ours["bad"] + ours["late"] == 0, note)


@row("streams")
def row_streams(b):
    lines = [timely_row(b, 1000, 20, b.rounds(100, 250), 1000)]
    if not b.quick:
        # Two descriptors per stream, and nobody can ask for more than the hard limit.
        most = min(15000, (descriptor_limit() - 400) // 2)
        lines.append(timely_row(b, most, 1000, 10, 6000, 15000))
    return lines


# ---- start and size ----------------------------------------------------------------------


def start_once(b, cmd, port, model):
    """Milliseconds from exec to the first answered request."""
    out, into = os.pipe()
    proc = b.rig.spawn(cmd, CORE_GATE,
                       lambda: os.write(into, time.monotonic_ns().to_bytes(8, "little")),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = int.from_bytes(os.read(out, 8), "little")
    os.close(out)
    os.close(into)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if ask_once(port, model)[0] == 200:
                break
        except (OSError, BenchError):
            time.sleep(0.0002)
    took = (time.monotonic_ns() - began) / 1e6
    b.rig.stop(proc)
    return took


@row("start")
def row_start(b):
    took = {"ours": [], "nginx": []}
    for _ in range(b.rounds(5, 11)):
        cmd, port, _ = b.rig.ours_config()
        took["ours"].append(start_once(b, cmd, port, "bench"))
        cmd, ports = b.rig.nginx_command()
        took["nginx"].append(start_once(b, cmd, ports["plain"], "bench"))
    ours, nginx = (statistics.median(took[who]) for who in ("ours", "nginx"))
    return [Row("start to first answer", f"{ours:.1f} ms", f"{nginx:.1f} ms", f"{ours / nginx:.2f}",
                "<= 50 ms", ours <= 50)]


@row("size")
def row_size(b):
    def stripped(path):
        copy = b.rig.path("stripped")
        subprocess.run(["strip", "-s", "-o", copy, os.path.realpath(path)], check=True)
        return os.path.getsize(copy)

    ours, nginx = stripped(b.rig.binary), stripped(shutil.which("nginx"))
    return [Row("stripped binary", f"{ours / MB:.2f} MB", f"{nginx / MB:.2f} MB",
                f"{ours / nginx:.2f}", "<= 2 MB", ours <= 2 * MB)]


# ---- the table ---------------------------------------------------------------------------


def table(lines):
    head = Row("row", "ours", "nginx", "ratio", "budget")
    cells = [[r.name, r.ours, r.nginx, r.ratio, r.budget, r.verdict()] for r in [head] + lines]
    wide = [max(len(c[i]) for c in cells) for i in range(6)]
    text = ["| " + " | ".join(c[i].ljust(wide[i]) for i in range(6)) + " |" for c in cells]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in wide) + "|")
    return "\n".join(text)


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")),
                     platform.machine())
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip()
    rev = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                         capture_output=True, text=True).stdout.strip() or "unknown revision"
    return (f"{time.strftime('%Y-%m-%d %H:%M')}, {rev}, {os.cpu_count()} x {model}, "
            f"kernel {platform.release()}, {nginx.split(': ')[-1]}")


def run_rows(args):
    """The table's lines, and how quiet the machine was."""
    lines = []
    with Rig(args.gateway, args.keep) as rig:
        b = Bench(rig, args.quick)
        others = OtherPrograms(rig)
        for name, fn in ROWS:
            if args.row and name not in args.row:
                continue
            print(f"  {name} ...", file=sys.stderr, flush=True)
            try:
                lines += fn(b)
            except (BenchError, OSError, subprocess.SubprocessError) as e:
                lines.append(Row(name, "failed", good=False, note=str(e)))
        noise = (f"other programs used {others.cores():.2f} of {os.cpu_count()} cores; "
                 f"{b.rounds_noisy} of {b.rounds_taken} rounds were taken while they used more "
                 f"than {NOISE_MAX}")
    return lines, noise


def doc_write(text):
    path = os.path.join(ROOT, "doc", "performance.md")
    with open(path) as f:
        old = f.read()
    new = re.sub(r"(<!-- newest table -->\n).*?(<!-- end -->)",
                 lambda m: m[1] + text + "\n" + m[2], old, flags=re.S)
    with open(path, "w") as f:
        f.write(new)


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--quick", action="store_true", help="about three minutes instead of nine")
    p.add_argument("--row", action="append", choices=[name for name, _ in ROWS],
                   help="only this row; may be repeated")
    p.add_argument("--gateway", default=os.path.join(ROOT, "build", "cliproxyapi++"))
    p.add_argument("--callgrind", action="store_true",
                   help="instead: user instructions per request and per chunk")
    p.add_argument("--doc", action="store_true", help="put the table into doc/performance.md")
    p.add_argument("--keep", action="store_true", help="keep the scratch folder with the logs")
    return p.parse_args()


def main():
    args = options()
    missing = [t for t in ("nginx", "wrk", "openssl", "strip", args.gateway) if not shutil.which(t)]
    if missing:
        sys.exit(f"bench: not found: {', '.join(missing)}")

    def stop(number, _):
        raise SystemExit(f"bench: stopped by signal {number}")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, stop)
    signal.alarm(300 if args.quick else 840)
    if args.callgrind:
        try:
            with Rig(args.gateway, args.keep) as rig:
                print(count.run(rig))
        except BenchError as e:
            sys.exit(f"bench: {e}")
        return
    began = time.monotonic()
    lines, noise = run_rows(args)
    text = [machine(), "", table(lines), ""]
    text += [f"- {r.name}: {r.note}" for r in lines if r.note]
    text.append(f"- {'quick' if args.quick else 'full'} run of {time.monotonic() - began:.0f} s; "
                f"{noise}")
    print("\n".join(text))
    if args.doc:
        doc_write("\n".join(text))
    sys.exit(1 if any(r.ours == "failed" for r in lines) else 0)


if __name__ == "__main__":
    main()
