"""The audit intake: where records are committed with what they are about.

An insert into a table without rivals is all that a transaction pays for its audit rows: no chain is locked and no key
is needed. There is no notification either: it would make commits wait in one line (PostgreSQL takes one lock for all
committers that notify), and nobody waits for the chains to grow: who reads one lets it catch up first.
"""

import json
from collections.abc import Mapping, Sequence

from attrs import frozen

from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection
from plexsphere_domain.audit.model import AuditRecord
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.journal import PrivilegedAction


async def insert(connection: Connection, records: Sequence[AuditRecord]) -> None:
    """Hand records to the intake, in their order, within whatever transaction `connection` is in."""
    if not records:
        return
    await connection.execute(
        """
        INSERT INTO plexsphere.audit_intake
               (scope, occurred_at, identity_id, relation, object_type, object_id, reason, caveats, correlation_id, ip,
                user_agent)
        SELECT scope, occurred_at, identity_id, relation, object_type, object_id, reason, caveats::jsonb,
               correlation_id, ip, user_agent
          FROM unnest(%(scopes)b::uuid[], %(times)b::timestamptz[], %(identities)b::uuid[], %(relations)b::text[],
                      %(types)b::text[], %(ids)b::text[], %(reasons)b::text[], %(caveats)b::text[],
                      %(correlations)b::text[], %(ips)b::text[], %(agents)b::text[])
               WITH ORDINALITY
               AS given (scope, occurred_at, identity_id, relation, object_type, object_id, reason, caveats,
                         correlation_id, ip, user_agent, place)
         ORDER BY place
        """,
        {
            "scopes": [record.scope for record in records],
            "times": [record.occurred_at for record in records],
            "identities": [record.identity for record in records],
            "relations": [record.relation for record in records],
            "types": [record.object_type for record in records],
            "ids": [record.object_id for record in records],
            "reasons": [record.reason.value for record in records],
            "caveats": [_json(record.caveats) for record in records],
            "correlations": [record.correlation_id for record in records],
            "ips": [record.ip for record in records],
            "agents": [record.user_agent for record in records],
        },
    )


def _json(caveats: Mapping[str, Sequence[str]]) -> str:
    return json.dumps(caveats) if caveats else "{}"


@frozen
class PostgresJournal:
    """Records privileged actions in the transaction that holds `connection`."""

    connection: Connection
    clock: Clock

    async def record(self, *actions: PrivilegedAction) -> None:
        now = self.clock.now()
        await insert(self.connection, [AuditRecord.of(action, now) for action in actions])


@frozen
class PostgresRecorder:
    """Records in transactions of their own."""

    pool: Pool

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Committed when it returns. Raises DatastoreUnavailable."""
        async with connection(self.pool) as held:
            await insert(held, records)
