"""R13 and SPEC 1.5 to 1.11, 13.7, 13.8: streams arrive as they are made, and end honestly."""

from __future__ import annotations

import json
import threading
import time

import pytest

from support.client import events
from support.clock import SLACK, eventually
from support.gateway import CLIENT_KEY, UPSTREAM_KEY, chat_body, config, encode
from support.upstream import (
    CLOSE,
    DONE,
    RESET,
    STALL,
    Answer,
    chat_answer,
    chat_event,
    free_port,
    ok,
    sse,
)


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(config(up))


@pytest.fixture(scope="module")
def beating(shared, up):
    """One with heartbeats every second."""
    return shared.gateway(
        config(up, streaming={"keepalive-seconds": 1}, **{"nonstream-keepalive-interval": 1})
    )


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def anthropic(kind, **more):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def responses(kind, **more):
    return anthropic(kind, **more)


def gemini(text, finish=None):
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\r\n\r\n"


# name -> (target, body, beginning of a stream, its end)
STREAMS = {
    "chat": (
        "/v1/chat/completions",
        chat_body("m", True),
        [chat_event("a"), chat_event("b")],
        [chat_event("", "stop"), DONE],
    ),
    "responses": (
        "/v1/responses",
        {"model": "codex-m", "input": "x", "stream": True},
        [
            responses("response.created", sequence_number=0, response={"id": "r1"}),
            responses("response.output_text.delta", sequence_number=1, delta="a"),
        ],
        [responses("response.completed", sequence_number=2, response={"id": "r1"})],
    ),
    "anthropic": (
        "/v1/messages",
        {**chat_body("claude-m"), "stream": True},
        [
            anthropic("message_start", message={"id": "m1"}),
            anthropic("ping"),
            anthropic("content_block_start", index=0),
            anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"}),
        ],
        [
            anthropic("content_block_stop", index=0),
            anthropic("message_delta", delta={"stop_reason": "end_turn"}),
            anthropic("message_stop"),
        ],
    ),
    "gemini": (
        "/v1beta/models/gemini-m:streamGenerateContent?alt=sse",
        {"contents": []},
        [gemini("a"), gemini("b")],
        [gemini("c", "STOP")],
    ),
}


@pytest.fixture(params=list(STREAMS))
def stream(request):
    return STREAMS[request.param]


def dialect_of(target):
    return next(name for name, s in STREAMS.items() if s[0] == target)


def assert_in_band_error(target, tail, code=None):
    """What follows the forwarded bytes is one error event in the dialect, and nothing else."""
    text = tail.decode()
    data = [json.loads(l[5:]) for l in text.splitlines() if l.startswith("data:")]
    assert len(data) == 1, text
    (error,) = data
    name = dialect_of(target)
    if name == "chat":
        assert error["error"]["message"] and "event:" not in text
        if code:
            assert error["error"]["code"] == code
    elif name == "anthropic":
        assert text.startswith("event: error\n")
        assert error["type"] == "error" and error["error"]["type"] and error["error"]["message"]
    elif name == "responses":
        assert text.startswith("event: error\n")
        assert error["type"] == "error" and error["message"] and "code" in error
        assert error["sequence_number"] == 2, "goes on counting"
    else:
        assert error["error"]["code"] and error["error"]["status"] and error["error"]["message"]
    assert "[DONE]" not in text and "message_stop" not in text and "completed" not in text


# -- R13.1 to R13.3 ----------------------------------------------------------------------------


@pytest.mark.tsan
def test_streams_byte_for_byte(gw, up, stream):
    target, body, begin, end = stream
    for framing in ("chunked", "close", "length"):
        up.default = sse(*begin, *end, framing=framing)
        r = gw.post(target, body)
        assert r.status == 200 and r.complete
        assert r.body == b"".join(begin + end)


def test_R13_1_each_chunk_at_once(gw, up, stream):
    target, body, begin, end = stream
    sent = []

    def paced():
        for piece in begin + end:
            sent.append(time.monotonic())
            yield piece
            yield 0.15

    up.default = lambda _: Answer(
        body=paced(), framing="chunked", headers=[("Content-Type", "text/event-stream")]
    )
    with gw.connect() as c:
        c.request("POST", target, gw.headers(body=1), encode(body))
        r = c.head()
        got = b""
        arrivals = []
        for piece in c.body(r):
            got += piece
            arrivals += [time.monotonic()] * (
                got.count(b"\n\n") + got.count(b"\r\n\r\n") - len(arrivals)
            )
    assert len(arrivals) == len(begin + end)
    delays = [a - s for a, s in zip(arrivals, sent)]
    assert max(delays) < 0.1 * SLACK, delays


def test_R13_1_the_first_token_does_not_wait(gw, up):
    up.default = sse(chat_event("a"), 1.0, chat_event("b", "stop"), DONE)
    start = time.monotonic()
    r = gw.chat(stream=True)
    assert r.head_at - start < 0.5 * SLACK and r.pieces[0][0] - start < 0.5 * SLACK


def test_CS4_first_content_is_not_held_for_the_next(gw, up):
    up.default = sse(
        anthropic("message_start", message={"id": "m"}),
        0.3,
        anthropic("content_block_delta", index=0),
        0.3,
        anthropic("message_stop"),
    )
    r = gw.post("/v1/messages", {**chat_body("claude-m"), "stream": True})
    at = [e.at for e in events(r)]
    assert at[1] - at[0] > 0.15 and at[2] - at[1] > 0.15


def test_R13_2_headers(gw, up, stream):
    target, body, begin, end = stream
    up.default = sse(*begin, *end, headers=[("Content-Type", "text/event-stream; charset=utf-8")])
    r = gw.post(target, body)
    assert r.get("content-type").startswith("text/event-stream")
    assert r.get("cache-control") == "no-cache"
    assert r.get("x-accel-buffering") == "no"
    assert r.get("content-length") is None and r.get("content-encoding") is None
    assert r.get("access-control-allow-origin") == "*"
    assert r.get("x-cliproxy-provider")


@pytest.mark.slow
def test_R13_3_heartbeats(beating, up, stream):
    target, body, begin, end = stream
    up.default = sse(begin[0], 5.2, *begin[1:], *end)
    r = beating.post(target, body)
    beats = [e for e in events(r, comments=True) if e.comment]
    assert len(beats) >= 4, r.body
    assert all(e.comment == "keep-alive" for e in beats)
    # Without the comments, what is left are the provider's bytes.
    assert r.body.replace(b": keep-alive\n\n", b"") == b"".join(begin + end)


def test_R13_3_no_heartbeat_before_the_status_is_decided(beating, up):
    up.default = lambda _: ok({"error": {"message": "no"}}, status=500, delay=1.6)
    r = beating.chat(stream=True)
    assert r.status == 500 and b"keep-alive" not in r.body


def test_heartbeats_never_inside_an_event(beating, up):
    """The provider stops in the middle of an event; a comment there would corrupt it."""
    whole = chat_event("abc")
    up.default = sse(chat_event("x"), whole[:20], 2.5, whole[20:], chat_event("", "stop"), DONE)
    r = beating.chat(stream=True)
    assert r.body.replace(b": keep-alive\n\n", b"") == (
        chat_event("x") + whole + chat_event("", "stop") + DONE
    )
    list(events(r, comments=True))


def test_no_heartbeats_for_raw_alt(beating, up):
    """A JSON array is not an event stream: a comment would break it."""
    up.default = Answer(
        body=[b'[{"candidates":[]}\n', 1.6, b',{"candidates":[]}]'], framing="chunked"
    )
    r = beating.post("/v1beta/models/gemini-m:streamGenerateContent", {"contents": []})
    assert json.loads(r.body) == [{"candidates": []}, {"candidates": []}]
    assert b"keep-alive" not in r.body


def test_nonstream_keepalive_newlines(beating, up):
    """Blank lines before the body; JSON readers skip them."""
    answer = json.dumps(chat_answer()).encode()
    up.default = lambda _: ok(answer, delay=2.5)
    r = beating.chat()
    assert r.status == 200 and r.json() == chat_answer()
    assert r.body.lstrip(b"\n") == answer
    assert len(r.body) - len(answer) >= 2
    assert r.pieces[0][0] < r.end_at - 0.8


def test_nonstream_keepalive_then_an_error_shows_in_the_body(beating, up):
    up.default = lambda _: ok({"error": {"message": "late"}}, status=500, delay=1.6)
    r = beating.chat()
    assert r.complete and r.json()["error"]["message"] == "late"
    line = beating.access(r)
    assert line.fields.get("error") or line.fields["status_code"] == 500


def test_a_fast_answer_has_no_newlines(beating, up):
    r = beating.chat()
    assert r.body == json.dumps(chat_answer()).encode()


# -- R13.4: ends -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "reset", "short", "unchunked"])
def test_R13_4_upstream_drops_in_mid_stream(gw, up, stream, how):
    target, body, begin, _ = stream
    if how == "close":
        up.default = sse(*begin, framing="close")
    elif how == "reset":
        up.default = sse(*begin, 0.1, RESET)
    elif how == "unchunked":
        up.default = sse(*begin, CLOSE)
    else:
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99999\r\n\r\n"
        )
        up.default = Answer(raw=head + b"".join(begin), after="close")
    with gw.connect() as c:
        c.request("POST", target, gw.headers(body=1), encode(body))
        r = c.response()
        sent = b"".join(begin)
        assert r.body.startswith(sent), r.body
        assert_in_band_error(target, r.body[len(sent) :])
        assert c.closed_within(2), "the connection ends with the broken stream"
    line = gw.access(r)
    assert line.fields["error"]


@pytest.mark.parametrize("how", ["cut", "close", "chunked"])
def test_R13_4_half_an_event_is_not_forwarded(gw, up, stream, how):
    """What the client gets must parse: a torn event would make its reader fail before it sees the
    error that tells why."""
    target, body, begin, _ = stream
    torn = begin[-1][: len(begin[-1]) // 2]
    up.default = sse(
        *begin,
        torn,
        *([CLOSE] if how == "cut" else []),
        framing="close" if how == "close" else "chunked",
    )
    r = gw.post(target, body)
    sent = b"".join(begin)
    assert r.body.startswith(sent)
    assert_in_band_error(target, r.body[len(sent) :])


def test_R13_4_unfinished_chat_stream_that_ends_in_order(gw, up):
    """No finish reason, no [DONE], a proper end of the body: still truncated (SPEC 12.7)."""
    up.default = sse(chat_event("a"), chat_event("b"))
    r = gw.chat(stream=True)
    sent = chat_event("a") + chat_event("b")
    assert r.body.startswith(sent)
    assert_in_band_error("/v1/chat/completions", r.body[len(sent) :])


def test_S13_8_finished_without_done_gets_one(gw, up):
    for framing in ("chunked", "close"):
        up.default = sse(chat_event("a"), chat_event("", "stop"), framing=framing)
        r = gw.chat(stream=True)
        assert r.body == chat_event("a") + chat_event("", "stop") + DONE


def test_S13_8_all_choices_must_have_finished(gw, up):
    """With n=2, one finish reason is half an answer."""
    first = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    second = {"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": None}]}
    body = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in (second, first))
    up.default = sse(body)
    r = gw.chat(stream=True)
    assert r.body.startswith(body) and r.body != body
    # Either is accepted today: [DONE] by the letter of 13.8, or an error as truncated.


def test_an_error_event_of_the_provider_is_the_end(gw, up, stream):
    target, body, begin, _ = stream
    theirs = {
        "chat": b'data: {"error":{"message":"overloaded","code":503}}\n\n',
        "responses": responses("error", code="server_error", message="x", sequence_number=2),
        "anthropic": anthropic("error", error={"type": "overloaded_error", "message": "x"}),
        "gemini": b'data: {"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}\r\n\r\n',
    }[dialect_of(target)]
    up.default = sse(*begin, theirs)
    r = gw.post(target, body)
    assert r.body == b"".join(begin) + theirs, "forwarded as it is, no second error"
    line = gw.access(r)
    assert line.fields["error"]


def test_R13_4_a_cut_stream_does_not_poison_the_next(gw, up):
    up.then(sse(chat_event("a"), RESET))
    gw.chat(stream=True)
    assert gw.chat().status == 200


def test_an_empty_stream(gw, up, stream):
    """Nothing was delivered, so it can still be an honest 502."""
    target, body, _, _ = stream
    up.default = sse()
    r = gw.post(target, body)
    assert r.status == 502 and r.json()["error"]["message"]


@pytest.mark.parametrize("done", [True, False], ids=["done", "no-done"])
def test_crlf_cut_at_every_place_near_the_end(gw, up, done):
    """A CRLF whose LF comes in the next read is one line end; bytes come out as they are."""
    body = chat_event("a").replace(b"\n", b"\r\n") + chat_event("", "stop").replace(b"\n", b"\r\n")
    body += DONE.replace(b"\n", b"\r\n") if done else b""
    for back in range(1, 6):
        up.default = sse(body[:-back], 0.03, body[-back:])
        r = gw.chat(stream=True)
        assert r.body == body + (b"" if done else DONE), back


def test_only_comments_then_the_end(gw, up):
    up.default = sse(b": one\n\n", b": two\n\n")
    r = gw.chat(stream=True)
    assert r.status == 502


def test_R13_4_reset_before_the_first_byte(gw, up, stream):
    target, body, _, _ = stream

    def reset(request):
        request.conn.reset()

    up.default = reset
    r = gw.post(target, body)
    assert r.status == 502 and r.json()["error"]["message"]


# -- R13.6 to R13.9 ----------------------------------------------------------------------------


def test_R13_6_stall_before_the_first_event(stage, up, stream):
    target, body, begin, end = stream
    gw = stage.gateway(config(up, upstream={"first-byte-timeout": "300ms"}))
    for script in (Answer(delay=5), sse(STALL)):
        up.reset(script)
        start = time.monotonic()
        r = gw.post(target, body)
        assert r.status == 504, r.body
        assert 0.25 < time.monotonic() - start < 2 * SLACK
        assert r.json()["error"]["message"]
        up.wait_gone(up.one(), 1)


def test_idle_timeout_in_mid_stream(stage, up, stream):
    target, body, begin, _ = stream
    gw = stage.gateway(config(up, upstream={"idle-timeout": "400ms"}))
    up.default = sse(*begin, STALL)
    r = gw.post(target, body)
    sent = b"".join(begin)
    assert r.body.startswith(sent)
    assert_in_band_error(target, r.body[len(sent) :])
    up.wait_gone(up.one(), 1)


def test_a_slow_stream_is_not_idle(stage, up):
    gw = stage.gateway(config(up, upstream={"idle-timeout": "500ms"}))
    pieces = [p for i in range(6) for p in (chat_event(str(i)), 0.2)]
    up.default = sse(*pieces, chat_event("", "stop"), DONE)
    r = gw.chat(stream=True)
    assert r.body.endswith(DONE)


def test_total_timeout(stage, up):
    gw = stage.gateway(config(up, upstream={"total-timeout": "500ms"}))
    up.default = lambda _: Answer(
        body=(p for i in range(100) for p in (chat_event(str(i)), 0.1)),
        framing="chunked",
        headers=[("Content-Type", "text/event-stream")],
    )
    start = time.monotonic()
    r = gw.chat(stream=True)
    assert 0.4 < time.monotonic() - start < 2 * SLACK
    assert b'"error"' in r.body and b"[DONE]" not in r.body
    up.reset(Answer(delay=5))
    r = gw.chat()
    assert r.status == 504 and r.json()["error"]["code"] == "upstream_timeout"


def test_timeouts_of_a_provider_override(stage, up):
    base = config(up, upstream={"first-byte-timeout": "30s"})
    base["openai-compatibility"][0]["first-byte-timeout"] = "200ms"
    gw = stage.gateway(base)
    up.default = Answer(delay=3)
    start = time.monotonic()
    assert gw.chat().status == 504
    assert time.monotonic() - start < 1.5 * SLACK
    up.reset(Answer(delay=0.5, body=b"{}"))
    assert gw.post("/v1/messages", chat_body("claude-m")).status == 200


@pytest.mark.tsan
def test_R13_7_a_client_that_leaves(gw, up, stream):
    target, body, begin, _ = stream
    up.default = sse(*begin, STALL)
    mark = gw.mark()
    with gw.connect() as c:
        c.request("POST", target, gw.headers(body=1), encode(body))
        r = c.head()
        next(c.body(r))
    up.wait_gone(up.one(), 1)
    rid = r.get("x-request-id")
    line = gw.wait_line(lambda l: l.message == "request" and l.request_id == rid, 2, "access", mark)
    assert line.fields["status_code"] == 499
    # No cooldown: the same credential serves the next.
    up.reset()
    assert gw.chat().status == 200


def test_R13_9_split_utf8_and_lines(gw, up):
    """A 5 MB tool argument in fragments, cut in the middle of characters and lines."""
    text = "päivää 🦀 " * 40000
    pieces = [text[i : i + 997] for i in range(0, len(text), 997)]
    wire = b""
    for p in pieces:
        call = {"index": 0, "function": {"arguments": p}}
        wire += (
            b"data: "
            + json.dumps(
                {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]},
                ensure_ascii=False,
            ).encode()
            + b"\n\n"
        )
    wire += chat_event("", "tool_calls") + DONE
    up.default = sse(*[wire[i : i + 1013] for i in range(0, len(wire), 1013)])
    r = gw.chat(stream=True)
    assert r.body == wire and r.complete
    got = "".join(
        c["delta"]["tool_calls"][0]["function"]["arguments"]
        for e in events(r)
        if e.data != "[DONE]"
        for c in e.json()["choices"]
        if c["delta"].get("tool_calls")
    )
    assert got == text


def test_event_larger_than_the_limit(stage, up):
    """Bounded memory: an event over limits.event-size ends the stream with an error."""
    gw = stage.gateway(config(up, limits={"event-size": "64KiB"}))
    up.default = sse(chat_event("a"), chat_event("x" * 200_000), chat_event("", "stop"), DONE)
    r = gw.chat(stream=True)
    # Passing it through is as good as refusing it, as long as memory stays bounded.
    assert r.body.endswith(DONE) or b'"error"' in r.body


def test_whole_and_streamed_agree_on_bytes(gw, up):
    """R13.8 between equals: both are what the provider sent, nothing else."""
    up.default = lambda q: (
        sse(chat_event("hello", "stop"), DONE)
        if q.json().get("stream")
        else ok(chat_answer(text="hello"))
    )
    whole, streamed = gw.chat(), gw.chat(stream=True)
    text = "".join(
        c["delta"].get("content", "")
        for e in events(streamed)
        if e.data != "[DONE]"
        for c in e.json()["choices"]
    )
    assert whole.json()["choices"][0]["message"]["content"] == text


# -- usage -------------------------------------------------------------------------------------

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
}
USAGE_EVENT = (
    b"data: "
    + json.dumps(
        {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    ).encode()
    + b"\n\n"
)


def test_S13_7_usage_only_we_asked_for(gw, up):
    """Counted, and not forwarded."""
    up.default = sse(chat_event("a"), chat_event("", "stop"), USAGE_EVENT, DONE)
    body = chat_body(stream=True)
    del body["stream_options"]
    r = gw.post("/v1/chat/completions", body)
    assert up.one().json()["stream_options"] == {"include_usage": True}
    assert r.body == chat_event("a") + chat_event("", "stop") + DONE
    fields = gw.access(r).fields
    assert (fields["tokens_in"], fields["tokens_out"], fields["tokens_cached"]) == (11, 7, 4)


def test_S13_7_usage_the_client_asked_for(gw, up):
    up.default = sse(chat_event("a"), chat_event("", "stop"), USAGE_EVENT, DONE)
    body = encode(chat_body(stream=True))
    r = gw.post("/v1/chat/completions", body)
    assert up.one().body == body, "nothing to edit"
    assert r.body == chat_event("a") + chat_event("", "stop") + USAGE_EVENT + DONE
    assert gw.access(r).fields["tokens_in"] == 11


@pytest.mark.parametrize(
    "options", [{}, {"include_usage": False}, {"include_obfuscation": True}, None], ids=str
)
def test_S13_7_stream_options_without_usage(gw, up, options):
    up.default = sse(chat_event("a", "stop"), USAGE_EVENT, DONE)
    r = gw.post("/v1/chat/completions", {**chat_body(stream=True), "stream_options": options})
    want = {**(options or {}), "include_usage": True}
    assert up.one().json()["stream_options"] == want
    assert r.body == chat_event("a", "stop") + DONE


def test_stream_must_be_true(gw, up):
    """SPEC 1.5: JSON true, nothing else, streams."""
    for value in (False, None):
        r = gw.post("/v1/chat/completions", {**chat_body(), "stream": value})
        assert r.status == 200 and r.get("content-type").startswith("application/json")
        assert "stream_options" not in up.last().json()


# -- Gemini ------------------------------------------------------------------------------------


def test_S13_13_stream_without_alt_is_a_json_array(gw, up):
    answer = b'[{"candidates": [{"x":1}]}\n,\r\n{"candidates": [{"finishReason":"STOP"}]}\n]\n'
    up.default = Answer(body=[answer[:20], 0.05, answer[20:]], framing="chunked")
    r = gw.post("/v1beta/models/gemini-m:streamGenerateContent", {"contents": []})
    assert r.body == answer
    assert "alt=sse" not in up.one().target


# -- R13.5 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [ok({"error": {}}, status=503), sse(), lambda q: q.conn.reset()],
    ids=["503", "empty", "reset"],
)
def test_R13_5_another_credential_before_the_first_byte(stage, up, bad):
    """Two credentials, the first meets a 503 or a cut: the client does not notice."""
    base = config(up, streaming={"bootstrap-retries": 1})
    base["openai-compatibility"][0]["api-key-entries"] = [
        {"api-key": "sk-first-11112222"},
        {"api-key": "sk-second-33334444"},
    ]
    gw = stage.gateway(base)
    up.then(bad, sse(chat_event("a", "stop"), DONE))
    r = gw.chat(stream=True)
    assert r.status == 200 and r.body == chat_event("a", "stop") + DONE
    first, second = up.requests
    assert first.get("authorization") != second.get("authorization")


def test_R13_5_two_endpoints_of_which_one_is_down(stage, up):
    """What can be known to have had no effect moves on: nobody listens at the first."""
    base = config(up)
    (entry,) = base["openai-compatibility"]
    base["openai-compatibility"] = [
        {**entry, "name": "down", "priority": 1, "base-url": f"http://127.0.0.1:{free_port()}/v1"},
        entry,
    ]
    gw = stage.gateway(base)
    up.default = sse(chat_event("a", "stop"), DONE)
    r = gw.chat(stream=True)
    assert r.body == chat_event("a", "stop") + DONE
    assert r.get("x-cliproxy-provider") == "chatty"
