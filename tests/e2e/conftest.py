"""One system for all stories, and one of its own for those who kill its servers."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.client import HANDED_OUT, Operator, connected
from tests.e2e.stage import Stage, stage_of
from tests.e2e.system import System
from tests.embedded import SHARED, launcher, state_directory

LAST = ("test_fuzz", "test_secrets")
"""The fuzz leaves Domains of any size behind, and secrets are looked for in the logs of everything before."""

_USED: list[System] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LAST.index(item.path.stem) if item.path.stem in LAST else -1)


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The system that nobody hurts. One that is shared has its ready file in its state directory."""
    shared = os.environ.get(SHARED)
    if shared is None:
        yield from _started()
    else:
        yield _known(System(state=Path(shared).parent, ready=Path(shared)))


@pytest.fixture(scope="session")
def fragile() -> Iterator[System]:
    """The system whose servers are killed. It logs all that it can, for secrets are looked for there as well."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PLEXSPHERE_LOG_LEVEL", "debug")
        yield from _started()


@pytest.fixture(scope="session")
def systems(system: System) -> list[System]:
    """All systems that were used so far."""
    return _USED


def _started() -> Iterator[System]:
    with state_directory() as state, launcher(state) as launched:
        launched.facts()
        yield _known(System(state=state, ready=launched.ready, output=launched.output))


def _known(system: System) -> System:
    """The system; what it keeps secret may never be seen in a log from now on."""
    HANDED_OUT.update(system.secrets())
    _USED.append(system)
    return system


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
