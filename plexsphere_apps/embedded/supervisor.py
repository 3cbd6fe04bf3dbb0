"""Children that stay alive: started in order, watched, started again when they die, ended in reverse order.

A child that dies while the system comes up stops the start. Once the system is up, a child that dies is started again
after a pause that doubles from `FIRST_PAUSE` to `LONGEST_PAUSE` and falls back when the child has held out for
`HELD_OUT`. A restarted child keeps its port.
"""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field, frozen

from plexsphere_apps.embedded import leftovers
from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.ports import LOOPBACK, is_free
from plexsphere_apps.embedded.process import Command, end, how_it_ended, last_line, spawn
from plexsphere_apps.embedded.report import Report
from plexsphere_apps.embedded.server import Server
from plexsphere_apps.embedded.state import StateDirectory

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
HELD_OUT: Final = 30.0
PATIENCE: Final = 60.0
"""Seconds a started server has to answer."""

POLL: Final = 0.05


@frozen(kw_only=True)
class Step:
    """A command that runs to its end between two starts of servers."""

    name: str
    command: Command


@define
class Child:
    """A server and the process that runs it at the moment."""

    server: Server
    command: Command | None = None
    process: Process | None = None
    began: float = 0.0
    well_pid: int | None = None
    keeper: asyncio.Task[None] | None = None


async def unchanged() -> None:
    """The listener of a supervisor nobody listens to."""


@define
class Supervisor:
    """Owns every child process of the launcher."""

    state: StateDirectory
    report: Report
    changed: Callable[[], Awaitable[None]] = unchanged
    """Called whenever a child was started again and is well."""
    _children: list[Child] = field(init=False, factory=list)
    _recovery: dict[str, list[Step]] = field(init=False, factory=dict)

    def pids(self) -> dict[str, int]:
        """The process id of every server, by name; that of the successor as soon as the successor is well."""
        return {child.server.name: child.well_pid for child in self._children if child.well_pid is not None}

    async def start(self, server: Server) -> None:
        """Start a server and wait until it is usable; from then on it is kept alive. Raises `CannotStart`."""
        child = Child(server)
        self._children.append(child)
        with self.report.step(server.name, server.address):
            await self._bring_up(child)
        child.keeper = asyncio.create_task(self._keep(child), name=server.name)

    def after_restart(self, name: str, step: Step) -> None:
        """Have `step` follow every later restart of the server `name`."""
        self._recovery.setdefault(name, []).append(step)

    async def watch(self) -> None:
        """Return never; raise what a keeper raised, should one fail itself."""
        keepers = [child.keeper for child in self._children if child.keeper is not None]
        await asyncio.gather(*keepers)

    async def run(self, step: Step) -> None:
        """Run a command to its end. Raises `CannotStart` when it fails."""
        with self.report.step(step.name):
            await self._run(step)

    async def stop(self) -> None:
        """End all children, the last started first."""
        keepers = [child.keeper for child in self._children if child.keeper is not None]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for child in reversed(self._children):
            if child.process is not None and child.command is not None:
                with self.report.step(f"{child.server.name} ended"):
                    await end(child.process, child.command)
        self._children.clear()
        leftovers.forget(self.state)

    def kill(self) -> None:
        """Cut the grace of all children short."""
        for child in self._children:
            if child.process is not None and child.process.returncode is None:
                child.process.kill()

    async def _bring_up(self, child: Child) -> None:
        try:
            await self._attempt(child)
        except OSError as failure:
            raise CannotStart(
                f"{child.server.name} cannot be started: {failure}", f"see {self.state.log(child.server.name)}"
            ) from failure

    async def _attempt(self, child: Child) -> None:
        server = child.server
        taken = [port for port in server.ports if not is_free(port)]
        if taken:
            raise CannotStart(
                f"port {taken[0]} for {server.name} is taken on {LOOPBACK}",
                f"end the program that listens there, or remove {self.state.root / 'ports.json'} to get other ports",
            )
        await server.prepare()
        log = self.state.log(server.name)
        child.command = server.command()
        child.process = await spawn(child.command, log)
        child.began = time.monotonic()
        leftovers.remember(
            self.state, {each.server.name: each.process.pid for each in self._children if each.process is not None}
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await self._until_reachable(child.process, server)
        except TimeoutError as failure:
            raise CannotStart(
                f"{server.name} does not answer after {PATIENCE:.0f} s: {last_line(log)}", f"see {log}"
            ) from failure
        await server.settle()
        child.well_pid = child.process.pid

    async def _until_reachable(self, process: Process, server: Server) -> None:
        while not await server.reachable():
            if process.returncode is not None:
                log = self.state.log(server.name)
                raise CannotStart(
                    f"{server.name} ended with {how_it_ended(process.returncode)} while starting: {last_line(log)}",
                    f"see {log}",
                )
            await asyncio.sleep(POLL)

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        while child.process is not None and child.command is not None:
            returncode = await child.process.wait()
            if time.monotonic() - child.began > HELD_OUT:
                pause = FIRST_PAUSE
            self.report.trouble(child.server.name, f"ended with {how_it_ended(returncode)}, starting again")
            await end(child.process, child.command)
            pause = await self._restart(child, pause)

    async def _restart(self, child: Child, pause: float) -> float:
        """Try until the child is well again; returns the pause before the next try, should it die once more."""
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                with self.report.step(f"{child.server.name} restarted", child.server.address):
                    await self._bring_up(child)
                    for step in self._recovery.get(child.server.name, ()):
                        await self._run(step)
                    await self.changed()
                return pause
            except CannotStart as failure:
                self.report.trouble(child.server.name, f"{failure.what}; trying again")
                if child.process is not None and child.command is not None:
                    await end(child.process, child.command)

    async def _run(self, step: Step) -> None:
        log = self.state.log(step.name)
        process = await spawn(step.command, log)
        try:
            returncode = await process.wait()
        finally:
            if process.returncode is None:
                await end(process, step.command)
        if returncode != 0:
            raise CannotStart(f"{step.name} failed with {how_it_ended(returncode)}: {last_line(log)}", f"see {log}")
