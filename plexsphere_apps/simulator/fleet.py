"""Many agents of one deployment, and what they find out together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from attrs import define, field, frozen

from plexsphere_apps.simulator.agent import Agent, Watcher
from plexsphere_apps.simulator.deliveries import Deliveries
from plexsphere_apps.simulator.http import Origin
from plexsphere_apps.simulator.identity import Enrolment, UnusableIdentity
from plexsphere_apps.simulator.observations import Latency, Observations, Violation
from plexsphere_apps.simulator.reconnection import Mode
from plexsphere_apps.simulator.registration import RegistrationFailed
from plexsphere_apps.simulator.standing import Standing
from plexsphere_apps.simulator.timing import Timing

H = TypeVar("H", bound=Hashable)


@frozen(kw_only=True)
class Broken:
    """A rule of the protocol that the server broke `count` times, with samples."""

    count: int
    samples: tuple[Violation, ...]


@frozen(kw_only=True)
class Report:
    """Latencies are in milliseconds."""

    agents: int
    enrolled: int
    streaming: int
    heard: int
    events: int
    counts: dict[str, int]
    latencies: dict[str, Latency]
    violations: tuple[Broken, ...]

    @property
    def clean(self) -> bool:
        return not self.violations

    @property
    def proves_something(self) -> bool:
        """Whether there was an agent that could have met a violation."""
        return self.enrolled > 0


@define
class Fleet:
    """`concurrency` bounds the registrations under way at any time."""

    origin: Origin
    timing: Timing = field(factory=Timing)
    concurrency: int = 64
    observations: Observations = field(factory=Observations)
    deliveries: Deliveries = field(factory=Deliveries)
    agents: list[Agent] = field(factory=list, init=False)
    _watchers: list[Watcher] = field(factory=list, init=False)
    _started: asyncio.Event = field(factory=asyncio.Event, init=False)
    _unsettled: int = field(default=0, init=False)

    def add(self, name: str, enrolment: Enrolment | None, *, kept: Path | None = None) -> Agent:
        agent = Agent(
            self.origin,
            name,
            enrolment,
            timing=self.timing,
            observations=self.observations,
            deliveries=self.deliveries,
            kept=kept,
        )
        for watcher in self._watchers:
            agent.watch(watcher)
        self.agents.append(agent)
        return agent

    def watch(self, watcher: Watcher) -> None:
        """Calls `watcher` with the standing of whichever agent changes; for agents that are added from now on."""
        self._watchers.append(watcher)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Every agent enrols and runs while the block does. One that cannot enrol is a violation, not an end."""
        places = asyncio.Semaphore(self.concurrency)
        self._unsettled = len(self.agents)
        if not self.agents:
            self._started.set()
        tasks = [asyncio.create_task(self._run(agent, places)) for agent in self.agents]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            self.origin.close()
            faults = [one for one in outcomes if isinstance(one, Exception)]
            if faults:
                raise ExceptionGroup("agents failed", faults)

    async def settled(self) -> None:
        """Returns once every agent has enrolled or given up."""
        await self._started.wait()

    async def until(self, reached: Callable[[Standing], bool], *, timeout: float = 60.0) -> None:
        """Returns once every agent's standing is as asked; raises TimeoutError."""
        async with asyncio.timeout(timeout):
            for agent in self.agents:
                await agent.until(reached, timeout=timeout)

    def report(self) -> Report:
        """What was seen so far. Call it when the agents have stopped: only then their streams can be compared."""
        self._compare()
        standings = [agent.standing for agent in self.agents]
        return Report(
            agents=len(standings),
            enrolled=sum(standing.node_id is not None for standing in standings),
            streaming=sum(standing.mode is Mode.STREAMING for standing in standings),
            heard=sum(standing.heartbeats > 0 for standing in standings),
            events=sum(standing.events for standing in standings),
            counts=dict(sorted(self.observations.counts.items())),
            latencies=self.observations.latencies(),
            violations=tuple(
                Broken(count=count, samples=tuple(samples)) for count, samples in self.observations.violations
            ),
        )

    async def _run(self, agent: Agent, places: asyncio.Semaphore) -> None:
        try:
            async with places:
                await agent.enrol()
        except (RegistrationFailed, UnusableIdentity) as failure:
            self.observations.violation("register", "an enrolment succeeds", str(failure), agent.standing.name)
            return
        finally:
            self._settle()
        await agent.run()

    def _settle(self) -> None:
        self._unsettled -= 1
        if not self._unsettled:
            self._started.set()

    def _compare(self) -> None:
        identities = [agent.identity for agent in self.agents if agent.identity is not None]
        for node_id in _repeated(identity.node_id for identity in identities):
            self.observations.violation("register", "node ids differ", str(node_id))
        held = ((identity.domain_mesh_cidr, identity.mesh_ip) for identity in identities)
        for cidr, address in _repeated(held):
            self.observations.violation("register", "mesh addresses of a Domain differ", f"{address} in {cidr}")
        for run, missing in self.deliveries.gaps():
            self.observations.violation(
                "events", "no event is lost or doubled", f"{missing} between {run.first} and {run.last}", run.agent
            )


def _repeated(values: Iterable[H]) -> list[H]:
    return [value for value, count in Counter(values).items() if count > 1]
