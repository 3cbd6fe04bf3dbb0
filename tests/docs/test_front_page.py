"""README.md, CONTRIBUTING.md and CHANGELOG.md say what is so."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
CHANGELOG = ROOT / "CHANGELOG.md"
NOXFILE = ROOT / "noxfile.py"

COMMAND = re.compile(r"^python3 noxfile\.py (\w+)", re.MULTILINE)
TOPOLOGY = re.compile(
    r"^\| [^|]+ \| (?P<technology>[^|]+) \| `(?P<adapter>plexsphere_adapters/\w+)` \| (?P<probe>[^|]+) \|"
)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sessions() -> set[str]:
    """The tasks of noxfile.py."""
    functions = [each for each in ast.parse(NOXFILE.read_text()).body if isinstance(each, ast.FunctionDef)]
    return {each.name for each in functions if "nox.session" in map(ast.unparse, each.decorator_list)}


def topology() -> dict[str, str]:
    """The storage topology: adapter package → probe cell."""
    rows = filter(None, map(TOPOLOGY.match, README.read_text().splitlines()))
    return {row["adapter"]: row["probe"].strip() for row in rows}


def probes() -> set[str]:
    """The names of core's probes, read from where they are declared."""
    tree = ast.parse((ROOT / "plexsphere_apps/core/stores.py").read_text())
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call) and ast.unparse(each.func) == "Probe"]
    return {ast.literal_eval(call.args[0]) for call in calls}


@pytest.mark.parametrize("page", [README, CONTRIBUTING], ids=lambda page: page.stem)
def test_every_command_is_a_task(page: Path):
    told = set(COMMAND.findall("\n".join(blocks(page, "console")) + page.read_text().replace("`", "\n")))
    assert told
    assert told <= sessions()


def test_contributing_names_every_task():
    assert set(COMMAND.findall(CONTRIBUTING.read_text().replace("`", "\n"))) == sessions()


def test_the_topology_names_every_probe():
    assert {cell.strip("`") for cell in topology().values() if cell.startswith("`")} == probes()


def test_the_topology_names_every_adapter_of_a_store():
    drivers = {"postgres", "jetstream", "openbao", "s3", "spicedb"}
    assert set(topology()) == {f"plexsphere_adapters/{driver}" for driver in drivers}
    assert all((ROOT / adapter / "__init__.py").exists() for adapter in topology())


def test_the_layout_names_every_top_level_folder_of_the_source():
    packages = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert {name for name in packages if f"`{name}/`" not in README.read_text()} == set()


def test_every_program_is_named_where_users_look():
    told = README.read_text() + CHANGELOG.read_text()
    assert [name for name in PROJECT["project"]["scripts"] if name not in told] == []


def test_the_changelog_has_a_place_for_what_comes():
    changelog = CHANGELOG.read_text()
    assert "\n## [Unreleased]\n" in changelog
    assert "keepachangelog.com" in changelog
    assert PROJECT["project"]["version"]


def test_the_licence_is_the_one_that_is_declared():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
