"""A scripted HTTP/1.1 provider on raw sockets, one thread a connection.

It records every request as it came (bytes of the head, order and spelling of the headers, the body
with and without its transfer coding) and answers as the test says, faults included: pieces with
pauses, chunked or sized or ended by close, stalls, resets, half an event, slow reading, TLS.
"""

from __future__ import annotations

import json
import random
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Union

from .clock import SLACK, eventually


class _Act:
    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return self.name


STALL = _Act("STALL")  # send nothing more until the gateway goes away
RESET = _Act("RESET")  # RST at once
CLOSE = _Act("CLOSE")  # FIN at once, whatever the framing promised

# A piece of a body: bytes, seconds to wait, an event to wait for, or one of the acts above.
Piece = Union[bytes, float, threading.Event, _Act]


class PeerGone(Exception):
    """The gateway closed or reset the connection."""


@dataclass
class Answer:
    status: int = 200
    body: bytes | Iterable[Piece] = b""
    headers: Iterable[tuple[str, str]] = (("Content-Type", "application/json"),)
    framing: str = "length"  # length, chunked, close or none
    reason: str = "Status"
    delay: float = 0.0  # before the head
    after: str = "keep"  # keep, close, reset, or stall
    interim: bytes = b""  # whole 1xx responses sent first
    raw: bytes | None = None  # these bytes instead of all of the above but the delay
    read_body: bool = True  # False: answer without having read the body


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    raw_head: bytes
    conn: "UpstreamConn"
    nth: int  # on its connection, from 1
    at: float
    body: bytes = b""
    raw_body: bytes = b""  # as on the wire, chunk lines included
    body_done: bool = False
    ended: threading.Event = field(default_factory=threading.Event)  # answered, or gave up
    sent: int = 0  # body bytes of the answer handed to the kernel so far

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def path(self) -> str:
        return self.target.split("?")[0]


# A function gets the request with its body read, unless it is marked with early(): then only the
# head is there. It returns an answer, or None when it did all that was to be done.
Script = Union[Answer, Callable[[Request], Union[Answer, None]]]


def early(script: Callable[[Request], Union[Answer, None]]) -> Script:
    script.early = True  # type: ignore[attr-defined]
    return script


def ok(obj: Any, **more: Any) -> Answer:
    """A whole JSON answer."""
    body = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
    return Answer(body=body, **more)


def sse(*pieces: Piece, framing: str = "chunked", **more: Any) -> Answer:
    """A streamed answer in these pieces."""
    more.setdefault("headers", (("Content-Type", "text/event-stream"),))
    return Answer(body=list(pieces), framing=framing, **more)


def chat_event(
    text: str = "", finish: str | None = None, model: str = "m", usage: dict | None = None
) -> bytes:
    """One chunk of a chat completion stream."""
    event: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": [
            {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
        ],
    }
    if usage is not None:
        event["usage"] = usage
    return b"data: " + json.dumps(event).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def chat_answer(model: str = "m", text: str = "hello") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


class UpstreamConn:
    """One connection from the gateway."""

    def __init__(self, upstream: "Upstream", sock: socket.socket):
        self.upstream = upstream
        self.sock = sock
        self.buffer = b""
        self.opened_at = time.monotonic()
        self.closed_at: float | None = None  # when the gateway closed or reset it
        self.gone = threading.Event()  # set with closed_at, and when we close
        self.session_reused = False
        self.server_name: str | None = None
        self.requests = 0

    # -- the small operations that scripts may use ------------------------------------------------

    def send(self, data: bytes, request: Request | None = None) -> None:
        view = memoryview(data)
        while view:
            try:
                n = self.sock.send(view[:65536])
            except (ConnectionError, ssl.SSLError, ValueError, TimeoutError, OSError) as err:
                self._lost()
                raise PeerGone from err
            view = view[n:]
            if request is not None:
                request.sent += n

    def wait(self, seconds: float) -> None:
        """Passes the time, but notices at once when the gateway leaves."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                if select.select([self.sock], [], [], min(left, 0.5))[0]:
                    self._fill()
            except (OSError, ValueError) as err:
                self._lost()
                raise PeerGone from err

    def _fill(self) -> None:
        try:
            data = self.sock.recv(65536)
        except (OSError, ValueError) as err:
            self._lost()
            raise PeerGone from err
        if not data:
            self._lost()
            raise PeerGone
        self.buffer += data

    def _lost(self) -> None:
        if self.closed_at is None:
            self.closed_at = time.monotonic()
        self.gone.set()

    def close(self) -> None:
        self.gone.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self) -> None:
        self.gone.set()
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.sock.close()

    # -- reading requests -------------------------------------------------------------------------

    def read_head(self) -> Request:
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        raw, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
        method, target, version = lines[0].split(" ")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon, f"malformed header from the gateway: {line!r}"
            headers.append((name, value.strip()))
        self.requests += 1
        return Request(
            method,
            target,
            version,
            headers,
            raw + b"\r\n\r\n",
            self,
            self.requests,
            time.monotonic(),
        )

    def read_body(self, request: Request) -> None:
        """Reads the body to its end."""
        if request.body_done:
            return
        if "chunked" in (request.get("transfer-encoding") or "").lower():
            body, raw = bytearray(), bytearray()
            while size := int(self._line(raw).split(b";")[0], 16):
                body += self._take(size, raw)
                assert self._take(2, raw) == b"\r\n"
            while self._line(raw):
                pass
            request.body, request.raw_body = bytes(body), bytes(raw)
        else:
            request.body = request.raw_body = self._take(int(request.get("content-length") or 0))
        request.body_done = True

    def _take(self, n: int, raw: bytearray | None = None) -> bytes:
        pieces = [self.buffer]
        left = n - len(self.buffer)
        while left > 0:
            self.buffer = b""
            self._fill()
            pieces.append(self.buffer)
            left -= len(self.buffer)
        data = b"".join(pieces)
        data, self.buffer = data[:n], data[n:]
        if raw is not None:
            raw += data
        return data

    def _line(self, raw: bytearray) -> bytes:
        while b"\r\n" not in self.buffer:
            self._fill()
        return self._take(self.buffer.index(b"\r\n") + 2, raw)[:-2]

    # -- answering --------------------------------------------------------------------------------

    def play(self, request: Request, answer: Answer) -> bool:
        """Sends an answer; True if the connection may carry another request."""
        if answer.delay:
            self.wait(answer.delay)
        if answer.interim:
            self.send(answer.interim)
        if answer.raw is not None:
            self.send(answer.raw, request)
            return self._after(answer)
        pieces = [answer.body] if isinstance(answer.body, bytes) else answer.body
        head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in answer.headers)
        if answer.framing == "length":
            pieces = list(pieces)
            total = sum(len(p) for p in pieces if isinstance(p, bytes))
            head += f"Content-Length: {total}\r\n"
        elif answer.framing == "chunked":
            head += "Transfer-Encoding: chunked\r\n"
        elif answer.framing == "close":
            head += "Connection: close\r\n"
        self.send(head.encode() + b"\r\n")
        for piece in pieces:
            if not self._play_piece(request, piece, answer.framing):
                return False
        if answer.framing == "chunked":
            self.send(b"0\r\n\r\n")
        return self._after(answer) and answer.framing != "close"

    def _play_piece(self, request: Request, piece: Piece, framing: str) -> bool:
        if isinstance(piece, bytes):
            if framing == "chunked":
                piece = b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
            self.send(piece, request)
        elif isinstance(piece, threading.Event):
            while not piece.is_set():
                self.wait(0.01)
        elif isinstance(piece, (int, float)):
            self.wait(piece)
        elif piece is STALL:
            self.wait(3600)
        elif piece is RESET:
            self.reset()
            return False
        elif piece is CLOSE:
            return False
        return True

    def _after(self, answer: Answer) -> bool:
        if answer.after == "reset":
            self.reset()
        elif answer.after == "stall":
            self.wait(3600)
        return answer.after == "keep"


class Upstream:
    """Listens on 127.0.0.1:<port>. `default` answers whatever no `then()` script was queued for."""

    live: "set[Upstream]" = set()  # all that were started and not stopped

    def __init__(self, tls: ssl.SSLContext | None = None, rcvbuf: int = 0, scheme: str = ""):
        self.tls = tls
        self.requests: list[Request] = []
        self.connections: list[UpstreamConn] = []
        self.handshake_failures = 0
        self._home: Script = ok(chat_answer())
        self.default: Script = self._home
        self._queue: deque[Script] = deque()
        self._lock = threading.Lock()
        self._stopped = False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(4096)
        self.port: int = self.sock.getsockname()[1]
        self.scheme = scheme or ("https" if tls else "http")
        self._acceptor = threading.Thread(target=self._accept, daemon=True, name="upstream")
        self._acceptor.start()
        Upstream.live.add(self)

    # -- for the test -----------------------------------------------------------------------------

    def url(self, path: str = "", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def then(self, *scripts: Script) -> None:
        """Queues answers for the next requests, in order."""
        with self._lock:
            self._queue.extend(scripts)

    def reset(self, default: Script | None = None) -> None:
        """Forgets records and scripts; connections stay (the gateway may hold them in its pool)."""
        with self._lock:
            self._queue.clear()
            self.default = default if default is not None else self._home
            self.requests = []
            self.connections = [c for c in self.connections if not c.gone.is_set()]

    def last(self) -> Request:
        assert self.requests, "the upstream was not called"
        return self.requests[-1]

    def one(self) -> Request:
        assert len(self.requests) == 1, f"{len(self.requests)} upstream calls"
        return self.requests[0]

    def wait_request(self, n: int = 1, within: float = 5.0) -> Request:
        """Waits until the head of the n-th request is in, and returns it."""
        eventually(lambda: len(self.requests) >= n, f"upstream request {n}", within, 0.002)
        return self.requests[n - 1]

    def wait_gone(self, request: Request, within: float) -> float:
        """Waits for the gateway to drop this request's connection; the monotonic time it did."""
        assert request.conn.gone.wait(within * SLACK), "the gateway kept the upstream call"
        assert request.conn.closed_at is not None, "the script closed first"
        return request.conn.closed_at

    def open_connections(self) -> int:
        return sum(not c.gone.is_set() for c in self.connections)

    def close_connections(self) -> None:
        for conn in list(self.connections):
            conn.close()

    def stop(self) -> None:
        self._stopped = True
        Upstream.live.discard(self)
        # shutdown() wakes the accept() of the other thread; close() alone would not.
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._acceptor.join(2)
        self.sock.close()
        self.close_connections()

    # -- threads ----------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stopped:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = UpstreamConn(self, sock)
            self.connections.append(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _handshake(self, conn: UpstreamConn) -> bool:
        assert self.tls is not None
        try:
            wrapped = self.tls.wrap_socket(conn.sock, server_side=True)
        except (OSError, ssl.SSLError, ValueError):
            self.handshake_failures += 1
            conn._lost()
            conn.sock.close()
            return False
        conn.sock = wrapped
        conn.session_reused = bool(wrapped.session_reused)
        return True

    def _serve(self, conn: UpstreamConn) -> None:
        if self.tls is not None and not self._handshake(conn):
            return
        try:
            while self._exchange(conn):
                pass
        except PeerGone:
            pass
        finally:
            conn.close()

    def _exchange(self, conn: UpstreamConn) -> bool:
        request = conn.read_head()
        with self._lock:
            script = self._queue.popleft() if self._queue else self.default
            self.requests.append(request)
        try:
            if isinstance(script, Answer):
                answer: Answer | None = script
            else:
                if not getattr(script, "early", False):
                    conn.read_body(request)
                answer = script(request)
                if answer is None:  # the script did it all and closed or kept the connection
                    return not conn.gone.is_set()
            if answer.read_body:
                conn.read_body(request)
            return conn.play(request, answer)
        finally:
            request.ended.set()


class SilentUpstream:
    """Accepts nothing: its backlog is full, so that a connect() hangs until its time-out."""

    def __init__(self) -> None:
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(0)
        self.port = self.sock.getsockname()[1]
        self._fill = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fill.append(filler)
        time.sleep(0.05)

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        for sock in [*self._fill, self.sock]:
            sock.close()


def free_port() -> int:
    """A port on which, just now, nobody listens, and which no outgoing connection will get: below
    the range from which the system takes those."""
    while True:
        port = random.SystemRandom().randrange(10240, 32000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
