"""A client on raw sockets: sends exactly the bytes it is told, and notes when each piece arrived.

Nothing here hides a protocol fault. A response that ends early has `complete == False`; whoever
reads it decides whether that was expected.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator

Headers = Iterable[tuple[str, str]]


@dataclass
class Response:
    version: str = ""
    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    raw_head: bytes = b""
    body: bytes = b""  # transfer coding removed
    pieces: list[tuple[float, bytes]] = field(default_factory=list)  # (when, body bytes)
    head_at: float = 0.0
    end_at: float = 0.0
    complete: bool = False  # the framing says that nothing is missing
    framing: str = ""  # none, length, chunked, close
    conn: "Conn | None" = None

    def get(self, name: str, default: str | None = None) -> str | None:
        values = self.all(name)
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "surrogateescape")

    def message(self) -> str:
        """The human message of an error body in any of the dialects."""
        error = self.json()["error"]
        return error["message"]


@dataclass
class Event:
    """One server-sent event, with the time at which its last byte came."""

    at: float
    type: str
    data: str
    comment: str = ""

    def json(self) -> Any:
        return json.loads(self.data)


def events_of(pieces: Iterable[tuple[float, bytes]]) -> Iterator[Event]:
    """Splits a body into events and comments as WHATWG HTML 9.2.6 does, keeping arrival times.

    Comments come out as events with an empty type and `comment` set, so that tests can see where
    they stand: a comment in the middle of an event fails here.
    """
    buffer = b""
    lines: list[str] = []
    for at, piece in pieces:
        buffer += piece
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
            if text.startswith(":"):
                assert not lines, f"comment inside an event: {lines!r}"
                yield Event(at, "", "", text[1:].strip() or " ")
            elif text:
                lines.append(text)
            elif lines:
                yield _event(at, lines)
                lines = []
    assert not buffer.strip(), f"the stream ends inside a line: {buffer!r}"
    assert not lines, f"the stream ends inside an event: {lines!r}"


def _event(at: float, lines: list[str]) -> Event:
    kind, data = "message", []
    for line in lines:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
    return Event(at, kind, "\n".join(data))


def events(response: Response, comments: bool = False) -> list[Event]:
    return [e for e in events_of(response.pieces) if comments or not e.comment]


def build(
    method: str,
    target: str,
    headers: Headers = (),
    body: bytes | None = None,
    host: str = "gateway.test",
    version: str = "HTTP/1.1",
) -> bytes:
    """Request bytes. Host and Content-Length are added unless the caller gave them."""
    pairs = list(headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names and version == "HTTP/1.1":
        pairs.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    head = f"{method} {target} {version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in pairs) + "\r\n"
    return head.encode("utf-8", "surrogateescape") + (body or b"")


def chunked(pieces: Iterable[bytes]) -> bytes:
    out = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p)
    return out + b"0\r\n\r\n"


class Conn:
    """One client connection."""

    def __init__(
        self,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        timeout: float = 20.0,
        rcvbuf: int = 0,
        server_name: str = "localhost",
    ):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(timeout)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=server_name)
        self.sock = sock
        self.buffer = b""
        self.eof = False

    def __enter__(self) -> "Conn":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- sending ---------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def request(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
        **more: Any,
    ) -> None:
        self.send(build(method, target, headers, body, **more))

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Closes with RST: what a killed client looks like."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- receiving -------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Reads once; False at the end of the connection (orderly or reset)."""
        if self.eof:
            return False
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLEOFError):
            data = b""
        if not data:
            self.eof = True
            return False
        self.buffer += data
        return True

    def readable(self, within: float) -> bool:
        """Whether bytes (or the end) arrive within so many seconds."""
        if self.buffer:
            return True
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        return bool(select.select([self.sock], [], [], within)[0])

    def read_to_close(self) -> bytes:
        """Everything until the other side closes; TimeoutError if it does not."""
        while self._fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def closed_within(self, seconds: float) -> bool:
        """True if the other side closes in that time without sending another byte."""
        deadline = time.monotonic() + seconds
        while not self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return False
            if not self._fill():
                return True
        return False

    def head(self) -> Response:
        """Reads one status line and its headers; ConnectionError when the peer closes instead."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                raise ConnectionError(f"closed before a whole head: {self.buffer!r}")
        raw, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        status, _, reason = rest.partition(" ")
        response = Response(
            version,
            int(status),
            reason,
            raw_head=raw + b"\r\n\r\n",
            head_at=time.monotonic(),
            conn=self,
        )
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"malformed header line {line!r}"
            response.headers.append((name, value.strip()))
        return response

    def response(self, method: str = "POST", interim: bool = False) -> Response:
        """Reads a whole response; skips 1xx unless `interim`."""
        while True:
            response = self.head()
            if interim or response.status >= 200:
                break
        for _ in self.body(response, method):
            pass
        return response

    def body(self, response: Response, method: str = "POST") -> Iterator[bytes]:
        """Yields the body piece by piece while filling in `response`."""
        for piece in self._framed(response, method):
            response.pieces.append((time.monotonic(), piece))
            response.body += piece
            yield piece
        response.end_at = time.monotonic()

    def _framed(self, response: Response, method: str) -> Iterator[bytes]:
        status = response.status
        codings = ",".join(response.all("transfer-encoding")).lower()
        lengths = response.all("content-length")
        if method == "HEAD" or status in (204, 304) or 100 <= status < 200:
            response.framing, response.complete = "none", True
        elif "chunked" in codings:
            assert not lengths, "both Content-Length and Transfer-Encoding in a response"
            response.framing = "chunked"
            yield from self._chunks(response)
        elif lengths:
            assert len(set(lengths)) == 1, f"different lengths {lengths}"
            response.framing = "length"
            yield from self._sized(response, int(lengths[0]))
        else:
            response.framing = "close"
            while self.buffer or self._fill():
                piece, self.buffer = self.buffer, b""
                yield piece
            response.complete = True

    def _sized(self, response: Response, left: int) -> Iterator[bytes]:
        while left:
            if not self.buffer and not self._fill():
                return
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(piece)
            yield piece
        response.complete = True

    def _line(self) -> bytes | None:
        while b"\r\n" not in self.buffer:
            if not self._fill():
                return None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _chunks(self, response: Response) -> Iterator[bytes]:
        while True:
            line = self._line()
            if line is None:
                return
            left = int(line.split(b";")[0], 16)
            if left == 0:
                break
            while left:
                if not self.buffer and not self._fill():
                    return
                piece, self.buffer = self.buffer[:left], self.buffer[left:]
                left -= len(piece)
                yield piece
            if self._line() != b"":
                return
        while True:
            trailer = self._line()
            if trailer is None:
                return
            if trailer == b"":
                response.complete = True
                return
