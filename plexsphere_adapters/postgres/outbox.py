"""The outbox: facts leave a transaction here, and reach each consumer in order and at least once.

A row's place is `(txid, position)`. Positions alone are not enough: they are drawn before the commit, so a row could
appear behind a cursor that has already moved on. A reader therefore only looks at rows of transactions below the
oldest one still running (`pg_snapshot_xmin`): from there on nothing can appear in between.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from plexsphere_adapters.postgres.encoding import payload_of
from plexsphere_adapters.postgres.sql import Connection, execute, fetch
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import DomainId, NewId

SHARDS = 16
CHANNEL = "plexsphere_outbox"
"""Where a transaction that appends facts gives a hint: their types, separated by commas."""


def shard_of(domain_id: DomainId | None) -> int:
    """The shard whose order a Domain's facts keep: 0..15, 0 for facts about the platform."""
    return domain_id.int % SHARDS if domain_id else 0


@frozen(kw_only=True)
class PostgresOutbox:
    """Appends to the outbox of the transaction that holds `connection`."""

    connection: Connection
    clock: Clock
    new_id: NewId

    async def append(self, *events: DomainEvent) -> None:
        if not events:
            return
        now = self.clock.now()
        await self.connection.execute(
            """
            INSERT INTO plexsphere.outbox (id, type, domain_id, shard, payload, occurred_at)
            SELECT id, type, domain_id, shard, payload::jsonb, %(now)s
              FROM unnest(%(ids)s::uuid[], %(types)s::text[], %(domains)s::uuid[], %(shards)s::smallint[],
                          %(payloads)s::text[]) AS facts (id, type, domain_id, shard, payload)
            """,
            {
                "now": now,
                "ids": [self.new_id() for _ in events],
                "types": [event.type for event in events],
                "domains": [event.domain_id for event in events],
                "shards": [shard_of(event.domain_id) for event in events],
                "payloads": [payload_of(event) for event in events],
            },
        )
        hint = ",".join(sorted({event.type for event in events}))
        await self.connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, hint))


@frozen(kw_only=True)
class Place:
    """Where a consumer stands in a shard: the last row it consumed."""

    txid: int
    position: int


START = Place(txid=0, position=0)


@frozen
class StoredEvent:
    """A fact as the outbox keeps it."""

    place: Place
    id: UUID
    type: str
    domain_id: DomainId | None
    payload: dict[str, Any]
    occurred_at: datetime


@frozen(kw_only=True)
class Reading:
    """What was read of a shard, between the cursor at `start` and `end`: the facts that concern the consumer."""

    events: tuple[StoredEvent, ...]
    start: Place
    end: Place


@frozen(kw_only=True)
class OutboxReader:
    """One consumer's view of the outbox: facts of `types`, or all. It keeps a cursor per shard, and nothing else."""

    consumer: str
    types: frozenset[str] | None = None

    def wants(self, hint: str) -> bool:
        """Whether a hint on `CHANNEL` tells of facts that concern the consumer."""
        return self.types is None or not self.types.isdisjoint(hint.split(","))

    async def read(self, connection: Connection, shard: int, limit: int) -> Reading | None:
        """The next facts of the shard, in order, out of up to `limit` of any type; None where there is none."""
        types = None if self.types is None else list(self.types)
        cursor = await connection.execute(
            """
            WITH start AS MATERIALIZED (
                SELECT coalesce(max(position), 0) AS position,
                       coalesce((array_agg(txid))[1], '0'::xid8) AS txid
                  FROM plexsphere.outbox_cursors
                 WHERE consumer = %(consumer)s AND shard = %(shard)s
            ), next AS MATERIALIZED (
                SELECT txid, position, id, type, domain_id, payload, occurred_at
                  FROM plexsphere.outbox
                 WHERE shard = %(shard)s
                   AND (txid, position) > ((SELECT txid FROM start), (SELECT position FROM start))
                   AND txid < pg_snapshot_xmin(pg_current_snapshot())
                 ORDER BY plexsphere.outbox.txid, position
                 LIMIT %(limit)s
            )
            SELECT (SELECT txid FROM start)::text::bigint, (SELECT position FROM start),
                   txid::text::bigint, position, id, type, domain_id, payload, occurred_at
              FROM next
             WHERE %(types)s::text[] IS NULL OR type = ANY(%(types)s)
                OR (txid, position) = (SELECT txid, position FROM next ORDER BY txid DESC, position DESC LIMIT 1)
             ORDER BY next.txid, next.position
            """,
            {"shard": shard, "consumer": self.consumer, "limit": limit, "types": types},
        )
        rows = await cursor.fetchall()
        if not rows:
            return None
        events = [StoredEvent(Place(txid=row[2], position=row[3]), *row[4:]) for row in rows]
        return Reading(
            events=tuple(event for event in events if self.types is None or event.type in self.types),
            start=Place(txid=rows[0][0], position=rows[0][1]),
            end=events[-1].place,
        )

    async def waiting(self, connection: Connection) -> Sequence[int]:
        """The shards that hold facts of any type beyond the consumer's cursors."""
        return await self._behind(connection, None)

    async def wanting(self, connection: Connection) -> Sequence[int]:
        """The shards that hold facts that concern the consumer beyond its cursors."""
        return await self._behind(connection, self.types)

    async def _behind(self, connection: Connection, types: frozenset[str] | None) -> Sequence[int]:
        rows = await fetch(
            connection,
            """
            SELECT s.shard
              FROM generate_series(0, %(last)s) AS s (shard)
              LEFT JOIN plexsphere.outbox_cursors c ON c.consumer = %(consumer)s AND c.shard = s.shard
             WHERE EXISTS (
                       SELECT FROM plexsphere.outbox o
                        WHERE o.shard = s.shard
                          AND (o.txid, o.position) > (coalesce(c.txid, '0'::xid8), coalesce(c.position, 0))
                          AND (%(types)s::text[] IS NULL OR o.type = ANY(%(types)s)))
            """,
            last=SHARDS - 1,
            consumer=self.consumer,
            types=None if types is None else list(types),
        )
        return [row["shard"] for row in rows]

    async def advance(self, connection: Connection, shard: int, to: Place) -> None:
        """Remember that everything up to and including `to` is consumed."""
        await execute(
            connection,
            """
            INSERT INTO plexsphere.outbox_cursors (consumer, shard, txid, position)
            VALUES (%(consumer)s, %(shard)s, %(txid)s::text::xid8, %(position)s)
                ON CONFLICT (consumer, shard) DO UPDATE SET txid = excluded.txid, position = excluded.position
            """,
            consumer=self.consumer,
            shard=shard,
            txid=to.txid,
            position=to.position,
        )
