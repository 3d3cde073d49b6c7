"""The vendors' own packages against the gateway in front of the simulator: whole, streamed, tools,
reasoning, structured output, errors, and clients that leave. Each script reports its checks as
lines of JSON; here every check is a test of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.clock import SLACK
from support.gateway import CLIENT_KEY

HERE = Path(__file__).resolve().parent
SCRIPTS = ["openai-chat", "openai-responses", "anthropic", "genai"]
NODE_MAJOR = 20     # what the packages ask for


def checks_of(script: str) -> list[str]:
    return re.findall(r"^check\('([^']+)'", (HERE / f"{script}.mjs").read_text(), re.M)


CASES = [(script, name) for script in SCRIPTS for name in checks_of(script)]


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


@pytest.fixture(scope="module")
def gateway(shared):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return shared.gateway({"api-keys": [CLIENT_KEY], "sim": [{"name": "sim"}]})


@pytest.fixture(scope="module")
def results(gateway):
    """Runs each script once, when the first of its checks is asked for."""
    done: dict[str, dict] = {}

    def of(script: str) -> dict:
        if script not in done:
            env = {k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")}
            env.update(GATEWAY_URL=gateway.url(), GATEWAY_KEY=CLIENT_KEY)
            run = subprocess.run(["node", str(HERE / f"{script}.mjs")], env=env, cwd=HERE,
                                 capture_output=True, text=True, timeout=120 * SLACK)
            lines = [json.loads(l) for l in run.stdout.splitlines() if l.startswith("{")]
            done[script] = {l["name"]: l for l in lines}
            done[script]["stderr"] = run.stderr
        return done[script]

    return of


@pytest.mark.parametrize("script,name", CASES, ids=[f"{s}-{n}" for s, n in CASES])
def test_sdk(results, script, name):
    result = results(script).get(name)
    assert result, f"not run\n{results(script)['stderr'][-3000:]}"
    assert result["ok"], result["error"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages",
                                  "/v1beta/models/sim-slow:streamGenerateContent"])
def test_an_aborted_stream_ends_here_too(gateway, results, path):
    for script in SCRIPTS:
        results(script)
    gateway.wait_line(lambda l: l.message == "request" and l.fields["status_code"] == 499
                      and l.fields["path"].startswith(path), 4, f"access line with 499 for {path}")
