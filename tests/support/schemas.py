"""Checks of requests, whole answers and stream events of the four dialects against what their
vendors publish.

    check("chat", "answer", document)              what a vendor may send
    check("responses", "event", event, ours=True)  what we may send: one of our own making

raise AssertionError and say where and why. PATCHES mends the published schemas where they are
behind the live API, and names the members that we add on purpose; DEVIATIONS lists what recorded
exchanges hold beyond that, each with its reason. tests/corpus/test_schemas.py checks both against
the recordings, so that no row is there without need. Stream grammars are in grammar.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Iterator

import jsonschema_rs

from . import published
from .published import Patch

DIALECTS = ("chat", "responses", "anthropic", "gemini")

_STRING = {"type": "string"}
_NULLABLE_STRING = {"type": ["string", "null"]}
_NUMBER = {"type": "number"}
_RESPONSE = "allOf.2.properties"

_REASONING_DETAIL = {
    "type": "object",
    "properties": {
        "type": {"enum": ["reasoning.text", "reasoning.summary", "reasoning.encrypted"]},
        **{m: _NULLABLE_STRING for m in ("text", "summary", "data", "signature", "id", "format")},
        "index": {"type": "integer"},
    },
    "required": ["type"],
}

# The response side of OpenAI's document.
_OPENAI: tuple[Patch, ...] = (
    # -- behind the live API: seen in recordings of OpenAI itself
    ("Response", f"{_RESPONSE}.store", {"type": "boolean"}, "in every recorded answer"),
    ("Response", f"{_RESPONSE}.frequency_penalty", _NUMBER, "Open Responses requires it"),
    ("Response", f"{_RESPONSE}.presence_penalty", _NUMBER, "Open Responses requires it"),
    ("Response", f"{_RESPONSE}.billing", {"type": "object"}, "recorded since 2025"),
    ("Response", f"{_RESPONSE}.tool_usage", {"type": "object"}, "recorded since 2026"),
    (
        "Response",
        f"{_RESPONSE}.usage",
        {"anyOf": [{"$ref": "#/components/schemas/ResponseUsage"}, {"type": "null"}]},
        "null until the answer is complete",
    ),
    ("ModelResponseProperties", "properties.user", _NULLABLE_STRING, "recorded as null"),
    *(
        (f"Response{name}DeltaEvent", "properties.obfuscation", _STRING, "padding, recorded")
        for name in (
            "Text",
            "FunctionCallArguments",
            "ReasoningSummaryText",
            "CodeInterpreterCallCode",
            "MCPCallArguments",
        )
    ),
    (
        "ResponseFunctionCallArgumentsDoneEvent",
        "required-",
        ["name"],
        "absent in six of six recordings",
    ),
    *(
        ("ImageGenToolCall", f"properties.{member}", _NULLABLE_STRING, "recorded with the result")
        for member in ("background", "output_format", "quality", "revised_prompt", "size")
    ),
    ("CustomToolCall", "properties.status", _STRING, "recorded, as on every other item"),
    ("TextResponseFormatJsonSchema", "properties.description", _NULLABLE_STRING, "echoed as null"),
    (
        "CreateChatCompletionResponse",
        "properties.system_fingerprint",
        _NULLABLE_STRING,
        "null in recordings of newer models",
    ),
    (
        "CreateChatCompletionStreamResponse",
        "properties.system_fingerprint",
        _NULLABLE_STRING,
        "null in recordings of newer models",
    ),
    # -- what we add on purpose, in the spelling other providers made common
    (
        "ChatCompletionResponseMessage",
        "properties.reasoning_content",
        _NULLABLE_STRING,
        "SPEC 5.1: reasoning towards chat clients, DeepSeek's spelling",
    ),
    (
        "ChatCompletionStreamResponseDelta",
        "properties.reasoning_content",
        _NULLABLE_STRING,
        "SPEC 5.1",
    ),
    *(
        (
            component,
            "properties.reasoning_details",
            {"type": "array", "items": _REASONING_DETAIL},
            "SPEC 5.2: signatures towards chat clients, OpenRouter's spelling",
        )
        for component in ("ChatCompletionResponseMessage", "ChatCompletionStreamResponseDelta")
    ),
    *(
        (
            f"ChatCompletion{component}",
            "properties.extra_content",
            {"type": "object"},
            "SPEC 5.2: Google's place for a thought signature, on a tool call or beside a text",
        )
        for component in (
            "MessageToolCall",
            "MessageToolCallChunk",
            "ResponseMessage",
            "StreamResponseDelta",
        )
    ),
    (
        "ChatCompletionMessageToolCallChunk",
        "properties.type.enum+",
        ["custom"],
        "whole answers have custom tool calls; the schema of chunks is behind",
    ),
    (
        "ChatCompletionMessageToolCallChunk",
        "properties.custom",
        {"type": "object", "properties": {"name": _STRING, "input": _STRING}},
        "as above",
    ),
    (
        "CreateChatCompletionResponse",
        "properties.choices.items.properties.native_finish_reason",
        _NULLABLE_STRING,
        "SPEC 5.8: the provider's own word, as OpenRouter spells it",
    ),
    (
        "CreateChatCompletionStreamResponse",
        "properties.choices.items.properties.native_finish_reason",
        _NULLABLE_STRING,
        "SPEC 5.8",
    ),
    (
        "CompletionUsage",
        "properties.prompt_tokens_details.properties.cached_creation_tokens",
        {"type": "integer"},
        "SPEC 5.9: tokens written to a cache",
    ),
    (
        "ChatCompletionResponseMessage",
        "properties.images",
        {"type": "array", "items": {"type": "object"}},
        "SPEC 5.4: generated images, OpenRouter's spelling",
    ),
    (
        "ChatCompletionStreamResponseDelta",
        "properties.images",
        {"type": "array", "items": {"type": "object"}},
        "SPEC 5.4",
    ),
    (
        "ChatCompletionStreamResponseDelta",
        "properties.annotations",
        {"type": "array", "items": {"type": "object"}},
        "recorded in chat streams with web search (openai-chat-streaming-web-search)",
    ),
)

_OPEN_RESPONSES: tuple[Patch, ...] = (
    (
        "JsonSchemaResponseFormat",
        "properties.schema",
        {"type": ["object", "null"]},
        "the document says null alone, which would leave nothing to say",
    ),
)

# The request side: what the live API takes although the document asks for more.
_OPENAI_REQUEST: tuple[Patch, ...] = (
    (
        "OutputTextContent",
        "required-",
        ["annotations", "logprobs"],
        "replayed answers of Codex CLI and recorded requests have neither",
    ),
    (
        "OutputMessage",
        "required-",
        ["id", "status"],
        "Codex CLI replays {type:message, role:assistant, content:[output_text]} alone",
    ),
    ("InputImageContent", "required-", ["detail"], "recorded without; the default is auto"),
)

_ANTHROPIC: tuple[Patch, ...] = (
    ("Message", "required+", ["stop_reason", "stop_sequence"], "in every recorded answer"),
    (
        "ServerToolUsage",
        "required-",
        ["web_fetch_requests"],
        "recorded without, before web fetch was there",
    ),
    (
        "BetaServerToolUsage",
        "required-",
        ["web_fetch_requests"],
        "recorded without, before web fetch was there",
    ),
)

# Events that the SDK reads before its types come in: they have none.
_ANTHROPIC_EVENTS = [
    {"type": "object", "properties": {"type": {"const": "ping"}}, "required": ["type"]},
    {
        "type": "object",
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
                "required": ["type", "message"],
            },
            "request_id": _NULLABLE_STRING,
        },
        "required": ["type", "error"],
    },
]

_GEMINI: tuple[Patch, ...] = (
    ("GenerateContentRequest", "required-", ["model"], "REST has it in the path"),
    ("CountTokensRequest", "required-", ["model"], "REST has it in the path"),
    ("FunctionDeclaration", "required-", ["description"], "the live API takes none"),
    (
        "Type",
        "enum+",
        ["string", "number", "integer", "boolean", "array", "object", "null"],
        "the live API takes lower case; Google's own SDKs and recordings use it",
    ),
    (
        "ThinkingConfig",
        "properties.thinkingLevel",
        {"enum": ["minimal", "low", "medium", "high", "MINIMAL", "LOW", "MEDIUM", "HIGH"]},
        "Gemini 3; in the Vertex discovery document, not yet in these protos",
    ),
    ("ImageConfig", "properties.imageSize", _STRING, "Gemini 3 image models; Vertex document"),
    ("ExecutableCode", "properties.id", _STRING, "recorded from Gemini 3"),
    ("CodeExecutionResult", "properties.id", _STRING, "recorded from Gemini 3"),
    ("FileSearch", "properties.fileSearchStoreNames", {"type": "array"}, "File Search API"),
    ("FileSearch", "properties.file_search_store_names", {"type": "array"}, "File Search API"),
    ("FileSearch", "required-", ["retrievalResources"], "replaced by fileSearchStoreNames"),
    ("GroundingChunk.RetrievedContext", "properties.fileSearchStore", _STRING, "File Search API"),
    ("GroundingChunk.RetrievedContext", "properties.documentName", _STRING, "Vertex document"),
    (
        "GenerateContentResponse.UsageMetadata",
        "properties.serviceTier",
        _STRING,
        "recorded in 2026",
    ),
    ("GenerateContentResponse.PromptFeedback", "properties.blockReasonMessage", _STRING, "Vertex"),
    (
        "Candidate.FinishReason",
        "enum+",
        ["MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"],
        "Gemini 3; in the Vertex document",
    ),
    (
        "Schema",
        "required-",
        ["type"],
        "the Schema type of the docs needs none beside anyOf; strict.py asks for one elsewhere",
    ),
)
_GEMINI_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "message": _STRING,
                "status": {"type": "string", "pattern": "^[A-Z_]+$"},
                "details": {"type": "array", "items": {"type": "object"}},
            },
            "required": ["code", "message", "status"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}

# dialect, kind -> the document, and the component in it
_DOCUMENTS = {
    ("chat", "request"): ("openai-request", "CreateChatCompletionRequest"),
    ("chat", "answer"): ("openai", "CreateChatCompletionResponse"),
    ("chat", "event"): ("openai", "CreateChatCompletionStreamResponse"),
    ("chat", "error"): ("openai", "ErrorResponse"),
    ("completions", "answer"): ("openai", "CreateCompletionResponse"),
    ("responses", "request"): ("openai-request", "CreateResponse"),
    ("responses", "answer"): ("openai", "Response"),
    ("responses", "event"): ("openai", "ResponseStreamEvent"),
    ("responses", "error"): ("openai", "ErrorResponse"),
    ("responses", "count_request"): ("openai-request", "TokenCountsBody"),
    ("responses", "count_answer"): ("openai", "TokenCountsResource"),
    ("anthropic", "request"): ("anthropic/message-create-params", "root"),
    ("anthropic", "answer"): ("anthropic/message", "root"),
    ("anthropic", "event"): ("anthropic/stream-event", "root"),
    ("anthropic", "error"): ("anthropic/error-response", "root"),
    ("anthropic", "count_request"): ("anthropic/count-tokens-params", "root"),
    ("anthropic", "beta_request"): ("anthropic/beta-message-create-params", "root"),
    ("anthropic", "beta_answer"): ("anthropic/beta-message", "root"),
    ("anthropic", "beta_event"): ("anthropic/beta-stream-event", "root"),
    ("gemini", "request"): ("gemini", "GenerateContentRequest"),
    ("gemini", "answer"): ("gemini", "GenerateContentResponse"),
    ("gemini", "event"): ("gemini", "GenerateContentResponse"),
    ("gemini", "error"): ("gemini", "Error"),
    ("gemini", "count_request"): ("gemini", "CountTokensRequest"),
    ("gemini", "count_answer"): ("gemini", "CountTokensResponse"),
    # with the protos' own spelling of names, which the live API takes too
    ("gemini", "snake_request"): ("gemini-snake", "GenerateContentRequest"),
}


@dataclass(frozen=True)
class Deviation:
    """What recordings of these providers hold although nobody published it."""

    dialect: str
    kind: str  # a pattern, as the two below
    providers: str  # of meta.json, separated by spaces; * is any
    where: str
    what: str
    why: str

    def covers(self, dialect: str, kind: str, provider: str, problem: "Problem") -> bool:
        return (
            self.dialect == dialect
            and re.fullmatch(self.kind, kind) is not None
            and (self.providers == "*" or provider in self.providers.split())
            and re.search(self.where, problem.where) is not None
            and re.search(self.what, problem.what) is not None
        )


_COMPATIBLES = (
    "alibaba azure-foundry azure-openai cerebras crusoe deepseek groq heroku huggingface "
    "litellm-proxy mistral ollama openai-compatible openrouter perplexity self-hosted snowflake "
    "together vercel-gateway xai zai"
)
_ANY_OPENAI = f"openai {_COMPATIBLES}"

DEVIATIONS: tuple[Deviation, ...] = (
    # -- chat completions: the price of being everybody's dialect
    Deviation(
        "chat",
        "answer|event|error",
        _COMPATIBLES,
        "",
        "properties are not allowed",
        "providers add members of their own: timings, costs, reasoning, filters",
    ),
    Deviation(
        "chat",
        "answer",
        _ANY_OPENAI,
        r"choices\[\d+\]$",
        '"logprobs" is a required',
        "required since 2024; before, and elsewhere, only when asked for",
    ),
    Deviation(
        "chat",
        "answer",
        _ANY_OPENAI,
        "message$",
        '"refusal" is a required',
        "required since 2024; not known elsewhere",
    ),
    Deviation(
        "chat",
        "answer",
        "azure-openai",
        r"choices\[\d+\]$",
        '"message" is a required',
        "Azure: a prompt that its filter stopped",
    ),
    Deviation(
        "chat",
        "answer",
        "cerebras",
        "message$",
        '"content" is a required',
        "absent beside tool_calls",
    ),
    Deviation(
        "chat",
        "answer",
        "crusoe litellm-proxy mistral snowflake",
        r"\.(annotations|function_call|tool_calls)$",
        "null is not of type",
        "null where the member could be absent",
    ),
    Deviation(
        "chat",
        "answer",
        "snowflake together",
        "finish_reason$",
        '^("eos"|"") is not one of',
        "older servers of open models",
    ),
    Deviation(
        "chat",
        "answer|event",
        "groq huggingface snowflake",
        "service_tier$",
        "is not one of",
        "a tier of their own, or empty",
    ),
    Deviation(
        "chat",
        "event",
        _COMPATIBLES,
        r"choices\[\d+\]$",
        '"finish_reason" is a required',
        "absent until the last chunk instead of null",
    ),
    Deviation(
        "chat",
        "event",
        "perplexity",
        "^object$",
        "chat.completion.done",
        "a last chunk's own word",
    ),
    Deviation(
        "chat",
        "error",
        _COMPATIBLES,
        "^(error.*)?$",
        "is a required|is not of type",
        "errors of other vendors lack members, or have a number as code",
    ),
    Deviation(
        "chat",
        "request",
        _COMPATIBLES,
        "",
        "properties are not allowed|is not of type|required",
        "parameters that only the provider knows",
    ),
    Deviation(
        "chat",
        "request",
        "openrouter",
        r"tools\[\d+\].type",
        "openrouter:web_search",
        "a hosted tool of the vendor",
    ),
    # -- Responses
    Deviation(
        "responses",
        "answer|event",
        "*",
        "usage.input_tokens_details$",
        "cache_write_tokens",
        "required since 2026; older recordings lack it",
    ),
    Deviation(
        "responses",
        "answer|event",
        "xai",
        "",
        "",
        "xAI: fewer members, annotations without place, usage and tools of its own",
    ),
    Deviation(
        "responses",
        "event",
        "azure-openai azure-foundry",
        "^response$",
        "content_filters",
        "Azure's filters",
    ),
    Deviation(
        "responses",
        "answer",
        "pydantic-gateway self-hosted",
        "usage$",
        "pydantic_ai_gateway",
        "a gateway's own count",
    ),
    Deviation(
        "responses",
        "answer|event",
        "openai azure-openai",
        r"tools\[\d+\]",
        "",
        "hosted tools are echoed with members nobody published, and null where absent is meant",
    ),
    Deviation(
        "responses",
        "answer",
        "openai",
        "content\\[0\\]$",
        "logprobs",
        "required since 2025; one older recording",
    ),
    Deviation(
        "responses",
        "event",
        "openai azure-openai",
        r"^(item|response\.output\[\d+\])$",
        '"action" is|"result" is',
        "hosted tools: items begin without their result",
    ),
    Deviation(
        "responses",
        "event",
        "openai",
        "",
        "apply_patch_call_operation_diff|'diff'|'item_id'",
        "the event is not in the document",
    ),
    Deviation(
        "responses",
        "request",
        "xai",
        r"^input\[\d+\]",
        '"id" is a required|"output_text" is not',
        "replayed items without id, which xAI takes",
    ),
    Deviation(
        "responses",
        "request",
        "openai",
        r"^input\[\d+\]",
        "queries|image_generation_call",
        "replayed items of hosted tools, with less than the schema asks",
    ),
    Deviation("responses", "request", "openai", "temperature", "minimum", "meant to fail"),
    Deviation(
        "responses",
        "request",
        "pydantic-gateway",
        r"tools\[\d+\]",
        '"strict" is a required',
        "taken; absent means strict, as far as the schema allows",
    ),
    # -- Messages
    Deviation(
        "anthropic",
        "(beta_)?(answer|event)",
        "anthropic",
        "",
        "abort_reason|iterations|advisor"
        "|fallback_|context_management|encrypted_content|'stop_reason'|error_code|tool_result_error"
        '|"model" is a required|\'content\'|"text" (is a required|was expected)|"text_delta" was'
        '|tool_result" was',
        "betas (advisor, compaction, fallback) recorded without the mark of a beta",
    ),
    Deviation(
        "anthropic",
        "beta_answer",
        "self-hosted",
        "usage",
        "pydantic_ai_gateway",
        "a gateway's own count",
    ),
    Deviation(
        "anthropic",
        "request",
        "google-vertex",
        "^$",
        "anthropic_version|model",
        "Vertex has the model in the path and a version in the body",
    ),
    Deviation("anthropic", "request", "anthropic", "messages", "Invalid content", "meant to fail"),
    # -- Gemini
    Deviation(
        "gemini",
        "answer|event|snake_request",
        "google-vertex",
        "",
        "createTime|trafficType|blockReasonMessage|MODEL_ARMOR|modelArmorConfig|imageOutputOptions"
        "|'file_data'",
        "Vertex has more than the Gemini API",
    ),
    Deviation(
        "gemini",
        "answer",
        "google-vertex",
        "finishReason|modality",
        "^[12] is not one of",
        "printed by a client library, with numbers for enums",
    ),
)


def unexplained(dialect: str, kind: str, provider: str, document: Any) -> list[Problem]:
    """The problems of a recorded document that no deviation covers."""
    return [
        p
        for p in problems(dialect, kind, document)
        if not any(d.covers(dialect, kind, provider, p) for d in DEVIATIONS)
    ]


available = published.available


@dataclass(frozen=True)
class Problem:
    where: str  # as messages[2].content[0].text
    what: str

    def __str__(self) -> str:
        return f"{self.where or '(document)'}: {self.what}"


@cache
def _closer(document: str) -> published.Closer:
    if document == "openai":
        return published.openapi("openai/openapi.json", _OPENAI)
    if document == "openai-request":
        return published.openapi("openai/openapi.json", _OPENAI_REQUEST)
    if document == "openresponses":
        return published.openapi("openresponses/openapi-2026-04-24.json", _OPEN_RESPONSES)
    if document.startswith("gemini"):
        closer = published.protos(_GEMINI, snake=document == "gemini-snake")
        closer.components["Error"] = _GEMINI_ERROR
        return closer
    closer = published.generated(document + ".schema.json", _ANTHROPIC)
    if document.endswith("stream-event"):
        closer.components["root"]["anyOf"].extend(_ANTHROPIC_EVENTS)
    if document == "anthropic/message":
        closer.components["root"]["required"] += ["stop_reason", "stop_sequence"]
    return closer


@cache
def validator(document: str, component: str) -> Any:
    return jsonschema_rs.Draft202012Validator(_closer(document).root(component))


# -- which branch of a union was meant ------------------------------------------------------------


def _tags(errors: list[Any], base: int) -> int:
    """How many of them say that it is another kind of thing altogether."""
    return sum(
        e.kind.name in ("const", "enum")
        and len(e.instance_path) == base + 1
        and e.instance_path[-1] in ("type", "role", "object")
        for e in errors
    )


def _leaves(branches: list[list[Any]], base: int) -> list[list[Any]]:
    """Unions of unions as one."""
    out: list[list[Any]] = []
    for errors in branches:
        only = errors[0]
        if len(errors) == 1 and only.kind.name == "anyOf" and len(only.instance_path) == base:
            out += _leaves(only.kind.context, base)
        else:
            out.append(errors)
    return out


def _branch(branches: list[list[Any]], base: int) -> list[Any]:
    """The branch whose kind fits and which came furthest."""

    def rank(errors: list[Any]) -> tuple[int, int, int, int]:
        wrong = sum(e.kind.name == "type" and len(e.instance_path) == base for e in errors)
        deepest = max(len(e.instance_path) for e in errors)
        return (wrong, _tags(errors, base), len(errors), -deepest)

    return min(_leaves(branches, base), key=rank)


def _explain(error: Any) -> Iterator[Problem]:
    if error.kind.name == "anyOf":
        chosen = _branch(error.kind.context, len(error.instance_path))
        for inner in chosen:
            yield from _explain(inner)
        return
    where = ""
    for part in error.instance_path:
        where += f"[{part}]" if isinstance(part, int) else (f".{part}" if where else str(part))
    yield Problem(where, error.message[:300])


def _invalid(document: str, component: str, value: Any) -> list[Problem]:
    found: dict[Problem, None] = {}
    for error in validator(document, component).iter_errors(value):
        found.update(dict.fromkeys(_explain(error)))
    return list(found)


# -- Open Responses -------------------------------------------------------------------------------


@cache
def _open_words(component: str, *path: str) -> frozenset[str]:
    """The `type` words of the branches of a union in the Open Responses document."""
    components = _closer("openresponses").components
    words = set()
    for branch in components[component].get("oneOf") or components[component]["anyOf"]:
        node = components[branch["$ref"].rpartition("/")[2]]
        words |= set(node["properties"]["type"]["enum"])
    return frozenset(words)


def _open_form(response: dict[str, Any]) -> dict[str, Any]:
    """A response without the items and tools that Open Responses leaves to each vendor."""
    out = dict(response)
    for member, component in (("output", "ItemField"), ("tools", "Tool")):
        if isinstance(out.get(member), list):
            words = _open_words(component)
            out[member] = [x for x in out[member] if x.get("type") in words]
    return out


def _open_problems(kind: str, document: dict[str, Any]) -> list[Problem]:
    """What Open Responses asks of whole answers and events. It is open: unknown members are fine,
    so only what it misses or finds of a wrong type counts."""
    if kind == "answer":
        found = _invalid("openresponses", "ResponseResource", _open_form(document))
    else:
        # The error event is spelt in another way there; OpenAI's own SDKs read OpenAI's.
        if document.get("type") not in _open_words("StreamingEvent") - {"error"}:
            return []
        if isinstance(document.get("response"), dict):
            document = {**document, "response": _open_form(document["response"])}
        item = document.get("item")
        if isinstance(item, dict) and item.get("type") not in _open_words("ItemField"):
            return []
        found = _invalid("openresponses", "StreamingEvent", document)
    return [p for p in found if "properties are not allowed" not in p.what]


# -- the entry points -----------------------------------------------------------------------------


def problems(dialect: str, kind: str, document: Any, ours: bool = False) -> list[Problem]:
    """`ours`: the document is of our own making, not a vendor's passed on: Responses answers must
    have all that Open Responses asks for as well."""
    found = _invalid(*_DOCUMENTS[dialect, kind], document)
    if ours and dialect == "responses" and kind in ("answer", "event"):
        found += [p for p in _open_problems(kind, document) if p not in found]
    return found


def check(dialect: str, kind: str, document: Any, ours: bool = False) -> None:
    found = problems(dialect, kind, document, ours)
    if found:
        text = json.dumps(document, ensure_ascii=False)
        raise AssertionError(
            f"not a {dialect} {kind}:\n  " + "\n  ".join(map(str, found)) + f"\n  in {text[:2000]}"
        )
