"""What every relation graph promises. Subclassed for memory (unit) and SpiceDB (integration)."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import pytest

from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import (
    PLATFORM,
    BoundCaveat,
    Caveat,
    Circumstance,
    ObjectRef,
    ObjectType,
    Permission,
    Question,
    Relation,
    RelationTuple,
    Verdict,
)
from plexsphere_domain.authz.ports import GraphWriter, RelationGraph
from plexsphere_domain.authz.projection import Changes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Graph(RelationGraph, GraphWriter, Protocol):
    """Both sides of one graph."""


def ref(type: ObjectType) -> ObjectRef:
    return ObjectRef(type, str(uuid4()))


async def batches(*tuples: RelationTuple) -> AsyncIterator[Sequence[RelationTuple]]:
    yield tuples


async def ask(
    graph: Graph,
    subject: ObjectRef,
    permission: Permission,
    object: ObjectRef,
    at_least: str | None = None,
    **circumstances: Circumstance,
) -> Verdict:
    (answer,) = await graph.answers([Question(subject, permission, object, circumstances)], at_least=at_least)
    return answer.verdict


class Tenancy:
    """A Domain with a Project with a Resource with a Node, and the edges between them."""

    def __init__(self) -> None:
        self.domain, self.project = ref(ObjectType.DOMAIN), ref(ObjectType.PROJECT)
        self.resource, self.node = ref(ObjectType.RESOURCE), ref(ObjectType.NODE)
        self.edges = [
            RelationTuple(self.domain, Relation.PARENT, PLATFORM),
            RelationTuple(self.project, Relation.PARENT, self.domain),
            RelationTuple(self.resource, Relation.PARENT, self.project),
            RelationTuple(self.node, Relation.PARENT, self.resource),
        ]


@pytest.fixture
def tenancy() -> Tenancy:
    return Tenancy()


@pytest.fixture
def user() -> ObjectRef:
    return ref(ObjectType.USER)


class RelationGraphContract:
    async def test_a_graph_that_is_not_whole_gives_no_answers_and_takes_no_changes(self, graph, tenancy, user):
        async def breaks_off() -> AsyncIterator[Sequence[RelationTuple]]:
            yield tenancy.edges
            raise InterruptedError

        with pytest.raises(InterruptedError):
            await graph.rebuild(breaks_off())
        assert not await graph.whole()
        with pytest.raises(AuthzUnavailable):
            await ask(graph, user, Permission.READ, tenancy.domain)
        with pytest.raises(AuthzUnavailable):
            await graph.apply(Changes(frozenset(tenancy.edges)))

    async def test_after_a_rebuild_it_holds_exactly_what_it_was_given(self, graph, tenancy, user):
        await graph.rebuild(batches(RelationTuple(tenancy.domain, Relation.ADMIN, user)))
        revision = await graph.rebuild(batches(*tenancy.edges, RelationTuple(tenancy.project, Relation.ADMIN, user)))
        assert await graph.whole()
        assert await ask(graph, user, Permission.MANAGE, tenancy.project, revision) is Verdict.YES
        assert await ask(graph, user, Permission.MANAGE, tenancy.domain, revision) is Verdict.NO

    async def test_a_change_is_visible_at_its_revision(self, graph, tenancy, user):
        await graph.rebuild(batches(*tenancy.edges))
        revision = await graph.apply(Changes(frozenset({RelationTuple(tenancy.domain, Relation.ADMIN, user)})))
        assert await ask(graph, user, Permission.NODE_AGENT, tenancy.node, revision) is Verdict.YES

    async def test_a_change_can_be_made_twice(self, graph, tenancy, user):
        await graph.rebuild(batches())
        changes = Changes(
            frozenset({*tenancy.edges, RelationTuple(tenancy.domain, Relation.MEMBER, user)}),
            frozenset({ref(ObjectType.PROJECT)}),
        )
        await graph.apply(changes)
        revision = await graph.apply(changes)
        assert await ask(graph, user, Permission.READ, tenancy.project, revision) is Verdict.YES

    async def test_nothing_is_left_of_a_removed_object(self, graph, tenancy, user):
        held = RelationTuple(tenancy.project, Relation.OBSERVER, user)
        await graph.rebuild(batches(*tenancy.edges, held))
        revision = await graph.apply(Changes(removed=frozenset({tenancy.project})))
        assert await ask(graph, user, Permission.BOUND, tenancy.project, revision) is Verdict.NO
        assert await ask(graph, user, Permission.OBSERVE, tenancy.resource, revision) is Verdict.NO

    async def test_answers_keep_the_order_of_the_questions(self, graph, tenancy, user):
        revision = await graph.rebuild(batches(*tenancy.edges, RelationTuple(tenancy.project, Relation.DEPLOYER, user)))
        asked = [Permission.DEPLOY, Permission.MANAGE, Permission.OBSERVE, Permission.OPERATOR, Permission.DEPLOY]
        answers = await graph.answers([Question(user, each, tenancy.project) for each in asked], at_least=revision)
        assert [answer.yes for answer in answers] == [True, False, True, False, True]

    async def test_no_question_no_answer(self, graph):
        await graph.rebuild(batches())
        assert list(await graph.answers([], at_least=None)) == []

    async def test_members_of_nested_groups_hold_what_the_group_holds(self, graph, tenancy, user):
        inner, outer = ref(ObjectType.GROUP), ref(ObjectType.GROUP)
        revision = await graph.rebuild(
            batches(
                *tenancy.edges,
                RelationTuple(inner, Relation.MEMBER, user),
                RelationTuple(outer, Relation.MEMBER, inner, Relation.MEMBER),
                RelationTuple(tenancy.domain, Relation.AUDITOR, outer, Relation.MEMBER),
            )
        )
        assert await ask(graph, user, Permission.AUDITOR, tenancy.domain, revision) is Verdict.YES
        assert await ask(graph, user, Permission.MANAGE, tenancy.domain, revision) is Verdict.NO

    async def test_service_identities_are_subjects_of_their_own(self, graph, tenancy):
        service = ref(ObjectType.SERVICE_IDENTITY)
        revision = await graph.rebuild(batches(*tenancy.edges, RelationTuple(tenancy.node, Relation.AGENT, service)))
        namesake = ObjectRef(ObjectType.USER, service.id)
        assert await ask(graph, service, Permission.NODE_AGENT, tenancy.node, revision) is Verdict.YES
        assert await ask(graph, namesake, Permission.NODE_AGENT, tenancy.node, revision) is Verdict.NO

    async def test_a_platform_reader_may_be_everybody(self, graph, user):
        everybody = RelationTuple(PLATFORM, Relation.READER, ObjectRef(ObjectType.USER, "*"))
        revision = await graph.rebuild(batches(everybody))
        assert await ask(graph, user, Permission.READ, PLATFORM, revision) is Verdict.YES
        assert await ask(graph, user, Permission.AUDITOR, PLATFORM, revision) is Verdict.NO

    @pytest.mark.parametrize(
        ("caveat", "holds", "fails"),
        [
            (
                BoundCaveat(
                    Caveat.WITHIN_TIME_WINDOW,
                    {"not_before": "2026-03-01T12:00:00Z", "not_after": "2026-03-01T13:00:00Z"},
                ),
                {"now": NOON},
                {"now": NOON.replace(hour=13)},
            ),
            (
                BoundCaveat(Caveat.FROM_CIDR, {"cidr": "2001:db8::/32"}),
                {"ip": "2001:db8::7"},
                {"ip": "192.0.2.7"},
            ),
            (
                BoundCaveat(Caveat.REQUIRES_ASSURANCE, {"acr_values": ["gold"], "amr_values": ["hwk", "pin"]}),
                {"acr": "gold", "amr": ("pin", "hwk", "user")},
                {"acr": "gold", "amr": ("pin",)},
            ),
            (
                BoundCaveat(Caveat.REQUIRES_ASSURANCE, {"acr_values": [], "amr_values": ["mfa"]}),
                {"acr": "bronze", "amr": ("mfa",)},
                {"acr": "bronze", "amr": ()},
            ),
        ],
        ids=["time", "cidr", "acr", "amr"],
    )
    async def test_a_caveat_decides_by_the_occasion(self, graph, tenancy, user, caveat, holds, fails):
        held = RelationTuple(tenancy.domain, Relation.ADMIN, user, caveat=caveat)
        revision = await graph.rebuild(batches(*tenancy.edges, held))
        assert await ask(graph, user, Permission.DEPLOY, tenancy.project, revision, **holds) is Verdict.YES
        assert await ask(graph, user, Permission.DEPLOY, tenancy.project, revision, **fails) is Verdict.NO
        question = Question(user, Permission.DEPLOY, tenancy.project)
        (unconditional,) = await graph.answers([question], at_least=revision)
        assert unconditional.verdict is Verdict.CONDITIONAL
        assert unconditional.missing
        assert unconditional.missing <= set(holds)

    async def test_touching_a_tuple_replaces_its_caveat(self, graph, tenancy, user):
        narrow = BoundCaveat(Caveat.FROM_CIDR, {"cidr": "10.0.0.0/8"})
        await graph.rebuild(batches(RelationTuple(tenancy.domain, Relation.ADMIN, user, caveat=narrow)))
        revision = await graph.apply(Changes(frozenset({RelationTuple(tenancy.domain, Relation.ADMIN, user)})))
        assert await ask(graph, user, Permission.MANAGE, tenancy.domain, revision) is Verdict.YES
