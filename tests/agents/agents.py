"""The agents: how each is told where the gateway is, and run without a person.

They come from npm (package.json beside this file) into build/agents. Three of the four packages are
a small script around a program of their own for each platform; that program is run directly, so the
node they ask for does not matter. Gemini CLI is JavaScript and needs node 20.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from support.binary import ROOT

HOME_OF_ALL = ROOT / "build/agents/node_modules"
MACHINE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
SYSTEM = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), platform.system())


@dataclass
class Place:
    """What an agent is run with: the gateway's address and key, and folders of its own."""

    url: str
    key: str
    model: str
    home: Path
    work: Path

    def write(self, path: str, text: str) -> None:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@dataclass
class Agent:
    name: str
    dialect: str  # what it speaks
    program: Callable[[], list[str]]  # the beginning of its command line; its files must exist
    setup: Callable[[Place], tuple[list[str], dict[str, str]]]  # arguments but the prompt, and env


def first_of(*patterns: str) -> str:
    for pattern in patterns:
        for path in sorted(HOME_OF_ALL.glob(pattern)):
            return str(path)
    raise FileNotFoundError(f"no {patterns[0]} in build/agents (make check installs it)")


# ---- Claude Code -----------------------------------------------------------------------------


def claude_program() -> list[str]:
    return [first_of(f"@anthropic-ai/claude-code-{SYSTEM}-{MACHINE}/claude")]


def claude(at: Place) -> tuple[list[str], dict[str, str]]:
    env = {
        "ANTHROPIC_BASE_URL": at.url,
        "ANTHROPIC_API_KEY": at.key,
        "ANTHROPIC_MODEL": at.model,
        # What it uses for small things of its own would be a name the gateway does not know.
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": at.model,
        "ANTHROPIC_SMALL_FAST_MODEL": at.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    return ["--allowedTools", "Write,Read,Bash", "--permission-mode", "acceptEdits", "-p"], env


# ---- Codex CLI -------------------------------------------------------------------------------


def codex_program() -> list[str]:
    return [first_of(f"@openai/codex-{SYSTEM}-{MACHINE}/vendor/*/bin/codex",
                     f"@openai/codex-{SYSTEM}-{MACHINE}/vendor/*/codex/codex")]


def codex(at: Place) -> tuple[list[str], dict[str, str]]:
    at.write(".codex/config.toml", f"""
model = {json.dumps(at.model)}
model_provider = "gateway"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.gateway]
name = "gateway"
base_url = "{at.url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
""")
    # There is nothing to protect: the folders are temporary and the network is a jail.
    return ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"], {
        "CODEX_HOME": str(at.home / ".codex"), "GATEWAY_KEY": at.key}


# ---- Gemini CLI ------------------------------------------------------------------------------


def gemini_program() -> list[str]:
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("no node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    if int(re.sub(r"\D.*", "", version.lstrip("v")) or 0) < 20:
        raise FileNotFoundError(f"node is {version}, Gemini CLI needs 20")
    return [node, first_of("@google/gemini-cli/bundle/gemini.js")]


def gemini(at: Place) -> tuple[list[str], dict[str, str]]:
    at.write(".gemini/settings.json", json.dumps({
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False,
                    "maxAttempts": 1, "retryFetchErrors": False},
    }))
    return ["--yolo", "--skip-trust", "-m", at.model, "-p"], {
        "GOOGLE_GEMINI_BASE_URL": at.url, "GEMINI_API_KEY": at.key,
        "GEMINI_TELEMETRY_ENABLED": "false", "NO_BROWSER": "1",
        # It starts itself again with a larger heap otherwise.
        "GEMINI_CLI_NO_RELAUNCH": "true"}


# ---- opencode --------------------------------------------------------------------------------


def opencode_program() -> list[str]:
    return [first_of(f"opencode-{SYSTEM}-{MACHINE}/bin/opencode",
                     f"opencode-{SYSTEM}-{MACHINE}-baseline/bin/opencode")]


OPENCODE_PACKAGES = {"openai-chat": "@ai-sdk/openai-compatible", "openai-responses": "@ai-sdk/openai",
                     "anthropic": "@ai-sdk/anthropic", "gemini": "@ai-sdk/google"}


def opencode(dialect: str) -> Callable[[Place], tuple[list[str], dict[str, str]]]:
    def setup(at: Place) -> tuple[list[str], dict[str, str]]:
        base = at.url + ("/v1beta" if dialect == "gemini" else "/v1")
        at.write(".config/opencode/opencode.json", json.dumps({
            "autoupdate": False, "share": "disabled",
            "provider": {"gateway": {
                "npm": OPENCODE_PACKAGES[dialect], "name": "gateway",
                "options": {"baseURL": base, "apiKey": at.key},
                "models": {at.model: {"name": at.model}}}},
            "small_model": f"gateway/{at.model}",
        }))
        return ["run", "--auto", "--model", f"gateway/{at.model}"], {
            "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1"}

    return setup


AGENTS = {a.name: a for a in [
    Agent("claude-code", "anthropic", claude_program, claude),
    Agent("codex", "openai-responses", codex_program, codex),
    Agent("gemini-cli", "gemini", gemini_program, gemini),
    Agent("opencode-chat", "openai-chat", opencode_program, opencode("openai-chat")),
    Agent("opencode-responses", "openai-responses", opencode_program, opencode("openai-responses")),
    Agent("opencode-anthropic", "anthropic", opencode_program, opencode("anthropic")),
    Agent("opencode-gemini", "gemini", opencode_program, opencode("gemini")),
]}


def environment(at: Place, more: dict[str, str]) -> dict[str, str]:
    """Nothing of this machine's but where programs are, and no way out."""
    nowhere = "http://127.0.0.1:9"  # discard: refused at once
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "TERM": "dumb",
        "HOME": str(at.home), "XDG_CONFIG_HOME": str(at.home / ".config"),
        "XDG_DATA_HOME": str(at.home / ".local/share"), "XDG_CACHE_HOME": str(at.home / ".cache"),
        "XDG_STATE_HOME": str(at.home / ".local/state"), "TMPDIR": str(at.home / "tmp"),
        "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "http_proxy": nowhere,
        "https_proxy": nowhere, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
        "CI": "1", "NO_COLOR": "1", "DO_NOT_TRACK": "1", **more,
    }
