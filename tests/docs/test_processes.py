"""docs/reference/processes.md names every flag and every command of the programs."""

import re
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from plexsphere_apps.bootstrap.main import app as bootstrap
from plexsphere_apps.core.main import SERVICE as CORE
from plexsphere_apps.flags import parser
from plexsphere_apps.migrate.main import app as migrate
from plexsphere_apps.simulator.main import app as simulator
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/processes.md").read_text()
TOLD_ONCE = {"--help", "--version"}


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].partition("\n## ")[0]


def told(heading: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", section(heading))) - TOLD_ONCE


def options(command: Any) -> set[str]:
    own = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    below = command.commands.values() if isinstance(command, TyperGroup) else ()
    return own.union(*map(options, below)) - TOLD_ONCE


@pytest.mark.parametrize(
    ("heading", "app"),
    [("migrate", migrate), ("bootstrap", bootstrap), ("sim", simulator)],
    ids=["migrate", "bootstrap", "sim"],
)
def test_every_flag_of_a_program_is_told(heading: str, app: typer.Typer):
    flags = options(typer.main.get_command(app))
    assert flags
    assert flags - told(heading) == set()


def test_every_flag_of_the_servers_is_told():
    assert set(re.findall(r"--[a-z-]+", parser(CORE, "").format_help())) - TOLD_ONCE - told("core and signer") == set()


def test_every_command_of_migrate_is_told():
    group = typer.main.get_command(migrate)
    assert isinstance(group, TyperGroup)
    assert {name for name in group.commands if f"| `{name}" not in section("migrate")} == set()
