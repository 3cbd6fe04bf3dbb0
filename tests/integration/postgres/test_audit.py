"""The audit log on PostgreSQL: the promises of every store, and those of a database that others can reach."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from attrs import Factory, define, field

from plexsphere_adapters.decisions import AuditedDecisions
from plexsphere_adapters.postgres.audit import (
    PostgresChainRegistry,
    PostgresEntries,
    PostgresIntake,
    PostgresLedgers,
    PostgresResidence,
)
from plexsphere_adapters.postgres.journal import PostgresJournal, PostgresRecorder, insert
from plexsphere_adapters.postgres.pool import Pool
from plexsphere_adapters.system import SystemClock
from plexsphere_domain.audit.log import Bounds
from plexsphere_domain.audit.model import Reason, Scope
from plexsphere_domain.authz.model import Caveat, Denied, ObjectRef, ObjectType, Permission, Ruling
from plexsphere_domain.authz.model import Reason as Denial
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.journal import PrivilegedAction
from tests.integration.postgres.rows import POLICY
from tests.ports.audit import START, AuditStoreContract, Interrupted, System, actor, record


@define
class PostgresAuditStore:
    """Every port of the audit log over one pool, among Domains that are given."""

    pool: Pool
    domains: set[Scope] = Factory(set)
    _parts: tuple[Any, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        kinds = (PostgresRecorder, PostgresChainRegistry, PostgresIntake, PostgresLedgers, PostgresEntries)
        self._parts = tuple(kind(self.pool) for kind in kinds)

    async def existing(self, scopes: Any) -> Any:
        return self.domains.intersection(scopes)

    def __getattr__(self, name: str) -> Any:
        return next(getattr(part, name) for part in self._parts if hasattr(part, name))


@pytest.fixture
def store(pool: Pool) -> PostgresAuditStore:
    return PostgresAuditStore(pool)


@pytest.fixture
def domain(store: PostgresAuditStore) -> Scope:
    scope = Scope(uuid4())
    store.domains.add(scope)
    return scope


class TestPostgresAuditStore(AuditStoreContract):
    pass


class TestJournal:
    async def test_an_action_commits_with_what_it_is_about(
        self, pool: Pool, store: PostgresAuditStore, domain: Scope
    ) -> None:
        system, by = System(store), actor()
        project = uuid4()
        created, deleted = (
            PrivilegedAction(action=action, object_type="project", object_id=project, domain_id=DomainId(domain), by=by)
            for action in ("project.create", "project.delete")
        )
        async with pool.connection() as connection:
            journal = PostgresJournal(connection=connection, clock=SystemClock())
            async with connection.transaction():
                await journal.record(created)
                assert await system.rows(domain) == []
            with suppress(Interrupted):
                async with connection.transaction():
                    await journal.record(deleted)
                    raise Interrupted
        (row,) = await system.rows(domain)
        content = row.entry.content
        assert (content.relation, content.object_type, content.object_id) == ("project.create", "project", str(project))
        assert (content.reason, content.correlation_id, content.ip) == ("granted", by.correlation_id, by.ip)
        assert row.identity == by.principal.id

    async def test_nothing_to_record(self, pool: Pool) -> None:
        async with pool.connection() as connection:
            await PostgresJournal(connection=connection, clock=SystemClock()).record()

    async def test_a_long_transaction_holds_nobody_up(
        self, pool: Pool, store: PostgresAuditStore, domain: Scope
    ) -> None:
        system = System(store)
        async with pool.connection() as connection, connection.transaction():
            await insert(connection, [record(domain, "late")])
            await store.record([record(domain, "early")])
            assert await system.relations(domain) == ["early"]
        assert await system.relations(domain) == ["early", "late"]

    async def test_concurrent_decisions_share_transactions(self, store: PostgresAuditStore, domain: Scope) -> None:
        decisions = AuditedDecisions(store)
        by = actor()
        ruling = Ruling(
            at=START,
            actor=by,
            permission=Permission.AUDITOR,
            object=ObjectRef(ObjectType.DOMAIN, str(domain)),
            domain_id=DomainId(domain),
            decision=Denied(Denial.CAVEAT_VIOLATION, (f"domain:{domain}#auditor",)),
            caveats={Caveat.FROM_CIDR: ("ip",)},
            stale=True,
        )
        await asyncio.gather(*(decisions.record(ruling) for _ in range(50)))
        rows = await System(store).rows(domain, reason=Reason.CAVEAT_VIOLATION)
        assert len(rows) == 50
        content = rows[0].entry.content
        assert (content.relation, content.object_type, content.object_id) == ("auditor", "domain", str(domain))
        assert (content.reason, content.caveats) == ("stale_caveat_violation", {"from_cidr": ["ip"]})


async def test_a_sequencer_that_dies_leaves_its_batch_to_the_next(
    pool: Pool, store: PostgresAuditStore, domain: Scope
) -> None:
    system = System(store)
    await store.record([record(domain, f"r{n}") for n in range(3)])

    async def die() -> None:
        async with PostgresLedgers(pool).begin() as ledger:
            opened = await system.chains.open([domain])
            await system.sequencer.settle(ledger, await ledger.lock([domain]), opened.chains)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await die()
    assert await system.relations(domain) == ["r0", "r1", "r2"]
    assert (await system.log.verify(domain, Bounds())).divergence is None


async def test_a_residence_is_a_domain_that_exists(pool: Pool) -> None:
    here, nowhere = Scope(uuid4()), Scope(uuid4())
    block = here.int % 256
    async with pool.connection() as connection:
        await connection.execute(
            """
            INSERT INTO plexsphere.domains
                   (id, name, slug, description, mesh_cidr, reachability, stale_after, unreachable_after, created_at,
                    updated_at)
            VALUES (%(id)s, 'd', %(slug)s, '', %(cidr)s, %(policy)s,
                    '90 seconds', '5 minutes', now(), now())
            """,
            {"id": here, "slug": f"audit-{here}", "cidr": f"203.0.113.{block}/32", "policy": POLICY},
        )
    try:
        assert await PostgresResidence(pool).existing([here, nowhere]) == {here}
    finally:
        async with pool.connection() as connection:
            await connection.execute("DELETE FROM plexsphere.domains WHERE id = %s", (here,))
