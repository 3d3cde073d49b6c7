"""The vendors' own packages against the gateway: whole, streamed, tools, reasoning, images, structured
output, errors, and clients that leave. Once in front of the simulator, and once for each provider of
another dialect, which checks what it gets as strictly as the real API (support/checked.py). Each
script reports its checks as lines of JSON; here every check is a test of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.checked import checked
from support.clock import SLACK
from support.gateway import CLIENT_KEY
from support.strict import STRICT, provider as entry_of

HERE = Path(__file__).resolve().parent
SPEAKS = {"openai-chat": "chat", "openai-responses": "responses", "anthropic": "anthropic",
          "genai": "gemini"}
FAULTY = r'"temperature":1000|"max_?(output_?)?[tT]okens":0|"maxOutputTokens":0'  # "bad request"
NODE_MAJOR = 20     # what the packages ask for
# What the simulator's models are called at each provider: what is refused depends on the name.
MODELS = {
    "chat": {"sim-1": "gpt-5.4", "sim-slow": "gpt-5.4-mini", "sim-fast": "gpt-4.1"},
    "responses": {"sim-1": "gpt-5.4", "sim-slow": "gpt-5.4-mini", "sim-fast": "gpt-4.1"},
    "anthropic": {"sim-1": "claude-sonnet-4-6", "sim-slow": "claude-haiku-4-5",
                  "sim-fast": "claude-opus-4-5"},
    "gemini": {"sim-1": "gemini-3-flash-preview", "sim-slow": "gemini-2.5-flash",
               "sim-fast": "gemini-2.5-pro"},
}


def checks_of(script: str, own: bool) -> list[str]:
    pattern = r"^(?:check|ownCheck)\('([^']+)'" if own else r"^check\('([^']+)'"
    return re.findall(pattern, (HERE / f"{script}.mjs").read_text(), re.M)


CASES = [
    (script, provider, name)
    for script, dialect in SPEAKS.items()
    for provider in ("own", *STRICT) if provider != dialect
    for name in checks_of(script, provider == "own")
]


def why_not() -> str:
    """Why the scripts cannot run here; empty if they can."""
    node = shutil.which("node")
    if node is None:
        return "no node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    if int(re.sub(r"\D.*", "", version.lstrip("v")) or 0) < NODE_MAJOR:
        return f"node is {version}, the packages need {NODE_MAJOR}"
    for package in json.loads((HERE / "package.json").read_text())["dependencies"]:
        if not (HERE / "node_modules" / package / "package.json").is_file():
            return f"no node_modules/{package} (make check installs it)"
    return ""


def config(strict: dict) -> dict:
    """The simulator under its own names, each strict provider's models with its dialect behind."""
    blocks: dict = {"api-keys": [CLIENT_KEY], "sim": [{"name": "sim"}]}
    for dialect, up in strict.items():
        for block, entries in entry_of(up).items():
            entries[0]["models"] = [{"name": name, "alias": f"{sim}-{dialect}"}
                                    for sim, name in MODELS[dialect].items()]
            blocks.setdefault(block, []).extend(entries)
    return blocks


@pytest.fixture(scope="module")
def gateway(shared):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    names = {(sim, name) for models in MODELS.values() for sim, name in models.items()}
    behind = shared.gateway({"api-keys": [CLIENT_KEY], "sim": [
        {"name": "sim", "models": [{"name": sim, "alias": name} for sim, name in names]}]})
    return shared.gateway(config({d: shared.add(checked(d, behind, FAULTY)) for d in STRICT}))


@pytest.fixture(scope="module")
def results(gateway):
    """Runs each script once for a provider, when the first of its checks is asked for."""
    done: dict[tuple[str, str], dict] = {}

    def of(script: str, provider: str = "own") -> dict:
        if (script, provider) not in done:
            env = {k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")}
            env.update(GATEWAY_URL=gateway.url(), GATEWAY_KEY=CLIENT_KEY, SDK_PROVIDER=provider)
            run = subprocess.run(["node", str(HERE / f"{script}.mjs")], env=env, cwd=HERE,
                                 capture_output=True, text=True, timeout=120 * SLACK)
            lines = [json.loads(l) for l in run.stdout.splitlines() if l.startswith("{")]
            done[script, provider] = {l["name"]: l for l in lines}
            done[script, provider]["stderr"] = run.stderr
        return done[script, provider]

    return of


@pytest.mark.parametrize("script,provider,name", CASES,
                         ids=[f"{s}-{p}-{n}" for s, p, n in CASES])
def test_sdk(results, script, provider, name):
    ran = results(script, provider)
    result = ran.get(name)
    assert result, f"not run\n{ran['stderr'][-3000:]}"
    assert result["ok"], result["error"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages",
                                  "/v1beta/models/sim-slow:streamGenerateContent"])
def test_an_aborted_stream_ends_here_too(gateway, results, path):
    for script in SPEAKS:
        results(script)
    gateway.wait_line(lambda l: l.message == "request" and l.fields["status_code"] == 499
                      and l.fields["path"].startswith(path), 4, f"access line with 499 for {path}")
