"""The tasks of the project, before anything is installed."""

import re
import subprocess
import sys
from pathlib import Path

import plexsphere_apps

NOXFILE = Path(plexsphere_apps.__file__).parent.parent / "noxfile.py"


def test_an_unknown_session_names_those_that_there_are() -> None:
    told = re.findall(r"^    (\w+) {2,}", NOXFILE.read_text().split('"""')[1], re.MULTILINE)
    ended = subprocess.run([sys.executable, NOXFILE, "nonsense"], capture_output=True, text=True)
    line = f"There is no session 'nonsense', but there are {', '.join(told)}.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", line)
