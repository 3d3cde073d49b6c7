"""Everything at once: clients and providers that misbehave at random while the configuration is
reloaded. Nothing may crash, leak, or answer one client with what belongs to another."""

from __future__ import annotations

import json
import os
import random
import threading
import time

import pytest

from support.client import build, chunked
from support.clock import eventually
from support.gateway import CLIENT_KEY, config, dump, encode
from support.upstream import CLOSE, DONE, RESET, STALL, Answer, chat_event, early, ok, sse

SECONDS = float(os.environ.get("CHAOS_SECONDS", "6"))
TARGETS = [
    ("/v1/chat/completions", "m", "messages"),
    ("/v1/messages", "claude-m", "messages"),
    ("/v1/responses", "codex-m", "input"),
    ("/v1/embeddings", "m", "input"),
]


class Provider:
    """Answers at random; a good answer repeats the mark of its request."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.lock = threading.Lock()

    def choose(self, *options):
        with self.lock:
            return self.rng.choice(options)

    def __call__(self, request):
        kind = self.choose(
            "good",
            "good",
            "good",
            "good",
            "stall",
            "reset",
            "cut",
            "error",
            "slow",
            "nothing",
            "garbage",
            "close",
        )
        if kind == "reset":
            request.conn.reset()
            return None
        if kind == "nothing":
            request.conn.close()
            return None
        try:
            request.conn.read_body(request)
            body = request.json()
        except ValueError:
            return ok({"error": {"message": "no JSON"}}, status=400)
        mark = body["mark"]
        if kind == "garbage":
            return Answer(raw=b"HTTP/9.9 no\r\n\r\n", after="close")
        if kind == "error":
            return ok({"error": {"message": mark}}, status=self.choose(400, 401, 429, 500, 503))
        if not body.get("stream"):
            whole = json.dumps({"mark": mark, "pad": "x" * self.choose(0, 100, 300_000)}).encode()
            if kind == "stall":
                return Answer(body=[whole[:5], STALL], framing="chunked")
            if kind == "cut":
                return Answer(body=[whole[:5], CLOSE], framing="chunked")
            pause = 0.02 if kind == "slow" else 0
            return Answer(
                body=[whole[:9], pause, whole[9:]],
                framing=self.choose("length", "chunked", "close"),
            )
        event = chat_event(mark)
        pieces = [event, event[:10], 0.01 if kind == "slow" else 0, event[10:]]
        if kind == "stall":
            return sse(*pieces, STALL)
        if kind == "cut":
            return sse(*pieces, event[:20], self.choose(CLOSE, RESET))
        return sse(*pieces, chat_event("", "stop"), DONE, framing=self.choose("chunked", "close"))


class Client(threading.Thread):
    def __init__(self, gw, seed, stop):
        super().__init__()
        self.gw, self.rng, self.stop = gw, random.Random(seed), stop
        self.done = self.good = 0
        self.failure = None

    def run(self):
        try:
            while not self.stop.is_set():
                with self.gw.connect(timeout=10) as conn:
                    for _ in range(self.rng.randrange(1, 6)):
                        if not self.once(conn):
                            break
        except (ConnectionError, TimeoutError) as err:
            self.failure = err if isinstance(err, TimeoutError) else self.failure
            if not self.stop.is_set() and self.failure is None:
                self.run()
        except BaseException as err:  # noqa: BLE001 - reported by the test
            self.failure = err

    def once(self, conn):
        """One request; False when the connection is not to be used again."""
        rng = self.rng
        target, model, field = rng.choice(TARGETS)
        mark = f"mark-{rng.getrandbits(64):016x}"
        body = encode(
            {
                "model": model,
                field: [],
                "mark": mark,
                "stream": rng.random() < 0.5,
                "pad": "y" * rng.choice((0, 10, 5000, 200_000)),
            }
        )
        headers = self.gw.headers(body=1)
        data = build("POST", target, headers, body)
        if rng.random() < 0.3:
            data = build("POST", target, [*headers, ("Transfer-Encoding", "chunked")]) + chunked(
                [body[i : i + 3000] for i in range(0, len(body), 3000)]
            )
        if rng.random() < 0.1:
            data = data[: rng.randrange(1, len(data))]
            conn.send(data)
            conn.reset() if rng.random() < 0.5 else conn.close()
            return False
        if rng.random() < 0.05:
            data = data.replace(b"\r\n", b"\n", 1)
        cut = rng.randrange(1, len(data))
        conn.send(data[:cut])
        conn.send(data[cut:])
        if rng.random() < 0.2:
            time.sleep(rng.random() * 0.05)
            conn.reset() if rng.random() < 0.5 else conn.close()
            return False
        response = conn.response()
        self.done += 1
        if response.status == 200 and response.complete and mark.encode() in response.body:
            self.good += 1
        elif response.status == 200 and response.complete:
            text = response.text
            assert "mark-" not in text, f"another one's answer: {text[:300]}"
        for found in response.text.split("mark-")[1:]:
            assert found.startswith(mark[5:]), f"{mark} got {found[:40]}"
        return response.complete and (response.get("connection") or "") != "close"


@pytest.mark.slow
@pytest.mark.tsan
def test_chaos(stage):
    up = stage.upstream()
    seed = int(os.environ.get("CHAOS_SEED", "20261122"))
    provider = Provider(seed)
    up.default = early(lambda request: provider(request))
    base = config(
        up,
        upstream={"first-byte-timeout": "1s", "idle-timeout": "300ms"},
        streaming={"keepalive-seconds": 1, "bootstrap-retries": 1},
    )
    gw = stage.gateway(base)
    stop = threading.Event()
    clients = [Client(gw, seed + n, stop) for n in range(8)]
    for c in clients:
        c.start()
    end = time.monotonic() + SECONDS
    n = 0
    while time.monotonic() < end and all(c.failure is None for c in clients):
        n += 1
        part = gw.path.with_suffix(".tmp")
        part.write_text(
            dump(
                {
                    "host": "127.0.0.1",
                    "port": 0,
                    **base,
                    "api-keys": [CLIENT_KEY, f"ck-chaos-{n:08d}"],
                }
            )
        )
        os.replace(part, gw.path)
        time.sleep(0.4)
        assert gw.alive(), gw.output()
    stop.set()
    for c in clients:
        c.join(15)
        assert not c.is_alive(), "hangs"
    failures = [c.failure for c in clients if c.failure is not None]
    assert not failures, failures
    done, good = sum(c.done for c in clients), sum(c.good for c in clients)
    print(f"\n{done} answers, {good} of them good, {n} reloads")
    assert good > done * 0.2
    up.reset()
    eventually(lambda: gw.chat().status == 200, "alive afterwards")
    up.close_connections()
    eventually(lambda: gw.fds() <= gw.fds_at_start, "descriptors", 5)
