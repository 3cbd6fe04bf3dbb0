"""docs/tutorials/: what is typed there works, in the order in which it is typed, against a real system."""

import subprocess
import sys
from pathlib import Path

import pytest

from plexsphere_apps.embedded.ready_file import Facts, write
from tests.docs.pages import ROOT, blocks

TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))
TYPIST = ROOT / "tests/docs/typist.py"
PATIENCE = 60


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_step_of_the_tutorial_works(page: Path, system: Facts, tmp_path: Path):
    write(tmp_path / "ready.json", system)
    steps = "\n".join(blocks(page, "python")) + "\n"
    done = subprocess.run(
        [sys.executable, str(TYPIST)], input=steps, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    print(done.stdout)
