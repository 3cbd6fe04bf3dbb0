"""Heartbeats and the record of verdicts."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from attrs import frozen

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection, execute
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import DomainId, NodeId
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat
from plexsphere_domain.mesh.reachability.model import Liveness, ReachabilityState, Thresholds
from plexsphere_domain.mesh.reachability.ports import Standing

STANDING_COLUMNS: LiteralString = """
    beat.node_id, beat.domain_id, coalesce(moved.version, 0), domain.stale_after, domain.unreachable_after,
    beat.enrolled_at, beat.last_heartbeat_at, beat.run_began_at, beat.admitted_at, beat.announced
"""
STANDING_TABLES: LiteralString = """
    plexsphere.node_heartbeats AS beat
    JOIN plexsphere.domains AS domain ON domain.id = beat.domain_id
    LEFT JOIN plexsphere.mesh_versions AS moved ON moved.domain_id = beat.domain_id
"""
_STANDING: LiteralString = f"SELECT {STANDING_COLUMNS} FROM {STANDING_TABLES}"  # noqa: S608


class PostgresHeartbeatLog:
    """`HeartbeatLog`: concurrent heartbeats share a statement, and the instant of its start.

    Rows are locked in the order of their ids, so that batches of several replicas never wait for each other in a ring.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._coalesced: Coalescer[_Row, datetime | None] = Coalescer(self._record_all)

    async def record(self, node: NodeId, heartbeat: Heartbeat) -> datetime | None:
        # What one Node sends is encoded here, so that it cannot spoil the batch for others.
        summary = json.dumps(dict(heartbeat.nat_summary))
        return await self._coalesced(_Row(node, heartbeat.binary_checksum, heartbeat.binary_version, summary))

    async def _record_all(self, rows: list["_Row"]) -> list[datetime | None]:
        latest = {row.node: row for row in rows}
        now = self._clock.now()
        async with connection(self._pool) as held:
            cursor = await held.execute(
                """
                WITH locked AS MATERIALIZED (
                    SELECT beat.node_id, domain.stale_after
                      FROM plexsphere.node_heartbeats AS beat
                      JOIN plexsphere.domains AS domain ON domain.id = beat.domain_id
                     WHERE beat.node_id = ANY(%(nodes)s)
                     ORDER BY beat.node_id
                       FOR NO KEY UPDATE OF beat
                )
                UPDATE plexsphere.node_heartbeats AS beat
                   SET run_began_at = CASE WHEN %(now)s - beat.last_heartbeat_at < locked.stale_after
                                           THEN beat.run_began_at ELSE %(now)s END,
                       last_heartbeat_at = greatest(beat.last_heartbeat_at, %(now)s),
                       binary_checksum = heard.binary_checksum,
                       binary_version = heard.binary_version,
                       nat_summary = heard.nat_summary::jsonb
                  FROM locked
                  JOIN unnest(%(nodes)s::uuid[], %(checksums)s::bytea[], %(versions)s::text[], %(nats)s::text[])
                       AS heard (node_id, binary_checksum, binary_version, nat_summary) USING (node_id)
                 WHERE beat.node_id = locked.node_id
                RETURNING beat.node_id
                """,
                {
                    "now": now,
                    "nodes": list(latest),
                    "checksums": [row.binary_checksum for row in latest.values()],
                    "versions": [row.binary_version for row in latest.values()],
                    "nats": [row.nat_summary for row in latest.values()],
                },
            )
            heard = {node for (node,) in await cursor.fetchall()}
        return [now if row.node in heard else None for row in rows]


@frozen
class _Row:
    node: NodeId
    binary_checksum: bytes
    binary_version: str
    nat_summary: str


class PostgresStandings:
    """`StandingLookup`: concurrent pulls share a statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._coalesced: Coalescer[NodeId, Standing | None] = Coalescer(self._of_all)

    async def __call__(self, node: NodeId) -> Standing | None:
        return await self._coalesced(node)

    async def _of_all(self, nodes: list[NodeId]) -> list[Standing | None]:
        async with connection(self._pool) as held:
            cursor = await held.execute(_STANDING + " WHERE beat.node_id = ANY(%(nodes)s)", {"nodes": nodes})
            found = {row[0]: standing_of(*row) for row in await cursor.fetchall()}
        return [found.get(node) for node in nodes]


@frozen
class PostgresLivenessRecords:
    """`LivenessRecords` on the transaction that holds `connection`."""

    connection: Connection

    async def overdue(self, now: datetime, limit: int) -> Sequence[Standing]:
        cursor = await self.connection.execute(
            _STANDING
            + """
             WHERE beat.announced <> CASE WHEN %(now)s - beat.last_heartbeat_at < domain.stale_after THEN 'healthy'
                                          WHEN %(now)s - beat.last_heartbeat_at <= domain.unreachable_after THEN 'stale'
                                          ELSE 'unreachable' END
               AND beat.last_heartbeat_at IS NOT NULL
             ORDER BY beat.node_id
             LIMIT %(limit)s
               FOR NO KEY UPDATE OF beat SKIP LOCKED
            """,
            {"now": now, "limit": limit},
        )
        return [standing_of(*row) for row in await cursor.fetchall()]

    async def save(self, evaluated: Sequence[tuple[NodeId, Liveness]]) -> None:
        if not evaluated:
            return
        await execute(
            self.connection,
            """
            UPDATE plexsphere.node_heartbeats AS beat
               SET admitted_at = record.admitted_at, announced = record.announced
              FROM unnest(%(nodes)s::uuid[], %(admitted)s::timestamptz[], %(announced)s::text[])
                   AS record (node_id, admitted_at, announced)
             WHERE beat.node_id = record.node_id
            """,
            nodes=[node for node, _ in evaluated],
            admitted=[liveness.admitted_at for _, liveness in evaluated],
            announced=[str(liveness.announced) for _, liveness in evaluated],
        )


def standing_of(
    node: UUID, domain: UUID, version: int, stale_after: timedelta, unreachable_after: timedelta, *liveness: Any
) -> Standing:
    """The standing that a row of `STANDING_COLUMNS` tells."""
    enrolled_at, last_heartbeat_at, run_began_at, admitted_at, announced = liveness
    return Standing(
        node_id=NodeId(node),
        domain_id=DomainId(domain),
        peers_version=version,
        thresholds=Thresholds(stale_after=stale_after, unreachable_after=unreachable_after),
        liveness=Liveness(
            enrolled_at=enrolled_at,
            last_heartbeat_at=last_heartbeat_at,
            run_began_at=run_began_at,
            admitted_at=admitted_at,
            announced=ReachabilityState(announced),
        ),
    )
