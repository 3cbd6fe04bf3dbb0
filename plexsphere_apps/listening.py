"""Sockets that servers listen on, and the files that tell where."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from plexsphere_apps.kinds import host_of

BACKLOG: Final = 1024


class CannotListen(OSError):
    """The address cannot be had; the message says which and why."""


class CannotTell(OSError):
    """The file that should tell the address cannot be written; the message says which and why."""


def listen(address: str) -> socket.socket:
    """A socket that listens at `host:port`, where port 0 stands for any free one. Raises CannotListen.

    Connections made from here on wait for the server to accept them.
    """
    port = int(address.rpartition(":")[2])
    try:
        found = socket.getaddrinfo(host_of(address), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, bindable = found[0]
        made = socket.socket(family, kind, protocol)
    except OSError as failure:
        raise CannotListen(f"cannot listen on {address}: {failure.strerror}") from failure
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.bind(bindable)
        made.listen(BACKLOG)
    except OSError as failure:
        made.close()
        raise CannotListen(f"cannot listen on {address}: {failure.strerror}") from failure
    return made


def spelled(bound: socket.socket) -> str:
    """The address a socket is bound to, as `host:port`."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tell(path: Path | None, address: str) -> None:
    """Write the address to the file, which appears whole or not at all. Raises CannotTell."""
    if path is None:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(address + "\n")
        draft.replace(path)
    except OSError as failure:
        with suppress(OSError):
            draft.unlink()
        raise CannotTell(f"cannot write {path}: {failure.strerror}") from failure
