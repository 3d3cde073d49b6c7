"""A forward proxy for tests: HTTP CONNECT and SOCKS5, with or without a password.

Records the targets it was asked for. Names that do not exist (anything in `.test`) lead to
127.0.0.1, so that a test can tell who resolved the name.
"""

from __future__ import annotations

import base64
import select
import socket
import struct
import threading
import time


class MockProxy:
    def __init__(
        self,
        kind: str = "http",
        user: str = "",
        password: str = "",
        refuse: int = 0,
        stall: bool = False,
    ):
        self.kind, self.user, self.password = kind, user, password
        self.refuse = refuse  # HTTP status or SOCKS reply code to refuse with
        self.stall = stall  # accept, then say nothing
        self.targets: list[tuple[str, str, int]] = []  # (kind of address, host, port)
        self.bad_logins = 0
        self.heads: list[bytes] = []
        self._stopped = False
        self._open: list[socket.socket] = []
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.port: int = self.sock.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True, name="proxy")
        self._thread.start()

    def url(self, scheme: str = "") -> str:
        login = f"{self.user}:{self.password}@" if self.user else ""
        scheme = scheme or ("socks5" if self.kind == "socks5" else "http")
        return f"{scheme}://{login}127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._stopped = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(2)
        self.sock.close()
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _accept(self) -> None:
        while not self._stopped:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.stall:
                while not self._stopped and sock.recv(4096):
                    pass
                return
            there = self._socks(sock) if self.kind == "socks5" else self._connect(sock)
            if there is not None:
                self._open.append(there)
                self._relay(sock, there)
        except OSError:
            pass
        finally:
            sock.close()

    @staticmethod
    def _exactly(sock: socket.socket, n: int) -> bytes:
        data = b""
        while len(data) < n:
            piece = sock.recv(n - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return data

    @staticmethod
    def _dial(host: str, port: int) -> socket.socket:
        where = "127.0.0.1" if host.endswith(".test") or host == "localhost" else host
        return socket.create_connection((where, port), timeout=5)

    def _connect(self, sock: socket.socket) -> socket.socket | None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(4096)
            if not piece:
                return None
            head += piece
        self.heads.append(head)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        if method != "CONNECT":
            sock.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return None
        if self.user:
            want = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if not any(
                line.lower().startswith("proxy-authorization:")
                and line.split(":", 1)[1].strip() == want
                for line in lines[1:]
            ):
                self.bad_logins += 1
                sock.sendall(
                    b"HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic\r\n"
                    b"Content-Length: 0\r\n\r\n"
                )
                return None
        host, _, port = target.rpartition(":")
        self.targets.append(("name", host, int(port)))
        if self.refuse:
            sock.sendall(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % self.refuse)
            return None
        there = self._dial(host, int(port))
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return there

    def _socks(self, sock: socket.socket) -> socket.socket | None:
        """RFC 1928, and RFC 1929 for the password."""
        version, count = self._exactly(sock, 2)
        methods = self._exactly(sock, count)
        assert version == 5
        want = 2 if self.user else 0
        if want not in methods:
            self.bad_logins += 1
            sock.sendall(b"\x05\xff")
            return None
        sock.sendall(bytes([5, want]))
        if want == 2:
            self._exactly(sock, 1)
            user = self._exactly(sock, self._exactly(sock, 1)[0]).decode()
            password = self._exactly(sock, self._exactly(sock, 1)[0]).decode()
            good = (user, password) == (self.user, self.password)
            sock.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                self.bad_logins += 1
                return None
        _, command, _, kind = self._exactly(sock, 4)
        assert command == 1
        if kind == 1:
            host, label = socket.inet_ntoa(self._exactly(sock, 4)), "ipv4"
        elif kind == 3:
            host, label = self._exactly(sock, self._exactly(sock, 1)[0]).decode(), "name"
        else:
            host, label = socket.inet_ntop(socket.AF_INET6, self._exactly(sock, 16)), "ipv6"
        port = struct.unpack("!H", self._exactly(sock, 2))[0]
        self.targets.append((label, host, port))
        if self.refuse:
            sock.sendall(bytes([5, self.refuse, 0, 1, 0, 0, 0, 0, 0, 0]))
            return None
        there = self._dial(host, port)
        sock.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return there

    @staticmethod
    def _relay(a: socket.socket, b: socket.socket) -> None:
        a.settimeout(None)
        b.settimeout(None)
        other = {a: b, b: a}
        last = time.monotonic()
        while other:
            ready = select.select(list(other), [], [], 1)[0]
            if not ready and time.monotonic() - last > 60:
                break
            for sock in ready:
                last = time.monotonic()
                data = sock.recv(65536)
                if not data:
                    a.close()
                    b.close()
                    return
                other[sock].sendall(data)
