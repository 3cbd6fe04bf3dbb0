"""The state directory: private, locked, and refused when it is somebody else's."""

import stat
from pathlib import Path

import pytest

from plexsphere_apps.embedded import ports, state
from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.main import app
from plexsphere_apps.embedded.ports import RANGE, allot, is_free
from plexsphere_apps.embedded.state import LAYOUT, opened, write_private


def test_a_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    with opened(tmp_path) as directory:
        assert directory.secret("key") == directory.secret("key")
        assert directory.secret("key") != directory.secret("other")
    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600


def test_a_private_file_is_replaced_in_one_step_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, "old")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(CannotStart, match="in use by process"), opened(tmp_path):
        pass


def test_a_directory_is_free_again_when_its_launcher_is_done(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with opened(tmp_path) as directory:
        assert directory.load("state") == {"layout": LAYOUT}


def test_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"layout": 99}')
    with pytest.raises(CannotStart, match="has layout 99"), opened(tmp_path):
        pass


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(CannotStart, match=r"state\.json is damaged"), opened(tmp_path):
        pass


def test_the_directory_of_another_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CannotStart, match="belongs to"), opened(tmp_path):
        pass


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="choose another --state-dir"), opened(tmp_path / "file" / "state"):
        pass


def test_a_large_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "LOG_LIMIT", 3)
    with opened(tmp_path) as directory:
        directory.log("nats").write_text("long")
        assert directory.log("nats").read_text() == ""
        assert (tmp_path / "logs" / "nats.log.1").read_text() == "long"


def test_ports_are_distinct_free_and_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as directory:
        first = allot(directory, ["a", "b", "c"])
        assert len(set(first.values())) == 3
        assert all(port in RANGE and is_free(port) for port in first.values())
        assert allot(directory, ["c", "a"]) == {"c": first["c"], "a": first["a"]}


def test_a_kept_port_that_was_taken_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as directory:
        first = allot(directory, ["a", "b"])
        monkeypatch.setattr(ports, "is_free", lambda port: port != first["a"])
        second = allot(directory, ["a", "b"])
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_without_any_free_port_the_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with opened(tmp_path) as directory, pytest.raises(CannotStart, match="no free port"):
        allot(directory, ["a"])


def test_a_start_that_is_refused_for_its_ready_file_leaves_no_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = tmp_path / "nowhere" / "ready.json"
    arguments = ["--state-dir", str(tmp_path / "state"), "--ready-file", str(ready)]
    with pytest.raises(SystemExit) as end:
        app(arguments)
    assert end.value.code == 1
    assert capsys.readouterr().err == f"plexsphere-up: cannot write {ready}: choose another --ready-file\n"
    assert list(tmp_path.iterdir()) == []
