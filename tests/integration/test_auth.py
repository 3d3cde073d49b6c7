"""T2, R1 and SPEC 9.5: who may come in, and what those hear who may not."""

from __future__ import annotations

import pytest

from support.clock import eventually
from support.gateway import CLIENT_KEY, chat_body, config
from support.upstream import DONE, Answer, chat_event, ok, sse

SPACED = "ck-spaced-11aa22bb"
ODD = "ck-odd-a=b/c+d"
UNICODE = "ck-uni-schlüssel€"
NAMED = "ck-named-55ee66ff"
PLAIN = [
    CLIENT_KEY,
    f"  {SPACED}  ",
    ODD,
    UNICODE,
    CLIENT_KEY,
    "",
    "   ",
    {"key": NAMED, "name": "the named one"},
]
WRONG = "ck-wrong-deadbeef"


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(config(up, **{"api-keys": PLAIN}))


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def test_T2_1_models_with_bearer(gw):
    r = gw.get("/v1/models", headers=[("Authorization", f"Bearer {CLIENT_KEY}")], key=None)
    assert r.status == 200
    assert r.json()["object"] == "list" and r.json()["data"]


@pytest.mark.parametrize(
    "target, headers",
    [
        ("/v1/models", [("X-Api-Key", CLIENT_KEY)]),
        ("/v1/models", [("X-Goog-Api-Key", CLIENT_KEY)]),
        (f"/v1/models?key={CLIENT_KEY}", []),
        (f"/v1/models?auth_token={CLIENT_KEY}", []),
        (f"/v1/models?a=b&key={CLIENT_KEY}&c=d", []),
        ("/v1/models", [("Authorization", CLIENT_KEY)]),
        ("/v1/models", [("authorization", f"bearer {CLIENT_KEY}")]),
        ("/v1/models", [("AUTHORIZATION", f"BEARER {CLIENT_KEY}")]),
        ("/v1/models", [("x-api-key", CLIENT_KEY)]),
    ],
    ids=[
        "x-api-key",
        "x-goog",
        "key",
        "auth_token",
        "key-among",
        "bare",
        "lower",
        "upper",
        "x-lower",
    ],
)
def test_T2_2_every_form_of_the_key(gw, target, headers):
    assert gw.get(target, headers=headers, key=None).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {WRONG}"), ("X-Api-Key", CLIENT_KEY)],
        [("Authorization", f"Bearer {CLIENT_KEY}"), ("X-Api-Key", WRONG)],
    ],
    ids=["bad-then-good", "good-then-bad"],
)
def test_T2_2_any_one_suffices(gw, headers):
    assert gw.get("/v1/models", headers=headers, key=None).status == 200


def test_T2_3_missing_key(gw):
    r = gw.get("/v1/models", key=None)
    assert r.status == 401
    assert r.get("content-type", "").startswith("application/json")
    assert "Missing API key" in r.message()


@pytest.mark.parametrize(
    "headers, target",
    [
        ([("Authorization", f"Bearer {WRONG}")], "/v1/models"),
        ([("X-Api-Key", WRONG)], "/v1/models"),
        ([], f"/v1/models?key={WRONG}"),
        ([("Authorization", f"Bearer {CLIENT_KEY}x")], "/v1/models"),
        ([("Authorization", f"Bearer {CLIENT_KEY[:-1]}")], "/v1/models"),
        ([("Authorization", f"Basic {CLIENT_KEY}")], "/v1/models"),
    ],
)
def test_T2_3_wrong_key(gw, headers, target):
    r = gw.get(target, headers=headers, key=None)
    assert r.status == 401
    assert "Invalid API key" in r.message()
    assert WRONG.encode() not in r.body


def test_T2_3_an_empty_credential_is_a_missing_one(gw):
    for headers in ([("Authorization", "Bearer ")], [("Authorization", "")], [("X-Api-Key", "")]):
        r = gw.get("/v1/models", headers=headers, key=None)
        assert r.status == 401, headers


def test_T2_3_no_upstream_call_without_a_key(gw, up):
    assert gw.post("/v1/chat/completions", chat_body(), key=None).status == 401
    assert gw.post("/v1/chat/completions", chat_body(), key=WRONG).status == 401
    assert not up.requests


def test_R1_2_spaces_around_the_key(gw):
    """In the file and in the header."""
    assert gw.get("/v1/models", key=SPACED).status == 200
    for value in (f"Bearer {SPACED} ", f"Bearer   {SPACED}", f"  Bearer {SPACED}\t"):
        assert gw.get("/v1/models", headers=[("Authorization", value)], key=None).status == 200
    assert gw.get("/v1/models", headers=[("X-Api-Key", f" {SPACED}  ")], key=None).status == 200


def test_S9_5_odd_characters_in_keys(gw):
    assert gw.get("/v1/models", key=ODD).status == 200
    assert gw.get("/v1/models?key=ck-odd-a%3Db%2Fc%2Bd", key=None).status == 200
    assert gw.get("/v1/models", key=UNICODE).status == 200
    assert gw.get("/v1/models?key=ck-uni-schl%C3%BCssel%E2%82%AC", key=None).status == 200


def test_S13_2_key_as_object(gw, up):
    r = gw.chat(key=NAMED)
    assert r.status == 200
    line = gw.access(r)
    assert line.fields["key"] == "the named one"


def test_S13_2_clients_in_the_log_are_no_secret(gw):
    line = gw.access(gw.chat())
    assert CLIENT_KEY not in line.raw and CLIENT_KEY[:-4] not in line.raw


@pytest.mark.parametrize(
    "target, check",
    [
        ("/v1/chat/completions", "openai"),
        ("/v1/responses", "openai"),
        ("/v1/completions", "openai"),
        ("/v1/embeddings", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic"),
        ("/v1beta/models/gemini-m:generateContent", "gemini"),
        ("/v1beta/models/gemini-m:streamGenerateContent?alt=sse", "gemini"),
        ("/v1/models/gemini-m:generateContent", "gemini"),
    ],
)
@pytest.mark.parametrize(
    "key, text", [(None, "Missing API key"), (WRONG, "Invalid API key")], ids=["missing", "wrong"]
)
def test_R1_3_the_error_speaks_the_callers_dialect(gw, target, check, key, text):
    r = gw.post(target, chat_body(), key=key)
    assert r.status == 401
    body = r.json()
    if check == "openai":
        assert text in body["error"]["message"]
        assert body["error"]["type"] and "code" in body["error"]
        assert body["error"]["code"] == "invalid_api_key"
    elif check == "anthropic":
        assert body["type"] == "error"
        assert body["error"]["type"] == "authentication_error"
        assert text in body["error"]["message"]
        assert body["request_id"] == r.get("x-request-id")
    else:
        assert body["error"]["code"] == 401
        assert body["error"]["status"] == "UNAUTHENTICATED"
        assert text in body["error"]["message"]


def test_R1_1_rotated_key(stage, up):
    """The old key stops, the new one works, and a stream that began with the old one finishes."""
    old, new = "ck-old-11112222", "ck-new-33334444"
    base = config(up, **{"api-keys": [old]})
    gw = stage.gateway(base)
    up.then(sse(chat_event("one"), 1.0, chat_event("two", "stop"), DONE))
    with gw.connect() as c:
        c.request(
            "POST",
            "/v1/chat/completions",
            gw.headers(body=1, key=old),
            b'{"model":"m","messages":[],"stream":true}',
        )
        stream = c.head()
        gw.write({**base, "api-keys": [new]})
        eventually(lambda: gw.get("/v1/models", key=new).status == 200, "new key works")
        assert gw.get("/v1/models", key=old).status == 401
        for _ in c.body(stream):
            pass
        assert stream.complete and b"two" in stream.body and b"[DONE]" in stream.body


def test_R1_5_duplicates_and_blanks_warn_once(gw):
    warned = [l for l in gw.warnings() if "api-keys" in l.raw]
    assert len(warned) == 1, [l.raw for l in warned]


def test_R1_6_upstream_401_is_not_the_clients(gw, up):
    theirs = b'{"error":{"message":"Incorrect API key provided","type":"invalid_request_error"}}'
    up.default = ok(theirs, status=401)
    r = gw.chat()
    assert r.status == 401
    assert r.body == theirs
    assert r.get("x-cliproxy-error-source") == "upstream"
    assert r.get("x-cliproxy-provider") == "chatty"
    line = gw.access(r)
    assert line.fields["provider"] == "chatty" and line.fields["status_code"] == 401
    ours = gw.chat(key=WRONG)
    assert ours.get("x-cliproxy-error-source") is None


def test_S13_6_a_secret_of_ours_in_a_providers_error_is_masked(gw, up):
    up.default = lambda req: ok(
        {"error": {"message": f"bad key {req.get('authorization').split()[1]} given"}}, status=401
    )
    r = gw.chat()
    assert r.status == 401
    assert b"sk-upstream-2d8e64b0" not in r.body
    assert b"bad key" in r.body


def test_the_clients_key_does_not_reach_the_upstream(gw, up):
    gw.post(
        f"/v1/chat/completions?key={CLIENT_KEY}",
        chat_body(),
        headers=[("X-Api-Key", CLIENT_KEY), ("X-Goog-Api-Key", CLIENT_KEY)],
    )
    seen = up.one()
    assert CLIENT_KEY.encode() not in seen.raw_head + seen.body


@pytest.mark.parametrize(
    "target, model, header, value",
    [
        ("/v1/chat/completions", "m", "authorization", "Bearer sk-upstream-2d8e64b0"),
        ("/v1/responses", "codex-m", "authorization", "Bearer sk-upstream-2d8e64b0"),
        ("/v1/messages", "claude-m", "authorization", "Bearer sk-upstream-2d8e64b0"),
        (
            "/v1beta/models/gemini-m:generateContent",
            "gemini-m",
            "x-goog-api-key",
            "sk-upstream-2d8e64b0",
        ),
    ],
)
def test_S2_4_upstream_authorisation(gw, up, target, model, header, value):
    gw.post(target, chat_body(model))
    assert up.one().all(header) == [value]


def test_S13_15_no_keys_on_loopback_is_open_with_a_warning(stage, up):
    gw = stage.gateway(config(up, **{"api-keys": []}))
    assert gw.chat(key=None).status == 200
    assert gw.chat(key="ck-whatever-1234").status == 200
    assert any("open" in l.raw.lower() for l in gw.warnings()), "no loud warning"


def test_S13_15_no_keys_with_open_access(stage, up):
    gw = stage.gateway(config(up, **{"api-keys": [], "host": "0.0.0.0", "open-access": True}))
    assert gw.chat(key=None).status == 200


def test_S13_15_reload_to_no_keys_on_a_wildcard_keeps_the_old(stage, up):
    base = config(up, host="0.0.0.0")
    gw = stage.gateway(base, expect=("api-keys|open-access|reload",))
    mark = gw.mark()
    gw.write({**base, "api-keys": []})
    gw.wait_line(lambda l: "open-access" in l.raw, 4, "refusal naming the fix", mark)
    assert gw.get("/v1/models", key=None).status == 401
    assert gw.get("/v1/models").status == 200
