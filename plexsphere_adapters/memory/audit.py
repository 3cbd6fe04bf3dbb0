"""The audit log in memory: chains that live as long as the process."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count, islice
from uuid import UUID

from attrs import Factory, define, field

from plexsphere_domain.audit.filters import EntryFilter
from plexsphere_domain.audit.model import AuditEntry, AuditRecord, Head, Scope, StoredEntry
from plexsphere_domain.audit.ports import Chained, Waiting
from plexsphere_domain.kernel.sealing import Sealed

Subject = tuple[Scope, bytes]


@define
class MemoryAuditStore:
    """Registry, intake, ledgers and entries in one. A transaction sees what others committed before it began."""

    domains: set[Scope] = Factory(set)
    peppers: dict[Scope, Sealed] = Factory(dict)
    records: dict[int, AuditRecord] = Factory(dict)
    rows: dict[Scope, dict[int, AuditEntry]] = Factory(dict)
    heads: dict[Scope, Head] = Factory(dict)
    identities: dict[Subject, UUID] = Factory(dict)
    forgotten: dict[Subject, datetime] = Factory(dict)
    positions: "count[int]" = Factory(lambda: count(1))
    _turn: asyncio.Lock = Factory(asyncio.Lock)

    async def existing(self, scopes: Collection[Scope]) -> Collection[Scope]:
        return self.domains.intersection(scopes)

    async def find(self, chains: Collection[Scope]) -> Mapping[Scope, Sealed]:
        return {chain: self.peppers[chain] for chain in chains if chain in self.peppers}

    async def found(self, chain: Scope, offered: Sealed) -> Sealed:
        return self.peppers.setdefault(chain, offered)

    async def record(self, records: Sequence[AuditRecord]) -> None:
        self.records.update((next(self.positions), record) for record in records)

    async def waiting(self, limit: int, aside: Collection[Scope]) -> Collection[Scope]:
        oldest = (record.scope for record in self.records.values() if record.scope not in aside)
        return set(islice(oldest, limit))

    async def holds(self, scope: Scope) -> bool:
        return any(record.scope == scope for record in self.records.values())

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryLedger"]:
        async with self._turn:
            ledger = MemoryLedger(self)
            yield ledger
            ledger.commit()

    async def page(self, chain: Scope, matching: EntryFilter, after: int, limit: int) -> Sequence[StoredEntry]:
        rows = (entry for _, entry in sorted(self.rows.get(chain, {}).items()) if entry.seq > after)
        return [self._stored(entry) for entry in islice(filter(matching.admits, rows), limit)]

    async def get(self, chain: Scope, seq: int) -> StoredEntry | None:
        entry = self.rows.get(chain, {}).get(seq)
        return self._stored(entry) if entry else None

    async def segment(self, chain: Scope, first: int, last: int, limit: int) -> Sequence[AuditEntry]:
        rows = sorted(self.rows.get(chain, {}).items())
        return [entry for seq, entry in rows if first <= seq <= last][:limit]

    async def end(self, chain: Scope) -> tuple[Head, int]:
        return self.heads.get(chain, Head()), max(self.rows.get(chain, {}), default=0)

    def _stored(self, entry: AuditEntry) -> StoredEntry:
        return StoredEntry(entry=entry, identity=self.identities.get((entry.content.scope, entry.content.subject)))


@define
class MemoryLedger:
    """One transaction: what it does is kept aside until it commits."""

    _store: MemoryAuditStore
    _put: dict[int, AuditRecord] = Factory(dict)
    _settled: list[Chained] = Factory(list)
    _heads: dict[Scope, Head] = Factory(dict)
    _forgotten: dict[Subject, datetime] = field(factory=dict)

    async def lock(self, chains: Collection[Scope]) -> Mapping[Scope, Head]:
        return {chain: self._heads.get(chain) or self._store.heads.get(chain, Head()) for chain in chains}

    async def put(self, record: AuditRecord) -> None:
        self._put[next(self._store.positions)] = record

    async def waiting(self, scopes: Collection[Scope], limit: int) -> Sequence[Waiting]:
        taken = {each.position for each in self._settled}
        rows = (self._store.records | self._put).items()
        open_rows = (Waiting(position=p, record=r) for p, r in rows if r.scope in scopes and p not in taken)
        return list(islice(open_rows, limit))

    async def settle(self, chained: Sequence[Chained], heads: Mapping[Scope, Head]) -> None:
        self._settled += chained
        self._heads |= heads

    async def forget(self, chain: Scope, subject: bytes, at: datetime) -> None:
        self._forgotten[(chain, subject)] = at

    def commit(self) -> None:
        store = self._store
        store.records |= self._put
        store.heads |= self._heads
        store.forgotten |= self._forgotten
        for each in self._settled:
            record = store.records.pop(each.position)
            content = each.entry.content
            store.rows.setdefault(content.scope, {})[content.seq] = each.entry
            store.identities[(content.scope, content.subject)] = record.identity
        for subject in store.forgotten:
            store.identities.pop(subject, None)
