"""Processes of an earlier launcher that was killed: they must be gone before their data is used again."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from plexsphere_apps.embedded.state import StateDirectory

GRACE: Final = 4.0
"""Seconds an orphan has to finish the orderly end that its leash asked for."""

SAME_START: Final = 1.0
"""Seconds by which two readings of one process's start time may differ."""


def remember(state: StateDirectory, pids: Mapping[str, int]) -> None:
    """Note the running children, so that a later launcher can recognise them."""
    state.save("children", {name: {"pid": pid, "began": began} for name, pid, began in _alive(pids)})


def forget(state: StateDirectory) -> None:
    """Note that no child is running."""
    state.save("children", {})


def end_all(state: StateDirectory) -> Sequence[str]:
    """Make sure that no child of an earlier launcher runs; returns the names of those that had to be killed."""
    orphans = {name: orphan for name, entry in state.load("children").items() if (orphan := _same(entry)) is not None}
    _, stubborn = psutil.wait_procs(list(orphans.values()), timeout=GRACE)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=GRACE)
    forget(state)
    return [name for name, orphan in orphans.items() if orphan in stubborn]


def kill_those_at_home_in(directory: Path) -> None:
    """SIGKILL every process whose working directory is `directory`: the remains of a server that was killed."""
    home = os.path.realpath(directory)
    found = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == home]
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=GRACE)


def _alive(pids: Mapping[str, int]) -> list[tuple[str, int, float]]:
    alive = []
    for name, pid in pids.items():
        try:
            alive.append((name, pid, psutil.Process(pid).create_time()))
        except psutil.NoSuchProcess:
            continue
    return alive


def _same(entry: Mapping[str, float]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(entry["pid"]))
        same = abs(process.create_time() - entry["began"]) < SAME_START
    except psutil.NoSuchProcess:
        return None
    return process if same else None
