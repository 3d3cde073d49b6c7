"""The rules of OpenAI's two APIs. Quoted messages are those that the API answers with, as found in
reports of its users; the guides are those of platform.openai.com/docs."""

from __future__ import annotations

import re
from typing import Any, Iterator

from .rules import (
    Broken,
    Memory,
    is_object,
    listed,
    media_url,
    openai_parameters,
    openai_strict,
    rule,
    says_json,
)

_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
Found = Iterator[Broken]
Body = dict[str, Any]


def _reasons(model: str) -> bool:
    return re.match(r"^(o[134]|gpt-5)", model) is not None


def _takes_no_sampling(model: str, effort: Any) -> bool:
    """Guide "Using GPT-5.2": temperature and top_p only with effort none, which is the default from
    GPT-5.1 on; older reasoning models take neither."""
    if re.match(r"^gpt-5\.\d", model):
        return effort not in (None, "none")
    return _reasons(model)


# -- chat completions -----------------------------------------------------------------------------


def _functions(body: Body) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, tool in enumerate(listed(body.get("tools"))):
        if tool.get("type") == "function":
            yield f"tools[{i}].function", tool["function"]


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    return listed(message.get("tool_calls"))


@rule(
    "chat",
    "An assistant message with 'tool_calls' must be followed by tool messages responding to "
    "each",
)
def chat_calls_are_answered(body: Body, _: Memory) -> Found:
    waiting: list[str] = []
    asked: set[str] = set()
    for i, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] in waiting:
                waiting.remove(message["tool_call_id"])
            elif message["tool_call_id"] in asked:
                yield f"messages[{i}]", "a second response to the same tool call"
            else:
                yield f"messages[{i}].role", (
                    "messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'."
                )
            continue
        if waiting:
            yield f"messages[{i}].role", (
                "An assistant message with 'tool_calls' must be followed by tool messages "
                "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                f"response messages: {', '.join(waiting)}"
            )
        waiting = [call["id"] for call in _calls(message)]
        asked = set(waiting)
        if len(asked) < len(waiting):
            yield f"messages[{i}].tool_calls", "duplicate tool call ids"
    if waiting:
        yield "messages", f"tool_call_ids without response messages: {', '.join(waiting)}"


@rule(
    "chat",
    "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum "
    "length 40",
)
def chat_call_ids_are_short(body: Body, _: Memory) -> Found:
    for i, message in enumerate(body["messages"]):
        ids = {f"tool_calls[{n}].id": c["id"] for n, c in enumerate(_calls(message))}
        if message["role"] == "tool":
            ids["tool_call_id"] = message["tool_call_id"]
        for where, value in ids.items():
            if not 1 <= len(value) <= 40:
                yield f"messages[{i}].{where}", (
                    "string too long. Expected a string with maximum length 40, but got a string "
                    f"with length {len(value)} instead."
                )


@rule(
    "chat",
    "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'; at most 64 characters",
)
def chat_tool_names(body: Body, _: Memory) -> Found:
    for where, function in _functions(body):
        if not _NAME.match(function["name"]):
            yield f"{where}.name", f"string does not match pattern: {function['name']!r}"
    for i, message in enumerate(body["messages"]):
        for n, call in enumerate(_calls(message)):
            if call["type"] == "function" and not _NAME.match(call["function"]["name"]):
                yield f"messages[{i}].tool_calls[{n}].function.name", "does not match pattern"


@rule("chat", "arguments are the text of a JSON object: guide 'Function calling'")
def chat_arguments_are_objects(body: Body, _: Memory) -> Found:
    for i, message in enumerate(body["messages"]):
        for n, call in enumerate(_calls(message)):
            if call["type"] == "function" and not is_object(call["function"]["arguments"]):
                yield f"messages[{i}].tool_calls[{n}].function.arguments", "not a JSON object"


@rule(
    "chat",
    "guide 'Structured Outputs': name of a-z, A-Z, 0-9, underscores and dashes; strict schemas",
)
def chat_response_format(body: Body, _: Memory) -> Found:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        named = wanted["json_schema"]
        if not _NAME.match(named["name"]):
            yield "response_format.json_schema.name", "string does not match pattern"
        if named.get("strict"):
            yield from openai_strict(named.get("schema"), "response_format.json_schema.schema")


@rule(
    "chat",
    "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
    "'json_object'",
)
def chat_json_is_mentioned(body: Body, _: Memory) -> Found:
    if (body.get("response_format") or {}).get("type") == "json_object":
        if not says_json(str(m.get("content")) for m in body["messages"]):
            yield "messages", "must contain the word 'json' in some form"


@rule(
    "chat",
    "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
)
def chat_choice_needs_tools(body: Body, _: Memory) -> Found:
    for member in ("tool_choice", "parallel_tool_calls"):
        if member in body and not body.get("tools"):
            yield member, f"'{member}' is only allowed when 'tools' are specified."
    if body.get("tools") == []:
        yield "tools", "empty array. Expected an array with minimum length 1"


@rule("chat", "Invalid value for 'tool_choice': the named tool must be in tools")
def chat_choice_names_a_tool(body: Body, _: Memory) -> Found:
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function":
        name = choice["function"]["name"]
        if name not in [f["name"] for _, f in _functions(body)]:
            yield "tool_choice", f"Tool choice '{name}' not found in 'tools' parameter."


@rule("chat", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
def chat_one_limit(body: Body, memory: Memory) -> Found:
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "max_tokens", "both limits at the same time are not supported"
    if "max_tokens" in body and _reasons(memory.model):
        yield "max_tokens", (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead."
        )


@rule("chat", "Invalid schema for function 'f': In context=(), object schema missing properties.")
def chat_tool_schemas(body: Body, _: Memory) -> Found:
    for where, function in _functions(body):
        if "parameters" in function:
            at = f"{where}.parameters"
            yield from openai_parameters(function["parameters"], at)
            if function.get("strict"):
                yield from openai_strict(function["parameters"], at)


@rule("chat", "Invalid value for 'content': expected a string, got null.")
def chat_assistants_say_something(body: Body, _: Memory) -> Found:
    for i, message in enumerate(body["messages"]):
        if message["role"] == "assistant" and not _calls(message):
            if message.get("content") is None and message.get("refusal") is None:
                yield f"messages[{i}].content", "expected a string, got null."


@rule(
    "chat",
    "Image URLs are only allowed for messages with role 'user', but this message with role "
    "'tool' contains an image URL.",
)
def chat_images_are_sound(body: Body, _: Memory) -> Found:
    for i, message in enumerate(body["messages"]):
        for n, part in enumerate(listed(message.get("content"))):
            if part["type"] == "image_url":
                where = f"messages[{i}].content[{n}].image_url"
                if message["role"] != "user":
                    yield f"messages[{i}]", (
                        "Image URLs are only allowed for messages with role 'user', but this "
                        f"message with role '{message['role']}' contains an image URL."
                    )
                why = media_url(part["image_url"]["url"])
                if why:
                    yield where, why


@rule("chat", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
def chat_stream_options(body: Body, _: Memory) -> Found:
    if body.get("stream_options") is not None and not body.get("stream"):
        yield "stream_options", "only allowed when 'stream' is enabled."


@rule("chat", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
def chat_top_logprobs(body: Body, _: Memory) -> Found:
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        yield "top_logprobs", "only allowed when 'logprobs' is enabled."


@rule(
    "chat",
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default "
    "(1) value is supported.",
)
def chat_reasoners_take_no_sampling(body: Body, memory: Memory) -> Found:
    if _takes_no_sampling(memory.model, body.get("reasoning_effort")):
        for member in ("temperature", "top_p"):
            if body.get(member) not in (None, 1, 1.0):
                yield member, "Only the default (1) value is supported."
        for member in ("presence_penalty", "frequency_penalty", "stop", "logprobs"):
            if body.get(member):
                yield member, f"Unsupported parameter: '{member}' is not supported with this model."


# -- Responses ------------------------------------------------------------------------------------

_PREFIX = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "web_search_call": "ws",
}


def _input(body: Body) -> list[dict[str, Any]]:
    """The items; a plain message may leave its type out."""
    return [{"type": "message", **item} for item in listed(body.get("input"))]


def _outputs(body: Body) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, item in enumerate(_input(body)):
        if item["type"].endswith("_call_output"):
            yield f"input[{i}]", item


@rule(
    "responses",
    "Invalid 'input[2].call_id': string too long. Expected a string with maximum length 64",
)
def responses_call_ids_are_short(body: Body, _: Memory) -> Found:
    for i, item in enumerate(_input(body)):
        for member in ("call_id", "id"):
            if not 1 <= len(item.get(member) or "x") <= 64:
                yield f"input[{i}].{member}", "string too long, maximum length 64"


@rule(
    "responses",
    "No tool output found for function call call_x. / No tool call found for function call "
    "output with call_id call_x.",
)
def responses_calls_are_answered(body: Body, _: Memory) -> Found:
    called: list[str] = []
    answered: list[str] = []
    for where, item in [(f"input[{i}]", x) for i, x in enumerate(_input(body))]:
        if item["type"] in ("function_call", "custom_tool_call"):
            called.append(item["call_id"])
        elif item["type"] in ("function_call_output", "custom_tool_call_output"):
            if item["call_id"] not in called:
                yield where, (
                    f"No tool call found for function call output with call_id {item['call_id']}."
                )
            answered.append(item["call_id"])
    for call in called:
        if call not in answered:
            yield "input", f"No tool output found for function call {call}."
    for ids, what in ((called, "function call"), (answered, "function call output")):
        if len(set(ids)) < len(ids):
            yield "input", f"two items of type {what} with the same call_id"


@rule("responses", "Invalid 'input[1].id': 'call_x'. Expected an ID that begins with 'fc'.")
def responses_item_ids(body: Body, _: Memory) -> Found:
    seen: set[str] = set()
    for i, item in enumerate(_input(body)):
        value, prefix = item.get("id"), _PREFIX.get(item["type"])
        if not value:
            continue
        if prefix and not value.startswith(prefix):
            yield f"input[{i}].id", f"'{value}'. Expected an ID that begins with '{prefix}'."
        if value in seen:
            yield f"input[{i}].id", f"Duplicate item found with id {value}."
        seen.add(value)


@rule(
    "responses",
    "The encrypted content gAAA... could not be verified. / Item with id 'rs_x' not found. "
    "Items are not persisted when `store` is set to false.",
)
def responses_reasoning_is_its_own(body: Body, memory: Memory) -> Found:
    for i, item in enumerate(_input(body)):
        if item["type"] != "reasoning":
            continue
        secret = item.get("encrypted_content")
        if secret is None:
            if item["id"] not in memory.stored:
                yield f"input[{i}]", f"Item with id '{item['id']}' not found."
        elif secret not in memory.issued:
            yield f"input[{i}].encrypted_content", "The encrypted content could not be verified."


@rule(
    "responses",
    "Item 'rs_x' of type 'reasoning' was provided without its required following item.",
)
def responses_reasoning_is_followed(body: Body, _: Memory) -> Found:
    items = _input(body)
    for i, item in enumerate(items):
        if item["type"] != "reasoning":
            continue
        after = items[i + 1] if i + 1 < len(items) else {"type": "nothing"}
        own = after["type"].endswith("_call") or after["type"] == "reasoning"
        if not own and (after["type"], after.get("role")) != ("message", "assistant"):
            yield f"input[{i}]", (
                f"Item '{item['id']}' of type 'reasoning' was provided without its required "
                "following item."
            )


@rule(
    "responses",
    "Invalid 'tools[0].name': string does not match pattern '^[a-zA-Z0-9_-]+$'; at most 64 "
    "characters",
)
def responses_tool_names(body: Body, _: Memory) -> Found:
    for member, things in (("tools", listed(body.get("tools"))), ("input", _input(body))):
        for i, thing in enumerate(things):
            if thing["type"] in ("function", "custom", "function_call", "custom_tool_call"):
                if not _NAME.match(thing["name"]):
                    yield f"{member}[{i}].name", f"string does not match pattern: {thing['name']!r}"


@rule(
    "responses",
    "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be "
    "supplied and to be false",
)
def responses_tool_schemas(body: Body, _: Memory) -> Found:
    for i, tool in enumerate(listed(body.get("tools"))):
        if tool["type"] == "function" and tool["parameters"] is not None:
            where = f"tools[{i}].parameters"
            yield from openai_parameters(tool["parameters"], where)
            if tool["strict"]:
                yield from openai_strict(tool["parameters"], where)


@rule("responses", "Tool choice 'function' not found in 'tools' parameter.")
def responses_choice_names_a_tool(body: Body, _: Memory) -> Found:
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and "name" in choice:
        if choice["name"] not in [t.get("name") for t in listed(body.get("tools"))]:
            yield "tool_choice", f"Tool choice '{choice['name']}' not found in 'tools' parameter."
    if choice == "required" and not body.get("tools"):
        yield "tool_choice", "Tool choice 'required' must be specified with 'tools' parameter."


@rule("responses", "guide 'Structured Outputs', text.format")
def responses_text_format(body: Body, _: Memory) -> Found:
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        if not _NAME.match(wanted["name"]):
            yield "text.format.name", "string does not match pattern"
        if wanted.get("strict"):
            yield from openai_strict(wanted["schema"], "text.format.schema")


@rule(
    "responses",
    "Response input messages must contain the word 'json' in some form to use 'text.format' of "
    "type 'json_object'.",
)
def responses_json_is_mentioned(body: Body, _: Memory) -> Found:
    if ((body.get("text") or {}).get("format") or {}).get("type") == "json_object":
        if not says_json([str(body.get("input")), str(body.get("instructions"))]):
            yield "input", "must contain the word 'json' in some form"


@rule("responses", "Previous response with id 'resp_x' not found.")
def responses_knows_the_previous(body: Body, memory: Memory) -> Found:
    previous = body.get("previous_response_id")
    if previous and previous not in memory.stored:
        yield "previous_response_id", f"Previous response with id '{previous}' not found."


@rule(
    "responses",
    "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
)
def responses_parts_fit_the_role(body: Body, _: Memory) -> Found:
    for i, item in enumerate(_input(body)):
        if item["type"] != "message":
            continue
        fits = ("output_text", "refusal") if item["role"] == "assistant" else ("input_",)
        for n, part in enumerate(listed(item["content"])):
            if not part["type"].startswith(fits):
                yield f"input[{i}].content[{n}].type", f"Invalid value: '{part['type']}'."


@rule(
    "responses",
    "Invalid 'input[0].content[1].image_url'. Expected a valid URL, but got a value with an "
    "invalid format.",
)
def responses_images_are_sound(body: Body, _: Memory) -> Found:
    for i, item in enumerate(_input(body)):
        parts = listed(item.get("content")) + listed(item.get("output"))
        for part in parts:
            where = f"input[{i}].{part['type']}"
            if part["type"] == "input_image" and not part.get("file_id"):
                why = media_url(part.get("image_url") or "")
                if why:
                    yield where, why
            if part["type"] == "input_file" and part.get("file_data"):
                why = media_url(part["file_data"])
                if why:
                    yield where, why
                if not part.get("filename"):
                    yield where, "Missing required parameter: 'filename'."


@rule("responses", "arguments are the text of a JSON object: guide 'Function calling'")
def responses_arguments_are_objects(body: Body, _: Memory) -> Found:
    for i, item in enumerate(_input(body)):
        if item["type"] == "function_call" and not is_object(item["arguments"]):
            yield f"input[{i}].arguments", "not a JSON object"


@rule(
    "responses",
    "One of 'input' or 'previous_response_id' or 'prompt' or 'conversation' must be provided.",
)
def responses_have_input(body: Body, _: Memory) -> Found:
    if not body.get("input") and not body.get("previous_response_id"):
        yield "input", "must be provided."
    for i, item in enumerate(_input(body)):
        if item["type"] == "message" and item["content"] == []:
            yield f"input[{i}].content", "empty array"


@rule("responses", "Unsupported parameter: 'temperature' is not supported with this model.")
def responses_reasoners_take_no_sampling(body: Body, memory: Memory) -> Found:
    effort = (body.get("reasoning") or {}).get("effort")
    for member in ("temperature", "top_p"):
        if _takes_no_sampling(memory.model, effort) and body.get(member) not in (None, 1, 1.0):
            yield member, f"Unsupported parameter: '{member}' is not supported with this model."
    if not _reasons(memory.model) and effort:
        yield "reasoning.effort", "not supported with this model."
