"""The embedded system for tests: started once for a session, or shared between sessions through its ready file."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

from plexsphere_apps.embedded.leash import LEASH
from plexsphere_apps.embedded.ready_file import Facts, read

SHARED = "PLEXSPHERE_TEST_READY_FILE"
"""Names the ready file of a system that is running already; tests then use that one and start none."""

PATIENCE = 180.0
"""Seconds for a start, a first download included."""

STOPPING = 60.0


def shared_facts() -> Facts | None:
    """The facts of the system that `SHARED` names, if it names one."""
    path = os.environ.get(SHARED)
    return read(Path(path)) if path else None


@contextmanager
def state_directory() -> Iterator[Path]:
    """A new state directory that is gone afterwards.

    pytest's own directories are closed to other accounts, from which a launcher that is root makes PostgreSQL flee.
    """
    with tempfile.TemporaryDirectory(prefix="plexsphere-test-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@contextmanager
def started(state: Path, *arguments: str) -> Iterator[Facts]:
    """A system of its own on the state directory `state`, ended with the block."""
    with launcher(state, *arguments) as launched:
        yield launched.facts()


@frozen
class Launcher:
    """A `plexsphere-up` process, the ready file it was told to write, and the file that takes what it prints."""

    process: "subprocess.Popen[bytes]"
    ready: Path
    output: Path

    def said(self) -> str:
        """All that it printed so far."""
        return self.output.read_text()

    def facts(self) -> Facts:
        """The facts of the system once it is ready; fails the test with what a launcher said that gave up."""
        deadline = time.monotonic() + PATIENCE
        while not self.ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the embedded system did not come up:\n{self.said()}")
            time.sleep(0.05)
        return read(self.ready)

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=STOPPING)


@contextmanager
def launcher(state: Path, *arguments: str) -> Iterator[Launcher]:
    """A launcher on the state directory `state`; it is interrupted when the block ends, and dies with us."""
    up = (sys.executable, "-m", "plexsphere_apps.embedded.main", "--state-dir", str(state), *arguments)
    with (
        tempfile.TemporaryDirectory(prefix="plexsphere-up-") as scratch,
        (Path(scratch) / "output").open("wb") as output,
    ):
        ready = Path(scratch) / "ready.json"
        command = leashed((*up, "--ready-file", str(ready)))
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        launched = Launcher(process, ready, Path(output.name))
        try:
            yield launched
        finally:
            launched.interrupt()


def leashed(argv: Sequence[str]) -> list[str]:
    """The command, started so that it is told to end when this process dies."""
    return [sys.executable, "-I", "-S", str(LEASH), str(int(signal.SIGTERM)), str(os.getpid()), "-", *argv]
