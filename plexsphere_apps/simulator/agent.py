"""One agent: enrols, and from then on beats, pulls and follows its stream until it is told to stop."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from plexsphere_apps.simulator import identity as identities
from plexsphere_apps.simulator.calls import Calls
from plexsphere_apps.simulator.deliveries import Deliveries
from plexsphere_apps.simulator.heartbeat import Heartbeats
from plexsphere_apps.simulator.http import Origin
from plexsphere_apps.simulator.identity import Enrolment, Identity
from plexsphere_apps.simulator.observations import Observations
from plexsphere_apps.simulator.reconciler import Reconciler
from plexsphere_apps.simulator.registration import Registration
from plexsphere_apps.simulator.standing import Standing
from plexsphere_apps.simulator.stream import EventStream
from plexsphere_apps.simulator.timing import Timing
from plexsphere_apps.simulator.verification import KeyStore

Watcher = Callable[[Standing], None]


class Agent:
    """`standing` is what can be seen of it. `kept` is the file that carries its identity over a restart, if any.

    Its event loop is the one that it is made in.
    """

    def __init__(
        self,
        origin: Origin,
        name: str,
        enrolment: Enrolment | None = None,
        *,
        timing: Timing | None = None,
        observations: Observations | None = None,
        deliveries: Deliveries | None = None,
        kept: Path | None = None,
    ) -> None:
        self.standing = Standing(name)
        self.observations = observations or Observations()
        self.deliveries = deliveries or Deliveries()
        self.identity: Identity | None = None
        self._calls = Calls(origin=origin, observations=self.observations, timing=timing or Timing(), name=name)
        self._enrolment = enrolment
        self._kept = kept
        self._watchers: list[Watcher] = []
        self._changes = asyncio.Event()

    def watch(self, watcher: Watcher) -> None:
        """Calls `watcher` with the standing whenever it changes."""
        self._watchers.append(watcher)

    async def enrol(self) -> Identity:
        """The identity: the one it holds or has kept, or a new one by registration.

        Raises RegistrationFailed or UnusableIdentity.
        """
        if self.identity is not None:
            return self.identity
        identity = identities.load(self._kept) if self._kept else None
        if identity is None:
            if self._enrolment is None:
                raise ValueError(f"{self.standing.name} has neither an identity nor an enrolment")
            identity = await Registration.begin(self._calls, self._enrolment).run()
            if self._kept:
                identities.save(self._kept, identity)
        self._adopt(identity)
        return identity

    async def run(self) -> None:
        """Everything, until it is cancelled."""
        identity = await self.enrol()
        reconciler = Reconciler(self._calls, self.standing, self._changed)
        keys = KeyStore(identity.signing_key)
        stream = EventStream(self._calls, self.standing, keys, reconciler, self.deliveries, self._changed)
        heartbeats = Heartbeats(self._calls, self.standing, reconciler.trigger, self._changed)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(stream.run())
            loops.create_task(heartbeats.run())
            loops.create_task(reconciler.run())

    async def until(self, reached: Callable[[Standing], bool], *, timeout: float = 30.0) -> None:
        """Returns once the standing is as asked; raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not reached(self.standing):
                self._changes.clear()
                await self._changes.wait()

    def _adopt(self, identity: Identity) -> None:
        self.identity = identity
        self._calls = evolve(self._calls, bearer=identity.bearer)
        self.standing.node_id = identity.node_id
        self.standing.mesh_ip = str(identity.mesh_ip)
        self._changed()

    def _changed(self) -> None:
        self._changes.set()
        for watcher in self._watchers:
            watcher(self.standing)
