from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from attrs import define, field

from plexsphere_adapters.memory.authz import MemoryDecisionJournal, MemoryGraph, MemoryResidency
from plexsphere_domain.authz.errors import AuthzUnavailable, PermissionDenied
from plexsphere_domain.authz.last_known import KnownDecision, LastKnownDecisions, StaleTtl
from plexsphere_domain.authz.model import (
    PLATFORM,
    Answer,
    BoundCaveat,
    Caveat,
    Granted,
    ObjectRef,
    ObjectType,
    Permission,
    Question,
    Reason,
    Relation,
    RelationTuple,
    Ruling,
    circumstances_of,
)
from plexsphere_domain.authz.service import Authorizer
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import DomainId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
USER = UUID("018f2d5e-0000-7000-8000-000000000001")
DOMAIN = ObjectRef(ObjectType.DOMAIN, "018f2d5e-0000-7000-8000-00000000000d")
PROJECT = ObjectRef(ObjectType.PROJECT, "018f2d5e-0000-7000-8000-00000000000e")
DOMAIN_ID = DomainId(UUID(DOMAIN.id))
EDGES = (RelationTuple(DOMAIN, Relation.PARENT, PLATFORM), RelationTuple(PROJECT, Relation.PARENT, DOMAIN))


@define
class StoppedClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@define
class CountingGraph:
    """A graph that can be away, and counts round trips."""

    graph: MemoryGraph
    away: bool = False
    round_trips: list[tuple[int, str | None]] = field(factory=list)

    async def answers(self, questions: Sequence[Question], *, at_least: str | None) -> Sequence[Answer]:
        self.round_trips.append((len(questions), at_least))
        if self.away:
            raise AuthzUnavailable
        return await self.graph.answers(questions, at_least=at_least)


@define
class Bench:
    graph: CountingGraph
    ttl: StaleTtl = field(factory=StaleTtl)
    journal: MemoryDecisionJournal = field(factory=MemoryDecisionJournal)
    clock: StoppedClock = field(factory=StoppedClock)
    authorizer: Authorizer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.authorizer = Authorizer(
            graph=self.graph,
            residency=MemoryResidency({DOMAIN: DOMAIN_ID, PROJECT: DOMAIN_ID}),
            journal=self.journal,
            clock=self.clock,
            known=LastKnownDecisions(self.ttl),
        )


def bench(*held: RelationTuple, ttl: StaleTtl | None = None) -> Bench:
    return Bench(CountingGraph(MemoryGraph.of(*EDGES, *held)), ttl or StaleTtl())


def actor(kind: PrincipalKind = PrincipalKind.USER, ip: str | None = "192.0.2.1") -> Actor:
    return Actor(principal=Principal(kind, USER), correlation_id="c-1", ip=ip, graph_revision="7")


def user_holds(object: ObjectRef, relation: Relation, caveat: BoundCaveat | None = None) -> RelationTuple:
    return RelationTuple(object, relation, ObjectRef(ObjectType.USER, str(USER)), caveat=caveat)


async def test_a_gate_costs_one_round_trip_at_the_revision_of_the_occasion():
    it = bench(user_holds(PROJECT, Relation.DEPLOYER))
    granted = await it.authorizer.authorize(actor(), Permission.DEPLOY, PROJECT)
    assert granted == Granted((f"{PROJECT}#deploy",))
    assert it.graph.round_trips == [(4, "7")]


async def test_a_grant_is_recorded_on_the_chain_of_the_owning_domain():
    it = bench(user_holds(DOMAIN, Relation.ADMIN))
    await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
    (ruling,) = it.journal.rulings
    assert (ruling.domain_id, ruling.internal_reason, ruling.actor.correlation_id) == (DOMAIN_ID, "granted", "c-1")


@pytest.mark.parametrize(
    ("held", "permission", "reason", "path"),
    [
        ([], Permission.READ, Reason.OUT_OF_SCOPE, ()),
        (
            [user_holds(PROJECT, Relation.OBSERVER)],
            Permission.DEPLOY,
            Reason.INSUFFICIENT_RELATION,
            (f"{PROJECT}#deploy",),
        ),
        (
            [user_holds(DOMAIN, Relation.MEMBER)],
            Permission.MANAGE,
            Reason.INSUFFICIENT_RELATION,
            (f"{PROJECT}#manage",),
        ),
        (
            [user_holds(PROJECT, Relation.ADMIN, BoundCaveat(Caveat.FROM_CIDR, {"cidr": "10.0.0.0/8"}))],
            Permission.MANAGE,
            Reason.CAVEAT_VIOLATION,
            (f"{PROJECT}#manage",),
        ),
    ],
    ids=["stranger", "observer", "member-of-the-domain", "wrong-network"],
)
async def test_a_denial_says_why_and_is_recorded(held, permission, reason, path):
    it = bench(*held)
    with pytest.raises(PermissionDenied) as denied:
        await it.authorizer.authorize(actor(), permission, PROJECT)
    assert (denied.value.reason, denied.value.relation_path) == (reason, path)
    assert [(ruling.domain_id, ruling.reason) for ruling in it.journal.rulings] == [(DOMAIN_ID, reason)]


async def test_a_caveat_that_holds_is_named_without_its_values():
    it = bench(user_holds(PROJECT, Relation.ADMIN, BoundCaveat(Caveat.FROM_CIDR, {"cidr": "192.0.2.0/24"})))
    await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
    assert it.journal.rulings[0].caveats == {Caveat.FROM_CIDR: ("ip",)}


async def test_an_occasion_without_an_address_violates_the_caveat_on_addresses():
    it = bench(user_holds(PROJECT, Relation.ADMIN, BoundCaveat(Caveat.FROM_CIDR, {"cidr": "192.0.2.0/24"})))
    with pytest.raises(PermissionDenied) as denied:
        await it.authorizer.authorize(actor(ip=None), Permission.MANAGE, PROJECT)
    assert denied.value.reason is Reason.CAVEAT_VIOLATION


@pytest.mark.parametrize(
    ("told", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_caveats_hear_of_addresses_only(told, canonical):
    assert circumstances_of(actor(ip=told), NOON).get("ip") == canonical


async def test_a_platform_operator_passes_every_gate_even_of_what_does_not_exist():
    it = bench(user_holds(PLATFORM, Relation.OPERATOR))
    nowhere = ObjectRef(ObjectType.PROJECT, str(uuid4()))
    granted = await it.authorizer.authorize(actor(), Permission.DEPLOY, nowhere)
    assert granted.relation_path == (f"{PLATFORM}#manage",)
    assert it.journal.rulings[0].domain_id is None


@pytest.mark.parametrize("kind", [PrincipalKind.NODE, PrincipalKind.BOOTSTRAP_TOKEN, PrincipalKind.SYSTEM])
async def test_who_has_no_place_in_the_graph_is_out_of_scope_without_asking_it(kind):
    it = bench()
    with pytest.raises(PermissionDenied) as denied:
        await it.authorizer.authorize(actor(kind), Permission.READ, PROJECT)
    assert denied.value.reason is Reason.OUT_OF_SCOPE
    assert it.graph.round_trips == []
    assert len(it.journal.rulings) == 1


async def test_a_journal_that_fails_keeps_the_gate_closed():
    class Broken:
        async def record(self, ruling: Ruling) -> None:
            raise ConnectionError

    it = bench(user_holds(PROJECT, Relation.ADMIN))
    authorizer = Authorizer(
        graph=it.graph,
        residency=MemoryResidency(),
        journal=Broken(),
        clock=it.clock,
        known=LastKnownDecisions(StaleTtl()),
    )
    with pytest.raises(ConnectionError):
        await authorizer.authorize(actor(), Permission.MANAGE, PROJECT)


class TestWhileTheGraphIsAway:
    async def test_nothing_is_decided_that_was_not_decided_before(self):
        it = bench(user_holds(PROJECT, Relation.ADMIN))
        it.graph.away = True
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        assert it.journal.rulings == []

    async def test_a_young_grant_is_used_again_and_recorded_as_such(self):
        it = bench(user_holds(PROJECT, Relation.ADMIN))
        await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        it.graph.away = True
        it.clock.at = NOON + timedelta(seconds=29)
        await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        ruling = it.journal.rulings[-1]
        assert (ruling.internal_reason, ruling.reason, ruling.domain_id) == ("stale_granted", "granted", DOMAIN_ID)

    async def test_a_young_denial_is_used_again(self):
        it = bench()
        with pytest.raises(PermissionDenied):
            await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        it.graph.away = True
        with pytest.raises(PermissionDenied) as denied:
            await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        assert denied.value.reason is Reason.OUT_OF_SCOPE
        assert it.journal.rulings[-1].internal_reason == "stale_out_of_scope"

    async def test_a_decision_that_hung_on_a_caveat_is_not_used_on_another_occasion(self):
        it = bench(user_holds(PROJECT, Relation.DEPLOYER, BoundCaveat(Caveat.FROM_CIDR, {"cidr": "192.0.2.0/24"})))
        await it.authorizer.authorize(actor(ip="192.0.2.1"), Permission.DEPLOY, PROJECT)
        it.graph.away = True
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(ip="198.51.100.1"), Permission.DEPLOY, PROJECT)

    async def test_a_caveat_that_comes_later_ends_what_was_known(self):
        it = bench(user_holds(PROJECT, Relation.DEPLOYER))
        await it.authorizer.authorize(actor(), Permission.DEPLOY, PROJECT)
        caveated = user_holds(PROJECT, Relation.DEPLOYER, BoundCaveat(Caveat.FROM_CIDR, {"cidr": "192.0.2.0/24"}))
        it.graph.graph = MemoryGraph.of(*EDGES, caveated)
        await it.authorizer.authorize(actor(), Permission.DEPLOY, PROJECT)
        it.graph.away = True
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(), Permission.DEPLOY, PROJECT)

    async def test_an_old_decision_is_not_used(self):
        it = bench(user_holds(PROJECT, Relation.ADMIN))
        await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        it.graph.away = True
        it.clock.at = NOON + timedelta(seconds=30)
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)

    async def test_a_domain_can_forbid_it(self):
        it = bench(user_holds(PROJECT, Relation.ADMIN), ttl=StaleTtl(of_domain={DOMAIN_ID: timedelta()}))
        await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        it.graph.away = True
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)

    async def test_a_decision_is_no_good_for_another_permission(self):
        it = bench(user_holds(PROJECT, Relation.ADMIN))
        await it.authorizer.authorize(actor(), Permission.READ, PROJECT)
        it.graph.away = True
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)

    async def test_a_graph_that_lost_everything_does_not_deny(self):
        it = bench(user_holds(PROJECT, Relation.ADMIN))
        await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        it.graph.graph.lose()
        await it.authorizer.authorize(actor(), Permission.MANAGE, PROJECT)
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.authorize(actor(), Permission.DEPLOY, PROJECT)

    async def test_lists_are_unavailable(self):
        it = bench()
        it.graph.away = True
        with pytest.raises(AuthzUnavailable):
            await it.authorizer.visible(actor(), Permission.READ, ObjectType.PROJECT, [uuid4()])


class TestVisible:
    async def test_a_page_costs_one_round_trip(self):
        mine, other = uuid4(), uuid4()
        it = bench(user_holds(ObjectRef(ObjectType.PROJECT, mine), Relation.OBSERVER))
        visible = await it.authorizer.visible(actor(), Permission.READ, ObjectType.PROJECT, [mine, other])
        assert visible == {mine}
        assert it.graph.round_trips == [(3, "7")]

    async def test_a_platform_operator_sees_all(self):
        page = [uuid4(), uuid4()]
        it = bench(user_holds(PLATFORM, Relation.OPERATOR))
        assert await it.authorizer.visible(actor(), Permission.READ, ObjectType.DOMAIN, page) == set(page)

    async def test_a_node_sees_nothing(self):
        it = bench()
        page = [uuid4()]
        assert not await it.authorizer.visible(actor(PrincipalKind.NODE), Permission.READ, ObjectType.NODE, page)

    async def test_an_empty_page_asks_nothing(self):
        it = bench()
        assert await it.authorizer.visible(actor(), Permission.READ, ObjectType.DOMAIN, []) == frozenset()
        assert it.graph.round_trips == []


def test_the_memory_of_decisions_is_bounded():
    memory = LastKnownDecisions(StaleTtl(), capacity=2)
    subject = ObjectRef(ObjectType.USER, str(USER))
    keys = [(subject, each, PROJECT) for each in (Permission.READ, Permission.DEPLOY, Permission.MANAGE)]
    known = KnownDecision(Granted(()), None, NOON)
    memory.remember(keys[0], known)
    memory.remember(keys[1], known)
    assert memory.recall(keys[0], NOON)
    memory.remember(keys[2], known)
    assert [memory.recall(key, NOON) is not None for key in keys] == [True, False, True]
