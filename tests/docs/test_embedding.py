"""docs/how-to/embed-the-domain.md runs with what a plain installation brings: the distribution and attrs."""

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import attr
import attrs
import pytest

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/how-to/embed-the-domain.md"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory to import from, with a built distribution and attrs in it."""
    target = tmp_path_factory.mktemp("plain")
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--no-build-isolation", "--target", str(target), str(ROOT)], check=True)
    for package in (attr, attrs):
        (target / package.__name__).symlink_to(Path(package.__file__).parent)
    return target


def run(plain: Path, code: str) -> str:
    """What the code prints, in an interpreter that finds the standard library and `plain`, and nothing else."""
    code = f"import sys; sys.path.append({str(plain)!r})\n{code}"
    done = subprocess.run([sys.executable, "-I", "-S", "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plain_installation_requires_attrs_and_nothing_else():
    assert [each for each in requires("plexsphere") or () if "extra" not in each] == ["attrs>=25.3"]


def test_every_block_of_the_page_runs(plain: Path):
    script, *more = blocks(PAGE, "python")
    printed = run(plain, script)
    assert "has the address 10.42.0.1\n" in printed
    assert "believes what did:web:plexsphere.example.com#key-" in printed
    last_line = printed.splitlines()[-1]
    assert last_line in PAGE.read_text()
    for block in more:
        run(plain, block)


@pytest.mark.parametrize("package", ["plexsphere_domain", "plexsphere_adapters.memory"])
def test_every_module_can_be_imported(plain: Path, package: str):
    run(
        plain,
        f"""
import importlib, pkgutil
import {package} as package
for module in pkgutil.walk_packages(package.__path__, "{package}."):
    importlib.import_module(module.name)
""",
    )
