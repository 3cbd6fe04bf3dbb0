"""The whole system: everything in the ready file is true, and every server that is killed comes back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import httpx
import psutil
import pytest

from plexsphere_apps.embedded.ready_file import Facts, read
from tests.embedded import Launcher, launcher, state_directory

WELL_AGAIN = 30.0


NODES = 2


@pytest.fixture(scope="module")
def launched() -> Iterator[Launcher]:
    with state_directory() as state, launcher(state, "--demo", str(NODES)) as launched:
        yield launched


@pytest.fixture(scope="module")
def system(launched: Launcher) -> Facts:
    return launched.facts()


@pytest.fixture
async def operator(system: Facts) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {system.operator_token}"}
    async with httpx.AsyncClient(base_url=str(system.core_url), headers=headers) as client:
        yield client


async def well(operator: httpx.AsyncClient, system: Facts) -> bool:
    """Whether core and signer are ready and an operator is let in, which takes all stores and the relation graph."""
    try:
        urls = (f"{system.core_url}/readyz", f"{system.signer_url}/readyz", f"{system.core_url}/v1/domains")
        return {(await operator.get(url)).status_code for url in urls} == {200}
    except httpx.HTTPError:
        return False


async def test_the_operator_of_the_ready_file_is_let_in(system: Facts, operator: httpx.AsyncClient) -> None:
    assert await well(operator, system)


@pytest.mark.parametrize("name", ["signer", "core", "postgres", "nats", "openbao", "seaweedfs", "spicedb"])
async def test_the_system_is_well_again_after_a_server_was_killed(
    name: str, launched: Launcher, system: Facts, operator: httpx.AsyncClient
) -> None:
    before = read(launched.ready).pids[name]
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(WELL_AGAIN):
        while read(launched.ready).pids[name] == before or not await well(operator, system):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def test_the_signer_is_given_no_credentials_of_stores_and_core_no_key_of_the_signer(
    launched: Launcher, system: Facts
) -> None:
    pids = read(launched.ready).pids
    of_signer = set(psutil.Process(pids["signer"]).environ())
    of_core = set(psutil.Process(pids["core"]).environ())
    assert not {name for name in of_signer if "DSN" in name or "NATS" in name or "S3" in name or "TOKEN" in name}
    assert not {name for name in of_core if "KEK" in name or "KEY_DIR" in name}


def test_the_ready_file_names_the_seven_servers_alone(system: Facts) -> None:
    assert set(system.pids) == {"postgres", "nats", "openbao", "seaweedfs", "spicedb", "signer", "core"}
    assert None not in (system.core_url, system.signer_url, system.operator_token)


async def test_the_demonstration_shows_how_each_node_stands(launched: Launcher, system: Facts) -> None:
    async with asyncio.timeout(60):
        while launched.said().count("healthy") < NODES:  # noqa: ASYNC110  (another process says it)
            await asyncio.sleep(0.1)
    assert "100.64.0.1" in launched.said()
