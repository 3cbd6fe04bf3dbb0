"""A store that is killed comes back by itself, where it was, with what it had acknowledged."""

import asyncio
import os
import signal
import stat
import time
from collections.abc import Iterator

import httpx
import nats
import psycopg
import pytest
from aiobotocore.session import get_session
from botocore.config import Config

from plexsphere_apps.embedded.answers import listens
from plexsphere_apps.embedded.ready_file import Facts, read
from tests.embedded import Launcher, launcher, state_directory

WELL_AGAIN = 30.0
"""Seconds within which a killed store must answer again."""

MEMBERS = {
    *("core_url", "signer_url", "operator_token", "postgres_dsn", "nats_url", "openbao_addr", "openbao_token"),
    *("s3_endpoint", "s3_access_key", "s3_secret_key", "spicedb_endpoint", "spicedb_key", "pids"),
}


@pytest.fixture(scope="module")
def launched() -> Iterator[Launcher]:
    """Stores of our own, for these tests kill them."""
    with state_directory() as state, launcher(state, "--stores-only") as launched:
        yield launched


@pytest.fixture(scope="module")
def own(launched: Launcher) -> Facts:
    return launched.facts()


async def killed(name: str, launched: Launcher) -> None:
    """Kill the server `name` with SIGKILL and wait until the ready file names its successor."""
    before = read(launched.ready).pids[name]
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(WELL_AGAIN):
        while read(launched.ready).pids[name] == before:  # noqa: ASYNC110  (another process writes it)
            await asyncio.sleep(0.05)


def test_the_ready_file_is_private_and_has_exactly_its_members(own: Facts, launched: Launcher) -> None:
    assert stat.S_IMODE(launched.ready.stat().st_mode) == 0o600
    assert {field.name for field in Facts.__attrs_attrs__} == MEMBERS
    assert set(own.pids) == {"postgres", "nats", "openbao", "seaweedfs", "spicedb"}


async def test_postgres_recovers_with_busy_sessions(own: Facts, launched: Launcher) -> None:
    async with await psycopg.AsyncConnection.connect(own.postgres_dsn, autocommit=True) as connection:
        await connection.execute("CREATE TABLE kept (n int)")
        await connection.execute("INSERT INTO kept VALUES (7)")
        # A session that computes does not look up to see that its postmaster is gone.
        busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 1000000000)"))
        await asyncio.sleep(0)
        await killed("postgres", launched)
        with pytest.raises(psycopg.OperationalError):
            await busy
    async with await psycopg.AsyncConnection.connect(own.postgres_dsn) as connection:
        assert await (await connection.execute("SELECT n FROM kept")).fetchone() == (7,)


async def test_an_acknowledged_message_survives_nats(own: Facts, launched: Launcher) -> None:
    first = await nats.connect(own.nats_url)
    await first.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    acknowledged = await first.jetstream().publish("kept.one", b"seven")
    await first.close()
    await killed("nats", launched)
    second = await nats.connect(own.nats_url)
    assert (await second.jetstream().get_msg("KEPT", acknowledged.seq)).data == b"seven"
    await second.close()


async def test_openbao_is_unsealed_again(own: Facts, launched: Launcher) -> None:
    async with httpx.AsyncClient(base_url=own.openbao_addr, headers={"X-Vault-Token": own.openbao_token}) as client:
        mounted = await client.post("/v1/sys/mounts/kept", json={"type": "kv"})
        written = await client.put("/v1/kept/one", json={"n": 7})
        assert [mounted.status_code, written.status_code] == [204, 204]
        await killed("openbao", launched)
        assert (await client.get("/v1/kept/one")).json()["data"] == {"n": 7}


async def test_an_object_survives_seaweedfs(own: Facts, launched: Launcher) -> None:
    async with get_session().create_client(
        "s3",
        endpoint_url=own.s3_endpoint,
        aws_access_key_id=own.s3_access_key,
        aws_secret_access_key=own.s3_secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    ) as client:
        await client.create_bucket(Bucket="kept")
        await client.put_object(Bucket="kept", Key="one", Body=b"seven")
        await killed("seaweedfs", launched)
        found = await client.get_object(Bucket="kept", Key="one")
        assert await found["Body"].read() == b"seven"
        await client.put_object(Bucket="kept", Key="two", Body=b"eight")


async def test_spicedb_returns_to_its_port(own: Facts, launched: Launcher) -> None:
    await killed("spicedb", launched)
    assert await listens(int(own.spicedb_endpoint.rpartition(":")[2]))


async def test_all_stores_killed_at_once_are_well_again_in_time(own: Facts, launched: Launcher) -> None:
    began = time.monotonic()
    await asyncio.gather(*(killed(name, launched) for name in own.pids))
    async with await psycopg.AsyncConnection.connect(own.postgres_dsn) as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    assert read(launched.ready).postgres_dsn == own.postgres_dsn
    print(f"all five stores were well again after {time.monotonic() - began:.1f} s")
