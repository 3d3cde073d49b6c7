"""User instructions per request and per streamed chunk, counted by callgrind.

Each gateway runs twice under callgrind with two different numbers of requests; the difference
divided by the difference of the numbers is the cost of one, free of start-up and of the machine's
other work. The kernel's part is not in it.
"""
import re
import shutil
import socket
import subprocess
import time

from rig import BenchError, CHAT, CORE_GATE, KEY, wait_port

CONNECTIONS = 8
TOP = 45


def request_bytes(port, model):
    turn = ('{"role":"user","content":"Turn %d: the worker reads \\"ready\\" sockets in turn.\\n'
            'Explain what happens when one of them has more bytes than the buffer takes, and what '
            'the others wait for meanwhile. Keep the answer short, and end with a table of the '
            'costs."}')
    body = ('{"messages":[%s],"model":"%s","max_tokens":1024,"temperature":0.7}'
            % (",".join(turn % i for i in range(7)), model)).encode()
    head = (f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def answer_read(s):
    data = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            raise BenchError("connection closed under callgrind")
        data += piece
        head = data.find(b"\r\n\r\n")
        if head < 0:
            continue
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", data[:head + 2])
        if not data.startswith(b"HTTP/1.1 200") or not length:
            raise BenchError(f"unexpected answer: {data[:200]!r}")
        if len(data) >= head + 4 + int(length[1]):
            return


def requests_send(rig, port, model, n):
    sockets = [socket.create_connection(("127.0.0.1", port), timeout=60)
               for _ in range(CONNECTIONS)]
    message = request_bytes(port, model)
    for i in range(0, n, CONNECTIONS):
        now = sockets[:min(CONNECTIONS, n - i)]
        for s in now:
            s.sendall(message)
        for s in now:
            answer_read(s)
    for s in sockets:
        s.close()


def streams_send(rig, port, model, n):
    rig.streams(port, model, 4, 100, 5, 0, 120, total=n)


LOADS = {                       # what is counted: few, many, units in one, how it is sent
    "request": ("plain", 200, 1200, 1, requests_send),
    "chunk": ("stream", 8, 48, 100, streams_send),
    "TLS request": ("tls", 200, 1200, 1, requests_send),
    "translated request": ("x_plain", 200, 1200, 1, requests_send),
    "translated chunk": ("x_stream", 8, 48, 100, streams_send),
}


def count_once(rig, command, port, model, send, n):
    out = rig.path(f"callgrind-{port}-{n}.out")
    log = rig.path(f"callgrind-{port}-{n}.log")
    with open(log, "wb") as f:
        proc = rig.spawn(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command],
                         CORE_GATE, stdout=f, stderr=f)
    wait_port(port, proc, 60, 0.1)
    send(rig, port, model, n)
    time.sleep(0.3)
    rig.stop(proc, 60)
    with open(log, errors="replace") as f:
        found = re.search(r"Collected : (\d+)", f.read())
    if not found:
        raise BenchError(f"callgrind counted nothing, see {log}")
    return int(found[1]), out


def functions(out, inclusive):
    """Function -> instructions. What was inlined from several files counts for one function."""
    text = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100",
                           f"--inclusive={'yes' if inclusive else 'no'}", out],
                          capture_output=True, text=True).stdout
    table = {}
    for line in text.splitlines():
        m = re.match(r" *([\d,]+) *\([ \d.]+%\) +(\S.*)$", line)
        if not m or "PROGRAM TOTALS" in m[2]:
            continue
        where, _, name = re.sub(r" \[.*", "", m[2]).rpartition(":")
        if name.startswith("0x") or where == "???":
            name += re.sub(r"^.*\[.*/|\]$", " ", m[2]).rstrip()
        name = re.sub(r"\.(part|lto_priv|constprop|isra)\.\d+", "", name)
        old, n = table.get(name, 0), int(m[1].replace(",", ""))
        table[name] = max(old, n) if inclusive else old + n
    return table


def differences(few, many, divisor, inclusive):
    a, b = functions(few, inclusive), functions(many, inclusive)
    rows = sorted(((b[k] - a.get(k, 0)) / divisor, k) for k in b)
    return [(v, k) for v, k in reversed(rows) if v >= 1][:TOP]


def subject(rig, who, kind):
    if who == "ours":
        command, port, targets = rig.ours_config()
        return command, port, targets[kind][1]
    command, ports = rig.nginx_command(single=True, connections=500)
    return command, ports[kind.removeprefix("x_")], "bench"


def run(rig):
    for tool in ("valgrind", "callgrind_annotate"):
        if not shutil.which(tool):
            raise BenchError(f"{tool} is not installed")
    text, detail = ["| user instructions per | ours | nginx | ratio |", "|---|---|---|---|"], []
    for what, (kind, few, many, units, send) in LOADS.items():
        cost, outs = {}, {}
        for who in ("ours", "nginx"):
            counts = []
            for n in (few, many):
                command, port, model = subject(rig, who, kind)
                counts.append(count_once(rig, command, port, model, send, n))
            cost[who] = (counts[1][0] - counts[0][0]) / ((many - few) * units)
            outs[who] = [c[1] for c in counts]
        text.append(f"| {what} | {cost['ours']:.0f} | {cost['nginx']:.0f} | "
                    f"{cost['ours'] / cost['nginx']:.2f} |")
        for inclusive in (False, True):
            detail.append(f"\nours, per {what}, {'with callees' if inclusive else 'self'}:")
            detail += [f"{v:10.1f}  {k}" for v, k in
                       differences(*outs["ours"], (many - few) * units, inclusive)]
    return "\n".join(text + detail)
