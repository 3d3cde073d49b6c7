"""SPEC 13.15 across a reload: keys cannot vanish from a listener that other machines reach."""

from __future__ import annotations

from support.clock import eventually
from support.gateway import config, dump


def test_reload_cannot_open_a_listener_others_reach(stage):
    """The new file would be fine on its own, but the listener keeps its address until a restart."""
    up = stage.upstream()
    gw = stage.gateway(config(up, host="0.0.0.0"))
    gw.expect("config")
    port = gw.address[1]
    text = dump({**config(up), "host": "127.0.0.1", "port": port, "api-keys": []})
    gw.path.write_text(text)
    eventually(lambda: any("api-keys" in l.raw for l in gw.lines if l.level == "error"), "refusal")
    assert gw.get("/v1/models", key=None).status == 401
    gw.path.write_text(
        dump({**config(up), "host": "127.0.0.1", "port": port, "api-keys": [], "open-access": True})
    )
    eventually(lambda: gw.get("/v1/models", key=None).status == 200, "opened on purpose")
