"""What is running: version, commit and date of the build.

The version is the distribution's. Commit and date come from `build.json` beside this module, which whoever builds an
image writes with `python -m plexsphere_adapters.system.build COMMIT DATE`; without that file from git, where the code
runs from a checkout; otherwise they are unknown. Nothing here fails.
"""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from attrs import frozen

UNKNOWN: Final = "unknown"

_RECORD: Final = Path(__file__).with_name("build.json")
_ROOT: Final = Path(__file__).parents[2]


@frozen
class Build:
    """`version` is a semver tag such as `v0.1.0`; `date` is RFC 3339 in UTC; either of the others may be `unknown`."""

    version: str
    commit: str
    date: str

    def __str__(self) -> str:
        return f"{self.version} (commit {self.commit}, {self.date})"


@cache
def build() -> Build:
    """The build that is running."""
    commit, date = _recorded() or _checked_out() or (UNKNOWN, UNKNOWN)
    return Build(_version(), commit, date)


def _version() -> str:
    try:
        return "v" + version("plexsphere")
    except PackageNotFoundError:
        return "v0.0.0"


def _recorded() -> tuple[str, str] | None:
    try:
        record = json.loads(_RECORD.read_bytes())
        return str(record["commit"]), str(record["date"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _checked_out() -> tuple[str, str] | None:
    if not (_ROOT / ".git").exists():
        return None
    command = ["git", "-C", str(_ROOT), "log", "-1", "--format=%H %cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"]
    try:
        answer = subprocess.run(
            command, capture_output=True, check=True, text=True, timeout=2, env={"PATH": "/usr/bin:/bin", "TZ": "UTC"}
        )
        commit, date = answer.stdout.split()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return commit, date


if __name__ == "__main__":
    _RECORD.write_text(json.dumps({"commit": sys.argv[1], "date": sys.argv[2]}) + "\n")
