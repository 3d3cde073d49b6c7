"""Fixtures of the suites that run the real binary. `GATEWAY_BIN` names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from support.certs import Authority
from support.gateway import BINARY, Gateway
from support.proxy import MockProxy
from support.upstream import Upstream


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not os.access(BINARY, os.X_OK):
        skip = pytest.mark.skip(reason=f"no binary at {BINARY} (set GATEWAY_BIN)")
        for item in items:
            item.add_marker(skip)


class Stage:
    """Starts things for tests and, at its end, stops them in the right order with their checks."""

    def __init__(self, folder: Callable[[], Path]):
        self._folder = folder
        self.gateways: list[Gateway] = []
        self.others: list[Any] = []

    def gateway(self, config: Any, **more: Any) -> Gateway:
        gateway = Gateway(self._folder(), config, start=False, **more)
        self.gateways.append(gateway)
        gateway.start()
        return gateway

    def upstream(self, **more: Any) -> Upstream:
        return self.add(Upstream(**more))

    def proxy(self, **more: Any) -> MockProxy:
        return self.add(MockProxy(**more))

    def add(self, thing: Any) -> Any:
        self.others.append(thing)
        return thing

    def folder(self) -> Path:
        return self._folder()

    def close(self) -> None:
        problems = []
        for gateway in self.gateways:
            try:
                gateway.finish()
            except AssertionError as err:
                problems.append(str(err))
            finally:
                gateway.kill()
        for other in self.others:
            other.stop()
            problems += getattr(other, "complaints", list)()  # a strict provider's refusals
        assert not problems, "\n=====\n".join(problems)


def _stage(factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(lambda: factory.mktemp("gw"))
    try:
        yield stage
    finally:
        stage.close()


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For one test."""
    yield from _stage(tmp_path_factory)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For all tests of a file."""
    yield from _stage(tmp_path_factory)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))
