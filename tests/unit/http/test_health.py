import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from plexsphere_adapters.http import health
from plexsphere_adapters.http.health import Probe, ProbeFailed, Readiness
from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.system.build import Build

BUILD = Build("v1.2.3", "abcdef", "2026-01-02T03:04:05Z")
DSN = "postgresql://plexsphere:hunter2@db/plexsphere"


async def well() -> None:
    """Nothing is wrong."""


async def refused() -> None:
    raise ConnectionRefusedError(f"cannot reach {DSN}")


async def sealed() -> None:
    raise ProbeFailed("sealed")


async def silent() -> None:
    await asyncio.Event().wait()


async def stubborn() -> None:
    while True:
        try:
            await asyncio.sleep(0.5)
            return
        except asyncio.CancelledError:
            continue


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle()


def web(lifecycle: Lifecycle, *probes: Probe) -> httpx.AsyncClient:
    readiness = Readiness(probes, timedelta(milliseconds=50))
    app = Starlette(routes=health.routes(readiness, lifecycle, BUILD))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://core")


async def test_ready_when_every_probe_is_well(lifecycle: Lifecycle) -> None:
    async with web(lifecycle, Probe("one", well), Probe("two", well)) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert list(answer.json()["probes"]) == ["one", "two"]
    assert answer.json()["probes"]["one"]["duration_ms"] >= 0


async def test_what_fails_is_named_without_its_message(lifecycle: Lifecycle) -> None:
    probes = [Probe("db", refused), Probe("secrets", sealed), Probe("bus", silent), Probe("blobs", stubborn)]
    async with web(lifecycle, Probe("fine", well), *probes) as client:
        answer = await client.get("/readyz")
    body = answer.json()
    assert answer.status_code == 503
    assert body["status"] == "failed"
    errors = {name: probe.get("error") for name, probe in body["probes"].items()}
    assert errors == {
        "fine": None,
        "db": "ConnectionRefusedError",
        "secrets": "sealed",
        "bus": "no answer within 0.05 s",
        "blobs": "no answer within 0.05 s",
    }
    assert "hunter2" not in answer.text


async def test_probes_run_at_once(lifecycle: Lifecycle) -> None:
    together = asyncio.Barrier(3)

    async def meet() -> None:
        await together.wait()

    async with web(lifecycle, *(Probe(name, meet) for name in "abc")) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_requests_share_a_run(lifecycle: Lifecycle) -> None:
    runs = 0

    async def counted() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)

    async with web(lifecycle, Probe("counted", counted)) as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert runs == 1


async def test_a_reader_who_leaves_does_not_end_the_run_of_others(lifecycle: Lifecycle) -> None:
    release = asyncio.Event()
    readiness = Readiness([Probe("held", release.wait)], timedelta(seconds=5))  # type: ignore[list-item]
    leaving, staying = (asyncio.create_task(readiness.results()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    release.set()
    assert [result.error for result in await staying] == [None]


@pytest.fixture
async def draining(lifecycle: Lifecycle) -> AsyncIterator[httpx.AsyncClient]:
    async with web(lifecycle, Probe("fine", well)) as client:
        lifecycle.leave()
        yield client


async def test_who_leaves_is_not_ready_but_alive(draining: httpx.AsyncClient, lifecycle: Lifecycle) -> None:
    answer = await draining.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
    assert (await draining.get("/livez")).status_code == 200
    assert not lifecycle.draining.is_set()


def test_who_drains_has_left(lifecycle: Lifecycle) -> None:
    lifecycle.drain()
    assert lifecycle.leaving.is_set()
    assert lifecycle.draining.is_set()


async def test_metrics_tell_the_build(lifecycle: Lifecycle) -> None:
    async with web(lifecycle) as client:
        plain = await client.get("/metrics")
        open_metrics = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert 'plexsphere_build_info{commit="abcdef",date="2026-01-02T03:04:05Z",version="v1.2.3"} 1.0' in plain.text
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")
