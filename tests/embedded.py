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
    ready = state / "ready.json"
    with launcher(state, "--ready-file", str(ready), *arguments) as process:
        yield facts_when_ready(process, ready)


@contextmanager
def launcher(state: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A `plexsphere-up` process with readable output; it is interrupted when the block ends, and dies with us."""
    up = (sys.executable, "-m", "plexsphere_apps.embedded.main", "--state-dir", str(state), *arguments)
    with subprocess.Popen(
        leashed(up), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=STOPPING)


def leashed(argv: Sequence[str]) -> list[str]:
    """The command, started so that it is told to end when this process dies."""
    return [sys.executable, "-I", "-S", str(LEASH), str(int(signal.SIGTERM)), str(os.getpid()), "-", *argv]


def facts_when_ready(process: "subprocess.Popen[str]", ready: Path) -> Facts:
    """Wait for the ready file; a launcher that gives up fails the test with what it said."""
    deadline = time.monotonic() + PATIENCE
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            output, _ = process.communicate(timeout=STOPPING)
            pytest.fail(f"the embedded system did not come up:\n{output}")
        time.sleep(0.05)
    return read(ready)
