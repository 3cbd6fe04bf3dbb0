"""The relation graph of SpiceDB keeps the promises of the port, and agrees with the one in memory."""

import asyncio
import random
from itertools import product

import pytest
from attrs import evolve

from plexsphere_adapters.memory.authz import MemoryGraph
from plexsphere_adapters.spicedb.channel import Config, connect, is_loopback
from plexsphere_adapters.spicedb.graph import SpiceDbGraph
from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import PLATFORM, ObjectType, Permission, Question, Relation, RelationTuple
from plexsphere_domain.authz.projection import Changes
from plexsphere_domain.authz.schema import DERIVATIONS
from plexsphere_domain.kernel.secrets import SecretStr
from tests.ports.relation_graph import RelationGraphContract, Tenancy, ask, batches, ref

GRANTS = {
    ObjectType.PLATFORM: [Relation.OPERATOR, Relation.AUDITOR, Relation.READER],
    ObjectType.DOMAIN: [
        Relation.ADMIN,
        Relation.AUDITOR,
        Relation.MEMBER,
        Relation.APPROVER,
        Relation.EMERGENCY_APPROVER,
    ],
    ObjectType.PROJECT: [
        Relation.ADMIN,
        Relation.MAINTAINER,
        Relation.DEPLOYER,
        Relation.OPERATOR,
        Relation.OBSERVER,
    ],
    ObjectType.RESOURCE: [Relation.ADMIN, Relation.OPERATOR, Relation.OBSERVER],
    ObjectType.NODE: [Relation.AGENT],
}


class TestSpiceDbGraph(RelationGraphContract):
    pass


async def test_memory_and_spicedb_agree_on_every_permission_of_every_role(graph):
    """One user per role, asked for every permission on every object of two tenancies."""
    mine, other = Tenancy(), Tenancy()
    objects = [PLATFORM, *(each.object for each in (*mine.edges, *other.edges))]
    holders = [PLATFORM, mine.domain, mine.project, mine.resource, mine.node]
    held = [RelationTuple(holder, role, ref(ObjectType.USER)) for holder in holders for role in GRANTS[holder.type]]
    revision = await graph.rebuild(batches(*mine.edges, *other.edges, *held))
    in_memory = MemoryGraph.of(*mine.edges, *other.edges, *held)
    questions = [
        Question(holder.subject, permission, asked)
        for holder, asked in product(held, objects)
        for permission in DERIVATIONS[asked.type]
    ]
    for start in range(0, len(questions), 200):
        page = questions[start : start + 200]
        assert await graph.answers(page, at_least=revision) == await in_memory.answers(page, at_least=None)


async def test_memory_and_spicedb_agree_on_a_tangle_of_groups(graph):
    chance = random.Random(20260301)
    users = [ref(ObjectType.USER) for _ in range(6)]
    groups = [ref(ObjectType.GROUP) for _ in range(5)]
    domain = ref(ObjectType.DOMAIN)
    tangle = [
        *(RelationTuple(chance.choice(groups), Relation.MEMBER, each) for each in users),
        *(RelationTuple(groups[i], Relation.MEMBER, groups[i + 1], Relation.MEMBER) for i in range(3)),
        *(RelationTuple(domain, role, chance.choice(groups), Relation.MEMBER) for role in GRANTS[ObjectType.DOMAIN]),
    ]
    revision = await graph.rebuild(batches(*tangle))
    questions = [Question(each, permission, domain) for each in users for permission in DERIVATIONS[domain.type]]
    expected = await MemoryGraph.of(*tangle).answers(questions, at_least=None)
    assert await graph.answers(questions, at_least=revision) == expected


async def test_concurrent_gates_share_round_trips(spicedb, graph, tenancy, user):
    revision = await graph.rebuild(batches(*tenancy.edges, RelationTuple(tenancy.domain, Relation.ADMIN, user)))
    calls = 0

    async def counting(request, **options):
        nonlocal calls
        calls += 1
        return await spicedb.permissions.CheckBulkPermissions(request, **options)

    class Counting:
        CheckBulkPermissions = staticmethod(counting)

    shared = SpiceDbGraph(evolve(spicedb, permissions=Counting()))
    permissions = [Permission.MANAGE, Permission.EMERGENCY_APPROVER] * 50
    verdicts = await asyncio.gather(
        *(shared.answers([Question(user, each, tenancy.domain)], at_least=revision) for each in permissions)
    )
    assert [answer.yes for (answer,) in verdicts] == [True, False] * 50
    assert calls <= 10


async def test_gates_at_different_revisions_get_their_own_answers(graph, tenancy, user):
    first = await graph.rebuild(batches(*tenancy.edges))
    second_user = ref(ObjectType.USER)
    changes = [RelationTuple(tenancy.domain, Relation.ADMIN, each) for each in (user, second_user)]
    second = await graph.apply(Changes(frozenset(changes[:1])))
    third = await graph.apply(Changes(frozenset(changes[1:])))
    asked = [(user, second), (second_user, third), (user, first), (second_user, third), (user, None)]
    answers = await asyncio.gather(
        *(graph.answers([Question(who, Permission.READ, tenancy.domain)], at_least=when) for who, when in asked)
    )
    assert answers[1][0].yes
    assert answers[3][0].yes
    assert answers[0][0].yes


async def test_a_page_of_200_rows_is_one_round_trip(graph, tenancy, user):
    rows = [ref(ObjectType.PROJECT) for _ in range(200)]
    edges = [RelationTuple(row, Relation.PARENT, tenancy.domain) for row in rows[::2]]
    revision = await graph.rebuild(batches(*edges, RelationTuple(tenancy.domain, Relation.MEMBER, user)))
    answers = await graph.answers([Question(user, Permission.READ, row) for row in rows], at_least=revision)
    assert [answer.yes for answer in answers] == [True, False] * 100


async def test_a_revision_that_means_nothing_is_no_reason_to_deny(graph, tenancy, user):
    await graph.rebuild(batches(RelationTuple(tenancy.domain, Relation.ADMIN, user)))
    with pytest.raises(AuthzUnavailable):
        await ask(graph, user, Permission.READ, tenancy.domain, "not a token")


async def test_a_wrong_key_is_unavailability_and_does_not_show_the_key(engine, graph, user):
    wrong = SecretStr("wrong-preshared-key")
    async with connect(evolve(engine.config, key=wrong)) as connection:
        with pytest.raises(AuthzUnavailable) as unavailable:
            await ask(SpiceDbGraph(connection), user, Permission.READ, PLATFORM)
        assert "wrong-preshared-key" not in repr(connection) + repr(unavailable.value.__cause__)


async def test_nobody_listening_is_unavailability(unused_tcp_port, user):
    nowhere = Config(endpoint=f"127.0.0.1:{unused_tcp_port}", key=SecretStr("k"))
    async with connect(nowhere) as connection:
        with pytest.raises(AuthzUnavailable):
            await ask(SpiceDbGraph(connection), user, Permission.READ, PLATFORM)


async def test_writing_the_schema_again_changes_nothing(graph, tenancy, user):
    await graph.rebuild(batches(RelationTuple(tenancy.domain, Relation.ADMIN, user)))
    await graph.writer.write_schema()
    assert await graph.whole()


@pytest.mark.parametrize(
    ("endpoint", "here"),
    [
        ("127.0.0.1:50051", True),
        ("[::1]:50051", True),
        ("localhost:50051", True),
        ("10.0.0.1:50051", False),
        ("spicedb.example:50051", False),
        ("127.0.0.1.example:50051", False),
    ],
)
def test_the_key_travels_in_clear_to_this_machine_alone(endpoint, here):
    assert is_loopback(endpoint) is here
