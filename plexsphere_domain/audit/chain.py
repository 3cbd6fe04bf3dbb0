"""The hash chain: how rows are linked, and how a broken link is found.

The rules, in order:
 1. a row's number is its predecessor's plus one; the first is 1,
 2. `prev_hash` is the predecessor's `entry_hash`; before the first row stand 32 zero bytes,
 3. `entry_hash` = SHA-256(`prev_hash` ‖ SHA-256(canonical bytes)), both inputs as raw bytes,
 4. a subject appears as HMAC-SHA-256(the chain's pepper, scope anchor ‖ identity id), both ids as 16 raw bytes: the
    same for the whole life of a chain, different on every chain, and not to be reversed without the pepper,
 5. nothing is ever changed or removed.

All of it is pure: rows come in, rows and findings go out.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

from attrs import define, frozen

from plexsphere_domain.audit.canonical import VERSION, canonical
from plexsphere_domain.audit.errors import Unencodable
from plexsphere_domain.audit.model import NO_HASH, AuditContent, AuditEntry, AuditRecord, Head, Scope
from plexsphere_domain.kernel.secrets import SecretBytes

PEPPER_BYTES = 32


def pseudonym(pepper: SecretBytes, chain: Scope, identity: UUID) -> bytes:
    """The subject `identity` as it appears on `chain`: 32 bytes."""
    return hmac.digest(pepper.reveal(), chain.bytes + identity.bytes, "sha256")


def entry_hash(prev_hash: bytes, content: AuditContent) -> bytes:
    """The hash that binds `content` to the row before it. Raises `Unencodable`."""
    return sha256(prev_hash + sha256(canonical(content)).digest()).digest()


def append(
    chain: Scope, pepper: SecretBytes, head: Head, records: Iterable[AuditRecord]
) -> tuple[list[AuditEntry], Head]:
    """The rows that the records become behind `head`, in their order, and the head that results."""
    entries: list[AuditEntry] = []
    seq, last = head.seq, head.hash
    for record in records:
        seq += 1
        content = AuditContent(
            version=VERSION,
            scope=chain,
            seq=seq,
            occurred_at=record.occurred_at,
            subject=pseudonym(pepper, chain, record.identity),
            relation=record.relation,
            object_type=record.object_type,
            object_id=record.object_id,
            reason=record.reason.value,
            caveats=record.caveats,
            correlation_id=record.correlation_id,
            ip=record.ip,
            user_agent=record.user_agent,
        )
        entry = AuditEntry(content=content, prev_hash=last, entry_hash=entry_hash(last, content))
        last = entry.entry_hash
        entries.append(entry)
    return entries, Head(seq=seq, hash=last)


@frozen(kw_only=True)
class Divergence:
    """The first place where a chain is not what its rules make it.

    Where a row's own hash is wrong, `expected` is the hash recomputed from its content and `observed` the stored one.
    Where only its place is wrong, `expected` is the hash that the row should build on and `observed` its `prev_hash`.
    Where the end is wrong, `expected` is the hash that the chain's head records and `observed` the one at which the
    rows end. `NO_HASH` stands for a hash that cannot be known.
    """

    seq: int
    expected: bytes
    observed: bytes


@define
class Verifier:
    """Walks rows in ascending order and finds the first divergence, in constant memory.

    `expected_seq` is the first number to be seen. `last` is the hash of the row before it, None where that row does not
    exist, which leaves the first link unchecked. `head` is the recorded end of the chain.
    """

    expected_seq: int
    last: bytes | None
    head: Head

    @classmethod
    def from_genesis(cls, head: Head) -> "Verifier":
        return cls(1, NO_HASH, head)

    def check(self, entry: AuditEntry) -> Divergence | None:
        """What is wrong with `entry` behind everything checked so far, None where it fits."""
        found = self._own_hash(entry) or self._place(entry) or self._end(entry)
        self.expected_seq = entry.seq + 1
        self.last = entry.entry_hash
        return found

    def finish(self, last_seq: int) -> Divergence | None:
        """What is wrong with a segment that should have reached `last_seq`, after its last row was checked."""
        if self.expected_seq > last_seq:
            return None
        expected = self.head.hash if last_seq == self.head.seq else NO_HASH
        return Divergence(seq=self.expected_seq, expected=expected, observed=self.last or NO_HASH)

    def _own_hash(self, entry: AuditEntry) -> Divergence | None:
        try:
            computed = entry_hash(entry.prev_hash, entry.content)
        except Unencodable:
            return Divergence(seq=entry.seq, expected=NO_HASH, observed=entry.entry_hash)
        if computed == entry.entry_hash:
            return None
        return Divergence(seq=entry.seq, expected=computed, observed=entry.entry_hash)

    def _place(self, entry: AuditEntry) -> Divergence | None:
        linked = self.last is None or entry.prev_hash == self.last
        if linked and entry.seq == self.expected_seq:
            return None
        return Divergence(seq=entry.seq, expected=self.last or NO_HASH, observed=entry.prev_hash)

    def _end(self, entry: AuditEntry) -> Divergence | None:
        if entry.seq < self.head.seq or (entry.seq == self.head.seq and entry.entry_hash == self.head.hash):
            return None
        return Divergence(seq=entry.seq, expected=self.head.hash, observed=entry.entry_hash)
