from itertools import permutations
from uuid import UUID

import pytest

from plexsphere_adapters.memory.authz import MemoryGraph, MemoryTupleLedger
from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import PLATFORM, ObjectRef, ObjectType, Permission, Question
from plexsphere_domain.authz.projection import Changes, Fact, project
from plexsphere_domain.authz.projector import TupleProjector
from plexsphere_domain.kernel.ids import DomainId

DOMAIN = DomainId(UUID(int=0xD))
PROJECT, RESOURCE, NODE, USER = (str(UUID(int=each)) for each in (0xA, 0xB, 0xC, 0xE))
CREATOR = {"kind": "user", "id": USER}

DOMAIN_CREATED = Fact("DomainCreated", DOMAIN, {"slug": "acme", "created_by": CREATOR})
PROJECT_CREATED = Fact("ProjectCreated", DOMAIN, {"project_id": PROJECT, "created_by": CREATOR})
RESOURCE_CREATED = Fact("ResourceCreated", DOMAIN, {"project_id": PROJECT, "resource_id": RESOURCE})
NODE_REGISTERED = Fact("NodeRegistered", DOMAIN, {"node_id": NODE, "resource_id": RESOURCE, "project_id": PROJECT})


@pytest.mark.parametrize(
    ("fact", "tuples"),
    [
        (
            Fact("PlatformOperatorAppointed", None, {"operator": {"kind": "service", "id": USER}}),
            {f"platform:plexsphere#operator@serviceaccount:{USER}"},
        ),
        (DOMAIN_CREATED, {f"domain:{DOMAIN}#parent@platform:plexsphere", f"domain:{DOMAIN}#admin@user:{USER}"}),
        (PROJECT_CREATED, {f"project:{PROJECT}#parent@domain:{DOMAIN}", f"project:{PROJECT}#admin@user:{USER}"}),
        (
            Fact("ProjectCreated", DOMAIN, {"project_id": PROJECT, "created_by": {"kind": "system", "id": USER}}),
            {f"project:{PROJECT}#parent@domain:{DOMAIN}"},
        ),
        (RESOURCE_CREATED, {f"resource:{RESOURCE}#parent@project:{PROJECT}"}),
        (NODE_REGISTERED, {f"node:{NODE}#parent@resource:{RESOURCE}"}),
        (
            Fact("NodeRegistered", DOMAIN, {"node_id": NODE, "project_id": PROJECT}),
            {f"node:{NODE}#parent@project:{PROJECT}"},
        ),
        (Fact("DomainUpdated", DOMAIN, {}), set()),
    ],
    ids=lambda each: each.type if isinstance(each, Fact) else "",
)
def test_what_a_fact_makes_true(fact, tuples):
    changes = project([fact])
    assert {str(each) for each in changes.touched} == tuples
    assert changes.removed == frozenset()


@pytest.mark.parametrize(
    ("fact", "removed"),
    [
        (Fact("DomainDeleted", DOMAIN, {"slug": "acme"}), f"domain:{DOMAIN}"),
        (Fact("ProjectDeleted", DOMAIN, {"project_id": PROJECT}), f"project:{PROJECT}"),
        (Fact("ResourceDeleted", DOMAIN, {"resource_id": RESOURCE}), f"resource:{RESOURCE}"),
        (Fact("NodeDeregistered", DOMAIN, {"node_id": NODE}), f"node:{NODE}"),
    ],
    ids=lambda each: each.type if isinstance(each, Fact) else "",
)
def test_what_a_fact_takes_away(fact, removed):
    changes = project([fact])
    assert [str(each) for each in changes.removed] == [removed]
    assert not changes.touched


def test_within_a_batch_the_order_does_not_matter():
    facts = [DOMAIN_CREATED, PROJECT_CREATED, RESOURCE_CREATED, Fact("ProjectDeleted", DOMAIN, {"project_id": PROJECT})]
    outcomes = {project(order) for order in permutations(facts)}
    (changes,) = outcomes
    assert ObjectRef(ObjectType.PROJECT, PROJECT) in changes.removed
    assert {str(each.object.type) for each in changes.touched} == {"domain"}


def test_no_facts_no_changes():
    assert not project([])
    assert not Changes()


class TestProjector:
    async def test_it_projects_fact_by_fact_until_it_has_caught_up(self):
        graph = MemoryGraph()
        ledger = MemoryTupleLedger([DOMAIN_CREATED, PROJECT_CREATED, RESOURCE_CREATED, NODE_REGISTERED])
        projector = TupleProjector(ledger=ledger, graph=graph)
        assert await projector.step()
        assert not await projector.step()
        creator = ObjectRef(ObjectType.USER, USER)
        (answer,) = await graph.answers(
            [Question(creator, Permission.NODE_AGENT, ObjectRef(ObjectType.NODE, NODE))], at_least=ledger.revision
        )
        assert answer.yes

    async def test_facts_that_change_nothing_leave_the_revision_alone(self):
        ledger = MemoryTupleLedger([DOMAIN_CREATED])
        projector = TupleProjector(ledger=ledger, graph=MemoryGraph())
        await projector.step()
        before = ledger.revision
        ledger.facts.append(Fact("DomainUpdated", DOMAIN, {}))
        assert await projector.step()
        assert ledger.revision == before

    async def test_a_lost_graph_is_rebuilt_from_the_ledger(self):
        graph, ledger = MemoryGraph(), MemoryTupleLedger([DOMAIN_CREATED])
        projector = TupleProjector(ledger=ledger, graph=graph)
        await projector.step()
        graph.lose()
        question = Question(ObjectRef(ObjectType.USER, USER), Permission.MANAGE, ObjectRef(ObjectType.DOMAIN, DOMAIN))
        with pytest.raises(AuthzUnavailable):
            await graph.answers([question], at_least=None)
        await projector.step()
        (answer,) = await graph.answers([question], at_least=ledger.revision)
        assert answer.yes

    async def test_a_crash_between_graph_and_ledger_is_made_good_by_the_next_step(self):
        class Crashing(MemoryTupleLedger):
            async def settle(self, pending, changes, revision):
                raise ConnectionError

        graph, facts = MemoryGraph(), [DOMAIN_CREATED]
        with pytest.raises(ConnectionError):
            await TupleProjector(ledger=Crashing(facts), graph=graph).step()
        ledger = MemoryTupleLedger(facts)
        assert await TupleProjector(ledger=ledger, graph=graph).step()
        assert {each.object for each in ledger.kept} == {ObjectRef(ObjectType.DOMAIN, DOMAIN)}
        assert PLATFORM in {each.subject for each in ledger.kept}

    async def test_removed_objects_leave_the_ledger(self):
        ledger = MemoryTupleLedger([DOMAIN_CREATED, PROJECT_CREATED])
        projector = TupleProjector(ledger=ledger, graph=MemoryGraph())
        await projector.step()
        ledger.facts.append(Fact("ProjectDeleted", DOMAIN, {"project_id": PROJECT}))
        await projector.step()
        assert {each.object.type for each in ledger.kept} == {ObjectType.DOMAIN}

    async def test_a_graph_is_never_whole_without_the_newest_facts(self):
        class Watched(MemoryGraph):
            """Notes what it holds at the moment at which it becomes whole."""

            async def rebuild(self, tuples):
                held = [each async for batch in tuples for each in batch]
                self.held_when_whole = {str(each.object.type) for each in held}

                async def again():
                    yield held

                return await super().rebuild(again())

        graph = Watched()
        graph.lose()
        await TupleProjector(ledger=MemoryTupleLedger([DOMAIN_CREATED, PROJECT_CREATED]), graph=graph).step()
        assert graph.held_when_whole == {"domain", "project"}
