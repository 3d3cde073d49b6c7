"""T1 and R4.8: health answers at once, whatever else goes on."""

from __future__ import annotations

import time

import pytest

from support.clock import SLACK, eventually
from support.gateway import config, run
from support.upstream import STALL, chat_event, sse


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(scope="module")
def gw(shared, up):
    return shared.gateway(config(up))


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


def test_T1_1_health_without_key(gw):
    r = gw.get("/health", key=None)
    assert r.status == 200
    assert r.get("content-type", "").startswith("application/json")
    assert r.json()["status"] == "ok"


def test_T1_1_health_while_an_upstream_hangs(gw, up):
    up.default = sse(STALL)
    with gw.connect() as hanging:
        hanging.request(
            "POST",
            "/v1/chat/completions",
            gw.headers(body=1),
            b'{"model":"m","messages":[],"stream":true}',
        )
        up.wait_request()
        start = time.monotonic()
        assert gw.get("/health", key=None).status == 200
        assert time.monotonic() - start < 0.05 * SLACK


def test_T1_1_health_body_names_version_and_no_secret(gw):
    body = gw.get("/health", key=None).json()
    assert body["version"]
    assert "sk-" not in str(body) and "ck-" not in str(body)


def test_T1_2_healthz_and_head(gw):
    r = gw.get("/healthz", key=None)
    assert (r.status, r.json()["status"]) == (200, "ok")
    for path in ("/health", "/healthz"):
        with gw.connect() as c:
            c.request("HEAD", path)
            r = c.response("HEAD")
            assert r.status == 200
            # The connection is still in step: no body came after the head.
            c.request("GET", path)
            assert c.response("GET").json()["status"] == "ok"


@pytest.mark.tsan
def test_T1_3_health_while_200_streams_are_open(gw, up):
    up.default = sse(chat_event("a"), STALL)
    conns = [gw.connect() for _ in range(200)]
    try:
        for c in conns:
            c.request(
                "POST",
                "/v1/chat/completions",
                gw.headers(body=1),
                b'{"model":"m","messages":[],"stream":true}',
            )
        for c in conns:
            assert c.head().status == 200
        start = time.monotonic()
        assert gw.get("/health", key=None).status == 200
        assert time.monotonic() - start < 0.1 * SLACK
    finally:
        for c in conns:
            c.close()
    eventually(lambda: up.open_connections() == 0, "all streams cancelled", 5)


def test_health_with_a_wrong_key_is_still_fine(gw):
    assert gw.get("/health", key="ck-wrong-000000").status == 200


def test_R4_8_health_subcommand(gw):
    done = run("health", "--url", gw.url())
    assert done.returncode == 0, done.stderr
    done = run("health", "--url", gw.url("/health"))
    assert done.returncode == 0, done.stderr


def test_R4_8_health_subcommand_when_nobody_listens():
    from support.upstream import free_port

    done = run("health", "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert done.stderr.strip()


def test_R4_8_health_subcommand_reads_the_config(stage, up):
    from support.upstream import free_port

    gw = stage.gateway(config(up, port=free_port()))
    done = run("health", "--config", str(gw.path))
    assert done.returncode == 0, done.stderr


def test_R4_5_version_everywhere_the_same(gw):
    done = run("--version")
    assert done.returncode == 0
    assert gw.get("/health", key=None).json()["version"] in done.stdout
