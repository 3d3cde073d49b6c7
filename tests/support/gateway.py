"""Runs the real binary: writes its configuration, reads its log, and checks at the end that it left
nothing behind: exit 0, no sanitizer report, no error line nobody expected, no secret in any log
line, no descriptor more than at the start.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from .binary import BINARY, ROOT, sanitizer
from .client import Conn, Headers, Response
from .clock import SLACK, eventually
from .upstream import Upstream

# Every secret in these tests starts with one of these, so that one pattern finds a leak anywhere.
SECRET = re.compile(r"\b[cs]k-[A-Za-z0-9]{3,}-[A-Za-z0-9_./=+-]{4,}")
CLIENT_KEY = "ck-client-7f3a9c51"
UPSTREAM_KEY = "sk-upstream-2d8e64b0"

_SANITIZER = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior"
    r"|runtime error:|MemorySanitizer)"
)
_LINE = re.compile(
    r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\] \[([0-9a-f]{8}|-{8})\] "
    r"\[(debug|info |warn |error)\] (.*)$"
)


@dataclass
class LogLine:
    raw: str
    time: str = ""
    request_id: str = ""
    level: str = ""
    message: str = ""
    fields: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: str) -> "LogLine":
        match = _LINE.match(raw)
        if match is None:
            return cls(raw)
        rest, fields = match[4], {}
        brace = rest.find(" {")
        if brace >= 0:
            # A message may hold braces of its own: the fields are what parses up to the end.
            while brace >= 0:
                try:
                    fields = json.loads(rest[brace + 1 :])
                    rest = rest[:brace]
                    break
                except ValueError:
                    brace = rest.find(" {", brace + 1)
        return cls(raw, match[1], match[2], match[3].strip(), rest, fields)


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of the child: nothing of ours leaks in that would change its behaviour."""
    env = {
        k: v
        for k, v in os.environ.items()
        if not k.upper().endswith("_PROXY")
        and not k.startswith("CLIPROXY_")
        and not k.endswith("_API_KEY")
        and k not in ("MANAGEMENT_PASSWORD", "DEPLOY", "CONFIG")
    }
    env.setdefault("ASAN_OPTIONS", "quarantine_size_mb=8:detect_leaks=1:abort_on_error=0")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    env.setdefault("TSAN_OPTIONS", "halt_on_error=0:exitcode=66")
    env.update(extra or {})
    return env


def run(
    *args: str, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 10.0
) -> subprocess.CompletedProcess[str]:
    """Runs the binary to its end."""
    done = subprocess.run(
        [BINARY, *args],
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout * SLACK,
    )
    assert not _SANITIZER.search(done.stderr), done.stderr
    return done


def dump(config: dict[str, Any] | str) -> str:
    """JSON is YAML; tests that care about the YAML itself pass text."""
    return config if isinstance(config, str) else json.dumps(config, indent=1, ensure_ascii=False)


class Gateway:
    """One running process. `config` is a dict (port 0 and loopback are filled in) or YAML text."""

    def __init__(
        self,
        folder: Path,
        config: dict[str, Any] | str,
        *,
        name: str = "config.yaml",
        env: dict[str, str] | None = None,
        args: list[str] | None = None,
        tls: ssl.SSLContext | None = None,
        expect: tuple[str, ...] = (),
        check_fds: bool = True,
        start: bool = True,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / name
        self.tls = tls
        self.key = CLIENT_KEY
        self.lines: list[LogLine] = []
        self.stderr = ""
        self.expected = [re.compile(e) for e in expect]
        self.check_fds = check_fds
        self._env, self._args = env, args
        self._new_line = threading.Condition()
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ("127.0.0.1", 0)
        self.fds_at_start = 0
        self.write(config)
        if start:
            self.start()

    # -- life ------------------------------------------------------------------------------------

    def write(self, config: dict[str, Any] | str) -> None:
        if isinstance(config, dict):
            config = {"host": "127.0.0.1", "port": 0, **config}
        self.config = config
        self.path.write_text(dump(config))

    def start(self, within: float = 10.0) -> None:
        args = self._args if self._args is not None else ["--config", str(self.path)]
        self.process = subprocess.Popen(
            [BINARY, *args],
            cwd=self.folder,
            env=environment(self._env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=self._read_log, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        line = self.wait_line(
            lambda l: l.message == "listening" or not self.alive(), within, "listening line"
        )
        assert line.message == "listening", f"did not start:\n{self.output()}"
        host, _, port = line.fields["address"].rpartition(":")
        host = host.strip("[]")
        self.address = ("127.0.0.1" if host in ("", "0.0.0.0", "::", "::1") else host, int(port))
        self.fds_at_start = self.fds()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self, within: float = 10.0) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        if self.alive():
            self.signal(signal.SIGTERM)
        return self.wait_exit(within)

    def wait_exit(self, within: float = 10.0) -> int:
        assert self.process is not None
        try:
            code = self.process.wait(within * SLACK)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self._join()
            raise AssertionError(
                f"did not end within {within * SLACK} s\n{self.output()}"
            ) from None
        self._join()
        return code

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(5)

    def finish(self) -> None:
        """Ends the process and asserts that it was in order all along."""
        if self.process is None:
            return
        problems = []
        if self.alive() and self.check_fds:
            for upstream in list(Upstream.live):
                upstream.close_connections()
            try:
                eventually(lambda: self.fds() <= self.fds_at_start, "descriptors", 4)
            except AssertionError:
                problems.append(
                    f"{self.fds()} descriptors, {self.fds_at_start} at the start (we "
                    f"listen at {self.address[1]}): " + " ".join(self.fd_targets())
                )
        try:
            code = self.terminate(15)
            if code != 0:
                problems.append(f"exit code {code}")
        except AssertionError as err:
            problems.append(str(err)[:2000])
        problems += self.complaints()
        assert not problems, "\n".join(problems) + "\n--- stderr\n" + self.stderr[-6000:]

    def kill(self) -> None:
        """For tests in which the process ended by itself or must not be checked."""
        if self.alive():
            assert self.process is not None
            self.process.kill()
            self.process.wait()
        self._join()

    def complaints(self) -> list[str]:
        """What the log and stderr hold that no test said it expects."""
        found = []
        if _SANITIZER.search(self.stderr):
            found.append("sanitizer report on stderr")
        for line in list(self.lines):
            if line.level == "error" and not any(e.search(line.raw) for e in self.expected):
                found.append(f"unexpected error line: {line.raw[:500]}")
            if SECRET.search(line.raw):
                found.append(f"secret in the log: {line.raw[:500]}")
            if not line.level and line.raw.strip():
                found.append(f"log line out of form: {line.raw[:500]!r}")
        if SECRET.search(self.stderr):
            found.append("secret on stderr")
        return found

    def expect(self, *patterns: str) -> None:
        """Declares that error-level lines matching these are part of the test."""
        self.expected += [re.compile(p) for p in patterns]

    # -- log -------------------------------------------------------------------------------------

    def _read_log(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        for raw in self.process.stdout:
            line = LogLine.parse(raw.decode("utf-8", "replace").rstrip("\n"))
            with self._new_line:
                self.lines.append(line)
                self._new_line.notify_all()
        with self._new_line:
            self._new_line.notify_all()

    def _read_stderr(self) -> None:
        assert self.process is not None and self.process.stderr is not None
        for raw in self.process.stderr:
            self.stderr += raw.decode("utf-8", "replace")

    def mark(self) -> int:
        """A place in the log to look from."""
        return len(self.lines)

    def wait_line(
        self,
        wanted: Callable[[LogLine], bool],
        within: float = 4.0,
        what: str = "log line",
        since: int = 0,
    ) -> LogLine:
        deadline = time.monotonic() + within * SLACK
        with self._new_line:
            while True:
                for line in self.lines[since:]:
                    if wanted(line):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or not self.alive():
                    self._new_line.wait(0.2)
                    for line in self.lines[since:]:
                        if wanted(line):
                            return line
                    raise AssertionError(f"no {what}\n{self.output()}")
                self._new_line.wait(min(left, 0.2))

    def access(self, response: Response, within: float = 4.0) -> LogLine:
        """The access line of the request that got this response."""
        rid = response.get("x-request-id")
        return self.wait_line(
            lambda l: l.message == "request" and l.request_id == rid,
            within,
            f"access line of {rid}",
        )

    def warnings(self) -> list[LogLine]:
        return [l for l in self.lines if l.level == "warn"]

    def output(self) -> str:
        return "\n".join(l.raw for l in self.lines[-40:]) + "\n--- stderr\n" + self.stderr[-4000:]

    # -- resources -------------------------------------------------------------------------------

    def fds(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def fd_targets(self) -> list[str]:
        """What the descriptors are; TCP sockets with both ends and their state."""
        sockets = {}
        for family in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.pid}/net/{family}").read_text().splitlines()[1:]:
                part = line.split()
                ends = [str(int(end.rpartition(":")[2], 16)) for end in part[1:3]]
                sockets[f"socket:[{part[9]}]"] = f"{family}:{'>'.join(ends)}/{part[3]}"
        out = []
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except OSError:
                continue
            out.append(sockets.get(target, target))
        return sorted(t for t in out if not t.startswith(("anon_inode", "pipe")))

    def rss(self) -> int:
        """Resident bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    # -- requests --------------------------------------------------------------------------------

    def connect(self, **more: Any) -> Conn:
        more.setdefault("tls", self.tls)
        return Conn(self.address, **more)

    def url(self, path: str = "") -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.address[1]}{path}"

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: Headers = (),
        key: str | None = "",
        **more: Any,
    ) -> Response:
        """One request on a connection of its own. `key`: None sends none, '' the usual one."""
        with self.connect(**more) as conn:
            conn.request(method, target, self.headers(headers, body, key), encode(body))
            return conn.response(method)

    def headers(self, headers: Headers = (), body: Any = None, key: str | None = "") -> list:
        pairs = list(headers)
        names = {n.lower() for n, _ in pairs}
        if key is not None:
            pairs.append(("Authorization", f"Bearer {key or self.key}"))
        if body is not None and "content-type" not in names:
            pairs.append(("Content-Type", "application/json"))
        return pairs

    def get(self, target: str, **more: Any) -> Response:
        return self.call("GET", target, **more)

    def post(self, target: str, body: Any, **more: Any) -> Response:
        return self.call("POST", target, body, **more)

    def chat(self, model: str = "m", stream: bool = False, **more: Any) -> Response:
        return self.post("/v1/chat/completions", chat_body(model, stream), **more)


def encode(body: Any) -> bytes | None:
    """Bytes stay as they are; anything else becomes compact JSON."""
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def chat_body(model: str = "m", stream: bool = False, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    if stream:
        body["stream"] = True
        # Given by the client, so that the gateway has no reason to edit the body.
        body.setdefault("stream_options", {"include_usage": True})
    return body


def config(*uris: Any, **more: Any) -> dict[str, Any]:
    """The configuration most tests start from: one provider of each dialect at one upstream.

    `m` is a chat model, `claude-m`, `gemini-m` and `codex-m` speak the other dialects; each of the
    four has an alias `<id>-alias`.
    """
    (up,) = uris
    upstream = more.pop("upstream", {})

    def models(name: str) -> list[dict[str, str]]:
        return [{"name": name}, {"name": f"{name}-real", "alias": f"{name}-alias"}]

    base = {
        "api-keys": [CLIENT_KEY],
        "openai-compatibility": [
            {
                "name": "chatty",
                "base-url": up.url("/v1"),
                "api-key-entries": [{"api-key": UPSTREAM_KEY}],
                "models": models("m"),
            }
        ],
        "claude-api-key": [
            {"api-key": UPSTREAM_KEY, "base-url": up.url(), "models": models("claude-m")}
        ],
        "gemini-api-key": [
            {"api-key": UPSTREAM_KEY, "base-url": up.url(), "models": models("gemini-m")}
        ],
        "codex-api-key": [
            {"api-key": UPSTREAM_KEY, "base-url": up.url("/v1"), "models": models("codex-m")}
        ],
    }
    if upstream:
        base["upstream"] = upstream
    base.update(more)
    return base
