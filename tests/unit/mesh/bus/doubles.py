"""Domains with keys, facts about them, and observers that remember."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import Factory, define
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from plexsphere_domain.kernel.ids import DomainId, EventId, NodeId
from plexsphere_domain.mesh.bus.announcements import Audience, Fact, ToNode, scope_of
from plexsphere_domain.mesh.bus.envelope import Envelope, IssuedAt, Payload
from plexsphere_domain.mesh.bus.errors import EventStreamUnavailable, SigningKeyRotated
from plexsphere_domain.mesh.bus.ports import Record

NOW = datetime(2026, 5, 27, 10, 0, tzinfo=UTC)


def domain(number: int) -> DomainId:
    return DomainId(UUID(int=0xD0_0000 + number))


def node(number: int) -> NodeId:
    return NodeId(UUID(int=0xA0_0000 + number))


def check(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@define
class Keys:
    """Both sides of signing. A Domain's kids are `k-1`, `k-2`, …; the last one is active."""

    rings: dict[DomainId, list[Ed25519PrivateKey]] = Factory(dict)
    reachable: bool = True
    asked: int = 0

    def add(self, of: DomainId) -> str:
        self.rings.setdefault(of, []).append(Ed25519PrivateKey.generate())
        return f"k-{len(self.rings[of])}"

    async def active_kid(self, of: DomainId) -> str | None:
        self._reach()
        return f"k-{len(self.rings[of])}" if of in self.rings else None

    async def sign(self, of: DomainId, kid: str, messages: Sequence[bytes]) -> Sequence[bytes]:
        if kid != await self.active_kid(of):
            raise SigningKeyRotated(of)
        return [self.rings[of][-1].sign(message) for message in messages]

    async def public_key(self, of: DomainId, kid: str) -> bytes | None:
        self._reach()
        self.asked += 1
        number = int(kid.removeprefix("k-"))
        keys = self.rings.get(of, [])
        return keys[number - 1].public_key().public_bytes_raw() if number <= len(keys) else None

    def envelope(
        self, audience: Audience, id: str = "e", payload: Any = None, type: str = "node_state_updated"
    ) -> bytes:
        """A genuine envelope of the audience's Domain."""
        addressed = {"node_id": str(audience.node)} if isinstance(audience, ToNode) else {}
        envelope = Envelope(
            id=id,
            type=type,
            scope=scope_of(audience),
            key_id=f"k-{len(self.rings[audience.domain])}",
            issued_at=IssuedAt.of(NOW),
            payload=Payload.of(addressed if payload is None else payload),
        )
        return envelope.signed(self.rings[audience.domain][-1].sign(envelope.canonical)).data

    def _reach(self) -> None:
        if not self.reachable:
            raise EventStreamUnavailable


@define
class Facts:
    """Facts in the order in which they became true."""

    count: int = 0

    def __call__(self, of: DomainId | None, type: str = "DomainMeshChanged", **payload: Any) -> Fact:
        self.count += 1
        return Fact(
            id=EventId(UUID(int=0xE0_0000 + self.count)),
            type=type,
            domain_id=of,
            payload=payload,
            occurred_at=NOW + timedelta(seconds=self.count),
        )


@define
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@define
class Observer:
    """Of the relay and of the stream."""

    announced: int = 0
    skips: list[tuple[Fact, str]] = Factory(list)
    aside: list[tuple[DomainId, int]] = Factory(list)
    freed: list[tuple[DomainId, int]] = Factory(list)
    gauge: int = 0
    drops: list[tuple[Record, str]] = Factory(list)

    def published(self, count: int, oldest: datetime) -> None:
        self.announced += count

    def skipped(self, fact: Fact, reason: str) -> None:
        self.skips.append((fact, reason))

    def set_aside(self, domain: DomainId, count: int) -> None:
        self.aside.append((domain, count))

    def released(self, domain: DomainId, count: int) -> None:
        self.freed.append((domain, count))

    def waiting(self, count: int) -> None:
        self.gauge = count

    def dropped(self, record: Record, reason: str) -> None:
        self.drops.append((record, reason))
