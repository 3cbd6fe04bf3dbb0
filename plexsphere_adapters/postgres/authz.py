"""The truth of authorisation: relation tuples, the newest revision of the graph, and how far facts were projected."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from psycopg.types.json import Jsonb

from plexsphere_adapters.postgres.outbox import OutboxReader, Place
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection, execute, fetch
from plexsphere_domain.authz.model import BoundCaveat, Caveat, ObjectRef, ObjectType, Relation, RelationTuple
from plexsphere_domain.authz.ports import Pending
from plexsphere_domain.authz.projection import PROJECTED_TYPES, Changes, Fact

CONSUMER = "authz"
PROJECTED = "plexsphere_projected"
"""The channel that is notified when the projection has moved."""

BATCH = 1_000

READER = OutboxReader(consumer=CONSUMER, types=PROJECTED_TYPES)

Position = Mapping[int, Place]
"""The last fact of each shard that was read."""


@frozen
class PostgresTupleLedger:
    """TupleLedger over the outbox, for one worker at a time. Two do each other no harm: they repeat the same work."""

    pool: Pool

    async def pending(self, limit: int) -> Pending[Position] | None:
        facts: list[Fact] = []
        position: dict[int, Place] = {}
        async with connection(self.pool) as held:
            for shard in await READER.waiting(held):
                if len(facts) >= limit:
                    break
                reading = await READER.read(held, shard, limit - len(facts))
                if reading:
                    facts.extend(Fact(event.type, event.domain_id, event.payload) for event in reading.events)
                    position[shard] = reading.end
        return Pending(tuple(facts), position) if position else None

    async def settle(self, pending: Pending[Position], changes: Changes, revision: str | None) -> None:
        async with connection(self.pool) as held, held.transaction():
            await _touch(held, changes.touched)
            await _remove(held, changes.removed)
            for shard, place in pending.position.items():
                await READER.advance(held, shard, place)
            if revision is not None:
                await _mark(held, revision)
            await _notify(held)

    async def tuples(self) -> AsyncIterator[Sequence[RelationTuple]]:
        last: Mapping[str, Any] = dict.fromkeys(_KEY, "")
        while True:
            async with connection(self.pool) as held:
                rows = await fetch(
                    held,
                    """
                    SELECT object_type, object_id, relation, subject_type, subject_id, subject_relation,
                           caveat_name, caveat_context
                      FROM plexsphere.relation_tuples
                     WHERE (object_type, object_id, relation, subject_type, subject_id, subject_relation)
                         > (%(object_type)s, %(object_id)s, %(relation)s, %(subject_type)s, %(subject_id)s,
                            %(subject_relation)s)
                     ORDER BY object_type, object_id, relation, subject_type, subject_id, subject_relation
                     LIMIT %(limit)s
                    """,
                    limit=BATCH,
                    **{column: last[column] for column in _KEY},
                )
            if not rows:
                return
            yield [_tuple(row) for row in rows]
            last = rows[-1]

    async def rebuilt(self, revision: str) -> None:
        async with connection(self.pool) as held, held.transaction():
            await _mark(held, revision)
            await _notify(held)


_KEY = ("object_type", "object_id", "relation", "subject_type", "subject_id", "subject_relation")


def _tuple(row: Mapping[str, Any]) -> RelationTuple:
    caveat = BoundCaveat(Caveat(row["caveat_name"]), row["caveat_context"]) if row["caveat_name"] else None
    return RelationTuple(
        ObjectRef(ObjectType(row["object_type"]), row["object_id"]),
        Relation(row["relation"]),
        ObjectRef(ObjectType(row["subject_type"]), row["subject_id"]),
        Relation(row["subject_relation"]) if row["subject_relation"] else None,
        caveat,
    )


async def _touch(held: Connection, tuples: frozenset[RelationTuple]) -> None:
    """Keep tuples that follow from facts. What an operator granted already stays the operator's."""
    if not tuples:
        return
    ordered = sorted(tuples, key=str)  # one order of locks for everybody
    await execute(
        held,
        """
        INSERT INTO plexsphere.relation_tuples
               (object_type, object_id, relation, subject_type, subject_id, subject_relation, caveat_name,
                caveat_context)
        SELECT * FROM unnest(%(object_types)s::text[], %(object_ids)s::text[], %(relations)s::text[],
                             %(subject_types)s::text[], %(subject_ids)s::text[], %(subject_relations)s::text[],
                             %(caveat_names)s::text[], %(caveat_contexts)s::jsonb[])
            ON CONFLICT ON CONSTRAINT relation_tuples_pk DO NOTHING
        """,
        object_types=[each.object.type for each in ordered],
        object_ids=[each.object.id for each in ordered],
        relations=[each.relation for each in ordered],
        subject_types=[each.subject.type for each in ordered],
        subject_ids=[each.subject.id for each in ordered],
        subject_relations=[each.subject_relation or "" for each in ordered],
        caveat_names=[each.caveat.name if each.caveat else None for each in ordered],
        caveat_contexts=[Jsonb(each.caveat.context) if each.caveat else None for each in ordered],
    )


async def _remove(held: Connection, objects: frozenset[ObjectRef]) -> None:
    """Forget everything that was said about the objects, whoever said it."""
    if not objects:
        return
    await execute(
        held,
        """
        DELETE FROM plexsphere.relation_tuples t
         USING unnest(%(types)s::text[], %(ids)s::text[]) AS gone (type, id)
         WHERE t.object_type = gone.type AND t.object_id = gone.id
        """,
        types=[each.type for each in objects],
        ids=[each.id for each in objects],
    )


async def _mark(held: Connection, revision: str) -> None:
    await execute(
        held,
        """
        INSERT INTO plexsphere.graph_watermark (revision) VALUES (%(revision)s)
            ON CONFLICT ON CONSTRAINT graph_watermark_pk DO UPDATE SET revision = excluded.revision, changed_at = now()
        """,
        revision=revision,
    )


async def _notify(held: Connection) -> None:
    await execute(held, "SELECT pg_notify(%(channel)s, '')", channel=PROJECTED)
