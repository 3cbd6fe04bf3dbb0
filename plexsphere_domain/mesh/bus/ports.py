"""What the bus needs from outside."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import NewType, Protocol

from attrs import field, frozen

from plexsphere_domain.kernel.ids import DomainId, EventId
from plexsphere_domain.mesh.bus.announcements import Audience, Fact

Position = NewType("Position", tuple[int, int])
"""A place in a shard of the outbox. Opaque outside its adapter."""


@frozen(kw_only=True)
class Batch:
    """Consecutive facts of a shard: those behind `start`, up to and with `end`."""

    start: Position
    facts: Sequence[Fact]
    end: Position


class Backlog(Protocol):
    """One shard of the outbox: what the relay has not announced yet, and what it set aside.

    Every method raises an Unavailable.
    """

    async def read(self, limit: int) -> Batch:
        """The next facts behind the cursor, in the order in which they became true; at most `limit`."""

    async def advance(self, batch: Batch, aside: Sequence[Fact]) -> None:
        """Move the cursor over `batch` and keep `aside` of it for later, both or neither.

        Raises CursorMoved when the cursor does not stand at the start of the batch.
        """

    async def waiting(self) -> frozenset[DomainId]:
        """The Domains of which facts were set aside."""

    async def aside(self, domain: DomainId, limit: int) -> Sequence[Fact]:
        """The oldest facts of the Domain that were set aside, in order; at most `limit`."""

    async def release(self, facts: Sequence[Fact]) -> None:
        """Drop facts that were set aside: they are announced."""

    async def count_aside(self) -> int:
        """How many facts wait aside."""


class SigningKeys(Protocol):
    """The Domains' signing keys. Every method raises an Unavailable."""

    async def active_kid(self, domain: DomainId) -> str | None:
        """The kid of the key that signs for the Domain, None when it has none that can be used."""

    async def sign(self, domain: DomainId, kid: str, messages: Sequence[bytes]) -> Sequence[bytes]:
        """The Ed25519 signatures of `messages` by the key `kid`.

        Raises SigningKeyRotated when it is not active, and a NotFound when the Domain has no key that can be used.
        """


class VerificationKeys(Protocol):
    async def public_key(self, domain: DomainId, kid: str) -> bytes | None:
        """The 32 raw bytes of the Domain's key `kid`, active or not, None when there is no such key.

        What a kid names never changes. Raises an Unavailable.
        """


@frozen
class Message:
    """A signed envelope on its way to the stream. A stream that knows `id` already takes it as the same message."""

    id: EventId
    audience: Audience
    data: bytes = field(repr=False)


class Publisher(Protocol):
    async def publish(self, messages: Sequence[Message]) -> None:
        """Store the messages in the stream, in their order; on return every one of them is durable.

        Raises EventStreamUnavailable, and then any of them may be stored or not.
        """


class RelayObserver(Protocol):
    """Who is told what the relay does: metrics and logs."""

    def published(self, count: int, oldest: datetime) -> None:
        """So many announcements are in the stream; the oldest fact among them became true at `oldest`."""

    def skipped(self, fact: Fact, reason: str) -> None:
        """A fact will never be announced."""

    def set_aside(self, domain: DomainId, count: int) -> None:
        """The Domain has no signing key that can be used, so that many facts of it have to wait."""

    def released(self, domain: DomainId, count: int) -> None:
        """So many facts that waited are announced."""

    def waiting(self, count: int) -> None:
        """So many facts of this shard wait aside."""


@frozen(eq=False)
class Record:
    """What stands in the stream at `sequence`: somebody's bytes, not verified. Compared by identity."""

    sequence: int
    audience: Audience
    data: bytes = field(repr=False)


@frozen
class Extent:
    """The retained part of the stream: the sequences from `first` to `last`. Empty when `first` is behind `last`."""

    first: int
    last: int


class Archive(Protocol):
    """The stream as it is stored. Every method raises EventStreamUnavailable."""

    async def extent(self) -> Extent: ...

    def read(self, audiences: Sequence[Audience], after: int) -> AsyncGenerator[Sequence[Record], None]:
        """What stands behind `after` for any of `audiences`, in stream order, as far as it is stored by now."""


class StreamObserver(Protocol):
    def dropped(self, record: Record, reason: str) -> None:
        """A record does not verify, and goes to nobody."""
