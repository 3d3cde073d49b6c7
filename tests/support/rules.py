"""What the live APIs refuse beyond their schemas: the registry, and what the dialects share.

A rule looks at a request and yields (member, message) for each thing it refuses. Its source says
how we know: the vendor's documentation, or the text of the error that people were answered with.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator

import jsonschema_rs

Broken = tuple[str, str]


@dataclass
class Memory:
    """What a provider knows besides the request."""

    model: str = ""
    issued: dict[str, str] = field(default_factory=dict)  # signature -> what it signs
    stored: set[str] = field(default_factory=set)  # ids of items kept on the server's side
    refuses: bool = True  # whether signatures of others are refused


@dataclass(frozen=True)
class Rule:
    dialect: str
    name: str
    source: str
    check: Callable[[dict[str, Any], Memory], Iterator[Broken]]


RULES: list[Rule] = []


def rule(dialect: str, source: str) -> Callable[[Any], Any]:
    def add(check: Any) -> Any:
        RULES.append(Rule(dialect, check.__name__.strip("_"), source, check))
        return check

    return add


def broken(dialect: str, body: dict[str, Any], memory: Memory) -> list[tuple[str, Broken]]:
    """Everything wrong with a request, with the name of the rule."""
    return [
        (r.name, found) for r in RULES if r.dialect == dialect for found in r.check(body, memory)
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# -- media ----------------------------------------------------------------------------------------

_MAGIC = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"%PDF": "application/pdf",
}


def media(mime: str, data: str) -> str:
    """What is wrong with encoded media; "" if nothing is."""
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return "invalid base64 data"
    if not raw:
        return "empty media"
    if raw[:4] == b"RIFF" and mime != {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(raw[8:12]):
        return f"the media was said to be {mime}, but is {raw[8:12]!r}"
    for magic, kind in _MAGIC.items():
        if raw.startswith(magic) and kind != mime:
            return f"the media was said to be {mime}, but appears to be {kind}"
    return ""


_DATA_URL = re.compile(r"^data:([\w.+-]+/[\w.+-]+);base64,([A-Za-z0-9+/=]*)$")


def media_url(url: str) -> str:
    """What is wrong with a URL of media: https, http, or a data URL with its type."""
    if url.startswith(("http://", "https://")):
        return ""
    match = _DATA_URL.match(url)
    if match is None:
        return "expected a base64-encoded data URL, or an http(s) URL"
    return media(match[1], match[2])


# -- JSON Schemas in requests ---------------------------------------------------------------------


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a JSON Schema, with its place; never a property map itself."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key in ("properties", "$defs", "definitions", "patternProperties"):
        for name, inner in (schema.get(key) or {}).items():
            yield from nodes(inner, f"{path}.{key}.{name}")
    for key in ("items", "additionalProperties", "not", "if", "then", "else"):
        yield from nodes(schema.get(key), f"{path}.{key}")
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for i, inner in enumerate(listed(schema.get(key))):
            yield from nodes(inner, f"{path}.{key}[{i}]")


def is_schema(schema: Any) -> str:
    """Why a document is no JSON Schema of draft 2020-12; "" if it is one."""
    try:
        jsonschema_rs.Draft202012Validator(schema)
    except (ValueError, jsonschema_rs.ReferencingError) as err:
        return str(err).splitlines()[0]
    return ""


_STRICT_KNOWS = frozenset(
    "type properties required additionalProperties items enum const anyOf description title $ref "
    "$defs definitions pattern format multipleOf maximum exclusiveMaximum minimum "
    "exclusiveMinimum minItems maxItems default $schema".split()
)


def openai_strict(schema: Any, path: str) -> Iterator[Broken]:
    """Guide "Structured Outputs", supported schemas: an object at the root, every object closed,
    every property required, no composition but anyOf."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        yield path, "schema must have type 'object' and not have 'anyOf' at the top level"
        return
    for where, node in nodes(schema):
        at = path + where
        unknown = set(node) - _STRICT_KNOWS
        if unknown:
            yield at, f"'{sorted(unknown)[0]}' is not permitted"
        if node.get("type") == "object" or "properties" in node:
            if node.get("additionalProperties") is not False:
                yield at, "'additionalProperties' is required to be supplied and to be false"
            missing = set(node.get("properties", {})) - set(node.get("required", ()))
            if missing:
                yield at, (
                    "'required' is required to be supplied and to be an array including every key "
                    f"in properties. Missing '{sorted(missing)[0]}'"
                )


def openai_parameters(schema: Any, path: str) -> Iterator[Broken]:
    """What is asked of any function's schema. Errors quoted in many reports: "object schema missing
    properties", "array schema missing items", "schema must be a JSON Schema of 'type: "object"'".
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield path, "schema must be a JSON Schema of 'type: \"object\"', got none"
        return
    why = is_schema(schema)
    if why:
        yield path, f"schema is not valid: {why}"
    for word in ("anyOf", "oneOf", "allOf", "enum", "not"):
        if word in schema:
            yield path, f"schema must not have '{word}' at the top level"
    for where, node in nodes(schema):
        if node.get("type") == "object" and "properties" not in node:
            if not isinstance(node.get("additionalProperties"), dict):
                yield path + where, "object schema missing properties"
        if node.get("type") == "array" and "items" not in node:
            yield path + where, "array schema missing items"


def says_json(texts: Iterable[str]) -> bool:
    return any("json" in t.lower() for t in texts)


def is_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (TypeError, ValueError):
        return False
