"""The order in which the events of a stream must come (SPEC 5.11): one checker per dialect.

Each takes the events of a whole stream (client.events) and returns what the stream said, put
together from its deltas; AssertionError tells what is out of order. `ours` asks for what we promise
beyond what the vendors always do. A stream that ends in an error event is in order, if nothing
follows it: the error is in the result, and a test that wanted success finds it there.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from . import said as S
from .client import Event
from .said import Call, Part, Reasoning, Refusal, Said, Text


def _json(event: Event) -> Any:
    try:
        return json.loads(event.data)
    except ValueError:
        raise AssertionError(f"data of an event is not JSON: {event.data[:300]!r}") from None


# -- chat -----------------------------------------------------------------------------------------


def _without(value: dict[str, Any], member: str) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k != member}


class _Choice:
    """One of the `n` answers of a chat stream."""

    def __init__(self) -> None:
        self.said = Said()
        self.begun = False
        self.done = False
        self.text, self.reasoning, self.refusal = "", "", ""
        self.calls: list[dict[str, Any]] = []
        self.details: list[Any] = []
        self.extra: Any = None
        self.citations: list[S.Citation] = []

    def take(self, choice: dict[str, Any], ours: bool) -> None:
        assert not self.done, f"a chunk after the finish reason: {choice}"
        delta = choice["delta"]
        if not self.begun:
            assert delta.get("role") == "assistant", f"the first delta names no role: {delta}"
            if ours:
                assert delta.get("content") == "", f"the first delta has no empty content: {delta}"
            self.begun = True
        elif ours:
            assert "role" not in delta, f"the role a second time: {delta}"
        self.text += delta.get("content") or ""
        self.reasoning += delta.get("reasoning_content") or ""
        self.refusal += delta.get("refusal") or ""
        self.details += delta.get("reasoning_details") or []
        self.extra = delta.get("extra_content", self.extra)
        for annotation in delta.get("annotations") or ():
            c = annotation["url_citation"]
            self.citations.append(
                S.Citation(c["url"], c["title"], c["start_index"], c["end_index"])
            )
        for call in delta.get("tool_calls") or ():
            self._call(call, ours)
        if choice.get("finish_reason") is not None:
            self._finish(choice, ours)

    def _call(self, delta: dict[str, Any], ours: bool) -> None:
        index = delta["index"]
        assert index <= len(self.calls), f"tool call {index} begins before {len(self.calls)}"
        known = self.calls[index] if index < len(self.calls) else delta
        kind = known.get("type", "function")
        text = {"function": "arguments", "custom": "input"}[kind]
        piece = delta.get(kind, {})
        if index == len(self.calls):
            assert delta.get("id"), f"a tool call begins without id: {delta}"
            assert delta.get("type"), f"a tool call begins without type: {delta}"
            assert piece.get("name"), f"a tool call begins without name: {delta}"
            if ours:
                assert piece.get(text) == "", f"a call begins with arguments: {delta}"
            self.calls.append({**delta, kind: {**piece, text: ""}})
        elif ours:
            assert index == len(self.calls) - 1, f"tool call {index} goes on after the next began"
            assert set(delta) <= {"index", kind, "extra_content"}, f"more than needed: {delta}"
            assert set(piece) <= {text}, f"name sent twice: {delta}"
        self.calls[index][kind][text] += piece.get(text) or ""
        if "extra_content" in delta:
            self.calls[index]["extra_content"] = delta["extra_content"]

    def _finish(self, choice: dict[str, Any], ours: bool) -> None:
        self.done = True
        if ours:
            assert choice["delta"] == {}, f"the finish reason comes with content: {choice}"
        word = choice["finish_reason"]
        assert (word == "tool_calls") <= bool(self.calls), "tool_calls, but no call was made"
        if ours and word == "stop":
            assert not self.calls, "calls were made, but the finish reason is stop"
        self.said.finish = S.CHAT_FINISH[word]

    def close(self) -> Said:
        ids = [c["id"] for c in self.calls]
        assert len(ids) == len(set(ids)), f"tool call ids come twice: {ids}"
        parts: list[Part] = []
        if self.reasoning:
            parts.append(Reasoning(self.reasoning))
        if self.text:
            parts.append(Text(self.text, self.citations))
        if self.refusal:
            parts.append(Refusal(self.refusal))
        self.said.parts = parts + [S.chat_call(c) for c in self.calls if self.done]
        self.said.raw = {"role": "assistant", "content": self.text or None}
        if self.reasoning:
            self.said.raw["reasoning_content"] = self.reasoning
        if self.details:
            self.said.raw["reasoning_details"] = self.details
        if self.extra:
            self.said.raw["extra_content"] = self.extra
        if self.calls:
            self.said.raw["tool_calls"] = [_without(c, "index") for c in self.calls]
        return self.said


def check_chat_stream(events: list[Event], ours: bool = True, choice: int = 0) -> Said:
    choices: dict[int, _Choice] = {}
    head: tuple[Any, ...] | None = None
    usage: Any = None
    ended = error = ""
    for event in events:
        assert event.type == "message", f"chat streams name no events, this one is {event.type!r}"
        assert not ended, f"an event after {ended}: {event.data[:300]}"
        if event.data == "[DONE]":
            ended = "[DONE]"
            continue
        chunk = _json(event)
        if "error" in chunk:
            ended, error = "an error", chunk["error"]["message"]
            continue
        same = (chunk["id"], chunk["created"], chunk["model"])
        head = head or same
        assert same == head, f"id, created or model changed from {head} to {same}"
        if chunk.get("usage") is not None:
            if ours:
                assert usage is None, "usage came twice"
                assert chunk["choices"] == [], "usage came with a choice"
                assert all(c.done for c in choices.values()), "usage before the finish reason"
            usage = chunk["usage"]
        for one in chunk["choices"]:
            assert usage is None or not ours, "a choice after the usage"
            choices.setdefault(one["index"], _Choice()).take(one, ours)
    if error:
        return Said(finish="error", error=error)
    assert ended, "the stream ends without [DONE]"
    assert head and choice in choices, "the stream has no choice"
    unfinished = [i for i, c in choices.items() if not c.done]
    assert not unfinished, f"no finish reason for choice {unfinished}"
    result = [c.close() for _, c in sorted(choices.items())][choice]
    result.id, result.model = head[0], head[2]
    result.usage = S.chat_usage(usage)
    return result


# -- Messages -------------------------------------------------------------------------------------

# block -> its delta, and the member the deltas add up to
_BLOCKS = {
    "text": {"text_delta": "text"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
    "server_tool_use": {"input_json_delta": "partial_json"},
}
_EMPTY = {"text": {"text": ""}, "thinking": {"thinking": ""}, "tool_use": {"input": {}}}


class _Messages:
    def __init__(self, ours: bool):
        self.ours = ours
        self.message: dict[str, Any] = {}
        self.blocks: list[dict[str, Any]] = []
        self.open: dict[str, Any] | None = None
        self.partial = ""
        self.end: dict[str, Any] = {}
        self.ended = ""
        self.error = ""

    def take(self, event: Event) -> None:
        data = _json(event)
        assert event.type == data["type"], f"event {event.type!r} holds a {data['type']}"
        assert not self.ended, f"{data['type']} after {self.ended}"
        if data["type"] == "error":
            self.ended, self.error = "an error", data["error"]["message"]
        elif data["type"] == "ping":
            assert self.message or not self.ours, "a ping before message_start"
        else:
            assert bool(self.message) != (
                data["type"] == "message_start"
            ), f"{data['type']} is not where message_start must be, or it came twice"
            getattr(self, data["type"])(data)

    def message_start(self, data: dict[str, Any]) -> None:
        self.message = data["message"]
        assert self.message["content"] == [], f"message_start has content: {data}"
        assert self.message["stop_reason"] is None, f"message_start has a stop reason: {data}"
        assert "input_tokens" in self.message["usage"], f"message_start has no usage: {data}"

    def content_block_start(self, data: dict[str, Any]) -> None:
        assert not self.end, "a block after message_delta"
        assert self.open is None, "a block starts before the last one stopped"
        assert data["index"] == len(self.blocks), f"index {data['index']}, not {len(self.blocks)}"
        self.open = dict(data["content_block"])
        self.partial = ""
        for member, value in _EMPTY.get(self.open["type"], {}).items():
            assert self.open[member] == value, f"a block starts with content: {data}"
        self.blocks.append(self.open)

    def content_block_delta(self, data: dict[str, Any]) -> None:
        assert self.open is not None, f"a delta outside a block: {data}"
        assert data["index"] == len(self.blocks) - 1, f"a delta of another block: {data}"
        delta, kind = data["delta"], self.open["type"]
        if delta["type"] == "citations_delta":
            assert kind == "text", f"a citation in a {kind} block"
            self.open["citations"] = [*(self.open.get("citations") or []), delta["citation"]]
            return
        if kind not in _BLOCKS and not self.ours:
            return
        assert delta["type"] in _BLOCKS.get(kind, {}), f"{delta['type']} in a {kind} block"
        member = _BLOCKS[kind][delta["type"]]
        if member == "partial_json":
            self.partial += delta["partial_json"]
            return
        if member == "thinking":
            assert not self.open.get("signature"), "thinking after its signature"
        if member == "signature":
            assert not self.open.get("signature"), "a second signature"
        self.open[member] = self.open.get(member, "") + delta[member]

    def content_block_stop(self, data: dict[str, Any]) -> None:
        assert self.open is not None, f"a stop without a block: {data}"
        assert data["index"] == len(self.blocks) - 1, f"stops another block: {data}"
        if self.open["type"] == "tool_use":
            # no delta at all means {}: seen in recordings of tools without parameters
            self.open["input"] = S.arguments(self.partial or "{}", "input_json_delta")
        self.open = None

    def message_delta(self, data: dict[str, Any]) -> None:
        assert self.open is None, "message_delta while a block is open"
        assert not self.end, "message_delta came twice"
        assert data["delta"]["stop_reason"], f"message_delta without a stop reason: {data}"
        assert "output_tokens" in data["usage"], f"message_delta without usage: {data}"
        self.end = data

    def message_stop(self, data: dict[str, Any]) -> None:
        assert self.end, "message_stop without message_delta"
        self.ended = "message_stop"

    def result(self) -> Said:
        if self.error:
            return Said(finish="error", error=self.error)
        assert self.ended, "the stream ends without message_stop"
        counts = {k: v for k, v in self.end["usage"].items() if v is not None}
        answer = {
            **self.message,
            "stop_sequence": None,
            **self.end["delta"],
            "content": self.blocks,
            "usage": {**self.message["usage"], **counts},
        }
        uses = any(b["type"] == "tool_use" for b in self.blocks)
        if answer["stop_reason"] == "tool_use":
            assert uses, "stop reason tool_use, but no tool is used"
        elif self.ours and answer["stop_reason"] == "end_turn":
            assert not uses, "tools are used, but the stop reason is end_turn"
        for block in self.blocks:
            if block["type"] == "thinking":
                block.setdefault("signature", "")
        return S.read_anthropic(answer)


def check_anthropic_stream(events: list[Event], ours: bool = True) -> Said:
    state = _Messages(ours)
    for event in events:
        state.take(event)
    return state.result()


# -- Responses ------------------------------------------------------------------------------------

_TERMINAL = ("response.completed", "response.incomplete", "response.failed")
# An item as it must be when it is added, by type.
_FRESH = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "reasoning": {"summary": []},
}
# delta event -> (done event, the member of the done event, whether it stands in a content part)
_RUNS = {
    "response.output_text.delta": ("response.output_text.done", "text", "content_index"),
    "response.refusal.delta": ("response.refusal.done", "refusal", "content_index"),
    "response.reasoning_text.delta": ("response.reasoning_text.done", "text", "content_index"),
    "response.reasoning_summary_text.delta": (
        "response.reasoning_summary_text.done",
        "text",
        "summary_index",
    ),
    "response.function_call_arguments.delta": (
        "response.function_call_arguments.done",
        "arguments",
        "",
    ),
    "response.custom_tool_call_input.delta": ("response.custom_tool_call_input.done", "input", ""),
}
_DONES = {done: (member, index) for done, member, index in _RUNS.values()}


class _Item:
    """An output item between its added and its done."""

    def __init__(self, item: dict[str, Any]):
        self.item = item
        self.parts: dict[str, list[dict[str, Any]]] = {"content_index": [], "summary_index": []}
        self.part_open: tuple[str, int] | None = None
        self.run = ""  # the deltas since the last done
        self.running = ""  # which delta event they are of
        self.annotations: list[Any] = []
        self.finished: list[str] = []  # the values of the done events, in order


class _Responses:
    def __init__(self, ours: bool):
        self.ours = ours
        self.count = 0
        self.id = ""
        self.items: list[_Item] = []
        self.output: dict[int, dict[str, Any]] = {}
        self.final: dict[str, Any] = {}
        self.ended = ""
        self.error = ""

    def take(self, event: Event) -> None:
        data = _json(event)
        kind = data["type"]
        assert event.type == kind, f"event {event.type!r} holds a {kind}"
        assert not self.ended, f"{kind} after {self.ended}"
        number = data["sequence_number"]
        assert number == self.count, f"sequence_number {number} of {kind}, not {self.count}"
        self.count += 1
        if kind == "error":
            self.ended, self.error = kind, data["message"]
            return
        order = ["response.created", "response.in_progress"]
        if self.count <= 2 and (self.count == 1 or kind != "response.failed"):
            assert kind == order[self.count - 1], f"event {self.count} is {kind}"
        else:
            assert kind not in order, f"{kind} came late, or twice"
        if "response" in data:
            self._whole(kind, data["response"])
        elif kind == "response.output_item.added":
            self._added(data)
        elif "item_id" in data or "item" in data:
            self._of_item(kind, data)

    def _whole(self, kind: str, response: dict[str, Any]) -> None:
        self.id = self.id or response["id"]
        assert response["id"] == self.id, f"the response's id changed to {response['id']}"
        if kind not in _TERMINAL:
            assert response["status"] in ("in_progress", "queued"), f"{kind}: {response['status']}"
            assert response["output"] == [], f"{kind} has output"
            return
        self.ended, self.final = kind, response
        assert kind == f"response.{response['status']}", f"{kind} with status {response['status']}"
        if kind == "response.failed":
            assert response["error"], "response.failed without an error"
            self.error = response["error"]["message"]
            return
        missing = set(range(len(self.items))) - set(self.output)
        assert not missing, f"items {sorted(missing)} were added, but never done"
        done = [self.output[i] for i in range(len(self.items))]
        again = response["output"]
        if not self.ours:  # vendors encrypt anew, and leave out large results
            done, again = ([(i["id"], i["type"]) for i in items] for items in (done, again))
        assert again == done, f"the final response repeats other items: {again} != {done}"
        assert response["usage"], "the final response has no usage"
        if kind == "response.incomplete":
            assert response["incomplete_details"], "incomplete, and no reason"

    def _added(self, data: dict[str, Any]) -> None:
        item, index = data["item"], data["output_index"]
        assert index == len(self.items), f"item added at {index}, not {len(self.items)}"
        assert item["id"] not in {i.item["id"] for i in self.items}, f"id {item['id']} twice"
        if "status" in item and self.ours:
            assert item["status"] == "in_progress", f"added as {item['status']}"
        for member, value in _FRESH.get(item["type"], {}).items():
            assert item[member] == value, f"an item is added with content: {item}"
        self.items.append(_Item(item))

    def _of_item(self, kind: str, data: dict[str, Any]) -> None:
        index = data["output_index"]
        assert index < len(self.items), f"{kind} of item {index}, which was not added"
        assert index not in self.output, f"{kind} of item {index} after it was done"
        state = self.items[index]
        item_id = data["item_id"] if "item_id" in data else data["item"]["id"]
        assert item_id == state.item["id"], f"{kind} has item id {item_id}, not {state.item['id']}"
        if kind == "response.output_item.done":
            self._done(index, state, data["item"])
        elif kind in ("response.content_part.added", "response.reasoning_summary_part.added"):
            self._part_added(state, data)
        elif kind in ("response.content_part.done", "response.reasoning_summary_part.done"):
            self._part_done(state, data)
        elif kind == "response.output_text.annotation.added":
            assert data["annotation_index"] == len(state.annotations), f"annotation_index: {data}"
            state.annotations.append(data["annotation"])
        elif kind in _RUNS:
            self._in_part(kind, state, data, _RUNS[kind][2])
            assert state.running in ("", kind), f"{kind} among {state.running}"
            state.running, state.run = kind, state.run + data["delta"]
        elif kind in _DONES:
            self._run_done(kind, state, data)

    @staticmethod
    def _in_part(kind: str, state: _Item, data: dict[str, Any], member: str) -> None:
        """Deltas of text stand in the part that is open."""
        if member:
            place = (member, data[member])
            assert state.part_open == place, f"{kind} at {place}, open is {state.part_open}"

    @staticmethod
    def _part_index(data: dict[str, Any]) -> tuple[str, int]:
        name = "summary_index" if "summary_index" in data else "content_index"
        return name, data[name]

    def _part_added(self, state: _Item, data: dict[str, Any]) -> None:
        name, index = self._part_index(data)
        assert state.part_open is None, f"part {index} is added while {state.part_open} is open"
        assert index == len(state.parts[name]), f"{name} {index}, not {len(state.parts[name])}"
        text = data["part"].get("text", data["part"].get("refusal"))
        assert text == "", f"a part is added with content: {data['part']}"
        state.parts[name].append(data["part"])
        state.part_open = (name, index)
        state.annotations, state.finished = [], []

    def _run_done(self, kind: str, state: _Item, data: dict[str, Any]) -> None:
        member, index = _DONES[kind]
        self._in_part(kind, state, data, index)
        assert (
            data[member] == state.run
        ), f"{kind}: {data[member]!r} is not the deltas {state.run!r}"
        state.finished.append(data[member])
        state.run = state.running = ""

    def _part_done(self, state: _Item, data: dict[str, Any]) -> None:
        place = self._part_index(data)
        part = data["part"]
        assert state.part_open == place, f"part {place} is done, open is {state.part_open}"
        assert not state.run, f"a part is done before its text is: {state.run!r}"
        text = part.get("text", part.get("refusal"))
        assert text == "".join(state.finished), f"a part's text is not what was sent: {part}"
        if part["type"] == "output_text":
            assert (
                part["annotations"] == state.annotations
            ), f"annotations of the part differ from those sent: {part['annotations']}"
        state.parts[place[0]][place[1]] = part
        state.part_open, state.finished = None, []

    def _done(self, index: int, state: _Item, item: dict[str, Any]) -> None:
        assert item["type"] == state.item["type"], f"an item became a {item['type']}"
        assert state.part_open is None, f"an item is done while {state.part_open} is open"
        assert not state.running, f"an item is done amid {state.running}"
        if "status" in item and self.ours:
            assert item["status"] in ("completed", "incomplete", "failed"), f"done: {item}"
        if item["type"] == "message":
            assert item["content"] == state.parts["content_index"], f"other content: {item}"
        elif item["type"] == "reasoning":
            assert item["summary"] == state.parts["summary_index"], f"other summary: {item}"
            content = state.parts["content_index"]
            assert (item.get("content") or []) == content or not self.ours, f"other content: {item}"
        elif item["type"] in ("function_call", "custom_tool_call"):
            member = "arguments" if item["type"] == "function_call" else "input"
            assert [item[member]] == state.finished, f"{member} differ from those sent: {item}"
            for same in ("call_id", "name"):
                assert item[same] == state.item[same], f"{same} changed: {item}"
        self.output[index] = item

    def result(self) -> Said:
        if self.error:
            return Said(finish="error", error=self.error)
        assert self.ended, "the stream ends without a final event"
        return S.read_responses(self.final)


def check_responses_stream(events: list[Event], ours: bool = True) -> Said:
    state = _Responses(ours)
    for event in events:
        state.take(event)
    return state.result()


# -- Gemini ---------------------------------------------------------------------------------------


def check_gemini_stream(events: list[Event], ours: bool = True) -> Said:
    """Chunks of a stream with alt=sse. Without it the same documents come as a JSON array: pass
    them through gemini_chunks."""
    for event in events:
        assert event.type == "message", f"Gemini streams name no events, here {event.type!r}"
        assert event.data != "[DONE]", "[DONE] ends no Gemini stream"
    return gemini_chunks([_json(e) for e in events], ours)


def _merge(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    """Text goes on in the part before it, unless a signature ended that."""
    last = parts[-1] if parts else {}
    if (
        set(part) <= {"text", "thought", "thoughtSignature"}
        and set(last) <= {"text", "thought"}
        and "text" in last
        and "text" in part
        and part.get("thought") == last.get("thought")
    ):
        parts[-1] = {**last, **part, "text": last["text"] + part["text"]}
    else:
        parts.append(part)


def gemini_chunks(chunks: list[dict[str, Any]], ours: bool = True) -> Said:
    head: tuple[Any, ...] | None = None
    answer: dict[str, Any] = {}
    whole: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": []}}
    finished = False
    for chunk in chunks:
        assert "error" not in answer, f"a chunk after an error: {chunk}"
        if "error" in chunk:
            answer = chunk
            continue
        same = (chunk["responseId"], chunk["modelVersion"])
        head = head or same
        assert same == head, f"responseId or modelVersion changed from {head} to {same}"
        assert not finished, f"a chunk after the finish reason: {chunk}"
        answer.update(chunk)
        for candidate in chunk.get("candidates", ()):
            if candidate.get("index", 0):
                continue
            content = candidate.get("content", {})
            assert content.get("role", "model") == "model", f"the role is {content['role']}"
            for part in content.get("parts", ()):
                _merge(whole["content"]["parts"], part)
            whole.update({k: v for k, v in candidate.items() if k not in ("content", "index")})
            finished = "finishReason" in candidate
            if finished and ours:
                assert chunk.get("usageMetadata"), "the last chunk has no usageMetadata"
    if "error" in answer:
        return Said(finish="error", error=answer["error"]["message"])
    if head and "candidates" not in answer:
        return S.read_gemini(answer)  # the prompt was blocked
    assert finished, "the stream ends without a finishReason"
    return S.read_gemini({**answer, "candidates": [whole]})


CHECK: dict[str, Callable[..., Said]] = {
    "chat": check_chat_stream,
    "responses": check_responses_stream,
    "anthropic": check_anthropic_stream,
    "gemini": check_gemini_stream,
}
