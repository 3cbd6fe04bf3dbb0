"""Running a server process: from its composition to its exit code.

A process serves until SIGTERM or SIGINT. Then, within the grace period counted from the signal:
 1. readiness is denied (503 `{"status":"draining"}`) for the drain notice, while everything is still served,
 2. nothing new is accepted; streams are told to end, and what is under way is finished,
 3. background workers are stopped,
 4. what the process was composed of is taken down, in the reverse order.
The exit code is 0; 1 where something failed; 2 where the grace period, or a second signal, ended it by force.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from socket import socket
from typing import Any, Final, cast

import structlog
import uvloop
from attrs import field, frozen
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.types import ASGIApp

from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.http.unread import UnreadBodies
from plexsphere_adapters.system.build import build
from plexsphere_apps import listening
from plexsphere_apps.flags import EXIT_CLEAN, EXIT_ERROR, EXIT_FORCED, ServerFlags

log = structlog.get_logger(__name__)

LAST_MOMENTS: Final = 2.0
"""Seconds that a forced end may take to clean up before the process is ended where it stands."""

MAX_HEADER_BYTES: Final = 32 * 1024
KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept, longer than the minute after which proxies let go of theirs."""

Worker = Callable[[], Coroutine[Any, Any, None]]


class CannotStart(Exception):
    """The process cannot be composed. The message is one line for the operator, and holds no secret."""


@frozen(kw_only=True)
class Process:
    """What a composition root yields: the application, and the workers beside it by name.

    A worker runs until it is cancelled; one that ends by itself takes the process down.
    """

    app: ASGIApp
    workers: Mapping[str, Worker] = field(factory=dict)


Compose = Callable[[Lifecycle], AbstractAsyncContextManager[Process]]


def run(service: str, flags: ServerFlags, compose: Compose) -> int:
    """Run the process to its end; returns its exit code."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(flags, compose))
    except (CannotStart, listening.CannotListen, listening.CannotTell) as refusal:
        return fail(service, refusal)


def fail(service: str, refusal: Exception) -> int:
    """Say in one line why the process does not start; returns the exit code of an error."""
    sys.stderr.write(f"plexsphere-{service}: {refusal}\n")
    return EXIT_ERROR


class Shutdown:
    """What ends the process: the first signal asks for it, the deadline or another signal forces it."""

    def __init__(self, grace: float) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()
        self.composing: asyncio.Task[int] | None = None
        self._grace = grace
        self._watchdogs: list[threading.Timer] = []

    def heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number.name)

    def ask(self) -> None:
        """Begin the shutdown, whose deadline runs from here."""
        if self.asked.is_set():
            return
        self.asked.set()
        asyncio.get_running_loop().call_later(self._grace, self.forced.set)
        self._watch(self._grace + LAST_MOMENTS)

    def over(self) -> None:
        for watchdog in self._watchdogs:
            watchdog.cancel()

    def _signalled(self, name: str) -> None:
        log.info("signal_received", signal=name)
        if self.asked.is_set():
            self.forced.set()
            self._watch(LAST_MOMENTS)
            return
        self.ask()
        if self.composing is not None:
            self.composing.cancel()

    def _watch(self, seconds: float) -> None:
        """End the process by force after so many seconds, even where the event loop is stuck."""
        watchdog = threading.Timer(seconds, os._exit, (EXIT_FORCED,))
        watchdog.daemon = True
        watchdog.start()
        self._watchdogs.append(watchdog)


async def _run(flags: ServerFlags, compose: Compose) -> int:
    shutdown = Shutdown(flags.shutdown_grace.total_seconds())
    shutdown.heed_signals()
    shutdown.composing = asyncio.current_task()
    lifecycle = Lifecycle()
    try:
        with listening.listen(flags.addr) as bound:
            async with AsyncExitStack() as stack:
                process = await stack.enter_async_context(compose(lifecycle))
                shutdown.composing = None
                return await _serve(process, bound, flags, lifecycle, shutdown)
    except asyncio.CancelledError:
        if shutdown.composing is None:
            raise
        return EXIT_CLEAN
    finally:
        shutdown.over()


async def _serve(process: Process, bound: socket, flags: ServerFlags, lifecycle: Lifecycle, shutdown: Shutdown) -> int:
    """Serve until the shutdown, and carry it out; returns the exit code."""
    address = listening.spelled(bound)
    listening.tell(flags.addr_file, address)
    stop = asyncio.Event()
    server = asyncio.create_task(_http(process.app, bound, stop), name="http")
    workers = [asyncio.create_task(work(), name=name) for name, work in process.workers.items()]
    log.info("serving", address=address, version=build().version)

    asked = asyncio.create_task(shutdown.asked.wait())
    await asyncio.wait([asked, server, *workers], return_when=asyncio.FIRST_COMPLETED)
    fallen = [task for task in (server, *workers) if task.done()]
    for task in fallen:
        log.error("task_ended", task=task.get_name(), exc_info=_failure(task))
    shutdown.ask()

    lifecycle.leave()
    if not fallen:
        await _unless_forced(shutdown, asyncio.create_task(asyncio.sleep(flags.drain_notice.total_seconds())))
    lifecycle.drain()
    stop.set()
    await _unless_forced(shutdown, server)
    for task in workers:
        task.cancel()
    await _unless_forced(shutdown, *workers)
    if shutdown.forced.is_set():
        log.error("shutdown_forced", unfinished=[task.get_name() for task in (server, *workers) if not task.done()])
        await _cut_off(server, *workers)
        return EXIT_FORCED
    if not fallen and _failure(server) is None:
        log.info("stopped")
        return EXIT_CLEAN
    return EXIT_ERROR


async def _http(app: ASGIApp, bound: socket, stop: asyncio.Event) -> None:
    """Serve the application on the socket until `stop`, and then until the last request is answered."""
    config = Config()
    config.bind = [f"fd://{bound.detach()}"]
    config.backlog = listening.BACKLOG
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEADER_BYTES
    config.h2_max_header_list_size = MAX_HEADER_BYTES
    config.keep_alive_timeout = KEEP_ALIVE
    config.keep_alive_max_requests = 2**31
    config.graceful_timeout = float(2**31)  # the grace period of the whole process bounds this
    await serve(cast("Any", UnreadBodies(app)), config, shutdown_trigger=stop.wait, mode="asgi")


async def _unless_forced(shutdown: Shutdown, *tasks: "asyncio.Task[Any]") -> None:
    """Wait until the tasks are done, or the shutdown is forced."""
    force = asyncio.create_task(shutdown.forced.wait())
    pending = set(tasks)
    while pending and not force.done():
        done, _ = await asyncio.wait({force, *pending}, return_when=asyncio.FIRST_COMPLETED)
        pending -= done
    force.cancel()


async def _cut_off(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=LAST_MOMENTS / 2)


def _failure(task: "asyncio.Task[Any]") -> BaseException | None:
    return None if task.cancelled() else task.exception()
