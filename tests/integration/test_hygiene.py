"""HTTP hygiene: what nobody well-behaved sends. Each is refused with a clear status, nothing
reaches the provider, and the connection cannot be used to smuggle a second request."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import time
import zlib

import brotli
import pytest
import zstandard

from support.client import build, chunked
from support.clock import SLACK, eventually
from support.gateway import CLIENT_KEY, chat_body, config, encode, sanitizer
from support.upstream import ok

AUTH = f"Authorization: Bearer {CLIENT_KEY}\r\n".encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + AUTH
BODY = encode(chat_body())
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
MIB = 1 << 20


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(
        config(
            up,
            limits={
                "body-size": "1MiB",
                "header-size": "16KiB",
                "header-count": 50,
                "json-depth": 64,
            },
            client={"header-timeout": "500ms", "body-timeout": "500ms", "idle-timeout": "1s"},
        )
    )


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def refused(gw, up, data, *statuses, closes=True):
    """Sends it; one answer with such a status, then the end. No call upstream."""
    with gw.connect() as c:
        c.send(data)
        r = c.response()
        assert r.status in (statuses or (400,)), (r.status, r.body)
        assert r.get("content-type").startswith("application/json")
        assert r.json()["error"]["message"]
        if closes:
            assert c.read_to_close() == b"", "a second answer to one request"
    assert not up.requests
    assert not any("/smuggled" in l.raw for l in gw.lines)
    return r


# -- framing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: 3, 4\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 0x10\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: 5a\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Content-Length: 1_0\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b'Transfer-Encoding: "chunked"\r\n',
        b"Content-Length : 5\r\n",
        b"Content-Length\t: 5\r\n",
        b" Content-Length: 5\r\n",
        b"X: a\r\n Content-Length: 5\r\n",
        b"X: a\r\n\tfolded\r\n",
        b"X : y\r\n",
        b"X\x00Y: z\r\n",
        b"X: y\x00z\r\n",
        b"X: a\rContent-Length: 5\r\n",
        b": empty name\r\n",
        b"no colon here\r\n",
        b"X(Y): z\r\n",
        b"X: \x01\r\n",
        b"X: \x7f\r\n",
    ],
    ids=repr,
)
def test_smuggling_probes(gw, up, fields):
    refused(gw, up, HEAD + fields + b"\r\n0\r\n\r\n" + SMUGGLED, 400, 413, 501)


def test_same_length_twice(gw, up):
    """RFC 9110, 8.6 lets a server take equal values or refuse them."""
    fields = b"Content-Length: %d\r\n" % len(BODY)
    with gw.connect() as c:
        c.send(HEAD + fields * 2 + b"\r\n" + BODY)
        assert c.response().status in (200, 400)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/models HTTP/1.1\nHost: x\n\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\nGET /smuggled HTTP/1.1\r\n\r\n",
    ],
    ids=["all", "header", "end"],
)
def test_bare_lf(gw, up, line):
    with gw.connect() as c:
        c.send(line)
        r = c.response("GET")
        assert r.status == 400
        assert c.read_to_close() == b""


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/models\r\n",
        b"GET /v1/models HTTP/1.2\r\n",
        b"GET /v1/models HTTP/9.9\r\n",
        b"GET /v1/models http/1.1\r\n",
        b"GET\t/v1/models\tHTTP/1.1\r\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET /\x00 HTTP/1.1\r\n",
        b"G\x00T / HTTP/1.1\r\n",
        b" GET / HTTP/1.1\r\n",
        b"GET /v1/models HTTP/1.1 \r\n",
        b"\x16\x03\x01\x02\x00\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"GET v1/models HTTP/1.1\r\n",
    ],
    ids=repr,
)
def test_malformed_request_lines(gw, up, line):
    with gw.connect() as c:
        c.send(line + b"Host: x\r\n\r\n")
        r = c.response("GET")
        assert r.status in (400, 404, 405, 501, 505)
        assert r.status != 200


CHUNK_HEAD = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "wire",
    [
        b"xyz\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"5\r\nhelloworld\r\n0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"8000000000000000\r\nhello\r\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nBad Trailer : x\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\rhello\r\n0\r\n\r\n",
    ],
    ids=repr,
)
def test_bad_chunks(gw, up, wire):
    with gw.connect() as c:
        c.send(CHUNK_HEAD + wire + SMUGGLED)
        r = c.response()
        assert r.status in (400, 408, 413), (r.status, r.body)
        assert c.read_to_close() == b""
    assert not up.requests
    assert not any("/smuggled" in l.raw for l in gw.lines)


def test_chunk_extension_flood(gw, up):
    """Overhead is bounded as well: one-byte chunks that carry a kilobyte of extension each."""
    with gw.connect() as c:
        try:
            c.send(CHUNK_HEAD)
            for _ in range(4000):
                c.send(b"1;" + b"e" * 1000 + b"\r\n{\r\n")
        except OSError:
            pass  # refused before all was sent
        r = c.response()
        assert r.status in (400, 413, 431)
    assert not up.requests


def test_one_endless_chunk_extension(gw, up):
    with gw.connect() as c:
        try:
            c.send(CHUNK_HEAD + b"1;")
            for _ in range(200):
                c.send(b"e" * 65536)
        except OSError:
            pass
        assert c.response().status in (400, 413, 431)


def test_trailer_flood(gw, up):
    with gw.connect() as c:
        try:
            c.send(CHUNK_HEAD + b"2\r\n{}\r\n0\r\n")
            for i in range(5000):
                c.send(b"X-%d: %s\r\n" % (i, b"v" * 500))
        except OSError:
            pass
        assert c.response().status in (400, 413, 431)
    assert not up.requests


# -- sizes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 40000 + b"\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"X-%d: %s\r\n" % (i, b"b" * 800) for i in range(40))
        + b"\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"X-%d: b\r\n" % i for i in range(120))
        + b"\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + b"Y" * 40000 + b": 1\r\n\r\n",
        b"GET /" + b"p" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["value", "sum", "count", "name", "target"],
)
def test_oversized_head_431(gw, up, head):
    with gw.connect() as c:
        c.send(head)
        r = c.response("GET")
        assert r.status in ((414, 431) if head.startswith(b"GET /pp") else (431,))
        assert r.json()["error"]["message"]
        assert c.read_to_close() == b""


def test_endless_head_is_cut(gw):
    with gw.connect() as c:
        try:
            c.send(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(100):
                c.send(b"a" * 65536)
        except OSError:
            pass
        assert c.head().status == 431


def test_a_head_just_inside_the_limit(gw):
    r = gw.get("/v1/models", headers=[("X-Big", "a" * 12000)])
    assert r.status == 200
    assert gw.get("/v1/models", headers=[(f"X-{i}", "v") for i in range(40)]).status == 200


def test_body_too_large_by_length(gw, up):
    with gw.connect() as c:
        c.send(HEAD + b"Content-Length: %d\r\n\r\n" % (MIB + 1))
        r = c.response()
        assert r.status == 413 and r.json()["error"]["message"]
    assert not up.requests


def test_body_too_large_by_length_when_the_client_sends_on(gw, up):
    """The answer must reach a client that is still sending: no reset that destroys it."""
    with gw.connect() as c:
        c.send(HEAD + b"Content-Length: %d\r\n\r\n" % (3 * MIB))
        try:
            for _ in range(48):
                c.send(b" " * 65536)
        except OSError:
            pass
        r = c.response()
        assert r.status == 413
    assert not up.requests


def test_body_too_large_in_chunks(gw, up):
    with gw.connect() as c:
        c.send(CHUNK_HEAD)
        try:
            for _ in range(40):
                c.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            pass
        assert c.response().status == 413
    assert not up.requests


def test_body_just_inside_the_limit(gw, up):
    body = encode(chat_body(pad="x"))
    body = encode(chat_body(pad="x" * (MIB - len(body) + 1)))
    assert len(body) == MIB
    assert gw.post("/v1/chat/completions", body).status == 200
    assert up.one().body == body
    assert gw.post("/v1/chat/completions", body + b" ").status == 413


def bomb(coding: str, size: int) -> bytes:
    if coding in ("gzip", "deflate"):
        z = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
        return b"".join(z.compress(b" " * MIB) for _ in range(size // MIB)) + z.flush()
    if coding == "br":
        z = brotli.Compressor(quality=5, lgwin=22)
        return b"".join(z.process(b" " * MIB) for _ in range(size // MIB)) + z.finish()
    z = zstandard.ZstdCompressor(level=3).compressobj()
    return b"".join(z.compress(b" " * MIB) for _ in range(size // MIB)) + z.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_decompression_bombs(gw, up, coding):
    data = bomb(coding, 256 * MIB)
    assert len(data) < MIB
    before = gw.rss()
    start = time.monotonic()
    r = gw.post("/v1/chat/completions", data, headers=[("Content-Encoding", coding)])
    assert r.status == 413
    assert time.monotonic() - start < 2 * SLACK
    assert gw.rss() - before < 40 * MIB
    assert not up.requests


def test_nested_bombs(gw, up):
    data = gzip.compress(bomb("gzip", 256 * MIB), 9)
    r = gw.post("/v1/chat/completions", data, headers=[("Content-Encoding", "gzip, gzip")])
    assert r.status == 413
    r = gw.post(
        "/v1/chat/completions",
        gzip.compress(BODY),
        headers=[("Content-Encoding", ", ".join(["gzip"] * 30))],
    )
    assert r.status == 400
    assert not up.requests


def test_zstd_window_bomb(gw, up):
    """A frame that asks for a window of 2 GiB must not make us allocate it."""
    frame = bytes.fromhex("28b52ffd") + b"\x00" + b"\xa8" + b"\x01\x00\x00"
    before = gw.rss()
    r = gw.post("/v1/chat/completions", frame, headers=[("Content-Encoding", "zstd")])
    assert r.status in (400, 413)
    assert gw.rss() - before < 40 * MIB


# -- time --------------------------------------------------------------------------------------


def test_slow_head(gw):
    """header-timeout counts from the first byte to the whole head: trickling does not extend it."""
    with gw.connect() as c:
        start = time.monotonic()
        c.send(b"GET /health HTTP/1.1\r\n")
        try:
            for i in range(100):
                c.send(b"X-%d: y\r\n" % i)
                if c.readable(0.05):
                    break
        except OSError:
            pass
        assert time.monotonic() - start < 2 * SLACK
        data = c.read_to_close()
        assert data == b"" or data.startswith(b"HTTP/1.1 408")


def test_silent_connection_is_closed(gw):
    """One that never sends a byte goes as well."""
    with gw.connect() as c:
        assert c.readable(3 * SLACK), "still open"
        data = c.read_to_close()
        assert data == b"" or data.startswith(b"HTTP/1.1 408")


def test_slow_body(gw, up):
    with gw.connect() as c:
        start = time.monotonic()
        c.send(HEAD + b"Content-Length: 1000\r\n\r\n{")
        assert c.response().status == 408
        assert time.monotonic() - start < 2 * SLACK
    assert not up.requests


def test_a_body_that_keeps_coming_is_not_cut(gw, up):
    """body-timeout is the longest silence, not the whole time."""
    with gw.connect() as c:
        c.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY))
        for i in range(0, len(BODY), 8):
            c.send(BODY[i : i + 8])
            time.sleep(0.08)
        assert c.response().status == 200


def test_half_closed_in_the_head(gw):
    with gw.connect() as c:
        c.send(b"GET /health HT")
        c.half_close()
        data = c.read_to_close()
        assert data == b"" or data.startswith(b"HTTP/1.1 400")


def test_half_closed_in_the_body(gw, up):
    with gw.connect() as c:
        c.send(HEAD + b"Content-Length: 1000\r\n\r\n{")
        c.half_close()
        data = c.read_to_close()
        assert data == b"" or data.startswith(b"HTTP/1.1 400")
    assert not up.requests


def test_connect_and_leave(gw):
    for _ in range(50):
        gw.connect().close()
        gw.connect().reset()
    assert gw.get("/health").status == 200


# -- JSON --------------------------------------------------------------------------------------


def post(gw, body, **more):
    return gw.post("/v1/chat/completions", body, **more)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100000,
        b'{"model":"m","a":' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"model":"m","a":' * 2000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
    ],
    ids=range(4),
)
def test_depth_bombs(gw, up, body):
    r = post(gw, body)
    assert r.status == 400 and r.json()["error"]["message"]
    assert not up.requests


def test_depth_inside_the_limit(gw, up):
    body = b'{"model":"m","messages":[],"a":' + b"[" * 60 + b"]" * 60 + b"}"
    assert post(gw, body).status == 200 and up.one().body == body


@pytest.mark.parametrize(
    "body, at",
    [
        (b"", None),
        (b"   ", None),
        (b"{", None),
        (b'{"model":"m"', None),
        (b'{"model":"m"}}', 13),
        (b'{"model":"m"} x', 14),
        (b'{"model":"m",}', None),
        (b"{'model':'m'}", 1),
        (b'{"model":"m","a":01}', None),
        (b'{"model":"m","a":.5}', None),
        (b'{"model":"m","a":+1}', None),
        (b'{"model":"m","a":NaN}', None),
        (b'{"model":"m","a":1.}', None),
        (b'{"model":"m","a":tru}', None),
        (b'{"model":"m","a":"\x01"}', None),
        (b'{"model":"m","a":"\\x41"}', None),
        (b'{"model":"m","a":"\\u12"}', None),
        (b'{"model":"m" "a":1}', None),
        (b'{"model":"m","a":[1,2}', None),
        (b'// c\n{"model":"m"}', 0),
        (b"\xef\xbb\xbf{", None),
        (b'"m"', None),
        (b"[]", None),
        (b"null", None),
        (b"7", None),
    ],
    ids=repr,
)
def test_bad_json(gw, up, body, at):
    r = post(gw, body)
    assert r.status == 400
    assert r.json()["error"]["type"] == "invalid_request_error"
    if at is not None:
        assert str(at) in r.message(), r.message()
    assert not up.requests


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"\xc3",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"\x80",
        b"\xf8\x88\x80\x80\x80",
    ],
    ids=repr,
)
def test_bad_utf8(gw, up, text):
    assert post(gw, b'{"model":"m","messages":[],"a":"' + text + b'"}').status == 400
    assert post(gw, b'{"model":"m","messages":[],"' + text + b'":1}').status == 400
    assert not up.requests


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udc00", b"\\ud800\\u0041", b"\\uD83D"], ids=repr)
def test_lone_surrogates(gw, up, text):
    """RFC 8259 leaves them open. Either refused or forwarded as written, never changed."""
    body = b'{"model":"m","messages":[],"a":"' + text + b'"}'
    r = post(gw, body)
    assert r.status in (200, 400)
    if r.status == 200:
        assert up.one().body == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[],"model":"m"}',
        b'{"model":"m","messages":[],"model":"other"}',
        b'{"model":"m","messages":[],"mod\\u0065l":"m"}',
        b'{"mod\\u0065l":"m","messages":[],"model":"m"}',
        b'{"\\u006dodel":"m","mod\\u0065l":"m","messages":[]}',
        b'{"model":"m","messages":[],"stream":false,"stream":true}',
        b'{"model":"m","messages":[],"stre\\u0061m":true,"stream":false}',
    ],
    ids=repr,
)
def test_S13_9_duplicate_keys_we_act_on(gw, up, body):
    r = post(gw, body)
    assert r.status == 400 and r.json()["error"]["message"]
    assert not up.requests


def test_S13_9_one_escaped_spelling_is_served(gw, up):
    body = b'{"mod\\u0065l":"m-alias","messages":[]}'
    assert post(gw, body).status == 200
    assert up.one().body == b'{"mod\\u0065l":"m-real","messages":[]}'


def test_S13_9_escapes_in_the_name_itself(gw, up):
    body = b'{"model":"\\u006d","messages":[]}'
    assert post(gw, body).status == 200
    assert up.one().json()["model"] == "m"


def test_S13_9_duplicates_of_keys_we_do_not_act_on_pass(gw, up):
    body = b'{"model":"m","messages":[],"x":1,"x":2,"a":{"model":"n","model":"o"}}'
    assert post(gw, body).status == 200
    assert up.one().body == body


def test_S13_9_model_in_deeper_places_is_not_ours(gw, up):
    body = b'{"a":{"model":"nope"},"messages":[{"model":"nope"}],"model":"m-alias"}'
    assert post(gw, body).status == 200
    assert up.one().body == body.replace(b"m-alias", b"m-real")


def test_a_json_body_of_many_small_values(gw, up):
    body = b'{"model":"m","messages":[' + b"0," * 300000 + b"0]}"
    assert post(gw, body).status == 200
    body = b'{"model":"m","messages":[{' + b",".join(b'"%d":0' % i for i in range(60000)) + b"}]}"
    assert post(gw, body).status == 200


def test_numbers_travel_as_written(gw, up):
    body = (
        b'{"model":"m-alias","messages":[],"a":0.70,"b":1e300,"c":12345678901234567890123,'
        b'"d":-0,"e":1.0,"f":1E+2}'
    )
    assert post(gw, body).status == 200
    assert up.one().body == body.replace(b"m-alias", b"m-real")


# -- targets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/v1/../health",
        "/v1/%2e%2e/health",
        "/%00",
        "/v1/models%00",
        "/v1//models",
        "/v1/models/..",
        "/\\health",
        "/v1/models/%",
        "/v1/models/%zz",
        "/v1/models?key=%",
        "/v1/models#frag",
        "/v1beta/models/a%2Fb:generateContent",
        "/v1beta/models/..%2F..:generateContent",
    ],
)
def test_odd_targets(gw, up, target):
    for method in ("GET", "POST"):
        r = gw.call(method, target, {"contents": []} if method == "POST" else None)
        assert r.status in (200, 400, 401, 404, 405)
        assert r.complete
    assert not up.requests


def test_a_gemini_model_cannot_leave_its_path(stage, up):
    """The upstream path is made of configured names; what a client writes must not shape it."""
    gw = stage.gateway(config(up))
    for name in (
        "gemini-m%3Fkey=x%23",
        "gemini-m/../../evil",
        "gemini-m%2F..%2Fx",
        "gemini-m%0d%0aX:1",
    ):
        r = gw.post(f"/v1beta/models/{name}:generateContent", {"contents": []})
        assert r.status in (400, 404), name
    assert not up.requests


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "\x00"])
def test_client_values_do_not_become_headers(gw, up, value):
    r = post(gw, chat_body(value))
    assert r.status == 400
    assert not r.get("x-evil")


# -- many connections --------------------------------------------------------------------------


@pytest.mark.slow
def test_10000_idle_connections(stage, up):
    """They cost little, and the gateway answers as before."""
    want = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < want + 500:
        pytest.skip(f"RLIMIT_NOFILE has a hard limit of {hard}, {want + 500} needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        gw = stage.gateway(config(up, client={"header-timeout": "120s", "idle-timeout": "120s"}))
        gw.get("/health")
        before = gw.rss()
        conns = []
        start = time.monotonic()
        for i in range(want):
            s = socket.socket()
            s.settimeout(10)
            # More than one loopback address: 28,000 ephemeral ports are not enough for all suites.
            s.bind((f"127.0.0.{2 + i % 8}", 0))
            s.connect(gw.address)
            conns.append(s)
        eventually(lambda: gw.fds() >= want, "all accepted", 10)
        for s in conns[::10]:
            s.sendall(build("GET", "/healthz"))
        for s in conns[::10]:
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
        took = time.monotonic() - start
        each = (gw.rss() - before) / want
        print(f"\n{want} idle connections: {each:.0f} bytes resident each, {took:.1f} s")
        begin = time.monotonic()
        assert gw.chat().status == 200
        assert time.monotonic() - begin < 0.5 * SLACK
        if not sanitizer():
            assert each < 8192
        for s in conns:
            s.close()
        eventually(lambda: gw.fds() <= gw.fds_at_start + 4, "all closed", 10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
