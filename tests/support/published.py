"""The vendors' published descriptions, made into JSON Schemas that refuse what they do not know.

Three sources (../shared/specs/SOURCES.md says where each came from): OpenAPI documents (OpenAI and
Open Responses), JSON Schemas generated from an SDK's types (Anthropic), and protocol buffer
definitions (Gemini). None of them forbids unknown members, since their readers are to be tolerant;
we write, and a member that nobody published is a mistake of ours. So every object is closed here:

- an object's `additionalProperties` becomes false. Compositions of plain objects are merged first;
  of others the outermost schema gets `unevaluatedProperties: false`, since a branch of `allOf` does
  not know its siblings' members. A component that is used both ways exists twice, as `Name`
  (closed) and `Name~open` (as a branch).
- `oneOf` becomes `anyOf`: published unions overlap (a string is a model name and also any string).
- `nullable` (OpenAPI 3.0, still found in these 3.1 documents) becomes a type.

Validation is by jsonschema-rs. Measured on the 8,766 recorded documents of four dialects: 0.09 s,
where jsonschema needs some 15 s; fastjsonschema does not know `unevaluatedProperties`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Iterator

from .binary import ROOT

SPECS = Path(os.environ.get("SPECS", ROOT.parent / "shared" / "specs"))

Schema = Any  # a dict, or a bool
Patch = tuple[str, str, Any, str]  # component, member path, new schema (None: remove), reason

_ANNOTATIONS = frozenset(
    "description title default example examples deprecated discriminator format readOnly "
    "writeOnly externalDocs nullable $recursiveAnchor definitions $defs $schema $comment".split()
)
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties")


def available() -> bool:
    return (SPECS / "openai" / "openapi.json").exists()


# -- closing --------------------------------------------------------------------------------------


class Closer:
    """Turns components of one document into closed definitions, as they are asked for."""

    def __init__(self, components: dict[str, Schema], free: frozenset[str] = frozenset()):
        self.components = components
        self.free = free  # objects that may hold anything besides what they list
        self.defs: dict[str, Schema] = {}

    def root(self, name: str) -> Schema:
        """A schema that stands alone, for the component of that name."""
        self.defs = {}
        ref = self._ref(name, True)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **ref,
            "$defs": self.defs,
        }

    def _ref(self, name: str, closed: bool) -> Schema:
        key = name if closed else f"{name}~open"
        if key not in self.defs:
            self.defs[key] = {}  # a placeholder, for components that mention themselves
            self.defs[key] = self._convert(self.components[name], closed, name)
        return {"$ref": "#/$defs/" + key.replace("~", "~0")}

    def _object_like(self, node: Schema, seen: frozenset[str] = frozenset()) -> bool:
        """Whether it lists members, itself or through a composition."""
        if not isinstance(node, dict):
            return False
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            return name not in seen and self._object_like(self.components[name], seen | {name})
        return "properties" in node or any(
            self._object_like(b, seen) for b in node.get("allOf", ())
        )

    def _flat(self, node: Schema, seen: frozenset[str] = frozenset()) -> Schema | None:
        """A composition of plain objects as one object; None where it is more than that."""
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            return None if name in seen else self._flat(self.components[name], seen | {name})
        words = {k for k in node if k not in _ANNOTATIONS and not k.startswith("x-")}
        if words - {"type", "properties", "required", "allOf", "additionalProperties"}:
            return None
        if isinstance(node.get("additionalProperties"), dict) or node.get("nullable"):
            return None
        out = {"type": "object", "properties": dict(node.get("properties", {})), "required": []}
        out["required"] += node.get("required", [])
        for branch in node.get("allOf", ()):
            part = self._flat(branch, seen)
            if part is None:
                return None
            for key, value in part["properties"].items():
                known = out["properties"].get(key)
                out["properties"][key] = {"allOf": [known, value]} if known else value
            out["required"] += part["required"]
        return out

    def _convert(self, node: Schema, closed: bool, name: str = "") -> Schema:
        if not isinstance(node, dict):
            return node
        if "$recursiveRef" in node:
            return self._ref(name, closed)
        if "allOf" in node and self._object_like(node):
            node = self._flat(node) or node
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key in _ANNOTATIONS or key.startswith("x-"):
                continue
            if key == "$ref":
                out.update(self._ref(value.rpartition("/")[2], closed))
            elif key in _LISTS:
                inner = closed and (key == "prefixItems" or not self._composed(node))
                branches = [self._convert(b, inner, name) for b in value]
                out.setdefault("anyOf" if key == "oneOf" else key, []).extend(branches)
            elif key in _MAPS:
                out[key] = {k: self._convert(v, True, name) for k, v in value.items()}
            elif key in ("items", "additionalProperties", "contains", "propertyNames"):
                out[key] = self._convert(value, True, name)
            elif key == "not":
                out[key] = self._convert(value, False, name)
            else:
                out[key] = value
        self._close(out, node, closed, name)
        return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") else out

    @staticmethod
    def _composed(node: dict[str, Any]) -> bool:
        return "properties" in node or "allOf" in node

    def _close(self, out: dict[str, Any], node: dict[str, Any], closed: bool, name: str) -> None:
        more = node.get("additionalProperties")
        if isinstance(more, dict) or (name in self.free and more is True):
            return
        if isinstance(more, bool) and "properties" in node:
            del out["additionalProperties"]
        if not closed or "$ref" in node or not self._object_like(node):
            return
        branches = [b for key in ("allOf", "anyOf", "oneOf") for b in node.get(key, ())]
        if any(self._object_like(b) for b in branches):
            out["unevaluatedProperties"] = False
        else:
            out["additionalProperties"] = False


def patch(components: dict[str, Schema], rows: tuple[Patch, ...]) -> None:
    """Adds, replaces or removes members. The path's last word is a key of the object it leads to;
    `required+` and `required-` add to and take from a list of required members, `enum+` adds words.
    """
    for component, path, value, _reason in rows:
        node = components[component]
        *way, last = path.split(".")
        for word in way:
            node = node[int(word)] if isinstance(node, list) else node[word]
        if last.endswith("+"):
            node[last[:-1]] = sorted(set(node.get(last[:-1], [])) | set(value))
        elif last.endswith("-"):
            node[last[:-1]] = [w for w in node[last[:-1]] if w not in value]
        elif value is None:
            del node[last]
        else:
            node[last] = value


def openapi(path: str, rows: tuple[Patch, ...] = ()) -> Closer:
    components = json.loads((SPECS / path).read_text())["components"]["schemas"]
    union = [{"$ref": name} for name in components if name.endswith("StreamingEvent")]
    components.setdefault("StreamingEvent", {"anyOf": union})
    patch(components, rows)
    return Closer(components)


def generated(path: str, rows: tuple[Patch, ...] = ()) -> Closer:
    """A JSON Schema file with $defs; its own root is the component named "root"."""
    document = json.loads((SPECS / path).read_text())
    components = document.pop("$defs", {})
    components["root"] = document
    patch(components, tuple(row for row in rows if row[0] in components))
    return Closer(components, frozenset({"InputSchemaTyped"}))


# -- protocol buffers -----------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?:\\.|[^"])*"|[\w.]+|[^\s\w]')
_SCALARS: dict[str, Schema] = {
    # developers' guide "ProtoJSON Format": numbers may be written as strings; int64 always is
    "string": {"type": "string"},
    "bytes": {"type": "string", "pattern": "^[A-Za-z0-9+/_-]*={0,2}$"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer"},
    "int64": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}]},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": True,
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9.]+s$"},
    "google.protobuf.Timestamp": {"type": "string"},
    "google.type.Interval": {"type": "object"},
    "google.type.LatLng": {"type": "object"},
}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


class Protos:
    """Reads messages and enums of proto3 files: as much of the language as these files use."""

    def __init__(self, texts: list[str], snake: bool):
        self.snake = snake  # accept the proto's own spelling of names too, as the live API does
        self.components: dict[str, Schema] = {}
        self.refs: list[tuple[dict[str, Any], str, str]] = []
        for text in texts:
            self.tokens = _TOKEN.findall(re.sub(r"//[^\n]*", "", text))
            self.at = 0
            while self.at < len(self.tokens):
                self._top()
        for node, scope, kind in self.refs:
            name = self._resolve(scope, kind)
            # Of files that are not in the folder: nothing is known to be right.
            node.update({"$ref": "#/$defs/" + name} if name else {"not": {}})

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def _skip(self) -> None:
        """To the end of a statement or of its block."""
        depth = 0
        while True:
            token = self._next()
            depth += (token in "{[") - (token in "}]")
            if depth == 0 and token in (";", "}"):
                break
        if token == "}" and self.tokens[self.at : self.at + 1] == [";"]:
            self.at += 1

    def _top(self) -> None:
        word = self.tokens[self.at]
        if word in ("message", "enum"):
            self._block("")
        else:
            self._skip()

    def _block(self, scope: str) -> None:
        kind, name = self._next(), self._next()
        full = f"{scope}.{name}" if scope else name
        assert self._next() == "{"
        if kind == "enum":
            self._enum(full)
        else:
            self._message(full)

    def _enum(self, full: str) -> None:
        words = []
        while (word := self._next()) != "}":
            words.append(word)
            while self._next() != ";":
                pass
        self.components[full] = {"enum": words}

    def _message(self, full: str) -> None:
        out: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
        self.components[full] = out
        self._members(full, out, None)
        if not out["required"]:
            del out["required"]

    def _members(self, full: str, out: dict[str, Any], group: list[str] | None) -> None:
        while (word := self.tokens[self.at]) != "}":
            if word in ("message", "enum"):
                self._block(full)
            elif word == "oneof":
                self.at += 1
                names: list[str] = []
                label = self._next()
                assert self._next() == "{"
                self._members(full, out, names)
                out.setdefault("x-oneof", {})[label] = names
            elif word == "option" or word == "reserved":
                self._skip()
            else:
                name = self._field(full, out)
                if group is not None:
                    group.append(name)
        self.at += 1

    def _type(self, scope: str, kind: str) -> Schema:
        if kind in _SCALARS:
            return _SCALARS[kind]
        node: dict[str, Any] = {}
        self.refs.append((node, scope, kind))
        return node

    def _field(self, full: str, out: dict[str, Any]) -> str:
        label = self._next() if self.tokens[self.at] in ("repeated", "optional") else ""
        kind = self._next()
        if kind == "map":
            assert self._next() == "<" and self._next() == "string" and self._next() == ","
            schema: Schema = {
                "type": "object",
                "additionalProperties": self._type(full, self._next()),
            }
            assert self._next() == ">"
        else:
            schema = self._type(full, kind)
            if label == "repeated":
                schema = {"type": "array", "items": schema}
        proto_name = self._next()
        start = self.at
        self._skip()
        options = self.tokens[start : self.at]
        name = camel(proto_name)
        if "json_name" in options:
            name = options[options.index("json_name") + 2].strip('"')
        if "REQUIRED" in options:
            out["required"].append(name)
        out["properties"][name] = schema
        if self.snake and proto_name != name:
            out["properties"][proto_name] = schema
        return name

    def _resolve(self, scope: str, kind: str) -> str:
        """A name is looked for in the message itself, then in those around it."""
        while True:
            full = f"{scope}.{kind}" if scope else kind
            if full in self.components:
                return full
            if not scope:
                return ""
            scope = scope.rpartition(".")[0]


def _oneofs(components: dict[str, Schema]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for node in components.values():
        for names in node.get("x-oneof", {}).values():
            yield node, names


def protos(rows: tuple[Patch, ...] = (), snake: bool = False) -> Closer:
    """The Gemini API. At most one member of each `oneof` may be there."""
    files = sorted((SPECS / "gemini").glob("*.proto"))
    read = Protos([f.read_text() for f in files], snake)
    components = read.components
    patch(components, rows)
    for node, names in _oneofs(components):
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        if pairs and not snake:  # both spellings: not worth the permutations
            node.setdefault("allOf", []).extend({"not": {"required": list(p)}} for p in pairs)
    if snake:
        for node in components.values():
            node.pop("required", None)
    return Closer(components)
