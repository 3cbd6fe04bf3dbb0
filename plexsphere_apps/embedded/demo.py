"""The demonstration: simulated Nodes, and a table of how each of them stands.

The simulator prints a JSON line whenever something changed for one of its Nodes. It runs as a child like any server,
so that its lines go to its log, and the log is what is followed here.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from attrs import define, field, fields, frozen
from rich.live import Live
from rich.table import Table
from rich.text import Text

from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.report import Report
from plexsphere_apps.embedded.servers.apps import program
from plexsphere_apps.embedded.state import StateDirectory

REFRESH: Final = 0.25
"""Seconds between two looks at what the simulator said."""

NO_EVENT: Final = "none yet"
"""What stands in the place of the last event of an agent that has heard none since it was started."""

COLOURS: Final = {"healthy": "green", "stale": "yellow", "unreachable": "red"}


@frozen(kw_only=True)
class Standing:
    """How a simulated Node stands, in its own words. What it does not know yet is empty."""

    name: str
    mesh_ip: str
    reachability: str
    last_event: str

    @property
    def heard(self) -> str:
        """The last event, for people."""
        return self.last_event or NO_EVENT

    @classmethod
    def of(cls, line: str) -> "Standing | None":
        """The standing in a line of the simulator; None for a line that tells none."""
        try:
            told: Any = json.loads(line)
        except ValueError:
            return None
        if not isinstance(told, dict) or "name" not in told or "mesh_ip" not in told:
            return None
        return cls(**{member.name: str(told.get(member.name) or "") for member in fields(cls)})


@define
class Followed:
    """A log from which new lines are read as they are written."""

    log: Path
    offset: int = 0

    def new(self) -> Iterator[Standing]:
        """What was told since the last call."""
        if self.log.stat().st_size < self.offset:  # the log was set aside
            self.offset = 0
        with self.log.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):  # half a line: the rest is still to come
                    return
                self.offset += len(line)
                standing = Standing.of(line.decode(errors="replace"))
                if standing is not None:
                    yield standing


@define(kw_only=True)
class Simulator:
    """The agents, as a server that listens nowhere."""

    name: ClassVar[str] = "simulator"
    ports: ClassVar[Sequence[int]] = ()
    state: StateDirectory
    nodes: int
    core_url: str
    operator_token_file: Path
    _said_before: int | None = field(init=False, default=None)
    """Bytes of the log that an earlier launcher left."""

    @property
    def address(self) -> str:
        return f"{self.nodes} simulated Nodes in the Domain demo"

    async def prepare(self) -> None:
        self.state.directory(self.name)
        if self._said_before is None:
            self._said_before = self.state.log(self.name).stat().st_size

    def command(self) -> Command:
        options = {
            "--core-url": self.core_url,
            "--operator-token-file": str(self.operator_token_file),
            "--nodes": str(self.nodes),
            "--state-dir": str(self.state.directory(self.name)),
        }
        return Command(argv=(program("sim"), "--demo", *(word for option in options.items() for word in option)))

    async def reachable(self) -> bool:
        """Whether the first agent was enrolled; the others follow while one watches."""
        return any(True for _ in self.told().new())

    async def settle(self) -> None:
        """The agents see to themselves."""

    def told(self) -> Followed:
        """What the agents tell, from the first that was told to this launcher."""
        return Followed(self.state.log(self.name), self._said_before or 0)


async def show(report: Report, simulator: Simulator) -> None:
    """Show how the Nodes stand, for ever: as one table on a terminal, as a line for each change anywhere else."""
    if report.console.is_terminal:
        await _show_table(report, simulator.told())
    else:
        await _show_lines(report, simulator.told())


async def _show_table(report: Report, followed: Followed) -> None:
    known: dict[str, Standing] = {}
    with Live(console=report.console, auto_refresh=False) as live:
        while True:
            known |= {standing.name: standing for standing in followed.new()}
            live.update(table(known.values()), refresh=True)
            await asyncio.sleep(REFRESH)


async def _show_lines(report: Report, followed: Followed) -> None:
    known: dict[str, Standing] = {}
    while True:
        for standing in followed.new():
            if known.get(standing.name) != standing:
                report.note(standing.name, f"{standing.mesh_ip:<16} {standing.reachability:<14} {standing.heard}")
            known[standing.name] = standing
        await asyncio.sleep(REFRESH)


def table(standings: Iterable[Standing]) -> Table:
    """The Nodes by name."""
    drawn = Table("Node", "Mesh IP", "Reachability", "Last event")
    for standing in sorted(standings, key=lambda each: each.name):
        reachability = Text(standing.reachability, COLOURS.get(standing.reachability, ""))
        drawn.add_row(standing.name, standing.mesh_ip, reachability, standing.heard)
    return drawn
