"""Waiting without fixed sleeps, and the slack that a slow build is allowed."""

from __future__ import annotations

import os
import time
from typing import Callable, TypeVar

from .binary import sanitizer

T = TypeVar("T")

# Upper bounds on times are multiplied by this. Sanitizer builds are slower; a loaded machine may
# set it higher still.
SLACK = float(os.environ.get("TEST_SLACK") or {"": 1, "address": 3, "thread": 4}[sanitizer()])


def eventually(
    probe: Callable[[], T], what: str = "condition", within: float = 4.0, every: float = 0.02
) -> T:
    """Calls probe until it returns something true, and returns that; AssertionError after `within`.

    An AssertionError or OSError inside the probe counts as "not yet"; the last one is shown.
    """
    deadline = time.monotonic() + within * SLACK
    last: BaseException | None = None
    while True:
        try:
            value = probe()
            if value:
                return value
            last = None
        except (AssertionError, OSError) as err:
            last = err
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within * SLACK:.1f} s ({last!r})")
        time.sleep(every)


def best_of(tries: int, measure: Callable[[], float]) -> float:
    """The smallest of several measurements: what the program can do, not what the machine did."""
    return min(measure() for _ in range(tries))
