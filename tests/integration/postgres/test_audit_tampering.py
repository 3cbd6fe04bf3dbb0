"""Hands in the database: every change to what is stored is found, and found where it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest

from plexsphere_adapters.postgres.pool import Pool
from plexsphere_adapters.postgres.sql import Connection, execute, fetch_one
from plexsphere_domain.audit.chain import Divergence
from plexsphere_domain.audit.erasure import Erased
from plexsphere_domain.audit.log import Bounds
from plexsphere_domain.audit.model import PLATFORM, Scope
from tests.integration.postgres.test_audit import PostgresAuditStore
from tests.ports.audit import START, System, actor, record

LENGTH = 6
COLUMNS = [
    "chain_id",
    "seq",
    "version",
    "occurred_at",
    "pseudonym",
    "relation",
    "object_type",
    "object_id",
    "reason",
    "caveats",
    "correlation_id",
    "ip",
    "user_agent",
    "prev_hash",
    "entry_hash",
]


@pytest.fixture
async def system(pool: Pool) -> System:
    return System(PostgresAuditStore(pool))


@pytest.fixture
async def chain(system: System) -> Scope:
    """A chain of `LENGTH` rows."""
    scope = Scope(uuid4())
    system.store.domains.add(scope)
    rows = [
        record(
            scope,
            f"r{n}",
            occurred_at=datetime(2026, 1, n + 1, tzinfo=UTC),
            caveats={"from_cidr": ["ip"]},
            ip="192.0.2.1",
            user_agent="ägent",
        )
        for n in range(LENGTH)
    ]
    await system.store.record(rows)
    await system.sequencer.catch_up(scope)
    assert await divergence(system, scope) is None
    return scope


async def divergence(system: System, scope: Scope, **bounds: int) -> Divergence | None:
    return (await system.log.verify(scope, Bounds(**bounds))).divergence


@asynccontextmanager
async def unguarded(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the owner of the tables, with their guards off."""
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE plexsphere.audit_entries DISABLE TRIGGER USER")
        yield connection
        await connection.execute("ALTER TABLE plexsphere.audit_entries ENABLE TRIGGER USER")


def mutations() -> list[tuple[str, str]]:
    """For every column, expressions that change one byte of it, or all of it."""
    texts = ["relation", "object_type", "object_id", "reason", "correlation_id", "ip", "user_agent"]
    flips = [(c, f"overlay({c} placing chr(ascii(right({c}, 1)) # 1) from length({c}))") for c in texts]
    flips += [(c, f"overlay({c} placing chr(ascii({c}) # 1) from 1)") for c in texts]
    absent = [(c, "NULL") for c in ("ip", "user_agent")] + [(c, "''") for c in texts]
    binary = [
        (c, f"set_byte({c}, {at}, get_byte({c}, {at}) # {1 << at % 8})")
        for c in ("pseudonym", "prev_hash", "entry_hash")
        for at in range(32)
    ]
    others = [
        ("version", "2"),
        ("version", "0"),
        ("occurred_at", "occurred_at + interval '1 microsecond'"),
        ("occurred_at", "occurred_at - interval '100 years'"),
        ("occurred_at", "'infinity'"),
        ("occurred_at", "'-infinity'"),
        ("occurred_at", "'4000-01-01 BC'"),
        ("occurred_at", "'20000-01-01'"),
        ("caveats", "'{}'"),
        ("caveats", "'[]'"),
        ("caveats", "'null'"),
        ("caveats", "'1.5'"),
        ("caveats", "'{\"from_cidr\": []}'"),
        ("caveats", '\'{"from_cidr": ["iq"]}\''),
        ("caveats", '\'{"from_cidr": {"ip": 1}}\''),
        ("caveats", '\'{"from_cidr": "ip"}\''),
        ("caveats", '\'{"from_cidr": ["ip"], "z": []}\''),
    ]
    return flips + absent + binary + others


@pytest.mark.parametrize("seq", [1, 3, LENGTH])
async def test_every_changed_byte_is_found_at_its_row(system: System, chain: Scope, pool: Pool, seq: int) -> None:
    missed = []
    async with unguarded(pool) as connection:
        for column, expression in mutations():
            where = {"chain": chain, "seq": seq}
            before = await fetch_one(
                connection,
                f"SELECT {column}::text AS value, pg_typeof({column})::text AS type FROM plexsphere.audit_entries"
                " WHERE chain_id = %(chain)s AND seq = %(seq)s",
                **where,
            )
            assert before is not None
            update = f"UPDATE plexsphere.audit_entries SET {column} = {{}} WHERE chain_id = %(chain)s AND seq = %(seq)s"
            assert await execute(connection, update.format(expression), **where) == 1
            found = await divergence(system, chain)
            if found is None or found.seq != seq or found.expected == found.observed:
                missed.append((column, expression, found))
            restore = update.format(f"%(value)s::{before['type']}")
            await execute(connection, restore, value=before["value"], **where)
    assert missed == []
    assert await divergence(system, chain) is None


async def test_a_row_moved_to_another_chain_is_missed_on_its_own(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        await connection.execute(
            "UPDATE plexsphere.audit_entries SET chain_id = %s WHERE chain_id = %s AND seq = 3", (uuid4(), chain)
        )
    found = await divergence(system, chain)
    assert found is not None
    assert found.seq == 4


@pytest.mark.parametrize(("removed", "found_at"), [(1, 2), (3, 4), (LENGTH, LENGTH)])
async def test_a_deleted_row(system: System, chain: Scope, pool: Pool, removed: int, found_at: int) -> None:
    async with unguarded(pool) as connection:
        await connection.execute(
            "DELETE FROM plexsphere.audit_entries WHERE chain_id = %s AND seq = %s", (chain, removed)
        )
    found = await divergence(system, chain)
    assert found is not None
    assert found.seq == found_at


async def test_all_rows_deleted(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        await connection.execute("DELETE FROM plexsphere.audit_entries WHERE chain_id = %s", (chain,))
    found = await divergence(system, chain)
    assert found is not None
    assert (found.seq, found.observed) == (1, bytes(32))


async def test_rows_deleted_and_the_rest_renumbered(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        await connection.execute("DELETE FROM plexsphere.audit_entries WHERE chain_id = %s AND seq = 3", (chain,))
        for seq in range(4, LENGTH + 1):
            await connection.execute(
                "UPDATE plexsphere.audit_entries SET seq = seq - 1 WHERE chain_id = %s AND seq = %s", (chain, seq)
            )
    found = await divergence(system, chain)
    assert found is not None
    assert found.seq == 3


async def test_exchanged_rows(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        for old, new in ((2, 100), (5, 2), (100, 5)):
            await connection.execute(
                "UPDATE plexsphere.audit_entries SET seq = %s WHERE chain_id = %s AND seq = %s", (new, chain, old)
            )
    found = await divergence(system, chain)
    assert found is not None
    assert found.seq == 2


async def test_an_inserted_row(system: System, chain: Scope, pool: Pool) -> None:
    async with pool.connection() as connection:
        await _copy(connection, chain, LENGTH, LENGTH + 1)
    found = await divergence(system, chain)
    assert found is not None
    assert found.seq == LENGTH + 1


async def test_a_chain_cut_short_with_its_head_row(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        await connection.execute("DELETE FROM plexsphere.audit_chains WHERE chain_id = %s", (chain,))
    found = await divergence(system, chain)
    assert found is not None
    assert found.seq == 1


async def test_a_walk_within_bounds_sees_what_lies_within(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        await connection.execute(
            "UPDATE plexsphere.audit_entries SET relation = 'x' WHERE chain_id = %s AND seq = 3", (chain,)
        )
    assert await divergence(system, chain, last=2) is None
    assert await divergence(system, chain, first=4) is None
    found = await divergence(system, chain, first=2, last=4)
    assert found is not None
    assert found.seq == 3


async def test_a_link_over_the_edge_of_the_bounds_is_checked(system: System, chain: Scope, pool: Pool) -> None:
    async with unguarded(pool) as connection:
        await connection.execute(
            "UPDATE plexsphere.audit_entries SET entry_hash = prev_hash WHERE chain_id = %s AND seq = 3", (chain,)
        )
    found = await divergence(system, chain, first=4)
    assert found is not None
    assert found.seq == 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plexsphere.audit_entries SET relation = relation WHERE chain_id = %s",
        "UPDATE plexsphere.audit_entries SET entry_hash = entry_hash WHERE chain_id = %s",
        "DELETE FROM plexsphere.audit_entries WHERE chain_id = %s",
        "TRUNCATE plexsphere.audit_entries --%s",
    ],
)
async def test_the_database_itself_refuses_changes(system: System, chain: Scope, pool: Pool, statement: Any) -> None:
    async with pool.connection() as connection:
        with pytest.raises(psycopg.errors.RestrictViolation):
            await connection.execute(statement.replace("--%s", ""), (chain,) if "= %s" in statement else ())
    assert await divergence(system, chain) is None


async def test_archiving_and_erasing_change_no_hash(system: System, chain: Scope, pool: Pool) -> None:
    before = [row.entry for row in await system.rows(chain)]
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE plexsphere.audit_entries SET archive_etag = 'e', archived_at = %s WHERE chain_id = %s AND seq = 2",
            (START, chain),
        )
    erased = await system.erasure.erase(chain, record(chain).identity, by=actor())
    assert isinstance(erased, Erased)
    rows = await system.rows(chain)
    assert [row.entry for row in rows[:LENGTH]] == before
    archived = rows[1].archived
    assert archived is not None
    assert (archived.etag, archived.at) == ("e", START)
    assert await divergence(system, chain) is None


async def _copy(connection: Connection, chain: Scope, source: int, target: int) -> None:
    columns = ", ".join(column for column in COLUMNS if column not in ("seq", "prev_hash"))
    await connection.execute(
        f"INSERT INTO plexsphere.audit_entries ({columns}, seq, prev_hash)"
        f" SELECT {columns}, %(target)s, entry_hash FROM plexsphere.audit_entries"
        " WHERE chain_id = %(chain)s AND seq = %(source)s",
        {"chain": chain, "source": source, "target": target},
    )


@pytest.mark.parametrize(
    ("statement", "found_at"),
    [
        ("UPDATE plexsphere.audit_chains SET head_seq = head_seq - 1 WHERE chain_id = %s", LENGTH - 1),
        (
            "UPDATE plexsphere.audit_chains c SET head_seq = e.seq, head_hash = e.entry_hash"
            " FROM plexsphere.audit_entries e WHERE e.chain_id = c.chain_id AND e.seq = 4 AND c.chain_id = %s",
            5,
        ),
        ("UPDATE plexsphere.audit_chains SET head_seq = 0 WHERE chain_id = %s", 1),
        ("DELETE FROM plexsphere.audit_chains WHERE chain_id = %s", 1),
    ],
)
async def test_a_chain_that_cannot_be_continued_is_still_read_and_stops_no_other(
    system: System, chain: Scope, pool: Pool, statement: LiteralString, found_at: int
) -> None:
    async with pool.connection() as connection:
        await connection.execute(statement, (chain,))
    replica = system.replica()
    await replica.store.record([record(chain, "waits"), record(PLATFORM, object_id=str(chain))])
    assert chain in (await replica.sequencer.exhaust()).aside
    assert await replica.relations(PLATFORM, object_id=str(chain)) == ["manage"]
    assert [row.entry.seq for row in await replica.rows(chain)] == list(range(1, LENGTH + 1))
    found = await divergence(replica, chain)
    assert found is not None
    assert found.seq == found_at


async def test_a_chain_whose_pepper_was_tampered_with_is_still_read(system: System, chain: Scope, pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE plexsphere.audit_chains"
            " SET pepper_sealed = set_byte(pepper_sealed, 0, get_byte(pepper_sealed, 0) # 1) WHERE chain_id = %s",
            (chain,),
        )
    replica = system.replica()
    await replica.store.record([record(chain, "waits")])
    assert chain in (await replica.sequencer.exhaust()).aside
    assert len(await replica.rows(chain)) == LENGTH
    assert await divergence(replica, chain) is None
