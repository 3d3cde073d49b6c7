"""The bench's processes: the mock, nginx, the gateway and the load programs.

Everything runs on 127.0.0.1, in a scratch folder, with a bounded life. The gateway under test has
core 0 to itself, mock and load share core 1; CPU time is read from the scheduler, not from ticks.
"""
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
KEY = "sk-bench-0123456789abcdef0123"
UPSTREAM_MODEL = "mock-1-2026-11"
CHAT = "/v1/chat/completions"
LIFETIME_S = 900
TRANSLATED = ("plain", "stream", "big")  # kinds that are also measured towards a Messages provider

WARNINGS = ("-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes "
            "-Wpointer-arith -Wwrite-strings -Wvla").split()

NGINX_CONF = """
daemon off; user {user}; worker_processes 1; worker_rlimit_nofile {nofile};
{master}
pid {dir}/nginx.pid; error_log {dir}/nginx.err;
events {{ worker_connections {connections}; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path {dir}/n1; proxy_temp_path {dir}/n2; fastcgi_temp_path {dir}/n3;
  uwsgi_temp_path {dir}/n4; scgi_temp_path {dir}/n5;
  client_max_body_size 64m;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 300s;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive {keepalive};
                   keepalive_requests 1000000000; keepalive_timeout 300s; }}
  upstream mocktls {{ server 127.0.0.1:{mock_tls}; keepalive {keepalive};
                      keepalive_requests 1000000000; keepalive_timeout 300s; }}
  server {{ listen 127.0.0.1:{plain} backlog=16384; location / {{ proxy_pass http://mock; }} }}
  server {{ listen 127.0.0.1:{stream} backlog=16384;
            location / {{ proxy_buffering off; proxy_pass http://mock; }} }}
  server {{ listen 127.0.0.1:{big} backlog=16384;
            location / {{ client_body_buffer_size 1m; proxy_buffering off;
                          proxy_pass http://mock; }} }}
  server {{ listen 127.0.0.1:{tls} backlog=16384; location / {{ proxy_pass https://mocktls; }} }}
  server {{ listen 127.0.0.1:{tls_stream} backlog=16384;
            location / {{ proxy_buffering off; proxy_pass https://mocktls; }} }}
}}
"""


class BenchError(Exception):
    """A row could not be measured; the text says why."""


def cores():
    """(gateway's core, load's core); the same one when there is only one."""
    have = sorted(os.sched_getaffinity(0))
    return have[0], have[min(1, len(have) - 1)]


CORE_GATE, CORE_LOAD = cores()


def descriptor_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def free_port(taken=set()):
    """A port below the ephemeral range, so that no outgoing connection sits on it."""
    start = 20000 + os.getpid() % 8000
    for port in range(start, 32000):
        if port in taken:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise BenchError("no free port")


def cpu_ns(pids):
    """CPU time, user and system, that all threads of these processes have had so far."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
    return total


def rss_bytes(pids):
    """Resident memory, counted page by page (VmRSS is an estimate on recent kernels)."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Rss")) * 1024
    return total


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(x) for x in f.read().split()]


def wait_port(port, proc, limit_s=10, pause_s=0.005):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if proc.poll() is not None:
            raise BenchError(f"process ended with {proc.returncode} before it listened")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(pause_s)
    raise BenchError(f"nothing listens on {port}")


def ask_once(port, model, limit_s=10):
    """One request, not streamed; returns the status code."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
    head = (f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as s:
        s.sendall(head + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = s.recv(65536)
            if not piece:
                raise BenchError("connection closed before an answer")
            answer += piece
    return int(answer.split()[1]), answer


class Gateway:
    """One running gateway: who to charge, and where each kind of traffic goes."""

    def __init__(self, name, proc, pids, targets):
        self.name, self.proc, self.pids = name, proc, pids
        self.targets = targets          # kind -> (port, model)

    def cpu_ns(self):
        return cpu_ns(self.pids())

    def rss(self):
        return rss_bytes(self.pids())


class Rig:
    def __init__(self, binary, keep=False):
        self.binary, self.keep = binary, keep
        self.running = []
        self.dir = tempfile.mkdtemp(prefix="cliproxy-bench-")
        self.logs = {}

    def __enter__(self):
        os.sched_setaffinity(0, {CORE_LOAD})
        try:
            self.build()
            self.start_mock()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for proc in reversed(self.running):
            self.signal(proc, signal.SIGTERM)
        for proc in list(self.running):
            self.stop(proc)
        if self.keep:
            print(f"kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- processes

    @staticmethod
    def signal(proc, number):
        if proc.poll() is None:
            proc.send_signal(number)

    def spawn(self, cmd, core, on_start=None, **kw):
        """Starts a child on one core that dies with us."""
        libc = ctypes.CDLL(None, use_errno=True)

        def prepare():
            libc.prctl(1, signal.SIGKILL)       # PR_SET_PDEATHSIG
            os.sched_setaffinity(0, {core})
            hard = descriptor_limit()
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            if on_start:
                on_start()

        proc = subprocess.Popen(cmd, preexec_fn=prepare, stdin=subprocess.DEVNULL, **kw)
        self.running.append(proc)
        return proc

    def stop(self, proc, limit_s=5):
        self.signal(proc, signal.SIGTERM)
        try:
            proc.wait(limit_s)
        except subprocess.TimeoutExpired:
            for pid in children_of(proc.pid):
                os.kill(pid, signal.SIGKILL)
            proc.kill()
            proc.wait(limit_s)
        if proc in self.running:
            self.running.remove(proc)

    def cpu_s(self):
        """CPU time of what runs now."""
        alive = [p.pid for p in self.running if p.poll() is None]
        return cpu_ns(alive + [kid for pid in alive for kid in children_of(pid)]) / 1e9

    def path(self, name):
        return os.path.join(self.dir, name)

    # ---- our own programs

    def build(self):
        out = os.path.join(ROOT, "build", "bench")
        os.makedirs(out, exist_ok=True)
        for name, libs in (("mock", ["-lssl", "-lcrypto"]), ("stream", [])):
            source, target = os.path.join(HERE, name + ".c"), os.path.join(out, name)
            if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(source):
                continue
            cmd = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-g", *WARNINGS, source,
                   "-o", target, *libs]
            subprocess.run(cmd, check=True)
        self.mock_bin, self.stream_bin = os.path.join(out, "mock"), os.path.join(out, "stream")

    def start_mock(self):
        self.cert, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-keyout", key, "-out", self.cert],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.mock_port, self.mock_tls = free_port(), free_port()
        mock = self.spawn([self.mock_bin, str(self.mock_port), str(LIFETIME_S),
                           str(self.mock_tls), self.cert, key], CORE_LOAD,
                          stdout=subprocess.DEVNULL)
        wait_port(self.mock_port, mock)

    # ---- nginx

    def nginx_command(self, single=False, connections=None):
        limit = descriptor_limit()
        ports = {k: free_port() for k in ("plain", "stream", "big", "tls", "tls_stream")}
        folder = tempfile.mkdtemp(dir=self.dir)
        conf = os.path.join(folder, "nginx.conf")
        with open(conf, "w") as f:
            f.write(NGINX_CONF.format(
                dir=folder, user="root" if os.getuid() == 0 else "nobody", nofile=limit,
                master="master_process off;" if single else "",
                # It resets idle clients when fewer than 1/16 are left: so more than it can open.
                connections=connections or min(40000, limit * 6 // 5), keepalive=15000,
                mock=self.mock_port, mock_tls=self.mock_tls, **ports))
        return ["nginx", "-p", folder, "-e", os.path.join(folder, "nginx.err"), "-c", conf], ports

    def start_nginx(self, connections=None):
        cmd, ports = self.nginx_command(connections=connections)
        proc = self.spawn(cmd, CORE_GATE, stderr=subprocess.DEVNULL)
        wait_port(ports["plain"], proc)
        time.sleep(0.1)
        targets = {kind: (port, "bench") for kind, port in ports.items()}
        # nginx does not translate: it passes the same chat requests to the same mock.
        targets.update({"x_" + kind: targets[kind] for kind in TRANSLATED})
        return Gateway("nginx", proc, lambda: children_of(proc.pid), targets)

    # ---- ours

    def ours_config(self, creds=1, keys=1):
        port = free_port()
        path = self.path(f"config-{port}.yaml")
        client_keys = [f"sk-client-{i:06d}-0123456789" for i in range(keys - 1)] + [KEY]
        lines = ["host: 127.0.0.1", f"port: {port}", "workers: 1",
                 f"auth-dir: {self.path('auths')}", "api-keys:"]
        lines += [f"  - {k}" for k in client_keys]
        lines += ["upstream:", f"  ca-file: {self.cert}", "  max-idle: 15000",
                  "openai-compatibility:"]
        for name, base, model in (("mock", f"http://127.0.0.1:{self.mock_port}/v1", "bench"),
                                  ("mocktls", f"https://127.0.0.1:{self.mock_tls}/v1",
                                   "bench-tls")):
            lines += [f"  - name: {name}", f"    base-url: {base}", "    api-key-entries:"]
            lines += [f"      - api-key: sk-up-{name}-{i:06d}-0123456789" for i in range(creds)]
            lines += ["    models:", f"      - name: {UPSTREAM_MODEL}", f"        alias: {model}"]
        lines += ["claude-api-key:", "  - api-key: sk-up-claude-0123456789",
                  f"    base-url: http://127.0.0.1:{self.mock_port}",
                  f"    models: [{{name: {UPSTREAM_MODEL}, alias: bench-x}}]"]
        os.makedirs(self.path("auths"), exist_ok=True)
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        targets = {k: (port, "bench") for k in ("plain", "stream", "big")}
        targets.update({"x_" + kind: (port, "bench-x") for kind in TRANSLATED})
        targets.update({k: (port, "bench-tls") for k in ("tls", "tls_stream")})
        return [self.binary, "serve", "--config", path], port, targets

    def start_ours(self, creds=1, keys=1):
        cmd, port, targets = self.ours_config(creds, keys)
        log = self.path(f"ours-{port}.log")
        with open(log, "ab") as out:
            proc = self.spawn(cmd, CORE_GATE, stdout=out, stderr=out)
        self.logs[proc.pid] = log
        try:
            wait_port(port, proc)
            status, answer = ask_once(port, "bench")
        except BenchError as e:
            raise BenchError(f"{e}; its log ends: {self.log_tail(log)}") from e
        if status != 200:
            raise BenchError(f"ours answers {status}: {answer[-300:]!r}")
        return Gateway("ours", proc, lambda: [proc.pid], targets)

    @staticmethod
    def log_tail(log):
        with open(log, "rb") as f:
            return f.read()[-500:].decode(errors="replace")

    def log_trim(self, gateway):
        """The access log is written for real, but need not fill the disk."""
        log = self.logs.get(gateway.proc.pid)
        if log:
            os.truncate(log, 0)

    # ---- loads

    def wrk(self, port, model, connections, seconds, body_bytes=2000):
        env = dict(os.environ, MODEL=model, KEY=KEY, BYTES=str(body_bytes),
                   SOURCE=os.path.join(HERE, "stream.c"))
        proc = self.spawn(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s",
                           os.path.join(HERE, "post.lua"), f"http://127.0.0.1:{port}{CHAT}"],
                          CORE_LOAD, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
        out, _ = proc.communicate(timeout=seconds + 20)
        self.running.remove(proc)
        found = [line for line in out.splitlines() if line.startswith("RESULT ")]
        if not found:
            raise BenchError("wrk: " + out.strip()[-300:])
        result = json.loads(found[0][7:])
        if result["errors"] or not result["requests"]:
            raise BenchError(f"wrk: {result['errors']} errors in {result['requests']} requests")
        return result

    def streams(self, port, model, parallel, chunks, every_ms, ramp_ms, limit_s=60, body_bytes=0,
                when_open=None, path=CHAT, total=0, check=True):
        """Runs the stream client; when_open() is called while all streams are open."""
        cmd = [self.stream_bin, "-c", str(parallel), "-k", str(chunks), "-e", str(every_ms),
               "-r", str(ramp_ms), "-t", str(limit_s), "-b", str(body_bytes), "-m", model,
               "-n", str(total), "-K", KEY, str(port), path]
        proc = self.spawn(cmd, CORE_LOAD, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        result = None
        for line in proc.stdout:
            message = json.loads(line)
            if "open" not in message:
                result = message
            elif when_open:
                when_open()
        error = proc.stderr.read()
        proc.wait(10)
        self.running.remove(proc)
        if not result or (check and (result["bad"] or proc.returncode)):
            raise BenchError(f"streams: {result} {error.strip()[:300]}")
        return result
