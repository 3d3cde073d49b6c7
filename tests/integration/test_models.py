"""T3, L1, R5, D4, D5 and SPEC 1.4, 3.1 to 3.4: which names there are, and where they lead."""

from __future__ import annotations

import json
import re

import pytest

from support.clock import eventually
from support.gateway import CLIENT_KEY, UPSTREAM_KEY, chat_body, config
from support.upstream import DONE, chat_answer, chat_event, ok, sse

POOL = ["pool-a", "pool-b", "pool-c"]


def provider(up, name, models, **more):
    return {
        "name": name,
        "base-url": up.url("/v1"),
        "api-key-entries": [{"api-key": UPSTREAM_KEY}],
        "models": models,
        **more,
    }


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "openai-compatibility": [
                provider(
                    up,
                    "chatty",
                    [
                        {"name": "m"},
                        {"name": "gpt-5-codex", "alias": "codex-latest"},
                        {"name": "forced-real", "alias": "forced", "force-mapping": True},
                        {"name": "z-ai/glm-5"},
                        {"name": "weird(name)"},
                        {"name": "Mixed-Case"},
                        *({"name": n, "alias": "pool"} for n in POOL),
                    ],
                ),
                provider(up, "team", [{"name": "team-model"}, {"name": "m"}], prefix=" /team-a/ "),
                provider(up, "mlx", [{"name": "mlx-community/Llama-3"}], prefix="mlx"),
                provider(up, "same", [{"name": "same"}], prefix="same"),
                provider(up, "badprefix", [{"name": "bp"}], prefix="a/b"),
                provider(
                    up,
                    "excluder",
                    [
                        {"name": n}
                        for n in (
                            "gemini-2.5-pro",
                            "gemini-3-pro",
                            "x-preview",
                            "some-flash-lite",
                            "kept-1",
                            "Gemini-2.5-Ultra",
                        )
                    ]
                    + [{"name": "gemini-2.5-hidden", "alias": "alias-of-hidden"}],
                    **{"excluded-models": ["gemini-2.5-*", "*-preview ", "*FLASH*"]},
                ),
                provider(up, "off", [{"name": "sleeping"}], disabled=True),
            ],
            "claude-api-key": [
                {
                    "api-key": UPSTREAM_KEY,
                    "base-url": up.url(),
                    "prefix": "claude-prod",
                    "models": [
                        {"name": "claude-3-5-sonnet"},
                        {"name": "claude-real", "alias": "claude-forced", "force-mapping": True},
                    ],
                }
            ],
            "gemini-api-key": [
                {
                    "api-key": UPSTREAM_KEY,
                    "base-url": up.url(),
                    "models": [
                        {"name": "gemini-m", "alias": "g-alias", "force-mapping": True},
                        {"name": "gemini-x"},
                    ],
                }
            ],
            "codex-api-key": [
                {
                    "api-key": UPSTREAM_KEY,
                    "base-url": up.url("/v1"),
                    "models": [
                        {"name": "gpt-real", "alias": "codex-forced", "force-mapping": True}
                    ],
                }
            ],
        }
    )


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def ids(gw, **more):
    return [m["id"] for m in gw.get("/v1/models", **more).json()["data"]]


def sent_model(up):
    return up.one().json()["model"]


# -- lists -------------------------------------------------------------------------------------


def test_T3_1_every_id_once_and_sorted(gw):
    body = gw.get("/v1/models").json()
    names = [m["id"] for m in body["data"]]
    assert names == sorted(set(names))
    for model in body["data"]:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert model["object"] == "model" and type(model["created"]) is int and model["owned_by"]
    expected = {
        "m",
        "codex-latest",
        "forced",
        "z-ai/glm-5",
        "weird(name)",
        "Mixed-Case",
        "pool",
        "team-model",
        "team-a/team-model",
        "team-a/m",
        "mlx-community/Llama-3",
        "mlx/mlx-community/Llama-3",
        "same",
        "bp",
        "gemini-3-pro",
        "kept-1",
        "claude-3-5-sonnet",
        "claude-prod/claude-3-5-sonnet",
        "claude-forced",
        "claude-prod/claude-forced",
        "g-alias",
        "gemini-x",
        "codex-forced",
    }
    assert expected <= set(names)
    assert set(names) - expected <= {"same/same"}


def test_T3_2_anthropic_list(gw):
    r = gw.get("/v1/models", headers=[("Anthropic-Version", "2023-06-01")])
    body = r.json()
    assert set(body) == {"data", "has_more", "first_id", "last_id"}
    assert body["has_more"] is False
    assert body["first_id"] == body["data"][0]["id"] and body["last_id"] == body["data"][-1]["id"]
    for model in body["data"]:
        assert model["type"] == "model" and model["display_name"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", model["created_at"])
    keys = [(m["display_name"], m["id"]) for m in body["data"]]
    assert keys == sorted(keys)


def test_T3_2_claude_cli_gets_the_anthropic_list(gw):
    r = gw.get("/v1/models", headers=[("User-Agent", "claude-cli/2.1.0 (external)")])
    assert "first_id" in r.json()


def test_S1_4_codex_catalog(gw):
    body = gw.get("/v1/models?client_version=0.169.0").json()
    assert {m["slug"] for m in body["models"]} >= {"m", "codex-latest"}


def test_S1_4_gemini_list(gw):
    body = gw.get("/v1beta/models").json()
    names = [m["name"] for m in body["models"]]
    assert "models/gemini-x" in names and "models/g-alias" in names
    assert all(
        "generateContent" in m["supportedGenerationMethods"]
        for m in body["models"]
        if m["name"] == "models/gemini-x"
    )


def test_S12_1_genai_lists_at_v1_models(gw):
    """@google/genai asks GET /v1/models with x-goog-api-key."""
    body = gw.get("/v1/models", headers=[("x-goog-api-key", CLIENT_KEY)], key=None).json()
    assert "models" in body and all(m["name"].startswith("models/") for m in body["models"])


def test_D9_9_one_model(gw):
    assert gw.get("/v1/models/codex-latest").json()["id"] == "codex-latest"
    assert gw.get("/v1/models/z-ai/glm-5").json()["id"] == "z-ai/glm-5"
    assert gw.get("/v1/models/z-ai%2Fglm-5").json()["id"] == "z-ai/glm-5"
    r = gw.get("/v1/models/nope")
    assert r.status == 404 and "nope" in r.message()
    r = gw.get("/v1/models/nope", headers=[("Anthropic-Version", "2023-06-01")])
    assert r.status == 404 and r.json()["type"] == "error"
    assert (
        gw.get("/v1/models/m", headers=[("Anthropic-Version", "2023-06-01")]).json()["type"]
        == "model"
    )


def test_S1_4_one_gemini_model(gw):
    assert gw.get("/v1beta/models/gemini-x").json()["name"] == "models/gemini-x"
    assert gw.get("/v1beta/models/models/gemini-x").json()["name"] == "models/gemini-x"
    r = gw.get("/v1beta/models/nope")
    assert r.status == 404 and r.json()["error"]["status"] == "NOT_FOUND"


def test_L1_models_without_v1(gw):
    assert gw.get("/models").body == gw.get("/v1/models").body
    assert gw.get("/models", key=None).status == 401


# -- R5 ----------------------------------------------------------------------------------------


def test_R5_1_unknown_model(gw, up):
    r = gw.chat("nope")
    assert r.status == 400
    error = r.json()["error"]
    assert (error["code"], error["type"], error["param"]) == (
        "model_not_found",
        "invalid_request_error",
        "model",
    )
    assert "nope" in error["message"]
    assert not up.requests


@pytest.mark.parametrize(
    "target",
    [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/moderations",
        "/v1/rerank",
        "/v1/images/generations",
        "/v1/audio/speech",
    ],
)
def test_R5_1_unknown_model_on_every_openai_path(gw, target):
    r = gw.post(target, {"model": "nope", "input": "x", "prompt": "x", "messages": []})
    assert r.status == 400 and r.json()["error"]["code"] == "model_not_found"


def test_R5_1_streamed_request_gets_plain_json(gw):
    r = gw.chat("nope", stream=True)
    assert r.status == 400 and r.get("content-type").startswith("application/json")


def test_R5_2_unknown_model_in_the_other_dialects(gw, up):
    r = gw.post("/v1/messages", chat_body("nope"))
    assert r.status == 404
    assert r.json()["type"] == "error" and r.json()["error"]["type"] == "not_found_error"
    assert "nope" in r.message()
    r = gw.post("/v1beta/models/nope:generateContent", {"contents": []})
    assert r.status == 404
    error = r.json()["error"]
    assert (error["code"], error["status"]) == (404, "NOT_FOUND") and "nope" in error["message"]
    assert not up.requests


@pytest.mark.parametrize(
    "name",
    [
        'with "quotes"',
        "new\nline",
        "tab\t\\back",
        "<b>&",
        "\u2028x",
        "nul\u0000x",
        "x" * 10240,
        "é" * 3000,
        "🦀\u202e",
    ],
)
def test_R5_3_awkward_names(gw, name):
    r = gw.chat(name)
    assert r.status == 400
    assert r.json()["error"]["code"] == "model_not_found"
    assert len(r.body) < 20000
    line = gw.access(r)
    assert len(line.raw) < 2048 and line.message == "request"


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"model": None},
        {"model": 7},
        {"model": ""},
        {"model": "  "},
        {"model": []},
        {"model": {"a": 1}},
    ],
    ids=str,
)
def test_R5_no_usable_model(gw, up, body):
    r = gw.post("/v1/chat/completions", body)
    assert r.status == 400
    assert r.json()["error"]["param"] == "model"
    assert not up.requests


def test_R5_4_alias_reaches_the_upstream_as_its_name(gw, up):
    r = gw.chat("codex-latest")
    assert r.status == 200 and sent_model(up) == "gpt-5-codex"
    assert r.get("x-cliproxy-provider") == "chatty"
    assert r.get("x-cliproxy-served-model") == "gpt-5-codex"
    assert "gpt-5-codex" not in ids(gw)


def test_R5_4_the_name_behind_an_alias_is_still_found(gw, up):
    """SPEC 3.4: alias match first, then name."""
    r = gw.chat("gpt-5-codex")
    assert r.status in (200, 400)
    if r.status == 200:
        assert sent_model(up) == "gpt-5-codex"


def test_R5_4_without_force_mapping_the_upstream_name_shows(gw, up):
    up.default = lambda req: ok(chat_answer(req.json()["model"]))
    assert gw.chat("codex-latest").json()["model"] == "gpt-5-codex"


def test_R5_4_force_mapping(gw, up):
    up.default = lambda req: ok(chat_answer(req.json()["model"]))
    r = gw.chat("forced")
    assert sent_model(up) == "forced-real"
    assert r.json()["model"] == "forced"
    # Nothing but the name changed.
    assert r.body == json.dumps(chat_answer("forced")).encode()


def test_R5_4_force_mapping_in_a_stream(gw, up):
    up.default = sse(
        chat_event("a", model="forced-real"), chat_event("b", "stop", "forced-real"), DONE
    )
    r = gw.chat("forced", stream=True)
    assert r.body == chat_event("a", model="forced") + chat_event("b", "stop", "forced") + DONE


def test_R5_4_force_mapping_leaves_text_alone(gw, up):
    """Only the model fields are rewritten, not every place where the name occurs."""
    up.default = lambda req: ok(chat_answer("forced-real", 'I am "model":"forced-real"'))
    r = gw.chat("forced")
    assert r.json()["choices"][0]["message"]["content"] == 'I am "model":"forced-real"'
    assert r.json()["model"] == "forced"


def test_R5_4_force_mapping_anthropic(gw, up):
    up.default = ok({"type": "message", "model": "claude-real", "content": []})
    assert gw.post("/v1/messages", chat_body("claude-forced")).json()["model"] == "claude-forced"
    start = {"type": "message_start", "message": {"id": "x", "model": "claude-real", "usage": {}}}
    up.default = sse(
        b"event: message_start\ndata: " + json.dumps(start).encode() + b"\n\n",
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    )
    r = gw.post("/v1/messages", {**chat_body("claude-forced"), "stream": True})
    assert b'"model": "claude-forced"' in r.body and b"claude-real" not in r.body


def test_R5_4_force_mapping_responses(gw, up):
    up.default = ok({"id": "resp_1", "object": "response", "model": "gpt-real", "output": []})
    assert (
        gw.post("/v1/responses", {"model": "codex-forced", "input": "x"}).json()["model"]
        == "codex-forced"
    )
    done = {"type": "response.completed", "response": {"id": "r", "model": "gpt-real"}}
    up.default = sse(b"event: response.completed\ndata: " + json.dumps(done).encode() + b"\n\n")
    r = gw.post("/v1/responses", {"model": "codex-forced", "input": "x", "stream": True})
    assert b'"model": "codex-forced"' in r.body and b"gpt-real" not in r.body


def test_R5_4_force_mapping_gemini(gw, up):
    up.default = ok({"candidates": [], "modelVersion": "gemini-m"})
    r = gw.post("/v1beta/models/g-alias:generateContent", {"contents": []})
    assert r.json()["modelVersion"] == "g-alias"
    assert up.one().path == "/v1beta/models/gemini-m:generateContent"


def test_R5_5_prefix_not_forced(gw, up):
    assert gw.chat("team-a/team-model").status == 200
    assert sent_model(up) == "team-model"
    up.reset()
    assert gw.chat("team-model").status == 200
    assert sent_model(up) == "team-model"


def test_R5_5_a_prefix_picks_the_provider(gw, up):
    """`m` is served by two providers, `team-a/m` by one."""
    r = gw.chat("team-a/m")
    assert r.get("x-cliproxy-provider") == "team" and sent_model(up) == "m"


def test_S3_2_prefix_of_a_model_that_has_a_slash(gw, up):
    assert gw.chat("mlx/mlx-community/Llama-3").status == 200
    assert sent_model(up) == "mlx-community/Llama-3"


def test_S3_2_a_prefix_with_a_slash_is_dropped(gw, up):
    assert gw.chat("bp").status == 200
    assert gw.chat("a/b/bp").status == 400
    assert any("prefix" in l.raw for l in gw.warnings())


def test_R5_6_force_model_prefix(stage, up):
    gw = stage.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "force-model-prefix": True,
            "openai-compatibility": [
                provider(up, "team", [{"name": "m"}, {"name": "team-a"}], prefix="team-a"),
                provider(up, "plain", [{"name": "free"}]),
            ],
        }
    )
    # The exception of SPEC 3.2: a model named as the prefix keeps its bare id.
    assert set(ids(gw)) - {"team-a/team-a"} == {"team-a/m", "team-a", "free"}
    assert gw.chat("team-a/m").status == 200 and sent_model(up) == "m"
    assert gw.chat("free").status == 200
    r = gw.chat("m")
    assert r.status == 400 and r.json()["error"]["code"] == "model_not_found"
    assert "team-a/m" in r.message()


@pytest.mark.parametrize(
    "name",
    [
        "gemini-2.5-pro",
        "x-preview",
        "some-flash-lite",
        "Gemini-2.5-Ultra",
        "alias-of-hidden",
        "gemini-2.5-hidden",
    ],
)
def test_R5_7_excluded(gw, up, name):
    assert name not in ids(gw)
    r = gw.chat(name)
    assert r.status == 400 and r.json()["error"]["code"] == "model_not_found"
    assert not up.requests


def test_R5_8_the_nearest_name_is_suggested(gw):
    assert "codex-latest" in gw.chat("codex-lates").message()
    assert "team-model" in gw.chat("team-modle").message()


def test_R5_8_why_a_name_is_not_available(gw):
    assert "exclu" in gw.chat("gemini-2.5-pro").message()
    assert "disabled" in gw.chat("sleeping").message()


def test_R5_8_the_hint_is_logged(gw):
    r = gw.chat("codex-lates")
    rid = r.get("x-request-id")
    gw.wait_line(lambda l: l.request_id == rid and "codex-latest" in l.raw, 2, "hint in the log")


@pytest.mark.parametrize(
    "name",
    [
        "m(high)",
        "m(8192)",
        "m(none)",
        "m(auto)",
        "m(-1)",
        "m(xhigh)",
        "m(HIGH)",
        "m(junk)",
        "m()",
        " m ",
    ],
)
def test_R5_9_thinking_suffix(gw, up, name):
    assert gw.chat(name).status == 200
    assert sent_model(up) == "m"


def test_R5_9_suffix_with_prefix_and_alias(gw, up):
    assert gw.chat("team-a/team-model(high)").status == 200
    assert gw.chat("codex-latest(high)").status == 200
    assert [r.json()["model"] for r in up.requests] == ["team-model", "gpt-5-codex"]


def test_R5_9_a_name_with_parentheses_of_its_own(gw, up):
    assert gw.chat("weird(name)").status == 200
    assert sent_model(up) == "weird(name)"


def test_R5_9_suffix_in_a_gemini_path(gw, up):
    assert gw.post("/v1beta/models/gemini-x(high):generateContent", {"contents": []}).status == 200
    assert up.one().path == "/v1beta/models/gemini-x:generateContent"


@pytest.mark.xfail(reason="cooldowns come with the credential pools", strict=True)
def test_R5_10_every_credential_cooling(stage, up):
    gw = stage.gateway(config(up))
    up.default = ok(
        {"error": {"message": "slow down"}},
        status=429,
        headers=[("Content-Type", "application/json"), ("Retry-After", "7")],
    )
    assert gw.chat().status == 429
    r = gw.chat()
    assert r.status == 429 and r.json()["error"]["code"] == "model_cooldown"
    assert r.get("retry-after") and len(up.requests) == 1


def test_R5_11_disabled(gw, up):
    r = gw.chat("sleeping")
    assert r.status in (400, 503) and not up.requests
    assert "sleeping" not in ids(gw)


def test_S3_4_names_are_matched_without_case(gw, up):
    assert gw.chat("CODEX-Latest").status == 200
    assert sent_model(up) == "gpt-5-codex"


def test_S3_4_alias_pool_rotates(gw, up):
    for _ in range(6):
        assert gw.chat("pool").status == 200
    used = [r.json()["model"] for r in up.requests]
    assert sorted(used) == sorted(POOL * 2), used
    assert ids(gw).count("pool") == 1


def test_S3_4_pool_moves_on_when_a_member_cannot_be_reached(stage, up):
    """A failure before output moves to the next name of the pool."""
    up.default = lambda req: (
        ok(chat_answer(), status=200)
        if req.json()["model"] != "bad"
        else ok({"error": {"message": "no"}}, status=503)
    )
    gw = stage.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "openai-compatibility": [
                provider(
                    up, "p", [{"name": "bad", "alias": "pool"}, {"name": "good", "alias": "pool"}]
                )
            ],
        }
    )
    for _ in range(4):
        assert gw.chat("pool").status == 200


def test_D4_prefixed_claude(gw, up):
    assert gw.post("/v1/messages", chat_body("claude-prod/claude-3-5-sonnet")).status == 200
    assert sent_model(up) == "claude-3-5-sonnet"


def test_D5_local_endpoint_with_prefix_and_dummy_key(stage, up):
    gw = stage.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "openai-compatibility": [
                {
                    "name": "mlx",
                    "prefix": "mlx",
                    "base-url": up.url("/v1"),
                    "api-key-entries": [{"api-key": "dummy"}],
                    "models": [{"name": "your-model-id"}],
                }
            ],
        }
    )
    assert gw.chat("mlx/your-model-id").status == 200
    assert up.one().get("authorization") == "Bearer dummy"
    up.reset()
    gw = stage.gateway(
        {
            "api-keys": [CLIENT_KEY],
            "openai-compatibility": [
                {"name": "open", "base-url": up.url("/v1"), "models": [{"name": "keyless"}]}
            ],
        }
    )
    assert gw.chat("keyless").status == 200
    assert up.one().get("authorization") is None


def test_the_route_table_follows_a_reload(stage, up):
    base = {
        "api-keys": [CLIENT_KEY],
        "openai-compatibility": [provider(up, "p", [{"name": "one"}])],
    }
    gw = stage.gateway(base)
    assert ids(gw) == ["one"]
    gw.write(
        {**base, "openai-compatibility": [provider(up, "p", [{"name": "two", "alias": "three"}])]}
    )
    eventually(lambda: ids(gw) == ["three"], "new list")
    assert gw.chat("one").status == 400
    assert gw.chat("three").status == 200 and up.last().json()["model"] == "two"
