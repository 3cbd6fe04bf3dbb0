from datetime import timedelta
from typing import Any

import pytest
from attrs import define, field

from plexsphere_adapters.memory.bus import MemoryBacklog, MemoryStream
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.mesh.bus.announcements import Fact, ToDomain, ToNode
from plexsphere_domain.mesh.bus.envelope import SignedEnvelope
from plexsphere_domain.mesh.bus.errors import CursorMoved, EventStreamUnavailable
from plexsphere_domain.mesh.bus.ports import Batch
from plexsphere_domain.mesh.bus.relay import BATCH, RELEASE_EVERY, Relay
from tests.unit.mesh.bus.doubles import NOW, Clock, Facts, Keys, Observer, check, domain, node


@define
class Bench:
    """A relay over memory."""

    keys: Keys
    clock: Clock
    observer: Observer
    backlog: MemoryBacklog = field(factory=MemoryBacklog)
    stream: MemoryStream = field(factory=MemoryStream)
    relay: Relay = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.relay = Relay(self.backlog, self.keys, self.stream, self.clock, self.observer)

    @property
    def told(self) -> list[str]:
        """The ids of the announcements in the stream, in order."""
        return [SignedEnvelope.parse(record.data).envelope.id for record in self.stream.records]


@pytest.fixture
def bench(keys: Keys, clock: Clock, observer: Observer) -> Bench:
    keys.add(domain(1))
    return Bench(keys, clock, observer)


def ids(*facts: Fact) -> list[str]:
    return [str(fact.id) for fact in facts]


async def test_a_fact_becomes_a_signed_envelope_for_its_audience(bench: Bench, facts: Facts, keys: Keys) -> None:
    fact = facts(domain(1), "NodeStateUpdated", node_id=str(node(7)))
    bench.backlog.facts = [fact, facts(domain(1))]
    assert not await bench.relay.step()
    to_node, to_domain = bench.stream.records
    assert (to_node.audience, to_domain.audience) == (ToNode(domain(1), node(7)), ToDomain(domain(1)))
    signed = SignedEnvelope.parse(to_node.data)
    key = await keys.public_key(domain(1), "k-1")
    assert key is not None
    assert signed.is_genuine(key, check)
    assert signed.envelope.id == str(fact.id)
    assert signed.envelope.issued_at.moment == NOW
    assert signed.envelope.payload.text == b'{"node_id":"%b"}' % str(node(7)).encode()


async def test_facts_that_concern_no_node_are_passed_over(bench: Bench, facts: Facts) -> None:
    bench.backlog.facts = [facts(None, "PlatformChanged"), facts(domain(2), "ProjectCreated")]
    await bench.relay.step()
    assert (bench.told, bench.backlog.cursor, bench.backlog.parked) == ([], 2, [])


async def test_the_order_of_every_domain_is_kept_over_steps(bench: Bench, facts: Facts, keys: Keys) -> None:
    keys.add(domain(2))
    bench.backlog.facts = [facts(domain(1 + n % 2)) for n in range(BATCH + 3)]
    assert await bench.relay.step()
    assert not await bench.relay.step()
    assert len(bench.told) == BATCH + 3
    for of in (domain(1), domain(2)):
        expected = ids(*(fact for fact in bench.backlog.facts if fact.domain_id == of))
        assert [each for each in bench.told if each in expected] == expected


async def test_what_cannot_be_announced_is_skipped_and_blocks_nothing(bench: Bench, facts: Facts) -> None:
    undecodable = facts(domain(1), "NodeStateUpdated", node_id=7)
    oversized = facts(domain(1), "NodeRegistered", node_id=str(node(1)), mesh_ip="10.0.0.1", public_key="x" * 70_000)
    good = facts(domain(1))
    bench.backlog.facts = [undecodable, oversized, good]
    await bench.relay.step()
    assert bench.told == ids(good)
    assert bench.backlog.cursor == 3
    assert [fact for fact, _ in bench.observer.skips] == [undecodable, oversized]


class TestADomainWithoutAKey:
    async def test_its_facts_wait_aside_and_others_flow(self, bench: Bench, facts: Facts) -> None:
        keyless, other, keyless_too = facts(domain(2)), facts(domain(1)), facts(domain(2))
        bench.backlog.facts = [keyless, other, keyless_too]
        await bench.relay.step()
        assert bench.told == ids(other)
        assert bench.backlog.parked == [keyless, keyless_too]
        assert bench.observer.aside == [(domain(2), 2)]
        assert bench.observer.gauge == 2

    async def test_they_flow_in_order_when_the_key_exists(
        self, bench: Bench, facts: Facts, keys: Keys, clock: Clock
    ) -> None:
        bench.backlog.facts = [facts(domain(2)) for _ in range(BATCH + 1)]
        await bench.relay.step()
        await bench.relay.step()
        keys.add(domain(2))
        clock.at += RELEASE_EVERY
        bench.backlog.facts.append(facts(domain(2)))
        await bench.relay.step()
        assert bench.told == ids(*bench.backlog.facts)
        assert (bench.observer.gauge, bench.backlog.parked) == (0, [])

    async def test_newer_facts_do_not_overtake_those_that_wait(
        self, bench: Bench, facts: Facts, keys: Keys, clock: Clock
    ) -> None:
        bench.backlog.facts = [facts(domain(2))]
        await bench.relay.step()
        await bench.relay.step()
        keys.add(domain(2))
        bench.backlog.facts.append(facts(domain(2)))
        await bench.relay.step()
        assert bench.told == []
        clock.at += RELEASE_EVERY
        await bench.relay.step()
        assert bench.told == ids(*bench.backlog.facts)


async def test_a_key_that_is_rotated_while_signing_is_replaced(bench: Bench, facts: Facts, keys: Keys) -> None:
    stale = iter(["k-1", "k-2"])
    keys.add(domain(1))

    class Rotating(Keys):
        async def active_kid(self, of: Any) -> str | None:
            return next(stale, "k-2")

    bench.relay.keys = Rotating(keys.rings)
    bench.backlog.facts = [facts(domain(1))]
    await bench.relay.step()
    assert SignedEnvelope.parse(bench.stream.records[0].data).envelope.key_id == "k-2"


class TestOutages:
    async def test_nothing_moves_without_the_signer(self, bench: Bench, facts: Facts, keys: Keys) -> None:
        bench.backlog.facts = [facts(domain(1)), facts(domain(2))]
        keys.reachable = False
        with pytest.raises(Unavailable):
            await bench.relay.step()
        assert (bench.told, bench.backlog.cursor, bench.backlog.parked) == ([], 0, [])
        keys.reachable = True
        await bench.relay.step()
        assert bench.backlog.cursor == 2

    async def test_nothing_moves_without_the_stream(self, bench: Bench, facts: Facts) -> None:
        bench.backlog.facts = [facts(domain(1)), facts(domain(2))]
        bench.stream.reachable = False
        with pytest.raises(EventStreamUnavailable):
            await bench.relay.step()
        assert (bench.backlog.cursor, bench.backlog.parked) == (0, [])

    async def test_what_waits_is_kept_when_the_stream_goes_away_while_it_flows(
        self, bench: Bench, facts: Facts, keys: Keys
    ) -> None:
        bench.backlog.facts = [facts(domain(2))]
        await bench.relay.step()
        keys.add(domain(2))
        bench.stream.reachable = False
        with pytest.raises(EventStreamUnavailable):
            await bench.relay.step()
        assert bench.backlog.parked == bench.backlog.facts

    async def test_a_crash_before_the_cursor_moves_makes_no_second_event(
        self, bench: Bench, facts: Facts, clock: Clock
    ) -> None:
        class Crashing(MemoryBacklog):
            async def advance(self, batch: Batch, aside: Any) -> None:
                raise ConnectionError

        bench.backlog.facts = [facts(domain(1)), facts(domain(1))]
        with pytest.raises(ConnectionError):
            await Relay(Crashing(bench.backlog.facts), bench.keys, bench.stream, clock, bench.observer).step()
        clock.at += timedelta(seconds=3)
        await bench.relay.step()
        assert bench.told == ids(*bench.backlog.facts)
        assert bench.backlog.cursor == 2

    async def test_of_two_relays_the_later_one_gives_way(self, bench: Bench, facts: Facts) -> None:
        class Overtaken(MemoryBacklog):
            async def read(self, limit: int) -> Batch:
                batch = await super().read(limit)
                await super().advance(batch, [])
                return batch

        bench.relay.backlog = Overtaken([facts(domain(1))])
        with pytest.raises(CursorMoved):
            await bench.relay.step()
