"""What a provider was asked, read from its request whatever the dialect: the counterpart of
said.py. Tests compare it with what the client meant."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Union

from .rules import listed
from .said import Call, Reasoning, Text

_DATA_URL = re.compile(r"^data:([^;]+);base64,(.*)$", re.S)


@dataclass
class Media:
    mime: str = ""
    data: str = ""
    url: str = ""


@dataclass
class Answered:
    """A tool result; `media` is what came with it, inside or right behind it."""

    id: str
    text: str
    name: str = ""
    media: list[Media] = field(default_factory=list)
    error: bool = False


Part = Union[Text, Media, Call, Answered, Reasoning]


@dataclass
class Asked:
    prompts: list[str] = field(default_factory=list)  # system and developer, in order
    turns: list[tuple[str, list[Part]]] = field(default_factory=list)  # user or assistant
    tools: dict[str, tuple[str, Any]] = field(default_factory=dict)  # description, schema
    choice: str = ""
    parallel: bool = True
    max_tokens: int | None = None
    stop: list[str] = field(default_factory=list)
    schema: Any = None

    def of(self, kind: type) -> list[Any]:
        return [p for _, parts in self.turns for p in parts if isinstance(p, kind)]

    @property
    def calls(self) -> list[Call]:
        return self.of(Call)

    @property
    def results(self) -> list[Answered]:
        return self.of(Answered)

    @property
    def media(self) -> list[Media]:
        return self.of(Media)

    def texts(self, role: str) -> list[str]:
        return [p.text for r, parts in self.turns if r == role for p in parts if type(p) is Text]

    def add(self, role: str, *parts: Part) -> None:
        """Neighbouring turns of one side are one: dialects cut them differently."""
        if not parts:
            return
        if self.turns and self.turns[-1][0] == role:
            self.turns[-1][1].extend(parts)
        else:
            self.turns.append((role, list(parts)))


def _link(url: str) -> Media:
    match = _DATA_URL.match(url)
    return Media(match[1], match[2]) if match else Media(url=url)


# -- chat -----------------------------------------------------------------------------------------


def _chat_part(part: Any) -> Part:
    kind = part["type"]
    if kind == "image_url":
        return _link(part["image_url"]["url"])
    if kind == "file":
        return _link(part["file"]["file_data"])
    return Text(part.get("text", ""))


def _chat_content(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [_chat_part(p) for p in content or ()]


def _texts(parts: list[Part]) -> str:
    return "\n\n".join(p.text for p in parts if isinstance(p, Text))


def asked_chat(body: dict[str, Any]) -> Asked:
    out = Asked()
    for message in body["messages"]:
        parts = _chat_content(message.get("content"))
        if message["role"] in ("system", "developer"):
            out.prompts += [p.text for p in parts if isinstance(p, Text)]
        elif message["role"] == "tool":
            out.add("user", Answered(message["tool_call_id"], _texts(parts)))
        else:
            calls = [
                Call(c["function"]["name"], json.loads(c["function"]["arguments"]), c["id"])
                for c in listed(message.get("tool_calls"))
            ]
            out.add(message["role"], *parts, *calls)
    for tool in listed(body.get("tools")):
        f = tool["function"]
        out.tools[f["name"]] = (f.get("description", ""), f.get("parameters"))
    choice = body.get("tool_choice", "")
    out.choice = choice if isinstance(choice, str) else choice["function"]["name"]
    out.parallel = body.get("parallel_tool_calls", True)
    out.max_tokens = body.get("max_completion_tokens", body.get("max_tokens"))
    stop = body.get("stop") or []
    out.stop = [stop] if isinstance(stop, str) else stop
    out.schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    return out


# -- Responses ------------------------------------------------------------------------------------


def _responses_part(part: Any) -> Part:
    if part["type"] == "input_image":
        return _link(part["image_url"])
    if part["type"] == "input_file":
        return _link(part["file_data"])
    return Text(part.get("text", part.get("refusal", "")))


def _responses_content(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [_responses_part(p) for p in content]


def _responses_item(out: Asked, item: dict[str, Any]) -> None:
    kind = item.get("type", "message")
    if kind == "message":
        parts = _responses_content(item["content"])
        if item["role"] in ("system", "developer"):
            out.prompts += [p.text for p in parts if isinstance(p, Text)]
        else:
            out.add(item["role"], *parts)
    elif kind == "function_call":
        out.add("assistant", Call(item["name"], json.loads(item["arguments"]), item["call_id"]))
    elif kind == "custom_tool_call":
        out.add("assistant", Call(item["name"], item["input"], item["call_id"], custom=True))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        parts = _responses_content(item["output"])
        media = [p for p in parts if isinstance(p, Media)]
        out.add("user", Answered(item["call_id"], _texts(parts), media=media))
    elif kind == "reasoning":
        text = "\n\n".join(s["text"] for s in item["summary"])
        out.add("assistant", Reasoning(text, item.get("encrypted_content") or ""))


def asked_responses(body: dict[str, Any]) -> Asked:
    out = Asked()
    if body.get("instructions"):
        out.prompts.append(body["instructions"])
    items = body["input"]
    for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
        _responses_item(out, item)
    for tool in listed(body.get("tools")):
        if tool["type"] == "function":
            out.tools[tool["name"]] = (tool.get("description") or "", tool["parameters"])
    choice = body.get("tool_choice") or ""
    out.choice = choice if isinstance(choice, str) else choice.get("name", "")
    out.parallel = body.get("parallel_tool_calls", True)
    out.max_tokens = body.get("max_output_tokens")
    out.schema = ((body.get("text") or {}).get("format") or {}).get("schema")
    return out


# -- Messages -------------------------------------------------------------------------------------


def _source(block: dict[str, Any]) -> Media:
    source = block["source"]
    if source["type"] == "url":
        return Media(url=source["url"])
    return Media(source["media_type"], source["data"])


def _anthropic_block(block: dict[str, Any]) -> Part:
    kind = block["type"]
    if kind in ("image", "document"):
        return _source(block)
    if kind == "tool_use":
        return Call(block["name"], block["input"], block["id"])
    if kind == "tool_result":
        inner = _anthropic_content(block.get("content") or "")
        media = [p for p in inner if isinstance(p, Media)]
        error = block.get("is_error", False)
        return Answered(block["tool_use_id"], _texts(inner), media=media, error=error)
    if kind == "thinking":
        return Reasoning(block["thinking"], block["signature"])
    if kind == "redacted_thinking":
        return Reasoning("", block["data"], redacted=True)
    return Text(block["text"])


def _anthropic_content(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [_anthropic_block(b) for b in content]


def asked_anthropic(body: dict[str, Any]) -> Asked:
    out = Asked()
    out.prompts = [p.text for p in _anthropic_content(body.get("system") or "")]  # type: ignore
    for message in body["messages"]:
        out.add(message["role"], *_anthropic_content(message["content"]))
    for tool in listed(body.get("tools")):
        if "input_schema" in tool:
            out.tools[tool["name"]] = (tool.get("description", ""), tool["input_schema"])
    choice = body.get("tool_choice") or {}
    kind = choice.get("type", "")
    out.choice = choice["name"] if kind == "tool" else {"any": "required"}.get(kind, kind)
    out.parallel = not choice.get("disable_parallel_tool_use", False)
    out.max_tokens = body["max_tokens"]
    out.stop = body.get("stop_sequences", [])
    out.schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    return out


# -- Gemini ---------------------------------------------------------------------------------------


def _blob(part: dict[str, Any]) -> Media:
    if "fileData" in part:
        return Media(part["fileData"].get("mimeType", ""), url=part["fileData"]["fileUri"])
    return Media(part["inlineData"]["mimeType"], part["inlineData"]["data"])


def _result_text(response: dict[str, Any]) -> tuple[str, bool]:
    """The text of a function's response, and whether it says that it failed."""
    for word in ("result", "output", "error"):
        if set(response) == {word}:
            value = response[word]
            return value if isinstance(value, str) else json.dumps(value), word == "error"
    return json.dumps(response), False


def _gemini_parts(content: dict[str, Any]) -> list[Part]:
    out: list[Part] = []
    for part in content.get("parts", ()):
        signature = part.get("thoughtSignature", "")
        if "functionCall" in part:
            call = part["functionCall"]
            out.append(Call(call["name"], call.get("args", {}), call.get("id", ""), signature))
        elif "functionResponse" in part:
            one = part["functionResponse"]
            text, error = _result_text(one["response"])
            media = [_blob(p) for p in one.get("parts", ())]
            out.append(Answered(one.get("id", ""), text, one["name"], media, error))
        elif "inlineData" in part or "fileData" in part:
            out.append(_blob(part))
        elif part.get("thought") or part.get("text") == "":
            out.append(Reasoning(part["text"], signature))
        else:
            out.append(Text(part["text"]))
            if signature:
                out.append(Reasoning("", signature))
    return out


def asked_gemini(body: dict[str, Any]) -> Asked:
    out = Asked()
    system = _gemini_parts(body.get("systemInstruction") or {})
    out.prompts = [p.text for p in system if isinstance(p, Text)]
    for content in body["contents"]:
        role = "assistant" if content.get("role") == "model" else "user"
        out.add(role, *_gemini_parts(content))
    for tool in listed(body.get("tools")):
        for f in listed(tool.get("functionDeclarations")):
            schema = f.get("parametersJsonSchema", f.get("parameters"))
            out.tools[f["name"]] = (f.get("description", ""), schema)
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    words = {"AUTO": "auto", "NONE": "none", "ANY": "required", "VALIDATED": "auto"}
    out.choice = words.get(calling.get("mode", ""), "")
    names = calling.get("allowedFunctionNames")
    if names:
        out.choice = ",".join(names)
    config = body.get("generationConfig") or {}
    out.max_tokens = config.get("maxOutputTokens")
    out.stop = config.get("stopSequences", [])
    out.schema = config.get("responseJsonSchema", config.get("responseSchema"))
    return out


ASKED: dict[str, Callable[[dict[str, Any]], Asked]] = {
    "chat": asked_chat,
    "responses": asked_responses,
    "anthropic": asked_anthropic,
    "gemini": asked_gemini,
}
