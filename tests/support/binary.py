"""Which program is tested, and how it was built."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("GATEWAY_BIN", "build/cliproxyapi++")
if not os.path.isabs(BINARY):
    BINARY = str(ROOT / BINARY)


@cache
def sanitizer() -> str:
    """'address', 'thread' or '': which sanitizer the program was built with."""
    try:
        data = Path(BINARY).read_bytes()
    except OSError:
        return ""
    if b"__tsan_init" in data:
        return "thread"
    return "address" if b"__asan_init" in data else ""
