"""docs/reference/embedded-system.md names what there is: flags, servers, members of the ready file."""

import re

import typer
from attrs import fields

from plexsphere_apps.embedded.main import app
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_apps.embedded.system import SERVERS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/reference/embedded-system.md").read_text()


def first_cells(heading: str) -> list[str]:
    """The code in the first column of the table that has this header cell first."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


def test_every_flag_is_told():
    options = typer.main.get_command(app).params
    assert {cell.split()[0] for cell in first_cells("Flag")} == {option.opts[0] for option in options}


def test_every_server_is_told():
    assert first_cells("Name") == list(SERVERS)


def test_every_member_of_the_ready_file_is_told():
    assert first_cells("Member") == [member.name for member in fields(Facts)]
