"""Who may import whom: the contracts of pyproject.toml hold."""

import pytest
from importlinter.cli import lint_imports

from tests.architecture.source import ROOT


def test_the_import_contracts_are_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(ROOT)
    outcome = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    assert outcome == 0, capsys.readouterr().out
