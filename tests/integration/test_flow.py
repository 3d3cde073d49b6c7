"""Back-pressure: when one side is slow, the gateway stops reading the other, and stays small."""

from __future__ import annotations

import threading
import time

import pytest

from support.client import build, chunked
from support.clock import SLACK, eventually
from support.gateway import CLIENT_KEY, chat_body, config, encode, sanitizer
from support.upstream import DONE, Answer, chat_event, early, ok, sse

MB = 1_000_000


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream(rcvbuf=65536)


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(
        config(up, workers=1, client={"write-timeout": "30s"}, limits={"body-size": "100MiB"})
    )


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


class Peak:
    """Watches the resident size while a block runs."""

    def __init__(self, gw):
        self.gw, self.start, self.top = gw, gw.rss(), 0

    def __enter__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(0.02):
            self.top = max(self.top, self.gw.rss())

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        print(f"\npeak growth {(self.top - self.start) / MB:.1f} MB")

    def growth(self):
        return self.top - self.start


BOUND = (16 if not sanitizer() else 64) * MB


def stalls(counter, still=0.3):
    """Waits until a counter does not move any more; its value."""
    last, since = -1, time.monotonic()
    while True:
        now = counter()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > still:
            return now
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stream", "whole"])
def test_R13_11_slow_client_fast_upstream(gw, up, kind):
    """200 MB, of which the client reads nothing for a while: the provider is held back."""
    event = chat_event("x" * 60_000)
    count = 200 * MB // len(event)
    tail = [chat_event("", "stop"), DONE] if kind == "stream" else []
    content = "text/event-stream" if kind == "stream" else "application/json"
    up.default = lambda _: Answer(
        body=(p for g in ([event] * count, tail) for p in g),
        framing="chunked",
        headers=[("Content-Type", content)],
    )
    total = len(event) * count + sum(map(len, tail))
    with Peak(gw) as peak, gw.connect(rcvbuf=65536) as c:
        c.request(
            "POST",
            "/v1/chat/completions",
            gw.headers(body=1),
            encode(chat_body(stream=kind == "stream")),
        )
        r = c.head()
        request = up.one()
        held = stalls(lambda: request.sent)
        assert held < 60 * MB, f"{held} bytes were taken although nobody reads"
        got = 0
        for piece in c._framed(r, "POST"):
            got += len(piece)
        assert got == total and r.complete
    assert peak.growth() < BOUND, f"{peak.growth() / MB:.0f} MB"


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_slow_upstream_fast_client(gw, up, coding):
    """A 60 MB upload to a provider that does not read: the client is held back."""
    go = threading.Event()

    @early
    def script(request):
        go.wait(30)
        request.conn.read_body(request)
        return ok({"n": len(request.body)})

    up.default = script
    front = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    blob = b"\xcd" * 65536
    pieces = [front] + [blob] * (60 * MB // len(blob)) + [b"\r\n--b--\r\n"]
    total = sum(map(len, pieces))
    sent = [0]

    with Peak(gw) as peak, gw.connect() as c:
        head = [
            ("Content-Type", "multipart/form-data; boundary=b"),
            ("Authorization", f"Bearer {CLIENT_KEY}"),
        ]
        head.append(
            ("Transfer-Encoding", "chunked")
            if coding == "chunked"
            else ("Content-Length", str(total))
        )

        def push():
            c.send(build("POST", "/v1/audio/transcriptions", head))
            for p in pieces:
                c.send(b"%x\r\n%s\r\n" % (len(p), p) if coding == "chunked" else p)
                sent[0] += len(p)
            if coding == "chunked":
                c.send(b"0\r\n\r\n")

        pusher = threading.Thread(target=push)
        pusher.start()
        held = stalls(lambda: sent[0])
        assert held < 60 * MB, f"{held} bytes were taken although the provider does not read"
        go.set()
        pusher.join(30)
        assert c.response().json() == {"n": total}
    assert peak.growth() < BOUND, f"{peak.growth() / MB:.0f} MB"


def test_write_timeout(stage, up):
    """A client that never reads is let go, and with it the upstream call."""
    gw = stage.gateway(config(up, client={"write-timeout": "400ms"}))
    event = chat_event("x" * 60_000)
    up.default = lambda _: Answer(
        body=(event for _ in range(3000)),
        framing="chunked",
        headers=[("Content-Type", "text/event-stream")],
    )
    with gw.connect(rcvbuf=8192) as c:
        c.request(
            "POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True))
        )
        request = up.wait_request()
        up.wait_gone(request, 5)
        gw.wait_line(lambda l: l.message == "request", 2, "access line")


def test_an_upload_beyond_the_limit_is_cut_on_the_way(stage, up):
    """Streamed bodies count against limits.body-size too."""
    gw = stage.gateway(config(up, limits={"body-size": "1MiB"}))
    front = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/audio/transcriptions",
                [
                    ("Content-Type", "multipart/form-data; boundary=b"),
                    ("Authorization", f"Bearer {CLIENT_KEY}"),
                    ("Transfer-Encoding", "chunked"),
                ],
            )
        )
        try:
            c.send(b"%x\r\n%s\r\n" % (len(front), front))
            for _ in range(100):
                c.send(b"10000\r\n" + b"z" * 65536 + b"\r\n")
        except OSError:
            pass
        assert c.response().status == 413
    assert all(not r.body_done for r in up.requests)


def test_an_answer_before_the_upload_is_complete(gw, up):
    """A provider that refuses early: its answer reaches the client, who is still sending."""
    up.default = Answer(
        status=413,
        body=b'{"error":{"message":"too big"}}',
        read_body=False,
        after="close",
        headers=[("Content-Type", "application/json"), ("Connection", "close")],
    )
    front = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * 1000
    )
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/audio/transcriptions",
                [
                    ("Content-Type", "multipart/form-data; boundary=b"),
                    ("Authorization", f"Bearer {CLIENT_KEY}"),
                    ("Content-Length", "10000000"),
                ],
            )
            + front
        )
        r = c.response()
        assert r.status in (413, 502)


@pytest.mark.slow
def test_memory_goes_back_after_a_burst(gw, up):
    """1,500 concurrent 150 KB requests, then quiet (DESIGN 8)."""
    up.default = lambda _: ok({}, delay=0.3)
    body = encode(chat_body(pad="x" * 150_000))
    data = build("POST", "/v1/chat/completions", gw.headers(body=1), body)
    idle = gw.rss()
    for _ in range(3):
        conns = [gw.connect() for _ in range(100)]
        for c in conns:
            c.send(data)
        for c in conns:
            assert c.response().status == 200
            c.close()
    up.close_connections()
    if not sanitizer():
        eventually(lambda: gw.rss() < 2 * idle + 8 * MB, f"memory back near {idle / MB:.0f} MB", 10)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["listener", "upstream", "both"])
def test_backpressure_through_tls(stage, authority, side):
    """40 MB down to a client that pauses, 10 MB up to a provider that pauses, all bytes right."""
    up = stage.upstream(tls=authority.server() if side != "listener" else None)
    base = config(up, workers=1, upstream={"ca-file": str(authority.ca)})
    tls = None
    if side != "upstream":
        cert, key = authority.issue()
        base["tls"] = {"enable": True, "cert": str(cert), "key": str(key)}
        tls = authority.client()
    gw = stage.gateway(base, tls=tls)
    event = chat_event("é" * 10_000)
    body = event * 700 + chat_event("", "stop") + DONE
    up.default = lambda _: Answer(
        body=(body[i : i + 33_333] for i in range(0, len(body), 33_333)),
        framing="chunked",
        headers=[("Content-Type", "text/event-stream")],
    )
    with Peak(gw) as peak, gw.connect(rcvbuf=262144) as c:
        for _ in range(2):
            c.request(
                "POST",
                "/v1/chat/completions",
                gw.headers(body=1),
                encode(chat_body(stream=True)),
            )
            r = c.head()
            time.sleep(0.4)
            got = b"".join(c._framed(r, "POST"))
            assert r.complete and got == body
    assert peak.growth() < BOUND

    @early
    def slow(request):
        time.sleep(0.4)
        request.conn.read_body(request)
        return ok({"n": len(request.body)})

    up.reset(slow)
    front = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    upload = front + bytes(range(256)) * 40_000 + b"\r\n--b--\r\n"
    r = gw.post(
        "/v1/audio/transcriptions",
        upload,
        headers=[("Content-Type", "multipart/form-data; boundary=b")],
    )
    assert r.json() == {"n": len(upload)} and up.one().body == upload
