"""How children are started: on a leash, with an environment of their own, and ended with all that is left of them."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from plexsphere_apps.embedded.process import Account, Command, end, how_it_ended, last_line, spawn
from plexsphere_apps.embedded.servers.apps import tuning

PYTHON = sys.executable


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.touch()
    return path


def printed(log: Path) -> str:
    return log.read_text()


def running(program: str, **options: object) -> Command:
    return Command(argv=(PYTHON, "-c", program), **options)  # type: ignore[arg-type]


def test_nothing_of_our_environment_is_passed_on_but_what_every_program_needs() -> None:
    command = running("", env={"OWN": "1"})
    ours = {"PATH": "/bin", "HOME": "/root", "PLEXSPHERE_POSTGRES_DSN": "secret", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert command.environment(ours) == {"PATH": "/bin", "HOME": "/root", "OWN": "1"}


def test_an_app_is_tuned_from_our_environment_but_never_given_what_the_launcher_gives_another() -> None:
    ours = {"PLEXSPHERE_LOG_LEVEL": "debug", "OTEL_X": "1", "PLEXSPHERE_POSTGRES_DSN": "secret", "OTHER": "1"}
    reserved = frozenset({"PLEXSPHERE_POSTGRES_DSN"})
    assert tuning(ours, reserved) == {"PLEXSPHERE_LOG_LEVEL": "debug", "OTEL_X": "1"}


def test_what_only_tests_read_is_not_passed_on() -> None:
    assert tuning({"PLEXSPHERE_TEST_READY_FILE": "f"}, frozenset()) == {}


def test_the_leash_names_signal_parent_and_account() -> None:
    command = running("", account=Account(1, 2), stop_signal=signal.SIGINT)
    assert command.leashed(77)[-6:-3] == ("2", "77", "1:2")


async def test_a_child_leads_a_process_group_and_has_its_working_directory_and_log(tmp_path: Path, log: Path) -> None:
    process = await spawn(running("import os; print(os.getpid(), os.getpgrp(), os.getcwd())", cwd=tmp_path), log)
    assert await process.wait() == 0
    pid, group, directory = printed(log).split()
    assert (int(pid), int(group)) == (process.pid, process.pid)
    assert directory == str(tmp_path)


async def test_a_child_that_ignores_its_stop_signal_is_killed_with_its_children(log: Path) -> None:
    program = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])\n"
        "print(inner.pid, flush=True)\n"
        "time.sleep(100)\n"
    )
    command = running(program, stop_grace=0.1)
    process = await spawn(command, log)
    async with asyncio.timeout(20):
        while not printed(log):  # noqa: ASYNC110  (another process writes it)
            await asyncio.sleep(0.01)
    inner = psutil.Process(int(printed(log)))
    await end(process, command)
    assert process.returncode == -signal.SIGKILL
    assert psutil.wait_procs([inner], timeout=20)[1] == []


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio, pathlib, sys\n"
        "from plexsphere_apps.embedded.process import Command, spawn\n"
        "async def main():\n"
        "    command = Command(argv=(sys.executable, '-c', 'import time; time.sleep(100)'))\n"
        f"    process = await spawn(command, pathlib.Path({str(tmp_path / 'log')!r}))\n"
        "    print(process.pid, flush=True)\n"
        "    await asyncio.sleep(100)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([PYTHON, "-c", parent], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        child = psutil.Process(int(started.stdout.readline()))
        os.kill(started.pid, signal.SIGKILL)
    assert psutil.wait_procs([child], timeout=20)[1] == []


async def test_a_program_that_is_not_there_is_explained_in_the_log(log: Path) -> None:
    process = await spawn(Command(argv=("/no/such/program",)), log)
    assert await process.wait() == 1
    assert "cannot run /no/such/program" in last_line(log)


def test_the_last_line_that_says_something_is_found(log: Path) -> None:
    assert last_line(log) == ""
    log.write_text("first\nlast \n\n  \n")
    assert last_line(log) == "last"


def test_an_end_is_told_in_words() -> None:
    assert how_it_ended(3) == "exit code 3"
    assert how_it_ended(-9) == "SIGKILL"
