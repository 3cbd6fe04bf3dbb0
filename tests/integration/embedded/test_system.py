"""The whole system: everything in the ready file is true, and every server that is killed comes back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from plexsphere_apps.embedded.ready_file import Facts, read
from tests.embedded import started, state_directory

WELL_AGAIN = 30.0


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    with state_directory() as path:
        yield path


@pytest.fixture(scope="module")
def system(state: Path) -> Iterator[Facts]:
    with started(state) as facts:
        yield facts


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
    name: str, state: Path, system: Facts, operator: httpx.AsyncClient
) -> None:
    before = read(state / "ready.json").pids[name]
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(WELL_AGAIN):
        while read(state / "ready.json").pids[name] == before or not await well(operator, system):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def test_the_signer_is_given_no_credentials_of_stores_and_core_no_key_of_the_signer(state: Path, system: Facts) -> None:
    pids = read(state / "ready.json").pids
    of_signer = set(psutil.Process(pids["signer"]).environ())
    of_core = set(psutil.Process(pids["core"]).environ())
    assert not {name for name in of_signer if "DSN" in name or "NATS" in name or "S3" in name or "TOKEN" in name}
    assert not {name for name in of_core if "KEK" in name or "KEY_DIR" in name}
