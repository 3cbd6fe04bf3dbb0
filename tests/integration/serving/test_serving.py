"""The process runtime, on real processes and sockets."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from plexsphere_adapters.system.build import build
from tests.integration.processes import Running, client, started

PROGRAM = "tests.integration.serving.program"
ANYWHERE = ("--addr", "127.0.0.1:0")


@asynccontextmanager
async def serving(*argv: str, env: Mapping[str, str] | None = None) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    async with started(PROGRAM, *ANYWHERE, "--drain-notice", "300ms", *argv, env=env) as running:
        address = (await running.logged("serving"))["address"]
        async with client(address) as http:
            yield running, http


@asynccontextmanager
async def begun(http: httpx.AsyncClient, path: str) -> AsyncIterator[AsyncIterator[str]]:
    """The rest of an answer that has begun to arrive."""
    async with http.stream("GET", path) as response:
        lines = response.aiter_lines()
        assert await anext(lines) == "begun"
        yield lines


async def test_the_address_is_told_when_it_is_listened_on(tmp_path: Path) -> None:
    path = tmp_path / "addr"
    async with serving("--addr-file", str(path)) as (running, http):
        assert f"http://{path.read_text().strip()}" == str(http.base_url).rstrip("/")
        answer = await http.get("/livez")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert "server" not in answer.headers
        assert (await http.get("/readyz")).json() == {"status": "ok", "probes": {}}
        assert f'version="{build().version}"' in (await http.get("/metrics")).text
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert names(tmp_path) == ["addr"]


def names(directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_drain_denies_readiness_finishes_what_is_under_way_and_stops_in_order(number: signal.Signals) -> None:
    async with serving() as (running, http), begun(http, "/until-draining") as rest:
        running.signal(number)
        await running.logged("signal_received")
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
        assert (await http.get("/livez")).status_code == 200
        assert [line async for line in rest] == ["finished"]
        assert await running.ended() == 0
        with pytest.raises(httpx.ConnectError):
            await http.get("/livez")
        assert running.events() == ["serving", "signal_received", "worker_stopped", "stopped", "taken_down"]


async def test_idle_connections_do_not_delay_the_end() -> None:
    async with serving("--shutdown-grace", "20s") as (running, http):
        await http.get("/livez")
        running.signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await running.ended() == 0


async def test_what_outlives_the_grace_period_is_cut_off() -> None:
    async with serving("--shutdown-grace", "500ms") as (running, http), begun(http, "/forever") as rest:
        running.signal(signal.SIGTERM)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(rest)
        assert await running.ended() == 2
        assert (await running.logged("shutdown_forced"))["unfinished"] == ["http"]


async def test_a_second_signal_forces_the_end() -> None:
    async with serving("--shutdown-grace", "10m") as (running, http), begun(http, "/forever"):
        running.signal(signal.SIGTERM)
        await running.logged("signal_received")
        running.signal(signal.SIGTERM)
        assert await running.ended() == 2


async def test_a_stuck_event_loop_does_not_keep_the_process() -> None:
    async with (
        serving("--shutdown-grace", "1s", "--drain-notice", "1s") as (running, http),
        asyncio.TaskGroup() as group,
    ):
        running.signal(signal.SIGTERM)
        await running.logged("signal_received")
        group.create_task(quietly(http))
        await running.logged("stuck")
        assert await running.ended() == 2


async def quietly(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.HTTPError):
        await http.get("/stuck")


async def test_a_worker_that_fails_ends_the_process_with_an_error_and_tells_no_secret() -> None:
    async with started(PROGRAM, *ANYWHERE, env={"MODE": "failing"}) as running:
        assert await running.ended() == 1
        failure = await running.logged("task_ended")
        assert failure["task"] == "failing"
        assert "RuntimeError" in failure["exception"]
        assert "psk_dev_aaaaaaaaaaaaaaaaaaaaaaaaaa_***" in failure["exception"]
        assert "bbbbbbb" not in running.text
        assert "worker_stopped" in running.events()


async def test_a_signal_while_it_is_composed_ends_it_cleanly() -> None:
    async with started(PROGRAM, *ANYWHERE, env={"MODE": "slow"}) as running:
        await running.logged("composing")
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0


async def test_a_refused_start_is_one_line() -> None:
    async with started(PROGRAM, *ANYWHERE, env={"MODE": "refuse"}) as running:
        assert await running.ended() == 1
        assert running.text == "plexsphere-program: the moon is not full\n"


async def test_a_taken_address_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with started(PROGRAM, "--addr", address) as running:
            assert await running.ended() == 1
            assert running.text == f"plexsphere-program: cannot listen on {address}: Address already in use\n"


async def test_an_address_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "addr"
    async with started(PROGRAM, *ANYWHERE, "--addr-file", str(path)) as running:
        assert await running.ended() == 1
        lines = [line for line in running.text.splitlines() if not line.startswith("{")]
        assert lines == [f"plexsphere-program: cannot write {path}: No such file or directory"]


@pytest.mark.parametrize(
    "flags", [("--addr", "nowhere"), ("--shutdown-grace", "soon"), ("--addr", "x:1", "--nonsense"), ("extra",)]
)
async def test_wrong_flags_are_an_error(flags: tuple[str, ...]) -> None:
    async with started(PROGRAM, *flags) as running:
        assert await running.ended() == 1
        assert "usage: plexsphere-program" in running.text


async def test_the_version_is_told() -> None:
    async with started(PROGRAM, "--version") as running:
        assert await running.ended() == 0


@pytest.mark.parametrize("size", [100, 3_000_000])
async def test_a_body_that_nobody_reads_is_answered_and_blocks_nothing(size: int) -> None:
    async with serving("--shutdown-grace", "10s") as (running, http):
        for _ in range(3):
            answer = await http.post("/refuse", content=b"x" * size)
            assert (answer.status_code, answer.text) == (413, "too large")
        assert (await http.post("/swallow", content=b"x" * size)).text == str(size)
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0


async def test_a_body_beyond_all_bounds_ends_the_connection_and_blocks_nothing() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)

    async with serving("--shutdown-grace", "10s") as (running, http):
        with pytest.raises(httpx.HTTPError):
            await http.post("/refuse", content=endless())
        assert (await http.get("/livez")).status_code == 200
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0


async def test_headers_have_a_ceiling() -> None:
    async with serving() as (_, http):
        assert (await http.get("/livez", headers={"X-Long": "x" * 20_000})).status_code == 200
        assert (await http.get("/livez", headers={"X-Long": "x" * 200_000})).status_code == 431
