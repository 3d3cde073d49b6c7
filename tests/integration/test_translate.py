"""Every client with every provider (issue 3): the providers are as strict as the live APIs
(support/strict.py), the clients check each answer against schema and stream grammar
(support/asks.py). What the client meant must be what the provider is asked, and what the model said
what the client hears: 16 pairs, whole and streamed. The four pairs of one dialect are relayed; they
show that a test asks for nothing that cannot be had.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from support import schemas
from support.asked import Asked, Media
from support.asks import PDF, PNG, Ask, Document, Image, Result, Tool
from support.client import Response, events
from support.pairs import (  # noqa: F401 (fixtures)
    DIALECTS,
    Pair,
    both,
    client_is,
    crossing,
    gateway,
    needs_schemas,
    pair,
    pairs,
    provider_is,
    ups,
)
from support.said import Call, Citation, Reasoning, Refusal, Said, Text, Usage
from support.strict import Turn

pytestmark = needs_schemas

WEATHER = Tool(
    "get_weather",
    "The weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
PING = Tool("ping", "Says pong.", {"type": "object", "properties": {}})
ANSWER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "number"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}


# -- text -----------------------------------------------------------------------------------------


@both
@pairs()
def test_text(pair: Pair, stream: bool) -> None:
    words = 'Grüße, “Welt” \U0001f44b\n\ttab \\ back "q" \u2028 \u0007'
    pair.up.say(Said([Text(words)], usage=Usage(11, 7)))
    client = pair.client()
    client.user(words)
    said = client.send(stream)
    assert said.text == words and said.finish == "stop" and not said.calls
    assert said.usage == Usage(11, 7)
    assert pair.asked().turns == [("user", [Text(words)])]
    assert bool(pair.up.body().get("stream")) == (stream and pair.to != "gemini")
    if pair.cross:
        assert said.model == client.model


@both
@pairs()
def test_an_answer_of_nothing(pair: Pair, stream: bool) -> None:
    said = pair.once(Said([], usage=Usage(3, 0)), stream=stream)
    assert said.text == "" and said.finish == "stop"


@pytest.mark.parametrize("shatter", [1, 5, 64])
@pairs()
def test_awkward_pieces(pair: Pair, shatter: int) -> None:
    """A byte at a time, so that nothing of the provider's framing is taken for ours."""
    calls = [Call("get_weather", {"city": "\u00c5s\u2028\\"}), Call("ping", {})]
    client = pair.thinker(Ask(effort="medium", tools=[WEATHER, PING]))
    said = Said([Reasoning("Hm."), Text("one\n\ntwo \U0001f44b"), *calls], "tools")
    pair.up.say(Turn(said, shatter=shatter))
    client.user("hi")
    heard = client.send(stream=True)
    assert (heard.reasoning, heard.text) == (said.reasoning, said.text)
    assert [(c.name, c.args) for c in heard.calls] == [(c.name, c.args) for c in calls]


@pairs()
def test_prompts(pair: Pair) -> None:
    """SPEC 5.3: system and developer prompts, in order, outside the conversation."""
    pair.once(Said([Text("ok")]), Ask(system="Be brief.", developer="Use metric units."))
    asked = pair.asked()
    assert "\n".join(asked.prompts).split() == "Be brief. Use metric units.".split()
    assert asked.turns == [("user", [Text("hi")])]
    body = pair.up.body()
    if pair.to == "anthropic":
        assert [b["text"] for b in body["system"]] == ["Be brief.", "Use metric units."]
    elif pair.to == "gemini":
        assert body["systemInstruction"]["parts"]
    elif pair.to == "responses":
        roles = {i["role"] for i in body["input"] if i["role"] != "user"}
        assert body.get("instructions") or roles == {"developer"}
    else:
        assert body["messages"][0]["role"] == "system"


@pairs()
def test_many_turns(pair: Pair) -> None:
    client = pair.client()
    for n in range(3):
        pair.up.say(Said([Text(f"answer {n}")]))
        client.user(f"question {n}")
        client.send(stream=n == 1)
    roles = [role for role, _ in pair.asked().turns]
    assert roles == ["user", "assistant"] * 2 + ["user"]
    assert pair.asked().texts("user") == ["question 0", "question 1", "question 2"]
    assert pair.asked().texts("assistant") == ["answer 0", "answer 1"]


@pairs(("chat", "anthropic"), ("chat", "gemini"), ("anthropic", "gemini"), ("responses", "gemini"))
def test_turns_that_do_not_alternate(pair: Pair) -> None:
    """SPEC 5.3: neighbours of one role are merged, an assistant never begins."""
    client = pair.client()
    pair.up.say(Said([Text("first")]))
    client.user("a")
    client.send()
    client.user("b")
    client.user("c")
    client.history = client.history[1:]  # begins with the assistant
    pair.up.say(Said([Text("second")]))
    client.send()
    assert pair.asked().texts("user")[-2:] == ["b", "c"]
    assert pair.asked().texts("assistant") == ["first"]


@pairs(("chat", "anthropic"), ("chat", "gemini"), ("chat", "responses"))
def test_only_a_system_prompt(pair: Pair) -> None:
    """SPEC 5.3: the provider gets a user's turn all the same."""
    pair.up.say(Said([Text("ok")]))
    client = pair.client()
    client.history = [{"role": "system", "content": "Say ok."}]
    assert client.send().text == "ok"
    assert "Say ok." in json.dumps(pair.up.body())


# -- tools ----------------------------------------------------------------------------------------


@both
@pairs()
def test_a_tool_call(pair: Pair, stream: bool) -> None:
    args = {"city": 'Os"lo\\ \u00e5', "n": 1.50, "deep": {"list": [None, True, {}], "empty": ""}}
    client = pair.client(Ask(tools=[WEATHER, PING]))
    pair.up.say(Said([Text("Let me look."), Call("get_weather", args)], "tools", Usage(40, 20)))
    client.user("weather?")
    said = client.send(stream)
    assert said.finish == "tools" and said.text == "Let me look."
    assert [(c.name, c.args) for c in said.calls] == [("get_weather", args)]
    description, schema = pair.asked().tools["get_weather"]
    assert description == WEATHER.description and list(schema["properties"]) == ["city"]
    assert schema["required"] == ["city"]

    pair.up.say(Said([Text("12 degrees.")]))
    client.results(Result(said.calls[0], "twelve"))
    assert client.send(stream).text == "12 degrees."
    asked = pair.asked()
    assert [(c.name, c.args) for c in asked.calls] == [("get_weather", args)]
    assert [r.text for r in asked.results] == ["twelve"]
    assert asked.results[0].id == asked.calls[0].id
    assert [role for role, _ in asked.turns] == ["user", "assistant", "user"]


@both
@pairs()
def test_parallel_tool_calls(pair: Pair, stream: bool) -> None:
    """Results in another order than the calls, each reaching its own."""
    client = pair.client(Ask(tools=[WEATHER, PING]))
    calls = [Call("get_weather", {"city": c}) for c in ("Oslo", "Rome")] + [Call("ping", {})]
    pair.up.say(Said([*calls], "tools"))
    client.user("weather?")
    said = client.send(stream)
    assert [(c.name, c.args) for c in said.calls] == [(c.name, c.args) for c in calls]
    assert len({c.id for c in said.calls}) == 3 or pair.speaks == "gemini"

    texts = ["cold", "warm", "pong"]
    back = [Result(c, t) for c, t in zip(said.calls, texts)]
    if all(c.id for c in said.calls):
        back.reverse()
    client.results(*back)
    pair.up.say(Said([Text("done")]))
    client.send(stream)
    asked = pair.asked()
    if pair.to == "gemini":
        assert [(r.name, r.text) for r in asked.results] == [
            (c.name, t) for c, t in zip(calls, texts)
        ]
    else:
        by_id = {r.id: r.text for r in asked.results}
        assert [by_id[c.id] for c in asked.calls] == texts


@crossing()
def test_results_in_separate_turns(pair: Pair) -> None:
    """SPEC 12.6: some clients send one message a result."""
    client = pair.client(Ask(tools=[WEATHER]))
    pair.up.say(Said([Call("get_weather", {"city": c}) for c in ("Oslo", "Rome")], "tools"))
    client.user("weather?")
    said = client.send()
    for call, words in zip(said.calls, ("cold", "warm")):
        client.results(Result(call, words))
    pair.up.say(Said([Text("done")]))
    client.send()
    assert [r.text for r in pair.asked().results] == ["cold", "warm"]


@pytest.mark.parametrize("choice", ["auto", "none", "required", "get_weather"])
@pairs()
def test_tool_choice(pair: Pair, choice: str) -> None:
    said = Said([Text("ok")])
    if choice in ("required", "get_weather"):
        said = Said([Call("get_weather", {"city": "Oslo"})], "tools")
    pair.once(said, Ask(tools=[WEATHER, PING], choice=choice))
    asked = pair.asked()
    if choice == "auto":
        assert asked.choice in ("", "auto")
    elif choice == "none":
        assert asked.choice == "none" or not asked.tools
    else:
        assert asked.choice == choice


@client_is("chat", "responses", "anthropic")
def test_no_parallel_calls(pair: Pair) -> None:
    client = pair.client(Ask(tools=[WEATHER], parallel=False))
    client.user("hi")
    client.send()
    if pair.to == "gemini":
        assert client.dropped()  # it has no such switch, and the client is told
    else:
        assert pair.asked().parallel is False


LONG = "mcp__a-server-with-a-rather-long-name__" + "and_a_tool_with_a_longer_one_" * 2


@both
@pytest.mark.parametrize("name", [LONG, LONG + "_too", "1st", "a-b_c"])
@client_is("anthropic")
def test_tool_names_that_do_not_fit(pair: Pair, name: str, stream: bool) -> None:
    """SPEC 5.5: the provider gets a name it takes, the client its own again."""
    client = pair.client(Ask(tools=[PING, Tool(name, "odd", WEATHER.schema), Tool(LONG)]))
    if name == LONG:
        client.ask.tools.pop()
    pair.up.say(Said([Call("#1", {"city": "Oslo"})], "tools"))
    client.user("hi")
    said = client.send(stream)
    assert [c.name for c in said.calls] == [name]
    client.results(Result(said.calls[0], "cold"))
    client.send(stream)
    asked = pair.asked()
    assert asked.calls[0].name in asked.tools and len(asked.tools) == len(client.ask.tools)


@client_is("gemini")
def test_dotted_tool_names(pair: Pair) -> None:
    client = pair.client(Ask(tools=[PING, Tool("fs.read:all", "odd", WEATHER.schema)]))
    pair.up.say(Said([Call("#1", {"city": "Oslo"})], "tools"))
    client.user("hi")
    assert [c.name for c in client.send().calls] == ["fs.read:all"]


NASTY = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "title": "Everything",
    "additionalProperties": False,
    "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number"}}}},
    "properties": {
        "title": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$"},
        "format": {"const": "json"},
        "properties": {"type": "object", "additionalProperties": {"type": "string"}},
        "where": {"$ref": "#/$defs/point"},
        "url": {"type": "string", "format": "uri", "default": "https://a.test"},
        "size": {"enum": [1, 2, 3]},
        "maybe": {"type": ["string", "null"]},
        "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "list": {"type": "array", "items": {}, "minItems": 1},
        "positive": {"type": "integer", "exclusiveMinimum": 0},
        "nothing": {"type": "object", "properties": {}},
    },
    "required": ["title", "format", "gone"],
}


@crossing()
def test_any_json_schema_is_taken(pair: Pair) -> None:
    """SPEC 5.5: what a provider's own schema language lacks is cleaned; members stay, also those
    that are called like a keyword."""
    client = pair.client(Ask(tools=[Tool("everything", "all", NASTY)]))
    args = {"title": "a", "format": "json"}
    pair.up.say(Said([Call("everything", args)], "tools"))
    client.user("hi")
    assert client.send().calls[0].args == args
    _, schema = pair.asked().tools["everything"]
    assert set(schema["properties"]) == set(NASTY["properties"])  # type: ignore[arg-type]


@pairs()
def test_a_tool_without_parameters(pair: Pair) -> None:
    client = pair.client(Ask(tools=[Tool("now")]))
    pair.up.say(Said([Call("now", {})], "tools"))
    client.user("hi")
    said = client.send(stream=True)
    assert [(c.name, c.args) for c in said.calls] == [("now", {})]


# -- tool results ---------------------------------------------------------------------------------


def answered(pair: Pair, result: Any, stream: bool = False, **more: Any) -> Asked:
    client = pair.client(Ask(tools=[WEATHER]))
    pair.up.say(Said([Call("get_weather", {"city": "Oslo"})], "tools"))
    client.user("hi")
    said = client.send(stream)
    client.results(Result(said.calls[0], result, **more))
    pair.up.say(Said([Text("ok")]))
    client.send(stream)
    return pair.asked()


@pairs()
def test_an_empty_tool_result(pair: Pair) -> None:
    asked = answered(pair, "")
    assert [r.text for r in asked.results] == [""]


@pairs()
def test_a_tool_result_in_parts(pair: Pair) -> None:
    asked = answered(pair, ["cold", "wet"])
    words = asked.results[0].text.replace("\n", "").replace(" ", "")
    assert words == "coldwet"


@pairs(*(("anthropic", p) for p in DIALECTS), ("gemini", "anthropic"))
def test_a_failed_tool_result(pair: Pair) -> None:
    asked = answered(pair, "no such city", error=True)
    (result,) = asked.results
    assert "no such city" in result.text
    if pair.to in ("anthropic", "gemini"):
        assert result.error
    else:
        assert result.text != "no such city"  # SPEC 5.6: said in words


@both
@pairs(*((c, p) for c in ("responses", "anthropic") for p in DIALECTS))
def test_an_image_in_a_tool_result(pair: Pair, stream: bool) -> None:
    asked = answered(pair, ["as seen", Image()], stream)
    (result,) = asked.results
    assert "as seen" in result.text
    media = result.media + asked.media
    assert Media("image/png", PNG) in media


# -- media ----------------------------------------------------------------------------------------


@pairs()
def test_an_image(pair: Pair) -> None:
    client = pair.client()
    client.user("what is this?", Image())
    client.send()
    assert pair.asked().turns == [("user", [Text("what is this?"), Media("image/png", PNG)])]


@pairs()
def test_an_image_by_url(pair: Pair) -> None:
    client = pair.client()
    client.user("what is this?", Image(url="https://example.com/a.png"))
    client.send()
    assert [m.url for m in pair.asked().media] == ["https://example.com/a.png"]


@pairs()
def test_a_pdf(pair: Pair) -> None:
    client = pair.client()
    client.user("sum it up", Document())
    client.send()
    assert pair.asked().media == [Media("application/pdf", PDF)]


# -- reasoning ------------------------------------------------------------------------------------

THOUGHT = "First this.\nThen that."


@both
@pairs()
def test_reasoning_is_asked_for_and_heard(pair: Pair, stream: bool) -> None:
    client = pair.thinker()
    pair.up.say(Said([Reasoning(THOUGHT), Text("So.")], usage=Usage(20, 30, 8, 0, 12)))
    client.user("think")
    said = client.send(stream)
    assert said.reasoning == THOUGHT and said.text == "So."
    body = pair.up.body()
    if pair.to == "chat":
        assert body["reasoning_effort"] == "medium"
    elif pair.to == "responses":
        assert body["reasoning"]["effort"] == "medium"
    elif pair.to == "anthropic":
        assert body["thinking"]["type"] == "enabled" and body["thinking"]["budget_tokens"] == 8192
    elif pair.cross:
        config = body["generationConfig"]["thinkingConfig"]
        assert config["includeThoughts"] is True
        assert config.get("thinkingLevel") in ("low", "high") or config["thinkingBudget"] == 8192


@both
@provider_is("responses", "anthropic", "gemini")
def test_reasoning_goes_on_after_a_tool(pair: Pair, stream: bool) -> None:
    """SPEC 5.2: the next turn carries the provider's own signature, and it is valid."""
    _tool_loop(pair, stream, plain=False)


@both
@crossing(to=("responses", "anthropic", "gemini"))
def test_reasoning_goes_on_though_the_client_forgets(pair: Pair, stream: bool) -> None:
    """SPEC 5.2: the gateway remembers for clients that keep no more than text and calls."""
    _tool_loop(pair, stream, plain=True)


def _tool_loop(pair: Pair, stream: bool, plain: bool) -> None:
    client = pair.thinker(Ask(effort="medium", tools=[WEATHER, PING]), plain)
    pair.up.say(
        Said([Reasoning(THOUGHT), Call("get_weather", {"city": "Oslo"}), Call("ping", {})], "tools")
    )
    client.user("weather?")
    said = client.send(stream)
    assert [c.name for c in said.calls] == ["get_weather", "ping"]
    client.results(*(Result(c, "done") for c in said.calls))
    pair.up.say(Said([Reasoning("Now I know."), Text("Cold.")]))
    said = client.send(stream)
    assert said.text == "Cold."
    asked = pair.asked()
    seals = [r.signature for r in asked.of(Reasoning)] + [c.signature for c in asked.calls]
    assert set(seals) & set(pair.up.memory.issued), "the signature did not come back"

    # And once more, now with the second step's.
    client.user("and tomorrow?")
    pair.up.say(Said([Text("Colder.")]))
    assert client.send(stream).text == "Colder."


@both
@provider_is("anthropic")
def test_redacted_reasoning_survives(pair: Pair, stream: bool) -> None:
    client = pair.thinker(Ask(effort="medium", tools=[PING]))
    pair.up.say(Said([Reasoning(redacted=True), Call("ping", {})], "tools"))
    client.user("hi")
    said = client.send(stream)
    client.results(Result(said.calls[0], "pong"))
    client.send(stream)
    (again,) = pair.asked().of(Reasoning)
    assert again.redacted and again.signature in pair.up.memory.issued


@crossing(to=("responses", "anthropic", "gemini"))
def test_a_strangers_signature_is_not_passed_on(pair: Pair) -> None:
    """SPEC 5.2: history that another provider of the client's own dialect made."""
    client = pair.thinker(Ask(effort="medium", tools=[PING]))
    pair.up.say(Said([Reasoning("Hm."), Call("ping", {})], "tools"))
    client.user("hi")
    said = client.send()
    client.results(Result(said.calls[0], "pong"))
    # Nothing of it may be known again: neither the call, nor the thought, nor who signed it.
    text = json.dumps(client.history).replace("Hm.", "What was that?")
    client.history = json.loads(text.replace(said.calls[0].id, "call_ofothers"))
    forge(client.history)
    pair.up.say(Said([Text("ok")]))
    assert client.send().text == "ok"


SEALS = ("signature", "encrypted_content", "thoughtSignature", "thought_signature")


def forge(value: Any) -> None:
    """Every signature in it becomes a stranger's. In chat, which has none of its own, the member
    says whose it is: there it goes."""
    for key in list(value) if isinstance(value, dict) else ():
        if key in SEALS:
            value[key] = "c3RyYW5nZXI="
        elif key == "data" and value.get("type") == "redacted_thinking":
            value[key] = "c3RyYW5nZXI="
        elif key in ("extra_content", "reasoning_details"):
            del value[key]
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            forge(inner)


# -- output ---------------------------------------------------------------------------------------


@both
@pairs()
def test_structured_output(pair: Pair, stream: bool) -> None:
    text = '{"city":"Oslo","degrees":-3.5}'
    said = pair.once(Said([Text(text)]), Ask(schema=ANSWER), stream)
    assert said.text == text
    schema = pair.asked().schema
    assert schema["properties"].keys() == {"city", "degrees"}
    assert schema["required"] == ["city", "degrees"]


@client_is("chat", "anthropic", "gemini")
def test_stop_sequences(pair: Pair) -> None:
    client = pair.client(Ask(stop=["END", "\n#"]))
    client.user("hi")
    pair.up.say(Said([Text("ok")], "stop_sequence", stop_sequence="END"))
    said = client.send()
    assert said.finish in ("stop", "stop_sequence")
    if pair.to == "responses":
        assert "stop" in client.dropped()
    else:
        assert pair.asked().stop == ["END", "\n#"]
    if (pair.speaks, pair.to) == ("anthropic", "anthropic"):
        assert said.stop_sequence == "END"


@pairs()
def test_max_tokens(pair: Pair) -> None:
    pair.once(Said([Text("o")], "length"), Ask(max_tokens=100))
    assert pair.asked().max_tokens == 100


@pairs(*((c, "responses") for c in ("chat", "anthropic", "gemini")))
def test_fewer_tokens_than_the_provider_takes(pair: Pair) -> None:
    """SPEC 12.8: Responses refuses less than 16."""
    pair.once(Said([Text("o")], "length"), Ask(max_tokens=5))
    assert pair.asked().max_tokens == 16


@pairs()
def test_sampling(pair: Pair) -> None:
    """SPEC 5.7: also together, and above what Anthropic takes."""
    ask = Ask(temperature=0.7)
    if pair.cross and pair.speaks in ("chat", "gemini"):
        ask = Ask(temperature=1.7, top_p=0.9)
    pair.once(Said([Text("ok")]), ask)
    body = pair.up.body()
    sampled = body.get("generationConfig", {}) if pair.to == "gemini" else body
    want = ask.temperature
    if pair.to == "anthropic":
        want = min(1.0, ask.temperature or 0)
    assert sampled["temperature"] == want


# -- how it ends ----------------------------------------------------------------------------------


@both
@pairs()
def test_cut_by_the_limit(pair: Pair, stream: bool) -> None:
    said = pair.once(Said([Text("cut o")], "length", Usage(4, 4)), stream=stream)
    assert said.finish == "length" and said.text == "cut o"


@both
@pairs()
def test_refused_by_the_provider(pair: Pair, stream: bool) -> None:
    said = pair.once(Said([Text("I ")], "refusal"), stream=stream)
    assert said.finish == "refusal"


@both
@provider_is("chat", "responses")
def test_a_refusal_in_words(pair: Pair, stream: bool) -> None:
    said = pair.once(Said([Refusal("I will not.")]), stream=stream)
    assert said.refusal == "I will not." or said.text == "I will not."
    if pair.speaks in ("chat", "responses"):
        assert said.refusal == "I will not."


@both
@pairs()
def test_citations(pair: Pair, stream: bool) -> None:
    found = [Citation("https://a.test/b", "A page", 0, 9)]
    said = pair.once(Said([Text("It rains.", found)]), stream=stream)
    assert said.text == "It rains."
    assert [(c.url, c.title) for c in said.citations] == [("https://a.test/b", "A page")]


# -- usage ----------------------------------------------------------------------------------------


@both
@pairs()
def test_usage(pair: Pair, stream: bool) -> None:
    """SPEC 5.9: every count in its place, and the same streamed and whole."""
    told = Usage(1000, 90, 600, 0, 40)
    client = pair.thinker()
    pair.up.say(Said([Reasoning("Hm."), Text("So.")], usage=told))
    client.user("hi")
    said = client.send(stream)
    want = copy.copy(told)
    if "anthropic" in (pair.speaks, pair.to):
        want.reasoning = 0  # it counts no reasoning apart
        assert said.usage is not None
        said.usage.reasoning = 0
    assert said.usage == want


@both
@provider_is("anthropic")
def test_usage_of_cache_writes(pair: Pair, stream: bool) -> None:
    said = pair.once(Said([Text("So.")], usage=Usage(1000, 9, 600, 300)), stream=stream)
    assert said.usage is not None and said.usage.input == 1000 and said.usage.cached == 600
    if pair.speaks != "gemini":
        assert said.usage.written == 300


# -- what goes wrong ------------------------------------------------------------------------------


def failed(pair: Pair, response: Response, status: int) -> str:
    assert response.status == status, response.text
    schemas.check(pair.speaks, "error", response.json())
    return response.message()


@both
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
@pairs()
def test_a_providers_error(pair: Pair, status: int, stream: bool) -> None:
    """SPEC 5.10: its status and its words, in the client's dialect."""
    pair.up.fail(status, "that cannot be", headers=(("Retry-After", "7"),))
    client = pair.client()
    client.user("hi")
    response = client.post(stream)
    assert "that cannot be" in failed(pair, response, status)
    if status == 429:
        assert response.get("retry-after") == "7"
    assert response.get("x-cliproxy-error-source") == "upstream"


@pairs()
def test_an_error_within_a_stream(pair: Pair) -> None:
    said = pair.once(
        Turn(Said([Text("one two three")]), broken_after=5, message="fell over"), None, True
    )
    assert said.finish == "error" and "fell over" in said.error


@pairs()
def test_an_error_before_anything_was_said(pair: Pair) -> None:
    """SPEC 5.10: then it is no stream at all, or one that says so."""
    pair.up.say(Turn(Said([Text("never said")]), broken_after=0, message="fell over"))
    client = pair.client()
    client.user("hi")
    response = client.post(stream=True)
    if response.status == 200:
        said = client.read(stream=True)
        assert said.finish == "error" and "fell over" in said.error
    else:
        assert "fell over" in failed(pair, response, response.status)


@pytest.mark.parametrize("after", [1, 3, 6])
@pairs()
def test_a_stream_that_breaks_off(pair: Pair, after: int) -> None:
    """Never taken for success."""
    pair.up.say(Turn(Said([Text("one two three four five six")]), cut_after=after))
    client = pair.client()
    client.user("hi")
    response = client.post(stream=True)
    if response.status == 200:
        said = client.read(stream=True)
        assert said.finish == "error" and said.error
    else:
        failed(pair, response, 502)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cut_after", "broken_after"])
@pairs()
def test_cut_behind_each_event(pair: Pair, fault: str) -> None:
    """Whatever is missing, it is no success; but for what stands behind the finish reason."""
    whole = Said(
        [Reasoning("Hm."), Text("one two"), Call("get_weather", {"city": "Oslo"})], "tools"
    )
    client = pair.thinker(Ask(effort="medium", tools=[WEATHER]))
    client.user("hi")
    pair.up.say(whole)
    client.post(stream=True)
    right, total = client.read(stream=True), pair.up.events
    for n in range(1, total):
        pair.up.say(Turn(whole, **{fault: n}))
        response = client.post(stream=True)
        if response.status != 200:
            failed(pair, response, response.status)
            continue
        heard = client.read(stream=True)
        if heard.finish != "error":
            assert n >= total - 2 and pair.to in ("chat", "anthropic"), f"{n} of {total} events"
            assert (heard.text, heard.reasoning) == (right.text, right.reasoning)
            assert [(c.name, c.args) for c in heard.calls] == [("get_weather", {"city": "Oslo"})]


@provider_is("chat", "responses", "anthropic")
def test_arguments_that_break_off(pair: Pair) -> None:
    """In the middle of a call (Gemini's come in one piece): no half call may look whole."""
    args = {"city": "a city with a long name, so that it takes some events to say it"}
    pair.up.say(Turn(Said([Call("get_weather", args), Call("ping", {})], "tools"), cut_after=6))
    client = pair.client(Ask(tools=[WEATHER, PING]))
    client.user("hi")
    response = client.post(stream=True)
    if response.status == 200:
        assert client.read(stream=True).finish == "error"
    else:
        failed(pair, response, 502)


@crossing()
def test_a_whole_answer_that_breaks_off(pair: Pair) -> None:
    pair.up.say(Turn(Said([Text("never whole")]), cut_after=0))
    client = pair.client()
    client.user("hi")
    failed(pair, client.post(), 502)


@crossing()
def test_the_client_errs(pair: Pair) -> None:
    """A request that is none of its dialect is a 400 in it, and nobody is asked."""
    member = {"responses": "input", "gemini": "contents"}.get(pair.speaks, "messages")
    client = pair.client(Ask(extra={member: 7}))
    assert member in failed(pair, client.post(), 400)
    assert not pair.up.seen


# -- counting -------------------------------------------------------------------------------------

COUNTING = {
    "responses": "/v1/responses/input_tokens",
    "anthropic": "/v1/messages/count_tokens",
    "gemini": "/v1beta/models/{}:countTokens",
}


def counted(pair: Pair) -> Response:
    client = pair.client(Ask(system="Be brief.", tools=[WEATHER]))
    client.user("How many words are in this sentence?")
    body = client.body()
    for member in ("max_tokens", "store"):
        body.pop(member, None)
    if pair.speaks == "gemini":
        body = {"generateContentRequest": {"model": f"models/{client.model}", **body}}
    target = COUNTING[pair.speaks].format(client.model)
    return client.gateway.post(target, body, headers=client.headers())


def tokens(pair: Pair, response: Response) -> int:
    assert response.status == 200, response.text
    if pair.speaks == "responses":
        schemas.check("responses", "count_answer", response.json())
    return response.json()["totalTokens" if pair.speaks == "gemini" else "input_tokens"]


@client_is("responses", "anthropic", "gemini")
def test_count_tokens(pair: Pair) -> None:
    """Asked of the provider where it can count, else counted here."""
    count = tokens(pair, counted(pair))
    if pair.to == "chat":
        assert 8 < count < 200
    else:
        assert count == 42
        assert "How many words" in json.dumps(pair.up.body())


@pairs(*((c, p) for c in COUNTING for p in COUNTING))
def test_count_tokens_where_the_endpoint_is_missing(pair: Pair) -> None:
    """A provider without the endpoint is no failure of anybody; one without the model is."""
    pair.up.fail(404, "there is no such path here")
    assert 8 < tokens(pair, counted(pair)) < 800  # Claude is told 300 tokens about tools
    pair.up.fail(404, f"the model {pair.client().model} does not exist")
    assert "does not exist" in failed(pair, counted(pair), 404)


# -- time -----------------------------------------------------------------------------------------


@pairs()
def test_events_are_passed_on_as_they_come(pair: Pair) -> None:
    """One event in, one flush out: nothing waits for the end."""
    pair.up.say(Turn(Said([Text("slow and steady wins")]), gap=0.05))
    client = pair.client()
    client.user("hi")
    response = client.post(stream=True)
    assert client.read(stream=True).text == "slow and steady wins"
    times = [e.at for e in events(response)]
    assert times[-1] - times[0] > 0.09
