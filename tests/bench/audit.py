"""Audit records, all the way onto their hash chain, against bare INSERTs of the same size."""

import asyncio
import time
from uuid import UUID

import psycopg

from plexsphere_adapters.decisions import AuditedDecisions
from plexsphere_adapters.postgres import pool as postgres
from plexsphere_adapters.postgres.journal import PostgresRecorder
from plexsphere_adapters.system import SystemClock, uuid7
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_domain.authz.model import Granted, ObjectRef, ObjectType, Permission, Ruling
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretStr
from tests.bench.fleet import tenancy
from tests.bench.report import Ratio, at_least

CONNECTIONS = 8
PRODUCERS = 64
SECONDS = 6.0


async def run(facts: Facts) -> Ratio:
    domain, project, _ = tenancy(facts, "bench-audit", "10.103.0.0/16")
    ruling = Ruling(
        at=SystemClock().now(),
        actor=Actor(principal=Principal(PrincipalKind.USER, uuid7()), correlation_id=str(uuid7()), ip="192.0.2.1"),
        permission=Permission.READ,
        object=ObjectRef(ObjectType.PROJECT, project),
        domain_id=DomainId(domain),
        decision=Granted((f"project:{project}#read",)),
    )
    floor = await _bare_inserts(str(facts.postgres_dsn), ruling)
    ours = await _appends(str(facts.postgres_dsn), ruling, domain)
    return at_least(
        "audit appends, chained / bare INSERTs over 8 connections", ours=ours, floor=floor, target=0.3, unit="/s"
    )


async def _bare_inserts(dsn: str, ruling: Ruling) -> float:
    """Rows per second of one INSERT per transaction, as wide as a chained row."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("DROP TABLE IF EXISTS floor_audit")
        await connection.execute(
            "CREATE TABLE floor_audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, who bytea,"
            " relation text, object_type text, object_id text, reason text, correlation text, ip text, a bytea,"
            " b bytea)"
        )
    deadline = time.perf_counter() + SECONDS
    row = (
        ruling.at, bytes(32), ruling.permission, ruling.object.type, ruling.object.id, ruling.reason,
        ruling.actor.correlation_id, ruling.actor.ip, bytes(32), bytes(32),
    )  # fmt: skip

    async def insert() -> int:
        rows = 0
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            while time.perf_counter() < deadline:
                await connection.execute(
                    "INSERT INTO floor_audit (at, who, relation, object_type, object_id, reason, correlation, ip, a, b)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    row,
                )
                rows += 1
        return rows

    return sum(await asyncio.gather(*(insert() for _ in range(CONNECTIONS)))) / SECONDS


async def _appends(dsn: str, ruling: Ruling, domain: UUID) -> float:
    """Records per second from the first append until the last one stands on its chain; core's sequencer chains them."""
    config = postgres.Config(dsn=SecretStr(dsn), min_size=CONNECTIONS, max_size=CONNECTIONS)
    async with postgres.pool(config) as pool:
        journal = AuditedDecisions(PostgresRecorder(pool))
        before = await _chained(pool, domain)
        started = time.perf_counter()

        async def produce() -> int:
            records = 0
            while time.perf_counter() < started + SECONDS:
                await journal.record(ruling)
                records += 1
            return records

        appended = sum(await asyncio.gather(*(produce() for _ in range(PRODUCERS))))
        while await _chained(pool, domain) < before + appended:  # noqa: ASYNC110 — another process chains them
            await asyncio.sleep(0.02)
        return appended / (time.perf_counter() - started)


async def _chained(pool: postgres.Pool, domain: UUID) -> int:
    async with postgres.connection(pool) as held:
        cursor = await held.execute("SELECT head_seq FROM plexsphere.audit_chains WHERE chain_id = %s", (domain,))
        row = await cursor.fetchone()
        return int(row[0]) if row else 0
