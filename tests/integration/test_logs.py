"""Logs: one access line a request with what an operator asks for, and never a secret."""

from __future__ import annotations

import re
import time

import pytest

from support.clock import SLACK, eventually
from support.gateway import (
    CLIENT_KEY,
    SECRET,
    UPSTREAM_KEY,
    Gateway,
    LogLine,
    chat_body,
    config,
    encode,
)
from support.upstream import DONE, STALL, Answer, chat_answer, chat_event, free_port, ok, sse


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    base = config(up, debug=True, **{"proxy-url": ""})
    base["openai-compatibility"][0]["headers"] = {"X-Vendor-Key": "sk-header-11223344"}
    base["openai-compatibility"].append(
        {
            "name": "dead",
            "base-url": f"http://127.0.0.1:{free_port()}/v1",
            "api-key-entries": [{"api-key": UPSTREAM_KEY}],
            "models": [{"name": "dead-m"}],
        }
    )
    base["openai-compatibility"].append(
        {
            "name": "proxied",
            "base-url": up.url("/v1"),
            "api-key-entries": [
                {
                    "api-key": UPSTREAM_KEY,
                    "proxy-url": f"http://u:sk-proxy-55667788@127.0.0.1:{free_port()}",
                }
            ],
            "models": [{"name": "proxied-m"}],
        }
    )
    return shared.gateway(base)


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


KEYS = {"method", "path", "status_code", "duration_ms", "bytes_in", "bytes_out"}
RELAYED = KEYS | {
    "provider",
    "model",
    "upstream_model",
    "stream",
    "ttft_ms",
    "tokens_in",
    "tokens_out",
    "client",
}


def test_every_line_is_in_form(gw):
    gw.chat()
    for line in gw.lines:
        assert line.level, line.raw


def test_access_line_of_a_relayed_request(gw, up):
    up.default = ok(
        {
            **chat_answer(),
            "usage": {
                "prompt_tokens": 30,
                "completion_tokens": 12,
                "total_tokens": 42,
                "prompt_tokens_details": {"cached_tokens": 5},
            },
        },
        delay=0.1,
    )
    body = encode(chat_body("m-alias"))
    r = gw.post("/v1/chat/completions?x=1", body)
    line = gw.access(r)
    f = line.fields
    assert line.level == "info" and RELAYED <= set(f), f
    assert (f["method"], f["path"], f["status_code"]) == (
        "POST",
        "/v1/chat/completions?x=1",
        200,
    ) or f["path"] == "/v1/chat/completions"
    assert (f["provider"], f["model"], f["upstream_model"]) == ("chatty", "m-alias", "m-real")
    assert f["stream"] is False
    assert (f["tokens_in"], f["tokens_out"], f["tokens_cached"]) == (30, 12, 5)
    assert f["bytes_in"] >= len(body) and f["bytes_out"] >= len(r.body)
    assert 90 <= f["ttft_ms"] <= f["duration_ms"] < 2000 * SLACK
    assert "error" not in f


def test_CS5_ttft_and_duration_of_a_stream(gw, up):
    up.default = sse(0.2, chat_event("a"), 0.3, chat_event("b", "stop"), DONE)
    f = gw.access(gw.chat(stream=True)).fields
    assert f["stream"] is True
    assert 150 <= f["ttft_ms"] < 450 and f["duration_ms"] >= 450


@pytest.mark.parametrize(
    "target, body, usage, want",
    [
        (
            "/v1/messages",
            chat_body("claude-m"),
            {
                "usage": {
                    "input_tokens": 9,
                    "output_tokens": 4,
                    "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 0,
                }
            },
            (109, 4, 100),
        ),
        (
            "/v1/responses",
            {"model": "codex-m", "input": "x"},
            {
                "usage": {
                    "input_tokens": 50,
                    "output_tokens": 6,
                    "total_tokens": 56,
                    "input_tokens_details": {"cached_tokens": 20},
                }
            },
            (50, 6, 20),
        ),
        (
            "/v1beta/models/gemini-m:generateContent",
            {"contents": []},
            {
                "usageMetadata": {
                    "promptTokenCount": 40,
                    "candidatesTokenCount": 3,
                    "cachedContentTokenCount": 8,
                    "totalTokenCount": 43,
                }
            },
            (40, 3, 8),
        ),
    ],
)
def test_usage_of_whole_answers(gw, up, target, body, usage, want):
    up.default = ok(usage)
    f = gw.access(gw.post(target, body)).fields
    assert (f["tokens_in"], f["tokens_out"], f["tokens_cached"]) == want


@pytest.mark.parametrize(
    "target, body, pieces, want",
    [
        (
            "/v1/messages",
            {**chat_body("claude-m"), "stream": True},
            [
                b'event: message_start\ndata: {"type":"message_start","message":{"usage"'
                b':{"input_tokens":9,'
                b'"cache_read_input_tokens":100,"output_tokens":1}}}\n\n',
                b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_rea'
                b'son":"end_turn"},'
                b'"usage":{"output_tokens":44}}\n\n',
                b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
            ],
            (109, 44, 100),
        ),
        (
            "/v1/responses",
            {"model": "codex-m", "input": "x", "stream": True},
            [
                b'event: response.completed\ndata: {"type":"response.completed","respons'
                b'e":{"usage":'
                b'{"input_tokens":50,"output_tokens":6,"input_tokens_details":{"cached_t'
                b'okens":20}}}}\n\n'
            ],
            (50, 6, 20),
        ),
        (
            "/v1beta/models/gemini-m:streamGenerateContent?alt=sse",
            {"contents": []},
            [
                b'data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"prompt'
                b'TokenCount":40,'
                b'"candidatesTokenCount":3,"thoughtsTokenCount":7,"cachedContentTokenCou'
                b'nt":8}}\r\n\r\n'
            ],
            (40, None, 8),
        ),
    ],
)
def test_usage_of_streams(gw, up, target, body, pieces, want):
    up.default = sse(*pieces)
    f = gw.access(gw.post(target, body)).fields
    assert (f["tokens_in"], f["tokens_cached"]) == (want[0], want[2])
    assert f["tokens_out"] == want[1] or want[1] is None and f["tokens_out"] in (3, 10)


def test_access_line_of_our_own_answers(gw):
    f = gw.access(gw.get("/nowhere")).fields
    assert KEYS <= set(f) and f["status_code"] == 404 and f["error"]
    f = gw.access(gw.chat("nope")).fields
    assert f["status_code"] == 400 and f["model"] == "nope" and f["error"]
    f = gw.access(gw.get("/v1/models", key=None)).fields
    assert f["status_code"] == 401 and f["error"]


def test_access_line_of_a_failure_names_provider_and_class(gw):
    f = gw.access(gw.chat("dead-m")).fields
    assert f["status_code"] == 502 and f["provider"] == "dead" and f["error"]


def test_access_line_of_an_upstream_error(gw, up):
    """The page greps for `status_code":403` with the provider."""
    up.default = ok({"error": {"message": "no"}}, status=403)
    line = gw.access(gw.chat())
    assert '"status_code":403' in line.raw and line.fields["provider"] == "chatty"


def test_one_access_line_each(gw):
    mark = gw.mark()
    seen = {gw.chat().get("x-request-id") for _ in range(10)}
    eventually(
        lambda: {l.request_id for l in gw.lines[mark:] if l.message == "request"} >= seen,
        "ten lines",
    )
    lines = [l for l in gw.lines[mark:] if l.message == "request" and l.request_id in seen]
    assert len(lines) == 10


def test_request_that_is_not_http_has_a_line(gw):
    mark = gw.mark()
    with gw.connect() as c:
        c.send(b"nonsense\r\n\r\n")
        c.response("GET")
    line = gw.wait_line(lambda l: l.message == "request", 2, "line", mark)
    assert line.fields["status_code"] == 400


@pytest.mark.parametrize(
    "query",
    ["key={k}", "auth_token={k}", "a=1&key={k}&b=2", "KEY={k}", "key=&auth_token={k}", "k%65y={k}"],
    ids=str,
)
def test_query_secrets_are_masked(gw, query):
    mark = gw.mark()
    gw.get("/v1/models?" + query.format(k=CLIENT_KEY), key=None)
    line = gw.wait_line(lambda l: l.message == "request", 2, "line", mark)
    assert CLIENT_KEY not in line.raw and "/v1/models" in line.fields["path"]


def test_no_secret_anywhere_even_with_debug(gw, up):
    """Failures are where they leak: proxies, headers, wrong keys, provider texts. (Every test's
    teardown greps for them as well.)"""
    up.default = lambda q: ok(
        {
            "error": {
                "message": f"key {q.get('authorization')} is bad, header "
                f"{q.get('x-vendor-key')}"
            }
        },
        status=401,
    )
    r = gw.chat()
    assert b"sk-upstream" not in r.body or UPSTREAM_KEY.encode() not in r.body
    gw.chat("proxied-m")
    gw.get("/v1/models", key="ck-intruder-12345678")
    gw.get("/v1/models?key=ck-intruder-12345678", key=None)
    gw.post("/v1/chat/completions", b'{"model": "not json', key="")
    time.sleep(0.2)
    leaked = [
        l.raw
        for l in gw.lines
        for s in (CLIENT_KEY, UPSTREAM_KEY, "sk-header-11223344", "sk-proxy-55667788")
        if s in l.raw
    ]
    assert not leaked, leaked


def test_bodies_are_not_logged(gw, up):
    gw.post("/v1/chat/completions", chat_body(note="very-private-text"))
    time.sleep(0.1)
    assert not any("very-private-text" in l.raw for l in gw.lines)


def test_log_lines_cannot_be_forged(gw):
    mark = gw.mark()
    gw.get("/x%0a[2026-01-01%2000:00:00.000]%20[--------]%20[error]%20forged")
    gw.chat("evil\n[2026-01-01 00:00:00.000] [--------] [error] forged")
    time.sleep(0.2)
    assert not [l for l in gw.lines[mark:] if l.level == "error"]


def test_access_log_off(stage, up):
    gw = stage.gateway(config(up, **{"access-log": False}))
    gw.chat()
    time.sleep(0.2)
    assert not [l for l in gw.lines if l.message == "request"]


def test_debug_lines_only_with_debug(stage, up):
    gw = stage.gateway(config(up, debug=False))
    gw.chat()
    assert not [l for l in gw.lines if l.level == "debug"]


def test_499_of_a_client_that_left(gw, up):
    up.default = Answer(delay=30)
    mark = gw.mark()
    with gw.connect() as c:
        c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
        up.wait_request()
    line = gw.wait_line(lambda l: l.message == "request", 2, "line", mark)
    assert line.fields["status_code"] == 499


def test_logging_to_file(stage, up):
    """The listening line is looked for in the file, so this one is started by hand."""
    import subprocess
    from support.gateway import BINARY, dump, environment

    folder = stage.folder()
    port = free_port()
    (folder / "config.yaml").write_text(
        dump({"host": "127.0.0.1", **config(up, port=port, **{"logging-to-file": True})})
    )
    process = subprocess.Popen(
        [BINARY, "--config", str(folder / "config.yaml")],
        cwd=folder,
        env=environment({"WRITABLE_PATH": str(folder)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        log = folder / "logs" / "main.log"
        eventually(lambda: log.exists() and "listening" in log.read_text(), "log file", 5)
        import socket

        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while s.recv(4096):
                pass
        eventually(lambda: '"/health"' in log.read_text(), "access line in the file")
        for raw in log.read_text().splitlines():
            assert LogLine.parse(raw).level, raw
        assert log.stat().st_mode & 0o007 == 0, "logs are not for everybody"
    finally:
        process.terminate()
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert b'"path":"/health"' not in out


def test_nobody_reads_the_log(stage, up):
    """A full pipe at stdout must stop neither requests nor signals; later the loss is told."""
    import signal
    import subprocess
    import threading
    from support.client import Conn
    from support.gateway import BINARY, dump, environment

    folder = stage.folder()
    port = free_port()
    (folder / "config.yaml").write_text(dump({"host": "127.0.0.1", **config(up, port=port)}))
    process = subprocess.Popen(
        [BINARY, "--config", str(folder / "config.yaml")],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        eventually(lambda: not Conn(("127.0.0.1", port)).close(), "listening", 10)
        with Conn(("127.0.0.1", port)) as c:
            for _ in range(1500):
                c.request("GET", "/v1/models", [("Authorization", f"Bearer {CLIENT_KEY}")])
                assert c.response("GET").status == 200
        time.sleep(0.5)  # longer than the writer is ready to wait
        read = []
        reader = threading.Thread(target=lambda: [read.append(l) for l in process.stdout])
        reader.start()
        with Conn(("127.0.0.1", port)) as c:

            def told():
                c.request("GET", "/health")
                c.response("GET")
                return any(b"dropped" in l for l in list(read))

            eventually(told, "the loss is told")
        lines = [LogLine.parse(l.decode().rstrip("\n")) for l in read]
        assert all(l.level for l in lines), "whole lines only"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        reader.join(5)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_a_signal_while_nobody_reads_the_log(stage, up):
    import signal
    import subprocess
    from support.client import Conn
    from support.gateway import BINARY, dump, environment

    folder = stage.folder()
    port = free_port()
    (folder / "config.yaml").write_text(dump({"host": "127.0.0.1", **config(up, port=port)}))
    process = subprocess.Popen(
        [BINARY, "--config", str(folder / "config.yaml")],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: not Conn(("127.0.0.1", port)).close(), "listening", 10)
        with Conn(("127.0.0.1", port)) as c:
            for _ in range(1500):
                c.request("GET", "/v1/models", [("Authorization", f"Bearer {CLIENT_KEY}")])
                assert c.response("GET").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(5 * SLACK) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
