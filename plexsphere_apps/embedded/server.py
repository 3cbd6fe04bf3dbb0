"""What the supervisor needs to know of a server, whatever the server is."""

from collections.abc import Sequence
from typing import Protocol

from plexsphere_apps.embedded.process import Command


class Server(Protocol):
    """A server of the embedded system. All methods are called again at every restart and must be repeatable."""

    @property
    def name(self) -> str:
        """The name under which people and the ready file know it."""

    @property
    def ports(self) -> Sequence[int]:
        """The ports it listens on."""

    @property
    def address(self) -> str:
        """Where clients find it, with nothing secret in it."""

    async def prepare(self) -> None:
        """Make its files and clear away what a crash left. Raises `CannotStart`."""

    def command(self) -> Command:
        """How the process is started."""

    async def reachable(self) -> bool:
        """Whether the process answers. Takes two seconds at most."""

    async def settle(self) -> None:
        """Make the answering process usable, for example unseal it. Raises `CannotStart`."""
