"""The relay's side of the outbox: its cursor, and the facts that wait aside."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from plexsphere_adapters.postgres.outbox import START, OutboxReader, Place, StoredEvent
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.kernel.ids import DomainId, EventId
from plexsphere_domain.mesh.bus.announcements import Fact
from plexsphere_domain.mesh.bus.errors import CursorMoved
from plexsphere_domain.mesh.bus.ports import Batch, Position

CONSUMER: Final = "relay"
READER: Final = OutboxReader(consumer=CONSUMER)


@frozen
class PostgresBacklog:
    """Implements `Backlog` for one shard. A fact that is set aside is copied, so that the outbox may forget it."""

    pool: Pool
    shard: int

    async def read(self, limit: int) -> Batch:
        async with connection(self.pool) as held:
            reading = await READER.read(held, self.shard, limit)
        if reading is None:
            return Batch(start=_position(START), facts=(), end=_position(START))
        facts = [_fact(event) for event in reading.events]
        return Batch(start=_position(reading.start), facts=facts, end=_position(reading.end))

    async def advance(self, batch: Batch, aside: Sequence[Fact]) -> None:
        async with connection(self.pool) as held:
            if aside:
                async with held.transaction():
                    await self._park(held, batch, aside)
                    await self._move(held, batch.start, batch.end)
            else:
                await self._move(held, batch.start, batch.end)

    async def waiting(self) -> frozenset[DomainId]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                "SELECT DISTINCT domain_id FROM plexsphere.outbox_parked WHERE shard = %(shard)s",
                shard=self.shard,
            )
        return frozenset(DomainId(row["domain_id"]) for row in rows)

    async def aside(self, domain: DomainId, limit: int) -> Sequence[Fact]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                """
                SELECT id, type, domain_id, payload, occurred_at
                  FROM plexsphere.outbox_parked
                 WHERE shard = %(shard)s AND domain_id = %(domain)s
                 ORDER BY txid, position
                 LIMIT %(limit)s
                """,
                shard=self.shard,
                domain=domain,
                limit=limit,
            )
        return [Fact(**row) for row in rows]

    async def release(self, facts: Sequence[Fact]) -> None:
        async with connection(self.pool) as held:
            await execute(
                held, "DELETE FROM plexsphere.outbox_parked WHERE id = ANY(%(ids)s)", ids=[fact.id for fact in facts]
            )

    async def count_aside(self) -> int:
        async with connection(self.pool) as held:
            row = await fetch_one(
                held, "SELECT count(*) AS count FROM plexsphere.outbox_parked WHERE shard = %(shard)s", shard=self.shard
            )
        return int(row["count"]) if row else 0

    async def _move(self, held: Connection, start: Position, end: Position) -> None:
        """Compare and set: raises CursorMoved unless the cursor stood at `start`."""
        moved = await execute(
            held,
            """
            INSERT INTO plexsphere.outbox_cursors AS cursor (consumer, shard, txid, position)
            VALUES (%(consumer)s, %(shard)s, %(to_txid)s::text::xid8, %(to_position)s)
                ON CONFLICT (consumer, shard) DO UPDATE SET txid = excluded.txid, position = excluded.position
             WHERE (cursor.txid, cursor.position) = (%(from_txid)s::text::xid8, %(from_position)s)
            """,
            consumer=CONSUMER,
            shard=self.shard,
            from_txid=start[0],
            from_position=start[1],
            to_txid=end[0],
            to_position=end[1],
        )
        if moved != 1:
            raise CursorMoved

    async def _park(self, held: Connection, batch: Batch, aside: Sequence[Fact]) -> None:
        await execute(
            held,
            """
            INSERT INTO plexsphere.outbox_parked (shard, domain_id, txid, position, id, type, payload, occurred_at)
            SELECT shard, domain_id, txid, position, id, type, payload, occurred_at
              FROM plexsphere.outbox
             WHERE shard = %(shard)s
               AND (txid, position) > (%(from_txid)s::text::xid8, %(from_position)s)
               AND (txid, position) <= (%(to_txid)s::text::xid8, %(to_position)s)
               AND id = ANY(%(ids)s)
            """,
            shard=self.shard,
            from_txid=batch.start[0],
            from_position=batch.start[1],
            to_txid=batch.end[0],
            to_position=batch.end[1],
            ids=[fact.id for fact in aside],
        )


async def busy(pool: Pool) -> frozenset[int]:
    """The shards in which facts are to be announced, or wait aside. Some may be invisible until a transaction ends."""
    async with connection(pool) as held:
        behind = await READER.waiting(held)
        parked: list[dict[str, Any]] = await fetch(held, "SELECT DISTINCT shard FROM plexsphere.outbox_parked")
    return frozenset(behind) | frozenset(row["shard"] for row in parked)


def _fact(event: StoredEvent) -> Fact:
    return Fact(
        id=EventId(event.id),
        type=event.type,
        domain_id=event.domain_id,
        payload=event.payload,
        occurred_at=event.occurred_at,
    )


def _position(place: Place) -> Position:
    return Position((place.txid, place.position))
