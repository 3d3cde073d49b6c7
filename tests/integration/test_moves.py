"""A conversation that moves: a client changes models, and with them the provider, in its midst. What
one provider thought and signed must not reach another one, who would refuse it (SPEC 5.2)."""

from __future__ import annotations

import pytest

from support.asks import Ask, Result, Tool
from support.pairs import (  # noqa: F401 (fixtures)
    THINKING,
    Pair,
    crossing,
    gateway,
    needs_schemas,
    pair,
    ups,
)
from support.said import Call, Reasoning, Said, Text
from support.strict import Strict

pytestmark = needs_schemas

TOOL = Tool("get_weather", "The weather", {"type": "object", "properties": {}})
THOUGHT = Said(
    [Reasoning("I should look."), Text("Looking."), Call("get_weather", {})], finish="tools"
)

COUNTS = {
    "responses": ("/v1/responses/input_tokens", "input"),
    "anthropic": ("/v1/messages/count_tokens", "messages"),
}


@crossing("responses", "anthropic", "gemini")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_to_a_provider_of_the_clients_own_dialect(
    pair: Pair, ups: dict[str, Strict], streamed: bool  # noqa: F811
) -> None:
    home = ups[pair.speaks]
    home.forget()
    client = pair.client(Ask(tools=[TOOL], effort="medium"), THINKING[pair.to])
    client.user("How is it?")
    pair.up.say(THOUGHT, Said([Reasoning("Good."), Text("It is sunny.")]))
    said = client.send(streamed)
    client.results(*(Result(p, "sun") for p in said.parts if isinstance(p, Call)))
    client.send(streamed)
    client.model, client.ours = THINKING[pair.speaks], False
    client.user("And tomorrow?")
    home.say(Said([Text("Rain.")]))
    assert client.send(streamed).parts == [Text("Rain.")]
    if pair.speaks in COUNTS:
        path, messages = COUNTS[pair.speaks]
        body = {"model": client.model, messages: client.history}
        counted = pair.gateway.post(path, body, headers=client.headers())
        assert counted.status == 200, counted.text
    home.verify()
