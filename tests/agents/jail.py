"""Runs a command in a network of its own where nothing is reachable but one server.

usage: unshare --net [--map-root-user] python3 jail.py PORT SOCKET COMMAND...

In the new network namespace only a loopback device exists. We listen there on 127.0.0.1:PORT and
pass connections on to the Unix socket SOCKET, which, being a file, is reachable from here; who
listens there passes them to the real server. So an agent that wants to phone home, update itself or
look something up gets an error at once, whatever proxy settings it heeds or not.
"""

import fcntl
import socket
import struct
import subprocess
import sys
import threading

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # netdevice(7)


def bring_up_loopback() -> None:
    with socket.socket() as sock:
        ask = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, SIOCGIFFLAGS, ask))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def join(a: socket.socket, b: socket.socket) -> None:
    """Both ways, until both have ended."""
    back = threading.Thread(target=pump, args=(b, a), daemon=True)
    back.start()
    pump(a, b)
    back.join()
    a.close()
    b.close()


def forward(listener: socket.socket, connect) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        try:
            far = connect()
        except OSError:
            near.close()
            continue
        threading.Thread(target=join, args=(near, far), daemon=True).start()


def main() -> int:
    port, path, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    bring_up_loopback()
    listener = socket.create_server(("127.0.0.1", port))

    def connect() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        return sock

    threading.Thread(target=forward, args=(listener, connect), daemon=True).start()
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
