"""A NATS server of their own for these tests, because they kill it."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
from attrs import define, field

from plexsphere_adapters.jetstream.archive import JetStreamArchive
from plexsphere_adapters.jetstream.connection import Bus, connect
from plexsphere_adapters.jetstream.publisher import JetStreamPublisher
from plexsphere_adapters.jetstream.tail import Tail
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.mesh.bus.admission import Admission, StreamedEvent
from plexsphere_domain.mesh.bus.announcements import Audience
from plexsphere_domain.mesh.bus.ports import Message
from plexsphere_domain.mesh.bus.stream import NodeEvents
from plexsphere_domain.mesh.bus.window import Window
from tests.integration.jetstream.server import Server
from tests.unit.mesh.bus.doubles import Facts, Keys, Observer, check, domain, node


@pytest.fixture
async def server(tmp_path, unused_tcp_port_factory) -> AsyncIterator[Server]:
    server = Server(unused_tcp_port_factory(), tmp_path)
    await server.start()
    yield server
    await server.end(signal.SIGTERM)


@pytest.fixture
async def bus(server: Server) -> AsyncIterator[Bus]:
    async with connect(server.config) as bus:
        await bus.next_session()
        yield bus


@define
class Mesh:
    """A process that publishes genuine envelopes and follows them."""

    bus: Bus
    window: Window = field(factory=Window)
    keys: Keys = field(factory=Keys)
    facts: Facts = field(factory=Facts)
    observer: Observer = field(factory=Observer)
    publisher: JetStreamPublisher = field(init=False)
    tail: Tail = field(init=False)
    events: NodeEvents = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.publisher = JetStreamPublisher(self.bus)
        self.tail = Tail(self.bus, self.window)
        self.events = NodeEvents(self.window, JetStreamArchive(self.bus), Admission(self.keys, check, self.observer))
        self.keys.add(domain(1))
        self.keys.add(domain(2))

    def message(self, audience: Audience) -> Message:
        fact = self.facts(audience.domain)
        return Message(fact.id, audience, self.keys.envelope(audience, id=str(fact.id)))

    async def tell(self, *audiences: Audience) -> None:
        await self.publisher.publish([self.message(audience) for audience in audiences])

    async def tell_in_any_case(self, *audiences: Audience) -> None:
        """The same messages again until they are stored, as the relay does it."""
        messages = [self.message(audience) for audience in audiences]
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.publisher.publish(messages)
                except Unavailable:
                    await asyncio.sleep(0.05)

    async def open(self, after: int | None = None) -> AsyncIterator[StreamedEvent]:
        """The events of Node 1 of Domain 1, as soon as they can be had."""
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.events.open(domain(1), node(1), after)
                except Unavailable:
                    await asyncio.sleep(0.05)


@pytest.fixture
async def mesh(bus: Bus) -> AsyncIterator[Mesh]:
    mesh = Mesh(bus)
    following = asyncio.create_task(mesh.tail.run())
    yield mesh
    following.cancel()
