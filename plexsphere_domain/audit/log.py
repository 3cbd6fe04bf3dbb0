"""Reading, proving and verifying chains. Callers were authorised before; what they may not see, they do not ask for."""

from attrs import frozen

from plexsphere_domain.audit.canonical import canonical
from plexsphere_domain.audit.chain import Divergence, Verifier
from plexsphere_domain.audit.chains import Chains
from plexsphere_domain.audit.errors import AuditDomainNotFound, AuditEntryNotFound, InvalidAuditSeq
from plexsphere_domain.audit.filters import EntryFilter
from plexsphere_domain.audit.model import NO_HASH, Head, Scope, StoredEntry
from plexsphere_domain.audit.ports import Entries
from plexsphere_domain.audit.sequencer import Sequencer
from plexsphere_domain.kernel.paging import Page, PageRequest

SEGMENT = 256
"""Rows that are held and hashed between two breaths of the event loop."""

MAX_SEQ = 2**63 - 1


@frozen(kw_only=True)
class Proof:
    """A row, and the exact bytes whose hash is in it: enough to compute `entry_hash` again."""

    stored: StoredEntry
    canonical: bytes


@frozen(kw_only=True)
class Verdict:
    """What a walk from row `first` to row `last`, both inclusive, found; no divergence means that all of it holds."""

    first: int
    last: int
    divergence: Divergence | None = None


@frozen(kw_only=True)
class Bounds:
    """The rows to verify, both ends inclusive; None is the end of the chain."""

    first: int = 1
    last: int | None = None

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.first <= MAX_SEQ:
            raise InvalidAuditSeq
        if self.last is not None and not self.first <= self.last <= MAX_SEQ:
            raise InvalidAuditSeq("to_seq is not a row number from from_seq on")

    def within(self, end: int) -> tuple[int, int]:
        """The bounds that a walk over a chain of `end` rows takes: what lies beyond the end is moved to it."""
        last = min(self.last or end, end)
        return max(1, min(self.first, last)), max(1, last)


@frozen
class AuditLog:
    """The chains, as auditors see them. Every question sees all that was committed before it was asked."""

    sequencer: Sequencer
    chains: Chains
    entries: Entries

    async def list(self, scope: Scope, matching: EntryFilter, request: PageRequest) -> Page[StoredEntry]:
        """Rows that match, ascending. Raises `AuditDomainNotFound`."""
        await self._known(scope)
        after = int(request.after[0]) if request.after else 0
        rows = await self.entries.page(scope, matching, after, request.limit + 1)
        return Page.cut(rows, request, lambda stored: (str(stored.entry.seq),))

    async def prove(self, scope: Scope, seq: int) -> Proof:
        """Row `seq` with its canonical bytes. Raises `InvalidAuditSeq`; `AuditEntryNotFound` for whatever is not."""
        if not 1 <= seq <= MAX_SEQ:
            raise InvalidAuditSeq
        try:
            await self._known(scope)
        except AuditDomainNotFound as unknown:
            raise AuditEntryNotFound from unknown
        stored = await self.entries.get(scope, seq)
        if stored is None:
            raise AuditEntryNotFound
        return Proof(stored=stored, canonical=canonical(stored.entry.content))

    async def verify(self, scope: Scope, bounds: Bounds) -> Verdict:
        """Walk the rows within `bounds` and find the first divergence. Raises `AuditDomainNotFound`.

        An empty chain holds; its verdict names row 1, the first that it can ever have.
        """
        await self._known(scope)
        head, highest = await self.entries.end(scope)
        first, last = bounds.within(max(head.seq, highest))
        if not head.seq and not highest:
            return Verdict(first=first, last=last)
        return Verdict(first=first, last=last, divergence=await self._walk(scope, head, first, last))

    async def _walk(self, scope: Scope, head: Head, first: int, last: int) -> Divergence | None:
        verifier = Verifier(first, await self._hash_before(scope, first), head)
        while verifier.expected_seq <= last:
            rows = await self.entries.segment(scope, verifier.expected_seq, last, SEGMENT)
            for entry in rows:
                if divergence := verifier.check(entry):
                    return divergence
            if len(rows) < SEGMENT:
                break
        return verifier.finish(last)

    async def _hash_before(self, scope: Scope, first: int) -> bytes | None:
        if first == 1:
            return NO_HASH
        rows = await self.entries.segment(scope, first - 1, first - 1, 1)
        return rows[0].entry_hash if rows else None

    async def _known(self, scope: Scope) -> None:
        if not await self.chains.exists(scope):
            raise AuditDomainNotFound
        await self.sequencer.catch_up(scope)
