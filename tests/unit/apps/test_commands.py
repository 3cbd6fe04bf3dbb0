"""The commands as `pip install plexsphere` without extras leaves them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import plexsphere_apps
from plexsphere_adapters.system.build import build
from plexsphere_apps import commands

ROOT = Path(plexsphere_apps.__file__).parent.parent
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

WITHOUT_EXTRAS = """
import importlib.metadata, re, sys
from importlib.abc import MetaPathFinder

wanted = re.compile(r"plexsphere_|attr")

class Bare(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or wanted.match(top):
            return None
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Bare())
from plexsphere_apps import commands
sys.exit(getattr(commands, sys.argv[1])())
"""


def test_every_command_begins_in_the_shared_place() -> None:
    for entry in SCRIPTS.values():
        module, _, function = entry.partition(":")
        assert module == commands.__name__
        assert callable(getattr(commands, function))


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_command_without_its_extras_says_in_one_line_what_to_install(command: str) -> None:
    function = SCRIPTS[command].partition(":")[2]
    ended = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS, function], capture_output=True, text=True, cwd=ROOT)
    needs = (
        "the server and embedded extras: pip install 'plexsphere[server,embedded]'"
        if command == "plexsphere-up"
        else "the server extra: pip install 'plexsphere[server]'"
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{command} needs {needs}\n")


def said(
    command: str, *flags: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int = 200
) -> str:
    """What a command that is called with these flags prints; it must end well, and complain about nothing."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.argv", [command, *flags])
    with pytest.raises(SystemExit) as end:
        getattr(commands, SCRIPTS[command].partition(":")[2])()
    told = capsys.readouterr()
    assert (end.value.code, told.err) == (0, "")
    return told.out


@pytest.mark.parametrize("command", SCRIPTS)
def test_version_and_help_have_one_form(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = said(command, "--version", monkeypatch=monkeypatch, capsys=capsys, columns=40)
    assert version == f"{command} {build()}\n"
    usage = said(command, "-h", monkeypatch=monkeypatch, capsys=capsys)
    assert usage == said(command, "--help", monkeypatch=monkeypatch, capsys=capsys)
    assert "--version" in usage


def test_the_help_of_migrate_says_what_it_reads_and_how_it_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said("plexsphere-migrate", "--help", monkeypatch=monkeypatch, capsys=capsys)
    for word in ("PLEXSPHERE_POSTGRES_DSN", "PLEXSPHERE_SPICEDB_POSTGRES_DSN", "SPICEDB_ROLE_PASSWORD", "Exit codes"):
        assert word in told


def test_a_module_of_ours_that_is_missing_is_a_fault_and_no_advice() -> None:
    with pytest.raises(ModuleNotFoundError):
        commands.run("plexsphere-core", "plexsphere_apps.nowhere", "server")
