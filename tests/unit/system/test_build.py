import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexsphere_adapters.system import build as module
from plexsphere_adapters.system.build import Build, build


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module, as if it lay in an empty directory."""
    monkeypatch.setattr(module, "_RECORD", tmp_path / "build.json")
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    build.cache_clear()
    yield tmp_path
    build.cache_clear()


def test_the_record_of_the_image_counts(elsewhere: Path) -> None:
    (elsewhere / "build.json").write_text(json.dumps({"commit": "abc", "date": "2026-01-02T03:04:05Z"}))
    assert (build().commit, build().date) == ("abc", "2026-01-02T03:04:05Z")


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "null"])
def test_without_a_record_and_without_git_it_is_unknown(elsewhere: Path, content: str | None) -> None:
    if content is not None:
        (elsewhere / "build.json").write_text(content)
    assert (build().commit, build().date) == ("unknown", "unknown")


def test_a_checkout_is_asked(elsewhere: Path) -> None:
    for command in (
        ["init", "-q"],
        ["-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-q", "--allow-empty", "-m", "m"],
    ):
        subprocess.run(["git", "-C", str(elsewhere), *command], check=True)
    assert re.fullmatch(r"[0-9a-f]{40}", build().commit)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", build().date)


def test_an_empty_checkout_is_unknown(elsewhere: Path) -> None:
    (elsewhere / ".git").mkdir()
    assert build().commit == "unknown"


def test_it_reads_well() -> None:
    assert str(Build("v0.1.0", "abc", "2026-01-02")) == "v0.1.0 (commit abc, 2026-01-02)"
