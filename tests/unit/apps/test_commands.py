"""The commands as `pip install plexsphere` without extras leaves them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import plexsphere_apps
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


def test_a_module_of_ours_that_is_missing_is_a_fault_and_no_advice() -> None:
    with pytest.raises(ModuleNotFoundError):
        commands.run("plexsphere-core", "plexsphere_apps.nowhere", "server")
