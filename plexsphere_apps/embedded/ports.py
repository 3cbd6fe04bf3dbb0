"""Ports: chosen free once, then kept, so that a server comes back where its clients look for it."""

import random
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.state import StateDirectory

LOOPBACK: Final = "127.0.0.1"

RANGE: Final = range(20_000, 32_000)
"""Below the range from which kernels take the ports of outgoing connections: nothing slips into a port whose server
is just being restarted."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def allot(state: StateDirectory, names: Iterable[str]) -> dict[str, int]:
    """A free port for every name: the one it had at the last start where that is still free, else a new one."""
    kept = {name: port for name, port in state.load("ports").items() if isinstance(port, int)}
    allotted: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        if port is None or port in allotted.values() or not is_free(port):
            port = choose(taken={*kept.values(), *allotted.values()})
        allotted[name] = port
    state.save("ports", {**kept, **allotted})
    return allotted


def moved(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    """A line for every port that was kept in `before` and had to be given up for the one in `after`."""
    for name, port in before.items():
        if name in after and after[name] != port:
            yield f"port {port} of {name} is taken: {after[name]} from now on"


def choose(taken: set[int]) -> int:
    """A free port that is not `taken`."""
    for port in random.sample(RANGE, k=len(RANGE)):
        if port not in taken and is_free(port):
            return port
    raise CannotStart(
        f"no free port between {RANGE.start} and {RANGE.stop} on {LOOPBACK}", "end a server that uses one"
    )
