"""A scripted model that speaks one provider's dialect and has one task: write a word into a file,
read it back, say what it read. It calls the tools the agent offered, by the schemas the agent sent,
and takes its last sentence from the last result: so that it says the right word only if the tool's
answer came all the way up, in the dialect's form, to the call it answers.

What arrives is read as the provider's API would read it: a result without its call, a call without
its result or a body in another shape is a `problem`, and the request is refused with a 400.
"""

from __future__ import annotations

import base64
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
class Act:
    """What the model does in one answer."""

    calls: list[Call] = field(default_factory=list)
    text: str = ""
    seal: str = ""  # if it thought before: what only the provider can read of that


THOUGHT = "I should use the tools."


@dataclass
class Turn:
    """What the model is asked, in no dialect."""

    tools: dict[str, Json] = field(default_factory=dict)  # name to JSON schema
    custom: set[str] = field(default_factory=set)  # tools that take free text
    search: bool = False  # tool_search is Responses' own
    seals: list[str] = field(default_factory=list)  # what came back of the thoughts
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
            elif block["type"] == "thinking":
                need(message["role"] == "assistant", "thinking of a user")
                turn.seals.append(block["signature"])
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
            elif one["type"] == "custom":
                turn.tools[one["name"]] = {}
                turn.custom.add(one["name"])
            elif one["type"] == "tool_search" and one.get("execution") == "client":
                turn.tools["tool_search"] = one.get("parameters") or {}
                turn.search = True
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
        elif kind == "reasoning":
            turn.seals.append(item.get("encrypted_content") or "")
        elif kind in ("function_call", "custom_tool_call", "tool_search_call"):
            if kind == "function_call":
                json.loads(item["arguments"])
            waiting.append(item["call_id"])
            turn.calls.append((item["call_id"], item.get("name", "tool_search")))
        elif kind in ("function_call_output", "custom_tool_call_output", "tool_search_output"):
            need(item["call_id"] in waiting, "No tool call found for function call output")
            waiting.remove(item["call_id"])
            said = json.dumps(item["tools"]) if "tools" in item else texts(item["output"])
            turn.results.append((item["call_id"], said))
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
            if part.get("thoughtSignature"):
                turn.seals.append(part["thoughtSignature"])
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
    """Answers one upstream's requests. `word` goes into `path`.

    how: "plain"; "parallel" (two files are written by two calls of one answer), "thinking" (each
    answer begins with a thought that has a seal), "patch" (the file is written with the free-form
    tool apply_patch), "search" (before all, tools are looked for with Codex's tool_search).
    """

    def __init__(self, dialect: str, path: str, word: str, how: str = "plain"):
        self.read, self.write = DIALECTS[dialect]
        self.dialect, self.path, self.word, self.how = dialect, path, word, how
        self.problems: list[str] = []
        self.turns: list[Turn] = []  # those of the task: with tools that write
        self.asides: list[Turn] = []  # titles, summaries and the like
        self.sealed: list[str] = []  # the seals given out in the task
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
            return self.write(self.act(turn, nth), turn, body.get("model", "m"), nth)
        except (Refused, KeyError, TypeError, ValueError) as err:
            self.problems.append(f"{request.target}: {type(err).__name__}: {err}")
            return Answer(status=400, body=json.dumps(
                {"type": "error", "error": {"type": "invalid_request_error", "code": 400,
                                            "message": self.problems[-1],
                                            "status": "INVALID_ARGUMENT"}}).encode())

    def act(self, turn: Turn, nth: int) -> Act:
        if not writer(turn.tools) and not shell(turn.tools):
            self.asides.append(turn)
            return Act(text='{"title": "A word in a file", "isNewTopic": true}')
        self.turns.append(turn)
        seal = ""
        if self.how == "thinking":
            # Base64, as Google insists on.
            seal = base64.b64encode(f"seal {nth} of {self.dialect}".encode()).decode()
            self.sealed.append(seal)
        done = len(turn.results)
        if self.how == "search":
            need("tool_search" in turn.tools, "no tool_search")
            if done == 0:
                wanted = {"query": "spawn an agent", "limit": 2}
                return Act([Call(self.id(nth), "tool_search", wanted)])
            done -= 1
        writes = 2 if self.how == "parallel" else 1
        if done == 0:
            return Act([self.writing(turn, nth, i) for i in range(writes)], seal=seal)
        if done == writes:
            return Act([self.reading(turn, nth)], seal=seal)
        last = turn.results[-1][1]
        says = f"The file says {self.word}." if self.word in last else f"No word in: {last[:500]}"
        return Act(text=says, seal=seal)

    def id(self, nth: int, i: int = 0) -> str:
        return f"{PREFIX[self.dialect]}{nth:03}abc{i}"

    def writing(self, turn: Turn, nth: int, i: int) -> Call:
        path, word = (self.path, self.word) if i == 0 else (self.path + ".second", "second")
        if self.how == "patch":
            need("apply_patch" in turn.tools, "no apply_patch")
            patch = f"*** Begin Patch\n*** Add File: {path}\n+{word}\n*** End Patch\n"
            schema = turn.tools["apply_patch"]
            key = "" if "apply_patch" in turn.custom else next(iter(properties(schema)))
            return Call(self.id(nth), "apply_patch", {key: patch})
        if tool := writer(turn.tools):
            known = {tool[1]: path, "content": word + "\n"}
            return Call(self.id(nth, i), tool[0], fill(turn.tools[tool[0]], known))
        return self.run(turn, nth, i, f"printf '%s\\n' {word} > '{path}'")

    def reading(self, turn: Turn, nth: int) -> Call:
        if tool := reader(turn.tools):
            return Call(self.id(nth), tool[0], fill(turn.tools[tool[0]], {tool[1]: self.path}))
        return self.run(turn, nth, 0, f"cat '{self.path}'")

    def run(self, turn: Turn, nth: int, i: int, line: str) -> Call:
        tool = shell(turn.tools)
        assert tool is not None
        schema = turn.tools[tool[0]]
        command: Any = line
        if type_of(properties(schema)[tool[1]]) == "array":
            command = ["bash", "-c", line]
        known = {tool[1]: command, "description": "Write or read the file"}
        return Call(self.id(nth, i), tool[0], fill(schema, known))


# ---- writing answers -------------------------------------------------------------------------

# Ids differ from answer to answer, as a provider's do: Claude Code takes two answers with the same
# message id for one and sends them back as one.

PREFIX = {"anthropic": "toolu_", "openai-chat": "call_", "openai-responses": "call_", "gemini": ""}


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def event(data: Json, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return (head + "data: " + json.dumps(data, ensure_ascii=False) + "\n\n").encode()


def write_anthropic(act: Act, turn: Turn, model: str, nth: int) -> Answer:
    usage = {"input_tokens": 120, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    blocks: list[Json] = []
    if act.seal:
        blocks.append({"type": "thinking", "thinking": THOUGHT, "signature": act.seal})
    blocks.append({"type": "text", "text": act.text or "I use a tool."})
    blocks += [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments}
               for c in act.calls]
    stop = "tool_use" if act.calls else "end_turn"
    message = {"id": f"msg_{nth:03}abc", "type": "message", "role": "assistant", "model": model,
               "content": blocks, "stop_reason": stop, "stop_sequence": None,
               "usage": {**usage, "output_tokens": 30}}
    if not turn.stream:
        return ok(message)
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    out = [event({"type": "message_start", "message": start}, "message_start")]
    for i, block in enumerate(blocks):
        kind = block["type"]
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""},
                 "tool_use": {"input": {}}}[kind]
        deltas: list[Json] = [
            {"type": "text_delta", "text": half} if kind == "text" else
            {"type": "thinking_delta", "thinking": half} if kind == "thinking" else
            {"type": "input_json_delta", "partial_json": half}
            for half in halves(block.get("text") or block.get("thinking")
                               or json.dumps(block["input"]))]
        if kind == "thinking":
            deltas.append({"type": "signature_delta", "signature": act.seal})
        out.append(event({"type": "content_block_start", "index": i,
                          "content_block": {**block, **empty}}, "content_block_start"))
        out += [event({"type": "content_block_delta", "index": i, "delta": d},
                      "content_block_delta") for d in deltas]
        out.append(event({"type": "content_block_stop", "index": i}, "content_block_stop"))
    out.append(event({"type": "message_delta",
                      "delta": {"stop_reason": stop, "stop_sequence": None},
                      "usage": {"output_tokens": 30}}, "message_delta"))
    out.append(event({"type": "message_stop"}, "message_stop"))
    return sse(*out)


def write_chat(act: Act, turn: Turn, model: str, nth: int) -> Answer:
    usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
    base = {"id": f"chatcmpl-{nth:03}abc", "created": 1, "model": model}
    finish = "tool_calls" if act.calls else "stop"
    if not turn.stream:
        message: Json = {"role": "assistant", "content": act.text or None}
        if act.calls:
            message["tool_calls"] = [{"id": c.id, "type": "function", "function": {
                "name": c.name, "arguments": json.dumps(c.arguments)}} for c in act.calls]
        return ok({**base, "object": "chat.completion", "usage": usage, "choices": [
            {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}]})

    def chunk(delta: Json, end: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        return event({**base, "object": "chat.completion.chunk", "choices": [choice]})

    out = [chunk({"role": "assistant", "content": ""})]
    if act.seal:  # chat has no seals; what is thought is told, by some
        out += [chunk({"reasoning_content": half}) for half in halves(THOUGHT)]
    out += [chunk({"content": half}) for half in halves(act.text) if half]
    for i, call in enumerate(act.calls):
        first = {"index": i, "id": call.id, "type": "function",
                 "function": {"name": call.name, "arguments": ""}}
        out.append(chunk({"tool_calls": [first]}))
        out += [chunk({"tool_calls": [{"index": i, "function": {"arguments": half}}]})
                for half in halves(json.dumps(call.arguments))]
    out.append(chunk({}, finish))
    out.append(event({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    return sse(*out, b"data: [DONE]\n\n")


def response_items(act: Act, turn: Turn, nth: int) -> list[Json]:
    items: list[Json] = []
    if act.seal:
        items.append({"id": f"rs_{nth:03}", "type": "reasoning", "encrypted_content": act.seal,
                      "summary": [{"type": "summary_text", "text": THOUGHT}]})
    if act.text:
        items.append({"id": f"msg_{nth:03}", "type": "message", "role": "assistant",
                      "status": "completed",
                      "content": [{"type": "output_text", "text": act.text, "annotations": []}]})
    for i, call in enumerate(act.calls):
        one: Json = {"id": f"fc_{nth:03}{i}", "status": "completed", "name": call.name,
                     "call_id": call.id}
        if call.name == "tool_search" and turn.search:
            del one["name"]
            items.append({**one, "type": "tool_search_call", "execution": "client",
                          "arguments": call.arguments})
        elif call.name in turn.custom:
            items.append({**one, "type": "custom_tool_call", "input": call.arguments[""]})
        else:
            items.append({**one, "type": "function_call", "arguments": json.dumps(call.arguments)})
    return items


def item_events(i: int, item: Json) -> list[Json]:
    """From response.output_item.added to .done."""
    at = {"output_index": i, "item_id": item["id"]}
    if item["type"] == "message":
        part, field_of, name = item["content"][0], "text", "output_text"
        at["content_index"] = 0
        empty = {**item, "status": "in_progress", "content": []}
        head = [{"type": "response.content_part.added", **at, "part": {**part, "text": ""}}]
        tail = [{"type": "response.content_part.done", **at, "part": part}]
        text = part["text"]
    elif item["type"] == "reasoning":
        part, field_of, name = item["summary"][0], "text", "reasoning_summary_text"
        at["summary_index"] = 0
        empty = {**item, "summary": [], "encrypted_content": ""}
        head = [{"type": "response.reasoning_summary_part.added", **at,
                 "part": {**part, "text": ""}}]
        tail = [{"type": "response.reasoning_summary_part.done", **at, "part": part}]
        text = part["text"]
    elif item["type"] == "tool_search_call":
        return [{"type": "response.output_item.added", "output_index": i, "item": item},
                {"type": "response.output_item.done", "output_index": i, "item": item}]
    else:
        custom = item["type"] == "custom_tool_call"
        field_of = "input" if custom else "arguments"
        name = "custom_tool_call_input" if custom else "function_call_arguments"
        empty, head, tail = {**item, "status": "in_progress", field_of: ""}, [], []
        text = item[field_of]
    return [{"type": "response.output_item.added", "output_index": i, "item": empty}, *head,
            *({"type": f"response.{name}.delta", **at, "delta": h} for h in halves(text)),
            {"type": f"response.{name}.done", **at, field_of: text}, *tail,
            {"type": "response.output_item.done", "output_index": i, "item": item}]


def write_responses(act: Act, turn: Turn, model: str, nth: int) -> Answer:
    items = response_items(act, turn, nth)
    response: Json = {"id": f"resp_{nth:03}", "object": "response", "created_at": 1, "model": model,
                      "status": "completed", "output": items, "error": None,
                      "incomplete_details": None, "usage": {
                          "input_tokens": 120, "input_tokens_details": {"cached_tokens": 0},
                          "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 0},
                          "total_tokens": 150}}
    if not turn.stream:
        return ok(response)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [{"type": "response.created", "response": begun},
                          {"type": "response.in_progress", "response": begun}]
    for i, item in enumerate(items):
        events += item_events(i, item)
    events.append({"type": "response.completed", "response": response})
    return sse(*(event({**e, "sequence_number": i}, e["type"]) for i, e in enumerate(events)))


def write_gemini(act: Act, turn: Turn, model: str, nth: int) -> Answer:
    usage = {"promptTokenCount": 120, "candidatesTokenCount": 30, "totalTokenCount": 150}

    def chunk(parts: list[Json], end: bool) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
        if end:
            candidate["finishReason"] = "STOP"
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model,
                "responseId": f"r-{nth}"}

    pieces: list[Json] = [{"text": half} for half in halves(act.text) if half]
    pieces += [{"functionCall": {"name": c.name, "args": c.arguments}} for c in act.calls]
    if act.seal:
        # On the first call, else on an empty text at the end (Gemini API, thought signatures).
        if not act.calls:
            pieces.append({"text": ""})
        pieces[0 if act.calls else -1]["thoughtSignature"] = act.seal
        pieces.insert(0, {"text": THOUGHT, "thought": True})
    if not turn.stream:
        return ok(chunk(pieces, True))
    last = len(pieces) - 1
    return sse(*(event(chunk([piece], i == last)) for i, piece in enumerate(pieces)))


Reader = Callable[[Json, Request], Turn]
Writer = Callable[[Act, Turn, str, int], Answer]
DIALECTS: dict[str, tuple[Reader, Writer]] = {
    "anthropic": (read_anthropic, write_anthropic),
    "openai-chat": (read_chat, write_chat),
    "openai-responses": (read_responses, write_responses),
    "gemini": (read_gemini, write_gemini),
}
