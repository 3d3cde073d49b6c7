"""The rules of the Messages API. Quoted messages are those that the API answers with, as found in
reports of its users; the guides are those of docs.anthropic.com."""

from __future__ import annotations

import re
from typing import Any, Iterator

from .rules import Broken, Memory, is_schema, listed, media, nodes, rule

Found = Iterator[Broken]
Body = dict[str, Any]
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_ID = re.compile(r"^[a-zA-Z0-9_-]+$")


def _blocks(body: Body) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """place, role and block, those of the system prompt and of tool results included"""
    for i, block in enumerate(listed(body.get("system"))):
        yield f"system.{i}", "system", block
    for i, message in enumerate(body["messages"]):
        for n, block in enumerate(listed(message["content"])):
            where = f"messages.{i}.content.{n}"
            yield where, message["role"], block
            if block["type"] == "tool_result":
                for k, inner in enumerate(listed(block.get("content"))):
                    yield f"{where}.tool_result.content.{k}", "tool", inner


def _content(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _thinking(body: Body) -> str:
    return (body.get("thinking") or {}).get("type", "disabled")


def _functions(body: Body) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, tool in enumerate(listed(body.get("tools"))):
        if tool.get("type") in (None, "custom"):
            yield f"tools.{i}.custom", tool


@rule("anthropic", "max_tokens: Input should be greater than or equal to 1")
def anthropic_max_tokens(body: Body, _: Memory) -> Found:
    if body["max_tokens"] < 1:
        yield "max_tokens", "Input should be greater than or equal to 1"


@rule("anthropic", 'messages: first message must use the "user" role')
def anthropic_user_begins(body: Body, _: Memory) -> Found:
    if not body["messages"]:
        yield "messages", "at least one message is required"
    elif body["messages"][0]["role"] != "user":
        yield "messages", 'first message must use the "user" role'


@rule(
    "anthropic",
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
)
def anthropic_tool_ids(body: Body, _: Memory) -> Found:
    seen = set()
    for where, _role, block in _blocks(body):
        value = block.get("id") if block["type"] == "tool_use" else block.get("tool_use_id", "x")
        if block["type"] in ("tool_use", "tool_result") and not _ID.match(value or ""):
            yield f"{where}.{block['type']}.id", "String should match pattern '^[a-zA-Z0-9_-]+$'"
        if block["type"] == "tool_use":
            if value in seen:
                yield where, "`tool_use` ids must be unique"
            seen.add(value)


@rule(
    "anthropic",
    "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_x. Each "
    "`tool_use` block must have a corresponding `tool_result` block in the next message. / Did not "
    "find 1 tool_result block(s) at the beginning of this message.",
)
def anthropic_uses_are_answered(body: Body, _: Memory) -> Found:
    waiting: list[str] = []
    for i, message in enumerate([*body["messages"], None]):
        blocks = _content(message) if message else []
        results = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        for extra in set(results) - set(waiting):
            yield f"messages.{i}", (
                f"unexpected `tool_use_id` found in `tool_result` blocks: {extra}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous "
                "message."
            )
        missing = set(waiting) - set(results)
        if missing:
            yield f"messages.{i}", (
                "`tool_use` ids were found without `tool_result` blocks immediately after: "
                + ", ".join(sorted(missing))
            )
        first = [b["type"] for b in blocks[: len(results)]]
        if first != ["tool_result"] * len(results):
            yield f"messages.{i}", (
                f"Did not find {len(results)} tool_result block(s) at the beginning of this message"
            )
        if len(set(results)) < len(results):
            yield f"messages.{i}", "each tool_use must have a single result"
        uses = [b["id"] for b in blocks if b["type"] == "tool_use"]
        waiting = uses if message and message["role"] == "assistant" else []
        if uses and not waiting:
            yield f"messages.{i}", "`tool_use` blocks can only be in `assistant` messages"


@rule(
    "anthropic",
    "messages: text content blocks must be non-empty / must contain non-whitespace text",
)
def anthropic_texts_are_not_empty(body: Body, _: Memory) -> Found:
    for where, _role, block in _blocks(body):
        if block["type"] == "text" and not block["text"].strip():
            yield where, "text content blocks must contain non-whitespace text"
    for i, message in enumerate(body["messages"]):
        if not message["content"]:
            yield f"messages.{i}", "all messages must have non-empty content"


@rule("anthropic", "messages: final assistant content cannot end with trailing whitespace")
def anthropic_prefill_is_trimmed(body: Body, _: Memory) -> Found:
    last = body["messages"][-1] if body["messages"] else {"role": "user"}
    if last["role"] == "assistant":
        text = _content(last)[-1].get("text", "")
        if text != text.rstrip():
            yield "messages", "final assistant content cannot end with trailing whitespace"


@rule("anthropic", "messages.1.content.0: Invalid `signature` in `thinking` block")
def anthropic_signatures_are_its_own(body: Body, memory: Memory) -> Found:
    for where, _role, block in _blocks(body):
        if block["type"] == "thinking":
            if memory.issued.get(block["signature"]) != block["thinking"]:
                yield where, "Invalid `signature` in `thinking` block"
        elif block["type"] == "redacted_thinking" and block["data"] not in memory.issued:
            yield where, "Invalid `data` in `redacted_thinking` block"


@rule(
    "anthropic",
    "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, "
    "a final `assistant` message must start with a thinking block; guide 'Adaptive thinking': not "
    "asked for there",
)
def anthropic_loops_keep_thinking(body: Body, _: Memory) -> Found:
    if _thinking(body) != "enabled" or len(body["messages"]) < 2:
        return
    before, last = body["messages"][-2:]
    if any(b["type"] == "tool_result" for b in _content(last)):
        first = _content(before)[0]["type"]
        if first not in ("thinking", "redacted_thinking"):
            yield f"messages.{len(body['messages']) - 2}.content.0.type", (
                f"Expected `thinking` or `redacted_thinking`, but found `{first}`. When `thinking` "
                "is enabled, a final `assistant` message must start with a thinking block"
            )


@rule(
    "anthropic",
    "guide 'Extended thinking': not compatible with temperature or top_k changes; top_p between "
    "0.95 and 1; guide 'Thinking in tool and multi-turn workflows': no forced tool with `enabled`, "
    "but with `adaptive`",
)
def anthropic_thinking_stands_alone(body: Body, _: Memory) -> Found:
    if _thinking(body) == "disabled":
        return
    if body.get("temperature", 1) != 1:
        yield "temperature", "`temperature` may only be set to 1 when thinking is enabled."
    if "top_k" in body:
        yield "top_k", "`top_k` must be unset when thinking is enabled."
    if not 0.95 <= body.get("top_p", 1) <= 1:
        yield "top_p", "`top_p` must be greater than or equal to 0.95 when thinking is enabled."
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced and _thinking(body) == "enabled":
        yield "tool_choice", "Thinking may not be enabled when tool_choice forces tool use."


@rule(
    "anthropic",
    "`max_tokens` must be greater than `thinking.budget_tokens`; budget at least 1024",
)
def anthropic_budget_fits(body: Body, _: Memory) -> Found:
    if _thinking(body) == "enabled":
        budget = body["thinking"]["budget_tokens"]
        if budget < 1024:
            yield "thinking.enabled.budget_tokens", "should be greater than or equal to 1024"
        if budget >= body["max_tokens"]:
            yield "max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`."


@rule(
    "anthropic",
    "tools.0.custom.input_schema.type: Field required / input_schema does not support oneOf, "
    "allOf, or anyOf at the top level / JSON schema is invalid. It must match JSON Schema draft "
    "2020-12",
)
def anthropic_input_schemas(body: Body, _: Memory) -> Found:
    for where, tool in _functions(body):
        schema = tool["input_schema"]
        if schema.get("type") != "object":
            yield f"{where}.input_schema.type", "Field required"
        if {"anyOf", "oneOf", "allOf"} & set(schema):
            yield f"{where}.input_schema", (
                "input_schema does not support oneOf, allOf, or anyOf at the top level"
            )
        why = is_schema(schema)
        if why:
            yield f"{where}.input_schema", f"JSON schema is invalid: {why}"


@rule("anthropic", "tools.0.custom.name: String should match pattern; Tool names must be unique.")
def anthropic_tool_names(body: Body, _: Memory) -> Found:
    names = [t["name"] for t in listed(body.get("tools")) if "name" in t]
    for where, tool in _functions(body):
        if not _NAME.match(tool["name"]):
            yield f"{where}.name", "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
    if len(set(names)) < len(names):
        yield "tools", "Tool names must be unique."
    for where, _role, block in _blocks(body):
        if block["type"] == "tool_use" and not _NAME.match(block["name"]):
            yield f"{where}.tool_use.name", "String should match pattern"


@rule("anthropic", "A maximum of 4 blocks with cache_control may be provided. Found 5.")
def anthropic_few_cache_marks(body: Body, _: Memory) -> Found:
    marked = [b for _, _, b in _blocks(body) if b.get("cache_control")]
    marked += [t for t in listed(body.get("tools")) if t.get("cache_control")]
    if len(marked) > 4:
        yield "", f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}."
    for where, _role, block in _blocks(body):
        if block.get("cache_control") and block["type"] in ("thinking", "redacted_thinking"):
            yield where, "thinking blocks cannot be marked with cache_control"


@rule(
    "anthropic",
    "temperature: range: 0..1 / `temperature` and `top_p` cannot both be specified for this model.",
)
def anthropic_sampling(body: Body, _: Memory) -> Found:
    for member in ("temperature", "top_p"):
        if not 0 <= body.get(member, 1) <= 1:
            yield member, "range: 0..1"
    if "temperature" in body and "top_p" in body:
        yield "top_p", "`temperature` and `top_p` cannot both be specified for this model."


@rule("anthropic", "tool_choice: may only be specified while providing tools; Tool 'x' not found")
def anthropic_choice_needs_tools(body: Body, _: Memory) -> Found:
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not body.get("tools"):
        yield "tool_choice", "tool_choice may only be specified while providing tools"
    elif choice["type"] == "tool":
        if choice["name"] not in [t.get("name") for t in body["tools"]]:
            yield "tool_choice", f"Tool '{choice['name']}' not found in provided tools"


@rule("anthropic", "stop_sequences: each stop sequence must contain non-whitespace")
def anthropic_stops_say_something(body: Body, _: Memory) -> Found:
    for i, text in enumerate(listed(body.get("stop_sequences"))):
        if not text.strip():
            yield f"stop_sequences.{i}", "each stop sequence must contain non-whitespace"


@rule(
    "anthropic",
    "messages.0.content.0.image.source.base64: invalid base64 data / The image was specified using "
    "the image/png media type, but the image appears to be a image/jpeg image",
)
def anthropic_media_is_sound(body: Body, _: Memory) -> Found:
    for where, _role, block in _blocks(body):
        source = block.get("source") if block["type"] in ("image", "document") else None
        if not isinstance(source, dict):
            continue
        if source["type"] == "base64":
            why = media(source["media_type"], source["data"])
            if why:
                yield f"{where}.{block['type']}.source.base64", why
        if source["type"] == "url" and not source["url"].startswith(("https://", "http://")):
            yield f"{where}.{block['type']}.source.url", "Only HTTP and HTTPS URLs are supported."


@rule("anthropic", "messages.1.content.0: `image` blocks are not permitted within assistant turns")
def anthropic_assistants_send_no_media(body: Body, _: Memory) -> Found:
    for where, role, block in _blocks(body):
        if role == "assistant" and block["type"] in ("image", "document", "tool_result"):
            yield where, f"`{block['type']}` blocks are not permitted within assistant turns"
        if role == "user" and block["type"] in ("thinking", "redacted_thinking"):
            yield where, "`thinking` blocks may only be in `assistant` messages"


@rule(
    "anthropic",
    "guide 'Structured outputs': For 'object' type, 'additionalProperties' must be explicitly set "
    "to false",
)
def anthropic_output_schemas(body: Body, _: Memory) -> Found:
    wanted = (body.get("output_config") or {}).get("format")
    if not wanted:
        return
    for where, node in nodes(wanted["schema"]):
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            yield f"output_config.format.schema{where}", (
                "For 'object' type, 'additionalProperties' must be explicitly set to false"
            )


# -- what depends on the model --------------------------------------------------------------------

# From Opus 4.7 on: no sampling parameters, adaptive thinking alone, effort up to xhigh and max,
# thinking told only on demand.
NEWEST = re.compile(r"^claude-(opus-(4-[789]|[5-9])|(sonnet|haiku)-[5-9]|fable|mythos)")
_HYBRID = re.compile(r"^claude-(opus|sonnet)-4-6")


@rule("anthropic", "`temperature` is deprecated for this model. (Opus 4.7 and newer)")
def anthropic_newest_take_no_sampling(body: Body, memory: Memory) -> Found:
    if NEWEST.match(memory.model):
        for member in ("temperature", "top_p", "top_k"):
            if body.get(member, 1) != 1 or member == "top_k" and member in body:
                yield member, f"`{member}` is deprecated for this model."


@rule(
    "anthropic",
    '"thinking.type.enabled" is not supported for this model (Opus 4.7 and newer); adaptive '
    "thinking is not supported on this model (before 4.6)",
)
def anthropic_ways_to_think(body: Body, memory: Memory) -> Found:
    kind = _thinking(body)
    if kind == "enabled" and NEWEST.match(memory.model):
        yield "thinking", '"thinking.type.enabled" is not supported for this model.'
    old = memory.model.startswith("claude-") and not NEWEST.match(memory.model)
    if kind == "adaptive" and old and not _HYBRID.match(memory.model):
        yield "thinking", "adaptive thinking is not supported on this model"


@rule(
    "anthropic",
    "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium. "
    "(recorded) / This model does not support the effort parameter.",
)
def anthropic_efforts(body: Body, memory: Memory) -> Found:
    effort = (body.get("output_config") or {}).get("effort")
    if effort is None or not memory.model.startswith("claude-"):
        return
    levels = ["low", "medium", "high"]
    if NEWEST.match(memory.model):
        levels += ["xhigh", "max"]
    elif _HYBRID.match(memory.model):
        levels += ["max"]
    elif not memory.model.startswith("claude-opus-4-5"):
        levels = []
    if effort not in levels:
        yield "output_config.effort", f"This model does not support effort level '{effort}'."


@rule(
    "anthropic",
    "This model does not support assistant message prefill. The conversation must end with a user "
    "message. (Opus 4.6 and newer)",
)
def anthropic_prefill_is_gone(body: Body, memory: Memory) -> Found:
    newer = NEWEST.match(memory.model) or memory.model.startswith("claude-opus-4-6")
    if newer and body["messages"] and body["messages"][-1]["role"] == "assistant":
        yield "messages", "This model does not support assistant message prefill."
