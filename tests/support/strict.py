"""Four providers that take nothing the live APIs would refuse, and answer by script.

    up = StrictAnthropic()
    up.say(Said([Reasoning("Hm."), Call("get_weather", {"city": "Oslo"})], finish="tools"))
    up.fail(429, "slow down")
    ...
    up.verify()    # raises, if any request was refused

Every request is checked: method and path, the form of the credential, headers, the schema with no
member unknown (schemas.py), the rules beyond it (rules_*.py). What is refused is answered with 400
in the vendor's own words and kept for verify(), so that a test fails even if nobody looked at the
400. Signatures, encrypted content and thought signatures are made here and known again: those of
others are refused, as they are by the vendors.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator

from . import rules_anthropic, rules_gemini, rules_openai, schemas  # noqa: F401 (they register)
from .gateway import UPSTREAM_KEY
from .proxy import MockProxy
from .rules import Memory, broken, listed
from .said import Said, Text
from .speak import VOICES, Ids, Scene
from .upstream import CLOSE, Answer, Piece, Request, Upstream


@dataclass
class Turn:
    """How one request is to be answered."""

    said: Said
    status: int = 200
    message: str = ""  # of an error
    headers: tuple[tuple[str, str], ...] = ()
    broken_after: int = -1  # that many events, then an error in the stream
    cut_after: int = -1  # that many events, then the connection closes
    gap: float = 0.0  # between events
    shatter: int = 0  # bytes a piece, whatever the events are
    count: int = 42  # what a counting endpoint answers


@dataclass
class Seen:
    """One request that was let through, and what it was answered."""

    body: dict[str, Any]
    request: Request
    answer: Any = None


@dataclass
class Refused(Exception):
    status: int
    where: str
    message: str
    rule: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where or '(request)'}: {self.message}"


class Strict(Upstream):
    dialect = ""

    def __init__(self, key: str = UPSTREAM_KEY, **more: Any):
        self.key = key
        self.turns: deque[Turn] = deque()
        self.seen: list[Seen] = []
        self.refused: list[str] = []
        self.memory = Memory()
        self.ids = Ids(len(self.dialect))
        self.busy = threading.Lock()
        self.events = 0  # that the last stream has, if it is not cut
        super().__init__(**more)
        self._home = self.default = self._serve_one

    # -- for the test -----------------------------------------------------------------------------

    def say(self, *said: Said | Turn) -> None:
        """Queues what the model does, one per request. With an empty queue it says "ok"."""
        self.turns.extend(s if isinstance(s, Turn) else Turn(s) for s in said)

    def fail(self, status: int, message: str, **more: Any) -> None:
        self.turns.append(Turn(Said(), status, message, **more))

    def body(self) -> dict[str, Any]:
        """The last request that was let through."""
        assert self.seen, f"no request was let through; refused: {self.refused}"
        return self.seen[-1].body

    def verify(self) -> None:
        """To be called at the end of every test."""
        refused, self.refused = self.refused, []
        assert not refused, "the provider refused:\n  " + "\n  ".join(refused)

    def forget(self) -> None:
        """Before the next test."""
        self.turns.clear()
        self.seen.clear()
        self.refused.clear()
        self.memory.issued.clear()
        self.reset()

    def complaints(self) -> list[str]:
        """What the stage asks when it closes."""
        return [f"{self.dialect} provider refused {r}" for r in self.refused]

    # -- what each dialect says for itself --------------------------------------------------------

    def operation(self, request: Request) -> tuple[str, str, bool | None]:
        """("generate" or "count", the model of the path, whether it streams if the path says)"""
        raise NotImplementedError

    def credentials(self, request: Request) -> Iterator[str]:
        """What is wrong with headers."""
        raise NotImplementedError

    def declared(self, body: dict[str, Any]) -> list[str]:
        raise NotImplementedError

    def counted(self, count: int) -> dict[str, Any]:
        raise NotImplementedError

    def seed(self, text: str) -> str:
        """A new signature, spelt like the vendor's."""
        return base64.b64encode(self.ids.random.randbytes(96)).decode()

    # -- checking ---------------------------------------------------------------------------------

    def check(self, request: Request) -> tuple[dict[str, Any], str, str, bool]:
        """The body, what is asked for, the model and whether to stream; or Refused."""
        what, model, stream = self.operation(request)
        for message in self.credentials(request):
            raise Refused(401, "", message, "credentials")
        kind = (request.get("content-type") or "").split(";")[0].strip()
        if kind != "application/json":
            raise Refused(400, "", f"Content-Type is {kind!r}", "content type")
        try:
            body = json.loads(request.body, object_pairs_hook=_no_duplicates)
        except ValueError as err:
            raise Refused(400, "", f"the body is no JSON: {err}", "json") from None
        problems = schemas.problems(self.dialect, self.schema_kind(what, request), body)
        if problems:
            raise Refused(400, problems[0].where, "; ".join(map(str, problems)), "schema")
        self.memory.model = model or body["model"]
        wrong = broken(self.dialect, body, self.memory) if what == "generate" else []
        if wrong:
            name, (where, message) = wrong[0]
            message = "; ".join(f"{n}: {w}: {m}" for n, (w, m) in wrong)
            raise Refused(400, where, message, name)
        return body, what, self.memory.model, bool(body.get("stream")) if stream is None else stream

    def schema_kind(self, what: str, request: Request) -> str:
        return "request" if what == "generate" else "count_request"

    def _serve_one(self, request: Request) -> Answer:
        with self.busy:
            try:
                body, what, model, stream = self.check(request)
            except Refused as err:
                self.refused.append(f"{err}\n    in {request.body[:3000].decode(errors='replace')}")
                return self._error(err.status, err.message, err.where)
            seen = Seen(body, request)
            self.seen.append(seen)
            turn = self.turns.popleft() if self.turns else Turn(Said([Text("ok")]))
            if turn.status != 200:
                return self._error(turn.status, turn.message, "", turn.headers)
            if what == "count":
                return self._json(self.counted(turn.count), turn)
            scene = Scene(body, model, self.ids, self._mint, self.declared(body))
            self._plausible(turn.said, scene)
            voice = VOICES[self.dialect](scene)
            if not stream:
                seen.answer = voice.whole(turn.said)
                self._remember(seen.answer, body)
                return self._json(seen.answer, turn)
            return self._stream(voice, turn, request)

    def _plausible(self, said: Said, scene: Scene) -> None:
        """A model calls only what the request declares, and nothing where calls are forbidden."""
        for call in said.calls:
            if call.name.startswith("#"):
                continue
            if call.name not in scene.tools:
                self.refused.append(f"script: {call.name} is not among the tools {scene.tools}")

    def _mint(self, text: str) -> str:
        signature = self.seed(text)
        self.memory.issued[signature] = text
        return signature

    def _remember(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        """Keeps what a later request may refer to."""

    # -- answering --------------------------------------------------------------------------------

    def _error(
        self, status: int, message: str, where: str, headers: Iterable[tuple[str, str]] = ()
    ) -> Answer:
        body = VOICES[self.dialect].error(status, message, where or None)
        return Answer(
            status, json.dumps(body).encode(), (("Content-Type", "application/json"), *headers)
        )

    def _json(self, body: Any, turn: Turn) -> Answer:
        data = json.dumps(body, indent=2, ensure_ascii=False).encode()
        head = (("Content-Type", "application/json"), *turn.headers)
        cut = turn.cut_after >= 0 or turn.broken_after >= 0
        pieces: list[Piece] = [data[: len(data) // 2], CLOSE] if cut else [data]
        return Answer(200, pieces, head, "chunked")

    def _stream(self, voice: Any, turn: Turn, request: Request) -> Answer:
        events = list(voice.events(turn.said))
        self.events = len(events)
        limit = max(turn.broken_after, turn.cut_after)
        faulty = limit >= 0
        body: list[Piece] = []
        for event in events[:limit] if faulty else events:
            body += [event, turn.gap] if turn.gap else [event]
        if turn.broken_after >= 0:
            if self.dialect == "responses":
                voice.count = limit  # its error goes on counting where the stream broke off
            body.append(voice.broken(turn.message or "the model fell over"))
        if turn.shatter:
            whole = b"".join(p for p in body if isinstance(p, bytes))
            body = [whole[i : i + turn.shatter] for i in range(0, len(whole), turn.shatter)]
        if turn.cut_after >= 0:
            body.append(CLOSE)
        head = (("Content-Type", "text/event-stream"), *turn.headers)
        return Answer(200, body, head, "chunked")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError(f"a member twice among {[k for k, _ in pairs]}")
    return out


def _bearer(request: Request, key: str) -> Iterator[str]:
    if request.all("authorization") != [f"Bearer {key}"]:
        yield "Incorrect API key provided."
    for other in ("x-api-key", "x-goog-api-key"):
        if request.get(other):
            yield f"a credential in {other} too"


class StrictChat(Strict):
    dialect = "chat"

    def operation(self, request: Request) -> tuple[str, str, bool | None]:
        if (request.method, request.target) != ("POST", "/v1/chat/completions"):
            raise Refused(404, "", f"Invalid URL ({request.method} {request.target})", "path")
        return "generate", "", None

    def credentials(self, request: Request) -> Iterator[str]:
        return _bearer(request, self.key)

    def declared(self, body: dict[str, Any]) -> list[str]:
        return [t[t["type"]]["name"] for t in body.get("tools", ())]


class StrictResponses(Strict):
    dialect = "responses"

    def operation(self, request: Request) -> tuple[str, str, bool | None]:
        what = {"/v1/responses": "generate", "/v1/responses/input_tokens": "count"}
        if request.method != "POST" or request.target not in what:
            raise Refused(404, "", f"Invalid URL ({request.method} {request.target})", "path")
        return what[request.target], "", None

    def credentials(self, request: Request) -> Iterator[str]:
        return _bearer(request, self.key)

    def declared(self, body: dict[str, Any]) -> list[str]:
        return [t["name"] for t in listed(body.get("tools")) if "name" in t]

    def counted(self, count: int) -> dict[str, Any]:
        return {"object": "response.input_tokens", "input_tokens": count}

    def seed(self, text: str) -> str:
        return "gAAAAAB" + base64.urlsafe_b64encode(self.ids.random.randbytes(150)).decode()

    def _remember(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        if body.get("store", True) is not False:
            self.memory.stored |= {answer["id"], *(item["id"] for item in answer["output"])}


class StrictAnthropic(Strict):
    dialect = "anthropic"

    def operation(self, request: Request) -> tuple[str, str, bool | None]:
        what = {"/v1/messages": "generate", "/v1/messages/count_tokens": "count"}
        if request.method != "POST" or request.path not in what:
            raise Refused(404, "", f"Not found: {request.method} {request.target}", "path")
        if request.target not in (request.path, request.path + "?beta=true"):
            raise Refused(400, "", f"unknown query: {request.target}", "path")
        return what[request.path], "", None

    def credentials(self, request: Request) -> Iterator[str]:
        # Anthropic itself takes x-api-key; its likes a bearer token, and so does every base-url of
        # an entry (SPEC 2.4). One of them, not both.
        given = request.all("x-api-key") + request.all("authorization")
        if given not in ([self.key], [f"Bearer {self.key}"]):
            yield "invalid x-api-key"
        if request.all("anthropic-version") != ["2023-06-01"]:
            yield "anthropic-version: header is required"

    def schema_kind(self, what: str, request: Request) -> str:
        if what == "generate" and request.get("anthropic-beta"):
            return "beta_request"
        return super().schema_kind(what, request)

    def declared(self, body: dict[str, Any]) -> list[str]:
        return [t["name"] for t in body.get("tools", ()) if "name" in t]

    def counted(self, count: int) -> dict[str, Any]:
        return {"input_tokens": count}


_VERB = re.compile(
    r"^/v1beta/models/([\w.-]+):(generateContent|streamGenerateContent|countTokens)(\?alt=sse)?$"
)


class StrictGemini(Strict):
    dialect = "gemini"

    def operation(self, request: Request) -> tuple[str, str, bool | None]:
        match = _VERB.match(request.target)
        if request.method != "POST" or match is None:
            raise Refused(404, "", f"Not found: {request.method} {request.target}", "path")
        if (match[2] == "streamGenerateContent") != bool(match[3]):
            raise Refused(400, "", f"alt=sse is for streams: {request.target}", "path")
        what = "count" if match[2] == "countTokens" else "generate"
        return what, match[1], match[2] == "streamGenerateContent"

    def credentials(self, request: Request) -> Iterator[str]:
        if request.all("x-goog-api-key") != [self.key] or request.get("authorization"):
            yield "API key not valid. Please pass a valid API key."

    def declared(self, body: dict[str, Any]) -> list[str]:
        tools = listed(body.get("tools"))
        return [d["name"] for t in tools for d in listed(t.get("functionDeclarations"))]

    def counted(self, count: int) -> dict[str, Any]:
        details = [{"modality": "TEXT", "tokenCount": count}]
        return {"totalTokens": count, "promptTokensDetails": details}


STRICT: dict[str, type[Strict]] = {
    "chat": StrictChat,
    "responses": StrictResponses,
    "anthropic": StrictAnthropic,
    "gemini": StrictGemini,
}


class Vendors(MockProxy):
    """A proxy behind which every name is this machine: the gateway believes that it speaks with the
    vendor itself, of whom it knows more than of those who copy his API."""

    @staticmethod
    def _dial(host: str, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=5)


_HOSTS = {
    "chat": "api.openai.com",
    "responses": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "gemini": "generativelanguage.googleapis.com",
}


def provider(up: Strict, *models: str, vendors: Vendors | None = None) -> dict[str, Any]:
    """The entry of a configuration for one of them: as the vendor, or as one of his likes."""
    host = _HOSTS[up.dialect] if vendors else "127.0.0.1"
    base = up.url("/v1" if up.dialect in ("chat", "responses") else "", host)
    entry: dict[str, Any] = {"base-url": base, "models": [{"name": m} for m in models]}
    if vendors:
        entry["proxy-url"] = vendors.url()
    if up.dialect == "chat":
        keys = [{"api-key": up.key}]
        return {"openai-compatibility": [{"name": "strict", "api-key-entries": keys, **entry}]}
    block = {"responses": "codex", "anthropic": "claude", "gemini": "gemini"}[up.dialect]
    return {f"{block}-api-key": [{"api-key": up.key, **entry}]}
