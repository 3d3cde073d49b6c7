"""Every recorded exchange, translated: requests of each dialect go to a strict provider of each
other dialect (support/strict.py), answers of each dialect to a client of each other one, and what
comes out must be valid there and mean the same.

What does not is listed in REQUESTS and ANSWERS with its reason; a row without need fails, too. The
last lines of the run are a table by pair.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from conftest import Stage
from support import grammar, schemas
from support.asks import CLIENTS, Client, Tool
from support.client import Response, events_of
from support.gateway import Gateway
from support.pairs import DIALECTS, PLAIN, THINKING, gateway, ups  # noqa: F401 (fixtures)
from support.said import READ, Call, Said
from support.strict import Strict
from support.upstream import Answer

from .test_schemas import CORPUS, FOLDERS, ODD, OTHERS

pytestmark = pytest.mark.skipif(
    not schemas.available() or not CORPUS.is_dir(),
    reason=f"no published schemas at {schemas.published.SPECS}, or no recordings at {CORPUS}",
)

PAIRS = [(c, p) for c in DIALECTS for p in DIALECTS if c != p]
crossing = pytest.mark.parametrize("speaks,to", PAIRS, ids=lambda d: d)

# case, provider's dialect ("*": any) -> why the request cannot go there, or is refused there
AZURE_GROK = (
    "azure-foundry-chat-function-calling-azure-grok-4-1-fast-non-reasoning-"
    "can-use-tools-2-stream"
)
GEMINI_MP3 = "google-gemini-chat-audio-models-gemini-gemini-2-5-flash-can-understand-mp3-audio"
MATRIX = "google-gemini-multimodal-tool-return-matrix-tool-return-content"
UPLOADED = "google-gemini-uploadedfile-live-uploads-gemini-gemini-2-5-flash-reuses-an-uploaded-f-2"
UNEXPECTED = "google-vertex-multimodal-tool-return-matrix"
_PROVIDERS = "only the provider that holds it can"
_SIGNED = "a real signature, which our stand-in of the vendor did not issue"
REQUESTS: dict[tuple[str, str], str] = {
    ("openai-background-mode-with-tool-vcr-0", "*"): "background: the others answer at once",
    ("openai-background-mode-with-tool-vcr-2", "*"): "background: the others answer at once",
    ("openai-conversation-id-streaming-provider-details-1", "*"): f"a conversation: {_PROVIDERS}",
    ("openai-response-with-mixed-prompt-url-stripped", "*"): f"a stored prompt: {_PROVIDERS}",
    ("litellm-proxy-completion-multiple-choices-proxy", "responses"): "one answer a request",
    ("litellm-proxy-completion-multiple-choices-proxy", "anthropic"): "one answer a request",
    ("litellm-proxy-completion-stream-multiple-choices-proxy", "responses"): "one answer a request",
    ("litellm-proxy-completion-stream-multiple-choices-proxy", "anthropic"): "one answer a request",
    (
        "mistral-chat-audio-models-mistral-voxtral-small-latest-can-understand-mp3-audio",
        "responses",
    ): "takes no audio",
    (
        "mistral-chat-audio-models-mistral-voxtral-small-latest-can-understand-mp3-audio",
        "anthropic",
    ): "takes no audio",
    ("openai-audio-url-input-1", "responses"): "takes no audio",
    ("openai-audio-url-input-1", "anthropic"): "takes no audio",
    ("openai-chat-audio-to-text", "responses"): "takes no audio",
    ("openai-chat-audio-to-text", "anthropic"): "takes no audio",
    ("openai-chat-text-to-audio", "responses"): "makes no audio",
    (
        "openai-multimodal-tool-return-matrix-tool-return-content-uploaded-file-document-open-1",
        "*",
    ): f"an uploaded file: {_PROVIDERS}",
    ("openai-document-url-input-response-api", "chat"): "chat has documents by content alone",
    (
        "openai-multimodal-tool-return-matrix-direct-url-document-openai-responses-1",
        "chat",
    ): "chat has documents by content alone",
    ("snowflake-thinking-1", "anthropic"): _SIGNED,
    (GEMINI_MP3, "responses"): "takes no audio",
    (GEMINI_MP3, "anthropic"): "takes no audio",
    ("google-gemini-google-model-mobile-youtube-video-url-input", "*"): "sees no videos",
    (f"{MATRIX}-url-video-google-gem-4", "*"): "sees no videos",
    (f"{MATRIX}-uploaded-file-audio-1", "*"): f"an uploaded file: {_PROVIDERS}",
    (UPLOADED, "*"): f"an uploaded file: {_PROVIDERS}",
}
# case, client's dialect ("*": any) -> why the answer is not the same, or not valid, there
ANSWERS: dict[tuple[str, str], str] = {
    ("openai-apply-patch-tool-1-stream", "*"): "said.py knows no apply_patch_call; a call it is",
    (AZURE_GROK, "anthropic"): "more cached than there was: 403 of 347",
    ("openai-background-mode-with-tool-vcr-0", "gemini"): "not begun yet, which Gemini cannot say",
    ("openai-background-mode-with-tool-vcr-2", "gemini"): "not begun yet, which Gemini cannot say",
    ("openai-image-generation-tool-1-stream", "gemini"): "the recording's image is shortened",
    ("xai-x-search-tool-stream", "gemini"): "a custom tool's text that is an object stays one",
    (f"{UNEXPECTED}-direct-url-force-download-audio-google-v-0", "*"): "the calls are what counts",
    (f"{UNEXPECTED}-tool-return-content-url-image-google-ver-0", "*"): "the calls are what counts",
}


@dataclass
class Case:
    name: str
    dialect: str
    meta: dict[str, Any]
    folder: Path

    def read(self, member: str) -> bytes:
        return (self.folder / self.meta[member]).read_bytes()

    @property
    def streamed(self) -> bool:
        return str(self.meta["response_file"]).endswith(".sse")


def _load() -> Iterator[Case]:
    for folder, dialect in FOLDERS.items():
        for file in sorted((CORPUS / folder).glob("*/meta.json")):
            meta = json.loads(file.read_bytes())
            if meta["status"] == 200 and not meta["endpoint"].split("?")[0].endswith(OTHERS):
                yield Case(file.parent.name, dialect, meta, file.parent)


CASES = list(_load()) if CORPUS.is_dir() else []
TABLE: dict[tuple[str, str, str], tuple[int, int]] = {}


def _judge(wrong: dict[str, str], listed: dict[tuple[str, str], str], side: str, pair: Any) -> None:
    """Every failure is listed, and nothing else is."""
    known = {case: side_ for case, side_ in listed if side_ in ("*", side)}
    news = {case: why for case, why in wrong.items() if case not in known}
    assert not news, f"{pair}:\n" + "\n".join(f"{c}: {w[:700]}" for c, w in news.items())
    idle = [c for c, s in known.items() if s == side and c not in wrong and _concerns(c, pair)]
    assert not idle, f"{pair}: nothing wrong with {idle}"


def _concerns(case: str, pair: tuple[str, str]) -> bool:
    return any(c.name == case and c.dialect in pair for c in CASES)


# -- requests -------------------------------------------------------------------------------------


def _post(gateway: Gateway, case: Case, model: str, stream: bool) -> Response:
    body = json.loads(case.read("request_file"))
    client = CLIENTS[case.dialect](gateway, model)
    if case.dialect != "gemini":
        body["model"] = model
        body.pop("stream", None)
        if stream:
            body["stream"] = True
    return gateway.post(client.target(stream), body, headers=client.headers())


@crossing
def test_recorded_requests(gateway: Gateway, ups: dict[str, Strict], speaks: str, to: str) -> None:
    """The provider takes what it is sent; the client gets an answer of its dialect."""
    up, wrong, count = ups[to], {}, 0
    for case in CASES:
        if case.dialect != speaks or not case.meta["request_file"]:
            continue
        count += 1
        up.forget()
        response = _post(gateway, case, THINKING[to], False)
        if up.refused:
            wrong[case.name] = "refused: " + up.refused[0]
        elif response.status != 200:
            wrong[case.name] = f"{response.status}: {response.text[:500]}"
        else:
            found = schemas.problems(speaks, "answer", response.json(), ours=True)
            if found:
                wrong[case.name] = "; ".join(map(str, found))
    up.forget()
    TABLE[speaks, to, "requests"] = (count - len(wrong), count)
    _judge(wrong, REQUESTS, to, (speaks, to))


# -- answers --------------------------------------------------------------------------------------


def _heard(dialect: str, data: bytes, streamed: bool) -> Said:
    if streamed:
        found = [e for e in events_of([(0.0, data)]) if not e.comment]
        return grammar.CHECK[dialect](found, ours=False)
    body = json.loads(data)
    if isinstance(body, list):
        return grammar.gemini_chunks(body, ours=False)
    return READ[dialect](body)


def _argument(call: Call) -> Any:
    """A custom tool's text is the one member of a function's arguments elsewhere (SPEC 5.5)."""
    return {"input": call.args} if isinstance(call.args, str) else call.args


def _meaning(said: Said) -> dict[str, Any]:
    """What must be the same on either side."""
    usage = said.usage
    ends = {"stop_sequence": "stop", "pause": "stop"}
    return {
        "text": said.text + said.refusal,
        "calls": [(c.name, _argument(c)) for c in said.calls],
        "finish": "refusal" if said.refusal else ends.get(said.finish, said.finish),
        "usage": usage and (usage.input, usage.output, usage.cached),
    }


def _answer(case: Case) -> Answer:
    kind = "text/event-stream" if case.streamed else "application/json"
    return Answer(body=case.read("response_file"), headers=(("Content-Type", kind),))


def _tools(said: Said, client: Client) -> None:
    """The request declares what the recorded answer calls."""
    names = dict.fromkeys(c.name for c in said.calls)
    client.ask.tools = [Tool(n, "", {"type": "object", "properties": {}}) for n in names]


def _compare(case: Case, client: Client) -> str:
    """What is wrong; "" if nothing is."""
    recorded = _heard(case.dialect, case.read("response_file"), case.streamed)
    _tools(recorded, client)
    client.user("as recorded")
    response = client.post(case.streamed)
    if response.status != 200:
        return f"{response.status}: {response.text[:500]}"
    try:
        heard = client.read(case.streamed)
    except AssertionError as err:
        return str(err)
    want, got = _meaning(recorded), _meaning(heard)
    if want["usage"] is None:
        got["usage"] = None  # nobody said; the client is told 0
    if want == got:
        return ""
    return "; ".join(f"{k}: {got[k]!r} is not {want[k]!r}" for k in want if got[k] != want[k])


@crossing
def test_recorded_answers(gateway: Gateway, ups: dict[str, Strict], speaks: str, to: str) -> None:
    """Text, calls, finish reason and usage are those of the recording, and the form is valid."""
    up, wrong, count = ups[to], {}, 0
    for case in CASES:
        if case.dialect != to or not case.meta["response_file"] or case.name in ODD:
            continue
        if not case.streamed and case.read("response_file").lstrip()[:1] == b"[":
            continue  # Gemini's stream as an array: sent only to who asks without alt=sse
        count += 1
        up.forget()
        up.then(_answer(case))
        client = CLIENTS[speaks](gateway, PLAIN[to])
        why = _compare(case, client)
        if why:
            wrong[case.name] = why
    up.forget()
    TABLE[speaks, to, "answers"] = (count - len(wrong), count)
    _judge(wrong, ANSWERS, speaks, (speaks, to))


@pytest.fixture(scope="module", autouse=True)
def _print_table(request: pytest.FixtureRequest, shared: Stage) -> Iterator[None]:
    yield
    lines = ["", "client -> provider        requests   answers"]
    for speaks, to in PAIRS:
        cells = [TABLE.get((speaks, to, kind)) for kind in ("requests", "answers")]
        shown = [f"{c[0]}/{c[1]}" if c else "-" for c in cells]
        lines.append(f"{speaks:>10} -> {to:<10} {shown[0]:>10} {shown[1]:>9}")
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("\n".join(lines))
    else:  # a worker of xdist: its output is shown with -s alone
        print("\n".join(lines))
