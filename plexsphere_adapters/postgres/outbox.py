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
        await self.connection.execute("SELECT pg_notify(%(channel)s, '')", {"channel": CHANNEL})


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
    """What was read of a shard: the facts that concern the consumer, and the place up to which it has then seen all."""

    events: tuple[StoredEvent, ...]
    end: Place | None


@frozen(kw_only=True)
class OutboxReader:
    """One consumer's view of the outbox: facts of `types`, or all. It keeps a cursor per shard, and nothing else."""

    consumer: str
    types: frozenset[str] | None = None

    async def read(self, connection: Connection, shard: int, limit: int) -> Reading:
        """The next facts of the shard behind the cursor, in order, out of up to `limit` of any type."""
        types = None if self.types is None else list(self.types)
        cursor = await connection.execute(
            """
            WITH next AS MATERIALIZED (
                SELECT txid, position, id, type, domain_id, payload, occurred_at
                  FROM plexsphere.outbox
                 WHERE shard = %(shard)s
                   AND (txid, position) > (
                           coalesce((SELECT txid FROM plexsphere.outbox_cursors
                                      WHERE consumer = %(consumer)s AND shard = %(shard)s), '0'::xid8),
                           coalesce((SELECT position FROM plexsphere.outbox_cursors
                                      WHERE consumer = %(consumer)s AND shard = %(shard)s), 0))
                   AND txid < pg_snapshot_xmin(pg_current_snapshot())
                 ORDER BY plexsphere.outbox.txid, position
                 LIMIT %(limit)s
            )
            SELECT txid::text::bigint, position, id, type, domain_id, payload, occurred_at
              FROM next
             WHERE %(types)s::text[] IS NULL OR type = ANY(%(types)s)
                OR (txid, position) = (SELECT txid, position FROM next ORDER BY txid DESC, position DESC LIMIT 1)
             ORDER BY next.txid, position
            """,
            {"shard": shard, "consumer": self.consumer, "limit": limit, "types": types},
        )
        rows = [StoredEvent(Place(txid=row[0], position=row[1]), *row[2:]) for row in await cursor.fetchall()]
        return Reading(
            events=tuple(row for row in rows if self.types is None or row.type in self.types),
            end=rows[-1].place if rows else None,
        )

    async def waiting(self, connection: Connection) -> Sequence[int]:
        """The shards that hold facts beyond the consumer's cursors."""
        rows = await fetch(
            connection,
            """
            SELECT s.shard
              FROM generate_series(0, %(last)s) AS s (shard)
              LEFT JOIN plexsphere.outbox_cursors c ON c.consumer = %(consumer)s AND c.shard = s.shard
             WHERE EXISTS (
                       SELECT FROM plexsphere.outbox o
                        WHERE o.shard = s.shard
                          AND (o.txid, o.position) > (coalesce(c.txid, '0'::xid8), coalesce(c.position, 0)))
            """,
            last=SHARDS - 1,
            consumer=self.consumer,
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
