"""What every store of heartbeats promises. Subclassed for memory (unit) and PostgreSQL (integration)."""

import asyncio
from random import Random
from uuid import uuid4

from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat
from plexsphere_domain.mesh.reachability.model import ReachabilityState
from plexsphere_domain.mesh.reachability.service import ReachabilityEvaluator
from tests.ports.mesh import NOON, Ground, enrol, retire

NEVER, HEALTHY, STALE, UNREACHABLE = ReachabilityState


def beat(text: str = "v1") -> Heartbeat:
    return Heartbeat(binary_checksum=bytes(32), binary_version=text, nat_summary={"nat_type": "unknown"})


class HeartbeatsContract:
    """Heartbeats, standings and the evaluator. Each test uses Nodes and hours of its own."""

    async def test_a_heartbeat_shows_in_the_standing(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        standing = await ground.standings(node.id)
        assert standing is not None
        assert standing.liveness.verdict(NOON, standing.thresholds).state is NEVER
        heard_at = ground.watch.forward(5)
        assert await ground.heartbeats.record(node.id, beat()) == heard_at
        standing = await ground.standings(node.id)
        assert standing is not None
        assert (standing.domain_id, standing.liveness.enrolled_at) == (domain, NOON)
        assert (standing.liveness.last_heartbeat_at, standing.liveness.run_began_at) == (heard_at, heard_at)

    async def test_nobody_hears_an_unknown_or_retired_node(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        await retire(ground, node.resource_id)
        assert await ground.heartbeats.record(node.id, beat()) is None
        assert await ground.heartbeats.record(NodeId(uuid4()), beat()) is None

    async def test_runs_break_at_the_domains_threshold(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        began = NOON
        for wait, breaks in ((0, True), (89.999, False), (90, True), (30, False)):
            at = ground.watch.forward(wait)
            began = at if breaks else began
            await ground.heartbeats.record(node.id, beat())
            standing = await ground.standings(node.id)
            assert standing is not None
            assert (standing.liveness.last_heartbeat_at, standing.liveness.run_began_at) == (at, began)

    async def test_many_at_once_some_of_them_twice(self, ground: Ground) -> None:
        domain, _ = await ground.domain(prefix=25)
        project = await ground.project(domain)
        resource = await ground.resource(project)
        nodes = [await enrol(ground, domain, project, resource) for _ in range(10)]
        everyone = [node.id for node in nodes] * 3 + [NodeId(uuid4())]
        answers = await asyncio.gather(*(ground.heartbeats.record(node, beat()) for node in everyone))
        assert answers == [NOON] * 30 + [None]
        standings = await asyncio.gather(*(ground.standings(node) for node in everyone))
        assert [one and one.liveness.last_heartbeat_at for one in standings] == answers

    async def test_the_evaluator_records_each_transition_once(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        evaluator = ReachabilityEvaluator(transactions=ground, clock=ground.watch, batch=1)
        await evaluator.tick()
        await ground.heartbeats.record(node.id, beat())
        expected = []
        for wait, edges in ((1, [(NEVER, HEALTHY)]), (90, [(HEALTHY, STALE)]), (9, []), (300, [(STALE, UNREACHABLE)])):
            ground.watch.forward(wait)
            await asyncio.gather(evaluator.tick(), evaluator.tick())
            expected += edges
            assert await transitions(ground, domain) == expected
        await ground.heartbeats.record(node.id, beat())
        await evaluator.tick()
        assert await transitions(ground, domain) == [*expected, (UNREACHABLE, HEALTHY)]

    async def test_overdue_is_whoever_the_rules_say(self, ground: Ground) -> None:
        domain, _ = await ground.domain(prefix=25)
        project = await ground.project(domain)
        resource = await ground.resource(project)
        nodes = [await enrol(ground, domain, project, resource) for _ in range(12)]
        random = Random(5)
        for _ in range(30):
            ground.watch.forward(random.choice((0.5, 29.5, 60.0, 90.0, 210.5)))
            for node in random.sample(nodes, 3):
                await ground.heartbeats.record(node.id, beat())
            if random.random() < 0.3:
                await ReachabilityEvaluator(transactions=ground, clock=ground.watch).tick()
            now = ground.watch.now()
            standings = [standing for node in nodes if (standing := await ground.standings(node.id))]
            due = {one.node_id for one in standings if one.liveness.evaluate(now, one.thresholds)[1]}
            async with ground.begin() as tx:
                found = await tx.liveness.overdue(now, 1000)
            assert {one.node_id for one in found if one.domain_id == domain} == due
            assert [one for one in found if one.domain_id == domain] == sorted(
                (one for one in standings if one.node_id in due), key=lambda one: one.node_id
            )


async def transitions(ground: Ground, domain: DomainId) -> list[tuple[str, str]]:
    facts = [fact for kind, fact in await ground.facts(domain) if kind == "NodeReachabilityChanged"]
    return [(fact["before"], fact["after"]) for fact in facts]
