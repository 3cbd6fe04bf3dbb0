"""From the outbox to the stream: every fact that concerns Nodes is announced, signed, in the order of its Domain.

One step of the relay of one shard, in order:

 1. Facts that were set aside flow as soon as their Domain can sign, before anything newer of that Domain.
 2. The next facts behind the cursor are read. One that cannot be announced is skipped, loudly: it blocks nothing.
 3. A fact of a Domain that cannot sign, because it has no signing key or none that can be opened, or of which older
    facts wait, is set aside. Other Domains do not wait.
 4. The others are signed, in one batch per Domain, with an `issued_at` of this very moment.
 5. They are published, and only then the cursor moves, in one transaction with what was set aside.

When a dependency is away nothing moves, and the step is repeated later. A crash between 4 and 5, or a repetition,
publishes the same announcement under the same message id, so that the stream keeps the first; should it be too late
for that, a Node sees it twice, which only makes it pull once more.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import define, field, frozen

from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.errors import NotFound
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.bus.announcements import Announcement, Fact, Unannounceable, announce
from plexsphere_domain.mesh.bus.envelope import Envelope, IssuedAt, Payload, TooLong
from plexsphere_domain.mesh.bus.errors import SigningKeyRotated
from plexsphere_domain.mesh.bus.ports import Backlog, Message, Publisher, RelayObserver, SigningKeys

BATCH = 1000
"""Facts that one step reads at most."""

RELEASE_EVERY = timedelta(seconds=5)
"""How often the Domains that wait are asked for their key."""


@frozen
class Telling:
    """A fact and what is announced of it."""

    fact: Fact
    announcement: Announcement


Tellings = Mapping[DomainId, Sequence[Telling]]
"""What is told to each Domain, in order."""

Skip = tuple[Fact, str]
"""A fact that cannot be announced, and why."""


@frozen
class Told:
    """What became of a Domain's tellings: signed messages, and those whose envelope cannot exist."""

    messages: Sequence[Message]
    too_long: Sequence[Skip]


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
        kids = await self._kids(tellings.keys() - waiting)
        told = await self._tell(tellings, kids)
        aside = [telling.fact for domain in tellings.keys() - told.keys() for telling in tellings[domain]]
        await self.backlog.advance(batch, aside)
        self._report_skips([*skips, *(skip for each in told.values() for skip in each.too_long)])
        await self._report_aside(aside)
        return len(batch.facts) == BATCH

    async def _release(self, waiting: frozenset[DomainId]) -> frozenset[DomainId]:
        """Announce what waits for a key that can be used now; the Domains that go on waiting."""
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
            told = await self._tell(tellings, {domain: kid})
            if tellings.keys() != told.keys():
                return False
            await self.backlog.release(facts)
            self._report_skips([*skips, *(skip for each in told.values() for skip in each.too_long)])
            self.observer.released(domain, len(facts))
        return True

    async def _kids(self, domains: Iterable[DomainId]) -> dict[DomainId, str]:
        """The active kid of every Domain that can sign."""
        asked = list(domains)
        kids = await asyncio.gather(*(self.keys.active_kid(domain) for domain in asked))
        return {domain: kid for domain, kid in zip(asked, kids, strict=True) if kid is not None}

    async def _tell(self, tellings: Tellings, kids: Mapping[DomainId, str]) -> Mapping[DomainId, Told]:
        """Sign and publish what is told to the Domains of `kids`: those whose key signed."""
        groups = {domain: tellings[domain] for domain in tellings if domain in kids}
        signed = await asyncio.gather(*(self._sign(domain, group, kids[domain]) for domain, group in groups.items()))
        told = {domain: each for domain, each in zip(groups, signed, strict=True) if each is not None}
        messages = [message for each in told.values() for message in each.messages]
        if messages:
            await self.publisher.publish(messages)
            self.observer.published(len(messages), min(groups[domain][0].fact.occurred_at for domain in told))
        return told

    async def _sign(self, domain: DomainId, tellings: Sequence[Telling], kid: str) -> Told | None:
        """The signed messages for one Domain, None when it has no key that can be used."""
        active: str | None = kid
        while active is not None:
            envelopes, too_long = self._envelopes(tellings, active)
            try:
                signatures = await self.keys.sign(domain, active, [unsigned.canonical for _, unsigned in envelopes])
            except SigningKeyRotated:
                active = await self.keys.active_kid(domain)
                continue
            except NotFound:
                return None
            messages = [
                Message(telling.fact.id, telling.announcement.audience, unsigned.signed(signature).data)
                for (telling, unsigned), signature in zip(envelopes, signatures, strict=True)
            ]
            return Told(messages, too_long)
        return None

    def _envelopes(self, tellings: Sequence[Telling], kid: str) -> tuple[list[tuple[Telling, Envelope]], list[Skip]]:
        issued_at = IssuedAt.of(self.clock.now())
        envelopes: list[tuple[Telling, Envelope]] = []
        too_long: list[Skip] = []
        scope = tellings[0].announcement.scope
        for telling in tellings:
            try:
                envelopes.append((telling, _envelope(telling.announcement, scope, kid, issued_at)))
            except TooLong as error:
                too_long.append((telling.fact, f"its envelope would be {error.size} bytes long"))
        return envelopes, too_long

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


def _tellings(facts: Iterable[Fact]) -> tuple[Tellings, list[Skip]]:
    tellings: dict[DomainId, list[Telling]] = {}
    skips: list[Skip] = []
    for fact in facts:
        try:
            announcement = announce(fact)
        except Unannounceable as error:
            skips.append((fact, error.reason))
            continue
        if announcement is not None:
            tellings.setdefault(announcement.audience.domain, []).append(Telling(fact, announcement))
    return tellings, skips


def _envelope(announcement: Announcement, scope: str, kid: str, issued_at: IssuedAt) -> Envelope:
    return Envelope(
        id=str(announcement.id),
        type=announcement.type,
        scope=scope,
        key_id=kid,
        issued_at=issued_at,
        payload=Payload.of(announcement.payload),
    )
