"""Places an unprivileged account can reach, for a launcher that is root and lives in a closed directory."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.state import write_private

GROUND: Final = Path("/var/tmp/plexsphere")  # noqa: S108  (its owner and its mode are verified before use)

MARK: Final = "belongs-to"


def reachable_by_all(directory: Path) -> bool:
    """Whether everybody may walk into `directory`."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (directory, *directory.parents))


def readable_by_all(directory: Path) -> bool:
    """Whether everybody may read every file under `directory`."""
    return all(entry.stat().st_mode & stat.S_IROTH for entry in directory.rglob("*"))


def has_stand_in(home: Path) -> bool:
    """Whether a directory on open ground was made for `home`."""
    return (home / MARK).exists()


def stand_in_for(home: Path) -> Path:
    """The directory on open ground that stands in for `home`.

    It carries a mark that is also kept in `home`: when `home` was removed or made anew, what stood in for the old one
    is removed too.
    """
    place = _ground() / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    ours, theirs = home / MARK, place / MARK
    if not ours.exists() or not theirs.exists() or ours.read_text() != theirs.read_text():
        _sweep()
        shutil.rmtree(place, ignore_errors=True)
        mark = f"{home}\n{os.urandom(16).hex()}\n"
        write_private(ours, mark)
        place.mkdir(mode=0o711)
        write_private(theirs, mark)
    inner = place / home.name
    inner.mkdir(mode=0o700, exist_ok=True)
    return inner


def open_copy_of(parts: Sequence[Path], *, relative_to: Path) -> Path:
    """A copy of `parts` on open ground, readable for everybody, laid out as they are under `relative_to`."""
    identity = [(str(part), part.stat().st_mtime_ns) for part in parts]
    place = _ground() / hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    if place.exists():
        return place
    draft = Path(tempfile.mkdtemp(dir=_ground()))
    for part in parts:
        shutil.copytree(part, draft / part.relative_to(relative_to), symlinks=True)
    for entry in (draft, *draft.rglob("*")):
        if not entry.is_symlink():
            mode = entry.stat().st_mode
            entry.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))
    draft.rename(place)
    return place


def _sweep() -> None:
    """Remove every stand-in whose home is gone."""
    for mark in _ground().glob(f"*/{MARK}"):
        content = mark.read_text()
        ours = Path(content.partition("\n")[0]) / MARK
        if not ours.exists() or ours.read_text() != content:
            shutil.rmtree(mark.parent, ignore_errors=True)


def _ground() -> Path:
    GROUND.mkdir(mode=0o711, exist_ok=True)
    found = GROUND.lstat()
    # Anybody may create names under /var/tmp; programs are run only from a directory nobody else can write.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise CannotStart(f"{GROUND} is not a directory that only root can write", "remove it")
    GROUND.chmod(0o711)
    return GROUND
