"""What every store of the audit log promises, through the services that stand on it.

Subclassed for memory (unit) and PostgreSQL (integration). A subclass provides two fixtures: `store`, an `AuditStore`,
and `domain`, the scope of a Domain that exists, a new one for every test.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest
from attrs import Factory, define, evolve, frozen

from plexsphere_adapters.crypto.keywrap import AesGcmKeyWrap, FixedWrapKeys, WrapKey
from plexsphere_adapters.system import random_bytes
from plexsphere_domain.audit.chain import pseudonym
from plexsphere_domain.audit.chains import Chains
from plexsphere_domain.audit.erasure import ERASE, Erasure
from plexsphere_domain.audit.errors import AuditDomainNotFound, AuditEntryNotFound
from plexsphere_domain.audit.filters import EntryFilter
from plexsphere_domain.audit.log import AuditLog, Bounds
from plexsphere_domain.audit.model import PLATFORM, AuditRecord, Reason, Scope, StoredEntry
from plexsphere_domain.audit.ports import ChainRegistry, Entries, Intake, Ledger, Ledgers, Recorder, Residence
from plexsphere_domain.audit.sequencer import BATCH, Sequencer
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.kernel.sealing import KeyWrap, Sealed
from plexsphere_domain.kernel.secrets import SecretBytes

START = datetime(2026, 1, 1, tzinfo=UTC)


class AuditStore(Recorder, ChainRegistry, Residence, Intake, Ledgers, Entries, Protocol): ...


@define
class Ticking:
    """A clock that moves a second whenever it is read."""

    reads: int = 0

    def now(self) -> datetime:
        self.reads += 1
        return START + timedelta(days=1, seconds=self.reads)


WRAP = AesGcmKeyWrap(FixedWrapKeys((WrapKey("w1", random_bytes(32)),)))


@define
class System:
    """The audit log of one process over `store`."""

    store: AuditStore
    wrap: KeyWrap = WRAP
    chains: Chains = Factory(lambda s: Chains(s.store, s.store, s.wrap, random_bytes), takes_self=True)
    sequencer: Sequencer = Factory(
        lambda s: Sequencer(intake=s.store, ledgers=s.store, chains=s.chains), takes_self=True
    )
    log: AuditLog = Factory(
        lambda s: AuditLog(sequencer=s.sequencer, chains=s.chains, entries=s.store), takes_self=True
    )
    erasure: Erasure = Factory(
        lambda s: Erasure(sequencer=s.sequencer, chains=s.chains, ledgers=s.store, clock=Ticking()), takes_self=True
    )

    def replica(self) -> "System":
        """Another process on the same store and the same keys."""
        return System(self.store)

    async def rows(self, scope: Scope, **conditions: Any) -> list[StoredEntry]:
        page = await self.log.list(scope, EntryFilter(**conditions), PageRequest(limit=200))
        return list(page.items)

    async def relations(self, scope: Scope, **conditions: Any) -> list[str]:
        return [row.entry.content.relation for row in await self.rows(scope, **conditions)]


def record(scope: Scope, relation: str = "manage", **fields: Any) -> AuditRecord:
    defaults: dict[str, Any] = {
        "occurred_at": START,
        "identity": UUID(int=7),
        "object_type": "domain",
        "object_id": str(scope),
        "correlation_id": "c",
    }
    return AuditRecord(scope=scope, relation=relation, **defaults | fields)


def actor(identity: UUID | None = None) -> Actor:
    return Actor(principal=Principal(PrincipalKind.USER, identity or uuid4()), correlation_id="erase", ip="192.0.2.9")


class AuditStoreContract:
    """See the module."""

    @pytest.fixture
    def system(self, store: AuditStore) -> System:
        return System(store)

    async def test_what_was_recorded_is_read_at_once(self, system: System, domain: Scope) -> None:
        given = record(
            domain,
            "manage",
            occurred_at=START + timedelta(microseconds=1),
            reason=Reason.STALE_CAVEAT_VIOLATION,
            caveats={"from_cidr": ["ip"], "within_time_window": ["now", "a"]},
            ip="2001:db8::1",
            user_agent='Mozilla/5.0 "Größe" \\ 😀',
        )
        await system.store.record([given])
        (row,) = await system.rows(domain)
        content = row.entry.content
        for name in ("scope", "occurred_at", "relation", "object_type", "object_id", "correlation_id", "ip"):
            assert getattr(content, name) == getattr(given, name)
        assert content.user_agent == given.user_agent
        assert content.reason == "stale_caveat_violation"
        assert {caveat: tuple(names) for caveat, names in content.caveats.items()} == given.caveats
        assert row.identity == given.identity
        assert row.archived is None
        assert (content.seq, row.entry.prev_hash) == (1, bytes(32))

    async def test_rows_stand_in_the_order_of_their_records(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, f"r{n}") for n in range(3)])
        await system.rows(domain)
        await system.store.record([record(domain, f"r{n}") for n in range(3, 6)])
        assert await system.relations(domain) == [f"r{n}" for n in range(6)]
        assert [row.entry.seq for row in await system.rows(domain)] == [1, 2, 3, 4, 5, 6]

    async def test_chains_are_apart(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, "mine"), record(PLATFORM, "platform", object_id=str(domain))])
        assert await system.relations(domain) == ["mine"]
        assert await system.relations(PLATFORM, object_id=str(domain)) == ["platform"]
        (mine,), (platform,) = await system.rows(domain), await system.rows(PLATFORM, object_id=str(domain))
        assert mine.entry.content.subject != platform.entry.content.subject

    async def test_a_scope_without_an_owner_is_the_platforms(self, system: System) -> None:
        stranger = Scope(uuid4())
        await system.store.record([record(stranger, "probe")])
        await system.sequencer.exhaust()
        (row,) = await system.rows(PLATFORM, object_id=str(stranger))
        assert row.entry.content.scope == PLATFORM
        with pytest.raises(AuditDomainNotFound):
            await system.rows(stranger)
        with pytest.raises(AuditDomainNotFound):
            await system.log.verify(stranger, Bounds())
        with pytest.raises(AuditDomainNotFound):
            await system.erasure.erase(stranger, uuid4(), by=actor())
        with pytest.raises(AuditEntryNotFound):
            await system.log.prove(stranger, 1)

    async def test_a_domain_without_rows_has_an_empty_chain_that_holds(self, system: System, domain: Scope) -> None:
        assert await system.rows(domain) == []
        verdict = await system.log.verify(domain, Bounds())
        assert (verdict.first, verdict.last, verdict.divergence) == (1, 1, None)

    async def test_pages_follow_each_other(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, f"r{n}") for n in range(5)])
        seen, request = [], PageRequest(limit=2)
        while True:
            page = await system.log.list(domain, EntryFilter(), request)
            seen.append([row.entry.seq for row in page.items])
            if page.next is None:
                break
            request = evolve(request, after=page.next)
        assert seen == [[1, 2], [3, 4], [5]]

    @pytest.mark.parametrize(
        ("conditions", "expected"),
        [
            ({"relation": "a"}, [1]),
            ({"object_type": "project"}, [2]),
            ({"object_id": "o"}, [2, 3]),
            ({"object_id": "o", "object_type": "project"}, [2]),
            ({"correlation_id": "x"}, [3]),
            ({"reason": Reason.GRANTED}, [1, 4]),
            ({"reason": Reason.OUT_OF_SCOPE}, [2]),
            ({"reason": Reason.UNKNOWN}, [3]),
            ({"since": START + timedelta(seconds=1)}, [2, 3, 4]),
            ({"until": START + timedelta(seconds=2)}, [1, 2, 3]),
            ({"since": START + timedelta(seconds=1), "until": START + timedelta(seconds=2)}, [2, 3]),
            ({"relation": "nothing"}, []),
            ({}, [1, 2, 3, 4]),
        ],
        ids=str,
    )
    async def test_filters(
        self, system: System, domain: Scope, conditions: dict[str, Any], expected: list[int]
    ) -> None:
        second = timedelta(seconds=1)
        await system.store.record(
            [
                record(domain, "a"),
                record(
                    domain,
                    object_type="project",
                    object_id="o",
                    reason=Reason.OUT_OF_SCOPE,
                    occurred_at=START + second,
                ),
                record(
                    domain,
                    object_id="o",
                    correlation_id="x",
                    reason=Reason.UNKNOWN,
                    occurred_at=START + 2 * second,
                ),
                record(domain, reason=Reason.STALE_GRANTED, occurred_at=START + 3 * second),
            ]
        )
        assert [row.entry.seq for row in await system.rows(domain, **conditions)] == expected

    async def test_a_subject_is_found_by_its_pseudonym(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, "a"), record(domain, "b", identity=UUID(int=8)), record(domain, "c")])
        first, *_ = await system.rows(domain)
        assert await system.relations(domain, subject=first.entry.content.subject) == ["a", "c"]

    async def test_a_row_is_proved_by_its_bytes(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, "a"), record(domain, "b")])
        proof = await system.log.prove(domain, 2)
        entry = proof.stored.entry
        assert sha256(entry.prev_hash + sha256(proof.canonical).digest()).digest() == entry.entry_hash
        assert entry.content.relation == "b"
        for missing in (3, 2**63 - 1):
            with pytest.raises(AuditEntryNotFound):
                await system.log.prove(domain, missing)

    async def test_a_chain_longer_than_a_segment_holds_in_every_part(self, system: System, domain: Scope) -> None:
        length = BATCH + 3
        await system.store.record([record(domain, f"r{n}") for n in range(length)])
        for bounds, walked in (
            (Bounds(), (1, length)),
            (Bounds(first=length - 1), (length - 1, length)),
            (Bounds(first=2, last=300), (2, 300)),
            (Bounds(first=length + 5), (length, length)),
            (Bounds(last=length + 5), (1, length)),
        ):
            verdict = await system.log.verify(domain, bounds)
            assert ((verdict.first, verdict.last), verdict.divergence) == (walked, None)

    async def test_concurrent_first_records_agree_on_one_pepper(self, system: System, domain: Scope) -> None:
        replicas = [system, *(system.replica() for _ in range(7))]

        async def act(replica: System, number: int) -> None:
            await replica.store.record([record(domain, f"r{number}")])
            await replica.sequencer.catch_up(domain)

        await asyncio.gather(*(act(replicas[n % 8], n) for n in range(64)))
        rows = await system.rows(domain)
        assert len(rows) == 64
        assert len({row.entry.content.subject for row in rows}) == 1
        peppers = {(await r.chains.open([domain])).chains[domain].pepper.reveal() for r in replicas}
        assert len(peppers) == 1
        assert (await system.log.verify(domain, Bounds())).divergence is None

    async def test_concurrent_writers_sequencers_and_readers_lose_nothing(self, system: System, domain: Scope) -> None:
        others = [system.replica() for _ in range(3)]

        async def write(number: int) -> None:
            await system.store.record([record(domain, f"w{number}"), record(PLATFORM, f"w{number}-{domain}")])

        async def read(replica: System, number: int) -> None:
            await write(number)
            assert f"w{number}" in await replica.relations(domain)

        await asyncio.gather(
            *(write(n) for n in range(40)),
            *(read(others[n % 3], 100 + n) for n in range(20)),
            *(other.sequencer.exhaust() for other in others),
        )
        rows = await system.rows(domain)
        expected = sorted([f"w{n}" for n in range(40)] + [f"w{100 + n}" for n in range(20)])
        assert sorted(row.entry.content.relation for row in rows) == expected
        assert [row.entry.seq for row in rows] == list(range(1, 61))
        for scope in (domain, PLATFORM):
            assert (await system.log.verify(scope, Bounds())).divergence is None

    async def test_erasing_takes_the_identity_and_leaves_the_chain(self, system: System, domain: Scope) -> None:
        gone, other, officer = uuid4(), uuid4(), actor()
        await system.store.record([record(domain, "a", identity=gone), record(domain, "b", identity=other)])
        before = await system.rows(domain)
        receipt = await system.erasure.erase(domain, gone, by=officer)
        rows = await system.rows(domain)
        assert [row.entry for row in rows[:2]] == [row.entry for row in before]
        assert receipt.subject == rows[0].entry.content.subject
        assert [row.identity for row in rows] == [None, other, officer.principal.id]
        witness = rows[2].entry.content
        assert (witness.relation, witness.object_id) == (ERASE, receipt.subject.hex())
        assert witness.occurred_at == receipt.at
        assert (witness.correlation_id, witness.ip) == ("erase", "192.0.2.9")
        assert (await system.log.verify(domain, Bounds())).divergence is None

    async def test_an_erased_identity_stays_erased(self, system: System, domain: Scope) -> None:
        gone = uuid4()
        await system.erasure.erase(domain, gone, by=actor())
        await system.erasure.erase(domain, gone, by=actor(gone))
        await system.store.record([record(domain, "later", identity=gone)])
        rows = await system.rows(domain)
        assert [row.entry.content.relation for row in rows] == [ERASE, ERASE, "later"]
        assert [row.identity for row in rows[1:]] == [None, None]

    async def test_erasing_reaches_its_own_chain_only(self, system: System, domain: Scope) -> None:
        gone = uuid4()
        await system.store.record([record(s, "a", identity=gone, object_id=str(domain)) for s in (domain, PLATFORM)])
        await system.erasure.erase(domain, gone, by=actor())
        (platform,) = await system.rows(PLATFORM, object_id=str(domain))
        assert platform.identity == gone

    async def test_a_failed_erasure_leaves_everything_as_it_was(self, system: System, domain: Scope) -> None:
        known = uuid4()
        await system.store.record([record(domain, "a", identity=known)])
        await system.rows(domain)
        broken = evolve(system.erasure, ledgers=Breaking(system.store))
        with pytest.raises(Interrupted):
            await broken.erase(domain, known, by=actor())
        (row,) = await system.rows(domain)
        assert row.identity == known

    async def test_one_chain_that_cannot_be_opened_stops_no_other(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, "stuck")])
        await system.store.found(domain, Sealed("no such key", b"no pepper"))
        await system.store.record([record(PLATFORM, "through", object_id=str(domain))])
        progress = await system.sequencer.exhaust()
        assert domain in progress.aside
        assert await system.relations(PLATFORM, object_id=str(domain)) == ["through"]

    async def test_one_chain_that_cannot_be_continued_stops_no_other(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain, "stuck"), record(PLATFORM, "through", object_id=str(domain))])
        picky = evolve(system.sequencer, ledgers=Picky(system.store, domain))
        progress = await picky.exhaust()
        assert domain in progress.aside
        assert await system.store.holds(domain)
        assert not await system.store.holds(PLATFORM)
        assert await system.relations(domain) == ["stuck"]

    async def test_a_pepper_opens_for_its_own_chain_only(self, system: System, domain: Scope) -> None:
        await system.store.record([record(domain), record(PLATFORM)])
        await system.sequencer.exhaust()
        sealed = await system.store.find([domain, PLATFORM])
        subjects = {scope: pseudonym(await self._pepper(system, scope), scope, UUID(int=7)) for scope in sealed}
        assert subjects[domain] != subjects[PLATFORM]
        assert (await system.rows(domain))[0].entry.content.subject == subjects[domain]
        with pytest.raises(Exception, match="internal"):
            await system.wrap.open(sealed[domain], context=b"audit-pepper:" + PLATFORM.bytes)

    async def _pepper(self, system: System, scope: Scope) -> SecretBytes:
        return (await system.chains.open([scope])).chains[scope].pepper


class Interrupted(Exception):
    pass


@frozen
class Breaking:
    """Ledgers whose transactions fail at the last moment."""

    store: Ledgers

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        async with self.store.begin() as ledger:
            yield ledger
            raise Interrupted


@frozen
class Picky:
    """Ledgers that refuse to work on one chain."""

    store: Ledgers
    refused: Scope

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self.store.begin() as ledger:
            yield _PickyLedger(ledger, self.refused)


@define
class _PickyLedger:
    _ledger: Ledger
    _refused: Scope

    async def lock(self, chains: Collection[Scope]) -> Any:
        if self._refused in chains:
            raise Interrupted
        return await self._ledger.lock(chains)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)
