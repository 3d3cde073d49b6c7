"""The gateway's configuration for one scripted provider of a dialect."""

from __future__ import annotations

from typing import Any

from support.gateway import UPSTREAM_KEY


def provider(dialect: str, url: str, model: str) -> dict[str, Any]:
    """`model` is what clients call it; the provider sees `real-model`."""
    models = [{"name": "real-model", "alias": model}]
    key = {"api-key": UPSTREAM_KEY}
    if dialect == "openai-chat":
        return {"openai-compatibility": [{"name": "scripted", "base-url": url + "/v1",
                                          "api-key-entries": [key], "models": models}]}
    block, path = {"anthropic": ("claude-api-key", ""), "gemini": ("gemini-api-key", ""),
                   "openai-responses": ("codex-api-key", "/v1")}[dialect]
    return {block: [{**key, "base-url": url + path, "models": models}]}
