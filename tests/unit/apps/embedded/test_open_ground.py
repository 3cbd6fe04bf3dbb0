"""Where PostgreSQL runs when the launcher is root and lives where nobody else may look."""

import shutil
import stat
from pathlib import Path

import pytest

from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.servers import open_ground
from plexsphere_apps.embedded.servers.open_ground import (
    has_stand_in,
    open_copy_of,
    reachable_by_all,
    readable_by_all,
    stand_in_for,
)


@pytest.fixture(autouse=True)
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "ground"
    monkeypatch.setattr(open_ground, "GROUND", place)
    return place


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "state" / "postgres"
    home.mkdir(parents=True)
    return home


def test_a_closed_directory_on_the_way_is_noticed(home: Path) -> None:
    home.parent.chmod(0o700)
    assert not reachable_by_all(home)


def test_a_closed_file_is_noticed(home: Path) -> None:
    file = home / "program"
    file.touch(mode=0o755)
    assert readable_by_all(home)
    file.chmod(0o700)
    assert not readable_by_all(home)


def test_a_stand_in_is_found_again(home: Path) -> None:
    (stand_in_for(home) / "kept").touch()
    assert has_stand_in(home)
    assert (stand_in_for(home) / "kept").exists()


def test_a_state_directory_made_anew_gets_a_new_stand_in(home: Path) -> None:
    (stand_in_for(home) / "stale").touch()
    (home / open_ground.MARK).unlink()
    assert not (stand_in_for(home) / "stale").exists()


def test_a_stand_in_whose_home_is_gone_is_swept_away_by_the_next(home: Path) -> None:
    orphan = stand_in_for(home)
    other = home.with_name("other")
    other.mkdir()
    shutil.rmtree(home)
    stand_in_for(other)
    assert not orphan.exists()
    assert has_stand_in(other)


def test_a_copy_can_be_read_and_run_by_all(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    program = packages / "pg" / "bin" / "postgres"
    program.parent.mkdir(parents=True)
    program.write_text("program")
    program.chmod(0o700)
    copy = open_copy_of([packages / "pg"], relative_to=packages)
    copied = copy / "pg" / "bin" / "postgres"
    assert copied.read_text() == "program"
    assert stat.S_IMODE(copied.stat().st_mode) == 0o755
    assert readable_by_all(copy)
    assert open_copy_of([packages / "pg"], relative_to=packages) == copy


def test_ground_that_others_can_write_is_refused(ground: Path, home: Path) -> None:
    ground.mkdir()
    ground.chmod(0o777)
    with pytest.raises(CannotStart, match="only root can write"):
        stand_in_for(home)


def test_ground_that_is_a_link_is_refused(ground: Path, home: Path, tmp_path: Path) -> None:
    ground.symlink_to(tmp_path)
    with pytest.raises(CannotStart, match="only root can write"):
        stand_in_for(home)
