"""The operational endpoints of a process: `/livez`, `/readyz` and `/metrics`. They need no credential.

`/readyz` runs every probe at once, each within its bound, and names them all. Of what went wrong it tells the class of
the error or words of our own (`ProbeFailed`), never the message of a driver, which may hold a password.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog
from attrs import define, field, frozen
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.metrics import REGISTRY
from plexsphere_adapters.metrics.process import BUILD_INFO, PROBE_SECONDS, PROBE_UP
from plexsphere_adapters.system.build import Build

log = structlog.get_logger(__name__)

TIMEOUT: Final = timedelta(seconds=2)

_UNCACHED: Final = {"Cache-Control": "no-store"}


class ProbeFailed(Exception):
    """The dependency answers, and is not fit for use. The message is shown: it holds no secret."""


@frozen
class Probe:
    """One dependency. `check` returns where it is well, and raises anything where it is not."""

    name: str
    check: Callable[[], Awaitable[None]]


@frozen
class Result:
    """How a probe went; `error` is None where it went well."""

    name: str
    seconds: float
    error: str | None = None
    cause: BaseException | None = field(default=None, repr=False)

    @property
    def wire(self) -> dict[str, object]:
        status: dict[str, object] = (
            {"status": "ok"} if self.error is None else {"status": "failed", "error": self.error}
        )
        return status | {"duration_ms": round(self.seconds * 1000, 3)}


@define
class Readiness:
    """Runs the probes. Requests that come while they run share the run; the log tells of changes only."""

    probes: Sequence[Probe]
    timeout: timedelta = TIMEOUT
    _running: "asyncio.Task[list[Result]] | None" = field(default=None, init=False)
    _failing: set[str] = field(factory=set, init=False)

    async def results(self) -> list[Result]:
        """The results of all probes, in their order."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def _run(self) -> list[Result]:
        results = await asyncio.gather(*(self._bounded(probe) for probe in self.probes))
        for result in results:
            self._tell(result)
        return results

    def _tell(self, result: Result) -> None:
        PROBE_UP.labels(result.name).set(result.error is None)
        PROBE_SECONDS.labels(result.name).set(result.seconds)
        if result.error is not None and result.name not in self._failing:
            log.warning("probe_failed", probe=result.name, error=result.error, exc_info=result.cause)
            self._failing.add(result.name)
        elif result.error is None and result.name in self._failing:
            log.info("probe_recovered", probe=result.name)
            self._failing.discard(result.name)

    async def _bounded(self, probe: Probe) -> Result:
        """The result of one probe, not later than its bound even where the check does not heed its cancellation."""
        started = time.perf_counter()
        check = asyncio.ensure_future(probe.check())
        done, _ = await asyncio.wait([check], timeout=self.timeout.total_seconds())
        seconds = time.perf_counter() - started
        if not done:
            check.cancel()
            check.add_done_callback(_ignore)
            return Result(probe.name, seconds, f"no answer within {self.timeout.total_seconds():g} s")
        if check.cancelled():
            return Result(probe.name, seconds, "cancelled")
        failure = check.exception()
        if failure is None:
            return Result(probe.name, seconds)
        words = str(failure) if isinstance(failure, ProbeFailed) else type(failure).__name__
        return Result(probe.name, seconds, words, failure)


def _ignore(late: "asyncio.Future[None]") -> None:
    """Take note of the outcome of a check that nobody waits for any more."""
    if not late.cancelled():
        late.exception()


def routes(
    readiness: Readiness, lifecycle: Lifecycle, build: Build, registry: CollectorRegistry = REGISTRY
) -> list[Route]:
    """The three endpoints."""
    BUILD_INFO.labels(build.version, build.commit, build.date).set(1)

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_UNCACHED)

    async def readyz(_request: Request) -> Response:
        if lifecycle.leaving.is_set():
            return JSONResponse({"status": "draining"}, status_code=503, headers=_UNCACHED)
        results = await readiness.results()
        ready = all(result.error is None for result in results)
        body = {"status": "ok" if ready else "failed", "probes": {result.name: result.wire for result in results}}
        return JSONResponse(body, status_code=200 if ready else 503, headers=_UNCACHED)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type} | _UNCACHED)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
