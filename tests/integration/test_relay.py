"""Relay between equals: same dialect, same bytes. R10, D2, D7, the pass-through endpoints, headers,
multipart bodies, and the 501 for a target that speaks another dialect."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from support.client import build, chunked, events
from support.clock import SLACK, eventually
from support.gateway import CLIENT_KEY, UPSTREAM_KEY, chat_body, config, encode
from support.upstream import DONE, Answer, chat_answer, chat_event, early, ok, sse

OTHERS = {"m": "openai", "claude-m": "claude", "gemini-m": "gemini", "codex-m": "codex"}


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    base = config(up)
    base["openai-compatibility"] += [
        {
            "name": "nim",
            "base-url": up.url("/v1/"),
            "api-key-entries": [{"api-key": UPSTREAM_KEY}],
            "models": [{"name": "z-ai/glm-5"}],
            "headers": {
                "X-Fixed": "fixed value",
                "X-Copied": "$X-From-Client",
                "X-Absent": "$X-Not-Sent",
                "X-Blank": "",
                "User-Agent": "custom-agent/1",
            },
        },
        {
            "name": "bare",
            "base-url": up.url(),
            "api-key-entries": [{"api-key": UPSTREAM_KEY}],
            "models": [{"name": "bare-m"}],
        },
        {
            "name": "deep",
            "base-url": up.url("/api/openrouter/v1"),
            "api-key-entries": [{"api-key": UPSTREAM_KEY}],
            "models": [{"name": "deep-m"}],
        },
        {
            "name": "query",
            "base-url": up.url("/odd//path"),
            "api-key-entries": [{"api-key": UPSTREAM_KEY}],
            "models": [{"name": "odd-m"}],
        },
    ]
    base["vertex-api-key"] = [
        {"api-key": UPSTREAM_KEY, "base-url": up.url("/vx"), "models": [{"name": "vertex-m"}]}
    ]
    base["claude-api-key"] += [
        {
            "api-key": UPSTREAM_KEY,
            "base-url": up.url("/copy"),
            "models": [{"name": "copy-m", "is-compat": True}],
        }
    ]
    return shared.gateway(base)


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


# -- bytes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target, model, where",
    [
        ("/v1/chat/completions", "m", "/v1/chat/completions"),
        ("/v1/completions", "m", "/v1/completions"),
        ("/v1/embeddings", "m", "/v1/embeddings"),
        ("/v1/moderations", "m", "/v1/moderations"),
        ("/v1/rerank", "m", "/v1/rerank"),
        ("/v1/images/generations", "m", "/v1/images/generations"),
        ("/v1/audio/speech", "m", "/v1/audio/speech"),
        ("/v1/responses", "codex-m", "/v1/responses"),
        ("/v1/messages", "claude-m", "/v1/messages"),
        ("/v1/messages/count_tokens", "claude-m", "/v1/messages/count_tokens"),
        (
            "/v1beta/models/gemini-m{}:generateContent",
            "",
            "/v1beta/models/gemini-m{}:generateContent",
        ),
        ("/v1beta/models/gemini-m{}:countTokens", "", "/v1beta/models/gemini-m{}:countTokens"),
        ("/v1beta/models/gemini-m{}:embedContent", "", "/v1beta/models/gemini-m{}:embedContent"),
        (
            "/v1beta/models/gemini-m{}:batchEmbedContents",
            "",
            "/v1beta/models/gemini-m{}:batchEmbedContents",
        ),
        ("/v1/models/gemini-m{}:generateContent", "", "/v1beta/models/gemini-m{}:generateContent"),
    ],
)
@pytest.mark.parametrize("alias", [False, True], ids=["name", "alias"])
def test_same_dialect_same_bytes(gw, up, target, model, where, alias):
    """Odd spacing, unknown fields, escapes, number spellings: all arrive as written."""
    body = (
        b' {"x": 1.0e0, "\\u0078y":"\\u00e9\\/", "model" : "MODEL" ,\n\t"messages":[],"input":"a",'
        b'"prompt":"p","contents":[ ],"z":null,"big":123456789012345678901234567890} \n'
    )
    if not model:
        body = body.replace(b'"model" : "MODEL" ,', b"")
    answer = b' {"id" : "x","object":"y", "n":1.50, "u":"\\u00e9" ,"model":"whatever"}\n'
    up.default = ok(answer)
    client_model = f"{model}-alias" if alias else model
    upstream_model = f"{model}-real" if alias else model
    tail = ("-alias", "-real") if alias else ("", "")
    r = gw.post(target.format(tail[0]), body.replace(b"MODEL", client_model.encode()))
    assert r.status == 200, r.body
    assert r.body == answer
    seen = up.one()
    assert seen.method == "POST" and seen.path == where.format(tail[1])
    assert seen.body == body.replace(b"MODEL", upstream_model.encode())


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_answers_whatever_their_framing(gw, up, framing):
    body = b'{"a":"' + b"z" * 300000 + b'"}'
    up.default = Answer(
        body=[body[i : i + 9999] for i in range(0, len(body), 9999)], framing=framing
    )
    r = gw.chat()
    assert r.status == 200 and r.complete and r.body == body


@pytest.mark.parametrize("status", [400, 403, 404, 418, 422, 500, 503, 529])
def test_a_providers_error_comes_as_it_is(gw, up, status):
    body = b'{"error": {"message":"theirs","type":"t","code":null}, "extra" :1}'
    up.default = ok(body, status=status, headers=[("Content-Type", "application/json; x=y")])
    r = gw.chat()
    assert (r.status, r.body) == (status, body)
    assert r.get("content-type") == "application/json; x=y"
    assert r.get("x-cliproxy-error-source") == "upstream"


def test_an_error_to_a_streamed_request_is_plain_json_with_its_status(gw, up):
    up.default = ok(
        {"error": {"message": "slow down"}},
        status=429,
        headers=[("Content-Type", "application/json"), ("Retry-After", "7")],
    )
    r = gw.chat(stream=True)
    assert r.status == 429 and r.json()["error"]["message"] == "slow down"
    assert r.get("retry-after") == "7"


def test_an_error_that_is_not_json(gw, up):
    """SPEC 5.10: wrapped into the dialect's own shape, with the status kept."""
    up.default = ok(
        b"<html>Bad gateway</html>", status=502, headers=[("Content-Type", "text/html")]
    )
    r = gw.chat()
    assert r.status == 502
    assert r.get("x-cliproxy-error-source") == "upstream"
    assert b"Bad gateway" in r.body or r.json()["error"]["message"]


def test_no_content_and_empty_answers(gw, up):
    up.default = Answer(status=204, framing="none", headers=())
    assert gw.chat().status == 204
    up.default = ok(b"")
    r = gw.chat()
    assert r.complete and r.status in (200, 502)


def test_interim_responses_are_swallowed(gw, up):
    up.default = Answer(
        body=b"{}",
        interim=b"HTTP/1.1 100 Continue\r\n\r\n" b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    )
    r = gw.chat()
    assert r.status == 200 and r.body == b"{}" and not r.get("link")


def test_redirects_are_not_followed(gw, up):
    up.default = ok(b"{}", status=307, headers=[("Location", "http://127.0.0.1:1/")])
    r = gw.chat()
    assert r.status in (307, 502)
    assert len(up.requests) == 1


# -- headers -----------------------------------------------------------------------------------


def test_request_headers_at_the_provider(gw, up):
    gw.chat(
        headers=[
            ("User-Agent", "client/1"),
            ("X-Custom", "abc"),
            ("Connection", "keep-alive"),
            ("Cookie", "session=secret"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("Proxy-Authorization", "Basic eA=="),
            ("TE", "trailers"),
            ("Accept-Encoding", "gzip, br"),
            ("Idempotency-Key", "k1"),
        ]
    )
    seen = up.one()
    assert seen.get("host") == f"127.0.0.1:{up.port}"
    assert seen.get("content-type").startswith("application/json")
    assert seen.all("content-length") == [str(len(seen.body))]
    for name in (
        "cookie",
        "proxy-authorization",
        "te",
        "x-forwarded-for",
        "connection-x",
        "upgrade",
    ):
        assert seen.get(name) is None, name
    # An answer in an encoding we did not ask for could not be tapped.
    assert seen.get("accept-encoding") in (None, "identity")
    names = [n.lower() for n, _ in seen.headers]
    assert len(names) == len(set(names)), names


def test_R10_2_accept_follows_stream(gw, up):
    up.then(ok(chat_answer()), sse(chat_event("a", "stop"), DONE))
    gw.chat()
    gw.chat(stream=True)
    assert up.requests[0].get("accept") == "application/json"
    assert up.requests[1].get("accept") == "text/event-stream"


def test_anthropic_headers_travel(gw, up):
    gw.post(
        "/v1/messages?beta=true",
        chat_body("claude-m"),
        headers=[("anthropic-version", "2023-06-01"), ("anthropic-beta", "a-1,b-2")],
    )
    seen = up.one()
    assert seen.get("anthropic-version") == "2023-06-01"
    assert seen.get("anthropic-beta") == "a-1,b-2"
    up.reset()
    gw.post("/v1/messages", chat_body("claude-m"))
    assert up.one().get("anthropic-version"), "required by the API: filled in when absent"


def test_R10_7_configured_headers(gw, up):
    gw.post(
        "/v1/chat/completions",
        chat_body("z-ai/glm-5"),
        headers=[("X-From-Client", "copied value"), ("User-Agent", "client/1")],
    )
    seen = up.one()
    assert seen.all("x-fixed") == ["fixed value"]
    assert seen.all("x-copied") == ["copied value"]
    assert seen.get("x-absent") is None and seen.get("x-blank") is None
    assert seen.all("user-agent") == ["custom-agent/1"]
    up.reset()
    gw.post("/v1/chat/completions", chat_body("z-ai/glm-5"))
    assert up.one().get("x-copied") is None, "omitted when the client did not send it"


def test_response_headers_by_default(gw, up):
    up.default = ok(
        {},
        headers=[
            ("Content-Type", "application/json"),
            ("X-Ratelimit-Remaining", "5"),
            ("Set-Cookie", "a=b"),
            ("Server", "theirs"),
            ("Keep-Alive", "timeout=5"),
            ("X-Secret-Thing", "1"),
        ],
    )
    r = gw.chat()
    assert r.get("set-cookie") is None and r.get("keep-alive") is None
    assert r.get("x-secret-thing") is None, "only with passthrough-headers"
    assert r.get("x-cliproxy-provider") == "chatty"
    assert r.get("x-cliproxy-served-model") == "m"


def test_passthrough_headers(stage, up):
    gw = stage.gateway(config(up, **{"passthrough-headers": True}))
    theirs = [
        ("Content-Type", "application/json"),
        ("X-Ratelimit-Remaining", "5"),
        ("openai-processing-ms", "12"),
        ("Set-Cookie", "a=b"),
        ("Keep-Alive", "timeout=5"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Trailer", "X"),
        ("Access-Control-Allow-Origin", "https://x.test"),
        ("Access-Control-Max-Age", "5"),
        ("Content-Encoding", "identity"),
        ("Proxy-Authenticate", "Basic"),
        ("Upgrade", "h2"),
    ]
    for framing in ("length", "chunked"):
        up.default = ok({}, headers=theirs, framing=framing)
        r = gw.chat()
        assert r.get("x-ratelimit-remaining") == "5" and r.get("openai-processing-ms") == "12"
        for name in (
            "set-cookie",
            "keep-alive",
            "x-hop",
            "trailer",
            "access-control-max-age",
            "proxy-authenticate",
            "upgrade",
        ):
            assert r.get(name) is None, name
        assert r.all("access-control-allow-origin") == ["*"]
        assert len(r.all("content-length") + r.all("transfer-encoding")) == 1


def test_a_providers_answer_headers_cannot_be_split(gw, up):
    up.default = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: a\rb\r\nContent-Length: 2\r\n\r\n{}")
    r = gw.chat()
    assert r.status in (200, 502)
    assert b"\r" not in r.raw_head.replace(b"\r\n", b"")


# -- R10: base-url, odd providers --------------------------------------------------------------


@pytest.mark.parametrize(
    "model, path",
    [
        ("z-ai/glm-5", "/v1/chat/completions"),
        ("bare-m", "/chat/completions"),
        ("deep-m", "/api/openrouter/v1/chat/completions"),
        ("odd-m", "/odd//path/chat/completions"),
    ],
)
def test_R10_1_base_url_is_used_as_configured(gw, up, model, path):
    assert gw.chat(model).status == 200
    seen = up.one()
    assert seen.target == path and seen.json()["model"] == model


def test_base_url_of_the_other_blocks(gw, up):
    gw.post("/v1beta/models/vertex-m:generateContent", {"contents": []})
    seen = up.one()
    assert seen.path == "/vx/v1/publishers/google/models/vertex-m:generateContent"
    assert seen.get("x-goog-api-key") == UPSTREAM_KEY


def test_vertex_is_not_the_gemini_api(gw, up):
    """It takes no serviceTier; a client of another dialect gets to know that it was left out."""
    response = gw.post("/v1/chat/completions", chat_body("vertex-m", service_tier="priority"))
    assert "serviceTier" not in up.one().json()
    assert response.get("x-cliproxy-dropped") == "service_tier"


def test_a_copy_of_an_api_is_told_what_it_thought(gw, up):
    """SPEC 2.4, 5.2: unsigned thinking, which Claude would refuse."""
    thought = {"role": "assistant", "content": "Hello.", "reasoning_content": "A greeting."}
    for model, kinds in (("copy-m", ["thinking", "text"]), ("claude-m", ["text"])):
        body = chat_body(model)
        body["messages"] += [thought, {"role": "user", "content": "go on"}]
        gw.post("/v1/chat/completions", body)
        assert [b["type"] for b in up.one().json()["messages"][1]["content"]] == kinds
        up.reset()


def test_gemini_query(gw, up):
    """alt goes along; the client's key does not."""
    up.default = sse(b'data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n')
    gw.post(
        f"/v1beta/models/gemini-m:streamGenerateContent?alt=sse&key={CLIENT_KEY}",
        {"contents": []},
        key=None,
    )
    assert up.one().target == "/v1beta/models/gemini-m:streamGenerateContent?alt=sse"


def test_R10_2_stream_and_whole_bodies_differ_in_stream_only(gw, up):
    up.default = sse(chat_event("a", "stop"), DONE)
    whole = {
        "model": "z-ai/glm-5",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
    }
    gw.post("/v1/chat/completions", whole)
    gw.post("/v1/chat/completions", {**whole, "stream": True})
    first, second = (r.json() for r in up.requests)
    assert first == whole
    options = second.pop("stream_options", {"include_usage": True})
    assert options == {"include_usage": True}
    assert second == {**whole, "stream": True}


CHUNK = (
    '{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"}'
    ',"finish_reason":%s}]}'
)


def texts(r):
    """The joined content of a chat stream, by a strict reader."""
    return "".join(
        c["delta"].get("content") or ""
        for e in events(r)
        if e.data != "[DONE]"
        for c in e.json()["choices"]
    )


@pytest.mark.parametrize("wire", [(CHUNK % ("a", "null"), CHUNK % ("b", '"stop"'))], ids=["chunks"])
@pytest.mark.parametrize(
    "shape",
    [
        "no-space",
        "crlf",
        "cr",
        "comments",
        "no-done",
        "multi-line",
        "bom",
        "id-and-retry",
        "split",
        "no-final-blank-line",
    ],
)
def test_R10_4_odd_but_legal_streams(gw, up, wire, shape):
    one, two = wire
    done = "data: [DONE]\n\n"
    body = {
        "no-space": f"data:{one}\n\ndata:{two}\n\ndata:[DONE]\n\n",
        "crlf": f"data: {one}\r\n\r\ndata: {two}\r\n\r\ndata: [DONE]\r\n\r\n",
        "cr": f"data: {one}\r\rdata: {two}\r\rdata: [DONE]\r\r",
        "comments": f": hello\n\ndata: {one}\n\n: OPENROUTER PROCESSING\n\ndata: {two}\n\n{done}",
        "no-done": f"data: {one}\n\ndata: {two}\n\n",
        "multi-line": "data: "
        + one.replace(',"choices"', ',\ndata: "choices"')
        + f"\n\ndata: {two}\n\n{done}",
        "bom": f"\ufeffdata: {one}\n\ndata: {two}\n\n{done}",
        "id-and-retry": f"id: 1\nretry: 5\ndata: {one}\n\nevent: x\ndata: {two}\n\n{done}",
        "split": f"data: {one}\n\ndata: {two}\n\n{done}",
        "no-final-blank-line": f"data: {one}\n\ndata: {two}\n\ndata: [DONE]\n",
    }[shape].encode()
    pieces = [body[i : i + 1] for i in range(len(body))] if shape == "split" else [body]
    up.default = sse(*pieces)
    r = gw.chat(stream=True)
    assert r.status == 200 and r.complete
    if shape == "cr":
        assert r.body == body  # our reader here does not know lone CR
        return
    if shape == "bom":
        r.pieces = [(t, p) for t, p in r.pieces]
        assert r.body.lstrip(b"\xef\xbb\xbf") == body.lstrip(b"\xef\xbb\xbf")
        return
    assert texts(r) == "ab"
    data = [e.data for e in events(r)]
    assert data.count("[DONE]") == 1 and data[-1] == "[DONE]", "SPEC 13.8: one [DONE], and last"


def test_R10_4_one_giant_line(gw, up):
    big = CHUNK % ("x" * 4_000_000, '"stop"')
    up.default = sse(f"data: {big}\n\ndata: [DONE]\n\n".encode())
    r = gw.chat(stream=True)
    assert r.complete and texts(r) == "x" * 4_000_000


def test_R10_4_plain_json_to_a_stream_request(gw, up):
    """The client asked for a stream, so it gets a correct one."""
    up.default = ok(chat_answer(text="whole"))
    r = gw.chat(stream=True)
    assert r.status == 200 and r.get("content-type").startswith("text/event-stream")
    assert texts(r) == "whole"
    assert [e.data for e in events(r)][-1] == "[DONE]"


def test_an_event_stream_to_a_request_that_wanted_none(gw, up):
    """Relayed or refused with a clear error; never a hang."""
    up.default = sse(chat_event("a", "stop"), DONE)
    r = gw.chat()
    assert r.complete and r.status in (200, 502)


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2"
        b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 500_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ],
    ids=lambda b: repr(b[:40]),
)
def test_a_provider_that_does_not_speak_http(gw, up, raw):
    up.default = Answer(raw=raw, after="close")
    r = gw.chat()
    assert r.status == 502
    assert r.json()["error"]["code"] in (
        "upstream_protocol",
        "upstream_closed",
        "upstream_too_large",
    )
    assert r.get("x-cliproxy-error-source") is None


def test_bytes_behind_an_answer_are_not_another_answer(gw, up):
    """A provider that sends too much must not poison the next request on the connection."""
    up.then(
        Answer(
            raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n"
            b'Content-Length: 7\r\n\r\n"stray"'
        )
    )
    assert gw.chat().body == b"{}"
    up.default = ok(b'"mine"')
    assert gw.chat().body == b'"mine"'


@pytest.mark.parametrize("cut", ["length", "chunked"])
def test_a_whole_answer_cut_short_is_not_a_success(gw, up, cut):
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    raw += (
        b'Content-Length: 100\r\n\r\n{"a":'
        if cut == "length"
        else b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n'
    )
    up.default = Answer(raw=raw, after="close")
    r = gw.chat()
    # Either an error status, or framing that tells the client that something is missing.
    assert r.status == 502 or not r.complete


# -- D2, D7 ------------------------------------------------------------------------------------


def test_D2_chat_shape(gw, up):
    r = gw.chat().json()
    assert r["id"].startswith("chatcmpl-")
    usage = r["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]


def test_D7_completions(gw, up):
    up.default = ok({"id": "cmpl-1", "object": "text_completion", "choices": [{"text": "x"}]})
    r = gw.post(
        "/v1/completions", {"model": "m-alias", "prompt": ["a", "b"], "suffix": "s", "n": 2}
    )
    assert r.json()["object"] == "text_completion"
    assert up.one().json() == {"model": "m-real", "prompt": ["a", "b"], "suffix": "s", "n": 2}


def test_D7_completions_streamed(gw, up):
    body = (
        b'data: {"object":"text_completion","choices":[{"text":"a","finish_reason":"stop"}]}\n\n'
        + DONE
    )
    up.default = sse(body)
    r = gw.post("/v1/completions", {"model": "m", "prompt": "a", "stream": True})
    assert r.body == body


# -- multipart ---------------------------------------------------------------------------------


def multipart(fields, boundary="----b0undary"):
    out = b""
    for name, filename, content in fields:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if filename:
            out += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'.encode()
        out += b"\r\n\r\n" + content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@pytest.mark.parametrize(
    "target",
    [
        "/v1/images/edits",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/images/variations",
    ],
)
@pytest.mark.parametrize("order", ["model-first", "model-last"])
@pytest.mark.parametrize("chunks", [0, 1000])
def test_multipart(gw, up, target, order, chunks):
    blob = bytes(range(256)) * 40 + b"\r\n------b0undar\r\n--\r\n"
    fields = [("model", None, b"MODEL"), ("file", "a.bin", blob), ("prompt", None, b"hi")]
    if order == "model-last":
        fields = fields[1:] + fields[:1]
    body, kind = multipart(fields)
    sent = body.replace(b"MODEL", b"m-alias")
    with gw.connect() as c:
        head = [("Content-Type", kind), ("Authorization", f"Bearer {CLIENT_KEY}")]
        if chunks:
            c.send(
                build("POST", target, [*head, ("Transfer-Encoding", "chunked")])
                + chunked([sent[i : i + chunks] for i in range(0, len(sent), chunks)])
            )
        else:
            c.request("POST", target, head, sent)
        r = c.response()
    assert r.status == 200, r.body
    seen = up.one()
    assert seen.path == target and seen.get("content-type") == kind
    assert seen.body == body.replace(b"MODEL", b"m-real")


@pytest.mark.slow
def test_multipart_is_streamed_not_held(gw, up):
    """A large upload whose model field comes first reaches the provider while it is being sent."""
    seen_early = threading.Event()

    @early
    def script(request):
        first = request.conn
        while len(first.buffer) < 100_000:
            first._fill()
        seen_early.set()
        first.read_body(request)
        return ok({"text": "done"})

    up.default = script
    blob = b"\xab" * 30_000_000
    body, kind = multipart([("model", None, b"m"), ("file", "big.wav", blob)])
    before = gw.rss()
    with gw.connect() as c:
        c.send(
            build(
                "POST",
                "/v1/audio/transcriptions",
                [
                    ("Content-Type", kind),
                    ("Authorization", f"Bearer {CLIENT_KEY}"),
                    ("Content-Length", str(len(body))),
                ],
            )
        )
        c.send(body[:2_000_000])
        assert seen_early.wait(5), "nothing reached the provider before the upload was complete"
        c.send(body[2_000_000:])
        assert c.response().json() == {"text": "done"}
    assert up.one().body == body
    assert gw.rss() - before < 20 << 20


def test_multipart_without_a_model(gw, up):
    body, kind = multipart([("file", "a", b"x")])
    r = gw.post("/v1/audio/transcriptions", body, headers=[("Content-Type", kind)])
    assert r.status == 400 and r.json()["error"]["param"] == "model"
    assert not up.requests


@pytest.mark.parametrize(
    "fields",
    [
        [("model", None, b"m"), ("model", None, b"other"), ("file", "a", b"x")],
        [("model", None, b"m"), ("file", "a", b"x"), ("model", None, b"m")],
    ],
)
def test_multipart_with_two_models(gw, up, fields):
    """Authorised for one and served another: refused, or at least not completed."""
    body, kind = multipart(fields)
    r = gw.post("/v1/audio/transcriptions", body, headers=[("Content-Type", kind)])
    assert r.status == 400
    assert all(not q.body_done for q in up.requests)


@pytest.mark.parametrize(
    "kind, body",
    [
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=", b"--\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary here"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm',
        ),
        ("multipart/form-data; boundary=" + "y" * 300, b"--" + b"y" * 300 + b"\r\n"),
    ],
    ids=range(5),
)
def test_malformed_multipart(gw, up, kind, body):
    r = gw.post("/v1/audio/transcriptions", body, headers=[("Content-Type", kind)])
    assert r.status == 400 and r.json()["error"]["message"]


def test_binary_answers(gw, up):
    audio = bytes(range(256)) * 1000
    up.default = Answer(
        body=[audio[:777], audio[777:]], framing="chunked", headers=[("Content-Type", "audio/mpeg")]
    )
    r = gw.post("/v1/audio/speech", {"model": "m", "input": "hi", "voice": "v"})
    assert r.body == audio and r.get("content-type") == "audio/mpeg"


def test_images_streamed(gw, up):
    body = (
        b'event: image_generation.partial_image\ndata: {"type":"image_generation'
        b'.partial_image"}\n\n'
        b'event: image_generation.completed\ndata: {"type":"image_generation.completed"}\n\n'
    )
    up.default = sse(body)
    r = gw.post("/v1/images/generations", {"model": "m", "prompt": "x", "stream": True})
    assert r.status == 200 and r.body == body


# -- what a provider has not ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "target, model",
    [
        ("/v1/embeddings", "claude-m"),
        ("/v1/audio/speech", "codex-m"),
        ("/v1/rerank", "gemini-m"),
    ],
)
def test_501_for_an_operation_the_provider_has_not(gw, up, target, model):
    r = gw.post(target, {"model": model, "input": "x"})
    assert r.status == 501 and r.json()["error"]["message"]
    assert not up.requests


# -- vendors -----------------------------------------------------------------------------------


def test_D3_vendor_rows(stage, up):
    """Blocks named after a vendor work like openai-compatibility, with the default base."""
    names = [
        "openrouter",
        "groq",
        "mistral",
        "deepseek",
        "together",
        "fireworks",
        "novita",
        "siliconflow",
        "minimax",
        "kilo",
        "roo",
    ]
    base = {"api-keys": [CLIENT_KEY]}
    for name in names:
        base[name] = [
            {
                "api-key": f"sk-{name}-12345678",
                "base-url": up.url(f"/{name}/v1"),
                "models": [{"name": f"{name}-model"}],
            }
        ]
    gw = stage.gateway(base)
    for name in names:
        r = gw.chat(f"{name}-model")
        assert r.status == 200, (name, r.body)
        assert r.get("x-cliproxy-provider") == name
        assert up.last().path == f"/{name}/v1/chat/completions"
        assert up.last().get("authorization") == f"Bearer sk-{name}-12345678"


def test_D3_a_vendor_block_as_a_mapping(stage, up):
    gw = stage.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "groq": {
                "api-key": "sk-groq-12345678",
                "base-url": up.url("/g"),
                "models": [{"name": "one"}],
            },
        }
    )
    assert gw.chat("one").status == 200


def test_R10_6_providers_from_the_environment(stage, up):
    for name, variable in (
        ("nim", "NVIDIA_API_KEY"),
        ("nim", "NIM_API_KEY"),
        ("zen", "ZEN_API_KEY"),
    ):
        gw = stage.gateway(config(up), env={variable: "sk-fromenv-12345678"})
        owners = {m["owned_by"] for m in gw.get("/v1/models").json()["data"]}
        assert name in owners
