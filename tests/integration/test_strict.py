"""The strict providers and the checkers themselves: each rule has a request that breaks it and one
that keeps it; what the providers say passes the schema and the stream grammar of its own dialect;
and both work over sockets, through the real program.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Iterator

import pytest

from conftest import Stage
from support import schemas
from support.client import events, events_of
from support.gateway import CLIENT_KEY, Gateway
from support.grammar import CHECK, gemini_chunks
from support.rules import RULES, Memory, broken
from support.said import READ, Call, Citation, Reasoning, Refusal, Said, Text, Usage
from support.speak import VOICES, Ids, Scene
from support.strict import STRICT, Strict, Turn, provider

pytestmark = pytest.mark.skipif(
    not schemas.available(), reason=f"no published schemas at {schemas.published.SPECS}"
)

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**SCHEMA, "additionalProperties": False}
SIGNED = Memory("m", {"sig": "Hm.", "data": ""}, {"rs_kept"})

# -- short ways to write requests -----------------------------------------------------------------


def user(text: Any = "hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [user()], **more}


def chat_calls(*ids: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    calls = [{"id": i, "type": "function", "function": function} for i in ids]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def tool(call: str, content: Any = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": content}


def chat_tool(name: str = "f", parameters: Any = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "parameters": parameters or SCHEMA, **more}
    return {"type": "function", "function": function}


def chat_image(url: str) -> list[dict[str, Any]]:
    return [{"type": "image_url", "image_url": {"url": url}}]


def chat_format(name: str, schema: Any, strict: bool = True) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": schema, "strict": strict},
    }


def responses(*items: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "hi", **more}


def function_call(call: str, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call, "name": name, "arguments": "{}", **more}


def output(call: str, value: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call, "output": value, **more}


def reasoning(**more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], **more}


def function(name: str = "f", parameters: Any = None, strict: bool = False) -> dict[str, Any]:
    parameters = parameters or SCHEMA
    return {"type": "function", "name": name, "parameters": parameters, "strict": strict}


def messages(*turns: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 4096, "messages": list(turns) or [user()], **more}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def text(words: str = "hi", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def use(call: str = "t1", name: str = "f") -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": name, "input": {}}


def result(call: str = "t1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call, **more}


def thinking(signature: str = "sig", words: str = "Hm.") -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": signature}


def image(mime: str = "image/png", data: str = PNG) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}


def named(name: str = "f", schema: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": schema or SCHEMA, **more}


BUDGET = {"type": "enabled", "budget_tokens": 1024}
ADAPTIVE = {"type": "adaptive"}
MARK = {"cache_control": {"type": "ephemeral"}}


def gemini(*contents: Any, **more: Any) -> dict[str, Any]:
    return {"contents": list(contents) or [turn()], **more}


def turn(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": list(parts) or [{"text": "hi"}]}


def model(*parts: Any) -> dict[str, Any]:
    return turn(*parts, role="model")


def call(name: str = "f", signature: str = "", **more: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": {}, **more}}
    return {**part, "thoughtSignature": signature} if signature else part


def answer(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"result": ""}, **more}}


def declare(*functions: Any) -> list[dict[str, Any]]:
    return [{"functionDeclarations": list(functions)}]


def declared(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "does it", **more}


def config(**more: Any) -> dict[str, Any]:
    return gemini(generationConfig=more)


UPPER = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
G3 = Memory("gemini-3-pro-preview", {"sig": ""})
G2 = Memory("gemini-2.5-pro", {"sig": ""})


def upper(**more: Any) -> dict[str, Any]:
    return gemini(tools=declare(declared(parameters={**UPPER, **more})))


# -- one line a rule: its name, a request that breaks it, a request that keeps it -----------------

CASES: list[tuple[Any, ...]] = [
    (
        "chat_calls_are_answered",
        chat(user(), chat_calls("a", "b"), tool("a"), user()),
        chat(user(), chat_calls("a", "b"), tool("b"), tool("a"), user()),
    ),
    ("chat_calls_are_answered", chat(user(), tool("a")), chat(user(), chat_calls("a"), tool("a"))),
    ("chat_calls_are_answered", chat(user(), chat_calls("a")), chat(user())),
    (
        "chat_calls_are_answered",
        chat(user(), chat_calls("a"), tool("a"), tool("a")),
        chat(user(), chat_calls("a"), tool("a"), chat_calls("a"), tool("a")),
    ),
    (
        "chat_call_ids_are_short",
        chat(user(), chat_calls("x" * 41), tool("x" * 41)),
        chat(user(), chat_calls("x" * 40), tool("x" * 40)),
    ),
    (
        "chat_tool_names",
        chat(tools=[chat_tool("mcp.tool")]),
        chat(tools=[chat_tool("mcp__tool-1" + "x" * 53)]),
    ),
    (
        "chat_arguments_are_objects",
        chat(user(), chat_calls("a", arguments="[]"), tool("a")),
        chat(user(), chat_calls("a", arguments='{"a":1}'), tool("a")),
    ),
    (
        "chat_response_format",
        chat(response_format=chat_format("my format", CLOSED)),
        chat(response_format=chat_format("my_format", CLOSED)),
    ),
    (
        "chat_response_format",
        chat(response_format=chat_format("f", SCHEMA)),
        chat(response_format=chat_format("f", SCHEMA, strict=False)),
    ),
    (
        "chat_json_is_mentioned",
        chat(response_format={"type": "json_object"}),
        chat(user("as JSON"), response_format={"type": "json_object"}),
    ),
    (
        "chat_choice_needs_tools",
        chat(tool_choice="auto"),
        chat(tool_choice="auto", tools=[chat_tool()]),
    ),
    ("chat_choice_needs_tools", chat(tools=[]), chat()),
    (
        "chat_choice_names_a_tool",
        chat(tools=[chat_tool()], tool_choice={"type": "function", "function": {"name": "g"}}),
        chat(tools=[chat_tool()], tool_choice={"type": "function", "function": {"name": "f"}}),
    ),
    ("chat_one_limit", chat(max_tokens=1, max_completion_tokens=1), chat(max_tokens=1)),
    ("chat_one_limit", chat(max_tokens=1), chat(max_completion_tokens=1), Memory("gpt-5.2")),
    (
        "chat_tool_schemas",
        chat(tools=[chat_tool(parameters={"type": "object"})]),
        chat(tools=[chat_tool(parameters={"type": "object", "properties": {}})]),
    ),
    (
        "chat_tool_schemas",
        chat(tools=[chat_tool(strict=True)]),
        chat(tools=[chat_tool(parameters=CLOSED, strict=True)]),
    ),
    (
        "chat_assistants_say_something",
        chat(user(), {"role": "assistant", "content": None}, user()),
        chat(user(), {"role": "assistant", "content": ""}, user()),
    ),
    (
        "chat_images_are_sound",
        chat(user(chat_image("data:image/jpeg;base64," + PNG))),
        chat(user(chat_image("data:image/png;base64," + PNG))),
    ),
    (
        "chat_images_are_sound",
        chat(user(chat_image(PNG))),
        chat(user(chat_image("https://example.com/a.png"))),
    ),
    (
        "chat_stream_options",
        chat(stream_options={"include_usage": True}),
        chat(stream_options={"include_usage": True}, stream=True),
    ),
    ("chat_top_logprobs", chat(top_logprobs=1), chat(top_logprobs=1, logprobs=True)),
    (
        "chat_reasoners_take_no_sampling",
        chat(temperature=0.5),
        chat(temperature=1),
        Memory("o4-mini"),
    ),
    # -- Responses
    (
        "responses_call_ids_are_short",
        responses(function_call("x" * 65), output("x" * 64)),
        responses(function_call("x" * 64), output("x" * 64)),
    ),
    (
        "responses_calls_are_answered",
        responses(function_call("a")),
        responses(function_call("a"), output("a")),
    ),
    (
        "responses_calls_are_answered",
        responses(output("a")),
        responses(function_call("a"), output("a")),
    ),
    (
        "responses_item_ids",
        responses(function_call("a", id="call_1"), output("a")),
        responses(function_call("a", id="fc_1"), output("a")),
    ),
    (
        "responses_item_ids",
        responses(
            function_call("a", id="fc_1"), function_call("b", id="fc_1"), output("a"), output("b")
        ),
        responses(
            function_call("a", id="fc_1"), function_call("b", id="fc_2"), output("a"), output("b")
        ),
    ),
    (
        "responses_reasoning_is_its_own",
        responses(reasoning(encrypted_content="theirs"), function_call("a"), output("a")),
        responses(reasoning(encrypted_content="sig"), function_call("a"), output("a")),
    ),
    (
        "responses_reasoning_is_its_own",
        responses(reasoning(), function_call("a"), output("a")),
        responses({**reasoning(), "id": "rs_kept"}, function_call("a"), output("a")),
    ),
    (
        "responses_reasoning_is_followed",
        responses(reasoning(encrypted_content="sig"), user()),
        responses(
            reasoning(encrypted_content="sig"), {"role": "assistant", "content": "so"}, user()
        ),
    ),
    (
        "responses_tool_names",
        responses(tools=[function("a.b")]),
        responses(tools=[function("a_b")]),
    ),
    (
        "responses_tool_schemas",
        responses(tools=[function(strict=True)]),
        responses(tools=[function(parameters=CLOSED, strict=True)]),
    ),
    (
        "responses_choice_names_a_tool",
        responses(tools=[function()], tool_choice={"type": "function", "name": "g"}),
        responses(tools=[function()], tool_choice={"type": "function", "name": "f"}),
    ),
    (
        "responses_text_format",
        responses(text={"format": {"type": "json_schema", "name": "a b", "schema": CLOSED}}),
        responses(text={"format": {"type": "json_schema", "name": "ab", "schema": CLOSED}}),
    ),
    (
        "responses_json_is_mentioned",
        responses(text={"format": {"type": "json_object"}}),
        responses(text={"format": {"type": "json_object"}}, instructions="Answer in JSON."),
    ),
    (
        "responses_knows_the_previous",
        responses(previous_response_id="resp_gone"),
        responses(previous_response_id="rs_kept"),
    ),
    (
        "responses_parts_fit_the_role",
        responses(user([{"type": "output_text", "text": "hi"}])),
        responses(user([{"type": "input_text", "text": "hi"}])),
        SIGNED,
        "the schema knows it too",
    ),
    (
        "responses_images_are_sound",
        responses(user([{"type": "input_image", "image_url": PNG}])),
        responses(user([{"type": "input_image", "image_url": "data:image/png;base64," + PNG}])),
    ),
    (
        "responses_arguments_are_objects",
        responses({**function_call("a"), "arguments": ""}, output("a")),
        responses({**function_call("a"), "arguments": "{}"}, output("a")),
    ),
    ("responses_have_input", {"model": "m", "input": []}, {"model": "m", "input": "hi"}),
    (
        "responses_reasoners_take_no_sampling",
        responses(temperature=0.5, reasoning={"effort": "low"}),
        responses(temperature=0.5),
        Memory("gpt-5.2"),
    ),
    (
        "responses_reasoners_take_no_sampling",
        responses(temperature=0.5),
        responses(reasoning={"effort": "low"}),
        Memory("gpt-5-mini"),
    ),
    # -- Messages
    ("anthropic_max_tokens", {**messages(), "max_tokens": 0}, {**messages(), "max_tokens": 1}),
    ("anthropic_user_begins", messages(assistant(text())), messages(user(), assistant(text()))),
    (
        "anthropic_tool_ids",
        messages(user(), assistant(use("a.b")), user([result("a.b")])),
        messages(user(), assistant(use("a-b_1")), user([result("a-b_1")])),
    ),
    (
        "anthropic_uses_are_answered",
        messages(user(), assistant(use("a"), use("b")), user([result("a")])),
        messages(user(), assistant(use("a"), use("b")), user([result("b"), result("a")])),
    ),
    (
        "anthropic_uses_are_answered",
        messages(user(), assistant(use()), user([text(), result()])),
        messages(user(), assistant(use()), user([result(), text()])),
    ),
    (
        "anthropic_uses_are_answered",
        messages(user([result("t9")])),
        messages(user(), assistant(text("so"))),
    ),
    ("anthropic_texts_are_not_empty", messages(user([text(" ")])), messages(user([text("a ")]))),
    ("anthropic_texts_are_not_empty", messages(system=[text("")]), messages(system=[text("a")])),
    (
        "anthropic_prefill_is_trimmed",
        messages(user(), assistant(text("So "))),
        messages(user(), assistant(text("So"))),
    ),
    (
        "anthropic_signatures_are_its_own",
        messages(user(), assistant(thinking("theirs"), text()), user()),
        messages(user(), assistant(thinking("sig"), text()), user()),
    ),
    (
        "anthropic_signatures_are_its_own",
        messages(user(), assistant(thinking(words="Changed."), text()), user()),
        messages(user(), assistant({"type": "redacted_thinking", "data": "data"}, text()), user()),
    ),
    (
        "anthropic_loops_keep_thinking",
        messages(user(), assistant(use()), user([result()]), thinking=BUDGET),
        messages(user(), assistant(thinking(), use()), user([result()]), thinking=BUDGET),
    ),
    (
        "anthropic_loops_keep_thinking",
        messages(user(), assistant(text(), use()), user([result()]), thinking=BUDGET),
        messages(user(), assistant(use()), user([result()]), thinking=ADAPTIVE),
    ),
    (
        "anthropic_thinking_stands_alone",
        messages(thinking=BUDGET, temperature=0.5),
        messages(thinking=BUDGET, temperature=1),
    ),
    ("anthropic_thinking_stands_alone", messages(thinking=ADAPTIVE, top_k=5), messages(top_k=5)),
    (
        "anthropic_thinking_stands_alone",
        messages(thinking=BUDGET, top_p=0.9),
        messages(thinking=BUDGET, top_p=0.95),
    ),
    (
        "anthropic_thinking_stands_alone",
        messages(thinking=BUDGET, tools=[named()], tool_choice={"type": "any"}),
        messages(thinking=ADAPTIVE, tools=[named()], tool_choice={"type": "any"}),
    ),
    (
        "anthropic_budget_fits",
        {**messages(thinking=BUDGET), "max_tokens": 1024},
        {**messages(thinking=BUDGET), "max_tokens": 1025},
    ),
    (
        "anthropic_budget_fits",
        messages(thinking={"type": "enabled", "budget_tokens": 1023}),
        messages(thinking=BUDGET),
    ),
    (
        "anthropic_input_schemas",
        messages(tools=[named(schema={"properties": {}})]),
        messages(tools=[named(schema={"type": "object"})]),
    ),
    (
        "anthropic_input_schemas",
        messages(tools=[named(schema={"type": "object", "anyOf": [SCHEMA]})]),
        messages(
            tools=[named(schema={"type": "object", "properties": {"a": {"anyOf": [SCHEMA]}}})]
        ),
    ),
    (
        "anthropic_input_schemas",
        messages(tools=[named(schema={**SCHEMA, "properties": {"a": {"type": "text"}}})]),
        messages(tools=[named()]),
    ),
    ("anthropic_tool_names", messages(tools=[named("a b")]), messages(tools=[named("a" * 128)])),
    (
        "anthropic_tool_names",
        messages(tools=[named(), named()]),
        messages(tools=[named(), named("g")]),
    ),
    (
        "anthropic_few_cache_marks",
        messages(system=[text("a", **MARK)] * 5),
        messages(system=[text("a", **MARK)] * 4),
    ),
    ("anthropic_sampling", messages(temperature=1.5), messages(temperature=1)),
    ("anthropic_sampling", messages(temperature=1, top_p=0.9), messages(top_p=0.9)),
    (
        "anthropic_choice_needs_tools",
        messages(tool_choice={"type": "auto"}),
        messages(tool_choice={"type": "none"}, tools=[named()]),
    ),
    (
        "anthropic_choice_needs_tools",
        messages(tool_choice={"type": "tool", "name": "g"}, tools=[named()]),
        messages(tool_choice={"type": "tool", "name": "f"}, tools=[named()]),
    ),
    (
        "anthropic_stops_say_something",
        messages(stop_sequences=["\n"]),
        messages(stop_sequences=["\n#"]),
    ),
    (
        "anthropic_media_is_sound",
        messages(user([image("image/jpeg")])),
        messages(user([image("image/png")])),
    ),
    (
        "anthropic_media_is_sound",
        messages(user([image(data="data:image/png;base64," + PNG)])),
        messages(user([{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}])),
    ),
    (
        "anthropic_assistants_send_no_media",
        messages(user(), assistant(image()), user()),
        messages(user([image()])),
    ),
    (
        "anthropic_output_schemas",
        messages(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
        messages(output_config={"format": {"type": "json_schema", "schema": CLOSED}}),
    ),
    (
        "anthropic_newest_take_no_sampling",
        messages(temperature=0.5),
        messages(temperature=1),
        Memory("claude-opus-4-7"),
    ),
    (
        "anthropic_ways_to_think",
        messages(thinking=BUDGET),
        messages(thinking=ADAPTIVE),
        Memory("claude-opus-5"),
    ),
    (
        "anthropic_ways_to_think",
        messages(thinking=ADAPTIVE),
        messages(thinking=BUDGET),
        Memory("claude-haiku-4-5"),
    ),
    (
        "anthropic_efforts",
        messages(output_config={"effort": "xhigh"}),
        messages(output_config={"effort": "max"}),
        Memory("claude-opus-4-6"),
    ),
    (
        "anthropic_efforts",
        messages(output_config={"effort": "low"}),
        messages(),
        Memory("claude-haiku-4-5"),
    ),
    (
        "anthropic_prefill_is_gone",
        messages(user(), assistant(text())),
        messages(user(), assistant(text()), user()),
        Memory("claude-opus-4-6"),
    ),
    # -- Gemini
    (
        "gemini_parameters",
        upper(properties={"city": {"type": "STRING", "properties": {"x": {"type": "STRING"}}}}),
        upper(properties={"city": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}}}),
    ),
    ("gemini_roles", gemini(model()), gemini(turn(), model(), turn())),
    ("gemini_roles", gemini(turn(role="assistant")), gemini(turn(role="user"))),
    ("gemini_roles", {"contents": []}, gemini()),
    ("gemini_turns_alternate", gemini(turn(), turn()), gemini(turn(), model(), turn())),
    ("gemini_parts_hold_something", gemini({"role": "user", "parts": []}), gemini()),
    (
        "gemini_parts_hold_something",
        gemini(turn({"text": ""})),
        gemini(turn(), model({"text": "", "thoughtSignature": "sig"}), turn()),
    ),
    (
        "gemini_parts_hold_something",
        gemini(turn({"thought": True})),
        gemini(systemInstruction={"parts": [{"text": "be kind"}]}),
    ),
    (
        "gemini_calls_are_answered",
        gemini(turn(), model(call("f"), call("g")), turn(answer("f"))),
        gemini(turn(), model(call("f"), call("g")), turn(answer("f"), answer("g"))),
        G2,
    ),
    (
        "gemini_calls_are_answered",
        gemini(turn(), model(call("f"), call("g")), turn(answer("g"), answer("f"))),
        gemini(turn(), model(call("f", id="1")), turn(answer("f", id="1"))),
        G2,
    ),
    (
        "gemini_calls_are_answered",
        gemini(turn(), model(call("f", id="1")), turn(answer("f"))),
        gemini(turn(), model(call("f")), turn(answer("f"))),
        G2,
    ),
    (
        "gemini_steps_are_signed",
        gemini(turn(), model(call()), turn(answer())),
        gemini(turn(), model(call(signature="sig"), call()), turn(answer(), answer())),
        G3,
    ),
    (
        "gemini_steps_are_signed",
        gemini(turn(), model(call(signature="sig")), turn(answer()), model(call()), turn(answer())),
        gemini(turn(), model(call()), turn(answer()), model(), turn()),
        G3,
    ),
    (
        "gemini_signatures_are_its_own",
        gemini(turn(), model(call(signature="dGhlaXJz")), turn(answer())),
        gemini(turn(), model(call(signature="skip_thought_signature_validator")), turn(answer())),
        G3,
    ),
    ("gemini_parameters", upper(properties={}, required=[]), upper()),
    ("gemini_parameters", upper(required=["town"]), upper(required=[])),
    (
        "gemini_parameters",
        upper(properties={"city": {"type": "ARRAY"}}),
        upper(properties={"city": {"type": "ARRAY", "items": {"type": "STRING"}}}),
    ),
    (
        "gemini_parameters",
        upper(properties={"city": {"type": "STRING", "format": "uri"}}),
        upper(properties={"city": {"type": "STRING", "format": "date-time"}}),
    ),
    (
        "gemini_parameters",
        gemini(tools=declare(declared(parameters=UPPER, parametersJsonSchema=SCHEMA))),
        gemini(tools=declare(declared(parametersJsonSchema=SCHEMA))),
    ),
    (
        "gemini_function_names",
        gemini(tools=declare(declared("1st"))),
        gemini(tools=declare(declared("_1.a:b-c"))),
    ),
    (
        "gemini_function_names",
        gemini(tools=declare(declared(), declared())),
        gemini(tools=declare(declared(), declared("g"))),
    ),
    (
        "gemini_one_way_to_think",
        config(thinkingConfig={"thinkingLevel": "low", "thinkingBudget": 1}),
        config(thinkingConfig={"thinkingLevel": "low", "includeThoughts": True}),
        G3,
    ),
    (
        "gemini_one_way_to_think",
        config(thinkingConfig={"thinkingLevel": "low"}),
        config(thinkingConfig={"thinkingBudget": 128}),
        G2,
    ),
    ("gemini_penalties", config(presencePenalty=0.5), config(seed=1), G2),
    ("gemini_penalties", config(frequencyPenalty=0.5), config(temperature=1), G3),
    ("gemini_sampling", config(temperature=2.5), config(temperature=2)),
    ("gemini_sampling", config(stopSequences=list("abcdef")), config(stopSequences=list("abcde"))),
    (
        "gemini_response_schema",
        config(responseJsonSchema=SCHEMA),
        config(responseJsonSchema=SCHEMA, responseMimeType="application/json"),
    ),
    (
        "gemini_response_schema",
        {**config(responseMimeType="application/json"), "tools": declare(declared())},
        config(responseMimeType="application/json"),
        G2,
    ),
    (
        "gemini_calling_config",
        gemini(toolConfig={"functionCallingConfig": {"mode": "AUTO"}}),
        gemini(toolConfig={"functionCallingConfig": {"mode": "AUTO"}}, tools=declare(declared())),
    ),
    (
        "gemini_calling_config",
        gemini(
            toolConfig={"functionCallingConfig": {"allowedFunctionNames": ["f"]}},
            tools=declare(declared()),
        ),
        gemini(
            toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            tools=declare(declared()),
        ),
    ),
    (
        "gemini_media_is_sound",
        gemini(turn({"inlineData": {"mimeType": "application/octet-stream", "data": PNG}})),
        gemini(turn({"inlineData": {"mimeType": "image/png", "data": PNG}})),
    ),
    (
        "gemini_thoughts_are_the_models",
        gemini(turn({"text": "Hm.", "thought": True})),
        gemini(turn(), model({"text": "Hm.", "thought": True}), turn()),
    ),
]


def _dialect(rule: str) -> str:
    return rule.partition("_")[0]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0])
def test_each_rule_refuses_and_lets_through(case: tuple[Any, ...]) -> None:
    rule, bad, good, *more = case
    memory = more[0] if more else SIGNED
    dialect = _dialect(rule)
    assert schemas.problems(dialect, "request", good) == []
    assert broken(dialect, good, memory) == []
    if len(more) < 2:  # else the schema refuses it before
        assert schemas.problems(dialect, "request", bad) == []
    assert rule in [name for name, _ in broken(dialect, bad, memory)]


def test_each_rule_has_a_case() -> None:
    assert {r.name for r in RULES} - {c[0] for c in CASES} == set()


UNKNOWN = [
    ("chat", chat(surprise=1), "surprise"),
    ("chat", chat({**user(), "cache_control": {}}), "cache_control"),
    ("chat", chat(user(), chat_calls("a"), tool("a", chat_image("https://a/b.png"))), "image_url"),
    ("chat", chat(stop=list("abcde")), "4 items"),
    ("responses", responses(surprise=1), "surprise"),
    ("responses", responses(max_output_tokens=15), "minimum of 16"),
    ("responses", responses({**function_call("a"), "index": 0}, output("a")), "index"),
    ("responses", responses(tools=[{"type": "function", "name": "f"}]), "strict"),
    ("anthropic", messages(surprise=1), "surprise"),
    ("anthropic", messages(user([text(index=0)])), "index"),
    ("anthropic", messages(tools=[{"name": "f"}]), "input_schema"),
    ("anthropic", messages(user([{"type": "thinking", "thinking": "Hm."}])), "signature"),
    ("gemini", gemini(generation_config={}), "generation_config"),
    ("gemini", config(thinkingConfig={"include_thoughts": True}), "include_thoughts"),
    ("gemini", upper(additionalProperties=False), "additionalProperties"),
    ("gemini", upper(properties={"c": {"type": ["STRING", "NULL"]}}), "STRING"),
    ("gemini", gemini(turn({"functionResponse": {"name": "f"}})), "response"),
    ("gemini", gemini(turn({"text": "a", "functionCall": {"name": "f"}})), "not"),
]


@pytest.mark.parametrize(
    "dialect,body,word", UNKNOWN, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_nobody_published_is_named(dialect: str, body: Any, word: str) -> None:
    found = schemas.problems(dialect, "request", body)
    assert found and word in "; ".join(map(str, found))


# -- what the providers say -----------------------------------------------------------------------

SCRIPTS = {
    "text": Said([Text("Grüße, “Welt” \U0001f44b\n\ttab \\ back")], usage=Usage(11, 7)),
    "nothing": Said([]),
    "length": Said([Text("cut o")], "length"),
    "reasoning": Said(
        [Reasoning("First this.\nThen that."), Text("So.")], usage=Usage(20, 30, 8, 0, 12)
    ),
    "call": Said(
        [Call("get_weather", {"city": 'Os"lo\\', "n": 1.5, "deep": {"a": [None]}})], "tools"
    ),
    "calls": Said(
        [Text("Both."), Call("get_weather", {"city": "Oslo"}), Call("ping", {})], "tools"
    ),
    "signed call": Said([Reasoning("Hm."), Call("#0", {"city": "Oslo"}), Call("#1", {})], "tools"),
    "refusal": Said([Text("I ")], "refusal"),
    "cited": Said([Text("It rains.", [Citation("https://a.test/b", "A page", 0, 9)])]),
}


def scene(dialect: str, memory: dict[str, str]) -> Scene:
    body = {
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"summary": "auto"},
        "thinking": ADAPTIVE,
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
        "stream_options": {"include_usage": True},
    }

    def mint(text: str) -> str:
        memory[f"c2ln{len(memory):04d}"] = text
        return f"c2ln{len(memory) - 1:04d}"

    name = "gemini-3-pro-preview" if dialect == "gemini" else "m"
    return Scene(body, name, Ids(1), mint, ["get_weather", "ping"])


def same(heard: Said, said: Said, dialect: str) -> None:
    """What was heard is what was said, apart from names the vendor gave."""
    names = ["get_weather", "ping"]
    assert heard.text == said.text and heard.finish == said.finish
    assert heard.reasoning == said.reasoning
    calls = [(names[int(c.name[1:])] if c.name[0] == "#" else c.name, c.args) for c in said.calls]
    assert [(c.name, c.args) for c in heard.calls] == calls
    assert [(c.url, c.title) for c in heard.citations] == [(c.url, c.title) for c in said.citations]
    if said.usage:
        usage = copy.copy(said.usage)
        usage.reasoning = 0 if dialect == "anthropic" else usage.reasoning
        assert heard.usage == usage


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("dialect", VOICES)
def test_a_provider_speaks_its_dialect(dialect: str, script: str) -> None:
    said = SCRIPTS[script]
    whole = VOICES[dialect](scene(dialect, {})).whole(said)
    schemas.check(dialect, "answer", whole)
    same(READ[dialect](whole), said, dialect)

    sent = b"".join(VOICES[dialect](scene(dialect, {})).events(said))
    heard = [e for e in events_of([(0.0, sent)]) if not e.comment]
    for event in heard:
        if event.data != "[DONE]":
            schemas.check(dialect, "event", event.json())
    same(CHECK[dialect](heard), said, dialect)


@pytest.mark.parametrize("dialect", VOICES)
def test_a_provider_errs_in_its_dialect(dialect: str) -> None:
    voice = VOICES[dialect](scene(dialect, {}))
    for status in (400, 401, 403, 404, 429, 500, 503):
        schemas.check(dialect, "error", voice.error(status, "no", "model"))
    sent = b"".join([*list(voice.events(SCRIPTS["text"]))[:3]])
    if dialect == "responses":
        voice.count = 3
    heard = [e for e in events_of([(0.0, sent + voice.broken("it fell over"))]) if not e.comment]
    assert CHECK[dialect](heard) == Said(finish="error", error="it fell over")


# -- the grammars refuse --------------------------------------------------------------------------


def _mutilated(dialect: str, script: str) -> Iterator[tuple[str, int, list[Any]]]:
    """The events with one left out, one sent twice, or two neighbours exchanged."""
    sent = b"".join(VOICES[dialect](scene(dialect, {})).events(SCRIPTS[script]))
    whole = [e for e in events_of([(0.0, sent)]) if not e.comment]
    if dialect == "responses":  # which counts: so that it is not the number that gives it away
        for number, event in enumerate(whole):
            event.data = event.data.replace(f'"sequence_number":{number}', '"sequence_number":@')

    def numbered(events: list[Any]) -> list[Any]:
        events = copy.deepcopy(events)
        for number, event in enumerate(events):
            event.data = event.data.replace('"sequence_number":@', f'"sequence_number":{number}')
        return events

    assert CHECK[dialect](numbered(whole)).text == SCRIPTS[script].text
    for i in range(len(whole)):
        yield f"without {i}", i, numbered(whole[:i] + whole[i + 1 :])
        yield f"{i} twice", i, numbered(whole[: i + 1] + whole[i:])
        if i:
            swapped = [*whole[: i - 1], whole[i], whole[i - 1], *whole[i + 1 :]]
            yield f"{i} before {i - 1}", i, numbered(swapped)


def _harmless(what: str, place: int, whole: list[Any]) -> bool:
    """Pings; deltas of nothing; two neighbours that are equal, or of a chat stream's different
    members, which have no order among themselves."""
    one, other = whole[place], whole[max(0, place - 1)]
    if one.type == "ping" or '"partial_json":""' in one.data:
        return True
    if "before" not in what:
        return False
    if other.type == "ping" or '"partial_json":""' in other.data:
        return True
    if {one.type, other.type} == {"response.output_item.added", "response.output_item.done"}:
        return True  # items may overlap
    if one.type == "message" and "[DONE]" not in one.data:
        keys = [list(e.json()["choices"][0]["delta"]) for e in (one, other) if e.json()["choices"]]
        return len(keys) == 2 and keys[0] != keys[1]
    return one.data.replace(" ", "") == other.data.replace(" ", "")


@pytest.mark.parametrize("dialect", ["chat", "responses", "anthropic"])
@pytest.mark.parametrize("script", ["reasoning", "signed call"])
def test_a_stream_out_of_order_is_noticed(dialect: str, script: str) -> None:
    """It is refused, or (a piece of text lost or sent twice) it says something else."""
    sent = b"".join(VOICES[dialect](scene(dialect, {})).events(SCRIPTS[script]))
    whole = [e for e in events_of([(0.0, sent)]) if not e.comment]
    right, quiet = CHECK[dialect](whole), []
    for what, place, stream in _mutilated(dialect, script):
        try:
            if CHECK[dialect](stream) == right and not _harmless(what, place, whole):
                quiet.append((what, whole[place].data))
        except AssertionError:
            continue
    assert quiet == []


def test_a_gemini_stream_out_of_order_is_noticed() -> None:
    chunks = list(VOICES["gemini"](scene("gemini", {})).chunks(SCRIPTS["reasoning"]))
    assert gemini_chunks(chunks).finish == "stop"
    for bad in (chunks[:-1], [*chunks, chunks[-1]], [*chunks, chunks[0]], [chunks[-1], *chunks]):
        with pytest.raises(AssertionError):
            gemini_chunks(bad)
    other = [{**chunks[0], "responseId": "another"}, *chunks[1:]]
    with pytest.raises(AssertionError, match="responseId"):
        gemini_chunks(other)


# -- over sockets, through the program ------------------------------------------------------------

MODELS = {
    "chat": "m",
    "responses": "gpt-5-m",
    "anthropic": "claude-m",
    "gemini": "gemini-3-m",
}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", chat(model="m")),
    "responses": (
        "/v1/responses",
        responses(
            model="gpt-5-m",
            include=["reasoning.encrypted_content"],
            reasoning={"summary": "auto", "effort": "low"},
        ),
    ),
    "anthropic": ("/v1/messages", messages(model="claude-m", thinking=BUDGET)),
    "gemini": (
        "/v1beta/models/gemini-3-m:generateContent",
        config(thinkingConfig={"includeThoughts": True}),
    ),
}
TOOLS: dict[str, Any] = {
    "chat": [chat_tool("get_weather"), chat_tool("ping")],
    "responses": [function("get_weather"), function("ping")],
    "anthropic": [named("get_weather"), named("ping")],
    "gemini": declare(declared("get_weather", parameters=UPPER), declared("ping")),
}


@pytest.fixture(scope="module")
def ups(shared: Stage) -> dict[str, Strict]:
    return {d: shared.add(STRICT[d]()) for d in STRICT}


@pytest.fixture(scope="module")
def gateway(shared: Stage, ups: dict[str, Strict]) -> Gateway:
    entries: dict[str, Any] = {"api-keys": [CLIENT_KEY]}
    for dialect, up in ups.items():
        entries |= provider(up, MODELS[dialect])
    return shared.gateway(entries)


@pytest.fixture
def up(request: pytest.FixtureRequest, ups: dict[str, Strict]) -> Strict:
    provider = ups[request.param]
    provider.forget()
    return provider


def ask(gateway: Gateway, up: Strict, stream: bool = False, **more: Any) -> Any:
    target, body = REQUESTS[up.dialect]
    body = {**body, "tools": TOOLS[up.dialect], **more}
    if up.dialect == "gemini" and stream:
        target = target.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
    elif stream:
        body["stream"] = True
        if up.dialect == "chat":
            body["stream_options"] = {"include_usage": True}
    return gateway.post(target, body, headers=[("anthropic-version", "2023-06-01")])


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("up", STRICT, indirect=True)
def test_relayed_whole(gateway: Gateway, up: Strict, script: str) -> None:
    up.say(SCRIPTS[script])
    response = ask(gateway, up)
    assert response.status == 200, response.text
    schemas.check(up.dialect, "answer", response.json())
    same(READ[up.dialect](response.json()), SCRIPTS[script], up.dialect)
    up.verify()


@pytest.mark.parametrize("shatter", [0, 1, 7])
@pytest.mark.parametrize("script", ["text", "reasoning", "signed call"])
@pytest.mark.parametrize("up", STRICT, indirect=True)
def test_relayed_streamed(gateway: Gateway, up: Strict, script: str, shatter: int) -> None:
    up.say(Turn(SCRIPTS[script], shatter=shatter))
    response = ask(gateway, up, stream=True)
    assert response.status == 200 and response.complete, response.text
    same(CHECK[up.dialect](events(response)), SCRIPTS[script], up.dialect)
    up.verify()


@pytest.mark.parametrize("up", STRICT, indirect=True)
def test_a_refusal_reaches_client_and_test(gateway: Gateway, up: Strict) -> None:
    """Over the socket: the vendor's own error, with the member's name, and the test is told."""
    response = ask(gateway, up, surprise=1)
    assert response.status == 400
    schemas.check(up.dialect, "error", response.json())
    assert "surprise" in response.message()
    with pytest.raises(AssertionError, match="surprise"):
        up.verify()
    up.verify()  # said once
    assert up.complaints() == []


@pytest.mark.parametrize("up", STRICT, indirect=True)
def test_scripted_errors(gateway: Gateway, up: Strict) -> None:
    up.fail(400, "that cannot be", headers=(("x-request-id", "r1"),))
    response = ask(gateway, up)
    assert response.status == 400 and "that cannot be" in response.message()
    up.say(Turn(SCRIPTS["text"], broken_after=4, message="it fell over"))
    said = CHECK[up.dialect](events(ask(gateway, up, stream=True)))
    assert said.finish == "error" and said.error == "it fell over"
    up.say(Turn(SCRIPTS["text"], cut_after=4))
    said = CHECK[up.dialect](events(ask(gateway, up, stream=True)))
    assert said.finish == "error" and said.error
    up.verify()


@pytest.mark.parametrize("up", STRICT, indirect=True)
def test_a_call_of_an_undeclared_tool_is_the_tests_mistake(gateway: Gateway, up: Strict) -> None:
    up.say(Said([Call("rm", {})], "tools"))
    ask(gateway, up)
    with pytest.raises(AssertionError, match="rm is not among the tools"):
        up.verify()


@pytest.mark.parametrize("up", ["anthropic"], indirect=True)
def test_a_signature_is_known_again(gateway: Gateway, up: Strict) -> None:
    up.say(Said([Reasoning("Hm."), Call("ping", {})], "tools"))
    blocks = ask(gateway, up).json()["content"]
    turns = [user(), assistant(*blocks), user([result(blocks[1]["id"])])]
    assert ask(gateway, up, messages=turns).status == 200
    up.verify()
    blocks[0]["signature"] = blocks[0]["signature"][:-4] + "AAA="
    assert ask(gateway, up, messages=turns).status == 400
    with pytest.raises(AssertionError, match="anthropic_signatures_are_its_own"):
        up.verify()


@pytest.mark.parametrize("dialect", STRICT)
def test_credentials(dialect: str, stage: Stage) -> None:
    """Another key than the provider's is a 401 of the vendor."""
    up = stage.add(STRICT[dialect]())
    entry = provider(up, MODELS[dialect])
    up.key = "sk-another-1c2d3e4f"
    response = ask(stage.gateway({"api-keys": [CLIENT_KEY], **entry}), up)
    assert response.status == 401
    with pytest.raises(AssertionError, match="credentials"):
        up.verify()


def test_json_of_a_case_is_json() -> None:
    """Cases are written with helpers that share values; none may have been changed on the way."""
    assert json.loads(json.dumps(SCHEMA))["required"] == ["city"] and "allOf" not in CLOSED
    assert Refusal("no").text == "no"
