"""The built-in simulator behind the real binary: the README's examples, with no key or network."""

from __future__ import annotations

import json
import time

import pytest

from support.client import events
from support.clock import SLACK
from support.gateway import CLIENT_KEY, ROOT, chat_body, run


def entry(name, **more):
    return {"name": name, "models": [{"name": f"{name}-m"}], **more}


@pytest.fixture(scope="module")
def gw(shared):
    return shared.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "sim": [
                {"name": "sim"},
                entry("slow", latency="400ms"),
                entry("paced", **{"tokens-per-second": 40}),
                entry("failing", **{"failure-rate": 1.0, "failure-status": 503}),
                entry("limited", **{"failure-rate": 1.0, "failure-status": 429}),
                entry("resetting", **{"failure-rate": 1.0, "failure-mode": "reset"}),
                entry("cutting", **{"failure-rate": 1.0, "failure-mode": "cut"}),
                entry(
                    "hanging",
                    **{"failure-rate": 1.0, "failure-mode": "hang", "first-byte-timeout": "500ms"},
                ),
                entry("prefixed", prefix="team"),
            ],
        }
    )


WHOLE = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"input": "hi"}),
    "anthropic": (
        "/v1/messages",
        {"max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]},
    ),
    "gemini": (
        "/v1beta/models/{}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ),
}


def ask(gw, dialect, model, stream=False):
    target, body = WHOLE[dialect]
    if dialect == "gemini":
        target = target.format(model)
        if stream:
            target = target.replace(":generateContent", ":streamGenerateContent?alt=sse")
        return gw.post(target, body)
    return gw.post(target, {**body, "model": model, **({"stream": True} if stream else {})})


def test_the_example_configuration_is_valid():
    done = run("--check-config", "--config", str(ROOT / "config.example.yaml"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dialect", WHOLE)
@pytest.mark.parametrize("model", ["sim-1", "sim-fast", "sim-slow", "team/prefixed-m"])
def test_whole(gw, dialect, model):
    r = ask(gw, dialect, model)
    assert r.status == 200, r.body
    body = r.json()
    text = {
        "chat": lambda: body["choices"][0]["message"]["content"],
        "responses": lambda: body["output"][-1]["content"][0]["text"],
        "anthropic": lambda: body["content"][-1]["text"],
        "gemini": lambda: body["candidates"][0]["content"]["parts"][-1]["text"],
    }[dialect]()
    assert text
    fields = gw.access(r).fields
    assert fields["tokens_in"] > 0 and fields["tokens_out"] > 0


@pytest.mark.parametrize("dialect", WHOLE)
def test_streamed(gw, dialect):
    r = ask(gw, dialect, "sim-1", stream=True)
    assert r.status == 200 and r.complete and r.get("content-type").startswith("text/event-stream")
    seen = events(r)
    last = seen[-1]
    assert {
        "chat": lambda: last.data == "[DONE]",
        "responses": lambda: last.type == "response.completed",
        "anthropic": lambda: last.type == "message_stop",
        "gemini": lambda: last.json()["candidates"][0]["finishReason"] == "STOP",
    }[dialect]()
    assert len(seen) > 2


def test_latency(gw):
    start = time.monotonic()
    assert ask(gw, "chat", "slow-m").status == 200
    assert time.monotonic() - start > 0.35


def test_pace(gw):
    r = ask(gw, "chat", "paced-m", stream=True)
    at = [e.at for e in events(r)]
    assert at[-1] - at[0] > 0.1


@pytest.mark.parametrize("dialect", WHOLE)
def test_failure_status(gw, dialect):
    r = ask(gw, dialect, "failing-m")
    assert r.status == 503 and r.json()["error"]
    assert r.get("x-cliproxy-error-source") == "upstream"
    assert ask(gw, dialect, "limited-m", stream=True).status == 429


@pytest.mark.parametrize("dialect", WHOLE)
def test_failure_reset(gw, dialect):
    assert ask(gw, dialect, "resetting-m").status == 502


@pytest.mark.parametrize("dialect", WHOLE)
def test_failure_cut(gw, dialect):
    r = ask(gw, dialect, "cutting-m", stream=True)
    assert r.status == 200 and b'"error"' in r.body
    assert b"[DONE]" not in r.body and b"message_stop" not in r.body


def test_failure_hang(gw):
    start = time.monotonic()
    assert ask(gw, "chat", "hanging-m").status == 504
    assert time.monotonic() - start < 3 * SLACK


def test_a_client_that_leaves_a_simulated_stream(gw):
    mark = gw.mark()
    with gw.connect() as c:
        c.request(
            "POST",
            "/v1/chat/completions",
            gw.headers(body=1),
            json.dumps(chat_body("paced-m", True)).encode(),
        )
        c.head()
    line = gw.wait_line(
        lambda l: l.message == "request" and l.fields["model"] == "paced-m", 3, "access line", mark
    )
    assert line.fields["status_code"] == 499


@pytest.mark.tsan
def test_many_simulated_streams(gw):
    conns = [gw.connect() for _ in range(50)]
    for c in conns:
        c.request(
            "POST",
            "/v1/chat/completions",
            gw.headers(body=1),
            json.dumps(chat_body("sim-1", True)).encode(),
        )
    for c in conns:
        r = c.response()
        assert r.complete and r.body.endswith(b"data: [DONE]\n\n")
        c.close()
