"""Fixtures of the tests that pair each client with each provider: one gateway before four strict
providers, which it takes for the vendors themselves, and a Pair for a test to use. A module imports
`ups`, `gateway` and `pair` to have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

import pytest

from conftest import Stage

from . import schemas
from .asked import ASKED, Asked
from .asks import CLIENTS, Ask, Client
from .gateway import CLIENT_KEY, Gateway
from .said import Said
from .strict import STRICT, Strict, Turn, Vendors, provider

needs_schemas = pytest.mark.skipif(
    not schemas.available(), reason=f"no published schemas at {schemas.published.SPECS}"
)

DIALECTS = ("chat", "responses", "anthropic", "gemini")
# For what has nothing to do with thinking; for what has.
PLAIN = {
    "chat": "m",
    "responses": "gpt-4.1",
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-2.5-flash",
}
THINKING = {
    "chat": "m",
    "responses": "gpt-5.4",
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-3-pro-preview",
}
MORE = {
    "anthropic": ["claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-4-8"],
    "gemini": ["gemini-2.5-pro", "gemini-3-flash-preview"],
}


@dataclass
class Pair:
    speaks: str  # the client's dialect
    up: Strict
    gateway: Gateway

    @property
    def to(self) -> str:
        return self.up.dialect

    @property
    def cross(self) -> bool:
        return self.speaks != self.to

    def client(self, ask: Ask | None = None, model: str = "", plain: bool = False) -> Client:
        client = CLIENTS[self.speaks](self.gateway, model or PLAIN[self.to], ask, plain)
        client.ours = self.cross
        return client

    def thinker(self, ask: Ask | None = None, plain: bool = False) -> Client:
        return self.client(ask or Ask(effort="medium"), THINKING[self.to], plain)

    def asked(self) -> Asked:
        return ASKED[self.to](self.up.body())

    def once(self, said: Said | Turn, ask: Ask | None = None, stream: bool = False) -> Said:
        """One question, and what came of it."""
        self.up.say(said)
        client = self.client(ask)
        client.user("hi")
        return client.send(stream)


@pytest.fixture(scope="module")
def ups(shared: Stage) -> dict[str, Strict]:
    return {d: shared.add(STRICT[d]()) for d in DIALECTS}


def serve(shared: Stage, ups: dict[str, Strict], vendors: Vendors | None) -> Gateway:
    config: dict[str, Any] = {"api-keys": [CLIENT_KEY]}
    for dialect, up in ups.items():
        models = dict.fromkeys([PLAIN[dialect], THINKING[dialect], *MORE.get(dialect, [])])
        config |= provider(up, *models, vendors=vendors)
    return shared.gateway(config)


@pytest.fixture(scope="module")
def gateway(shared: Stage, ups: dict[str, Strict]) -> Gateway:
    """Before the vendors themselves."""
    return serve(shared, ups, shared.add(Vendors()))


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, gateway: Gateway, ups: dict[str, Strict]
) -> Iterator[Pair]:
    speaks, to = request.param
    ups[to].forget()
    yield Pair(speaks, ups[to], gateway)
    ups[to].verify()


ALL = [(c, p) for c in DIALECTS for p in DIALECTS]


def pairs(*only: tuple[str, str]) -> Any:
    chosen = only or ALL
    return pytest.mark.parametrize("pair", chosen, ids=lambda p: f"{p[0]}-to-{p[1]}", indirect=True)


def client_is(*dialects: str) -> Any:
    return pairs(*(p for p in ALL if p[0] in dialects))


def provider_is(*dialects: str) -> Any:
    return pairs(*(p for p in ALL if p[1] in dialects))


def crossing(*clients: str, to: tuple[str, ...] = DIALECTS) -> Any:
    """Of different dialects."""
    return pairs(*((c, p) for c in clients or DIALECTS for p in to if c != p))


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
