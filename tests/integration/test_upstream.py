"""The side towards providers: pools, retries, time-outs, causes of failure (R10.5), proxies (D12),
TLS, and cancelling in every phase."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest

from support.client import build
from support.clock import SLACK, best_of, eventually
from support.gateway import CLIENT_KEY, UPSTREAM_KEY, chat_body, config, encode
from support.upstream import (
    DONE,
    STALL,
    Answer,
    SilentUpstream,
    Upstream,
    chat_answer,
    chat_event,
    early,
    free_port,
    ok,
    sse,
)


def provider(base, name="p", models=("m",), **more):
    return {
        "name": name,
        "base-url": base,
        "api-key-entries": [{"api-key": UPSTREAM_KEY}],
        "models": [{"name": m} for m in models],
        **more,
    }


def simple(*providers, **more):
    return {"api-keys": [CLIENT_KEY], "openai-compatibility": list(providers), **more}


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    # One worker, so that what one connection leaves in the pool the next request finds.
    return shared.gateway(config(up, workers=1))


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


# -- pool --------------------------------------------------------------------------------------


def test_connections_are_reused(gw, up):
    for _ in range(10):
        assert gw.chat().status == 200
    assert len({id(r.conn) for r in up.requests}) == 1
    assert up.last().nth >= 10


def test_a_connection_is_not_reused_after_connection_close(gw, up):
    up.default = ok({}, headers=[("Content-Type", "application/json"), ("Connection", "close")])
    gw.chat()
    gw.chat()
    assert len({id(r.conn) for r in up.requests}) == 2


def test_a_streamed_answer_gives_its_connection_back(gw, up):
    up.default = sse(chat_event("a", "stop"), DONE)
    for _ in range(3):
        gw.chat(stream=True)
    assert len({id(r.conn) for r in up.requests}) == 1


@pytest.mark.tsan
def test_concurrent_requests_use_their_own_connections(gw, up):
    up.default = lambda _: ok({}, delay=0.2)
    start = time.monotonic()
    conns = [gw.connect() for _ in range(20)]
    for c in conns:
        c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
    for c in conns:
        assert c.response().status == 200
        c.close()
    assert time.monotonic() - start < 1.5 * SLACK


def test_idle_connections_are_closed(stage, up):
    gw = stage.gateway(config(up, workers=1, upstream={"keepalive-timeout": "300ms"}))
    gw.chat()
    conn = up.one().conn
    assert conn.gone.wait(3 * SLACK) and conn.closed_at is not None


def test_idle_connections_are_bounded(stage):
    up = stage.upstream()
    gw = stage.gateway(config(up, workers=1, upstream={"max-idle": 2}))
    up.default = lambda _: ok({}, delay=0.2)
    conns = [gw.connect() for _ in range(8)]
    for c in conns:
        c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
    for c in conns:
        assert c.response().status == 200
        c.close()
    eventually(lambda: up.open_connections() <= 2, "pool trimmed")


# -- stale connections -------------------------------------------------------------------------


def warm(gw, up):
    assert gw.chat().status == 200
    up.reset()


def test_stale_connection_is_retried_once(gw, up):
    """The provider closes a kept connection just as our next request arrives on it."""
    warm(gw, up)

    def vanish(request):
        request.conn.close()

    up.then(vanish, ok({"n": 2}))
    r = gw.chat()
    assert r.status == 200 and r.json() == {"n": 2}
    assert len(up.requests) == 2
    assert up.requests[0].nth > 1, "the first try was on a kept connection"
    assert up.requests[1].nth == 1, "the second on a new one"
    assert up.requests[0].body in (b"", up.requests[1].body)


def test_stale_connection_closed_while_idle(gw, up):
    """Closed before the request: noticed without a single lost request."""
    for _ in range(5):
        assert gw.chat().status == 200
        up.close_connections()
        assert gw.chat().status == 200
    assert len(up.requests) == 10


def test_stale_connection_reset_is_retried(gw, up):
    warm(gw, up)

    def reset(request):
        request.conn.reset()

    up.then(reset, ok({"n": 2}))
    assert gw.chat().json() == {"n": 2}


def test_a_new_connection_that_fails_is_not_retried(gw, up):
    up.close_connections()
    time.sleep(0.1)

    def vanish(request):
        request.conn.close()

    up.then(vanish, ok({"n": 2}))
    r = gw.chat()
    assert r.status == 502
    assert len(up.requests) == 1


def test_exactly_one_retry(gw, up):
    warm(gw, up)

    def vanish(request):
        request.conn.close()

    up.default = vanish
    r = gw.chat()
    assert r.status == 502 and r.json()["error"]["code"] in ("upstream_closed", "upstream_reset")
    assert len(up.requests) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"H",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=repr,
)
def test_no_retry_once_bytes_of_the_answer_were_seen(gw, up, raw):
    warm(gw, up)
    up.then(Answer(raw=raw, after="close"))
    r = gw.chat()
    assert r.status == 502 or not r.complete
    assert len(up.requests) == 1


# -- R10.5 -------------------------------------------------------------------------------------


def failure(gw, model="m", **more):
    start = time.monotonic()
    r = gw.chat(model, **more)
    return r.status, r.json()["error"]["code"], time.monotonic() - start, r


@pytest.mark.parametrize("stream", [False, True])
def test_R10_5_refused(stage, stream):
    gw = stage.gateway(simple(provider(f"http://127.0.0.1:{free_port()}/v1")))
    status, code, took, r = failure(gw, stream=stream)
    assert (status, code) == (502, "upstream_refused") and took < 2 * SLACK
    line = gw.access(r)
    assert line.fields["provider"] == "p" and line.fields["error"]
    assert r.get("x-cliproxy-error-source") is None


def test_R10_5_dns(stage):
    # A label of more than 63 characters: no resolver finds that, and none asks the network.
    gw = stage.gateway(simple(provider(f"http://{'a' * 64}.invalid/v1")))
    status, code, took, _ = failure(gw)
    assert (status, code) == (502, "upstream_dns") and took < 5 * SLACK


def test_R10_5_connect_timeout(stage):
    silent = stage.add(SilentUpstream())
    gw = stage.gateway(simple(provider(silent.url("/v1")), upstream={"connect-timeout": "300ms"}))
    status, code, took, _ = failure(gw)
    assert (status, code) == (502, "upstream_timeout")
    assert 0.25 < took < 2 * SLACK


def test_R10_5_tls_to_a_plain_port(stage):
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve():
            conn, _ = plain.accept()
            conn.recv(4096)
            conn.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            conn.close()

        threading.Thread(target=serve, daemon=True).start()
        gw = stage.gateway(simple(provider(f"https://127.0.0.1:{plain.getsockname()[1]}/v1")))
        status, code, _, _ = failure(gw)
        assert (status, code) == (502, "upstream_tls")


def test_R10_5_tls_handshake_that_hangs(stage):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(5)
        gw = stage.gateway(
            simple(
                provider(f"https://127.0.0.1:{deaf.getsockname()[1]}/v1"),
                upstream={"connect-timeout": "300ms"},
            )
        )
        status, code, took, _ = failure(gw)
        assert status == 502 and code in ("upstream_timeout", "upstream_tls")
        assert took < 2 * SLACK


def test_R10_5_reset(gw, up):
    up.close_connections()
    up.default = lambda q: q.conn.reset()
    status, code, _, _ = failure(gw)
    assert status == 502 and code in ("upstream_reset", "upstream_closed")


@pytest.mark.parametrize(
    "target, body, shape",
    [
        ("/v1/messages", chat_body("claude-m"), "anthropic"),
        ("/v1/responses", {"model": "codex-m", "input": "x"}, "openai"),
        ("/v1beta/models/gemini-m:generateContent", {"contents": []}, "gemini"),
    ],
)
def test_R10_5_in_every_dialect(stage, target, body, shape):
    class Nobody:
        def url(self, path=""):
            return f"http://127.0.0.1:{port}{path}"

    port = free_port()
    gw = stage.gateway(config(Nobody()))
    r = gw.post(target, body)
    assert r.status == 502
    error = r.json()["error"]
    assert error["message"]
    if shape == "anthropic":
        assert r.json()["type"] == "error" and error["type"] == "api_error"
    elif shape == "gemini":
        assert error["code"] == 502 and error["status"]
    else:
        assert error["code"] == "upstream_refused"


def test_R10_5_other_entries_are_tried(stage, up):
    gw = stage.gateway(
        simple(
            provider(f"http://127.0.0.1:{free_port()}/v1", "dead", priority=5),
            provider(up.url("/v1"), "alive"),
        )
    )
    for _ in range(3):
        r = gw.chat()
        assert r.status == 200 and r.get("x-cliproxy-provider") == "alive"


def test_IPv6_literal(stage):
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")

    def serve():
        conn, _ = server.accept()
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        conn.close()

    threading.Thread(target=serve, daemon=True).start()
    with server:
        gw = stage.gateway(simple(provider(f"http://[::1]:{server.getsockname()[1]}/v1")))
        assert gw.chat().status == 200


def test_names_are_resolved(stage, up):
    gw = stage.gateway(simple(provider(up.url("/v1", host="localhost"))))
    assert gw.chat().status == 200
    assert up.one().get("host") == f"localhost:{up.port}"


# -- proxies -----------------------------------------------------------------------------------


def test_D12_http_proxy_plain_target(stage, up):
    proxy = stage.proxy()
    gw = stage.gateway(
        simple(provider(up.url("/v1", host="llm.test"))) | {"proxy-url": proxy.url()}
    )
    assert gw.chat().status == 200
    assert proxy.targets == [("name", "llm.test", up.port)]
    assert up.one().get("proxy-authorization") is None
    assert gw.chat().status == 200


def test_D12_http_proxy_with_password(stage, up):
    proxy = stage.proxy(user="someone", password="sk-proxy-p@ss/1")
    url = proxy.url().replace("sk-proxy-p@ss/1", "sk-proxy-p%40ss%2F1")
    gw = stage.gateway(simple(provider(up.url("/v1", host="llm.test"))) | {"proxy-url": url})
    assert gw.chat().status == 200
    assert proxy.bad_logins == 0


def test_D12_http_proxy_wrong_password(stage, up):
    proxy = stage.proxy(user="someone", password="right")
    url = proxy.url().replace("right", "sk-wrong-12345678")
    gw = stage.gateway(simple(provider(up.url("/v1"))) | {"proxy-url": url})
    r = gw.chat()
    assert r.status == 502 and r.json()["error"]["code"] == "upstream_proxy"
    assert "407" in r.message() or "proxy" in r.message().lower()
    assert b"sk-wrong-12345678" not in r.body
    assert not up.requests


def test_D12_http_proxy_refuses(stage, up):
    proxy = stage.proxy(refuse=403)
    gw = stage.gateway(simple(provider(up.url("/v1"))) | {"proxy-url": proxy.url()})
    r = gw.chat()
    assert r.status == 502 and r.json()["error"]["code"] == "upstream_proxy"


@pytest.mark.parametrize("password", ["", "sk-socks-12345678"])
def test_D12_socks5_resolves_here(stage, up, password):
    proxy = stage.proxy(kind="socks5", user="u" if password else "", password=password)
    gw = stage.gateway(
        simple(provider(up.url("/v1", host="localhost"))) | {"proxy-url": proxy.url("socks5")}
    )
    assert gw.chat().status == 200
    (target,) = proxy.targets
    assert target[0] in ("ipv4", "ipv6") and target[2] == up.port


@pytest.mark.parametrize("password", ["", "sk-socks-12345678"])
def test_D12_socks5h_lets_the_proxy_resolve(stage, up, password):
    proxy = stage.proxy(kind="socks5", user="u" if password else "", password=password)
    gw = stage.gateway(
        simple(provider(up.url("/v1", host="only-there.test")))
        | {"proxy-url": proxy.url("socks5h")}
    )
    assert gw.chat().status == 200
    assert proxy.targets == [("name", "only-there.test", up.port)]


def test_D12_socks5_wrong_password(stage, up):
    proxy = stage.proxy(kind="socks5", user="u", password="right")
    url = proxy.url("socks5").replace("right", "wrong")
    gw = stage.gateway(simple(provider(up.url("/v1"))) | {"proxy-url": url})
    r = gw.chat()
    assert r.status == 502 and r.json()["error"]["code"] == "upstream_proxy"


@pytest.mark.parametrize("code", [1, 2, 4, 5])
def test_D12_socks5_refuses(stage, up, code):
    proxy = stage.proxy(kind="socks5", refuse=code)
    gw = stage.gateway(simple(provider(up.url("/v1"))) | {"proxy-url": proxy.url("socks5")})
    r = gw.chat()
    assert r.status == 502 and r.json()["error"]["code"].startswith("upstream_")


def test_D12_a_proxy_that_hangs(stage, up):
    proxy = stage.proxy(stall=True)
    gw = stage.gateway(
        simple(provider(up.url("/v1")), upstream={"connect-timeout": "300ms"})
        | {"proxy-url": proxy.url()}
    )
    status, code, took, _ = failure(gw)
    assert status == 502 and code in ("upstream_timeout", "upstream_proxy") and took < 2 * SLACK


def test_D12_a_proxy_nobody_listens_at(stage, up):
    gw = stage.gateway(
        simple(provider(up.url("/v1"))) | {"proxy-url": f"http://127.0.0.1:{free_port()}"}
    )
    r = gw.chat()
    assert r.status == 502


@pytest.mark.parametrize("word", ["direct", "none", "DIRECT"])
def test_D12_direct_bypasses_the_global_proxy(stage, up, word):
    proxy = stage.proxy()
    gw = stage.gateway(
        simple(
            provider(
                up.url("/v1"),
                "straight",
                ("m1",),
                **{"api-key-entries": [{"api-key": UPSTREAM_KEY, "proxy-url": word}]},
            ),
            provider(up.url("/v1", host="llm.test"), "through", ("m2",)),
        )
        | {"proxy-url": proxy.url()}
    )
    assert gw.chat("m1").status == 200 and proxy.targets == []
    assert gw.chat("m2").status == 200 and len(proxy.targets) == 1


def test_D12_a_proxy_per_credential(stage, up):
    one, two = stage.proxy(), stage.proxy(kind="socks5")
    base = simple(
        provider(
            up.url("/v1"),
            "a",
            ("m1",),
            **{"api-key-entries": [{"api-key": UPSTREAM_KEY, "proxy-url": one.url()}]},
        )
    )
    base["claude-api-key"] = [
        {
            "api-key": UPSTREAM_KEY,
            "base-url": up.url(),
            "proxy-url": two.url(),
            "models": [{"name": "claude-m"}],
        }
    ]
    gw = stage.gateway(base)
    assert gw.chat("m1").status == 200
    assert gw.post("/v1/messages", chat_body("claude-m")).status == 200
    assert len(one.targets) == 1 and len(two.targets) == 1


def test_D12_environment_proxy(stage, up):
    """HTTP_PROXY and NO_PROXY as everywhere, unless the configuration says something."""
    proxy = stage.proxy()
    env = {
        "http_proxy": proxy.url(),
        "HTTP_PROXY": proxy.url(),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    gw = stage.gateway(
        simple(
            provider(up.url("/v1", host="llm.test"), "a", ("m1",)),
            provider(up.url("/v1"), "b", ("m2",)),
        ),
        env=env,
    )
    assert gw.chat("m1").status == 200 and len(proxy.targets) == 1
    assert gw.chat("m2").status == 200 and len(proxy.targets) == 1


def test_D12_tls_through_proxies(stage, authority):
    up = stage.upstream(tls=authority.server())
    http, socks = stage.proxy(), stage.proxy(kind="socks5")
    gw = stage.gateway(
        simple(
            provider(
                up.url("/v1", host="localhost"),
                "a",
                ("m1",),
                **{"api-key-entries": [{"api-key": UPSTREAM_KEY, "proxy-url": http.url()}]},
            ),
            provider(
                up.url("/v1", host="localhost"),
                "b",
                ("m2",),
                **{
                    "api-key-entries": [
                        {"api-key": UPSTREAM_KEY, "proxy-url": socks.url("socks5h")}
                    ]
                },
            ),
            upstream={"ca-file": str(authority.ca)},
        )
    )
    assert gw.chat("m1").status == 200
    assert gw.chat("m2").status == 200
    assert len(http.targets) == len(socks.targets) == 1


# -- TLS ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls_up(shared, authority):
    return shared.upstream(tls=authority.server())


@pytest.mark.tsan
def test_tls_upstream(stage, authority, tls_up):
    tls_up.reset()
    gw = stage.gateway(
        simple(
            provider(tls_up.url("/v1", host="localhost")), upstream={"ca-file": str(authority.ca)}
        )
    )
    assert gw.chat().status == 200
    tls_up.default = sse(chat_event("a"), 0.1, chat_event("b", "stop"), DONE)
    r = gw.chat(stream=True)
    assert r.body == chat_event("a") + chat_event("b", "stop") + DONE
    big = encode(chat_body(pad="x" * 3_000_000))
    tls_up.default = lambda q: Answer(body=q.body, framing="chunked")
    r = gw.post("/v1/chat/completions", big)
    assert r.body == big and tls_up.last().body == big


def test_tls_trust_from_the_environment(stage, authority, tls_up):
    tls_up.reset()
    gw = stage.gateway(
        simple(provider(tls_up.url("/v1"))), env={"SSL_CERT_FILE": str(authority.ca)}
    )
    assert gw.chat().status == 200


@pytest.mark.parametrize("case", ["unknown-ca", "expired", "wrong-name", "self-signed", "wrong-ip"])
def test_tls_verification(stage, authority, case):
    made = {
        "unknown-ca": {},
        "expired": {"expired": True},
        "wrong-name": {"names": ("other.test",)},
        "self-signed": {"self_signed": True},
        "wrong-ip": {"names": ("localhost", "127.0.0.9")},
    }
    up = stage.upstream(tls=authority.server(f"case-{case}", **made[case]))
    trust = {} if case == "unknown-ca" else {"upstream": {"ca-file": str(authority.ca)}}
    host = "127.0.0.1" if case == "wrong-ip" else "localhost"
    gw = stage.gateway(simple(provider(up.url("/v1", host=host)), **trust))
    status, code, _, r = failure(gw)
    assert (status, code) == (502, "upstream_tls")
    assert not up.requests
    assert any(
        word in r.message().lower()
        for word in ("certificate", "verify", "expired", "self", "mismatch", "host")
    ), r.message()


def test_tls_server_name(stage, authority, tmp_path):
    context = authority.server()
    seen = []
    context.sni_callback = lambda sock, name, ctx: seen.append(name)
    up = stage.upstream(tls=context)
    gw = stage.gateway(
        simple(
            provider(up.url("/v1", host="localhost"), "a", ("m1",)),
            provider(up.url("/v1"), "b", ("m2",)),
            upstream={"ca-file": str(authority.ca)},
        )
    )
    gw.chat("m1")
    gw.chat("m2")
    assert seen == ["localhost", None], "RFC 6066: no address literals"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_sessions_are_resumed(stage, authority, version):
    context = authority.server()
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    up = stage.upstream(tls=context)
    gw = stage.gateway(
        simple(
            provider(up.url("/v1", host="localhost")),
            workers=1,
            upstream={"ca-file": str(authority.ca)},
        )
    )
    for _ in range(4):
        assert gw.chat().status == 200
        up.close_connections()
        time.sleep(0.05)
    resumed = [c.session_reused for c in up.connections]
    assert resumed[0] is False and sum(resumed) >= len(resumed) - 1, resumed


def test_tls_session_of_one_host_is_not_offered_to_another(stage, authority):
    one = stage.upstream(tls=authority.server())
    two = stage.upstream(tls=authority.server())
    gw = stage.gateway(
        simple(
            provider(one.url("/v1", host="localhost"), "a", ("m1",)),
            provider(two.url("/v1", host="localhost"), "b", ("m2",)),
            workers=1,
            upstream={"ca-file": str(authority.ca)},
        )
    )
    assert gw.chat("m1").status == gw.chat("m2").status == 200
    assert not two.connections[0].session_reused


def test_tls_stale_connection_is_retried(stage, authority):
    up = stage.upstream(tls=authority.server())
    gw = stage.gateway(
        simple(
            provider(up.url("/v1", host="localhost")),
            workers=1,
            upstream={"ca-file": str(authority.ca)},
        )
    )
    assert gw.chat().status == 200
    up.then(lambda q: q.conn.close(), ok({"n": 2}))
    assert gw.chat().json() == {"n": 2}


def test_tls_close_without_notify_is_a_cut(stage, authority):
    """A close-delimited answer that ends without close_notify may be truncated (RFC 8446, 6.1)."""
    up = stage.upstream(tls=authority.server())
    gw = stage.gateway(
        simple(provider(up.url("/v1", host="localhost")), upstream={"ca-file": str(authority.ca)})
    )
    up.default = sse(chat_event("a"), framing="close")
    r = gw.chat(stream=True)
    assert b'"error"' in r.body


@pytest.mark.tsan
def test_tls_many_at_once(stage, authority):
    """A burst of handshakes: all are served."""
    up = stage.upstream(tls=authority.server())
    up.default = lambda _: ok({}, delay=0.1)
    gw = stage.gateway(
        simple(provider(up.url("/v1", host="localhost")), upstream={"ca-file": str(authority.ca)})
    )
    conns = [gw.connect() for _ in range(60)]
    for c in conns:
        c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
    for c in conns:
        assert c.response().status == 200
        c.close()


# -- cancelling --------------------------------------------------------------------------------

LIMIT = 0.1


def leave(gw, up, start, ready, how="close"):
    """Starts a request, waits for the phase, leaves; seconds until the upstream knows."""

    def once():
        up.reset(up.default)
        c = gw.connect()
        start(c)
        request = ready(c)
        at = time.monotonic()
        c.close() if how == "close" else c.reset()
        return up.wait_gone(request, 3) - at

    return best_of(3, once)


def send_chat(gw, stream=True):
    return lambda c: c.request(
        "POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=stream))
    )


@pytest.mark.tsan
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_cancel_before_the_first_byte(gw, up, how, stream):
    up.default = Answer(delay=60)

    def ready(_):
        request = up.wait_request()
        eventually(lambda: request.body_done, "body", 2, 0.005)
        return request

    assert leave(gw, up, send_chat(gw, stream), ready, how) < LIMIT * SLACK


@pytest.mark.parametrize("how", ["close", "reset"])
def test_cancel_in_mid_stream(gw, up, how):
    up.default = sse(chat_event("a"), STALL)

    def ready(c):
        next(c.body(c.head()))
        return up.one()

    assert leave(gw, up, send_chat(gw), ready, how) < LIMIT * SLACK


def test_cancel_in_a_whole_answer(gw, up):
    up.default = Answer(body=[b'{"a":', STALL], framing="chunked")

    def ready(c):
        request = up.wait_request()
        eventually(lambda: request.sent >= 5, "first piece", 2, 0.005)
        time.sleep(0.02)
        return request

    assert leave(gw, up, send_chat(gw, False), ready) < LIMIT * SLACK


def test_cancel_while_uploading(gw, up):
    """A streamed upload (multipart) of which only half was sent."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * 500000
    )

    def start(c):
        c.send(
            build(
                "POST",
                "/v1/audio/transcriptions",
                [
                    ("Content-Type", "multipart/form-data; boundary=b"),
                    ("Authorization", f"Bearer {CLIENT_KEY}"),
                    ("Content-Length", "2000000"),
                ],
            )
            + body
        )

    assert leave(gw, up, start, lambda _: up.wait_request()) < LIMIT * SLACK


def test_cancel_while_the_upstream_does_not_read(gw, up):
    """A large JSON body stuck on its way out."""
    stuck = threading.Event()

    @early
    def script(request):
        # Do not read; only notice when the connection is reset or closed.
        stuck.set()
        conn = request.conn
        while conn.closed_at is None:
            try:
                conn.sock.settimeout(0.02)
                if conn.sock.recv(1, socket.MSG_PEEK) == b"":
                    conn._lost()
            except TimeoutError:
                pass
            except OSError:
                conn._lost()
            # MSG_PEEK sees old data until it is read; poll the state of the socket instead.
            info = (
                conn.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
                if conn.closed_at is None
                else b"\x01"
            )
            if info[0] != 1:  # not ESTABLISHED any more
                conn._lost()
            time.sleep(0.005)
        return None

    up.default = script
    body = encode(chat_body(pad="x" * 8_000_000))

    def start(c):
        stuck.clear()
        c.request("POST", "/v1/chat/completions", gw.headers(body=1), body)

    def ready(_):
        request = up.wait_request()
        assert stuck.wait(3)
        time.sleep(0.05)
        return request

    assert leave(gw, up, start, ready) < LIMIT * SLACK


def test_cancel_while_connecting(stage):
    """The connect is given up: its descriptor is gone at once."""
    silent = stage.add(SilentUpstream())
    gw = stage.gateway(simple(provider(silent.url("/v1")), workers=1))

    def once():
        base = gw.fds()
        c = gw.connect()
        send_chat(gw)(c)
        eventually(lambda: gw.fds() >= base + 2, "connecting", 2, 0.005)
        at = time.monotonic()
        c.close()
        eventually(lambda: gw.fds() <= base, "descriptor closed", 2, 0.002)
        return time.monotonic() - at

    assert best_of(3, once) < LIMIT * SLACK
    gw.wait_line(lambda l: l.message == "request" and l.fields["status_code"] == 499, 2, "499")


def test_cancel_while_the_proxy_thinks(stage, up):
    proxy = stage.proxy(stall=True)
    gw = stage.gateway(simple(provider(up.url("/v1"))) | {"proxy-url": proxy.url()})
    base = gw.fds()
    c = gw.connect()
    send_chat(gw)(c)
    eventually(lambda: gw.fds() >= base + 2, "connecting", 2, 0.005)
    at = time.monotonic()
    c.close()
    eventually(lambda: gw.fds() <= base, "given up", 2, 0.002)
    assert time.monotonic() - at < 0.5 * SLACK


def test_cancel_during_the_tls_handshake(stage):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(5)
        gw = stage.gateway(simple(provider(f"https://127.0.0.1:{deaf.getsockname()[1]}/v1")))
        base = gw.fds()
        c = gw.connect()
        send_chat(gw)(c)
        eventually(lambda: gw.fds() >= base + 2, "connecting", 2, 0.005)
        at = time.monotonic()
        c.close()
        eventually(lambda: gw.fds() <= base, "given up", 2, 0.002)
        assert time.monotonic() - at < 0.5 * SLACK


def test_a_request_behind_it_does_not_hide_that_the_client_left(gw, up):
    """Pipelined bytes wait in our buffer; the FIN behind them must still be seen."""
    up.default = sse(chat_event("a"), STALL)
    c = gw.connect()
    c.send(
        build("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True)))
        + build("GET", "/healthz")
    )
    next(c.body(c.head()))
    c.reset()
    up.wait_gone(up.one(), 2)


@pytest.mark.tsan
def test_clients_that_leave_at_random(gw, up):
    """A storm of leavers leaves no connection behind."""
    import random

    rng = random.Random(5)
    up.default = lambda _: Answer(
        body=(p for i in range(50) for p in (chat_event(str(i)), 0.01)),
        framing="chunked",
        headers=[("Content-Type", "text/event-stream")],
    )
    data = build("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True)))
    for _ in range(15):
        conns = [gw.connect() for _ in range(8)]
        for c in conns:
            c.send(data[: rng.randrange(1, len(data) + 1)] if rng.random() < 0.3 else data)
        time.sleep(rng.random() * 0.05)
        for c in conns:
            c.reset() if rng.random() < 0.5 else c.close()
    up.reset()
    eventually(lambda: gw.chat().status == 200, "alive")
