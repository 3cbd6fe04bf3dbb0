"""What the audit log needs from outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from attrs import frozen

from plexsphere_domain.audit.filters import EntryFilter
from plexsphere_domain.audit.model import AuditEntry, AuditRecord, Head, Scope, StoredEntry
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes

RandomBytes = Callable[[int], SecretBytes]
"""That many bytes from a cryptographic source."""


class ChainRegistry(Protocol):
    """Which chains exist, and their sealed peppers. Every call is a transaction of its own."""

    async def find(self, chains: Collection[Scope]) -> Mapping[Scope, Sealed]:
        """The peppers of those of `chains` that exist."""

    async def found(self, chain: Scope, offered: Sealed) -> Sealed:
        """Begin `chain` with the offered pepper, unless it exists. The pepper that it has: one, whoever asks."""


class Residence(Protocol):
    """What the tenancy of the system knows about scopes."""

    async def existing(self, scopes: Collection[Scope]) -> Collection[Scope]:
        """Those of `scopes` that are Domains today."""


class Recorder(Protocol):
    async def record(self, records: Sequence[AuditRecord]) -> None:
        """Hand records to the intake in a transaction of their own: they are committed when this returns."""


class Intake(Protocol):
    """Records that are committed but not yet chained."""

    async def waiting(self, limit: int, aside: Collection[Scope]) -> Collection[Scope]:
        """The scopes of the oldest `limit` records, leaving out those in `aside`."""

    async def holds(self, scope: Scope) -> bool:
        """Whether a record of `scope` waits."""


@frozen(kw_only=True)
class Waiting:
    """A record in the intake, and its place there."""

    position: int
    record: AuditRecord


@frozen(kw_only=True)
class Chained:
    """What became of the waiting record at `position`."""

    position: int
    entry: AuditEntry


class Ledger(Protocol):
    """The chains and the intake, inside one transaction."""

    async def lock(self, chains: Collection[Scope]) -> Mapping[Scope, Head]:
        """The heads of `chains`, held until the transaction ends; later calls see what earlier holders committed."""

    async def put(self, record: AuditRecord) -> None:
        """Hand a record to the intake."""

    async def waiting(self, scopes: Collection[Scope], limit: int) -> Sequence[Waiting]:
        """The oldest `limit` records of `scopes` in the intake, oldest first."""

    async def settle(self, chained: Sequence[Chained], heads: Mapping[Scope, Head]) -> None:
        """Move records from the intake to their chains, keep who is behind each pseudonym, advance the heads.

        An identity that was forgotten on a chain is not kept again. Raises `SequencingDisturbed`.
        """

    async def forget(self, chain: Scope, subject: bytes, at: datetime) -> None:
        """Drop the identity behind `subject` on `chain`, for good."""


class Ledgers(Protocol):
    def begin(self) -> AbstractAsyncContextManager[Ledger]:
        """A new transaction: committed when the block ends, rolled back when it raises."""


class Entries(Protocol):
    """The chained rows, for reading. Every call sees what was committed when it was made."""

    async def page(self, chain: Scope, matching: EntryFilter, after: int, limit: int) -> Sequence[StoredEntry]:
        """Up to `limit` rows behind number `after` that match, ascending."""

    async def get(self, chain: Scope, seq: int) -> StoredEntry | None: ...

    async def segment(self, chain: Scope, first: int, last: int, limit: int) -> Sequence[AuditEntry]:
        """The first `limit` rows with numbers from `first` to `last`, ascending. Numbers may be missing."""

    async def end(self, chain: Scope) -> tuple[Head, int]:
        """The recorded head, and the highest number that is stored. They differ only after tampering."""
