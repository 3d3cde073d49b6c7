"""What only the Messages API has: threads, fast mode, and budgets it is strict about."""

from __future__ import annotations

import pytest

from support.asks import Ask
from support.pairs import (  # noqa: F401 (fixtures)
    Pair,
    crossing,
    gateway,
    needs_schemas,
    pair,
    pairs,
    ups,
)

pytestmark = needs_schemas


@crossing("anthropic")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_threads_are_refused_in_the_words_clients_know(pair: Pair, stream: bool) -> None:
    """SPEC 12.2: on error.details the SDK sends the whole conversation without `thread`."""
    client = pair.client()
    client.user("hi")
    body = client.body() | {"stream": stream}
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    response = pair.gateway.post("/v1/messages", body | {"thread": thread}, headers=client.headers())
    assert response.status == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }
    assert not pair.up.seen
    again = pair.gateway.post("/v1/messages", body | {"thread": None}, headers=client.headers())
    assert again.status == 200, again.text


@pairs(("chat", "anthropic"), ("responses", "anthropic"))
def test_priority_is_fast_mode(pair: Pair) -> None:
    """SPEC 5.7; guide "Fast mode": the models that have it, and only with its header."""
    for model, fast in (("claude-opus-4-8", True), ("claude-haiku-4-5", False)):
        client = pair.client(Ask(extra={"service_tier": "priority"}), model)
        client.user("hi")
        client.send()
        beta = pair.up.seen[-1].request.get("anthropic-beta")
        assert pair.up.body().get("speed") == ("fast" if fast else None)
        assert beta == ("fast-mode-2026-02-01" if fast else None)
        assert ("service_tier" in client.dropped()) != fast


@pairs(("anthropic", "anthropic"))
@pytest.mark.parametrize(
    "budget, limit, sent",
    [(1024, 1024, (1024, 2048)), (4000, 3000, (2999, 3000)), (1500, 3000, (1500, 3000))],
)
def test_a_budget_the_client_wrote_itself(
    pair: Pair, budget: int, limit: int, sent: tuple[int, int]
) -> None:
    """R15.6: between equals it is fitted as well, and nothing else is touched."""
    client = pair.client()
    client.user("hi")
    thinking = {"type": "enabled", "budget_tokens": budget}
    body = client.body() | {"thinking": thinking, "max_tokens": limit, "metadata": {}}
    response = pair.gateway.post("/v1/messages", body, headers=client.headers())
    assert response.status == 200, response.text
    got = pair.up.body()
    assert (got["thinking"]["budget_tokens"], got["max_tokens"]) == sent
    assert {**got, "thinking": thinking, "max_tokens": limit} == body
