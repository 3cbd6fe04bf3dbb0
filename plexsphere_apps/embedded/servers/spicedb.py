"""SpiceDB: the relation graph, in a child process of its own. It keeps the graph in memory only."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from attrs import frozen

from plexsphere_apps.embedded.answers import listens
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.state import StateDirectory

PORTS: Final = ("spicedb",)
LONGEST_SCRATCH: Final = 70


@frozen(kw_only=True)
class SpiceDb:
    """The SpiceDB engine behind a gRPC port."""

    name: ClassVar[str] = "spicedb"
    state: StateDirectory
    library: Path
    allotted: Mapping[str, int]

    @property
    def ports(self) -> Sequence[int]:
        return [self.allotted[name] for name in PORTS]

    @property
    def address(self) -> str:
        """HOST:PORT, as gRPC clients take it."""
        return f"{LOOPBACK}:{self.allotted['spicedb']}"

    @property
    def key(self) -> str:
        """The preshared key."""
        return self.state.secret("spicedb-key")

    async def prepare(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self.state.directory(f"{self.name}/scratch")

    def command(self) -> Command:
        # The engine makes a socket in its temporary directory; a socket's path is at most 107 bytes long.
        room = len(os.fsencode(self._scratch)) < LONGEST_SCRATCH
        return Command(
            argv=(sys.executable, "-m", "plexsphere_apps.embedded.spicedb", "--addr", self.address),
            env={"PLEXSPHERE_SPICEDB_KEY": self.key, "SPICEDB_LIBRARY_PATH": str(self.library)}
            | ({"TMPDIR": str(self._scratch)} if room else {}),
        )

    async def reachable(self) -> bool:
        return await listens(self.allotted["spicedb"])

    async def settle(self) -> None:
        """The schema is written by those who know it."""

    @property
    def _scratch(self) -> Path:
        return self.state.root / self.name / "scratch"
