"""Requests as agents sent them (requests/README.md), through the gateway to a strict scripted
provider of each dialect. Needs none of the agents."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.gateway import CLIENT_KEY

sys.path.insert(0, str(Path(__file__).resolve().parent))
from agents import AGENTS  # noqa: E402
from model import DIALECTS, Model  # noqa: E402
from providers import provider  # noqa: E402

REQUESTS = Path(__file__).resolve().parent / "requests"
WORD = "quokka-7"
CASES = [(name, dialect) for name in AGENTS for dialect in DIALECTS]
PATHS = {"anthropic": "/v1/messages?beta=true", "openai-chat": "/v1/chat/completions",
         "openai-responses": "/v1/responses",
         "gemini": "/v1beta/models/{model}:streamGenerateContent?alt=sse"}
# The last piece of a whole stream, and where text stands in its events.
ENDS = {"anthropic": "message_stop", "openai-chat": "data: [DONE]",
        "openai-responses": "response.completed", "gemini": '"finishReason":"STOP"'}


def text_of(dialect: str, body: bytes) -> str:
    out = ""
    for line in body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        e = json.loads(line[6:])
        if dialect == "anthropic":
            out += e.get("delta", {}).get("text", "")
        elif dialect == "openai-chat":
            out += "".join(c["delta"].get("content") or "" for c in e["choices"])
        elif dialect == "openai-responses":
            out += e["delta"] if e["type"] == "response.output_text.delta" else ""
        else:
            for candidate in e.get("candidates", []):
                out += "".join(p.get("text", "") for p in candidate["content"]["parts"])
    return out


@pytest.mark.parametrize("name,dialect", CASES, ids=[f"{n}-{d}" for n, d in CASES])
def test_request(stage, name, dialect):
    agent = AGENTS[name]
    body = json.loads((REQUESTS / f"{name}.json").read_text())
    client_model = body.get("model", "gemini-2.5-pro")
    model = Model(dialect, "/work/hello.txt", WORD)
    upstream = stage.upstream()
    upstream.default = model
    gateway = stage.gateway({"api-keys": [CLIENT_KEY],
                             **provider(dialect, upstream.url(), client_model)})
    answer = gateway.post(PATHS[agent.dialect].format(model=client_model), body)
    assert not model.problems, model.problems
    assert answer.status == 200, answer.body[:1000]
    assert text_of(agent.dialect, answer.body) == f"The file says {WORD}.", answer.body[-3000:]
    assert ENDS[agent.dialect] in answer.body.decode().replace('": "', '":"')

    (turn,) = model.turns
    sent = json.dumps(body)
    # Every function the agent offers is offered, under its name; calls and results arrive in pairs.
    assert turn.tools, "no tools arrived"
    for tool in turn.tools:
        assert f'"{tool}"' in sent, f"a tool {tool} the agent does not have"
    assert len(turn.calls) == 2 and len(turn.results) == 2
    assert [c for c, _ in turn.calls] == [r for r, _ in turn.results]
    assert WORD in turn.results[1][1]
    assert any("Write the word quokka-7" in said for said in turn.said), "the prompt is gone"
