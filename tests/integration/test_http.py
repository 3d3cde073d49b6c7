"""SPEC 1.1: the listener's manners. CORS, methods, HEAD, Expect, keep-alive, pipelining, bodies in
chunks and in encodings, request ids."""

from __future__ import annotations

import gzip
import json
import re
import ssl
import time
import zlib

import brotli
import pytest
import zstandard

from support.client import Conn, build, chunked
from support.gateway import CLIENT_KEY, Gateway, chat_body, config, encode
from support.upstream import DONE, STALL, chat_event, ok, sse

METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
EXPOSED = (
    "Location",
    "Retry-After",
    "X-Request-Id",
    "OpenAI-Request-Id",
    "X-Cliproxy-Provider",
    "X-Cliproxy-Served-Model",
)


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(config(up))


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def assert_cors(r):
    assert r.all("access-control-allow-origin") == ["*"]
    assert r.get("access-control-allow-methods") == METHODS
    assert r.get("access-control-allow-headers") == "*"
    exposed = (r.get("access-control-expose-headers") or "").lower()
    for name in EXPOSED:
        assert name.lower() in exposed, name


# -- CORS and methods --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, target, key",
    [
        ("GET", "/health", None),
        ("GET", "/", None),
        ("GET", "/v1/models", ""),
        ("GET", "/v1/models", None),
        ("GET", "/nowhere", None),
        ("PUT", "/v1/models", ""),
        ("POST", "/v1/chat/completions", ""),
    ],
)
def test_S1_1_cors_on_every_response(gw, method, target, key):
    r = gw.call(method, target, chat_body() if method != "GET" else None, key=key)
    assert_cors(r)


def test_S1_1_cors_on_relayed_answers_stands_once(gw, up):
    """A provider's own CORS headers must not double ours."""
    up.default = ok(
        {},
        headers=[
            ("Content-Type", "application/json"),
            ("Access-Control-Allow-Origin", "https://provider.test"),
        ],
    )
    assert_cors(gw.chat())
    up.default = sse(
        chat_event("a", "stop"),
        DONE,
        headers=[
            ("Content-Type", "text/event-stream"),
            ("Access-Control-Allow-Origin", "https://provider.test"),
        ],
    )
    assert_cors(gw.chat(stream=True))


def test_S1_1_cors_on_protocol_errors(gw):
    with gw.connect() as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n")
        r = c.response("GET")
        assert r.status == 400
        assert_cors(r)


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/v1/models", "/nowhere", "/", "*"])
def test_S1_1_options(gw, target):
    with gw.connect() as c:
        c.request(
            "OPTIONS",
            target,
            [
                ("Origin", "https://app.test"),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "authorization"),
            ],
        )
        r = c.response("OPTIONS")
        assert r.status == 204 and r.body == b""
        assert not r.get("transfer-encoding") and r.get("content-length") in (None, "0")
        assert_cors(r)
        c.request("GET", "/health")
        assert c.response("GET").status == 200


def test_S1_1_root(gw):
    body = gw.get("/", key=None).json()
    assert body["message"]
    assert "POST /v1/chat/completions" in body["endpoints"]


@pytest.mark.parametrize(
    "method, target",
    [
        ("GET", "/nowhere"),
        ("POST", "/v1/nothing"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "//health"),
        ("GET", "/v1/modelsx"),
        ("POST", "/V1/Messages"),
        ("DELETE", "/nowhere"),
    ],
)
def test_S1_1_404_is_json(gw, method, target):
    r = gw.call(method, target)
    assert r.status == 404
    assert r.get("content-type").startswith("application/json")
    assert r.json()["error"]["message"]


def test_S1_1_404_in_the_dialect_of_the_path(gw):
    assert gw.post("/v1/messages/nothing", {}).json()["type"] == "error"
    assert gw.post("/v1beta/nothing", {}).json()["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "target, text",
    [
        ("/v1beta/models/gemini-m:embedNothing", "embedNothing"),
        ("/v1beta/models/gemini-m", ""),
        ("/v1beta/models/:generateContent", ""),
    ],
)
def test_S1_11_unknown_gemini_verb(gw, up, target, text):
    r = gw.post(target, {})
    assert r.status in (400, 404, 405, 501)
    assert r.json()["error"]["code"] == r.status
    assert not up.requests


@pytest.mark.parametrize(
    "method, target, allow",
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/messages", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/health", "GET"),
        ("PATCH", "/", "GET"),
        ("GET", "/v1/embeddings", "POST"),
    ],
)
def test_S1_1_405_names_what_is_allowed(gw, method, target, allow):
    r = gw.call(method, target)
    assert r.status == 405
    allowed = {m.strip() for m in r.get("allow").split(",")}
    assert allow in allowed and "OPTIONS" in allowed
    if allow == "GET":
        assert "HEAD" in allowed
    assert r.json()["error"]["message"]


def test_head_has_the_headers_of_get_and_no_body(gw):
    for target in ("/", "/health", "/v1/models", "/nowhere"):
        with gw.connect() as c:
            c.request("GET", target, gw.headers())
            get = c.response("GET")
            c.request("HEAD", target, gw.headers())
            head = c.response("HEAD")
            assert head.status == get.status
            if target != "/health":  # its body tells the time
                assert head.get("content-length") == get.get("content-length")
            assert head.get("content-type") == get.get("content-type")
            c.request("GET", "/healthz")
            assert c.response("GET").status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", "PRI"])
def test_strange_methods(gw, method):
    with gw.connect() as c:
        c.request(method, "gateway.test:443" if method == "CONNECT" else "/v1/models", gw.headers())
        assert c.response(method).status in (400, 405, 501)


# -- request id --------------------------------------------------------------------------------


def test_request_id_on_every_answer(gw):
    seen = set()
    for r in (
        gw.get("/health"),
        gw.get("/nowhere"),
        gw.get("/v1/models", key=None),
        gw.chat(),
        gw.call("OPTIONS", "/"),
    ):
        rid = r.get("x-request-id")
        assert re.fullmatch(r"[0-9a-f]{8}", rid), rid
        seen.add(rid)
    assert len(seen) == 5


def test_request_id_leads_to_the_log(gw):
    r = gw.chat()
    assert gw.access(r).fields["path"] == "/v1/chat/completions"


def test_a_providers_request_id_does_not_replace_ours(gw, up):
    up.default = ok({}, headers=[("Content-Type", "application/json"), ("x-request-id", "req_up")])
    ids = gw.chat().all("x-request-id")
    assert len(ids) == 1 and re.fullmatch(r"[0-9a-f]{8}", ids[0])


# -- connections -------------------------------------------------------------------------------


def test_keep_alive(gw):
    with gw.connect() as c:
        for _ in range(20):
            c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
            r = c.response()
            assert r.status == 200 and r.complete
            assert (r.get("connection") or "keep-alive").lower() != "close"


def test_connection_close_is_honoured(gw):
    with gw.connect() as c:
        c.request("GET", "/health", [("Connection", "close")])
        assert c.response("GET").get("connection", "").lower() == "close"
        assert c.closed_within(2)


def test_http_1_0(gw):
    with gw.connect() as c:
        c.send(b"GET /health HTTP/1.0\r\n\r\n")
        r = c.response("GET")
        assert r.status == 200 and not r.get("transfer-encoding")
        assert c.closed_within(2)
    with gw.connect() as c:
        c.send(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert c.response("GET").status == 200


def test_http_1_0_stream_is_not_chunked(gw, up):
    up.default = sse(chat_event("a", "stop"), DONE)
    body = encode(chat_body(stream=True))
    with gw.connect() as c:
        c.send(build("POST", "/v1/chat/completions", gw.headers(body=1), body, version="HTTP/1.0"))
        r = c.response()
        assert r.status == 200 and r.framing == "close"
        assert r.body == chat_event("a", "stop") + DONE


def test_a_request_in_single_bytes(gw, up):
    data = build("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
    with gw.connect() as c:
        for i in range(len(data)):
            c.send(data[i : i + 1])
        assert c.response().status == 200
    assert up.one().body == encode(chat_body())


def test_pipelining_keeps_the_order(gw, up):
    up.then(ok({"n": 1}, delay=0.2), ok({"n": 2}), ok({"n": 3}))
    with gw.connect() as c:
        one = build("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
        c.send(one * 2 + build("GET", "/health") + one + build("GET", "/nowhere"))
        assert c.response().json() == {"n": 1}
        assert c.response().json() == {"n": 2}
        assert c.response("GET").json()["status"] == "ok"
        assert c.response().json() == {"n": 3}
        assert c.response("GET").status == 404


def test_pipelining_a_hundred(gw):
    with gw.connect() as c:
        c.send(build("GET", "/healthz") * 100)
        for _ in range(100):
            assert c.response("GET").status == 200


def test_pipelined_request_behind_a_stream(gw, up):
    up.then(sse(chat_event("a"), 0.2, chat_event("b", "stop"), DONE))
    with gw.connect() as c:
        c.send(
            build(
                "POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True))
            )
            + build("GET", "/healthz")
        )
        r = c.response()
        assert r.complete and r.body.endswith(DONE)
        assert c.response("GET").status == 200


def test_half_closed_client_still_gets_its_answer(gw, up):
    """A client that shuts its sending side down after the request is still reading."""
    up.default = ok({"n": 1}, delay=0.1)
    with gw.connect() as c:
        c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
        c.half_close()
        # Both are defensible: serve it, or take the FIN as a client that left. Never hang.
        data = c.read_to_close()
        assert data == b"" or data.startswith(b"HTTP/1.1 200")


def test_idle_keep_alive_connection_is_closed(stage, up):
    gw = stage.gateway(config(up, client={"idle-timeout": "300ms"}))
    with gw.connect() as c:
        c.request("GET", "/health")
        assert c.response("GET").status == 200
        start = time.monotonic()
        assert c.closed_within(5)
        assert time.monotonic() - start > 0.2


def test_leading_empty_lines_are_tolerated(gw):
    """RFC 9112, section 2.2: at least one empty line before the request line is ignored."""
    with gw.connect() as c:
        c.send(b"\r\n" + build("GET", "/healthz"))
        assert c.response("GET").status == 200


def test_absolute_form(gw):
    with gw.connect() as c:
        c.request("GET", f"http://127.0.0.1:{gw.address[1]}/healthz")
        assert c.response("GET").status in (200, 400, 404)


def test_host_is_required(gw):
    with gw.connect() as c:
        c.send(b"GET /health HTTP/1.1\r\n\r\n")
        assert c.response("GET").status == 400
    with gw.connect() as c:
        c.send(b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert c.response("GET").status == 400


# -- Expect: 100-continue ----------------------------------------------------------------------


def test_expect_100_continue(gw, up):
    body = encode(chat_body())
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [
                    *gw.headers(body=1),
                    ("Expect", "100-continue"),
                    ("Content-Length", str(len(body))),
                ],
            )
        )
        interim = c.head()
        assert interim.status == 100
        c.send(body)
        assert c.response().status == 200
    assert up.one().get("expect") is None


def test_expect_without_a_key_is_refused_before_the_body(gw):
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [("Expect", "100-continue"), ("Content-Length", "1000")],
            )
        )
        assert c.head().status == 401


def test_expect_with_a_body_too_large_is_refused_before_the_body(gw):
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [*gw.headers(body=1), ("Expect", "100-continue"), ("Content-Length", str(1 << 40))],
            )
        )
        assert c.head().status == 413


def test_expect_when_the_client_does_not_wait(gw):
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [*gw.headers(body=1), ("Expect", "100-continue")],
                encode(chat_body()),
            )
        )
        assert c.response().status == 200


def test_unknown_expectation(gw):
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [*gw.headers(body=1), ("Expect", "tea")],
                encode(chat_body()),
            )
        )
        assert c.response().status in (200, 417)


# -- chunked request bodies --------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunked_request_body(gw, up, size):
    body = encode(chat_body())
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [*gw.headers(body=1), ("Transfer-Encoding", "chunked")],
            )
            + chunked(pieces)
        )
        assert c.response().status == 200
        c.request("GET", "/healthz")
        assert c.response("GET").status == 200
    seen = up.one()
    assert seen.body == body
    assert len(seen.all("content-length") + seen.all("transfer-encoding")) == 1


def test_chunked_request_with_extension_and_trailer(gw, up):
    body = encode(chat_body())
    wire = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: yes\r\n\r\n" % (len(body), body)
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [*gw.headers(body=1), ("Transfer-Encoding", "chunked")],
            )
            + wire
        )
        assert c.response().status == 200
        c.request("GET", "/healthz")
        assert c.response("GET").status == 200
    assert up.one().body == body and up.one().get("x-trailer") is None


# -- content encodings -------------------------------------------------------------------------


def raw_deflate(data: bytes) -> bytes:
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
BODY = encode(chat_body("m-alias", note="x" * 20000))


@pytest.mark.parametrize(
    "codings",
    [
        "gzip",
        "deflate",
        "br",
        "zstd",
        "GZip",
        "x-gzip",
        "gzip, zstd",
        "zstd, gzip",
        "br,deflate",
        "deflate, gzip, br",
        "identity",
        "gzip, identity",
    ],
)
def test_S1_1_content_encoding(gw, up, codings):
    """Chains are decoded right to left; the provider gets the plain body."""
    data = BODY
    for coding in (c.strip().lower() for c in codings.split(",")):
        data = CODERS[coding](data) if coding != "identity" else data
    r = gw.post("/v1/chat/completions", data, headers=[("Content-Encoding", codings)])
    assert r.status == 200, r.body
    seen = up.one()
    assert seen.json() == {**json.loads(BODY), "model": "m-real"}
    assert seen.get("content-encoding") is None


def test_S1_1_deflate_without_zlib_header(gw, up):
    r = gw.post(
        "/v1/chat/completions", raw_deflate(BODY), headers=[("Content-Encoding", "deflate")]
    )
    assert r.status == 200 and up.one().json()["note"]


def test_S1_1_two_content_encoding_headers(gw, up):
    data = CODERS["zstd"](CODERS["gzip"](BODY))
    r = gw.post(
        "/v1/chat/completions",
        data,
        headers=[("Content-Encoding", "gzip"), ("Content-Encoding", "zstd")],
    )
    assert r.status == 200 and up.one().json()["note"]


def test_S1_1_gzip_of_several_members(gw, up):
    data = gzip.compress(BODY[:5000]) + gzip.compress(BODY[5000:])
    r = gw.post("/v1/chat/completions", data, headers=[("Content-Encoding", "gzip")])
    assert r.status == 200 and up.one().json()["note"]


@pytest.mark.parametrize(
    "target, model",
    [
        ("/v1/messages", "claude-m"),
        ("/v1/responses", "codex-m"),
        ("/v1beta/models/gemini-m:generateContent", ""),
        ("/v1/embeddings", "m"),
    ],
)
def test_S1_1_encoded_bodies_on_every_endpoint(gw, up, target, model):
    body = encode({"model": model, "input": "x"} if model else {"contents": []})
    r = gw.post(target, gzip.compress(body), headers=[("Content-Encoding", "gzip")])
    assert r.status == 200, r.body
    assert up.one().json() == json.loads(body)


def test_S1_1_unknown_encoding(gw, up):
    r = gw.post("/v1/chat/completions", b"\x01\x02", headers=[("Content-Encoding", "snappy")])
    assert r.status == 400
    assert "unsupported request content encoding: snappy" in r.message()
    assert not up.requests


def test_S1_1_unknown_encoding_around_plain_json_is_forgiven(gw, up):
    r = gw.post("/v1/chat/completions", chat_body(), headers=[("Content-Encoding", "snappy")])
    assert r.status == 200
    assert up.one().body == encode(chat_body()) and up.one().get("content-encoding") is None


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_S1_1_broken_encoded_bodies(gw, up, coding):
    whole = CODERS[coding](BODY)
    for data in (whole[: len(whole) // 2], b"\x00\xff" * 50, b""):
        r = gw.post("/v1/chat/completions", data, headers=[("Content-Encoding", coding)])
        assert r.status == 400, (coding, len(data))
        assert r.json()["error"]["message"]
    assert not up.requests


def test_S1_1_anything_behind_the_end_of_an_encoded_body(gw, up):
    r = gw.post(
        "/v1/chat/completions",
        CODERS["zstd"](BODY) + b"garbage",
        headers=[("Content-Encoding", "zstd")],
    )
    assert r.status == 400 and not up.requests


def test_S1_1_chunked_and_encoded(gw, up):
    data = gzip.compress(BODY)
    pieces = [data[i : i + 13] for i in range(0, len(data), 13)]
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/chat/completions",
                [
                    *gw.headers(body=1),
                    ("Transfer-Encoding", "chunked"),
                    ("Content-Encoding", "gzip"),
                ],
            )
            + chunked(pieces)
        )
        assert c.response().status == 200
    assert up.one().json()["note"]


def test_answers_are_not_compressed_for_the_client(gw):
    r = gw.chat(headers=[("Accept-Encoding", "gzip, br, zstd")])
    assert r.get("content-encoding") is None and r.json()


# -- TLS listener ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls_gw(shared, up, authority):
    cert, key = authority.issue()
    return shared.gateway(
        config(up, tls={"enable": True, "cert": str(cert), "key": str(key)}), tls=authority.client()
    )


@pytest.mark.tsan
def test_tls_listener(tls_gw, up):
    r = tls_gw.chat()
    assert r.status == 200
    up.default = sse(chat_event("a"), 0.1, chat_event("b", "stop"), DONE)
    r = tls_gw.chat(stream=True)
    assert r.body == chat_event("a") + chat_event("b", "stop") + DONE and r.complete


def test_tls_listener_keep_alive_and_large_bodies(tls_gw, up):
    body = encode(chat_body(note="y" * 3_000_000))
    with tls_gw.connect() as c:
        for _ in range(3):
            c.request("POST", "/v1/chat/completions", tls_gw.headers(body=1), body)
            assert c.response().status == 200
    assert all(r.body == body for r in up.requests)


def test_tls_listener_resumes_sessions(tls_gw, authority):
    context = authority.client()
    first = Conn(tls_gw.address, tls=context)
    first.request("GET", "/healthz")
    first.response("GET")
    session = first.sock.session
    first.close()
    import socket

    raw = socket.create_connection(tls_gw.address, timeout=5)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as second:
        second.sendall(build("GET", "/healthz"))
        assert second.recv(4096).startswith(b"HTTP/1.1 200")
        assert second.session_reused


def test_tls_listener_speaks_http_1_1_by_alpn(tls_gw, authority):
    context = authority.client()
    context.set_alpn_protocols(["http/1.1"])
    with Conn(tls_gw.address, tls=context) as c:
        assert c.sock.selected_alpn_protocol() in ("http/1.1", None)
        c.request("GET", "/healthz")
        assert c.response("GET").status == 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_listener_refuses_old_versions(tls_gw, authority):
    context = authority.client()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        Conn(tls_gw.address, tls=context)


def test_tls_listener_survives_nonsense(tls_gw):
    for junk in (
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"x" * 100,
        b"\x00" * 50,
        b"",
    ):
        with tls_gw.connect(tls=None) as c:
            c.send(junk)
            c.half_close()
            c.sock.settimeout(5)
            c.read_to_close()
    assert tls_gw.get("/healthz").status == 200


def test_tls_listener_handshake_has_a_time_limit(stage, up, authority):
    cert, key = authority.issue()
    gw = stage.gateway(
        config(
            up,
            tls={"enable": True, "cert": str(cert), "key": str(key)},
            client={"header-timeout": "300ms"},
        ),
        tls=authority.client(),
    )
    with gw.connect(tls=None) as c:
        c.send(b"\x16\x03\x01")
        c.sock.settimeout(5)
        c.read_to_close()


def test_tls_client_that_leaves_cancels_the_upstream(tls_gw, up):
    up.default = sse(chat_event("a"), STALL)
    with tls_gw.connect() as c:
        c.request(
            "POST", "/v1/chat/completions", tls_gw.headers(body=1), encode(chat_body(stream=True))
        )
        c.head()
    up.wait_gone(up.one(), 1)
