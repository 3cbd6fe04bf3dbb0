"""Bootstrap tokens in PostgreSQL keep the promises of every store."""

import pytest

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_adapters.postgres.journal import PostgresJournal
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.transaction import PostgresTransactions
from plexsphere_adapters.system import uuid7
from tests.ports.bootstrap_tokens import BootstrapTokenContract, Tokens
from tests.ports.tenancy import Ticking


@pytest.fixture
def transactions(pool: Pool) -> PostgresTransactions:
    clock = Ticking()
    return PostgresTransactions(
        pool=pool, clock=clock, new_id=uuid7, journals=lambda held: PostgresJournal(connection=held, clock=clock)
    )


class TestPostgresBootstrapTokens(BootstrapTokenContract): ...


async def test_no_row_tells_the_plaintext(transactions: PostgresTransactions, pool: Pool) -> None:
    hasher = Argon2idHasher()
    tokens = Tokens(transactions, hasher=hasher)
    issued = await tokens.issue(await tokens.project())
    secret = issued.plaintext.reveal()[-26:]
    async with connection(pool) as held:
        tables = await held.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'plexsphere'"
        )
        for (table,) in await tables.fetchall():
            found = await held.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", (f"%{secret}%",))
            assert await found.fetchone() == (0,)
    assert await tokens.recognise(issued.plaintext) == issued.token
    assert issued.token.hash.startswith("$argon2id$")
    hasher.close()
