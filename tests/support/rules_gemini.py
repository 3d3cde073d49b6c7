"""The rules of the Gemini API. Quoted messages are those that the API answers with, as found in
reports of its users; the guides are those of ai.google.dev/gemini-api/docs."""

from __future__ import annotations

import re
from typing import Any, Iterator

from .rules import Broken, Memory, is_schema, listed, media, rule

Found = Iterator[Broken]
Body = dict[str, Any]
_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")
# guide 'Thought signatures': for history of another model, either of these skips validation
BYPASS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_DATA = (
    "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult"
).split()


def _parts(body: Body) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for i, content in enumerate(body["contents"]):
        for n, part in enumerate(listed(content.get("parts"))):
            yield f"contents[{i}].parts[{n}]", content.get("role", "user"), part


def _calls(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [p["functionCall"] for p in listed(content.get("parts")) if "functionCall" in p]


def _responses(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [p["functionResponse"] for p in listed(content.get("parts")) if "functionResponse" in p]


def _declarations(body: Body) -> list[dict[str, Any]]:
    return [d for t in listed(body.get("tools")) for d in listed(t.get("functionDeclarations"))]


def _config(body: Body) -> dict[str, Any]:
    return body.get("generationConfig") or {}


@rule("gemini", "contents is not specified / Please use a valid role: user, model.")
def gemini_roles(body: Body, _: Memory) -> Found:
    if not body["contents"]:
        yield "contents", "contents is not specified"
        return
    for i, content in enumerate(body["contents"]):
        if content.get("role", "user") not in ("user", "model", "function"):
            yield f"contents[{i}].role", "Please use a valid role: user, model."
    if body["contents"][0].get("role", "user") == "model":
        yield "contents[0].role", "the first turn must be the user's"
    if body["contents"][-1].get("role", "user") == "model":
        yield "contents", "Please ensure that single turn requests end with a user role."


@rule("gemini", "Please ensure that multiturn requests alternate between user and model.")
def gemini_turns_alternate(body: Body, _: Memory) -> Found:
    roles = ["model" if c.get("role") == "model" else "user" for c in body["contents"]]
    for i, (before, after) in enumerate(zip(roles, roles[1:])):
        if before == after:
            yield f"contents[{i + 1}].role", "multiturn requests alternate between user and model."


@rule(
    "gemini",
    "contents[0].parts[0].data: required oneof field 'data' must have one initialized field / "
    "contents.parts must not be empty.",
)
def gemini_parts_hold_something(body: Body, _: Memory) -> Found:
    system = body.get("systemInstruction")
    for where, content in [("systemInstruction", system)] if system else []:
        if not listed(content.get("parts")):
            yield where, "parts must not be empty."
        for part in listed(content.get("parts")):
            if not part.get("text"):
                yield where, "only texts, and none of them empty"
    for i, content in enumerate(body["contents"]):
        if not listed(content.get("parts")):
            yield f"contents[{i}].parts", "contents.parts must not be empty."
    for where, _role, part in _parts(body):
        if not set(_DATA) & set(part):
            yield f"{where}.data", "required oneof field 'data' must have one initialized field"
        if part.get("text") == "" and "thoughtSignature" not in part:
            yield f"{where}.text", "an empty text"


@rule(
    "gemini",
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn. / Please ensure that function call turn comes "
    "immediately after a user turn or after a function response turn.",
)
def gemini_calls_are_answered(body: Body, _: Memory) -> Found:
    contents = body["contents"]
    for i, content in enumerate(contents):
        calls, responses = _calls(content), _responses(content)
        if calls and content.get("role") != "model":
            yield f"contents[{i}]", "function calls belong to the model's turns"
        if responses and content.get("role") == "model":
            yield f"contents[{i}]", "function responses belong to the user's turns"
        before = _calls(contents[i - 1]) if i else []
        if len(responses) != len(before):
            yield f"contents[{i}]", (
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
            continue
        for n, (call, response) in enumerate(zip(before, responses)):
            if call["name"] != response["name"]:
                yield f"contents[{i}].parts[{n}]", (
                    f"response {n} is of {response['name']}, call {n} was of {call['name']}"
                )
            if call.get("id") and call["id"] != response.get("id"):
                yield f"contents[{i}].parts[{n}].functionResponse.id", "not the id of the call"
    if contents and _calls(contents[-1]):
        yield "contents", "function calls without their responses"


@rule(
    "gemini",
    "guide 'Thought signatures': Function call `f` in the 2. content block is missing a "
    "`thought_signature`; asked of the first call of each step of the current turn, Gemini 3",
)
def gemini_steps_are_signed(body: Body, memory: Memory) -> Found:
    if not memory.model.startswith("gemini-3"):
        return
    asked = [
        i for i, c in enumerate(body["contents"]) if c.get("role") != "model" and not _responses(c)
    ]
    for i, content in enumerate(body["contents"]):
        signed = [p.get("thoughtSignature") for p in content["parts"] if "functionCall" in p]
        if signed and i > max(asked, default=-1) and not signed[0]:
            name = _calls(content)[0]["name"]
            yield f"contents[{i}]", (
                f"Function call `{name}` in the {i + 1}. content block is missing a "
                "`thought_signature`."
            )


@rule("gemini", "Thought signature is not valid. / Corrupted thought signature.")
def gemini_signatures_are_its_own(body: Body, memory: Memory) -> Found:
    for where, _role, part in _parts(body):
        signature = part.get("thoughtSignature")
        if signature and signature not in BYPASS and signature not in memory.issued:
            yield f"{where}.thoughtSignature", "Thought signature is not valid."


_FORMATS = {
    "STRING": {"enum", "date-time"},
    "NUMBER": {"float", "double"},
    "INTEGER": {"int32", "int64"},
}


def _schema(node: dict[str, Any], where: str) -> Found:
    """The Schema type: what it refuses beyond its members (those are in the protos)."""
    kind = str(node.get("type", "")).upper()
    if not kind and "anyOf" not in node:
        yield f"{where}.type", "must be specified"
    properties = node.get("properties")
    if kind == "OBJECT" and not properties:
        yield f"{where}.properties", "should be non-empty for OBJECT type"
    if kind == "ARRAY" and "items" not in node:
        yield f"{where}.items", "missing field."
    for member, only in (("properties", "OBJECT"), ("required", "OBJECT"), ("items", "ARRAY")):
        if member in node and kind != only:
            yield f"{where}.{member}", f"only allowed for {only} type"
    if "enum" in node:
        if kind != "STRING":
            yield f"{where}.enum", "only allowed for STRING type"
        if "" in node["enum"]:
            yield f"{where}.enum", "cannot be empty"
    if "format" in node and node["format"] not in _FORMATS.get(kind, ()):
        yield f"{where}.format", f"not supported for {kind} type: {node['format']}"
    for i, name in enumerate(node.get("required", ())):
        if name not in (properties or {}):
            yield f"{where}.required[{i}]", "property is not defined"
    for name, inner in (properties or {}).items():
        yield from _schema(inner, f"{where}.properties[{name}]")
    if "items" in node:
        yield from _schema(node["items"], f"{where}.items")
    for i, inner in enumerate(node.get("anyOf", ())):
        yield from _schema(inner, f"{where}.anyOf[{i}]")


@rule(
    "gemini",
    "GenerateContentRequest.tools[0].function_declarations[0].parameters.properties: should be "
    "non-empty for OBJECT type / .required[0]: property is not defined / .items: missing field. / "
    ".format: only 'enum' and 'date-time' are supported for STRING type",
)
def gemini_parameters(body: Body, _: Memory) -> Found:
    for i, declared in enumerate(_declarations(body)):
        where = f"tools.function_declarations[{i}].parameters"
        if "parameters" in declared and "parametersJsonSchema" in declared:
            yield where, "parameters and parameters_json_schema are mutually exclusive"
        if "parameters" in declared:
            yield from _schema(declared["parameters"], where)
        if "parametersJsonSchema" in declared:
            why = is_schema(declared["parametersJsonSchema"])
            if why:
                yield f"{where}_json_schema", why
    if "responseSchema" in _config(body):
        yield from _schema(_config(body)["responseSchema"], "generation_config.response_schema")


@rule(
    "gemini",
    "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, "
    "A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64. "
    "/ Duplicate function declaration found: f",
)
def gemini_function_names(body: Body, _: Memory) -> Found:
    names = [d["name"] for d in _declarations(body)]
    for i, name in enumerate(names):
        if not _NAME.match(name):
            yield f"tools[0].function_declarations[{i}].name", f"Invalid function name: {name!r}"
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield "tools", f"Duplicate function declaration found: {name}"
    for where, _role, part in _parts(body):
        for member in ("functionCall", "functionResponse"):
            if member in part and not _NAME.match(part[member]["name"]):
                yield f"{where}.{member}.name", "Invalid function name."


@rule(
    "gemini",
    "You can only set only one of thinking budget and thinking level. / Thinking level is not "
    "supported for this model.",
)
def gemini_one_way_to_think(body: Body, memory: Memory) -> Found:
    thinking = _config(body).get("thinkingConfig") or {}
    if "thinkingLevel" in thinking and "thinkingBudget" in thinking:
        yield "generation_config.thinking_config", "set only one of thinking budget and level."
    if "thinkingLevel" in thinking and memory.model.startswith("gemini-2"):
        yield "generation_config.thinking_config", "Thinking level is not supported for this model."
    if memory.model.startswith("gemini-2.5-pro") and thinking.get("thinkingBudget") == 0:
        yield "generation_config.thinking_config", (
            "Budget 0 is invalid. This model only works in thinking mode."
        )


@rule("gemini", "API reference, GenerationConfig; temperature in [0, 2], at most 5 stop sequences")
def gemini_sampling(body: Body, _: Memory) -> Found:
    config = _config(body)
    for member, low, high in (("temperature", 0, 2), ("topP", 0, 1), ("candidateCount", 1, 8)):
        if not low <= config.get(member, low) <= high:
            yield f"generation_config.{member}", f"the supported range is from {low} to {high}"
    if len(config.get("stopSequences", ())) > 5:
        yield "generation_config.stop_sequences", "at most 5"
    if "" in config.get("stopSequences", ()):
        yield "generation_config.stop_sequences", "empty stop sequence"
    if config.get("maxOutputTokens", 1) < 1:
        yield "generation_config.max_output_tokens", "must be positive."


@rule("gemini", "Penalty is not enabled for this model (from 2.5 on)")
def gemini_penalties(body: Body, memory: Memory) -> Found:
    for member in ("presencePenalty", "frequencyPenalty"):
        if member in _config(body) and not re.match(r"^gemini-(1|2\.0)", memory.model):
            yield f"generation_config.{member}", "Penalty is not enabled for this model"


@rule(
    "gemini",
    "guide 'Structured output': responseMimeType application/json; Function calling with a "
    "response mime type: 'application/json' is unsupported (before Gemini 3)",
)
def gemini_response_schema(body: Body, memory: Memory) -> Found:
    config = _config(body)
    schemas = {"responseSchema", "responseJsonSchema", "_responseJsonSchema"} & set(config)
    if len(schemas) > 1:
        yield "generation_config", "only one of the response schemas"
    if schemas and config.get("responseMimeType") not in ("application/json", "text/x.enum"):
        yield "generation_config.response_mime_type", "must be set to application/json"
    json_asked = config.get("responseMimeType") == "application/json"
    if json_asked and _declarations(body) and not memory.model.startswith("gemini-3"):
        yield "generation_config", (
            "Function calling with a response mime type: 'application/json' is unsupported"
        )


@rule(
    "gemini",
    "Function calling config is set without function_declarations. / allowed_function_names should "
    "be set only when function calling mode is ANY",
)
def gemini_calling_config(body: Body, _: Memory) -> Found:
    config = (body.get("toolConfig") or {}).get("functionCallingConfig")
    if config is None:
        return
    declared = [d["name"] for d in _declarations(body)]
    if not declared:
        yield "tool_config", "Function calling config is set without function_declarations."
    allowed = config.get("allowedFunctionNames")
    if allowed and config.get("mode") not in ("ANY", "VALIDATED"):
        yield "tool_config", "allowed_function_names only when function calling mode is ANY"
    for name in listed(allowed):
        if name not in declared:
            yield "tool_config", f"allowed function {name} is not declared"


_MIMES = re.compile(r"^(image|audio|video|text)/[\w.+-]+$|^application/(pdf|json|javascript|xml)$")


@rule("gemini", "Unsupported MIME type: application/octet-stream; Base64 decoding failed")
def gemini_media_is_sound(body: Body, _: Memory) -> Found:
    for where, _role, part in _parts(body):
        places = [(where, part)]
        for i, inner in enumerate(part.get("functionResponse", {}).get("parts", ())):
            places.append((f"{where}.functionResponse.parts[{i}]", inner))
        for at, one in places:
            blob = one.get("inlineData")
            if blob:
                if not _MIMES.match(blob.get("mimeType", "")):
                    yield f"{at}.inlineData", f"Unsupported MIME type: {blob.get('mimeType')}"
                why = media(blob.get("mimeType", ""), blob.get("data", ""))
                if why:
                    yield f"{at}.inlineData.data", why
            if "fileData" in one and not one["fileData"].get("fileUri"):
                yield f"{at}.fileData", "Unsupported file uri"


@rule("gemini", "systemInstruction: text only; the current turn's thoughts are the model's")
def gemini_thoughts_are_the_models(body: Body, _: Memory) -> Found:
    for where, role, part in _parts(body):
        if part.get("thought") and role != "model":
            yield where, "a thought in a user's turn"
