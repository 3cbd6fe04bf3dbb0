"""The chains of the audit log: their registry, the move from the intake, and the rows for reading."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, LiteralString

from attrs import frozen
from psycopg.rows import dict_row

from plexsphere_adapters.postgres.journal import insert
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.audit.errors import SequencingDisturbed
from plexsphere_domain.audit.filters import EntryFilter
from plexsphere_domain.audit.model import (
    Archived,
    AuditContent,
    AuditEntry,
    AuditRecord,
    Head,
    Reason,
    Scope,
    StoredEntry,
)
from plexsphere_domain.audit.ports import Chained, Ledger, Waiting
from plexsphere_domain.kernel.sealing import Sealed


@frozen
class PostgresChainRegistry:
    """The chains and their sealed peppers. Nothing is locked: the first pepper that is stored stays."""

    pool: Pool

    async def find(self, chains: Collection[Scope]) -> Mapping[Scope, Sealed]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                """
                SELECT chain_id, wrap_key_id, pepper_sealed
                  FROM plexsphere.audit_chains
                 WHERE chain_id = ANY(%(chains)s)
                """,
                chains=list(chains),
            )
        return {row["chain_id"]: Sealed(row["wrap_key_id"], row["pepper_sealed"]) for row in rows}

    async def found(self, chain: Scope, offered: Sealed) -> Sealed:
        async with connection(self.pool) as held:
            await execute(
                held,
                """
                INSERT INTO plexsphere.audit_chains (chain_id, wrap_key_id, pepper_sealed)
                VALUES (%(chain)s, %(key)s, %(pepper)s)
                    ON CONFLICT (chain_id) DO NOTHING
                """,
                chain=chain,
                key=offered.wrap_key_id,
                pepper=offered.ciphertext,
            )
        return (await self.find([chain]))[chain]


@frozen
class PostgresResidence:
    """Which scopes are Domains."""

    pool: Pool

    async def existing(self, scopes: Collection[Scope]) -> Collection[Scope]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held, "SELECT id FROM plexsphere.domains WHERE id = ANY(%(scopes)s)", scopes=list(scopes)
            )
        return {row["id"] for row in rows}


@frozen
class PostgresIntake:
    """What waits to be chained."""

    pool: Pool

    async def waiting(self, limit: int, aside: Collection[Scope]) -> Collection[Scope]:
        async with connection(self.pool) as held:
            rows = await fetch(
                held,
                """
                SELECT DISTINCT scope
                  FROM (SELECT scope
                          FROM plexsphere.audit_intake
                         WHERE scope <> ALL(%(aside)s::uuid[])
                         ORDER BY position
                         LIMIT %(limit)s) AS oldest
                """,
                limit=limit,
                aside=list(aside),
            )
        return {row["scope"] for row in rows}

    async def holds(self, scope: Scope) -> bool:
        async with connection(self.pool) as held:
            row = await fetch_one(
                held, "SELECT FROM plexsphere.audit_intake WHERE scope = %(scope)s LIMIT 1", scope=scope
            )
        return row is not None


@frozen
class PostgresLedgers:
    pool: Pool

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        async with connection(self.pool) as held, held.transaction():
            yield PostgresLedger(held)


@frozen
class PostgresLedger:
    """The chains within one transaction. In read committed mode, statements behind `lock` see what its wait let in."""

    connection: Connection

    async def lock(self, chains: Collection[Scope]) -> Mapping[Scope, Head]:
        # One order for everybody, so that two who want overlapping chains do not wait for each other.
        rows = await fetch(
            self.connection,
            """
            SELECT chain_id, head_seq, head_hash
              FROM plexsphere.audit_chains
             WHERE chain_id = ANY(%(chains)s)
             ORDER BY chain_id
               FOR UPDATE
            """,
            chains=list(chains),
        )
        return {row["chain_id"]: Head(seq=row["head_seq"], hash=row["head_hash"]) for row in rows}

    async def put(self, record: AuditRecord) -> None:
        await insert(self.connection, [record])

    async def waiting(self, scopes: Collection[Scope], limit: int) -> Sequence[Waiting]:
        async with self.connection.cursor(binary=True) as cursor:
            await cursor.execute(
                """
                SELECT position, scope, occurred_at, identity_id, relation, object_type, object_id, reason, caveats,
                       correlation_id, ip, user_agent
                  FROM plexsphere.audit_intake
                 WHERE scope = ANY(%(scopes)s)
                 ORDER BY position
                 LIMIT %(limit)s
                """,
                {"scopes": list(scopes), "limit": limit},
            )
            return [_waiting(row) for row in await cursor.fetchall()]

    async def settle(self, chained: Sequence[Chained], heads: Mapping[Scope, Head]) -> None:
        moved = await self._move(chained)
        if moved != len(chained):
            raise SequencingDisturbed(expected=len(chained), moved=moved)
        await execute(
            self.connection,
            """
            UPDATE plexsphere.audit_chains AS c
               SET head_seq = h.seq, head_hash = h.hash
              FROM unnest(%(chains)b::uuid[], %(seqs)b::bigint[], %(hashes)b::bytea[]) AS h (chain_id, seq, hash)
             WHERE c.chain_id = h.chain_id
            """,
            chains=list(heads),
            seqs=[head.seq for head in heads.values()],
            hashes=[head.hash for head in heads.values()],
        )

    async def _move(self, chained: Sequence[Chained]) -> int:
        # Only what the chain adds travels back; the rest of each row moves inside the database.
        entries = [each.entry for each in chained]
        return await execute(
            self.connection,
            """
            WITH placed AS (
                SELECT *
                  FROM unnest(%(positions)b::bigint[], %(chains)b::uuid[], %(seqs)b::bigint[], %(versions)b::smallint[],
                              %(pseudonyms)b::bytea[], %(prev_hashes)b::bytea[], %(entry_hashes)b::bytea[])
                       AS p (position, chain_id, seq, version, pseudonym, prev_hash, entry_hash)
            ), moved AS (
                DELETE FROM plexsphere.audit_intake i
                 USING placed p
                 WHERE i.position = p.position
             RETURNING p.chain_id, p.seq, p.version, p.pseudonym, p.prev_hash, p.entry_hash, i.*
            ), known AS (
                INSERT INTO plexsphere.audit_subject_pii (chain_id, pseudonym, identity_id)
                SELECT DISTINCT m.chain_id, m.pseudonym, m.identity_id
                  FROM moved m
                 WHERE NOT EXISTS (SELECT FROM plexsphere.audit_erasures e
                                    WHERE e.chain_id = m.chain_id AND e.pseudonym = m.pseudonym)
                    ON CONFLICT (chain_id, pseudonym) DO NOTHING
            )
            INSERT INTO plexsphere.audit_entries
                   (chain_id, seq, version, occurred_at, pseudonym, relation, object_type, object_id, reason, caveats,
                    correlation_id, ip, user_agent, prev_hash, entry_hash)
            SELECT chain_id, seq, version, occurred_at, pseudonym, relation, object_type, object_id, reason, caveats,
                   correlation_id, ip, user_agent, prev_hash, entry_hash
              FROM moved
             ORDER BY chain_id, seq
            """,
            positions=[each.position for each in chained],
            chains=[entry.content.scope for entry in entries],
            seqs=[entry.content.seq for entry in entries],
            versions=[entry.content.version for entry in entries],
            pseudonyms=[entry.content.subject for entry in entries],
            prev_hashes=[entry.prev_hash for entry in entries],
            entry_hashes=[entry.entry_hash for entry in entries],
        )

    async def forget(self, chain: Scope, subject: bytes, at: datetime) -> None:
        await execute(
            self.connection,
            "DELETE FROM plexsphere.audit_subject_pii WHERE chain_id = %(chain)s AND pseudonym = %(subject)s",
            chain=chain,
            subject=subject,
        )
        await execute(
            self.connection,
            """
            INSERT INTO plexsphere.audit_erasures (chain_id, pseudonym, erased_at)
            VALUES (%(chain)s, %(subject)s, %(at)s)
                ON CONFLICT (chain_id, pseudonym) DO NOTHING
            """,
            chain=chain,
            subject=subject,
            at=at,
        )


@frozen
class PostgresEntries:
    """The chained rows, for reading."""

    pool: Pool

    async def page(self, chain: Scope, matching: EntryFilter, after: int, limit: int) -> Sequence[StoredEntry]:
        statement = f"{_SELECT_STORED} {_conditions(matching)} ORDER BY e.seq LIMIT %(limit)s"
        return await self._stored(
            statement,
            chain=chain,
            after=after,
            limit=limit,
            subject=matching.subject,
            relation=matching.relation,
            object_type=matching.object_type,
            object_id=matching.object_id,
            reasons=list(matching.recorded_reasons or ()),
            since=matching.since,
            until=matching.until,
            correlation_id=matching.correlation_id,
        )

    async def get(self, chain: Scope, seq: int) -> StoredEntry | None:
        rows = await self._stored(_SELECT_STORED + " AND e.seq = %(seq)s", chain=chain, after=0, seq=seq)
        return rows[0] if rows else None

    async def segment(self, chain: Scope, first: int, last: int, limit: int) -> Sequence[AuditEntry]:
        stored = await self._stored(
            _SELECT_STORED + " AND e.seq <= %(last)s ORDER BY e.seq LIMIT %(limit)s",
            chain=chain,
            after=first - 1,
            last=last,
            limit=limit,
        )
        return [each.entry for each in stored]

    async def end(self, chain: Scope) -> tuple[Head, int]:
        # One statement and so one snapshot: the head and the last row are read as of the same moment.
        async with connection(self.pool) as held:
            row = await fetch_one(
                held,
                """
                SELECT c.head_seq, c.head_hash,
                       (SELECT max(seq) FROM plexsphere.audit_entries WHERE chain_id = %(chain)s) AS highest
                  FROM (VALUES (%(chain)s::uuid)) AS asked (chain_id)
                  LEFT JOIN plexsphere.audit_chains c USING (chain_id)
                """,
                chain=chain,
            )
        assert row is not None
        head = Head() if row["head_seq"] is None else Head(seq=row["head_seq"], hash=row["head_hash"])
        return head, row["highest"] or 0

    async def _stored(self, statement: LiteralString, **parameters: object) -> list[StoredEntry]:
        async with (
            connection(self.pool) as held,
            held.cursor(binary=True, row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement, parameters)
            return [_stored(row) for row in await cursor.fetchall()]


_SELECT_STORED: LiteralString = """
    SELECT e.chain_id, e.seq, e.version,
           CASE WHEN e.occurred_at BETWEEN '0001-01-02Z' AND '9999-12-30Z' THEN e.occurred_at ELSE 'epoch' END
                AS occurred_at,  -- anything else can only be forged, and must be read to be found
           e.pseudonym, e.relation, e.object_type, e.object_id, e.reason,
           e.caveats, e.correlation_id, e.ip, e.user_agent, e.prev_hash, e.entry_hash, e.archive_etag, e.archived_at,
           p.identity_id
      FROM plexsphere.audit_entries e
      LEFT JOIN plexsphere.audit_subject_pii p ON p.chain_id = e.chain_id AND p.pseudonym = e.pseudonym
     WHERE e.chain_id = %(chain)s AND e.seq > %(after)s
"""


def _conditions(matching: EntryFilter) -> LiteralString:
    """The conditions that were asked for, and no others, so that the planner sees which index fits."""
    asked: tuple[tuple[bool, LiteralString], ...] = (
        (matching.subject is not None, "AND e.pseudonym = %(subject)s"),
        (matching.relation is not None, "AND e.relation = %(relation)s"),
        (matching.object_type is not None, "AND e.object_type = %(object_type)s"),
        (matching.object_id is not None, "AND e.object_id = %(object_id)s"),
        (matching.reason is not None, "AND e.reason = ANY(%(reasons)s)"),
        (matching.reason not in (None, Reason.GRANTED), "AND e.reason NOT IN ('granted', 'stale_granted')"),
        (matching.since is not None, "AND e.occurred_at >= %(since)s"),
        (matching.until is not None, "AND e.occurred_at <= %(until)s"),
        (matching.correlation_id is not None, "AND e.correlation_id = %(correlation_id)s"),
    )
    return " ".join(condition for wanted, condition in asked if wanted)


def _waiting(row: Sequence[Any]) -> Waiting:
    position, scope, at, identity, relation, object_type, object_id, reason, caveats, correlation, ip, agent = row
    return Waiting(
        position=position,
        record=AuditRecord(
            scope=scope,
            occurred_at=at,
            identity=identity,
            relation=relation,
            object_type=object_type,
            object_id=object_id,
            reason=Reason.of(reason),
            caveats=caveats,
            correlation_id=correlation,
            ip=ip,
            user_agent=agent,
        ),
    )


def _stored(row: Mapping[str, Any]) -> StoredEntry:
    content = AuditContent(
        version=row["version"],
        scope=row["chain_id"],
        seq=row["seq"],
        occurred_at=row["occurred_at"],
        subject=row["pseudonym"],
        relation=row["relation"],
        object_type=row["object_type"],
        object_id=row["object_id"],
        reason=row["reason"],
        caveats=row["caveats"],
        correlation_id=row["correlation_id"],
        ip=row["ip"],
        user_agent=row["user_agent"],
    )
    archived = None if row["archived_at"] is None else Archived(etag=row["archive_etag"], at=row["archived_at"])
    return StoredEntry(
        entry=AuditEntry(content=content, prev_hash=row["prev_hash"], entry_hash=row["entry_hash"]),
        identity=row["identity_id"],
        archived=archived,
    )
