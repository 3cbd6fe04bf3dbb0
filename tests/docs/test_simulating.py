"""docs/how-to/simulate-nodes.md: its example runs against a real system."""

import subprocess
import sys
from pathlib import Path

from plexsphere_apps.embedded.ready_file import Facts, write
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/how-to/simulate-nodes.md"
PATIENCE = 60


def test_the_example_runs(system: Facts, tmp_path: Path):
    write(tmp_path / "ready.json", system)
    (example,) = blocks(PAGE, "python")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
