"""A scripted model that speaks one provider's dialect and has one task: write a word into a file,
read it back, say what it read. It calls the tools the agent offered, by the schemas the agent sent,
and takes its last sentence from the last result: so that it says the right word only if the tool's
answer came all the way up, in the dialect's form, to the call it answers.

What arrives is read as the provider's API would read it: a result without its call, a call without
its result or a body in another shape is a `problem`, and the request is refused with a 400.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable

from support.upstream import Answer, Request, ok, sse

Json = dict[str, Any]


class Refused(Exception):
    """The provider's API would answer 400."""


@dataclass
class Call:
    id: str
    name: str
    arguments: Json


@dataclass
class Turn:
    """What the model is asked, in no dialect."""

    tools: dict[str, Json] = field(default_factory=dict)  # name to JSON schema
    calls: list[tuple[str, str]] = field(default_factory=list)  # id (or name), name
    results: list[tuple[str, str]] = field(default_factory=list)  # id (or name), text
    said: list[str] = field(default_factory=list)  # all other text
    stream: bool = False


def need(condition: Any, what: str) -> None:
    if not condition:
        raise Refused(what)


# ---- reading requests ------------------------------------------------------------------------


def texts(content: Any, kinds: tuple[str, ...] = ("text", "input_text", "output_text")) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    need(isinstance(content, list), f"content is {type(content).__name__}")
    return "\n".join(p["text"] for p in content if p.get("type") in kinds)


def read_anthropic(body: Json, request: Request) -> Turn:
    need(isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
    turn = Turn(stream=body.get("stream", False))
    for tool in body.get("tools", []):
        if "input_schema" in tool:
            turn.tools[tool["name"]] = tool["input_schema"]
    turn.said.append(texts(body.get("system")))
    waiting: list[str] = []
    for message in body["messages"]:
        need(message["role"] in ("user", "assistant", "system"), f"role {message['role']}")
        content = message["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        answered = [b["tool_use_id"] for b in content if b["type"] == "tool_result"]
        need(sorted(answered) == sorted(waiting),
             f"tool_use {waiting} answered by tool_result {answered}")
        waiting = [b["id"] for b in content if b["type"] == "tool_use"]
        for block in content:
            if block["type"] == "tool_use":
                need(isinstance(block["input"], dict), "tool_use.input is no object")
                turn.calls.append((block["id"], block["name"]))
            elif block["type"] == "tool_result":
                turn.results.append((block["tool_use_id"], texts(block.get("content"))))
            elif block["type"] == "text":
                turn.said.append(block["text"])
    need(not waiting, f"tool_use {waiting} without tool_result")
    return turn


def read_chat(body: Json, request: Request) -> Turn:
    turn = Turn(stream=body.get("stream", False))
    for tool in body.get("tools", []):
        need(tool["type"] in ("function", "custom"), f"tool of type {tool['type']}")
        if tool["type"] == "function":
            turn.tools[tool["function"]["name"]] = tool["function"].get("parameters", {})
    waiting: list[str] = []
    for message in body["messages"]:
        role = message["role"]
        if role == "tool":
            need(message["tool_call_id"] in waiting, "tool message without its tool_calls")
            waiting.remove(message["tool_call_id"])
            turn.results.append((message["tool_call_id"], texts(message["content"])))
            continue
        need(not waiting, f"tool_calls {waiting} not followed by tool messages")
        need(role in ("system", "developer", "user", "assistant"), f"role {role}")
        turn.said.append(texts(message.get("content")))
        for call in message.get("tool_calls", []):
            need(role == "assistant" and call["type"] == "function", "tool_calls out of place")
            json.loads(call["function"]["arguments"])
            waiting.append(call["id"])
            turn.calls.append((call["id"], call["function"]["name"]))
    need(not waiting, f"tool_calls {waiting} without tool messages")
    return turn


def read_responses(body: Json, request: Request) -> Turn:
    turn = Turn(stream=body.get("stream", False))
    for tool in body.get("tools", []):
        inner = tool["tools"] if tool["type"] == "namespace" else [tool]
        for one in inner:
            if one["type"] == "function":
                turn.tools[one["name"]] = one.get("parameters") or {}
    turn.said.append(body.get("instructions") or "")
    items = body["input"]
    if isinstance(items, str):
        items = [{"type": "message", "role": "user", "content": items}]
    waiting: list[str] = []
    for item in items:
        kind = item.get("type", "message")
        if kind == "message":
            need(item["role"] in ("system", "developer", "user", "assistant"), item["role"])
            for part in item["content"] if isinstance(item["content"], list) else []:
                wanted = "output_" if item["role"] == "assistant" else "input_"
                need(part["type"].startswith(wanted) or part["type"] == "refusal",
                     f"a part {part['type']} of {item['role']}")
            turn.said.append(texts(item["content"]))
        elif kind == "function_call":
            json.loads(item["arguments"])
            waiting.append(item["call_id"])
            turn.calls.append((item["call_id"], item["name"]))
        elif kind == "function_call_output":
            need(item["call_id"] in waiting, "No tool call found for function call output")
            waiting.remove(item["call_id"])
            turn.results.append((item["call_id"], texts(item["output"])))
    need(not waiting, f"No tool output found for function call {waiting}")
    return turn


def read_gemini(body: Json, request: Request) -> Turn:
    turn = Turn(stream=":streamGenerateContent" in request.target)
    for tool in body.get("tools", []):
        for function in tool.get("functionDeclarations", []):
            schema = function.get("parametersJsonSchema") or function.get("parameters") or {}
            turn.tools[function["name"]] = schema
    for part in (body.get("systemInstruction") or {}).get("parts", []):
        turn.said.append(part.get("text", ""))
    waiting: list[str] = []
    for content in body["contents"]:
        need(content.get("role", "user") in ("user", "model"), f"role {content.get('role')}")
        need(content["parts"], "contents.parts must not be empty")
        for part in content["parts"]:
            if call := part.get("functionCall"):
                need(content["role"] == "model", "functionCall outside a model turn")
                need(isinstance(call.get("args", {}), dict), "functionCall.args is no object")
                waiting.append(call["name"])
                turn.calls.append((call.get("id", call["name"]), call["name"]))
            elif answer := part.get("functionResponse"):
                need(answer["name"] in waiting, "functionResponse without its functionCall")
                waiting.remove(answer["name"])
                need(isinstance(answer["response"], dict), "functionResponse.response: no object")
                turn.results.append((answer.get("id", answer["name"]),
                                     json.dumps(answer["response"], ensure_ascii=False)))
            elif not part.get("thought"):
                turn.said.append(part.get("text", ""))
    need(not waiting, f"functionCall {waiting} without functionResponse")
    return turn


# ---- what the model does ---------------------------------------------------------------------


def properties(schema: Json) -> Json:
    return schema.get("properties", {})


def type_of(schema: Json) -> str:
    kind = schema.get("type", "string")
    kind = next((k for k in kind if k != "null"), "string") if isinstance(kind, list) else kind
    return kind.lower()


def fill(schema: Json, known: Json) -> Json:
    """Arguments for a tool: what we know, and something valid for whatever else it requires."""
    args = {k: v for k, v in known.items() if k in properties(schema)}
    for name in schema.get("required", []):
        if name not in args:
            one = properties(schema).get(name, {})
            default: Any = {"boolean": False, "integer": 1, "number": 1, "array": [],
                            "object": {}}.get(type_of(one), "demo")
            args[name] = one["enum"][0] if one.get("enum") else default
    return args


def path_in(schema: Json) -> str | None:
    names = ("file_path", "filePath", "absolute_path", "path")
    return next((n for n in names if n in properties(schema)), None)


def writer(tools: dict[str, Json]) -> tuple[str, str] | None:
    for name, schema in tools.items():
        if re.search(r"write", name, re.I) and path_in(schema) and "content" in properties(schema):
            return name, path_in(schema) or ""
    return None


def reader(tools: dict[str, Json]) -> tuple[str, str] | None:
    for name, schema in tools.items():
        if re.fullmatch(r"read(_?file)?", name, re.I) and path_in(schema):
            return name, path_in(schema) or ""
    return None


def shell(tools: dict[str, Json]) -> tuple[str, str] | None:
    for name, schema in tools.items():
        if re.search(r"bash|shell|exec", name, re.I):
            for key in ("command", "cmd"):
                if key in properties(schema):
                    return name, key
    return None


class Model:
    """Answers one upstream's requests. `word` goes into `path`."""

    def __init__(self, dialect: str, path: str, word: str):
        self.read, self.write = DIALECTS[dialect]
        self.dialect, self.path, self.word = dialect, path, word
        self.problems: list[str] = []
        self.turns: list[Turn] = []  # those of the task: with tools that write
        self.asides: list[Turn] = []  # titles, summaries and the like
        self.bodies: list[tuple[str, Any]] = []  # target and body, of all
        self.numbers = itertools.count(1)

    def __call__(self, request: Request) -> Answer:
        try:
            body = json.loads(request.body)
            self.bodies.append((request.target, body))
            if "countTokens" in request.target or "count_tokens" in request.target:
                return ok({"input_tokens": 100, "totalTokens": 100})
            turn = self.read(body, request)
            nth = next(self.numbers)
            return self.write(self.act(turn, nth), turn.stream, body.get("model", "m"), nth)
        except (Refused, KeyError, TypeError, ValueError) as err:
            self.problems.append(f"{request.target}: {type(err).__name__}: {err}")
            return Answer(status=400, body=json.dumps(
                {"type": "error", "error": {"type": "invalid_request_error", "code": 400,
                                            "message": self.problems[-1],
                                            "status": "INVALID_ARGUMENT"}}).encode())

    def act(self, turn: Turn, nth: int) -> str | Call:
        if not writer(turn.tools) and not shell(turn.tools):
            self.asides.append(turn)
            return '{"title": "A word in a file", "isNewTopic": true}'
        self.turns.append(turn)
        if len(turn.results) == 0:
            return self.call(turn, True, nth)
        if len(turn.results) == 1:
            return self.call(turn, False, nth)
        last = turn.results[-1][1]
        return f"The file says {self.word}." if self.word in last else f"No word in: {last[:500]}"

    def call(self, turn: Turn, to_write: bool, nth: int) -> Call:
        tool = (writer if to_write else reader)(turn.tools)
        known: Json = {}
        if tool:
            known = {tool[1]: self.path, "content": self.word + "\n"}
        else:
            tool = shell(turn.tools)
            need(tool, "no tool to read with")
            command: Any = (f"printf '%s\\n' {self.word} > '{self.path}'" if to_write
                            else f"cat '{self.path}'")
            if type_of(properties(turn.tools[tool[0]])[tool[1]]) == "array":
                command = ["bash", "-c", command]
            known = {tool[1]: command, "description": "Write or read the file"}
        args = fill(turn.tools[tool[0]], known)
        return Call(f"{PREFIX[self.dialect]}{nth:03}abc", tool[0], args)


# ---- writing answers -------------------------------------------------------------------------

# Ids differ from answer to answer, as a provider's do: Claude Code takes two answers with the same
# message id for one and sends them back as one.

PREFIX = {"anthropic": "toolu_", "openai-chat": "call_", "openai-responses": "call_", "gemini": ""}


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def event(data: Json, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return (head + "data: " + json.dumps(data, ensure_ascii=False) + "\n\n").encode()


def write_anthropic(act: str | Call, stream: bool, model: str, nth: int) -> Answer:
    usage = {"input_tokens": 120, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    text = act if isinstance(act, str) else "I use a tool."
    blocks: list[Json] = [{"type": "text", "text": text}]
    if isinstance(act, Call):
        blocks.append({"type": "tool_use", "id": act.id, "name": act.name, "input": act.arguments})
    stop = "tool_use" if isinstance(act, Call) else "end_turn"
    message = {"id": f"msg_{nth:03}abc", "type": "message", "role": "assistant", "model": model,
               "content": blocks, "stop_reason": stop, "stop_sequence": None,
               "usage": {**usage, "output_tokens": 30}}
    if not stream:
        return ok(message)
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    out = [event({"type": "message_start", "message": start}, "message_start")]
    for i, block in enumerate(blocks):
        empty = {**block, "text": ""} if "text" in block else {**block, "input": {}}
        out.append(event({"type": "content_block_start", "index": i, "content_block": empty},
                         "content_block_start"))
        for half in halves(block.get("text") or json.dumps(block["input"])):
            delta = ({"type": "text_delta", "text": half} if "text" in block
                     else {"type": "input_json_delta", "partial_json": half})
            out.append(event({"type": "content_block_delta", "index": i, "delta": delta},
                             "content_block_delta"))
        out.append(event({"type": "content_block_stop", "index": i}, "content_block_stop"))
    out.append(event({"type": "message_delta",
                      "delta": {"stop_reason": stop, "stop_sequence": None},
                      "usage": {"output_tokens": 30}}, "message_delta"))
    out.append(event({"type": "message_stop"}, "message_stop"))
    return sse(*out)


def write_chat(act: str | Call, stream: bool, model: str, nth: int) -> Answer:
    usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
    base = {"id": f"chatcmpl-{nth:03}abc", "created": 1, "model": model}
    finish = "tool_calls" if isinstance(act, Call) else "stop"
    if not stream:
        message: Json = {"role": "assistant", "content": act if isinstance(act, str) else None}
        if isinstance(act, Call):
            message["tool_calls"] = [{"id": act.id, "type": "function", "function": {
                "name": act.name, "arguments": json.dumps(act.arguments)}}]
        return ok({**base, "object": "chat.completion", "usage": usage, "choices": [
            {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}]})

    def chunk(delta: Json, end: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        return event({**base, "object": "chat.completion.chunk", "choices": [choice]})

    out = [chunk({"role": "assistant", "content": ""})]
    if isinstance(act, str):
        out += [chunk({"content": half}) for half in halves(act)]
    else:
        first = {"index": 0, "id": act.id, "type": "function",
                 "function": {"name": act.name, "arguments": ""}}
        out.append(chunk({"tool_calls": [first]}))
        out += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": half}}]})
                for half in halves(json.dumps(act.arguments))]
    out.append(chunk({}, finish))
    out.append(event({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    return sse(*out, b"data: [DONE]\n\n")


def write_responses(act: str | Call, stream: bool, model: str, nth: int) -> Answer:
    if isinstance(act, str):
        item: Json = {"id": f"msg_{nth:03}", "type": "message", "role": "assistant", "status": "completed",
                      "content": [{"type": "output_text", "text": act, "annotations": []}]}
    else:
        item = {"id": f"fc_{nth:03}", "type": "function_call", "status": "completed", "name": act.name,
                "call_id": act.id, "arguments": json.dumps(act.arguments)}
    response: Json = {"id": f"resp_{nth:03}", "object": "response", "created_at": 1, "model": model,
                      "status": "completed", "output": [item], "error": None,
                      "incomplete_details": None, "usage": {
                          "input_tokens": 120, "input_tokens_details": {"cached_tokens": 0},
                          "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 0},
                          "total_tokens": 150}}
    if not stream:
        return ok(response)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    at = {"output_index": 0, "item_id": item["id"]}
    events: list[Json] = [{"type": "response.created", "response": begun},
                          {"type": "response.in_progress", "response": begun}]
    if isinstance(act, str):
        at["content_index"] = 0
        empty = {**item, "status": "in_progress", "content": []}
        part = item["content"][0]
        events += [{"type": "response.output_item.added", "output_index": 0, "item": empty},
                   {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}]
        events += [{"type": "response.output_text.delta", **at, "delta": h} for h in halves(act)]
        events += [{"type": "response.output_text.done", **at, "text": act},
                   {"type": "response.content_part.done", **at, "part": part}]
    else:
        empty = {**item, "status": "in_progress", "arguments": ""}
        events.append({"type": "response.output_item.added", "output_index": 0, "item": empty})
        events += [{"type": "response.function_call_arguments.delta", **at, "delta": h}
                   for h in halves(item["arguments"])]
        events.append({"type": "response.function_call_arguments.done", **at,
                       "arguments": item["arguments"]})
    events += [{"type": "response.output_item.done", "output_index": 0, "item": item},
               {"type": "response.completed", "response": response}]
    return sse(*(event({**e, "sequence_number": i}, e["type"]) for i, e in enumerate(events)))


def write_gemini(act: str | Call, stream: bool, model: str, nth: int) -> Answer:
    usage = {"promptTokenCount": 120, "candidatesTokenCount": 30, "totalTokenCount": 150}

    def chunk(parts: list[Json], end: bool) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
        if end:
            candidate["finishReason"] = "STOP"
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model,
                "responseId": f"r-{nth}"}

    if isinstance(act, str):
        pieces = [[{"text": half}] for half in halves(act)]
    else:
        pieces = [[{"functionCall": {"name": act.name, "args": act.arguments}}]]
    if not stream:
        return ok(chunk([p for piece in pieces for p in piece], True))
    last = len(pieces) - 1
    return sse(*(event(chunk(piece, i == last)) for i, piece in enumerate(pieces)))


Reader = Callable[[Json, Request], Turn]
Writer = Callable[["str | Call", bool, str, int], Answer]
DIALECTS: dict[str, tuple[Reader, Writer]] = {
    "anthropic": (read_anthropic, write_anthropic),
    "openai-chat": (read_chat, write_chat),
    "openai-responses": (read_responses, write_responses),
    "gemini": (read_gemini, write_gemini),
}
