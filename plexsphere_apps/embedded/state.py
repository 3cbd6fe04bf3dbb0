"""The state directory: all that the launcher keeps from one start to the next.

state.json     who made the directory, and in which layout
lock           held while a launcher uses the directory
ports.json     the port of every listener, by name
children.json  the processes of the last start, so that the next one can be sure they are gone
secrets/       passwords and keys, one file each, 0600
logs/          what every child printed
<server>/      the server's own configuration and data
"""

import fcntl
import json
import os
import pwd
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from plexsphere_apps.embedded.failures import CannotStart

LAYOUT: Final = 1
"""Counts the incompatible changes of what is in the directory."""

LOG_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a child's log that a new start still appends to; a larger one is set aside first."""


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file only its owner can read, in one step: a reader sees the old content or the new, never a part."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # created 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(name).replace(path)


def account_name(uid: int) -> str:
    """The login name of `uid`, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@frozen
class StateDirectory:
    """A directory that belongs to this launcher alone while it runs."""

    root: Path

    def directory(self, name: str) -> Path:
        """The private directory `name`, or `outer/inner`, created when missing."""
        path = self.root
        for part in name.split("/"):
            path = path / part
            path.mkdir(mode=0o700, exist_ok=True)
        return path

    def secret(self, name: str) -> str:
        """The secret `name`: 256 random bits as URL-safe text, made at first use and kept."""
        path = self.directory("secrets") / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text()

    def log(self, name: str) -> Path:
        """The log file of the child `name`; one that has grown beyond `LOG_LIMIT` is moved aside."""
        path = self.directory("logs") / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        path.touch(mode=0o600)
        return path

    def load(self, name: str) -> dict[str, Any]:
        """The JSON object kept as `name`; empty when there is none."""
        path = self.root / f"{name}.json"
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text())
        except ValueError as failure:
            raise CannotStart(f"{path} is damaged", f"remove {self.root} to begin anew") from failure
        return dict(content)

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Keep a JSON object as `name`."""
        write_private(self.root / f"{name}.json", json.dumps(content, indent=2) + "\n")


@contextmanager
def opened(path: Path) -> Iterator[StateDirectory]:
    """The state directory at `path`, created when missing and locked against a second launcher.

    Raises `CannotStart` when it belongs to another account, has another layout, is in use, or cannot be written.
    """
    root = path.expanduser().resolve()
    try:
        root.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(root)
        # As root, PostgreSQL runs under another account and must be able to walk through; the files stay private.
        root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = (root / "lock").open("a+")
    except OSError as failure:
        raise CannotStart(f"cannot use {root}: {failure.strerror}", "choose another --state-dir") from failure
    with lock:
        _take(lock.fileno(), root)
        state = StateDirectory(root)
        _check_layout(state)
        yield state


def _refuse_foreign(root: Path) -> None:
    owner = root.stat().st_uid
    if owner != os.geteuid():
        raise CannotStart(
            f"{root} belongs to {account_name(owner)}",
            f"run as {account_name(owner)} or choose another --state-dir",
        )


def _take(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as failure:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        raise CannotStart(
            f"{root} is in use by process {holder or 'unknown'}",
            "end that launcher or choose another --state-dir",
        ) from failure
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _check_layout(state: StateDirectory) -> None:
    kept = state.load("state")
    if not kept:
        state.save("state", {"layout": LAYOUT})
        return
    if kept.get("layout") != LAYOUT:
        raise CannotStart(
            f"{state.root} has layout {kept.get('layout')}, and this version uses layout {LAYOUT}",
            "remove it to begin anew or choose another --state-dir",
        )
