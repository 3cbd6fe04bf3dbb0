"""Where transactions meet: replicas, locks, killed sessions, and the constraints behind it all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import evolve
from psycopg.errors import UniqueViolation

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_adapters.postgres import pool as pools
from plexsphere_adapters.postgres.addresses import PostgresMeshAddresses
from plexsphere_adapters.postgres.pool import Config, DatastoreUnavailable, Pool, connection
from plexsphere_adapters.postgres.sql import execute
from plexsphere_domain.identity.bootstrap_tokens.model import Live
from plexsphere_domain.identity.registration.errors import HandleNotFound
from plexsphere_domain.identity.registration.model import DomainSigningKey, RegisteredNode
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.addresses.errors import AllocatorContention
from plexsphere_domain.mesh.nodes.retirement import NodeRetirement
from plexsphere_domain.mesh.reachability.service import ReachabilityEvaluator
from tests.integration.postgres.mesh_ground import PostgresGround
from tests.ports.mesh import OPERATOR, enrol, node_on
from tests.ports.reachability import beat, transitions
from tests.ports.registration import SIGNING_KEY, Office, Signer


@pytest.fixture
def ground(pool: Pool) -> PostgresGround:
    return PostgresGround(pool)


@pytest.fixture
async def replica(database: Config) -> AsyncIterator[PostgresGround]:
    """A second process, as far as PostgreSQL can tell."""
    async with pools.pool(database) as other:
        yield PostgresGround(other)


def office_of(replica: PostgresGround, office: Office) -> Office:
    """The same Domain, served by another replica."""
    return Office(replica, office.domain, office.project, office.resource)


@asynccontextmanager
async def turn_taken(ground: PostgresGround, domain: DomainId) -> AsyncIterator[None]:
    """Somebody has the Domain's turn."""
    async with connection(ground.pool) as held, held.transaction():
        await held.execute("SELECT plexsphere.take_mesh_turn(%s)", (domain,))
        yield


async def test_two_replicas_enrol_sixty_four_machines_at_once(ground: PostgresGround, replica: PostgresGround) -> None:
    office = await Office.open(ground)
    other = office_of(replica, office)
    requests = [await office.request() for _ in range(64)]
    served = zip(requests, [office, other] * 32, strict=True)
    answers = await asyncio.gather(*(one.register(request) for request, one in served))
    pool = answers[0].domain_mesh_cidr
    assert sorted(one.node.mesh_ip for one in answers) == [pool[number] for number in range(1, 65)]
    assert len([kind for kind, _ in await ground.facts(office.domain) if kind == "NodeRegistered"]) == 64
    assert len(await ground.actions(office.domain)) == 64


async def test_the_same_request_at_two_replicas_makes_one_node(ground: PostgresGround, replica: PostgresGround) -> None:
    office = await Office.open(ground)
    other = office_of(replica, office)
    for _ in range(5):
        request = await office.request()
        one, another = await asyncio.gather(office.register(request), other.register(request))
        assert (one.node, one.nsk) == (another.node, another.nsk)


async def test_who_waits_too_long_for_its_turn_is_told_so(ground: PostgresGround) -> None:
    domain, _ = await ground.domain()
    project = await ground.project(domain)
    async with turn_taken(ground, domain), connection(ground.pool) as held, held.transaction():
        impatient = PostgresMeshAddresses(held, timedelta(milliseconds=50))
        with pytest.raises(AllocatorContention):
            await impatient.allocate(domain, project)
    assert await enrol(ground, domain, project)


async def test_domains_do_not_wait_for_each_other(ground: PostgresGround) -> None:
    busy, _ = await ground.domain()
    free, _ = await ground.domain()
    async with turn_taken(ground, busy):
        assert await enrol(ground, free, await ground.project(free))


async def test_nobody_waits_for_the_signer_of_another(ground: PostgresGround) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    class SlowSigner(Signer):
        async def active(self, domain: DomainId) -> DomainSigningKey:
            asked.set()
            await answered.wait()
            return SIGNING_KEY

    slow = await Office.open(ground, signer=SlowSigner())
    quick = office_of(ground, slow)
    waiting = asyncio.create_task(slow.register(await slow.request()))
    await asked.wait()
    overtaking = await quick.register(await quick.request())
    answered.set()
    assert overtaking.node.mesh_ip < (await waiting).node.mesh_ip


async def test_a_session_that_is_killed_in_the_middle_leaves_nothing(ground: PostgresGround) -> None:
    office = await Office.open(ground)
    token, text = await office.token()
    request = await office.request(bootstrap_token=text)
    async with turn_taken(ground, office.domain):
        registering = asyncio.create_task(office.register(request))
        await _killed_while_waiting(ground)
        with pytest.raises(DatastoreUnavailable):
            await registering
    assert await office.fate(token) == Live()
    assert (await ground.peers.since(office.domain, 0)).live == ()
    assert await ground.facts(office.domain) == []
    registered = await office.register(request)
    assert registered.node.mesh_ip == registered.domain_mesh_cidr[1]


async def _killed_while_waiting(ground: PostgresGround) -> None:
    """Wait until a session of this database waits for a turn, and end it."""
    killed = 0
    while not killed:
        killed = await ground.one(
            """
            SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'
            """
        )


async def test_a_resource_that_is_deleted_meanwhile_takes_its_node_along(
    ground: PostgresGround, replica: PostgresGround
) -> None:
    for _ in range(12):
        office = await Office.open(ground)

        async def delete(office: Office = office) -> None:
            async with replica.begin() as tx:
                await tx.resources.claimed(office.resource)
                await NodeRetirement(replica.watch).retire(tx, office.resource, by=OPERATOR)
                await tx.resources.remove(office.resource)

        outcome, _ = await asyncio.gather(office.register(await office.request()), delete(), return_exceptions=True)
        assert isinstance(outcome, RegisteredNode | HandleNotFound)
        assert (await ground.peers.since(office.domain, 0)).live == ()


async def test_pools_that_change_meanwhile_stay_true(ground: PostgresGround, replica: PostgresGround) -> None:
    office = await Office.open(ground, prefix=24)
    async with ground.begin() as tx:
        pool = (await tx.placements.find(office.project, "edge-1")).mesh_cidr
    other = await ground.project(office.domain)
    ranges = list(pool.subnets(new_prefix=28))[1:9]

    async def reserve() -> None:
        for sub_range in ranges:
            await replica.reserve(other, sub_range)

    requests = [await office.request() for _ in range(40)]
    answers, _ = await asyncio.gather(asyncio.gather(*(office.register(one) for one in requests)), reserve())
    assert len({one.node.mesh_ip for one in answers}) == 40
    await replica.reserve(other, ranges[-1])
    last = await office.register(await office.request())
    assert last.node.mesh_ip not in ranges[-1]


async def test_the_database_itself_refuses_an_address_twice(ground: PostgresGround) -> None:
    domain, _ = await ground.domain()
    project = await ground.project(domain)
    node = await enrol(ground, domain, project)
    twin = node_on(domain, project, node.resource_id, node.mesh_ip, ground.watch.now())

    async def add() -> None:
        async with ground.begin() as tx:
            await tx.nodes.add(twin, await _stored(ground, node.bootstrap_token_id))

    with pytest.raises(UniqueViolation) as violation:
        await add()
    assert violation.value.diag.constraint_name == "nodes_mesh_ip_uq"


async def _stored(ground: PostgresGround, token: object) -> object:
    async with ground.begin() as tx:
        found = await tx.nodes.enrolled_with(token)
    assert found is not None
    return found[1]


async def test_replicas_that_hear_the_same_nodes_do_not_lock_each_other(
    ground: PostgresGround, replica: PostgresGround
) -> None:
    domain, _ = await ground.domain()
    project = await ground.project(domain)
    resource = await ground.resource(project)
    nodes = [(await enrol(ground, domain, project, resource)).id for _ in range(40)]

    async def hear(at: PostgresGround, order: list[NodeId]) -> None:
        for _ in range(8):
            await asyncio.gather(*(at.heartbeats.record(node, beat()) for node in order))

    await asyncio.gather(hear(ground, nodes), hear(replica, nodes[::-1]), hear(replica, nodes))


async def test_two_evaluators_record_each_transition_once(ground: PostgresGround, replica: PostgresGround) -> None:
    domain, _ = await ground.domain()
    project = await ground.project(domain)
    resource = await ground.resource(project)
    nodes = [(await enrol(ground, domain, project, resource)).id for _ in range(30)]
    await asyncio.gather(*(ground.heartbeats.record(node, beat()) for node in nodes))
    evaluators = [ReachabilityEvaluator(transactions=each, clock=each.watch, batch=7) for each in (ground, replica)]
    await asyncio.gather(*(each.tick() for each in evaluators * 2))
    await evaluators[0].tick()
    assert await transitions(ground, domain) == [("never_reported", "healthy")] * 30


async def test_heartbeats_stay_on_their_pages(database: Config) -> None:
    async with pools.pool(evolve(database, min_size=1, max_size=1)) as one:
        ground = PostgresGround(one)
        domain, _ = await ground.domain()
        node = (await enrol(ground, domain, await ground.project(domain))).id
        before = await _updates(ground)
        for _ in range(50):
            await ground.heartbeats.record(node, beat())
        after = await _updates(ground)
    assert [now - then for now, then in zip(after, before, strict=True)] == [50, 50]


async def _updates(ground: PostgresGround) -> tuple[int, int]:
    """How many heartbeats were written, and how many of them without touching an index."""
    await ground.one("SELECT pg_stat_force_next_flush()::text")
    counted = "SELECT array[n_tup_upd, n_tup_hot_upd] FROM pg_stat_user_tables WHERE relname = 'node_heartbeats'"
    written, hot = await ground.one(counted)
    return written, hot


async def test_with_the_real_argon2(ground: PostgresGround) -> None:
    hasher = Argon2idHasher()
    office = await Office.open(ground, hasher=hasher)
    requests = [await office.request() for _ in range(4)]
    answers = await asyncio.gather(*(office.register(request) for request in requests))
    assert len({one.node.mesh_ip for one in answers}) == 4
    hasher.close()


async def test_the_query_of_an_allocation_looks_at_the_first_range_only(ground: PostgresGround) -> None:
    domain, _ = await ground.domain(prefix=24)
    project = await ground.project(domain)
    await enrol(ground, domain, project)
    async with connection(ground.pool) as held:
        await execute(held, "SET enable_seqscan = off")
        cursor = await held.execute(
            """
            EXPLAIN SELECT first_ip FROM plexsphere.mesh_free_ranges
             WHERE domain_id = %s AND owner_id = %s ORDER BY first_ip LIMIT 1
            """,
            (domain, domain),
        )
        plan = "\n".join(line for (line,) in await cursor.fetchall())
        await execute(held, "RESET enable_seqscan")
    assert "mesh_free_ranges_pk" in plan
    assert "Sort" not in plan
