"""Ports are kept, and a port that somebody else took is given up aloud."""

import socket
from pathlib import Path

from plexsphere_apps.embedded.ports import LOOPBACK, allot, moved
from plexsphere_apps.embedded.state import opened


def test_a_port_is_kept_unless_it_was_taken_and_then_it_is_said(tmp_path: Path) -> None:
    with opened(tmp_path) as state:
        first = allot(state, ("postgres", "nats"))
        assert allot(state, ("postgres", "nats")) == first
        assert list(moved(first, first)) == []
        with socket.create_server((LOOPBACK, first["postgres"])):
            second = allot(state, ("postgres", "nats"))
    assert second["nats"] == first["nats"]
    assert list(moved(first, second)) == [
        f"port {first['postgres']} of postgres is taken: {second['postgres']} from now on"
    ]
