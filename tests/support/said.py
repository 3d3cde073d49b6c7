"""What a model said, apart from any dialect, and how each dialect's whole answers say it.

Tests compare these: a scripted provider is told a Said, a client reads one. The readers take only
what they know; that a document is in order is for schemas.py and grammar.py to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Union


@dataclass
class Text:
    text: str
    citations: list["Citation"] = field(default_factory=list)


@dataclass
class Citation:
    url: str
    title: str
    start: int = 0  # in the text before which, or in which, it stands
    end: int = 0


@dataclass
class Reasoning:
    """`signature` is what lets a next turn go on: a signature, encrypted content, thoughtSignature.
    With `redacted` there is nothing else."""

    text: str = ""
    signature: str = ""
    redacted: bool = False


@dataclass
class Call:
    name: str
    args: Any = None  # an object; a string as the input of a custom tool
    id: str = ""
    signature: str = ""  # Gemini puts the signature of a step on its first call
    custom: bool = False


@dataclass
class Refusal:
    text: str


Part = Union[Text, Reasoning, Call, Refusal]


@dataclass
class Usage:
    """All counts include their parts: input the cached and the written, output the reasoning."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass
class Said:
    parts: list[Part] = field(default_factory=list)
    finish: str = "stop"  # stop, stop_sequence, length, tools, refusal, pause, error
    usage: Usage | None = None
    error: str = ""  # the message of an error that ended a stream
    stop_sequence: str | None = None
    id: str = ""
    model: str = ""
    raw: Any = field(default=None, compare=False, repr=False)
    """The assistant's turn as the dialect has it: what a faithful client sends back."""

    @property
    def text(self) -> str:
        return "".join(p.text for p in self.parts if isinstance(p, Text))

    @property
    def reasoning(self) -> str:
        return "".join(p.text for p in self.parts if isinstance(p, Reasoning))

    @property
    def refusal(self) -> str:
        return "".join(p.text for p in self.parts if isinstance(p, Refusal))

    @property
    def calls(self) -> list[Call]:
        return [p for p in self.parts if isinstance(p, Call)]

    @property
    def citations(self) -> list[Citation]:
        return [c for p in self.parts if isinstance(p, Text) for c in p.citations]


def arguments(text: str, where: str = "arguments") -> Any:
    """Arguments of a function call are the text of a JSON object; "" is what no call may have."""
    try:
        value = json.loads(text)
    except ValueError:
        raise AssertionError(f"{where} are not JSON: {text!r}") from None
    assert isinstance(value, dict), f"{where} are not an object: {text!r}"
    return value


# -- chat -----------------------------------------------------------------------------------------

CHAT_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "content_filter": "refusal",
    "function_call": "tools",
}


def chat_usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    before = usage.get("prompt_tokens_details") or {}
    after = usage.get("completion_tokens_details") or {}
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["total_tokens"] == total, f"total_tokens is not the sum: {usage}"
    return Usage(
        usage["prompt_tokens"],
        usage["completion_tokens"],
        before.get("cached_tokens", 0),
        before.get("cached_creation_tokens", before.get("cache_write_tokens", 0)),
        after.get("reasoning_tokens", 0),
    )


def chat_signature(call: dict[str, Any]) -> str:
    return call.get("extra_content", {}).get("google", {}).get("thought_signature", "")


def chat_call(call: dict[str, Any]) -> Call:
    if call["type"] == "custom":
        return Call(call["custom"]["name"], call["custom"]["input"], call["id"], custom=True)
    function = call["function"]
    args = arguments(function["arguments"])
    return Call(function["name"], args, call["id"], chat_signature(call))


def chat_message(message: dict[str, Any]) -> Iterator[Part]:
    if message.get("reasoning_content"):
        yield Reasoning(message["reasoning_content"])
    if message.get("content"):
        found = [a["url_citation"] for a in message.get("annotations") or ()]
        cited = [Citation(c["url"], c["title"], c["start_index"], c["end_index"]) for c in found]
        yield Text(message["content"], cited)
    if message.get("refusal"):
        yield Refusal(message["refusal"])
    yield from map(chat_call, message.get("tool_calls") or ())
    old = message.get("function_call")  # before there were tools
    if old:
        yield Call(old["name"], arguments(old["arguments"]))


def read_chat(answer: dict[str, Any], choice: int = 0) -> Said:
    chosen = answer["choices"][choice]
    return Said(
        list(chat_message(chosen["message"])),
        CHAT_FINISH[chosen["finish_reason"]],
        chat_usage(answer.get("usage")),
        id=answer["id"],
        model=answer["model"],
        raw=chosen["message"],
    )


# -- Responses ------------------------------------------------------------------------------------


def responses_usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    total = usage["input_tokens"] + usage["output_tokens"]
    assert usage["total_tokens"] == total, f"total_tokens is not the sum: {usage}"
    return Usage(
        usage["input_tokens"],
        usage["output_tokens"],
        usage["input_tokens_details"]["cached_tokens"],
        usage["input_tokens_details"].get("cache_write_tokens", 0),
        usage["output_tokens_details"]["reasoning_tokens"],
    )


def responses_item(item: dict[str, Any]) -> Iterator[Part]:
    kind = item["type"]
    if kind == "message":
        for part in item["content"]:
            if part["type"] == "refusal":
                yield Refusal(part["refusal"])
            else:
                cited = [
                    Citation(
                        a["url"], a.get("title", ""), a.get("start_index", 0), a.get("end_index", 0)
                    )
                    for a in part["annotations"]
                    if a["type"] == "url_citation"
                ]
                yield Text(part["text"], cited)
    elif kind == "reasoning":
        texts = [p["text"] for p in item.get("content") or item["summary"]]
        yield Reasoning("\n\n".join(texts), item.get("encrypted_content") or "")
    elif kind == "function_call":
        yield Call(item["name"], arguments(item["arguments"]), item["call_id"])
    elif kind == "custom_tool_call":
        yield Call(item["name"], item["input"], item["call_id"], custom=True)


def responses_finish(answer: dict[str, Any], parts: list[Part]) -> str:
    if answer["status"] == "failed":
        return "error"
    if answer["status"] == "incomplete":
        reason = answer["incomplete_details"]["reason"]
        return {"max_output_tokens": "length", "content_filter": "refusal"}[reason]
    return "tools" if any(isinstance(p, Call) for p in parts) else "stop"


def read_responses(answer: dict[str, Any]) -> Said:
    parts = [part for item in answer["output"] for part in responses_item(item)]
    error = (answer.get("error") or {}).get("message", "")
    return Said(
        parts,
        responses_finish(answer, parts),
        responses_usage(answer.get("usage")),
        error,
        id=answer["id"],
        model=answer["model"],
        raw=answer["output"],
    )


# -- Messages -------------------------------------------------------------------------------------

ANTHROPIC_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "tool_use": "tools",
    "refusal": "refusal",
    "pause_turn": "pause",
}


def anthropic_usage(usage: dict[str, Any]) -> Usage:
    cached = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    details = usage.get("output_tokens_details") or {}
    return Usage(
        usage["input_tokens"] + cached + written,
        usage["output_tokens"],
        cached,
        written,
        details.get("thinking_tokens", 0),
    )


def anthropic_block(block: dict[str, Any]) -> Iterator[Part]:
    kind = block["type"]
    if kind == "text":
        found = [c for c in block.get("citations") or () if "url" in c]
        yield Text(block["text"], [Citation(c["url"], c.get("title") or "") for c in found])
    elif kind == "thinking":
        yield Reasoning(block["thinking"], block["signature"])
    elif kind == "redacted_thinking":
        yield Reasoning("", block["data"], redacted=True)
    elif kind == "tool_use":
        yield Call(block["name"], block["input"], block["id"])


def read_anthropic(answer: dict[str, Any]) -> Said:
    return Said(
        [part for block in answer["content"] for part in anthropic_block(block)],
        ANTHROPIC_FINISH[answer["stop_reason"]],
        anthropic_usage(answer["usage"]),
        stop_sequence=answer["stop_sequence"],
        id=answer["id"],
        model=answer["model"],
        raw=answer["content"],
    )


# -- Gemini ---------------------------------------------------------------------------------------

GEMINI_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "OTHER": "error",
}


def gemini_usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    thoughts = usage.get("thoughtsTokenCount", 0)
    out = usage.get("candidatesTokenCount", 0) + thoughts
    used = usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
    total = usage.get("totalTokenCount", 0)
    assert total == used + out, f"totalTokenCount is not the sum: {usage}"
    return Usage(used, out, usage.get("cachedContentTokenCount", 0), 0, thoughts)


def gemini_part(part: dict[str, Any]) -> Iterator[Part]:
    signature = part.get("thoughtSignature", "")
    if "functionCall" in part:
        call = part["functionCall"]
        yield Call(call["name"], call.get("args", {}), call.get("id", ""), signature)
    elif "text" in part and part.get("thought"):
        yield Reasoning(part["text"], signature)
    elif "text" in part:
        if part["text"]:
            yield Text(part["text"])
        if signature:
            yield Reasoning("", signature)


def gemini_citations(candidate: dict[str, Any]) -> list[Citation]:
    """Grounding: what the text rests on stands beside it."""
    grounding = candidate.get("groundingMetadata", {})
    chunks = grounding.get("groundingChunks", [])
    if not grounding.get("groundingSupports"):  # nobody knows of which words
        webs = [c["web"] for c in chunks if "web" in c]
        return [Citation(w["uri"], w.get("title", "")) for w in webs]
    return [
        Citation(
            chunks[i]["web"]["uri"],
            chunks[i]["web"].get("title", ""),
            support["segment"].get("startIndex", 0),
            support["segment"]["endIndex"],
        )
        for support in grounding.get("groundingSupports", [])
        for i in support["groundingChunkIndices"]
        if "web" in chunks[i]
    ]


def read_gemini(answer: dict[str, Any]) -> Said:
    said = Said(
        usage=gemini_usage(answer.get("usageMetadata")),
        id=answer["responseId"],
        model=answer["modelVersion"],
    )
    if not answer.get("candidates"):
        feedback = answer["promptFeedback"]
        assert feedback["blockReason"], f"neither candidates nor a reason: {answer}"
        if feedback.get("blockReasonMessage"):
            said.parts.append(Refusal(feedback["blockReasonMessage"]))
        said.finish = "refusal"
        return said
    candidate = answer["candidates"][0]
    said.raw = candidate.get("content")
    for part in candidate.get("content", {}).get("parts", []):
        said.parts += gemini_part(part)
    texts = [p for p in said.parts if isinstance(p, Text)]
    if texts:
        texts[-1].citations = gemini_citations(candidate)
    said.finish = GEMINI_FINISH[candidate["finishReason"]]
    if said.finish == "stop" and said.calls:
        said.finish = "tools"
    return said


READ: dict[str, Callable[[dict[str, Any]], Said]] = {
    "chat": read_chat,
    "responses": read_responses,
    "anthropic": read_anthropic,
    "gemini": read_gemini,
}
