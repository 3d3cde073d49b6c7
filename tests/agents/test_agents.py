"""Coding agents as people run them, each pointed at the gateway with a scripted provider behind it:
of the agent's own dialect, and of the others. Each gets a small task that needs two tool calls, and
says in the end what only the second result can have told it.

`AGENTS_KEEP=folder` keeps what the agents sent.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Callable, Iterator

import pytest

from support.clock import SLACK
from support.gateway import CLIENT_KEY, Gateway

sys.path.insert(0, str(Path(__file__).resolve().parent))
import jail  # noqa: E402
from agents import AGENTS, Agent, Place, environment  # noqa: E402
from model import Model  # noqa: E402
from providers import provider  # noqa: E402

HERE = Path(__file__).resolve().parent
WORD = "quokka-7"
PROMPT = ("Write the word quokka-7 into the file hello.txt in this folder. Then read the file and "
          "tell me what it says.")
SECONDS = 45

# What agents call their models decides what they send; these are names they know.
MODELS = {"claude-code": "claude-sonnet-4-5", "codex": "gpt-5.5",
          "gemini-cli": "gemini-2.5-pro"}

OWN = [(a.name, a.dialect) for a in AGENTS.values()]
CROSS = [
    ("claude-code", "openai-chat"), ("claude-code", "openai-responses"), ("claude-code", "gemini"),
    ("codex", "anthropic"), ("codex", "openai-chat"), ("codex", "gemini"),
    ("gemini-cli", "openai-responses"), ("gemini-cli", "anthropic"), ("gemini-cli", "openai-chat"),
    ("opencode-chat", "gemini"), ("opencode-chat", "anthropic"),
    ("opencode-responses", "anthropic"), ("opencode-anthropic", "openai-responses"),
    ("opencode-gemini", "openai-chat"),
]

# What else the model does, and with whom: not every agent lets every pair be.
PARALLEL = [("claude-code", "openai-chat"), ("claude-code", "gemini"), ("codex", "anthropic"),
            ("gemini-cli", "openai-responses"), ("gemini-cli", "anthropic"),
            ("opencode-chat", "gemini"), ("opencode-anthropic", "openai-responses")]
THINKING = [("claude-code", "anthropic"), ("claude-code", "openai-responses"),
            ("claude-code", "gemini"), ("codex", "openai-responses"), ("codex", "anthropic"),
            ("codex", "gemini"), ("gemini-cli", "gemini"), ("gemini-cli", "anthropic"),
            ("gemini-cli", "openai-responses"), ("opencode-chat", "anthropic"),
            ("opencode-chat", "gemini"), ("opencode-chat", "openai-responses")]
CODEX = [("codex", d) for d in ("openai-responses", "anthropic", "openai-chat", "gemini")]
CASES = [(a, d, how) for how, pairs in [("plain", OWN + CROSS), ("parallel", PARALLEL),
                                        ("thinking", THINKING), ("patch", CODEX),
                                        ("search", CODEX)]
         for a, d in pairs]


# ---- where they run --------------------------------------------------------------------------


@lru_cache(maxsize=None)
def net_jail() -> tuple[str, ...]:
    """The command that gives a program a network of its own; empty where that is not allowed."""
    for how in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        if shutil.which("unshare") and subprocess.run([*how, "true"],
                                                      capture_output=True).returncode == 0:
            return how
    return ()


class Passage:
    """From the Unix socket the jail connects to, on to the gateway."""

    def __init__(self, path: Path, address: tuple[str, int]):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(64)
        self.thread = threading.Thread(
            target=jail.forward, daemon=True,
            args=(self.sock, lambda: socket.create_connection(address)))
        self.thread.start()

    def stop(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join(2)


@pytest.fixture
def passage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Passage]]:
    made: list[Passage] = []
    yield made
    for one in made:
        one.stop()


def why_not(agent: Agent) -> str:
    try:
        for file in agent.program():
            if not os.access(file, os.R_OK):
                return f"cannot read {file}"
        done = subprocess.run([*agent.program(), "--version"], capture_output=True, text=True,
                              timeout=60 * SLACK, env=environment(NOWHERE, {}))
        return "" if done.returncode == 0 else f"does not run here: {done.stderr[-300:]}"
    except FileNotFoundError as err:
        return str(err)


NOWHERE = Place("", "", "", Path("/nonexistent"), Path("/nonexistent"))


@lru_cache(maxsize=None)
def reason(name: str) -> str:
    return why_not(AGENTS[name])


# ---- the gateway -----------------------------------------------------------------------------


def keep(name: str, model: Model) -> None:
    folder = os.environ.get("AGENTS_KEEP")
    if folder:
        out = Path(folder) / name
        out.mkdir(parents=True, exist_ok=True)
        for i, (target, body) in enumerate(model.bodies):
            (out / f"{i}.json").write_text(json.dumps({"target": target, "body": body}, indent=1))


def hopeless(model: Model, gateway: Gateway) -> bool:
    """The test has failed already; agents would try again for minutes."""
    return bool(model.problems) or any(
        line.message == "request" and line.fields["method"] == "POST"
        and line.fields["status_code"] in (400, 401, 501, 502, 504) for line in list(gateway.lines))


def wait(child: subprocess.Popen[str], lost: Callable[[], bool]) -> tuple[int, str, str]:
    began, why = time.monotonic(), ""
    while True:
        try:
            out, err = child.communicate(timeout=2)
            return child.returncode, out, err + why
        except subprocess.TimeoutExpired:
            took = time.monotonic() - began
            if not why and (lost() or took > SECONDS * SLACK):
                why = f"\n(killed after {took:.0f} s)"
                os.killpg(child.pid, signal.SIGKILL)


def run(agent: Agent, at: Place, passage: list[Passage], gateway: Gateway,
        model: Model) -> tuple[int, str, str]:
    args, env = agent.setup(at)
    (at.home / "tmp").mkdir(parents=True, exist_ok=True)
    command = [*agent.program(), *args, PROMPT]
    if net_jail():
        # A Unix socket's path must be short.
        path = at.home / "gw.sock"
        passage.append(Passage(path, gateway.address))
        command = [*net_jail(), sys.executable, str(HERE / "jail.py"),
                   str(gateway.address[1]), str(path), *command]
    child = subprocess.Popen(command, cwd=at.work, env=environment(at, env),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, errors="replace",
                             start_new_session=True)
    return wait(child, lambda: hopeless(model, gateway))


@pytest.mark.parametrize("name,dialect,how", CASES, ids=["-".join(case) for case in CASES])
def test_agent(stage, passage, tmp_path_factory, name, dialect, how):
    if reason(name):
        pytest.skip(f"{name}: {reason(name)}")
    agent, model_name = AGENTS[name], MODELS.get(name, "some-model")
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    file = work / "hello.txt"
    model = Model(dialect, str(file), WORD, how)
    upstream = stage.upstream()
    upstream.default = model
    gateway = stage.gateway({"api-keys": [CLIENT_KEY], **provider(dialect, upstream.url(),
                                                                  model_name)}, check_fds=False)
    at = Place(gateway.url(), CLIENT_KEY, model_name, home, work)
    code, out, err = run(agent, at, passage, gateway, model)
    keep(f"{name}--{dialect}--{how}", model)

    story = (f"exit {code}\n--- stdout\n{out[-3000:]}\n--- stderr\n{err[-3000:]}\n--- upstream\n"
             + "\n".join(t for t, _ in model.bodies) + f"\n--- gateway\n{gateway.output()[-3000:]}")
    assert not model.problems, f"{model.problems}\n{story}"
    more = how in ("parallel", "search")  # a call and its result more than the two
    turns = 4 if how == "search" else 3
    assert len(model.turns) == turns, f"{len(model.turns)} turns of the task\n{story}"
    assert file.is_file() and file.read_text().strip() == WORD, f"no word in the file\n{story}"
    last = model.turns[-1]
    assert WORD in last.results[-1][1], f"the last result says {last.results[-1]}\n{story}"
    assert len(last.calls) == len(last.results) == (3 if more else 2), story
    assert {c for c, _ in last.calls} == {r for r, _ in last.results}, story
    if how == "parallel":
        assert (work / "hello.txt.second").read_text().strip() == "second", story
    if how == "search":
        assert "agent" in last.results[0][1], f"nothing found: {last.results[0]}\n{story}"
    if how == "thinking":
        # The last thought has just been given; those before it came back, in order.
        assert last.seals == model.sealed[:2], f"{last.seals} of {model.sealed}\n{story}"
    assert any("hello.txt" in said for said in last.said), f"the prompt is gone\n{story}"
    assert code == 0, story
    assert f"The file says {WORD}." in out, f"not in what it says at the end\n{story}"


# ---- the jail itself -------------------------------------------------------------------------

LOOK = """
import socket, sys
def reach(host, port):
    try:
        with socket.create_connection((host, port), 5) as sock:
            sock.sendall(b"GET /healthz HTTP/1.0\\r\\n\\r\\n")
            return sock.recv(100).split(b"\\r\\n")[0].decode()
    except OSError as err:
        return type(err).__name__
print(reach("127.0.0.1", int(sys.argv[1])), "|", reach("192.0.2.1", 443), "|",
      len(socket.if_nameindex()))
"""


def test_the_jail_has_one_way_out(stage, passage, tmp_path):
    if not net_jail():
        pytest.skip("no network namespaces here; agents run with a proxy that refuses instead")
    gateway = stage.gateway({"api-keys": [CLIENT_KEY], "sim": [{"name": "sim"}]}, check_fds=False)
    path = tmp_path / "gw.sock"
    passage.append(Passage(path, gateway.address))
    port = str(gateway.address[1])
    done = subprocess.run([*net_jail(), sys.executable, str(HERE / "jail.py"), port, str(path),
                           sys.executable, "-c", LOOK, port],
                          capture_output=True, text=True, timeout=30 * SLACK)
    ours, outside, interfaces = done.stdout.strip().split(" | ")
    assert ours == "HTTP/1.1 200 OK", done
    assert outside == "OSError", done  # ENETUNREACH
    assert interfaces == "1", done
