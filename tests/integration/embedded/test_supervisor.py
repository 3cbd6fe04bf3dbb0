"""The supervisor with small real servers: what stops a start, what is started again, and in which order all ends."""

import asyncio
import io
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from attrs import define, field
from rich.console import Console

from plexsphere_apps.embedded import supervisor as module
from plexsphere_apps.embedded.answers import listens
from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.ports import LOOPBACK, choose
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.report import Report
from plexsphere_apps.embedded.state import StateDirectory, opened
from plexsphere_apps.embedded.supervisor import Step, Supervisor

LISTENING = "import socket, time; listening = socket.create_server(('127.0.0.1', {port})); time.sleep(100)"


@define
class Small:
    """A server that listens and does nothing else, or that runs another program instead."""

    name: str
    program: str = LISTENING
    port: int = field(factory=lambda: choose(set()))
    settled: int = 0

    @property
    def ports(self) -> Sequence[int]:
        return [self.port]

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    async def prepare(self) -> None: ...

    def command(self) -> Command:
        return Command(argv=(sys.executable, "-c", self.program.format(port=self.port)))

    async def reachable(self) -> bool:
        return await listens(self.port)

    async def settle(self) -> None:
        self.settled += 1


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def supervisor(tmp_path: Path, printed: io.StringIO) -> AsyncIterator[Supervisor]:
    with opened(tmp_path) as state:
        supervisor = Supervisor(state, Report(Console(file=printed, width=200)))
        yield supervisor
        await supervisor.stop()


async def test_a_taken_port_is_named_with_the_server_that_wants_it(supervisor: Supervisor) -> None:
    server = Small("small")
    taken = pytest.raises(CannotStart, match=f"port {server.port} for small is taken")
    with socket.create_server((LOOPBACK, server.port)), taken as refused:
        await supervisor.start(server)
    assert "end the program that listens there" in refused.value.remedy


async def test_a_server_that_ends_while_starting_is_quoted(supervisor: Supervisor) -> None:
    with pytest.raises(CannotStart, match="small ended with exit code 3 while starting: no disk left"):
        await supervisor.start(Small("small", "import sys; print('no disk left'); sys.exit(3)"))


async def test_a_server_that_never_answers_is_given_up(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    with pytest.raises(CannotStart, match="small does not answer"):
        await supervisor.start(Small("small", "import time; time.sleep(100)"))


async def test_a_step_that_fails_is_quoted(supervisor: Supervisor) -> None:
    step = Step(name="step", command=Command(argv=(sys.executable, "-c", "import sys; sys.exit('not migrated')")))
    with pytest.raises(CannotStart, match="step failed with exit code 1: not migrated"):
        await supervisor.run(step)


async def test_a_killed_server_is_settled_recovered_and_announced_on_its_port(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    announced = asyncio.Event()

    async def changed() -> None:
        announced.set()

    server = Small("small")
    recovered = tmp_path / "recovered"
    touch = Command(argv=(sys.executable, "-c", f"open({str(recovered)!r}, 'w')"))
    supervisor.changed = changed
    supervisor.after_restart("small", Step(name="recovery", command=touch))
    await supervisor.start(server)
    before = supervisor.pids()["small"]
    assert not there(recovered)
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(30):
        await announced.wait()
    assert supervisor.pids()["small"] != before
    assert server.settled == 2
    assert there(recovered)
    assert await listens(server.port)


async def test_a_restart_that_fails_is_tried_again(
    supervisor: Supervisor, tmp_path: Path, printed: io.StringIO
) -> None:
    """The server dies at its first restart, too."""
    count = tmp_path / "count"
    stumbling = (
        f"import pathlib, sys; count = pathlib.Path({str(count)!r})\n"
        "tries = len(count.read_text()) if count.exists() else 0\n"
        "count.write_text('x' * (tries + 1))\n"
        "if tries == 1: sys.exit('stumbled')\n" + LISTENING
    )
    well = asyncio.Event()

    async def changed() -> None:
        well.set()

    supervisor.changed = changed
    await supervisor.start(Small("small", stumbling))
    os.kill(supervisor.pids()["small"], signal.SIGKILL)
    async with asyncio.timeout(30):
        await well.wait()
    assert "stumbled; trying again" in printed.getvalue()


async def test_servers_end_in_the_reverse_of_the_order_in_which_they_began(
    supervisor: Supervisor, printed: io.StringIO
) -> None:
    servers = [Small("first"), Small("second")]
    for server in servers:
        await supervisor.start(server)
    await supervisor.stop()
    said = printed.getvalue()
    assert said.index("second ended") < said.index("first ended")
    assert not any([await listens(server.port) for server in servers])


async def test_what_a_killed_launcher_left_is_remembered_until_it_is_ended(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(Small("small"))
    assert StateDirectory(tmp_path).load("children")["small"]["pid"] == supervisor.pids()["small"]
    await supervisor.stop()
    assert StateDirectory(tmp_path).load("children") == {}


def there(path: Path) -> bool:
    return path.exists()
