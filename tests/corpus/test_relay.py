"""Every recorded exchange, through the real binary: the provider receives the recorded request, the
client receives the recorded answer, byte for byte.

The upstream replays the recorded body in awkward pieces (single bytes, sevens, random cuts, whole)
in each framing (chunked, Content-Length, ended by close), with the recorded status. Half of the
runs ask for the model by an alias. What may differ is computed here, apart from the gateway:

- the model's name in the request, when an alias was asked for;
- `stream_options.include_usage`, which the gateway adds to a streamed chat request that lacks it
  (SPEC 1.5); the usage chunk that only this caused is not forwarded (13.7);
- a closing `[DONE]` where a chat stream finished without one (13.8);
- an error event where a recording breaks off (R13.4).

Where upstream kept only the answer, a minimal request of that dialect is made up.
"""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from support.gateway import CLIENT_KEY, ROOT, UPSTREAM_KEY, Gateway, encode
from support.upstream import Answer, Request, Upstream

CORPUS = Path(os.environ.get("CORPUS", ROOT.parent / "shared" / "fixtures"))

DIALECTS = (
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini-generatecontent",
    "openai-completions",
    "openai-embeddings",
    "openai-images",
    "openai-moderations",
    "rerank",
    "gemini-embeddings",
)

# Recorded requests whose endpoint is not ours to serve, or that name no model we could look up.
# Nothing else is left out.
EXCEPTIONS = {
    "openai-responses/openai-response-with-mixed-prompt-url-stripped": (
        "names a stored prompt instead of a model; a gateway cannot route it"
    ),
    "anthropic-messages/google-vertex-vertex-claude-3-7-sonnet-simple-object-streaming": (
        "Vertex' :streamRawPredict has the model in the path of another endpoint"
    ),
}

# Endpoint of a case -> the path a client of ours uses, and the operation's path at the provider.
OPENAI_PATHS = {
    "chat/completions": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "responses/compact": "/v1/responses/compact",
    "responses/input_tokens": "/v1/responses/input_tokens",
    "embeddings": "/v1/embeddings",
    "images/generations": "/v1/images/generations",
    "moderations": "/v1/moderations",
    "rerank": "/v1/rerank",
}


@dataclass
class Case:
    name: str
    dialect: str
    meta: dict[str, Any]
    folder: Path

    @property
    def request(self) -> bytes | None:
        file = self.meta["request_file"]
        return (self.folder / file).read_bytes() if file else None

    @property
    def answer(self) -> bytes:
        return (self.folder / self.meta["response_file"]).read_bytes()

    @property
    def streamed(self) -> bool:
        """The answer is an event stream."""
        return self.meta["response_file"].endswith(".sse")

    @property
    def family(self) -> str:
        if self.dialect.startswith("gemini"):
            return "vertex" if "publishers/google" in self.meta["endpoint"] else "gemini"
        if self.dialect == "anthropic-messages":
            return "claude"
        return "codex" if self.dialect == "openai-responses" else "openai"

    @property
    def verb(self) -> str:
        return self.meta["endpoint"].split("?")[0].rpartition(":")[2]


def load() -> list[Case]:
    cases = []
    for dialect in DIALECTS:
        for meta in sorted((CORPUS / dialect).glob("*/meta.json")):
            name = f"{dialect}/{meta.parent.name}"
            cases.append(Case(name, dialect, json.loads(meta.read_text()), meta.parent))
    return cases


CASES = load()
RUN = [c for c in CASES if c.name not in EXCEPTIONS]

pytestmark = pytest.mark.skipif(not CASES, reason=f"no recorded exchanges at {CORPUS} (set CORPUS)")


def model_of(case: Case) -> str:
    """The model as the provider knows it: from the path, the request, or made up."""
    if case.dialect.startswith("gemini"):
        name = case.meta["endpoint"].split("?")[0].rpartition("/models/")[2].rpartition(":")[0]
        return name or "synthetic"
    request = case.request
    return json.loads(request)["model"] if request else "synthetic"


def made_up(case: Case, model: str) -> bytes:
    stream = {"stream": True} if case.meta["stream"] else {}
    message = [{"role": "user", "content": "hi"}]
    if case.dialect.startswith("gemini"):
        return encode({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
    if case.dialect == "openai-responses":
        return encode({"model": model, "input": "hi", **stream})
    if case.dialect == "anthropic-messages":
        return encode({"model": model, "max_tokens": 10, "messages": message, **stream})
    return encode({"model": model, "messages": message, **stream})


# -- one gateway a family, so that equal names in two dialects stay apart ------------------------


def provider_blocks(family: str, up: Upstream) -> dict[str, Any]:
    models: list[dict[str, str]] = []
    for name in sorted({model_of(c) for c in RUN if c.family == family}):
        if family != "vertex":
            models.append({"name": name})
        models.append({"name": name, "alias": alias_of(family, name)})
    common = {"models": models}
    if family == "openai":
        return {
            "openai-compatibility": [
                {
                    "name": "corpus",
                    "base-url": up.url("/v1"),
                    "api-key-entries": [{"api-key": UPSTREAM_KEY}],
                    **common,
                }
            ]
        }
    base = {"codex": up.url("/v1"), "vertex": up.url("/vertex")}.get(family, up.url())
    return {f"{family}-api-key": [{"api-key": UPSTREAM_KEY, "base-url": base, **common}]}


def alias_of(family: str, name: str) -> str:
    return f"{family}-alias-of-{name}"


@pytest.fixture(scope="module")
def world(shared):
    """family -> (gateway, upstream), started when first asked for."""
    running: dict[str, tuple[Gateway, Upstream]] = {}

    def get(family: str) -> tuple[Gateway, Upstream]:
        if family not in running:
            up = shared.upstream()
            blocks = provider_blocks(family, up)
            if family in ("gemini", "vertex"):  # one process for both: aliases keep them apart
                for other in ("gemini", "vertex"):
                    blocks.update(provider_blocks(other, up))
                    running[other] = None  # type: ignore[assignment]
            gateway = shared.gateway(
                {"api-keys": [CLIENT_KEY], "workers": 1, "disable-cooling": True, **blocks}
            )
            for name in ("gemini", "vertex") if family in ("gemini", "vertex") else (family,):
                running[name] = (gateway, up)
        return running[family]

    return get


# -- what must arrive ---------------------------------------------------------------------------


def frames(body: bytes) -> list[bytes]:
    """A stream cut behind each blank line; the last piece may lack one."""
    out, at = [], 0
    for match in re.finditer(rb"\r\n\r\n|\n\n", body):
        out.append(body[at : match.end()])
        at = match.end()
    if at < len(body):
        out.append(body[at:])
    return out


def data_of(frame: bytes) -> Any:
    lines = [l.strip() for l in frame.splitlines() if l.startswith(b"data:")]
    text = b"\n".join(l[5:].strip() for l in lines)
    if not text or text == b"[DONE]":
        return text.decode() or None
    return json.loads(text)


def asks_usage(request: bytes) -> bool:
    options = json.loads(request).get("stream_options") or {}
    return options.get("include_usage") is True


def usage_only(data: Any) -> bool:
    return isinstance(data, dict) and data.get("choices") == [] and bool(data.get("usage"))


def complete(case: Case, body: bytes) -> bool:
    """Whether a recorded stream reached its end, by the dialect's own rule."""
    data = [d for d in map(data_of, frames(body)) if d is not None]
    objects = [d for d in data if isinstance(d, dict)]
    if any("error" in d and d["error"] or d.get("type") == "error" for d in objects):
        return True  # ended by the provider's own error
    if case.dialect == "openai-responses":
        return any(
            d.get("type") in ("response.completed", "response.incomplete", "response.failed")
            for d in objects
        )
    if case.dialect == "anthropic-messages":
        return any(d.get("type") == "message_stop" for d in objects)
    if case.dialect.startswith("gemini"):
        return any(c.get("finishReason") for d in objects for c in d.get("candidates", [])) or any(
            d.get("promptFeedback", {}).get("blockReason") for d in objects
        )
    return "[DONE]" in data or any(
        c.get("finish_reason") for d in objects for c in d.get("choices", [])
    )


def expected_answer(case: Case, request: bytes) -> tuple[bytes, bytes]:
    """(the bytes that must come, what must follow them: b"", the missing tail, or b"error")."""
    body = case.answer
    if not case.streamed or case.meta["status"] != 200:
        return body, b""
    openai = case.family == "openai"
    if openai and json.loads(request).get("stream") is True and not asks_usage(request):
        body = b"".join(f for f in frames(body) if not usage_only(data_of(f)))
    if not complete(case, body):
        return body, b"error"
    if openai and not any(data_of(f) == "[DONE]" for f in frames(body)):
        return body, b"data: [DONE]\n\n"
    return body, b""


def assert_answer(case: Case, request: bytes, got: bytes) -> None:
    body, tail = expected_answer(case, request)
    if case.streamed and not re.search(rb"(\r\n\r\n|\n\n)\Z", body):
        body = body.rstrip(b"\r\n")  # the gateway may supply the blank line
        assert got.startswith(body)
        rest = got[len(body) :].lstrip(b"\r\n")
    else:
        assert got[: len(body)] == body, first_difference(body, got)
        rest = got[len(body) :]
    if tail == b"error":
        assert b'"error"' in rest and rest.count(b"data:") == 1, rest
    else:
        assert rest == tail


STREAM_OPTIONS = rb',?\s*"stream_options"\s*:\s*\{"include_usage":\s*true\}\s*,?'


def assert_request(case: Case, want: bytes, seen: Request, client: bytes) -> None:
    if seen.body == want:
        return
    assert (
        case.family == "openai"
        and json.loads(client).get("stream") is True
        and not asks_usage(client)
    ), first_difference(want, seen.body)
    # The only edit allowed beyond the name: one stream_options member was put in.
    cuts = [
        seen.body[: m.start()] + comma + seen.body[m.end() :]
        for m in re.finditer(STREAM_OPTIONS, seen.body)
        for comma in (b"", b",")
    ]
    assert want in cuts, first_difference(want, seen.body)


def first_difference(want: bytes, got: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
    return (
        f"differs at byte {at} of {len(want)} (got {len(got)}): "
        f"wanted {want[max(0, at - 40):at + 60]!r}, got {got[max(0, at - 40):at + 60]!r}"
    )


# -- replaying ----------------------------------------------------------------------------------


def cut(body: bytes, how: str, rng: random.Random) -> Iterator[bytes]:
    """The body in pieces. Single bytes only at both ends of a large one, for time's sake."""
    if how == "whole":
        yield body
        return
    if how == "ones":
        for i in range(min(len(body), 600)):
            yield body[i : i + 1]
        middle = body[600:-300] if len(body) > 900 else b""
        for i in range(0, len(middle), 4099):
            yield middle[i : i + 4099]
        for byte in body[max(600, len(body) - 300) :]:
            yield bytes([byte])
        return
    at = 0
    while at < len(body):
        n = 7 if how == "sevens" and at < 7000 else rng.choice((1, 2, 3, 61, 500, 5000))
        yield body[at : at + n]
        at += n


def content_type(case: Case) -> str:
    recorded = case.meta["response_headers"].get("content-type")
    return recorded or ("text/event-stream" if case.streamed else "application/json")


WAYS = [
    ("ones", "chunked"),
    ("sevens", "close"),
    ("random", "length"),
    ("whole", "chunked"),
    ("random", "close"),
    ("whole", "length"),
    ("ones", "length"),
    ("sevens", "chunked"),
]


def client_path(case: Case, model: str) -> str:
    endpoint = case.meta["endpoint"]
    path, _, query = endpoint.partition("?")
    if case.dialect.startswith("gemini"):
        query = "alt=sse" if query == "alt=sse" else ""
        return f"/v1beta/models/{model}:{case.verb}" + (f"?{query}" if query else "")
    if case.dialect == "anthropic-messages":
        tail = "/count_tokens" if path.endswith("/count_tokens") else ""
        return f"/v1/messages{tail}" + (f"?{query}" if query else "")
    return OPENAI_PATHS[operation(path)]


def operation(path: str) -> str:
    """The longest known operation an endpoint's path ends with."""
    return max((op for op in OPENAI_PATHS if path.endswith("/" + op)), key=len)


def upstream_path(case: Case, model: str) -> str:
    if case.family == "gemini":
        return f"/v1beta/models/{model}:{case.verb}"
    if case.family == "vertex":
        return f"/vertex/v1/publishers/google/models/{model}:{case.verb}"
    return client_path(case, model).partition("?")[0]


@pytest.mark.parametrize("case", RUN, ids=lambda c: c.name)
def test_recorded_exchange(world, case: Case):
    gateway, up = world(case.family)
    name = model_of(case)
    body = case.request or made_up(case, name)
    ways = WAYS[:4] if sum(case.name.encode()) % 2 else WAYS[4:]
    with gateway.connect() as conn:
        for n, (pieces, framing) in enumerate(ways):
            run(
                gateway,
                conn,
                up,
                case,
                name,
                body,
                pieces,
                framing,
                alias=n % 2 == 1 or case.family == "vertex",
            )


def run(
    gateway: Gateway,
    conn: Any,
    up: Upstream,
    case: Case,
    name: str,
    body: bytes,
    pieces: str,
    framing: str,
    alias: bool,
) -> None:
    what = f"{case.name} [{pieces}, {framing}, {'alias' if alias else 'name'}]"
    asked = alias_of(case.family, name) if alias else name
    sent = body
    if alias and not case.dialect.startswith("gemini"):
        # The first "model" member of these recordings is the request's own (checked below).
        spot = re.search(rb'"model"\s*:\s*"', body)
        assert spot is not None, what
        end = spot.end() + len(json.dumps(name, ensure_ascii=False).encode()) - 2
        sent = body[: spot.end()] + asked.encode() + body[end:]
        assert json.loads(sent)["model"] == asked, what
    rng = random.Random(what)
    up.reset(
        Answer(
            status=case.meta["status"],
            body=list(cut(case.answer, pieces, rng)),
            framing=framing,
            headers=[("Content-Type", content_type(case))],
        )
    )
    conn.request("POST", client_path(case, asked), gateway.headers(body=1), sent)
    response = conn.response()
    assert response.complete, what
    assert response.status == case.meta["status"], (what, response.body[:500])
    seen = up.one()
    assert seen.path == upstream_path(case, name), what
    assert_request(case, body, seen, sent)
    assert_answer(case, body, response.body)
    if case.meta["status"] >= 400:
        assert response.get("x-cliproxy-error-source") == "upstream", what
    if content_type(case).startswith("text/event-stream"):
        assert response.get("content-type").startswith("text/event-stream"), what


def test_no_exception_is_silent():
    """Each name in the table is a recording, and each recording runs or is in the table."""
    names = {c.name for c in CASES}
    assert set(EXCEPTIONS) <= names
    assert len(RUN) + len(EXCEPTIONS) == len(CASES)
    for name, why in EXCEPTIONS.items():
        print(f"{name}: {why}")


# -- what the log says of them --------------------------------------------------------------------


def recorded_usage(case: Case) -> tuple[int, int] | None:
    """(input, output) tokens as the recording says them in the end; None if it does not."""
    body = case.answer
    if case.streamed:
        objects = [d for d in map(data_of, frames(body)) if isinstance(d, dict)]
    else:
        parsed = json.loads(body)
        objects = parsed if isinstance(parsed, list) else [parsed]
    tin = tout = None
    for obj in objects:
        nested = obj.get("response") or obj.get("message")
        usage = obj.get("usage") or (nested.get("usage") if isinstance(nested, dict) else None)
        if case.dialect == "openai-chat" and usage:
            tin, tout = usage.get("prompt_tokens", tin), usage.get("completion_tokens", tout)
        elif case.dialect == "openai-responses" and usage:
            tin, tout = usage.get("input_tokens", tin), usage.get("output_tokens", tout)
        elif case.dialect == "anthropic-messages" and usage:
            if usage.get("input_tokens") is not None:
                tin = sum(
                    usage.get(k) or 0
                    for k in (
                        "input_tokens",
                        "cache_read_input_tokens",
                        "cache_creation_input_tokens",
                    )
                )
            tout = usage.get("output_tokens", tout)
    return (tin, tout) if tin is not None and tout is not None else None


COUNTED = [
    c
    for c in RUN
    if c.meta["status"] == 200
    and c.meta["response_file"].endswith(("json", "sse"))
    and c.dialect in ("openai-chat", "openai-responses", "anthropic-messages")
    and "count" not in c.meta["endpoint"]
    and "input_tokens" not in c.meta["endpoint"]
    and recorded_usage(c)
]


@pytest.mark.parametrize("case", COUNTED, ids=lambda c: c.name)
def test_recorded_usage_is_in_the_access_line(world, case: Case):
    gateway, up = world(case.family)
    name = model_of(case)
    up.reset(
        Answer(body=case.answer, framing="chunked", headers=[("Content-Type", content_type(case))])
    )
    r = gateway.post(client_path(case, name), case.request or made_up(case, name))
    fields = gateway.access(r).fields
    assert (fields["tokens_in"], fields["tokens_out"]) == recorded_usage(case)
