"""One conversation, asked in each dialect: clients that build requests from one neutral
description, check every answer against schema and stream grammar, and send back what they got.

    client = CLIENTS["anthropic"](gateway, "gpt-5.4", Ask(system="Be brief.", tools=[WEATHER]))
    client.user("What is the weather?")
    said = client.send(stream=True)
    client.results((said.calls[0], "12 degrees"))
    said = client.send()

A faithful client sends the assistant's turn back as it came. A plain one keeps what every program
keeps (text, calls, ids), and loses reasoning and its signatures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Union

from . import schemas
from .client import Response, events
from .gateway import Gateway
from .grammar import CHECK
from .said import READ, Call, Said

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
PDF = "JVBERi0xLjQKJSBhIHNtYWxsIG9uZQo="


@dataclass(frozen=True)
class Image:
    data: str = PNG
    mime: str = "image/png"
    url: str = ""

    @property
    def link(self) -> str:
        return self.url or f"data:{self.mime};base64,{self.data}"


@dataclass(frozen=True)
class Document:
    data: str = PDF
    mime: str = "application/pdf"
    name: str = "report.pdf"


Content = Union[str, Image, Document]


@dataclass
class Tool:
    name: str
    description: str = ""
    schema: dict[str, Any] | None = None


@dataclass
class Result:
    """What a call came to. None: the client says nothing at all."""

    call: Call
    content: str | list[Content] | None
    error: bool = False


@dataclass
class Ask:
    system: str = ""
    developer: str = ""
    tools: list[Tool] = field(default_factory=list)
    choice: str = ""  # auto, none, required, or the name of a tool
    parallel: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: list[str] = field(default_factory=list)
    effort: str = ""  # low, medium, high
    schema: dict[str, Any] | None = None  # of the answer
    extra: dict[str, Any] = field(default_factory=dict)  # of the dialect itself


BUDGETS = {"low": 1024, "medium": 8192, "high": 24576}


class Client:
    dialect = ""

    def __init__(self, gateway: Gateway, model: str, ask: Ask | None = None, plain: bool = False):
        self.gateway = gateway
        self.model = model
        self.ask = ask or Ask()
        self.plain = plain
        self.ours = True  # whether answers are of the gateway's own making
        self.history: list[Any] = []
        self.response: Response = Response()

    # -- the conversation -------------------------------------------------------------------------

    def user(self, *content: Content) -> None:
        raise NotImplementedError

    def assistant(self, said: Said) -> None:
        """Takes an answer into the history."""
        raise NotImplementedError

    def results(self, *results: Result) -> None:
        raise NotImplementedError

    # -- asking -----------------------------------------------------------------------------------

    def body(self) -> dict[str, Any]:
        raise NotImplementedError

    def target(self, stream: bool) -> str:
        raise NotImplementedError

    def streaming(self, body: dict[str, Any]) -> None:
        body["stream"] = True

    def headers(self) -> list[tuple[str, str]]:
        return []

    def post(self, stream: bool = False) -> Response:
        body = {**self.body(), **self.ask.extra}
        if stream:
            self.streaming(body)
        self.response = self.gateway.post(self.target(stream), body, headers=self.headers())
        return self.response

    def read(self, stream: bool) -> Said:
        """Checks and reads the answer to the last post."""
        response = self.response
        assert response.status == 200, f"{response.status}: {response.text[:2000]}"
        if not stream:
            assert response.complete, "the answer was cut"
            schemas.check(self.dialect, "answer", response.json(), self.ours)
            return READ[self.dialect](response.json())
        kind = (response.get("content-type") or "").split(";")[0]
        assert kind == "text/event-stream", f"a stream of type {kind}: {response.text[:500]}"
        for mark in ("\u2028", "\u2029"):  # SPEC 12.5
            assert mark not in response.text or not self.ours, f"{mark!r} unescaped in a stream"
        heard = events(response)
        for event in heard:
            if event.data != "[DONE]" and not self.is_error(event.json()):
                schemas.check(self.dialect, "event", event.json(), self.ours)
        return CHECK[self.dialect](heard, self.ours)

    @staticmethod
    def is_error(data: Any) -> bool:
        return "error" in data and "type" not in data and "object" not in data

    def send(self, stream: bool = False) -> Said:
        self.post(stream)
        said = self.read(stream)
        if said.finish != "error":
            self.assistant(said)
        return said

    def dropped(self) -> str:
        return self.response.get("x-cliproxy-dropped") or ""


# -- chat -----------------------------------------------------------------------------------------


class ChatClient(Client):
    dialect = "chat"

    @staticmethod
    def part(content: Content) -> dict[str, Any]:
        if isinstance(content, Image):
            return {"type": "image_url", "image_url": {"url": content.link}}
        if isinstance(content, Document):
            data = f"data:{content.mime};base64,{content.data}"
            return {"type": "file", "file": {"filename": content.name, "file_data": data}}
        return {"type": "text", "text": content}

    def user(self, *content: Content) -> None:
        plain = len(content) == 1 and isinstance(content[0], str)
        said = content[0] if plain else [self.part(c) for c in content]
        self.history.append({"role": "user", "content": said})

    def assistant(self, said: Said) -> None:
        message = {k: v for k, v in said.raw.items() if v is not None and k != "annotations"}
        if self.plain:
            message = {k: v for k, v in message.items() if k in ("role", "content", "tool_calls")}
            calls = message.get("tool_calls", [])
            message["tool_calls"] = [
                {k: v for k, v in c.items() if k in ("id", "type", "function")} for c in calls
            ]
            if not calls:
                del message["tool_calls"]
        self.history.append({"content": None, **message})

    def results(self, *results: Result) -> None:
        for r in results:
            message: dict[str, Any] = {"role": "tool", "tool_call_id": r.call.id}
            if isinstance(r.content, list):
                message["content"] = [self.part(c) for c in r.content]
            elif r.content is not None:
                message["content"] = r.content
            self.history.append(message)

    def body(self) -> dict[str, Any]:
        ask = self.ask
        before = [("system", ask.system), ("developer", ask.developer)]
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": r, "content": t} for r, t in before if t] + self.history,
        }
        if ask.tools:
            body["tools"] = [{"type": "function", "function": self.function(t)} for t in ask.tools]
            if not ask.parallel:
                body["parallel_tool_calls"] = False
        if ask.choice in ("auto", "none", "required"):
            body["tool_choice"] = ask.choice
        elif ask.choice:
            body["tool_choice"] = {"type": "function", "function": {"name": ask.choice}}
        if ask.stop:
            body["stop"] = ask.stop
        if ask.effort:
            body["reasoning_effort"] = ask.effort
        if ask.schema:
            named = {"name": "answer", "schema": ask.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        for member, value in (
            ("max_completion_tokens", ask.max_tokens),
            ("temperature", ask.temperature),
            ("top_p", ask.top_p),
        ):
            if value is not None:
                body[member] = value
        return body

    @staticmethod
    def function(tool: Tool) -> dict[str, Any]:
        out: dict[str, Any] = {"name": tool.name}
        if tool.description:
            out["description"] = tool.description
        if tool.schema is not None:
            out["parameters"] = tool.schema
        return out

    def streaming(self, body: dict[str, Any]) -> None:
        body |= {"stream": True, "stream_options": {"include_usage": True}}

    def target(self, stream: bool) -> str:
        return "/v1/chat/completions"


# -- Responses ------------------------------------------------------------------------------------


class ResponsesClient(Client):
    dialect = "responses"

    @staticmethod
    def part(content: Content) -> dict[str, Any]:
        if isinstance(content, Image):
            return {"type": "input_image", "image_url": content.link}
        if isinstance(content, Document):
            data = f"data:{content.mime};base64,{content.data}"
            return {"type": "input_file", "filename": content.name, "file_data": data}
        return {"type": "input_text", "text": content}

    def user(self, *content: Content) -> None:
        self.history.append({"role": "user", "content": [self.part(c) for c in content]})

    def assistant(self, said: Said) -> None:
        for item in said.raw:
            if self.plain and item["type"] == "reasoning":
                continue
            if self.plain:
                item = {k: v for k, v in item.items() if k not in ("id", "status")}
            self.history.append(item)

    def results(self, *results: Result) -> None:
        for r in results:
            item: dict[str, Any] = {"type": "function_call_output", "call_id": r.call.id}
            if r.call.custom:
                item["type"] = "custom_tool_call_output"
            if isinstance(r.content, list):
                item["output"] = [self.part(c) for c in r.content]
            elif r.content is not None:
                item["output"] = r.content
            self.history.append(item)

    def body(self) -> dict[str, Any]:
        ask = self.ask
        start = [{"role": "developer", "content": ask.developer}] if ask.developer else []
        body: dict[str, Any] = {
            "model": self.model,
            "input": start + self.history,
            "store": False,
        }
        if ask.system:
            body["instructions"] = ask.system
        if ask.tools:
            body["tools"] = [self.function(t) for t in ask.tools]
            if not ask.parallel:
                body["parallel_tool_calls"] = False
        if ask.choice in ("auto", "none", "required"):
            body["tool_choice"] = ask.choice
        elif ask.choice:
            body["tool_choice"] = {"type": "function", "name": ask.choice}
        if ask.effort:
            body["reasoning"] = {"effort": ask.effort, "summary": "auto"}
            body["include"] = ["reasoning.encrypted_content"]
        if ask.schema:
            named = {"type": "json_schema", "name": "answer", "schema": ask.schema, "strict": True}
            body["text"] = {"format": named}
        for member, value in (
            ("max_output_tokens", ask.max_tokens),
            ("temperature", ask.temperature),
            ("top_p", ask.top_p),
        ):
            if value is not None:
                body[member] = value
        return body

    @staticmethod
    def function(tool: Tool) -> dict[str, Any]:
        parameters = tool.schema or {"type": "object", "properties": {}}
        out = {"type": "function", "name": tool.name, "parameters": parameters, "strict": False}
        if tool.description:
            out["description"] = tool.description
        return out

    @staticmethod
    def is_error(data: Any) -> bool:
        return False  # an error event is in the schema

    def target(self, stream: bool) -> str:
        return "/v1/responses"


# -- Messages -------------------------------------------------------------------------------------


class AnthropicClient(Client):
    dialect = "anthropic"

    @staticmethod
    def part(content: Content) -> dict[str, Any]:
        if isinstance(content, str):
            return {"type": "text", "text": content}
        kind = "image" if isinstance(content, Image) else "document"
        if isinstance(content, Image) and content.url:
            return {"type": kind, "source": {"type": "url", "url": content.url}}
        source = {"type": "base64", "media_type": content.mime, "data": content.data}
        return {"type": kind, "source": source}

    def user(self, *content: Content) -> None:
        self.history.append({"role": "user", "content": [self.part(c) for c in content]})

    def assistant(self, said: Said) -> None:
        blocks = said.raw
        if self.plain:
            blocks = [b for b in blocks if b["type"] in ("text", "tool_use")]
        self.history.append({"role": "assistant", "content": blocks})

    def results(self, *results: Result) -> None:
        blocks = []
        for r in results:
            block: dict[str, Any] = {"type": "tool_result", "tool_use_id": r.call.id}
            if isinstance(r.content, list):
                block["content"] = [self.part(c) for c in r.content]
            elif r.content is not None:
                block["content"] = r.content
            if r.error:
                block["is_error"] = True
            blocks.append(block)
        self.history.append({"role": "user", "content": blocks})

    def body(self) -> dict[str, Any]:
        ask = self.ask
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": ask.max_tokens or 32000,
            "messages": self.history,
        }
        system = [{"type": "text", "text": t} for t in (ask.system, ask.developer) if t]
        if system:
            body["system"] = system
        if ask.tools:
            body["tools"] = [self.function(t) for t in ask.tools]
        kinds = {"auto": "auto", "none": "none", "required": "any"}
        if ask.choice:
            kind = kinds.get(ask.choice, "tool")
            body["tool_choice"] = {"type": kind}
            if kind == "tool":
                body["tool_choice"]["name"] = ask.choice
        if not ask.parallel:
            body.setdefault("tool_choice", {"type": "auto"})["disable_parallel_tool_use"] = True
        if ask.stop:
            body["stop_sequences"] = ask.stop
        if ask.effort:
            budget = BUDGETS[ask.effort]
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        if ask.schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
        for member, value in (("temperature", ask.temperature), ("top_p", ask.top_p)):
            if value is not None:
                body[member] = value
        return body

    @staticmethod
    def function(tool: Tool) -> dict[str, Any]:
        schema = tool.schema or {"type": "object", "properties": {}}
        out: dict[str, Any] = {"name": tool.name, "input_schema": schema}
        if tool.description:
            out["description"] = tool.description
        return out

    def headers(self) -> list[tuple[str, str]]:
        return [("anthropic-version", "2023-06-01")]

    @staticmethod
    def is_error(data: Any) -> bool:
        return False  # an error event is in the schema

    def target(self, stream: bool) -> str:
        return "/v1/messages"


# -- Gemini ---------------------------------------------------------------------------------------


class GeminiClient(Client):
    dialect = "gemini"

    @staticmethod
    def part(content: Content) -> dict[str, Any]:
        if isinstance(content, str):
            return {"text": content}
        if isinstance(content, Image) and content.url:
            return {"fileData": {"mimeType": content.mime, "fileUri": content.url}}
        return {"inlineData": {"mimeType": content.mime, "data": content.data}}

    def user(self, *content: Content) -> None:
        self.history.append({"role": "user", "parts": [self.part(c) for c in content]})

    def assistant(self, said: Said) -> None:
        parts = (said.raw or {}).get("parts", [])
        if self.plain:
            parts = [
                {k: v for k, v in p.items() if k != "thoughtSignature"}
                for p in parts
                if not p.get("thought")
            ]
        # A stream's last part is often empty; SDKs leave it out of the history.
        parts = [p for p in parts if p.get("text") != "" or "thoughtSignature" in p]
        if parts:
            self.history.append({"role": "model", "parts": parts})

    def results(self, *results: Result) -> None:
        parts = []
        for r in results:
            response: dict[str, Any] = {"name": r.call.name}
            if r.call.id:
                response["id"] = r.call.id
            if isinstance(r.content, list):
                texts = [c for c in r.content if isinstance(c, str)]
                response["response"] = {"result": "".join(texts)}
                media = [self.part(c) for c in r.content if not isinstance(c, str)]
                if media:
                    response["parts"] = media
            elif r.content is not None:
                response["response"] = {"error" if r.error else "result": r.content}
            parts.append({"functionResponse": response})
        self.history.append({"role": "user", "parts": parts})

    def body(self) -> dict[str, Any]:
        ask = self.ask
        body: dict[str, Any] = {"contents": self.history}
        system = [{"text": t} for t in (ask.system, ask.developer) if t]
        if system:
            body["systemInstruction"] = {"parts": system}
        if ask.tools:
            body["tools"] = [{"functionDeclarations": [self.function(t) for t in ask.tools]}]
        if ask.choice:
            mode = {"auto": "AUTO", "none": "NONE"}.get(ask.choice, "ANY")
            calling: dict[str, Any] = {"mode": mode}
            if ask.choice not in ("auto", "none", "required"):
                calling["allowedFunctionNames"] = [ask.choice]
            body["toolConfig"] = {"functionCallingConfig": calling}
        config: dict[str, Any] = {}
        if ask.stop:
            config["stopSequences"] = ask.stop
        if ask.effort:
            thinking = {"includeThoughts": True, "thinkingBudget": BUDGETS[ask.effort]}
            config["thinkingConfig"] = thinking
        if ask.schema:
            config |= {"responseMimeType": "application/json", "responseJsonSchema": ask.schema}
        for member, value in (
            ("maxOutputTokens", ask.max_tokens),
            ("temperature", ask.temperature),
            ("topP", ask.top_p),
        ):
            if value is not None:
                config[member] = value
        if config:
            body["generationConfig"] = config
        return body

    @staticmethod
    def function(tool: Tool) -> dict[str, Any]:
        out: dict[str, Any] = {"name": tool.name}
        if tool.description:
            out["description"] = tool.description
        if tool.schema is not None:
            out["parametersJsonSchema"] = tool.schema
        return out

    def streaming(self, body: dict[str, Any]) -> None:
        pass

    def target(self, stream: bool) -> str:
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{self.model}:{verb}"


CLIENTS: dict[str, type[Client]] = {
    "chat": ChatClient,
    "responses": ResponsesClient,
    "anthropic": AnthropicClient,
    "gemini": GeminiClient,
}


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
