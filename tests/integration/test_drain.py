"""SIGTERM drains: running work finishes, up to shutdown-timeout; a second one ends at once."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from support.clock import SLACK, eventually
from support.gateway import chat_body, config, encode
from support.upstream import DONE, STALL, Answer, chat_event, ok, sse


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def start(gw, c, stream=True):
    c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=stream)))


@pytest.mark.tsan
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain_lets_a_stream_finish(stage, up, number):
    gw = stage.gateway(config(up))
    up.default = sse(chat_event("a"), 0.8, chat_event("b", "stop"), DONE)
    with gw.connect() as c:
        start(gw, c)
        r = c.head()
        gw.signal(number)
        for _ in c.body(r):
            pass
        assert r.complete and r.body.endswith(DONE)
        assert c.closed_within(2), "no keep-alive while draining"
    assert gw.wait_exit(5) == 0


def test_drain_lets_a_whole_answer_finish(stage, up):
    gw = stage.gateway(config(up))
    up.default = ok({"n": 1}, delay=0.6)
    with gw.connect() as c:
        start(gw, c, False)
        up.wait_request()
        gw.signal(signal.SIGTERM)
        r = c.response()
        assert r.json() == {"n": 1}
        assert (r.get("connection") or "").lower() == "close"
    assert gw.wait_exit(5) == 0


def test_drain_takes_no_new_connections(stage, up):
    gw = stage.gateway(config(up))
    up.default = sse(chat_event("a"), 1.0, chat_event("b", "stop"), DONE)
    with gw.connect() as c:
        start(gw, c)
        r = c.head()
        gw.signal(signal.SIGTERM)

        def refused():
            try:
                with socket.create_connection(gw.address, timeout=1) as s:
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                    return not s.recv(100).startswith(b"HTTP/1.1 200")
            except OSError:
                return True

        eventually(refused, "refused", 0.8)
        for _ in c.body(r):
            pass
        assert r.body.endswith(DONE)
    assert gw.wait_exit(5) == 0


def test_drain_closes_idle_connections_at_once(stage, up):
    gw = stage.gateway(config(up))
    idle = [gw.connect() for _ in range(5)]
    used = gw.connect()
    used.request("GET", "/health")
    used.response("GET")
    begin = time.monotonic()
    gw.signal(signal.SIGTERM)
    assert gw.wait_exit(5) == 0
    assert time.monotonic() - begin < 2 * SLACK
    for c in (*idle, used):
        c.close()


def test_drain_has_an_end(stage, up):
    """A stream that never ends is cut after shutdown-timeout; the provider is told."""
    gw = stage.gateway(config(up, **{"shutdown-timeout": "500ms"}), expect=("shutdown|drain",))
    up.default = sse(chat_event("a"), STALL)
    with gw.connect() as c:
        start(gw, c)
        r = c.head()
        begin = time.monotonic()
        gw.signal(signal.SIGTERM)
        for _ in c.body(r):
            pass
        assert 0.3 < time.monotonic() - begin < 3 * SLACK
        assert DONE not in r.body
    assert gw.wait_exit(5) in (0, 1)
    up.wait_gone(up.one(), 2)


@pytest.mark.tsan
@pytest.mark.parametrize(
    "first, second",
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
def test_S13_17_a_second_signal_ends_at_once(stage, up, first, second):
    gw = stage.gateway(config(up, **{"shutdown-timeout": "60s"}), expect=("shutdown|drain",))
    up.default = sse(chat_event("a"), STALL)
    with gw.connect() as c:
        start(gw, c)
        c.head()
        gw.signal(first)
        time.sleep(0.3)
        assert gw.alive()
        begin = time.monotonic()
        gw.signal(second)
        gw.wait_exit(3)
        assert time.monotonic() - begin < 1 * SLACK


def test_drain_with_a_request_half_sent(stage, up):
    """It has begun, but it is nobody's work yet: neither hang nor crash."""
    gw = stage.gateway(config(up, **{"shutdown-timeout": "1s"}), expect=("shutdown|drain",))
    with gw.connect() as c:
        c.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Le")
        time.sleep(0.05)
        gw.signal(signal.SIGTERM)
        assert gw.wait_exit(5) in (0, 1)


def test_sighup_while_draining(stage, up):
    gw = stage.gateway(config(up))
    up.default = sse(chat_event("a"), 0.6, chat_event("b", "stop"), DONE)
    with gw.connect() as c:
        start(gw, c)
        r = c.head()
        gw.signal(signal.SIGTERM)
        gw.signal(signal.SIGHUP)
        for _ in c.body(r):
            pass
        assert r.body.endswith(DONE)
    assert gw.wait_exit(5) == 0
