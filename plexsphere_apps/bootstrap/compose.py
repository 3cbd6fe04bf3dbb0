"""What bootstrap does, in order. Every step may be repeated, and two bootstraps at a time agree."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_adapters.openbao import client as openbao
from plexsphere_adapters.openbao.keys import CURSOR_KEYS, WRAP_KEYS, KeyRing
from plexsphere_adapters.postgres import pool as postgres_pool
from plexsphere_adapters.postgres.journal import PostgresJournal
from plexsphere_adapters.postgres.pool import Pool
from plexsphere_adapters.postgres.sql import execute, fetch_one
from plexsphere_adapters.postgres.transaction import PostgresTransaction, PostgresTransactions
from plexsphere_adapters.s3 import blobs as s3
from plexsphere_adapters.spicedb import channel as spicedb
from plexsphere_adapters.spicedb.writer import SpiceDbGraphWriter
from plexsphere_adapters.system import SystemClock, random_bytes, uuid7
from plexsphere_apps.bootstrap.config import BootstrapConfig
from plexsphere_apps.bootstrap.operator import FirstOperator
from plexsphere_apps.bootstrap.token_file import TokenFile
from plexsphere_apps.shipped import authz_schema
from plexsphere_domain.identity.api_tokens.service import ApiTokenIssuing
from plexsphere_domain.kernel.errors import Unavailable


class NotMigrated(Unavailable):
    """The database lacks the tables of this version."""

    code = "datastore_unavailable"

    @property
    def detail(self) -> str:
        return "the database is not migrated; run plexsphere-migrate up first"


async def bootstrap(config: BootstrapConfig, operator_token: Path) -> None:
    """Sets every store up. Raises an `Unavailable` of the store that cannot be had."""
    async with AsyncExitStack() as stack:
        secrets = await stack.enter_async_context(openbao.connect(config.openbao))
        await secrets.ensure_engine()
        await KeyRing(secrets, WRAP_KEYS).ensure()
        await KeyRing(secrets, CURSOR_KEYS).ensure()

        blobs = await stack.enter_async_context(s3.connect(config.s3))
        await blobs.ensure_bucket()

        graph = await stack.enter_async_context(spicedb.connect(config.spicedb))
        await SpiceDbGraphWriter(graph, authz_schema()).write_schema()

        pool = await stack.enter_async_context(postgres_pool.pool(_postgres(config)))
        await _hand_over(pool, operator_token)


async def _hand_over(pool: Pool, operator_token: Path) -> None:
    """Sees to it that the file holds a working token of the first platform operator."""
    clock, hasher = SystemClock(), Argon2idHasher()
    operator = FirstOperator(
        exclusive=lambda: _exclusive(pool, clock),
        handover=TokenFile(operator_token),
        issuing=ApiTokenIssuing(hasher=hasher, clock=clock, new_id=uuid7, random_bytes=random_bytes),
        hasher=hasher,
        clock=clock,
        new_id=uuid7,
    )
    await operator.ensure()
    hasher.close()


@asynccontextmanager
async def _exclusive(pool: Pool, clock: SystemClock) -> AsyncIterator[PostgresTransaction]:
    transactions = PostgresTransactions(
        pool=pool,
        clock=clock,
        new_id=uuid7,
        journals=lambda held: PostgresJournal(connection=held, clock=clock),
    )
    async with transactions.begin() as tx:
        if not await _migrated(tx):
            raise NotMigrated
        await execute(tx.connection, "SELECT pg_advisory_xact_lock(hashtextextended('plexsphere bootstrap', 0))")
        yield tx


async def _migrated(tx: PostgresTransaction) -> bool:
    row = await fetch_one(tx.connection, "SELECT to_regclass('plexsphere.api_tokens') IS NOT NULL AS migrated")
    return row is not None and bool(row["migrated"])


def _postgres(config: BootstrapConfig) -> postgres_pool.Config:
    return postgres_pool.Config(dsn=config.postgres_dsn, min_size=1, max_size=1, application="plexsphere-bootstrap")
