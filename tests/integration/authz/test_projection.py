"""From a committed fact to a granted gate, on the real stores, faults included."""

import asyncio
import signal
from uuid import UUID

import pytest
from attrs import define, field, frozen

from plexsphere_adapters.postgres import projection
from plexsphere_adapters.postgres.authz import PostgresTupleLedger
from plexsphere_adapters.postgres.outbox import PostgresOutbox
from plexsphere_adapters.postgres.pool import connection
from plexsphere_adapters.postgres.projection import PostgresProjection, ProjectionWorker
from plexsphere_adapters.postgres.sql import execute, fetch_one
from plexsphere_adapters.system import SystemClock, uuid7
from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import (
    BoundCaveat,
    Caveat,
    ObjectRef,
    ObjectType,
    Permission,
    Question,
    Relation,
    RelationTuple,
    domain,
    project,
)
from plexsphere_domain.authz.ports import Pending
from plexsphere_domain.authz.projection import Changes
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.tenancy.domains.events import DomainCreated
from plexsphere_domain.tenancy.projects.events import ProjectCreated, ProjectDeleted
from tests.integration.authz.conftest import running
from tests.integration.postgres.rows import POLICY


@frozen
class Owner:
    """Somebody who is about to own a Domain."""

    principal: Principal
    domain_id: DomainId

    @property
    def subject(self) -> ObjectRef:
        return ObjectRef(ObjectType.USER, self.principal.id)

    @property
    def creation(self) -> DomainCreated:
        return DomainCreated(domain_id=self.domain_id, slug=f"d-{self.domain_id}", created_by=self.principal)

    async def manages(self, graph, object: ObjectRef, at_least: str | None) -> bool:
        (answer,) = await graph.answers([Question(self.subject, Permission.MANAGE, object)], at_least=at_least)
        return answer.yes


@pytest.fixture
def owner() -> Owner:
    return Owner(Principal(PrincipalKind.USER, uuid7()), DomainId(uuid7()))


async def settled(system) -> None:
    """Project what waits, until nothing does."""
    while await system.projector.step():
        pass


async def test_a_creator_uses_at_once_what_it_created(system, owner):
    async with system.working():
        for _ in range(5):
            project_id = ProjectId(uuid7())
            await system.publish(
                owner.creation,
                ProjectCreated(domain_id=owner.domain_id, project_id=project_id, created_by=owner.principal),
            )
            await system.projection.caught_up()
            assert await owner.manages(system.graph, project(project_id), await system.watermark())


@define
class Stumbling:
    """A projector that meets a fact it cannot read, once."""

    stumbled: bool = False
    went_on: asyncio.Event = field(factory=asyncio.Event)

    async def step(self) -> bool:
        if not self.stumbled:
            self.stumbled = True
            raise KeyError("project_id")
        self.went_on.set()
        return False


async def test_a_fault_does_not_end_the_worker(system, monkeypatch):
    monkeypatch.setattr(projection, "LONGEST_PAUSE", 0.01)
    projector = Stumbling()
    with running(ProjectionWorker(system.config, system.pool, system.notifications, projector).run()):
        async with asyncio.timeout(20):
            await projector.went_on.wait()


async def test_fifty_creators_wait_together(system):
    owners = [Owner(Principal(PrincipalKind.USER, uuid7()), DomainId(uuid7())) for _ in range(50)]
    projection = system.projection

    async def create(owner: Owner) -> bool:
        await system.publish(owner.creation)
        await projection.caught_up()
        return await owner.manages(system.graph, domain(owner.domain_id), await system.watermark())

    async with system.working():
        assert all(await asyncio.gather(*map(create, owners)))


async def test_without_facts_nobody_waits(system):
    await settled(system)
    async with asyncio.timeout(1):
        await system.projection.caught_up()


async def test_the_wait_is_bounded(system, owner):
    await system.publish(owner.creation)
    async with asyncio.timeout(5):
        await PostgresProjection(system.pool, system.notifications, patience=0.1).caught_up()
    await settled(system)


async def test_a_deleted_project_leaves_no_tuple(system, owner):
    project_id = ProjectId(uuid7())
    await system.publish(
        owner.creation, ProjectCreated(domain_id=owner.domain_id, project_id=project_id, created_by=owner.principal)
    )
    await settled(system)
    await system.publish(ProjectDeleted(domain_id=owner.domain_id, project_id=project_id))
    await settled(system)
    assert not await owner.manages(system.graph, project(project_id), await system.watermark())
    async with connection(system.pool) as held:
        row = await fetch_one(
            held, "SELECT count(*) AS n FROM plexsphere.relation_tuples WHERE object_id = %(id)s", id=str(project_id)
        )
    assert row == {"n": 0}


async def test_a_fact_that_commits_late_is_not_skipped(system, owner):
    later = Owner(Principal(PrincipalKind.USER, uuid7()), owner.domain_id)
    async with connection(system.pool) as slow, slow.transaction():
        await PostgresOutbox(connection=slow, clock=SystemClock(), new_id=uuid7).append(owner.creation)
        await system.publish(later.creation)
        await settled(system)
    await settled(system)
    watermark = await system.watermark()
    assert await owner.manages(system.graph, domain(owner.domain_id), watermark)
    assert await later.manages(system.graph, domain(owner.domain_id), watermark)


async def test_a_crash_before_the_commit_repeats_the_step(system, owner, monkeypatch):
    async def crash(self, *arguments):
        raise ConnectionError

    await system.publish(owner.creation)
    with monkeypatch.context() as patched:
        patched.setattr(PostgresTupleLedger, "settle", crash)
        with pytest.raises(ConnectionError):
            await system.projector.step()
    await settled(system)
    assert await owner.manages(system.graph, domain(owner.domain_id), await system.watermark())


async def test_a_second_worker_takes_over_when_the_first_ends(system, owner):
    async with system.working():
        async with system.working():
            await system.publish(owner.creation)
            await system.projection.caught_up()
        successor = Owner(Principal(PrincipalKind.USER, uuid7()), DomainId(uuid7()))
        await system.publish(successor.creation)
        async with asyncio.timeout(20):
            while not await owner_in(system, successor):
                await system.projection.caught_up()


async def owner_in(system, owner: Owner) -> bool:
    return await owner.manages(system.graph, domain(owner.domain_id), None)


async def test_a_killed_spicedb_is_never_a_wrong_denial_and_comes_back_whole(system, engine, owner):
    """Asked without a pause while SpiceDB is killed, started empty and rebuilt: yes, or unavailable."""
    await system.publish(owner.creation)
    async with system.working():
        await system.projection.caught_up()
        heard: list[str] = []
        recovered = asyncio.Event()

        async def listen() -> None:
            while not recovered.is_set():
                try:
                    yes = await owner.manages(system.graph, domain(owner.domain_id), await system.watermark())
                    heard.append("yes" if yes else "no")
                except AuthzUnavailable:
                    heard.append("unavailable")
                if heard[-1] == "yes" and "unavailable" in heard:
                    recovered.set()

        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(listen())
            await engine.end(signal.SIGKILL)
            await engine.start()
            await recovered.wait()
    assert set(heard) == {"yes", "unavailable"}


async def test_a_rebuild_does_not_finish_in_a_datastore_in_which_it_did_not_begin(system, engine, owner):
    await system.publish(owner.creation)
    await settled(system)

    async def batches():
        yield [RelationTuple(domain(owner.domain_id), Relation.ADMIN, owner.subject)]
        await engine.end(signal.SIGKILL)
        await engine.start()
        await system.graph.writer.write_schema()
        yield [RelationTuple(domain(owner.domain_id), Relation.AUDITOR, owner.subject)]

    with pytest.raises(AuthzUnavailable):
        await system.graph.rebuild(batches())
    assert not await system.graph.whole()
    await settled(system)
    assert await owner.manages(system.graph, domain(owner.domain_id), await system.watermark())


class TestLedger:
    async def test_it_gives_back_every_tuple_that_it_was_given(self, system):
        ledger = PostgresTupleLedger(system.pool)
        place = domain(uuid7())
        held = {
            RelationTuple(place, Relation.MEMBER, ObjectRef(ObjectType.USER, str(UUID(int=each + 1))))
            for each in range(2_500)
        }
        group = ObjectRef(ObjectType.GROUP, uuid7())
        caveat = BoundCaveat(Caveat.FROM_CIDR, {"cidr": "10.0.0.0/8"})
        held.add(RelationTuple(place, Relation.ADMIN, group, Relation.MEMBER, caveat))
        await ledger.settle(Pending((), {}), Changes(frozenset(held)), None)
        given = {each: each async for batch in ledger.tuples() for each in batch if each.object == place}
        assert set(given) == held
        assert [(each.caveat, dict(each.caveat.context)) for each in given if each.caveat] == [
            (caveat, dict(caveat.context))
        ]
        await ledger.settle(Pending((), {}), Changes(removed=frozenset({place})), None)
        assert not [each async for batch in ledger.tuples() for each in batch if each.object == place]

    async def test_what_an_operator_granted_stays_the_operators(self, system, owner):
        ledger = PostgresTupleLedger(system.pool)
        project_id = uuid7()
        async with connection(system.pool) as held:
            await execute(
                held,
                """
                WITH owner AS (
                    INSERT INTO plexsphere.domains (id, name, slug, description, mesh_cidr, reachability, stale_after,
                                                    unreachable_after, created_at, updated_at)
                    VALUES (%(domain)s, 'd', %(slug)s, '', '10.77.0.0/16', %(policy)s, '90s', '300s', now(), now())
                )
                INSERT INTO plexsphere.projects (id, domain_id, name, slug, description, created_at, updated_at)
                VALUES (%(project)s, %(domain)s, 'p', 'p', '', now(), now())
                """,
                domain=owner.domain_id,
                slug=f"d-{owner.domain_id}",
                policy=POLICY,
                project=project_id,
            )
            await execute(
                held,
                """
                INSERT INTO plexsphere.relation_tuples
                       (object_type, object_id, relation, subject_type, subject_id, granted_in)
                VALUES ('project', %(project)s::text, 'admin', 'user', %(user)s::text, %(project)s)
                """,
                project=project_id,
                user=str(owner.principal.id),
            )
            same = RelationTuple(project(project_id), Relation.ADMIN, owner.subject)
            await ledger.settle(Pending((), {}), Changes(frozenset({same})), None)
            row = await fetch_one(
                held,
                "SELECT count(*) AS n FROM plexsphere.relation_tuples WHERE granted_in = %(project)s",
                project=project_id,
            )
        assert row == {"n": 1}
