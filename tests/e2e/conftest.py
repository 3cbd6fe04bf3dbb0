"""One system for all stories, and one of its own for those who kill its servers."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.client import Operator, connected
from tests.e2e.stage import Stage, stage_of
from tests.e2e.system import System, remember_secrets
from tests.embedded import SHARED, launcher, state_directory

LAST = ("test_fuzz", "test_secrets")
"""The fuzz leaves Domains of any size behind, and secrets are looked for in the logs of everything before."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LAST.index(item.path.stem) if item.path.stem in LAST else -1)


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The system that nobody hurts. One that is shared has its ready file in its state directory."""
    shared = os.environ.get(SHARED)
    if shared is not None:
        yield remember_secrets(System(state=Path(shared).parent, ready=Path(shared)))
        return
    yield from _started()


@pytest.fixture(scope="session")
def fragile() -> Iterator[System]:
    """The system whose servers are killed."""
    yield from _started()


def _started() -> Iterator[System]:
    with state_directory() as state, launcher(state) as launched:
        launched.facts()
        yield remember_secrets(System(state=state, ready=launched.ready))


@pytest.fixture(scope="session")
async def http(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Connections with the credential of a platform operator."""
    async with connected(system.url, system.operator_token) as client:
        yield client


@pytest.fixture(scope="session")
def operator(http: httpx.AsyncClient) -> Operator:
    return Operator(http)


@pytest.fixture(scope="session")
async def stage(system: System, operator: Operator) -> AsyncIterator[Stage]:
    async with connected(system.url) as nobody:
        yield await stage_of(system, operator, nobody)
