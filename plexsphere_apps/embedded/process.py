"""One child process: on a leash, in a process group of its own, with an environment of only what it needs."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import field, frozen

from plexsphere_apps.embedded.leash import LEASH

INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What every program may want to know of the place it runs in. Credentials never travel this way."""


@frozen
class Account:
    """An account of this machine, by number."""

    uid: int
    gid: int


@frozen(kw_only=True)
class Command:
    """A program to run: its arguments, the environment it needs beyond `INHERITED`, and how it is asked to end."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace: float = 10.0
    """Seconds between the stop signal and SIGKILL."""

    def leashed(self, parent: int) -> tuple[str, ...]:
        """The arguments with which the program is started so that it ends with its `parent`."""
        account = f"{self.account.uid}:{self.account.gid}" if self.account else "-"
        leash = (sys.executable, "-I", "-S", str(LEASH), str(int(self.stop_signal)), str(parent), account)
        return leash + self.argv

    def environment(self, ours: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of the program, given `ours`."""
        return {name: ours[name] for name in INHERITED if name in ours} | dict(self.env)


async def spawn(command: Command, log: Path) -> Process:
    """Start the program; what it prints is appended to `log`."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command.leashed(os.getpid()),
            env=command.environment(os.environ),
            cwd=command.cwd or "/",
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            process_group=0,
        )


async def end(process: Process, command: Command) -> None:
    """Ask the program to end, and insist when its grace is over; its whole process group goes with it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(command.stop_signal)
        with suppress(TimeoutError):
            async with asyncio.timeout(command.stop_grace):
                await process.wait()
    kill_group(process.pid)
    await process.wait()


def kill_group(pid: int) -> None:
    """SIGKILL whatever is left of the process group `pid` leads."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def last_line(log: Path) -> str:
    """The last line of a log that says something; empty when there is none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def how_it_ended(returncode: int) -> str:
    """An exit code in words."""
    if returncode >= 0:
        return f"exit code {returncode}"
    return signal.Signals(-returncode).name
