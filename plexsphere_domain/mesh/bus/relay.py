"""From the outbox to the stream: every fact that concerns Nodes is announced at least once, in order, and signed.

One step of the relay of one shard, in order:

 1. Facts that were set aside flow as soon as their Domain has a signing key, before anything newer of that Domain.
 2. The next facts behind the cursor are read. One that cannot be announced is skipped, loudly: it blocks nothing.
 3. A fact of a Domain that has no signing key, or of which older facts wait, is set aside. Other Domains do not wait.
 4. The others are signed, in one batch per Domain, with an `issued_at` of this very moment.
 5. They are published, and only then the cursor moves, in one transaction with what was set aside.

When a dependency is away nothing moves, and the step is repeated later. A crash between 4 and 5, or a repetition,
publishes the same announcement under the same message id, so that the stream keeps the first; should it be too late
for that, a Node sees it twice, which only makes it pull once more.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from attrs import define, field, frozen

from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.errors import NotFound
from plexsphere_domain.kernel.ids import DomainId, EventId
from plexsphere_domain.mesh.bus.announcements import Announcement, Fact, Unannounceable, announce
from plexsphere_domain.mesh.bus.envelope import Envelope, IssuedAt, Payload, SignedEnvelope, TooLong
from plexsphere_domain.mesh.bus.errors import SigningKeyRotated
from plexsphere_domain.mesh.bus.ports import Backlog, Message, Publisher, RelayObserver, SigningKeys

BATCH = 500
"""Facts that one step reads at most."""

RELEASE_EVERY = timedelta(seconds=5)
"""How often the Domains that wait are asked for their key."""


@frozen
class Telling:
    """A fact and what is announced of it."""

    fact: Fact
    announcement: Announcement

    @property
    def domain(self) -> DomainId:
        return self.announcement.audience.domain


Skip = tuple[Fact, str]
"""A fact that cannot be announced, and why."""


@define
class Relay:
    """The relay of one shard. At most one should run per shard; a second one only makes duplicates."""

    backlog: Backlog
    keys: SigningKeys
    publisher: Publisher
    clock: Clock
    observer: RelayObserver
    _release_due: datetime | None = field(default=None, init=False)

    async def step(self) -> bool:
        """Announce the next facts; whether there may be more.

        Raises an Unavailable when a dependency is away and CursorMoved when another relay runs: in both cases the
        same facts come again.
        """
        waiting = await self._release(await self.backlog.waiting())
        batch = await self.backlog.read(BATCH)
        if not batch.facts:
            return False
        tellings, skips = _tellings(batch.facts)
        kids = await self._kids({telling.domain for telling in tellings} - waiting)
        told, too_long = await self._publish([telling for telling in tellings if telling.domain in kids], kids)
        aside = [telling.fact for telling in tellings if telling.domain not in told]
        await self.backlog.advance(batch, aside)
        self._report_skips([*skips, *too_long])
        await self._report_aside(aside)
        return len(batch.facts) == BATCH

    async def _release(self, waiting: frozenset[DomainId]) -> frozenset[DomainId]:
        """Announce what waits for a key that is there now; the Domains that go on waiting."""
        now = self.clock.now()
        if not waiting or (self._release_due is not None and now < self._release_due):
            return waiting
        self._release_due = now + RELEASE_EVERY
        kids = await self._kids(waiting)
        released = {domain for domain, kid in kids.items() if await self._release_domain(domain, kid)}
        self.observer.waiting(await self.backlog.count_aside())
        return waiting - released

    async def _release_domain(self, domain: DomainId, kid: str) -> bool:
        """Whether nothing of the Domain waits any more."""
        while facts := await self.backlog.aside(domain, BATCH):
            tellings, skips = _tellings(facts)
            told, too_long = await self._publish(tellings, {domain: kid})
            if domain not in told:
                return False
            await self.backlog.release(facts)
            self._report_skips([*skips, *too_long])
            self.observer.released(domain, len(facts))
        return True

    async def _kids(self, domains: Iterable[DomainId]) -> dict[DomainId, str]:
        """The active kid of every Domain that has one."""
        asked = list(domains)
        kids = await asyncio.gather(*(self.keys.active_kid(domain) for domain in asked))
        return {domain: kid for domain, kid in zip(asked, kids, strict=True) if kid is not None}

    async def _publish(
        self, tellings: Sequence[Telling], kids: Mapping[DomainId, str]
    ) -> tuple[frozenset[DomainId], Sequence[Skip]]:
        """Sign and publish: the Domains of `kids` that had a key to sign with, and what is too long to be sent."""
        grouped: dict[DomainId, list[Telling]] = {domain: [] for domain in kids}
        for telling in tellings:
            grouped[telling.domain].append(telling)
        groups = await asyncio.gather(*(self._sign(domain, group, kids[domain]) for domain, group in grouped.items()))
        signed = {domain: group for domain, group in zip(grouped, groups, strict=True) if group is not None}
        envelopes = {id: envelope for group in signed.values() for id, envelope in group.items()}  # noqa: A001
        messages = [
            Message(telling.fact.id, telling.announcement.audience, envelopes[telling.fact.id].data)
            for telling in tellings
            if telling.fact.id in envelopes
        ]
        if messages:
            await self.publisher.publish(messages)
            self.observer.published(len(messages), min(telling.fact.occurred_at for telling in tellings))
        too_long = [
            (telling.fact, "its envelope is too long for a line")
            for telling in tellings
            if telling.domain in signed and telling.fact.id not in envelopes
        ]
        return frozenset(signed), too_long

    async def _sign(
        self, domain: DomainId, tellings: Sequence[Telling], kid: str
    ) -> Mapping[EventId, SignedEnvelope] | None:
        """The envelopes that can exist, signed, by the ids of their facts; None when the Domain has no key."""
        active: str | None = kid
        while active is not None:
            envelopes = self._envelopes(tellings, active)
            try:
                signatures = await self.keys.sign(domain, active, [unsigned.canonical for _, unsigned in envelopes])
            except SigningKeyRotated:
                active = await self.keys.active_kid(domain)
                continue
            except NotFound:
                return None
            return {
                fact: unsigned.signed(signature)
                for (fact, unsigned), signature in zip(envelopes, signatures, strict=True)
            }
        return None

    def _envelopes(self, tellings: Sequence[Telling], kid: str) -> list[tuple[EventId, Envelope]]:
        issued_at = IssuedAt.of(self.clock.now())
        envelopes = []
        for telling in tellings:
            with suppress(TooLong):
                envelopes.append((telling.fact.id, _envelope(telling.announcement, kid, issued_at)))
        return envelopes

    def _report_skips(self, skips: Sequence[Skip]) -> None:
        for fact, reason in skips:
            self.observer.skipped(fact, reason)

    async def _report_aside(self, aside: Sequence[Fact]) -> None:
        if not aside:
            return
        counts: dict[DomainId, int] = {}
        for fact in aside:
            assert fact.domain_id is not None
            counts[fact.domain_id] = counts.get(fact.domain_id, 0) + 1
        for domain, count in counts.items():
            self.observer.set_aside(domain, count)
        self.observer.waiting(await self.backlog.count_aside())


def _tellings(facts: Iterable[Fact]) -> tuple[list[Telling], list[Skip]]:
    tellings, skips = [], []
    for fact in facts:
        try:
            announcement = announce(fact)
        except Unannounceable as error:
            skips.append((fact, error.reason))
            continue
        if announcement is not None:
            tellings.append(Telling(fact, announcement))
    return tellings, skips


def _envelope(announcement: Announcement, kid: str, issued_at: IssuedAt) -> Envelope:
    return Envelope(
        id=str(announcement.id),
        type=announcement.type,
        scope=announcement.scope,
        key_id=kid,
        issued_at=issued_at,
        payload=Payload.of(announcement.payload),
    )
