"""The recorded exchanges against the published schemas: what support/schemas.py says about where
the two differ is true, and is all there is to say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from support import grammar, schemas
from support.client import events_of
from support.gateway import ROOT
from support.said import READ

CORPUS = Path(os.environ.get("CORPUS", ROOT.parent / "shared" / "fixtures"))
FOLDERS = {
    "openai-chat": "chat",
    "openai-responses": "responses",
    "anthropic-messages": "anthropic",
    "gemini-generatecontent": "gemini",
}

pytestmark = pytest.mark.skipif(
    not schemas.available() or not CORPUS.is_dir(),
    reason=f"no published schemas at {schemas.published.SPECS}, or no recordings at {CORPUS}",
)

# Recorded answers that support/grammar.py or support/said.py refuse, and what is odd about them.
ODD = {
    "azure-openai-chat-content-filtering-with-events-with-content-0": "no message at all",
    "litellm-proxy-completion-stream-multiple-choices-proxy": "no role in the first delta",
    "mistral-chat-audio-models-mistral-voxtral-small-latest-can-understand-mp3-audio": (
        "total_tokens counts audio, prompt_tokens does not"
    ),
    "ollama-chat-function-calling-ollama-qwen3-can-use-tools-with-multi-turn-streaming-co-1": (
        "`created` is the time of each chunk"
    ),
    "openai-compatible-anthropic-fallback-tool-call-stream": "no empty line behind [DONE]",
    "openrouter-stream-error": "a second chunk with a finish reason",
    "perplexity-chat-citations-with-perplexity-sonar-returns-search-result-citations-when-stream": (
        "`created` is the time of each chunk"
    ),
    "perplexity-chat-streaming-responses-perplexity-sonar-supports-streaming-responses": (
        "no [DONE]"
    ),
    "perplexity-stream-basic-text-1": "`created` is the time of each chunk",
    "snowflake-thinking-1": "an empty finish reason",
    "together-chat-legacy": "finish reason eos",
    "xai-grok-4-fast-multi-tool-streaming-0": "completion_tokens without the reasoning",
    "openai-responses-model-mcp-list-tools-stream-backfills-missing-results": (
        "written by hand: items without their end"
    ),
    "openai-shell-container-1-stream": "deltas are missing",
    "google-vertex-generate-content-extra-params": "enums as numbers",
}

# Endpoints beside the main one of a dialect.
OTHERS = ("countTokens", "count_tokens", "input_tokens", "compact")


def _bodies(folder: Path, meta: dict[str, Any], dialect: str) -> Iterator[tuple[str, Any]]:
    beta = dialect == "anthropic" and (
        "beta" in meta["endpoint"] or "anthropic-beta" in meta["request_headers"]
    )
    prefix = "beta_" if beta else ""
    if meta["request_file"]:
        kind = "snake_request" if dialect == "gemini" else prefix + "request"
        yield kind, json.loads((folder / meta["request_file"]).read_bytes())
    file = meta["response_file"] or ""
    if file.endswith(".sse"):
        for line in (folder / file).read_bytes().splitlines():
            data = line[5:].strip() if line.startswith(b"data:") else b"[DONE]"
            if data != b"[DONE]":
                yield prefix + "event", json.loads(data)
    elif file.endswith(".json"):
        body = json.loads((folder / file).read_bytes())
        if meta["status"] != 200:
            yield "error", body
        elif isinstance(body, list):
            yield from (("event", chunk) for chunk in body)
        else:
            yield prefix + "answer", body


def _documents(name: str) -> Iterator[tuple[str, str, str, Any]]:
    """case, kind, provider, document"""
    for file in sorted((CORPUS / name).glob("*/meta.json")):
        meta = json.loads(file.read_bytes())
        if not meta["endpoint"].split("?")[0].endswith(OTHERS):
            for kind, body in _bodies(file.parent, meta, FOLDERS[name]):
                yield file.parent.name, kind, meta["provider"], body


@pytest.mark.parametrize("name", FOLDERS)
def test_recordings_keep_to_what_is_published(name: str) -> None:
    wrong, count = {}, 0
    for case, kind, provider, body in _documents(name):
        count += 1
        for problem in schemas.unexplained(FOLDERS[name], kind, provider, body):
            wrong[f"{case} {kind}: {problem}"] = None
    assert count > 80 and not wrong, "\n".join(wrong)


def test_every_deviation_is_one() -> None:
    """A row that covers nothing hides a mistake of ours one day."""
    idle = set(schemas.DEVIATIONS)
    for name, dialect in FOLDERS.items():
        for _, kind, provider, body in _documents(name):
            for problem in schemas.problems(dialect, kind, body):
                idle -= {d for d in idle if d.covers(dialect, kind, provider, problem)}
    assert not idle, "\n".join(map(str, idle))


def _read(folder: Path, file: str, dialect: str) -> None:
    data = (folder / file).read_bytes()
    if file.endswith(".sse"):
        events = [e for e in events_of([(0.0, data)]) if not e.comment]
        grammar.CHECK[dialect](events, ours=False)
    elif isinstance(body := json.loads(data), list):
        grammar.gemini_chunks(body, ours=False)
    else:
        READ[dialect](body)


@pytest.mark.parametrize("name", FOLDERS)
def test_recorded_answers_keep_to_the_grammar(name: str) -> None:
    """And those that do not are listed, and no other."""
    wrong, odd, count = [], [], 0
    for path in sorted((CORPUS / name).glob("*/meta.json")):
        meta = json.loads(path.read_bytes())
        if meta["status"] != 200 or meta["endpoint"].split("?")[0].endswith(OTHERS):
            continue
        count += 1
        case = path.parent.name
        try:
            _read(path.parent, meta["response_file"], FOLDERS[name])
            odd += [case] if case in ODD else []
        except (AssertionError, KeyError) as err:
            wrong += [] if case in ODD else [f"{case}: {err}"]
    assert count > 40 and not wrong, "\n".join(wrong)
    assert not odd, f"nothing odd about {odd}"
