"""How each provider says a Said (said.py), whole and as the events of a stream.

The shapes are those of the recordings in ../shared/fixtures: member order, nulls, padding behind
the JSON of Anthropic's events, CRLF in Gemini's. What the request did not ask for is not said:
no usage chunk without include_usage, no thoughts without includeThoughts, no encrypted content
unless included. Text and arguments come in pieces that end where it hurts: single characters,
behind a backslash, between the quotes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

from .rules_anthropic import NEWEST
from .said import Call, Citation, Part, Reasoning, Refusal, Said, Text, Usage

NO_USAGE = Usage(7, 5)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pieces(text: str) -> Iterator[str]:
    """One, one, two, three, five ... characters."""
    a, b, at = 1, 1, 0
    while at < len(text):
        yield text[at : at + a]
        at += a
        a, b = b, min(a + b, 34)


class Ids:
    """Identifiers as the vendors spell them."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def hex(self, n: int) -> str:
        return "".join(self.random.choices("0123456789abcdef", k=n))

    def word(self, n: int) -> str:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return "".join(self.random.choices(letters, k=n))


@dataclass
class Scene:
    """One request, as far as it decides how it is answered."""

    body: dict[str, Any]
    model: str
    ids: Ids
    mint: Callable[[str], str]  # makes the signature of a text; the provider knows it again
    tools: list[str] = field(default_factory=list)  # the names that the request declares

    def name(self, call: Call) -> str:
        """The declared name of a call; "#1" is the second tool, whatever it is called."""
        return self.tools[int(call.name[1:])] if call.name.startswith("#") else call.name


def _sse(data: Any, event: str = "", end: str = "\n\n") -> bytes:
    text = data if isinstance(data, str) else compact(data)
    return ((f"event: {event}\n" if event else "") + f"data: {text}{end}").encode()


# -- chat -----------------------------------------------------------------------------------------


class ChatVoice:
    finish = {
        "stop": "stop",
        "stop_sequence": "stop",
        "length": "length",
        "tools": "tool_calls",
        "refusal": "content_filter",
    }

    def __init__(self, scene: Scene):
        self.scene = scene
        self.id = "chatcmpl-" + scene.ids.word(29)

    @staticmethod
    def usage(usage: Usage) -> dict[str, Any]:
        return {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": usage.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    @staticmethod
    def _annotation(c: Citation) -> dict[str, Any]:
        where = {"end_index": c.end, "start_index": c.start, "title": c.title, "url": c.url}
        return {"type": "url_citation", "url_citation": where}

    def _call(self, call: Call) -> dict[str, Any]:
        function = {"name": self.scene.name(call), "arguments": compact(call.args)}
        return {"id": "call_" + self.scene.ids.word(24), "type": "function", "function": function}

    def whole(self, said: Said) -> dict[str, Any]:
        calls = [self._call(c) for c in said.calls]
        message: dict[str, Any] = {"role": "assistant"}
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        message |= {"content": said.text or None, "refusal": said.refusal or None}
        if calls:
            message["tool_calls"] = calls
        message["annotations"] = [self._annotation(c) for c in said.citations]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self.finish[said.finish],
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": 1764033600,
            "model": self.scene.model,
            "choices": [choice],
            "usage": self.usage(said.usage or NO_USAGE),
            "service_tier": "default",
            "system_fingerprint": None,
        }

    def _chunk(self, delta: dict[str, Any] | None, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": 1764033600,
            "model": self.scene.model,
            "service_tier": "default",
            "system_fingerprint": None,
            "choices": [] if delta is None else [choice],
        }

    def _deltas(self, said: Said) -> Iterator[dict[str, Any]]:
        yield {"role": "assistant", "content": "", "refusal": None}
        for piece in pieces(said.reasoning):
            yield {"reasoning_content": piece}
        for piece in pieces(said.text):
            yield {"content": piece}
        if said.citations:
            yield {"annotations": [self._annotation(c) for c in said.citations]}
        for piece in pieces(said.refusal):
            yield {"refusal": piece}
        for index, call in enumerate(map(self._call, said.calls)):
            text = call["function"].pop("arguments")
            function = {**call["function"], "arguments": ""}
            yield {"tool_calls": [{"index": index, **call, "function": function}]}
            for piece in pieces(text):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}

    def events(self, said: Said) -> Iterator[bytes]:
        counted = (self.scene.body.get("stream_options") or {}).get("include_usage")
        chunks = [self._chunk(d) for d in self._deltas(said)]
        chunks.append(self._chunk({}, self.finish[said.finish]))
        if counted:
            for chunk in chunks:
                chunk["usage"] = None
            chunks.append({**self._chunk(None), "usage": self.usage(said.usage or NO_USAGE)})
        yield from map(_sse, chunks)
        yield _sse("[DONE]")

    @staticmethod
    def error(status: int, message: str, param: str | None = None) -> dict[str, Any]:
        kind = {401: "invalid_request_error", 429: "rate_limit_exceeded", 500: "server_error"}
        code = {401: "invalid_api_key", 429: "rate_limit_exceeded", 404: "model_not_found"}
        return {
            "error": {
                "message": message,
                "type": kind.get(
                    status, "server_error" if status > 500 else "invalid_request_error"
                ),
                "param": param,
                "code": code.get(status),
            }
        }

    def broken(self, message: str) -> bytes:
        """What stands in a stream that fails after it began."""
        return _sse(self.error(500, message))


# -- Messages -------------------------------------------------------------------------------------


class AnthropicVoice:
    finish = {
        "stop": "end_turn",
        "stop_sequence": "stop_sequence",
        "length": "max_tokens",
        "tools": "tool_use",
        "refusal": "refusal",
    }
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }

    def __init__(self, scene: Scene):
        self.scene = scene
        self.id = "msg_01" + scene.ids.word(22)

    @staticmethod
    def usage(usage: Usage) -> dict[str, Any]:
        return {
            "input_tokens": usage.input - usage.cached - usage.written,
            "cache_creation_input_tokens": usage.written,
            "cache_read_input_tokens": usage.cached,
            "cache_creation": {
                "ephemeral_5m_input_tokens": usage.written,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": usage.output,
            "service_tier": "standard",
        }

    def _thinks(self) -> bool:
        return self.scene.body.get("thinking", {}).get("type") in ("enabled", "adaptive")

    def _tells(self) -> bool:
        """The newest models tell what they think only when asked to."""
        display = self.scene.body["thinking"].get("display")
        silent = "omitted" if NEWEST.match(self.scene.model) else "summarized"
        return (display or silent) == "summarized"

    def _citation(self, c: Citation) -> dict[str, Any]:
        return {
            "type": "web_search_result_location",
            "cited_text": "what was found there",
            "url": c.url,
            "title": c.title,
            "encrypted_index": self.scene.ids.word(40),
        }

    def _block(self, part: Part) -> dict[str, Any] | None:
        if isinstance(part, Reasoning):
            if not self._thinks():
                return None
            if part.redacted:
                return {"type": "redacted_thinking", "data": self.scene.mint("")}
            text = part.text if self._tells() else ""
            return {"type": "thinking", "thinking": text, "signature": self.scene.mint(text)}
        if isinstance(part, Call):
            return {
                "type": "tool_use",
                "id": "toolu_01" + self.scene.ids.word(22),
                "name": self.scene.name(part),
                "input": part.args,
            }
        block: dict[str, Any] = {"type": "text", "text": part.text}
        if isinstance(part, Text) and part.citations:
            block["citations"] = [self._citation(c) for c in part.citations]
        return block

    def whole(self, said: Said) -> dict[str, Any]:
        blocks = [b for b in map(self._block, said.parts) if b]
        return {
            "model": self.scene.model,
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "content": blocks,
            "stop_reason": self.finish[said.finish],
            "stop_sequence": said.stop_sequence,
            "usage": self.usage(said.usage or NO_USAGE),
        }

    def _event(self, data: dict[str, Any]) -> bytes:
        text = compact(data)
        padding = " " * self.scene.ids.random.randrange(15)  # as recorded: it hides lengths
        return _sse(text[:-1] + padding + "}" if padding else text, data["type"])

    @staticmethod
    def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The block as it starts, and what fills it."""
        if block["type"] == "text":
            deltas = [{"type": "text_delta", "text": p} for p in pieces(block["text"])]
            found = block.pop("citations", [])
            deltas += [{"type": "citations_delta", "citation": c} for c in found]
            return {**block, "text": ""}, deltas
        if block["type"] == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": p} for p in pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        if block["type"] == "tool_use":
            parts = ["", *pieces(json.dumps(block["input"]) if block["input"] else "")]
            deltas = [{"type": "input_json_delta", "partial_json": p} for p in parts]
            return {**block, "input": {}}, deltas
        return block, []

    def events(self, said: Said) -> Iterator[bytes]:
        whole = self.whole(said)
        usage = whole["usage"]
        start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None}
        start["usage"] = {**usage, "output_tokens": 1}
        yield self._event({"type": "message_start", "message": start})
        for index, block in enumerate(whole["content"]):
            first, deltas = self._deltas(dict(block))
            more: dict[str, Any] = {"index": index}
            yield self._event({"type": "content_block_start", **more, "content_block": first})
            if index == 0:
                yield _sse('{"type": "ping"}', "ping")
            for delta in deltas:
                yield self._event({"type": "content_block_delta", **more, "delta": delta})
            yield self._event({"type": "content_block_stop", **more})
        counts = {k: v for k, v in usage.items() if k.endswith("_tokens")}
        reason = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
        yield self._event({"type": "message_delta", "delta": reason, "usage": counts})
        yield self._event({"type": "message_stop"})

    @classmethod
    def error(cls, status: int, message: str, param: str | None = None) -> dict[str, Any]:
        kind = cls.kinds.get(status, "api_error")
        text = f"{param}: {message}" if param else message
        error = {"type": kind, "message": text}
        return {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}

    def broken(self, message: str) -> bytes:
        return self._event(self.error(529, message))


# -- Responses ------------------------------------------------------------------------------------


class ResponsesVoice:
    def __init__(self, scene: Scene):
        self.scene = scene
        self.tail = scene.ids.hex(48)
        self.count = 0

    @staticmethod
    def usage(usage: Usage) -> dict[str, Any]:
        return {
            "input_tokens": usage.input,
            "input_tokens_details": {
                "cached_tokens": usage.cached,
                "cache_write_tokens": usage.written,
            },
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        }

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self.scene.ids.hex(18)}{self.tail[:32]}"

    def _part(self, part: Text | Refusal) -> dict[str, Any]:
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        found = [
            {
                "type": "url_citation",
                "end_index": c.end,
                "start_index": c.start,
                "title": c.title,
                "url": c.url,
            }
            for c in part.citations
        ]
        return {"type": "output_text", "annotations": found, "logprobs": [], "text": part.text}

    def _item(self, part: Part, status: str) -> dict[str, Any]:
        body = self.scene.body
        if isinstance(part, Reasoning):
            item: dict[str, Any] = {"id": self._id("rs"), "type": "reasoning"}
            if "reasoning.encrypted_content" in (body.get("include") or ()):
                item["encrypted_content"] = self.scene.mint(item["id"])
            asked = (body.get("reasoning") or {}).get("summary")
            told = asked and part.text
            item["summary"] = [{"type": "summary_text", "text": part.text}] if told else []
            return item
        if isinstance(part, Call):
            call = "call_" + self.scene.ids.word(24)
            if part.custom:
                return {
                    "id": self._id("ctc"),
                    "type": "custom_tool_call",
                    "status": "completed",
                    "call_id": call,
                    "input": part.args,
                    "name": self.scene.name(part),
                }
            return {
                "id": self._id("fc"),
                "type": "function_call",
                "status": "completed",
                "arguments": compact(part.args),
                "call_id": call,
                "name": self.scene.name(part),
            }
        return {
            "id": self._id("msg"),
            "type": "message",
            "status": status,
            "content": [self._part(part)],
            "role": "assistant",
        }

    def _echo(self) -> dict[str, Any]:
        body = self.scene.body
        reasoning = {"effort": None, "summary": None, **(body.get("reasoning") or {})}
        tools = [
            {"description": None, "strict": True, **t} if t["type"] == "function" else t
            for t in body.get("tools") or ()
        ]
        return {
            "id": "resp_" + self.tail,
            "object": "response",
            "created_at": 1764033600,
            "status": "in_progress",
            "background": False,
            "completed_at": None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "max_tool_calls": None,
            "model": self.scene.model,
            "output": [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "presence_penalty": 0.0,
            "previous_response_id": None,
            "prompt_cache_key": body.get("prompt_cache_key"),
            "reasoning": reasoning,
            "safety_identifier": None,
            "service_tier": "default",
            "store": body.get("store", True),
            "temperature": body.get("temperature", 1.0),
            "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": tools,
            "top_logprobs": 0,
            "top_p": body.get("top_p", 1.0),
            "truncation": body.get("truncation", "disabled"),
            "usage": None,
            "user": None,
            "metadata": body.get("metadata") or {},
        }

    def whole(self, said: Said) -> dict[str, Any]:
        reasons = {"length": "max_output_tokens", "refusal": "content_filter"}
        cut = said.finish in reasons
        status = "incomplete" if cut else "completed"
        answer = self._echo()
        answer["status"] = status
        if cut:
            answer["incomplete_details"] = {"reason": reasons[said.finish]}
        else:
            answer["completed_at"] = 1764033601
        answer["output"] = [self._item(p, status) for p in said.parts]
        answer["usage"] = self.usage(said.usage or NO_USAGE)
        return answer

    def _event(self, kind: str, **data: Any) -> bytes:
        self.count += 1
        return _sse({"type": kind, "sequence_number": self.count - 1, **data}, kind)

    def _text(self, item: dict[str, Any], at: dict[str, Any]) -> Iterator[bytes]:
        for number, part in enumerate(item["content"]):
            at = {**at, "content_index": number}
            member = "refusal" if part["type"] == "refusal" else "text"
            kind = "response.refusal" if member == "refusal" else "response.output_text"
            fresh = {**part, member: ""}
            more: dict[str, Any] = {"logprobs": []} if member == "text" else {}
            if member == "text":
                fresh["annotations"] = []
            yield self._event("response.content_part.added", **at, part=fresh)
            for piece in pieces(part[member]):
                yield self._event(f"{kind}.delta", **at, delta=piece, **more)
            for index, annotation in enumerate(part.get("annotations", ())):
                yield self._event(
                    "response.output_text.annotation.added",
                    **at,
                    annotation_index=index,
                    annotation=annotation,
                )
            yield self._event(f"{kind}.done", **at, **{member: part[member]}, **more)
            yield self._event("response.content_part.done", **at, part=part)

    def _summary(self, item: dict[str, Any], at: dict[str, Any]) -> Iterator[bytes]:
        for number, part in enumerate(item["summary"]):
            at = {**at, "summary_index": number}
            kind = "response.reasoning_summary"
            yield self._event(f"{kind}_part.added", **at, part={**part, "text": ""})
            for piece in pieces(part["text"]):
                yield self._event(f"{kind}_text.delta", **at, delta=piece)
            yield self._event(f"{kind}_text.done", **at, text=part["text"])
            yield self._event(f"{kind}_part.done", **at, part=part)

    def _input(self, item: dict[str, Any], at: dict[str, Any]) -> Iterator[bytes]:
        custom = item["type"] == "custom_tool_call"
        kind = "response.custom_tool_call_input" if custom else "response.function_call_arguments"
        member = "input" if custom else "arguments"
        for piece in pieces(item[member]):
            yield self._event(f"{kind}.delta", **at, delta=piece)
        yield self._event(f"{kind}.done", **at, **{member: item[member]})

    def _filled(self, item: dict[str, Any], index: int) -> Iterator[bytes]:
        fresh = dict(item)
        fill = {
            "message": (self._text, {"content": [], "status": "in_progress"}),
            "reasoning": (self._summary, {"summary": []}),
            "function_call": (self._input, {"arguments": "", "status": "in_progress"}),
            "custom_tool_call": (self._input, {"input": "", "status": "in_progress"}),
        }
        teller, empty = fill[item["type"]]
        yield self._event("response.output_item.added", output_index=index, item=fresh | empty)
        yield from teller(item, {"item_id": item["id"], "output_index": index})
        yield self._event("response.output_item.done", output_index=index, item=item)

    def events(self, said: Said) -> Iterator[bytes]:
        whole = self.whole(said)
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._echo())
        for index, item in enumerate(whole["output"]):
            yield from self._filled(item, index)
        yield self._event(f"response.{whole['status']}", response=whole)

    error = staticmethod(ChatVoice.error)

    def broken(self, message: str) -> bytes:
        if self.count == 0:
            return self._event("error", code="server_error", message=message, param=None)
        failed = self._echo()
        failed |= {"status": "failed", "error": {"code": "server_error", "message": message}}
        return self._event("response.failed", response=failed)


# -- Gemini ---------------------------------------------------------------------------------------


class GeminiVoice:
    finish = {
        "stop": "STOP",
        "stop_sequence": "STOP",
        "length": "MAX_TOKENS",
        "tools": "STOP",
        "refusal": "SAFETY",
    }
    words = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
    }

    def __init__(self, scene: Scene):
        self.scene = scene
        self.id = scene.ids.word(23)

    @staticmethod
    def usage(usage: Usage) -> dict[str, Any]:
        out = {"promptTokenCount": usage.input}
        if usage.cached:
            out["cachedContentTokenCount"] = usage.cached
        if usage.output > usage.reasoning:
            out["candidatesTokenCount"] = usage.output - usage.reasoning
        out["totalTokenCount"] = usage.input + usage.output
        details: Any = [{"modality": "TEXT", "tokenCount": usage.input}]
        out["promptTokensDetails"] = details
        if usage.reasoning:
            out["thoughtsTokenCount"] = usage.reasoning
        return out

    def _config(self) -> dict[str, Any]:
        return self.scene.body.get("generationConfig", {}).get("thinkingConfig", {})

    def _parts(self, said: Said) -> list[dict[str, Any]]:
        """Thoughts as asked for; the signature of a step on its first call, else at its end."""
        parts: list[dict[str, Any]] = []
        thinks = any(isinstance(p, Reasoning) for p in said.parts)
        for part in said.parts:
            if isinstance(part, Reasoning):
                if self._config().get("includeThoughts"):
                    parts.append({"text": part.text, "thought": True})
            elif isinstance(part, Call):
                call: dict[str, Any] = {"name": self.scene.name(part), "args": part.args}
                if self.scene.model.startswith("gemini-3"):
                    call["id"] = self.scene.ids.hex(8)
                parts.append({"functionCall": call})
            else:
                parts.append({"text": part.text})
        if thinks and said.calls:
            first = next(p for p in parts if "functionCall" in p)
            first["thoughtSignature"] = self.scene.mint(compact(first["functionCall"]))
        elif thinks and parts:
            parts[-1]["thoughtSignature"] = self.scene.mint(said.text)
        return parts

    @staticmethod
    def _grounding(said: Said) -> dict[str, Any]:
        found = said.citations
        return {
            "groundingChunks": [{"web": {"uri": c.url, "title": c.title}} for c in found],
            "groundingSupports": [
                {
                    "segment": {
                        "startIndex": c.start,
                        "endIndex": c.end,
                        "text": said.text[c.start : c.end],
                    },
                    "groundingChunkIndices": [i],
                }
                for i, c in enumerate(found)
            ],
            "webSearchQueries": ["what was asked"],
        }

    def _chunk(
        self, parts: list[dict[str, Any]], usage: Usage, finish: str | None, said: Said
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
        if not parts:
            candidate = {"content": {"role": "model"}}
        if finish:
            candidate["finishReason"] = finish
            if said.citations:
                candidate["groundingMetadata"] = self._grounding(said)
        candidate["index"] = 0
        return {
            "candidates": [candidate],
            "usageMetadata": self.usage(usage),
            "modelVersion": self.scene.model,
            "responseId": self.id,
        }

    def whole(self, said: Said) -> dict[str, Any]:
        usage = said.usage or NO_USAGE
        return self._chunk(self._parts(said), usage, self.finish[said.finish], said)

    def chunks(self, said: Said) -> Iterator[dict[str, Any]]:
        usage = said.usage or NO_USAGE
        signature = ""
        for part in self._parts(said):
            so_far = Usage(usage.input, usage.reasoning + 1, usage.cached, 0, usage.reasoning)
            if "text" not in part:
                yield self._chunk([part], so_far, None, said)
                continue
            signature = part.pop("thoughtSignature", "")
            # Gemini sends few, larger pieces, and each with counts so far
            for at in range(0, len(part["text"]), 17):
                piece = {**part, "text": part["text"][at : at + 17]}
                yield self._chunk([piece], so_far, None, said)
        last: dict[str, Any] = {"text": ""}
        if signature:
            last["thoughtSignature"] = signature
        parts = [] if said.finish == "refusal" else [last]
        yield self._chunk(parts, usage, self.finish[said.finish], said)

    def events(self, said: Said) -> Iterator[bytes]:
        for chunk in self.chunks(said):
            yield _sse(json.dumps(chunk, ensure_ascii=False), end="\r\n\r\n")

    @classmethod
    def error(cls, status: int, message: str, param: str | None = None) -> dict[str, Any]:
        word = cls.words.get(status, "INTERNAL" if status >= 500 else "FAILED_PRECONDITION")
        out: dict[str, Any] = {"code": status, "message": message, "status": word}
        if param:
            bad = {"field": param, "description": message}
            out["details"] = [
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [bad]}
            ]
        return {"error": out}

    def broken(self, message: str) -> bytes:
        return _sse(compact(self.error(503, message)), end="\r\n\r\n")


VOICES: dict[str, Any] = {
    "chat": ChatVoice,
    "responses": ResponsesVoice,
    "anthropic": AnthropicVoice,
    "gemini": GeminiVoice,
}
