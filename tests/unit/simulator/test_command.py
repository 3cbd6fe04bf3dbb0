"""plexsphere-sim as a person calls it, where there is nothing to simulate on."""

import subprocess
import sys

import pytest

from plexsphere_apps.simulator import Fleet, Operator, Origin, operator
from plexsphere_apps.simulator.main import as_text
from plexsphere_apps.simulator.operator import OperatorRefused
from plexsphere_domain.kernel.secrets import SecretStr


def called(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "plexsphere_apps.simulator.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_run_that_cannot_begin_says_why_in_one_line(tmp_path):
    token, absent, binary, empty = (tmp_path / name for name in ("token", "absent", "binary", "empty"))
    token.write_text("psk_dev_x")
    binary.write_bytes(bytes(range(256)))
    empty.touch()
    at = ("--core-url", "http://127.0.0.1:1", "--operator-token-file")
    for arguments, code, line in (
        ((*at, str(absent)), 1, f"cannot read {absent}: No such file or directory"),
        ((*at, str(binary)), 1, f"{binary} holds no API token"),
        ((*at, str(empty)), 1, f"{empty} holds no API token"),
        ((*at, str(token), "--state-dir", str(token)), 1, f"cannot make {token}: File exists"),
        (("--core-url", "foo", "--operator-token-file", str(token)), 2, "--core-url: foo is no http or https URL"),
    ):
        ended = called(*arguments)
        assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", f"plexsphere-sim: {line}\n")


async def test_a_server_that_is_away_is_told_once_and_waited_for_only_so_long(monkeypatch):
    monkeypatch.setattr(operator, "PATIENCE", 0.2)
    monkeypatch.setattr(operator, "PAUSE", 0.05)
    told = []
    away = Operator(origin=Origin("http://127.0.0.1:1"), token=SecretStr("psk_dev_x"), tell=told.append)
    with pytest.raises(OperatorRefused, match=r"GET /v1/domains.*no answer, ConnectionRefusedError"):
        await away.domain("demo")
    assert "waiting for the server, up to 0 s: ConnectionRefusedError" in told[0]


def test_a_run_that_enrolled_nobody_proves_nothing():
    report = Fleet(Origin("http://127.0.0.1:1")).report()

    assert report.clean
    assert not report.proves_something
    assert as_text(report).endswith("no agent enrolled, so nothing is shown")
