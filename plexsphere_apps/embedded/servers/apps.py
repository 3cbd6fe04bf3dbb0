"""Core and signer, each with the environment it needs and no more: the signer knows no store, core no signing key."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
from attrs import frozen

from plexsphere_apps.embedded.answers import status_of
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.state import StateDirectory

PORTS: Final = ("core", "signer", "signer-grpc")

TUNABLE: Final = ("PLEXSPHERE_", "OTEL_")
"""Variables with these prefixes reach core and signer from the environment of the launcher, for tuning. Those the
launcher itself sets for any process stay as it sets them, and reach no other process."""

FOR_TESTS: Final = "PLEXSPHERE_TEST_"
"""The prefix of what only the tests of this project read."""

SHUTDOWN: Final = ("--shutdown-grace", "10s", "--drain-notice", "0s")
"""Nobody routes to an app here: it need not be seen draining before it stops to accept."""

STOP_GRACE: Final = 15.0


@frozen(kw_only=True)
class App:
    """One of the project's own two servers."""

    name: str
    state: StateDirectory
    port: int
    grpc_port: int | None = None
    env: Mapping[str, str]
    http: httpx.AsyncClient

    @property
    def ports(self) -> Sequence[int]:
        return [port for port in (self.port, self.grpc_port) if port is not None]

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def prepare(self) -> None:
        self.state.directory(self.name)

    def command(self) -> Command:
        address_file = self.state.directory(self.name) / "addr"
        argv = (program(self.name), "--addr", f"{LOOPBACK}:{self.port}", "--addr-file", str(address_file))
        grpc = ("--grpc-addr", f"{LOOPBACK}:{self.grpc_port}") if self.grpc_port is not None else ()
        return Command(argv=argv + grpc + SHUTDOWN, env=self.env, stop_grace=STOP_GRACE)

    async def reachable(self) -> bool:
        """Whether the app is ready, which includes that it reaches everything it depends on."""
        return await status_of(self.http, f"{self.address}/readyz") == 200

    async def settle(self) -> None:
        """An app that is ready needs nothing more."""


def program(name: str) -> str:
    """The installed command `plexsphere-NAME`."""
    return str(installed_file("plexsphere", f"plexsphere-{name}"))


def tuning(ours: Mapping[str, str], reserved: frozenset[str]) -> dict[str, str]:
    """The variables of our own environment that tune an app."""
    return {
        name: value
        for name, value in ours.items()
        if name.startswith(TUNABLE) and not name.startswith(FOR_TESTS) and name not in reserved
    }


def environment(own: Mapping[str, str], *, reserved: frozenset[str]) -> dict[str, str]:
    """An app's environment: what the launcher sets, beside what a person set for tuning."""
    return tuning(os.environ, reserved) | dict(own)
