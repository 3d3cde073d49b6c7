"""Rows of SPEC 9 that are about translation, by their names."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from support import schemas
from support.asked import Media
from support.asks import PNG, Ask, Image, Result, Tool
from support.client import Response, events
from support.gateway import Gateway
from support.grammar import CHECK
from support.pairs import (  # noqa: F401 (fixtures)
    DIALECTS,
    Pair,
    both,
    gateway,
    needs_schemas,
    pair,
    pairs,
    ups,
)
from support.said import Call, Reasoning, Said, Text, Usage
from support.speak import VOICES, Ids, Scene
from support.strict import Turn
from support.upstream import ok

pytestmark = needs_schemas

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SONNET = "claude-sonnet-4-6"
ANTHROPIC = [("anthropic-version", "2023-06-01")]


def messages(pair: Pair, body: dict[str, Any]) -> Response:
    """A Messages request to the pair's provider."""
    model = pair.client().model
    body = {"model": model, "max_tokens": 1000, **body}
    return pair.gateway.post("/v1/messages", body, headers=ANTHROPIC)


def to_gemini(gateway: Gateway, model: str, body: dict[str, Any]) -> Response:
    contents = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    return gateway.post(f"/v1beta/models/{model}:generateContent", {**contents, **body})


# -- R3: sparse tool results ----------------------------------------------------------------------

ABSENT = object()


def sparse(content: Any, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": "toolu_1", **more}
    if content is not ABSENT:
        block["content"] = content
    call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}}
    return {
        "tools": [{"name": "get_weather", "input_schema": WEATHER}],
        "messages": [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [block]},
        ],
    }


EMPTY = [ABSENT, None, "", [], [{"type": "text", "text": ""}]]
empties = pytest.mark.parametrize("content", EMPTY, ids=["absent", "null", "str", "list", "text"])


@empties
@pairs(("anthropic", "gemini"))
def test_r3_1_empty_result_to_gemini(pair: Pair, content: Any) -> None:
    """R3.1, R3.6"""
    assert messages(pair, sparse(content)).status == 200
    (part,) = pair.up.body()["contents"][-1]["parts"]
    response = part["functionResponse"]
    assert response["name"] == "get_weather" and response["response"] == {"result": ""}


@empties
@pairs(("anthropic", "chat"))
def test_r3_2_empty_result_to_chat(pair: Pair, content: Any) -> None:
    """R3.2, R3.6"""
    assert messages(pair, sparse(content)).status == 200
    *_, call, result = pair.up.body()["messages"]
    assert result == {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": ""}
    assert result["tool_call_id"] == "toolu_1"


@empties
@pairs(("anthropic", "responses"))
def test_r3_3_empty_result_to_responses(pair: Pair, content: Any) -> None:
    """R3.3, R3.6"""
    assert messages(pair, sparse(content)).status == 200
    *_, call, result = pair.up.body()["input"]
    assert result["type"] == "function_call_output" and result["output"] == ""
    assert result["call_id"] == call["call_id"]


@pytest.mark.parametrize("content", [ABSENT, "", []], ids=["absent", "str", "list"])
@pairs(("anthropic", "anthropic"))
def test_r3_4_empty_result_to_claude(pair: Pair, content: Any) -> None:
    """R3.4: forwarded with no content or with []; all else as it was."""
    body = sparse(content)
    assert messages(pair, body).status == 200
    sent = copy.deepcopy(pair.up.body())
    block = sent["messages"][-1]["content"][0]
    assert block.pop("content", []) in ([], "")
    want = copy.deepcopy(body)
    want["messages"][-1]["content"][0].pop("content", None)
    assert sent == {"model": "claude-haiku-4-5", "max_tokens": 1000, **want}


@pytest.mark.parametrize(
    "content",
    [
        "one two",
        ["one", " two"],
        {"type": "text", "text": "one two"},
        [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        ["one", {"type": "text", "text": "two"}],
    ],
    ids=["str", "strings", "object", "blocks", "mix"],
)
@pairs(*(("anthropic", p) for p in ("chat", "responses", "gemini")))
def test_r3_7_text_in_any_form(pair: Pair, content: Any) -> None:
    assert messages(pair, sparse(content)).status == 200
    (result,) = pair.asked().results
    assert result.text.split() == ["one", "two"]


@pairs(*(("anthropic", p) for p in DIALECTS))
def test_r3_8_an_error_without_words(pair: Pair) -> None:
    assert messages(pair, sparse(ABSENT, is_error=True)).status == 200
    (result,) = pair.asked().results
    assert result.error or result.text


@both
@pairs(*(("anthropic", p) for p in DIALECTS))
def test_r3_9_an_image_in_a_result(pair: Pair, stream: bool) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    content = [{"type": "text", "text": "seen"}, {"type": "image", "source": source}]
    response = messages(pair, {**sparse(content), **({"stream": True} if stream else {})})
    assert response.status == 200
    asked = pair.asked()
    assert "seen" in asked.results[0].text
    assert Media("image/png", PNG) in asked.results[0].media + asked.media


@pairs(*(("chat", p) for p in ("responses", "anthropic", "gemini")))
def test_r3_10_chat_without_content(pair: Pair) -> None:
    client = pair.client(Ask(tools=[Tool("get_weather", "", WEATHER)]))
    pair.up.say(Said([Call("get_weather", {"city": "Oslo"})], "tools"))
    client.user("weather?")
    client.results(Result(client.send().calls[0], None))
    assert "content" not in client.history[-1]
    client.send()
    assert [r.text for r in pair.asked().results] == [""]


@pairs(*(("responses", p) for p in ("chat", "anthropic", "gemini")))
def test_r3_10_responses_without_output(pair: Pair) -> None:
    client = pair.client(Ask(tools=[Tool("get_weather", "", WEATHER)]))
    pair.up.say(Said([Call("get_weather", {"city": "Oslo"})], "tools"))
    client.user("weather?")
    client.results(Result(client.send().calls[0], None))
    assert "output" not in client.history[-1]
    client.send()
    assert [r.text for r in pair.asked().results] == [""]


@pairs(*(("gemini", p) for p in ("chat", "anthropic", "responses")))
def test_r3_10_gemini_without_response(pair: Pair) -> None:
    client = pair.client(Ask(tools=[Tool("get_weather", "", WEATHER)]))
    pair.up.say(Said([Call("get_weather", {"city": "Oslo"})], "tools"))
    client.user("weather?")
    client.results(Result(client.send().calls[0], None))
    assert "response" not in client.history[-1]["parts"][0]["functionResponse"]
    client.send()
    assert pair.asked().results[0].text in ("", "{}")


@pairs(*(("anthropic", p) for p in ("chat", "responses", "gemini")))
def test_r3_11_a_result_of_no_call(pair: Pair) -> None:
    body = sparse("cold")
    del body["messages"][1]
    assert messages(pair, body).status == 200  # and the provider refuses nothing


# -- R6: includeThoughts --------------------------------------------------------------------------

FLASH = "gemini-3-flash-preview"


def thinking_config(pair: Pair) -> dict[str, Any]:
    text = json.dumps(pair.up.body())
    assert "include_thoughts" not in text and "thinking_config" not in text
    assert "generation_config" not in text
    return pair.up.body()["generationConfig"]["thinkingConfig"]


@pairs(("gemini", "gemini"))
def test_r6_1_snake_case(pair: Pair) -> None:
    body = {"generationConfig": {"thinkingConfig": {"include_thoughts": True}}}
    assert to_gemini(pair.gateway, FLASH, body).status == 200
    assert thinking_config(pair) == {"includeThoughts": True}


@pairs(("gemini", "gemini"))
def test_r6_2_camel_case_wins(pair: Pair) -> None:
    both_said = {"includeThoughts": False, "include_thoughts": True}
    body = {"generationConfig": {"thinkingConfig": both_said}}
    assert to_gemini(pair.gateway, FLASH, body).status == 200
    assert thinking_config(pair) == {"includeThoughts": False}


@pairs(("gemini", "gemini"))
def test_r6_3_snake_case_containers(pair: Pair) -> None:
    body = {"generation_config": {"thinking_config": {"include_thoughts": True}}}
    assert to_gemini(pair.gateway, FLASH, body).status == 200
    assert thinking_config(pair) == {"includeThoughts": True}


@pytest.mark.parametrize("said", [{"thinking_level": "low"}, {"thinking_budget": 512}], ids=str)
@pairs(("gemini", "gemini"))
def test_r6_4_level_or_budget(pair: Pair, said: dict[str, Any]) -> None:
    body = {"generationConfig": {"thinkingConfig": {"include_thoughts": True, **said}}}
    assert to_gemini(pair.gateway, FLASH, body).status == 200
    config = thinking_config(pair)
    assert config.pop("includeThoughts") is True
    assert config in ({"thinkingLevel": "low"}, {"thinkingBudget": 512})


@both
@pairs(("chat", "gemini"))
def test_r6_5_chat_effort(pair: Pair, stream: bool) -> None:
    pair.up.say(Said([Reasoning("Hm."), Text("So.")]))
    client = pair.client(Ask(effort="medium"), FLASH)
    client.user("think")
    said = client.send(stream)
    assert thinking_config(pair) == {"includeThoughts": True, "thinkingLevel": "medium"}
    assert said.reasoning == "Hm."


@pairs(("chat", "gemini"))
def test_r6_6_extra_body(pair: Pair) -> None:
    extra = {"google": {"thinking_config": {"include_thoughts": True, "thinking_budget": 1024}}}
    pair.up.say(Said([Reasoning("Hm."), Text("So.")]))
    client = pair.client(Ask(extra={"extra_body": extra}), "gemini-2.5-flash")
    client.user("think")
    said = client.send()
    assert thinking_config(pair) == {"includeThoughts": True, "thinkingBudget": 1024}
    assert said.reasoning == "Hm."


@both
@pairs(("anthropic", "gemini"))
def test_r6_7_messages_hear_thoughts(pair: Pair, stream: bool) -> None:
    pair.up.say(Said([Reasoning("Hm."), Text("So.")]))
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    client = pair.client(Ask(extra=thinking), "gemini-2.5-flash")
    client.user("think")
    said = client.send(stream)
    assert thinking_config(pair) == {"includeThoughts": True, "thinkingBudget": 2048}
    assert said.reasoning == "Hm."


@pairs(("chat", "gemini"), ("gemini", "gemini"))
def test_r6_8_explicitly_none(pair: Pair) -> None:
    """No thoughts reach the client; what they cost is counted."""
    extra: dict[str, Any] = {"generationConfig": {"thinkingConfig": {"includeThoughts": False}}}
    if pair.speaks == "chat":
        google = {"google": {"thinking_config": {"include_thoughts": False}}}
        extra = {"extra_body": google, "reasoning_effort": "low"}
    pair.up.say(Said([Reasoning("Hm."), Text("So.")], usage=Usage(9, 30, 0, 0, 20)))
    client = pair.client(Ask(extra=extra), FLASH)
    client.user("think")
    said = client.send()
    assert thinking_config(pair)["includeThoughts"] is False
    assert said.reasoning == "" and said.usage == Usage(9, 30, 0, 0, 20)


@pairs(("chat", "gemini"), ("gemini", "gemini"), ("anthropic", "gemini"))
def test_r6_10_none_is_the_least(pair: Pair) -> None:
    client = pair.client(None, FLASH + "(none)")
    client.user("hi")
    assert client.send().text == "ok"
    config = thinking_config(pair)
    assert config.get("thinkingLevel") == "minimal" or config["thinkingBudget"] == 128


# -- R7: defer_loading ----------------------------------------------------------------------------


def gemini_ok() -> Any:
    scene = Scene({}, "gemini-2.5-flash", Ids(1), str)
    return ok(VOICES["gemini"](scene).whole(Said([Text("ok")])))


@pytest.mark.parametrize("name", ["google_search", "googleSearch"])
@pairs(("chat", "gemini"))
def test_r7_1_search_in_chat(pair: Pair, name: str) -> None:
    """With a member that nobody knows (`foo`), which the strict provider would refuse."""
    tool = {name: {"defer_loading": True, "foo": 1}}
    pair.up.then(gemini_ok())
    client = pair.client(Ask(extra={"tools": [tool]}))
    client.user("hi")
    assert client.send().text == "ok"
    assert pair.up.last().json()["tools"] == [{"googleSearch": {"foo": 1}}]


def no_word(value: Any, *words: str) -> None:
    text = json.dumps(value)
    assert not [w for w in words if f'"{w}"' in text], text


@pairs(("chat", "gemini"))
def test_r7_3_at_every_depth(pair: Pair) -> None:
    function = {"name": "f", "parameters": WEATHER, "defer_loading": True, "deferLoading": True}
    tool = {"type": "function", "function": function, "deferLoading": True}
    client = pair.client(Ask(extra={"tools": [tool]}))
    client.user("hi")
    client.send()
    no_word(pair.up.body(), "defer_loading", "deferLoading")
    assert list(pair.asked().tools) == ["f"]


@pairs(("gemini", "gemini"))
def test_r7_4_native(pair: Pair) -> None:
    search = {"googleSearch": {"defer_loading": True}, "deferLoading": True}
    function = {"name": "f", "description": "d", "deferLoading": True}
    tools = [search, {"functionDeclarations": [function], "defer_loading": True}]
    assert to_gemini(pair.gateway, FLASH, {"tools": tools}).status == 200
    assert pair.up.body()["tools"] == [
        {"googleSearch": {}},
        {"functionDeclarations": [{"name": "f", "description": "d"}]},
    ]


SEARCHED = [
    {"name": "get_weather", "input_schema": WEATHER, "defer_loading": True},
    {"name": "ping", "input_schema": {"type": "object", "properties": {}}},
    {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
]


@pairs(("anthropic", "gemini"))
def test_r7_5_tool_search_to_gemini(pair: Pair) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": SEARCHED}
    assert messages(pair, body).status == 200
    no_word(pair.up.body(), "defer_loading", "deferLoading", "tool_search_tool_regex")
    assert list(pair.asked().tools) == ["get_weather", "ping"]


@pairs(("anthropic", "anthropic"))
def test_r7_6_tool_search_to_claude(pair: Pair) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": SEARCHED}
    assert messages(pair, body).status == 200
    assert pair.up.body()["tools"] == SEARCHED


@pairs(("anthropic", "gemini"), ("gemini", "gemini"))
def test_r7_7_a_parameter_of_that_name(pair: Pair) -> None:
    schema = {"type": "object", "properties": {"defer_loading": {"type": "boolean"}}}
    client = pair.client(Ask(tools=[Tool("f", "d", schema)]))
    client.user("hi")
    client.send()
    assert list(pair.asked().tools["f"][1]["properties"]) == ["defer_loading"]


@pairs(("responses", "responses"))
def test_r7_8_native_in_responses(pair: Pair) -> None:
    tool = {"type": "function", "name": "f", "parameters": WEATHER, "strict": False}
    tools = [{**tool, "defer_loading": True}, {"type": "tool_search"}]
    client = pair.client(Ask(extra={"tools": tools}))
    client.user("hi")
    client.send()
    assert pair.up.body()["tools"] == tools


# -- R14.5: Codex and Claude ----------------------------------------------------------------------

CODEX = [
    {"type": "function", "name": "update_plan", "parameters": WEATHER, "strict": False},
    {
        "type": "custom",
        "name": "apply_patch",
        "description": "Edits files.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: /(.|\\n)+/"},
    },
    {"type": "local_shell"},
]
PATCH = '*** Begin Patch\n*** Add File: a.txt\n+"quoted" \\ \u00e9\n*** End Patch\n'


@both
@pairs(("responses", "anthropic"), ("responses", "gemini"), ("responses", "chat"))
def test_r14_5_codex_tools(pair: Pair, stream: bool) -> None:
    """A function, a custom tool, the local shell: calls and results there and back."""
    ask = Ask(extra={"tools": CODEX})
    client = pair.client(ask, SONNET if pair.to == "anthropic" else "")
    client.user("patch it")
    shell = {"command": ["ls", "-l"], "timeout_ms": 1000}
    pair.up.say(
        Said(
            [Call("#0", {"city": "Oslo"}), Call("#1", {"input": PATCH}), Call("#2", shell)], "tools"
        )
    )
    client.post(stream)
    said = client.read(stream)
    assert [(c.name, c.args) for c in said.calls] == [
        ("update_plan", {"city": "Oslo"}),
        ("apply_patch", PATCH),
    ]
    kinds = [item["type"] for item in said.raw]
    assert kinds == ["function_call", "custom_tool_call", "local_shell_call"]
    assert said.raw[2]["action"]["command"] == ["ls", "-l"]

    client.assistant(said)
    client.results(*(Result(c, f"{c.name} done") for c in said.calls))
    item = said.raw[2]
    client.history.append(
        {"type": "local_shell_call_output", "id": item["call_id"], "output": "a.txt"}
    )
    pair.up.say(Said([Text("done")]))
    assert client.send(stream).text == "done"
    asked = pair.asked()
    assert [c.args for c in asked.calls][:2] == [{"city": "Oslo"}, {"input": PATCH}]
    assert [r.text for r in asked.results] == ["update_plan done", "apply_patch done", "a.txt"]


# -- R15: Claude's thinking -----------------------------------------------------------------------


@pytest.mark.parametrize("level", ["low", "medium", "high", "max"])
@pairs(*((c, "anthropic") for c in DIALECTS))
def test_r15_5_a_level_by_suffix(pair: Pair, level: str) -> None:
    client = pair.client(None, f"claude-opus-4-6({level})")
    client.user("hi")
    assert client.send().text == "ok"
    assert pair.up.body()["thinking"]["type"] == "adaptive"
    assert pair.up.body()["output_config"]["effort"] == level
    assert pair.up.body()["model"] == "claude-opus-4-6"


@pairs(*((c, "anthropic") for c in DIALECTS))
def test_r15_6_a_budget_that_does_not_fit(pair: Pair) -> None:
    """1024 of 1024: whatever is sent, the provider takes it (it is strict about both)."""
    client = pair.client(Ask(effort="low", max_tokens=1024))
    client.user("hi")
    assert client.send().text == "ok"
    thinking = pair.up.body().get("thinking", {})
    assert thinking.get("budget_tokens", 0) < pair.up.body()["max_tokens"]


# -- D10, D11, D14 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", [{"reasoning": {"effort": "x-high"}}, {"reasoning_effort": "x-high"}], ids=str
)
@pairs(("chat", "responses"), ("chat", "chat"))
def test_d10_x_high(pair: Pair, said: dict[str, Any]) -> None:
    client = pair.client(Ask(extra=said), "gpt-5.4" if pair.to == "responses" else "m")
    client.user("hi")
    client.send()
    body = pair.up.body()
    assert (body.get("reasoning") or {}).get("effort", body.get("reasoning_effort")) == "xhigh"


@pairs(("chat", "responses"), ("anthropic", "responses"), ("gemini", "responses"))
def test_d11_structured_output_to_responses(pair: Pair) -> None:
    schema = {**WEATHER, "additionalProperties": False}
    client = pair.client(Ask(schema=schema))
    client.user("hi")
    client.send()
    wanted = pair.up.body()["text"]["format"]
    assert wanted["type"] == "json_schema" and wanted["schema"] == schema and wanted["name"]


@pairs(*(("responses", p) for p in DIALECTS))
def test_d14_usage_streamed_and_whole(pair: Pair) -> None:
    heard = []
    for stream in (False, True):
        pair.up.say(Said([Reasoning("Hm."), Text("So.")], usage=Usage(700, 80, 500, 0, 60)))
        client = pair.thinker()
        client.user("hi")
        heard.append(client.send(stream).usage)
    assert heard[0] == heard[1] and heard[0] is not None
    assert (heard[0].input, heard[0].output, heard[0].cached) == (700, 80, 500)


# -- CS1 to CS4 -----------------------------------------------------------------------------------


@pairs(("chat", "anthropic"))
def test_cs1_whole(pair: Pair) -> None:
    pair.up.say(Said([Text("hello")]))
    response = pair.gateway.chat(SONNET)
    assert response.json()["choices"][0]["message"]["content"] == "hello"


def slowly(pair: Pair, target: str, body: dict[str, Any]) -> tuple[Response, list[float]]:
    """A stream whose provider pauses before each event, and when its pieces came."""
    pair.up.say(Turn(Said([Text("a slow answer, told in pieces")]), gap=0.06))
    response = pair.gateway.post(target, {**body, "stream": True}, headers=ANTHROPIC)
    assert response.status == 200, response.text
    return response, [at for at, _ in response.pieces]


@pairs(("chat", "anthropic"), ("anthropic", "anthropic"), ("responses", "anthropic"))
def test_cs2_cs3_a_stream_keeps_its_pace(pair: Pair) -> None:
    body: dict[str, Any] = {"model": SONNET, "messages": [{"role": "user", "content": "hi"}]}
    target = {"chat": "/v1/chat/completions", "anthropic": "/v1/messages"}.get(pair.speaks)
    if target is None:
        target, body = "/v1/responses", {"model": SONNET, "input": "hi"}
    if pair.speaks == "anthropic":
        body["max_tokens"] = 100
    started = time.monotonic()
    response, times = slowly(pair, target, body)
    heard = events(response)
    assert heard[3].at - started < 0.5 * (heard[-1].at - started), "waited for the end"
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert sum(g > 0.03 for g in gaps) >= 5, f"pieces came together: {gaps}"
    assert CHECK[pair.speaks](heard, pair.cross).text == "a slow answer, told in pieces"
    if pair.speaks == "anthropic":
        assert "ping" in [e.type for e in heard]


@pairs(("anthropic", "chat"), ("anthropic", "gemini"), ("anthropic", "responses"))
def test_cs4_the_first_words_are_not_held_for_the_next(pair: Pair) -> None:
    pair.up.say(Turn(Said([Text("a slow answer, told in pieces")]), gap=0.08))
    client = pair.client()
    client.user("hi")
    response = client.post(stream=True)
    words = [e for e in events(response) if e.type == "content_block_delta"]
    assert client.read(stream=True).text == "a slow answer, told in pieces"
    gaps = [b.at - a.at for a, b in zip(words, words[1:])]
    assert gaps[0] > 0.04 and sum(g > 0.04 for g in gaps) >= len(gaps) - 1, gaps


def test_images_are_what_they_say() -> None:
    """The constants shared by these tests pass the strict providers' own look at them."""
    from support.rules import media

    assert media(Image().mime, Image().data) == "" and schemas.available()
