"""More of every client with every provider: options, histories that were made elsewhere, and what
one side has and the other has not. The frame is that of test_translate.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import schemas
from support.asked import Media
from support.asks import Ask, Client, Result, Tool
from support.client import events
from support.grammar import gemini_chunks
from support.pairs import (  # noqa: F401 (fixtures)
    DIALECTS,
    Pair,
    both,
    crossing,
    gateway,
    needs_schemas,
    pair,
    pairs,
    ups,
)
from support.said import Call, Reasoning, Said, Text, Usage

pytestmark = needs_schemas

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "The weather of a city.", SCHEMA)


def ask(pair: Pair, words: str = "hi", model: str = "", **more: Any) -> Client:
    client = pair.client(Ask(**more), model)
    client.user(words)
    client.send()
    return client


# -- options --------------------------------------------------------------------------------------


@crossing("chat", "gemini")
def test_seed_and_penalties(pair: Pair) -> None:
    """SPEC 5.7: carried between those that have them; else the client is told of each."""
    mine = {"seed": 7, "frequency_penalty": 0.5, "presence_penalty": 0.25}
    extra: dict[str, Any] = mine
    if pair.speaks == "gemini":
        extra = {"generationConfig": {"seed": 7, "frequencyPenalty": 0.5, "presencePenalty": 0.25}}
    client = ask(pair, extra=extra)
    body, told = pair.up.body(), client.dropped().lower()
    if pair.to == "chat":
        assert {k: body.get(k) for k in mine} == mine
    elif pair.to == "gemini":  # whose models since 2.5 take no penalties
        assert body["generationConfig"]["seed"] == 7
        assert "frequency" in told and "presence" in told
    else:
        assert "seed" in told and "frequency" in told and "presence" in told


@crossing("gemini", "anthropic")
def test_top_k(pair: Pair) -> None:
    extra: dict[str, Any] = {"top_k": 5}
    if pair.speaks == "gemini":
        extra = {"generationConfig": {"topK": 5}}
    client = ask(pair, extra=extra)
    body = pair.up.body()
    if pair.to == "anthropic":
        assert body["top_k"] == 5
    elif pair.to == "gemini":
        assert body["generationConfig"]["topK"] == 5
    else:
        assert "top" in client.dropped().lower()


@crossing("chat", "responses", "gemini", to=("anthropic",))
def test_claude_needs_a_limit(pair: Pair) -> None:
    """SPEC 5.1: 32000 when the client gave none."""
    ask(pair)
    assert pair.up.body()["max_tokens"] == 32000


@crossing("chat", "responses", "gemini", to=("anthropic",))
def test_a_budget_above_the_limit_is_lowered(pair: Pair) -> None:
    """SPEC 5.1"""
    ask(pair, effort="high", max_tokens=2000)
    assert pair.up.body()["thinking"]["budget_tokens"] == 1999
    assert pair.up.body()["max_tokens"] == 2000


@crossing("chat", "gemini", to=("anthropic",))
def test_thinking_goes_before_sampling(pair: Pair) -> None:
    """SPEC 5.7: what Claude refuses beside thinking is left out, and the client is told."""
    client = ask(pair, effort="medium", temperature=0.2)
    assert pair.up.body()["thinking"]["type"] == "enabled"
    assert "temperature" not in pair.up.body() or pair.up.body()["temperature"] == 1
    assert "temperature" in client.dropped().lower()


@crossing("chat", "anthropic", "gemini", to=("responses",))
def test_reasoning_goes_before_sampling(pair: Pair) -> None:
    """Guide "Using GPT-5.2": the same with OpenAI's models, unless they do not reason."""
    client = pair.client(Ask(effort="medium", temperature=0.2), "gpt-5.4")
    client.user("hi")
    client.send()
    assert "temperature" not in pair.up.body() and "temperature" in client.dropped().lower()
    ask(pair, model="gpt-5.4", temperature=0.2)
    assert pair.up.body()["temperature"] == 0.2


@crossing("chat", "responses", "gemini", to=("anthropic",))
def test_a_forced_tool_goes_before_thinking(pair: Pair) -> None:
    """SPEC 5.1: Claude does not think when a tool is forced."""
    pair.up.say(Said([Call("get_weather", {"city": "Oslo"})], "tools"))
    ask(pair, effort="medium", tools=[WEATHER], choice="required")
    assert pair.up.body()["tool_choice"]["type"] == "any"
    assert pair.up.body().get("thinking", {"type": "disabled"})["type"] == "disabled"


@crossing("chat", "responses", to=("anthropic",))
def test_who_the_user_is(pair: Pair) -> None:
    ask(pair, extra={"user": "u-17"})
    assert pair.up.body()["metadata"] == {"user_id": "u-17"}


@crossing("anthropic")
def test_cache_marks(pair: Pair) -> None:
    """What other providers do not know they are not sent (they would refuse it)."""
    client = pair.client(Ask(tools=[WEATHER], system="Be brief."))
    client.user("hi")
    body = client.body()
    mark = {"cache_control": {"type": "ephemeral"}}
    body["system"][0] |= mark
    body["tools"][0] |= mark
    body["messages"][0]["content"][0] |= mark
    response = pair.gateway.post("/v1/messages", body, headers=client.headers())
    assert response.status == 200, response.text
    assert "cache_control" not in json.dumps(pair.up.body())


# -- reasoning levels -----------------------------------------------------------------------------

LEVELS = {
    "low": {"claude-opus-4-6": "low", "gpt-5.4": "low", "gemini-3-flash-preview": "low"},
    "high": {"claude-opus-4-6": "high", "gpt-5.4": "high", "gemini-3-flash-preview": "high"},
}


@pytest.mark.parametrize("level", LEVELS)
@crossing("chat", "responses", "gemini", "anthropic", to=("responses", "anthropic", "gemini"))
def test_levels_of_models_that_have_levels(pair: Pair, level: str) -> None:
    """SPEC 5.1: a budget says the level it stands for, and the other way round."""
    names = {"responses": "gpt-5.4", "anthropic": "claude-opus-4-6"}
    model = names.get(pair.to, "gemini-3-flash-preview")
    ask(pair, model=model, effort=level)
    body, want = pair.up.body(), LEVELS[level][model]
    if pair.to == "responses":
        assert body["reasoning"]["effort"] == want
    elif pair.to == "anthropic":  # which takes budgets, too
        budget = {"type": "enabled", "budget_tokens": {"low": 1024, "high": 24576}[level]}
        kept = pair.speaks == "gemini" and body["thinking"].items() >= budget.items()
        assert kept or body["thinking"]["type"] == "adaptive"
        assert kept or body["output_config"]["effort"] == want
    else:
        config = body["generationConfig"]["thinkingConfig"]
        assert config.get("thinkingLevel") == want or pair.speaks in ("anthropic",)
        assert ("thinkingLevel" in config) != ("thinkingBudget" in config)


@crossing("chat", "responses", "anthropic", to=("gemini",))
def test_budgets_of_models_that_have_budgets(pair: Pair) -> None:
    ask(pair, model="gemini-2.5-pro", effort="medium")
    config = pair.up.body()["generationConfig"]["thinkingConfig"]
    assert config == {"includeThoughts": True, "thinkingBudget": 8192}


@both
@crossing("chat", "responses", "gemini", to=("anthropic",))
def test_the_newest_claude(pair: Pair, stream: bool) -> None:
    """From Opus 4.7 on: adaptive thinking alone, told only when asked to; no sampling."""
    pair.up.say(Said([Reasoning("Hm."), Text("So.")]))
    client = pair.client(Ask(effort="high", temperature=0.3), "claude-opus-4-7")
    client.user("think")
    said = client.send(stream)
    assert said.reasoning == "Hm." and said.text == "So."
    assert pair.up.body()["output_config"]["effort"] == "high"
    assert "temperature" in client.dropped().lower()


# -- histories that were made elsewhere -----------------------------------------------------------

ODD = ["call|odd:1/\u00e9", "x" * 80, "toolu_01AbC", "call_9"]


def _elsewhere(client: Client, call: str) -> None:
    """A tool loop that some other provider had, with its ids, as each client keeps it."""
    client.user("weather in Oslo?")
    if client.dialect == "chat":
        function = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}
        calls = [{"id": call, "type": "function", "function": function}]
        client.history.append({"role": "assistant", "content": None, "tool_calls": calls})
    elif client.dialect == "responses":
        item = {"type": "function_call", "call_id": call, "name": "get_weather"}
        client.history.append({**item, "arguments": '{"city":"Oslo"}'})
    elif client.dialect == "anthropic":
        use = {"type": "tool_use", "id": call, "name": "get_weather", "input": {"city": "Oslo"}}
        client.history.append({"role": "assistant", "content": [use]})
    else:
        part = {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}}
        client.history.append({"role": "model", "parts": [part]})
    id_ = "" if client.dialect == "gemini" else call
    client.results(Result(Call("get_weather", {}, id_), "cold"))


@pytest.mark.parametrize("thinks", [False, True], ids=["", "thinking"])
@pytest.mark.parametrize("call", ODD, ids=["odd", "long", "theirs", "short"])
@crossing()
def test_a_tool_loop_made_elsewhere(pair: Pair, call: str, thinks: bool) -> None:
    """SPEC 5.2, 5.5: ids get the target's alphabet and length, missing signatures do not end it."""
    options = Ask(tools=[WEATHER], effort="medium" if thinks else "")
    client = pair.thinker(options) if thinks else pair.client(options)
    _elsewhere(client, call)
    pair.up.say(Said([Text("Cold.")]))
    assert client.send().text == "Cold."
    asked = pair.asked()
    assert [(c.name, c.args) for c in asked.calls] == [("get_weather", {"city": "Oslo"})]
    assert [r.text for r in asked.results] == ["cold"]
    if pair.to != "gemini":
        assert asked.results[0].id == asked.calls[0].id
    client.user("and in Rome?")
    pair.up.say(Said([Call("get_weather", {"city": "Rome"})], "tools"))
    assert [c.args for c in client.send().calls] == [{"city": "Rome"}]


@crossing("chat", "anthropic", "responses")
def test_a_call_without_its_result(pair: Pair) -> None:
    """SPEC 5.5: an empty one is made, so that the conversation goes on."""
    client = pair.client(Ask(tools=[WEATHER]))
    _elsewhere(client, "call_1")
    client.history.pop()
    client.user("never mind")
    client.send()
    asked = pair.asked()
    assert [r.text for r in asked.results] == [""]
    assert asked.texts("user")[-1] == "never mind"


@crossing("chat", "anthropic", "responses")
def test_words_before_the_results(pair: Pair) -> None:
    """SPEC 5.5: results stand first, whatever the client made of it."""
    client = pair.client(Ask(tools=[WEATHER]))
    _elsewhere(client, "call_1")
    results = client.history.pop()
    client.user("by the way")
    client.history.append(results)
    client.send()
    asked = pair.asked()
    assert [r.text for r in asked.results] == ["cold"]
    assert asked.texts("user")[-1] == "by the way"


@crossing("chat", "responses")
def test_a_system_message_later(pair: Pair) -> None:
    """SPEC 5.3: in its place where the target has one, else as a reminder; never lost."""
    client = pair.client()
    client.user("one")
    client.send()
    client.history.append({"role": "system", "content": "From now on: shout."})
    client.user("two")
    client.send()
    text = json.dumps(pair.up.body())
    assert "From now on: shout." in text
    if pair.to in ("anthropic", "gemini"):
        assert any("shout" in t for t in pair.asked().texts("user"))


@crossing("chat", "anthropic", "gemini")
def test_words_put_into_the_models_mouth(pair: Pair) -> None:
    """SPEC 5.3: a prefill; no provider is sent what it would refuse."""
    client = pair.client()
    client.user("one word")
    last: dict[str, Any] = {"role": "assistant", "content": "It is "}
    if pair.speaks == "gemini":
        last = {"role": "model", "parts": [{"text": "It is "}]}
    client.history.append(last)
    assert client.send().text == "ok"


# -- content --------------------------------------------------------------------------------------

WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="


@pairs(("chat", "gemini"))
def test_audio(pair: Pair) -> None:
    client = pair.client()
    part = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
    client.history.append({"role": "user", "content": [part, {"type": "text", "text": "hear"}]})
    client.send()
    assert pair.asked().media == [Media("audio/wav", WAV)]


@crossing("anthropic")
def test_a_document_of_text(pair: Pair) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "The key is under the mat."}
    client = pair.client()
    document = {"type": "document", "source": source, "title": "Note"}
    words = {"type": "text", "text": "where?"}
    client.history.append({"role": "user", "content": [document, words]})
    client.send()
    assert "under the mat" in json.dumps(pair.up.body()) or any(
        "dW5kZXIgdGhlIG1hd" in m.data for m in pair.asked().media
    )


@crossing("chat", "responses", "anthropic", "gemini", to=("responses", "anthropic", "gemini"))
def test_hosted_web_search(pair: Pair) -> None:
    """Each in its own words, where the target has it."""
    mine: dict[str, Any] = {
        "chat": {"web_search_options": {}},
        "responses": {"tools": [{"type": "web_search"}]},
        "anthropic": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        "gemini": {"tools": [{"googleSearch": {}}]},
    }[pair.speaks]
    ask(pair, extra=mine)
    (tool,) = pair.up.body()["tools"]
    if pair.to == "gemini":
        assert tool == {"googleSearch": {}}
    else:
        assert tool["type"].startswith("web_search")


# -- endpoints beside -----------------------------------------------------------------------------


@both
@crossing("chat")
def test_completions(pair: Pair, stream: bool) -> None:
    """The legacy endpoint, whatever the provider (SPEC 1.6)."""
    pair.up.say(Said([Text("two three")], "length", Usage(3, 2)))
    body = {"model": pair.client().model, "prompt": "one", "max_tokens": 20, "stream": stream}
    response = pair.gateway.post("/v1/completions", body)
    assert response.status == 200, response.text
    assert pair.asked().texts("user") == ["one"]
    if stream:
        heard = events(response)
        assert heard[-1].data == "[DONE]"
        chunks = [e.json() for e in heard[:-1]]
        assert {c["object"] for c in chunks} == {"text_completion"}
        choices = [c["choices"][0] for c in chunks if c["choices"]]
        assert "".join(c["text"] for c in choices) == "two three"
        assert choices[-1]["finish_reason"] == "length"
    else:
        schemas.check("completions", "answer", response.json())
        (choice,) = response.json()["choices"]
        assert choice["text"] == "two three" and choice["finish_reason"] == "length"


@crossing("gemini")
def test_a_gemini_stream_as_an_array(pair: Pair) -> None:
    """SPEC 13.13: without alt=sse the same chunks come as one JSON array."""
    client = pair.client()
    client.user("hi")
    pair.up.say(Said([Reasoning("Hm."), Text("one two three four five")]))
    target = client.target(True).replace("?alt=sse", "")
    response = pair.gateway.post(target, client.body())
    assert response.status == 200, response.text
    assert (response.get("content-type") or "").startswith("application/json")
    chunks = response.json()
    assert isinstance(chunks, list) and gemini_chunks(chunks).text == "one two three four five"
    for chunk in chunks:
        schemas.check("gemini", "event", chunk)
