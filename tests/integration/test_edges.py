"""What the other files leave over: odd meetings of features, limits, and providers with habits."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import time

import pytest

from support.client import build, events
from support.clock import SLACK, eventually
from support.gateway import CLIENT_KEY, UPSTREAM_KEY, chat_body, config, encode
from support.upstream import DONE, STALL, Answer, chat_answer, chat_event, early, ok, sse


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(config(up, workers=1))


@pytest.fixture(scope="module")
def beating(shared, up):
    """Newlines and comments every second; `m-forced` is renamed in answers."""
    base = config(
        up, workers=1, streaming={"keepalive-seconds": 1}, **{"nonstream-keepalive-interval": 1}
    )
    base["openai-compatibility"][0]["models"].append(
        {"name": "forced-real", "alias": "m-forced", "force-mapping": True}
    )
    return shared.gateway(base)


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


# -- newlines while a whole answer is awaited, and what may follow them --------------------------


def test_newlines_then_a_renamed_answer(beating, up):
    up.default = lambda _: ok(chat_answer("forced-real"), delay=1.5)
    r = beating.chat("m-forced")
    assert r.status == 200 and r.complete and r.body.startswith(b"\n")
    assert r.json() == chat_answer("m-forced")


def test_newlines_then_a_failure(beating, up):
    """The status is gone; the body tells, or the message breaks off. Never a silent success."""

    def vanish(request):
        request.conn.wait(1.5)
        request.conn.reset()

    up.default = vanish
    r = beating.chat()
    assert not r.complete or r.json()["error"]["message"]
    assert beating.access(r).fields["error"]


def test_newlines_then_the_client_leaves(beating, up):
    up.default = Answer(delay=30)
    with beating.connect() as c:
        c.request("POST", "/v1/chat/completions", beating.headers(body=1), encode(chat_body()))
        r = c.head()
        next(c.body(r))
    up.wait_gone(up.one(), 1)


def test_newlines_then_an_answer_in_pieces(beating, up):
    body = json.dumps(chat_answer()).encode()
    up.default = lambda _: Answer(body=[1.2, body[:10], 1.3, body[10:]], framing="chunked")
    r = beating.chat()
    assert r.complete and r.json() == chat_answer()


def test_no_newlines_for_gemini_arrays_and_binaries(beating, up):
    up.default = lambda _: Answer(
        body=b"\x00audio", delay=1.4, headers=[("Content-Type", "audio/mpeg")]
    )
    r = beating.post("/v1/audio/speech", {"model": "m", "input": "x"})
    assert r.status == 200 and r.body == b"\x00audio", "white space would spoil it"


def test_heartbeats_stop_when_the_client_does_not_read(beating, up):
    event = chat_event("x" * 60_000)
    up.default = lambda _: Answer(
        body=(p for g in ([event] * 200, [chat_event("", "stop"), DONE]) for p in g),
        framing="chunked",
        headers=[("Content-Type", "text/event-stream")],
    )
    with beating.connect(rcvbuf=262144) as c:
        c.request(
            "POST", "/v1/chat/completions", beating.headers(body=1), encode(chat_body(stream=True))
        )
        r = c.head()
        time.sleep(2.2)
        for _ in c.body(r):
            pass
        list(events(r, comments=True))
        assert (
            r.body.replace(b": keep-alive\n\n", b"") == event * 200 + chat_event("", "stop") + DONE
        )


# -- time limits -------------------------------------------------------------------------------


def test_a_slow_client_is_not_the_providers_silence(stage, up):
    """While we hold the provider back, idle-timeout does not run."""
    gw = stage.gateway(config(up, upstream={"idle-timeout": "400ms"}))
    event = chat_event("x" * 60_000)
    up.default = lambda _: Answer(
        body=(p for g in ([event] * 700, [chat_event("", "stop"), DONE]) for p in g),
        framing="chunked",
        headers=[("Content-Type", "text/event-stream")],
    )
    with gw.connect(rcvbuf=262144) as c:
        c.request(
            "POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True))
        )
        r = c.head()
        time.sleep(1.5)
        for _ in c.body(r):
            pass
    assert r.body.endswith(DONE) and b'"error"' not in r.body


def test_a_silent_provider_behind_a_slow_client_is_noticed_later(stage, up):
    gw = stage.gateway(config(up, upstream={"idle-timeout": "300ms"}))
    up.default = sse(chat_event("a"), STALL)
    r = gw.chat(stream=True)
    assert b'"error"' in r.body


# -- providers' habits -------------------------------------------------------------------------


def test_a_408_on_an_idle_connection_is_not_the_next_answer(gw, up):
    """Some servers say good-bye with a whole response nobody asked for."""
    assert gw.chat().status == 200
    conn = up.one().conn
    conn.sock.sendall(
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 3\r\n" b"Connection: close\r\n\r\nbye"
    )
    time.sleep(0.1)
    up.reset()
    r = gw.chat()
    assert r.status == 200 and up.one().conn is not conn


def test_an_early_refusal_of_a_large_body(gw, up):
    """The provider answers 401 after the head and closes; that counts, not our broken pipe."""
    body = encode(chat_body(pad="x" * 6_000_000))
    refusal = b'{"error":{"message":"no such key"}}'

    @early
    def refuse(request):
        request.conn.send(
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(refusal) + refusal
        )
        # Half-close and take what comes, as careful servers do, so that no RST destroys the answer.
        try:
            request.conn.sock.shutdown(socket.SHUT_WR)
            request.conn.read_body(request)
        except OSError:
            pass  # the gateway was faster
        finally:
            request.conn.close()
        return None

    up.default = refuse
    r = gw.post("/v1/chat/completions", body)
    assert r.status == 401 and r.body == refusal


def test_http_1_0_provider(gw, up):
    up.default = Answer(
        raw=b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"a":1}', after="close"
    )
    for _ in range(2):
        r = gw.chat()
        assert r.status == 200 and r.body == b'{"a":1}'
    assert len({id(q.conn) for q in up.requests}) == 2


def test_trailers_and_chunk_extensions_of_a_provider(gw, up):
    raw = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        b'Trailer: X-T\r\n\r\n4;ext=1\r\n{"a"\r\n3\r\n:1}\r\n0\r\nX-T: leaked\r\n\r\n'
    )
    up.default = Answer(raw=raw)
    with gw.connect() as c:
        for _ in range(2):
            c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
            r = c.response()
            assert r.body == b'{"a":1}' and r.get("x-t") is None
    assert b"leaked" not in r.raw_head


@pytest.mark.parametrize(
    "fields",
    [
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"X: a\r\n folded\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nContent-Length: 2\r\nX : y\r\n",
    ],
    ids=repr,
)
def test_dubious_framing_of_a_provider(gw, up, fields):
    up.default = Answer(
        raw=b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n2\r\n{}\r\n0\r\n\r\n", after="close"
    )
    r = gw.chat()
    assert r.status == 502 and r.json()["error"]["code"] == "upstream_protocol"


def test_a_thousand_interim_responses(gw, up):
    up.default = Answer(body=b"{}", interim=b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
    assert gw.chat().body == b"{}"


def test_an_answer_without_content_type(gw, up):
    up.default = ok({"a": 1}, headers=[])
    r = gw.chat()
    assert r.json() == {"a": 1} and r.get("content-type")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_gzip_answer_although_we_asked_for_none(gw, up, framing):
    """We say identity; a provider that compresses all the same must not confuse the client."""
    answer = json.dumps(chat_answer()).encode()
    up.default = Answer(
        body=gzip.compress(answer),
        framing=framing,
        headers=[("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
    )
    r = gw.chat()
    body = gzip.decompress(r.body) if r.get("content-encoding") == "gzip" else r.body
    assert r.status == 200 and body == answer
    assert gw.access(r).fields["tokens_in"] == 3


def test_a_gzip_stream_although_we_asked_for_none(gw, up):
    plain = chat_event("a") + chat_event("", "stop") + DONE
    up.default = sse(
        gzip.compress(plain),
        headers=[("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip")],
    )
    r = gw.chat(stream=True)
    body = gzip.decompress(r.body) if r.get("content-encoding") == "gzip" else r.body
    assert (r.status, body) == (200, plain) or r.status == 502


def test_a_zero_length_answer_to_a_stream_request(gw, up):
    up.default = ok(b"", headers=[("Content-Type", "text/event-stream")])
    assert gw.chat(stream=True).status == 502


def test_odd_bytes_in_headers_of_a_provider(gw, up):
    up.default = Answer(
        raw=b"HTTP/1.1 429 Slow\r\nRetry-After: 5\r\nX-L: caf\xe9\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    r = gw.chat()
    assert r.status in (429, 502)


# -- clients' habits ---------------------------------------------------------------------------


def test_get_with_a_body_keeps_the_connection_in_step(gw):
    with gw.connect() as c:
        for _ in range(3):
            c.request("GET", "/v1/models", gw.headers(body=1), b'{"x":1}')
            r = c.response("GET")
            assert r.status in (200, 400)
            if r.get("connection") == "close":
                return
        c.request("GET", "/healthz")
        assert c.response("GET").status == 200


def test_post_without_a_body(gw, up):
    with gw.connect() as c:
        c.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + CLIENT_KEY.encode()
            + b"\r\n\r\n"
        )
        assert c.response().status == 400
    assert not up.requests


def test_an_error_before_the_body_does_not_cost_the_connection(gw):
    """404 and 401 answered while the (small) body was already here."""
    with gw.connect() as c:
        c.request("POST", "/nowhere", gw.headers(body=1), b'{"a":1}')
        r = c.response()
        assert r.status == 404
        if (r.get("connection") or "") != "close":
            c.request("GET", "/healthz")
            assert c.response("GET").status == 200


def test_upgrade_is_ignored(gw):
    with gw.connect() as c:
        c.request(
            "GET",
            "/health",
            [
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", "h2c"),
                ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
            ],
        )
        assert c.response("GET").status in (200, 400)


def test_two_authorization_headers(gw):
    """Whatever is decided, it is not 'a wrong key beside a right one opens more'."""
    r = gw.get(
        "/v1/models",
        key=None,
        headers=[
            ("Authorization", "Bearer ck-wrong-00000000"),
            ("Authorization", "Bearer ck-wrong-00000001"),
        ],
    )
    assert r.status in (400, 401)


def test_many_models_of_many_providers(stage, up):
    """A large configuration: 200 providers with 50 models each starts and resolves at once."""
    gw = stage.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "openai-compatibility": [
                {
                    "name": f"p{i}",
                    "prefix": f"p{i}",
                    "base-url": up.url("/v1"),
                    "api-key-entries": [{"api-key": UPSTREAM_KEY}],
                    "models": [{"name": f"model-{j}", "alias": f"a{i}-{j}"} for j in range(50)],
                }
                for i in range(200)
            ],
        }
    )
    assert gw.chat("p199/a199-49").status == 200 and up.one().json()["model"] == "model-49"
    assert len(gw.get("/v1/models").json()["data"]) == 20000


# -- limits ------------------------------------------------------------------------------------


def test_limit_of_connections(stage, up):
    """Above it new ones wait; when one goes, the next is served."""
    gw = stage.gateway(config(up, workers=1, limits={"connections": 4}))
    held = []
    for _ in range(4):
        c = gw.connect()
        c.request("GET", "/healthz")
        assert c.response("GET").status == 200
        held.append(c)
    late = gw.connect()
    late.request("GET", "/healthz")
    assert not late.readable(0.3), "served beyond the limit"
    held.pop().close()
    assert late.response("GET").status == 200
    for c in (*held, late):
        c.close()


def test_out_of_descriptors(stage, up):
    """It does not spin, does not fall over, and recovers."""
    gw = stage.gateway(config(up, workers=1), expect=("descriptor|EMFILE|too many open",))
    room = gw.fds() + 20
    resource.prlimit(gw.pid, resource.RLIMIT_NOFILE, (room, room))
    conns = [gw.connect() for _ in range(60)]
    time.sleep(0.3)
    before = cpu_seconds(gw.pid)
    time.sleep(0.5)
    assert cpu_seconds(gw.pid) - before < 0.25 * SLACK, "spins on accept()"
    for c in conns:
        c.close()
    eventually(lambda: gw.chat().status == 200, "recovered")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_no_cpu_while_idle(stage, up):
    """With open connections and a stalled stream nothing turns over."""
    gw = stage.gateway(config(up))
    up.default = sse(chat_event("a"), STALL)
    conns = [gw.connect() for _ in range(20)]
    for c in conns[:10]:
        c.request(
            "POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True))
        )
        c.head()
    time.sleep(0.2)
    before = cpu_seconds(gw.pid)
    time.sleep(1.5)
    assert cpu_seconds(gw.pid) - before < 0.1 * SLACK
    for c in conns:
        c.close()
