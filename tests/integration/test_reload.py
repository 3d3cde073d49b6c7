"""Reload by file change and by SIGHUP; a broken file changes nothing; running work is untouched."""

from __future__ import annotations

import os
import signal
import time

import pytest

from support.clock import eventually
from support.gateway import CLIENT_KEY, config, dump, encode, chat_body
from support.upstream import DONE, chat_event, ok, sse

NEW = "ck-fresh-99998888"


@pytest.fixture(scope="module")
def up(shared):
    return shared.upstream()


@pytest.fixture(autouse=True)
def fresh(up):
    up.reset()


@pytest.fixture
def gw(stage, up):
    return stage.gateway(config(up))


def changed(up, **more):
    text = dump(
        {"host": "127.0.0.1", "port": 0, **config(up, **{"api-keys": [CLIENT_KEY, NEW], **more})}
    )
    return text


def works(gw, key=NEW):
    return gw.get("/v1/models", key=key).status == 200


@pytest.mark.tsan
def test_reload_in_place(gw, up):
    gw.path.write_text(changed(up))
    eventually(lambda: works(gw), "new key")


def test_reload_by_atomic_rename(gw, up):
    for n in range(3):
        text = changed(up, **{"api-keys": [CLIENT_KEY, f"ck-round-{n}1112222"]})
        part = gw.path.with_suffix(".tmp")
        part.write_text(text)
        os.replace(part, gw.path)
        eventually(lambda: works(gw, f"ck-round-{n}1112222"), f"rename {n}")


def test_reload_by_delete_and_create(gw, up):
    gw.expect("config")
    gw.path.unlink()
    time.sleep(0.3)
    assert works(gw, CLIENT_KEY), "the old one stays while there is none"
    gw.path.write_text(changed(up))
    eventually(lambda: works(gw), "new key")


def test_reload_by_sighup(gw, up):
    mark = gw.mark()
    gw.path.write_text(changed(up))
    gw.signal(signal.SIGHUP)
    eventually(lambda: works(gw), "new key")
    gw.wait_line(lambda l: "configuration" in l.message, 2, "line about it", mark)


@pytest.mark.slow
def test_reload_behind_a_symlink(stage, up):
    """As Kubernetes mounts do it: config.yaml -> ..data/config.yaml, and ..data is switched."""
    folder = stage.folder()
    for n, keys in ((1, [CLIENT_KEY]), (2, [CLIENT_KEY, NEW])):
        (folder / f"v{n}").mkdir()
        (folder / f"v{n}" / "config.yaml").write_text(changed(up, **{"api-keys": keys}))
    (folder / "data").symlink_to("v1")
    (folder / "config.yaml").symlink_to("data/config.yaml")
    gw = stage.gateway(
        config(up), name="unused.yaml", args=["--config", str(folder / "config.yaml")]
    )
    assert not works(gw)
    (folder / "data.new").symlink_to("v2")
    os.replace(folder / "data.new", folder / "data")
    # No event names our file here; the slow poll of its status notices.
    eventually(lambda: works(gw), "switched", 8)


@pytest.mark.parametrize(
    "text, hint",
    [
        ("api-keys: [a\n", None),
        ("port: abc\n", "port"),
        ("", None),
        ("\x00\xff", None),
        ("openai-compatibility: 7\n", "openai-compatibility"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("how", ["file", "signal"])
def test_broken_reload_keeps_the_old(gw, text, hint, how):
    gw.expect(".")
    mark = gw.mark()
    gw.path.write_text(text)
    if how == "signal":
        gw.signal(signal.SIGHUP)
    line = gw.wait_line(lambda l: l.level in ("error", "warn"), 4, "complaint", mark)
    assert str(gw.path.name) in line.raw or (hint and hint in line.raw), line.raw
    assert works(gw, CLIENT_KEY) and gw.chat().status == 200


def test_repaired_after_broken(gw, up):
    gw.expect(".")
    gw.path.write_text("port: abc\n")
    gw.wait_line(lambda l: l.level in ("error", "warn"), 4, "complaint")
    gw.path.write_text(changed(up))
    eventually(lambda: works(gw), "new key")


def test_touch_is_no_reload(gw):
    mark = gw.mark()
    time.sleep(0.05)
    os.utime(gw.path)
    time.sleep(0.8)
    assert not [l for l in gw.lines[mark:] if "reload" in l.raw.lower()], "nothing changed"


def test_the_change_is_logged_without_secrets(gw, up):
    mark = gw.mark()
    gw.path.write_text(
        changed(
            up,
            debug=True,
            **{"force-model-prefix": True, "proxy-url": "http://u:sk-proxy-11223344@127.0.0.1:9"},
        )
    )
    for key in ("force-model-prefix", "api-keys", "proxy-url"):
        gw.wait_line(lambda l: key in l.raw, 4, f"line about {key}", mark)


def test_options_that_need_a_restart_say_so(gw, up):
    mark = gw.mark()
    gw.path.write_text(changed(up, workers=1, port=1))
    gw.wait_line(lambda l: "port" in l.raw and "restart" in l.raw, 4, "hint", mark)


@pytest.mark.tsan
def test_a_running_stream_keeps_its_snapshot(gw, up, stage):
    """Its provider is taken out of the configuration while it runs."""
    up.then(sse(chat_event("a"), 1.0, chat_event("b", "stop"), DONE))
    with gw.connect() as c:
        c.request(
            "POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body(stream=True))
        )
        r = c.head()
        gw.path.write_text(changed(up, **{"openai-compatibility": []}))
        eventually(lambda: works(gw), "new key")
        assert gw.chat().status == 400, "gone for new requests"
        for _ in c.body(r):
            pass
        assert r.body == chat_event("a") + chat_event("b", "stop") + DONE


@pytest.mark.tsan
def test_many_reloads_under_load(gw, up):
    """Twenty configurations while requests run; none fails, and nothing is left behind."""
    import threading

    stop, bad = threading.Event(), []

    def load():
        with gw.connect() as c:
            while not stop.is_set():
                c.request("POST", "/v1/chat/completions", gw.headers(body=1), encode(chat_body()))
                r = c.response()
                if r.status != 200:
                    bad.append((r.status, r.body))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        for n in range(20):
            part = gw.path.with_suffix(".tmp")
            part.write_text(changed(up, **{"api-keys": [CLIENT_KEY, f"ck-spin-{n:04d}1111"]}))
            os.replace(part, gw.path)
            gw.signal(signal.SIGHUP)
            time.sleep(0.05)
        eventually(lambda: works(gw, "ck-spin-00191111"), "last one")
    finally:
        stop.set()
        for t in threads:
            t.join(10)
    assert not bad, bad[:3]


def test_new_limits_and_timeouts_apply(gw, up):
    gw.path.write_text(changed(up, limits={"body-size": "1KiB"}))
    eventually(lambda: works(gw), "new key")
    assert gw.post("/v1/chat/completions", chat_body(pad="x" * 5000)).status == 413


def test_new_upstream_address_applies(gw, up, stage):
    other = stage.upstream()
    gw.chat()
    gw.path.write_text(changed(other))
    eventually(lambda: works(gw), "new key")
    up.reset()
    assert gw.chat().status == 200
    assert other.requests and not up.requests
