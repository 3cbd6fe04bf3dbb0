"""A small server on the shared runtime, for the tests to start, talk to and end."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from plexsphere_adapters.http import health
from plexsphere_adapters.http.health import Readiness
from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.system.build import build
from plexsphere_apps import flags, logging, serving
from plexsphere_apps.serving import CannotStart, Process

log = structlog.get_logger("program")


def routes(lifecycle: Lifecycle) -> list[Route]:
    async def until_draining(_request: Request) -> Response:
        async def parts() -> AsyncIterator[str]:
            yield "begun\n"
            await lifecycle.draining.wait()
            await asyncio.sleep(0.05)
            yield "finished\n"

        return StreamingResponse(parts())

    async def forever(_request: Request) -> Response:
        async def parts() -> AsyncIterator[str]:
            yield "begun\n"
            await asyncio.Event().wait()

        return StreamingResponse(parts())

    async def stuck(_request: Request) -> Response:
        log.info("stuck")
        time.sleep(60)  # noqa: ASYNC251 — blocks the event loop, as no code of ours may
        return PlainTextResponse("never")

    async def refuse(_request: Request) -> Response:
        return PlainTextResponse("too large", status_code=413)

    async def swallow(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    return [
        Route("/until-draining", until_draining),
        Route("/forever", forever),
        Route("/stuck", stuck),
        Route("/refuse", refuse, methods=["POST"]),
        Route("/swallow", swallow, methods=["POST"]),
    ]


async def steady() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        log.info("worker_stopped")


async def failing() -> None:
    raise RuntimeError("psk_dev_aaaaaaaaaaaaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbb is not to be seen")


@asynccontextmanager
async def compose(lifecycle: Lifecycle) -> AsyncIterator[Process]:
    mode = os.environ.get("MODE", "")
    if mode == "refuse":
        raise CannotStart("the moon is not full")
    if mode == "slow":
        log.info("composing")
        await asyncio.Event().wait()
    workers: dict[str, Any] = {"steady": steady}
    if mode == "failing":
        workers["failing"] = failing
    app = Starlette(routes=[*routes(lifecycle), *health.routes(Readiness([]), lifecycle, build())])
    yield Process(app=app, workers=workers)
    log.info("taken_down")


def main() -> int:
    parsed = flags.parser("program", "A server for tests.").parse_args()
    logging.configure("program", "info")
    return serving.run("program", flags.server_flags(parsed), compose)


if __name__ == "__main__":
    sys.exit(main())
