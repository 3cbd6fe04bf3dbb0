"""The floors: servers that do the least that could be called the same thing.

`python -m tests.bench.floors ADDR_FILE` serves them on Hypercorn with uvloop, configured like our own processes:
`POST /update` does one UPDATE, `GET /bytes` returns the bytes that `PUT /bytes` stored.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DSN_VARIABLE = "FLOOR_DSN"
ROWS = 64


def app() -> Starlette:
    pool = AsyncConnectionPool(
        os.environ[DSN_VARIABLE], min_size=2, max_size=10, open=False, kwargs={"autocommit": True}
    )
    stored = b""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await pool.open(wait=True)
        async with pool.connection() as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS floor (id int PRIMARY KEY, beat timestamptz)")
            await connection.execute(
                "INSERT INTO floor SELECT n, now() FROM generate_series(0, %s) n ON CONFLICT DO NOTHING", (ROWS,)
            )
        yield
        await pool.close()

    async def update(request: Request) -> Response:
        body = await request.json()
        async with pool.connection() as connection:
            await connection.execute("UPDATE floor SET beat = now() WHERE id = %s", (body["id"],))
        return JSONResponse({"ok": True})

    async def put_bytes(request: Request) -> Response:
        nonlocal stored
        stored = await request.body()
        return Response(status_code=204)

    async def get_bytes(_: Request) -> Response:
        return Response(stored, media_type="application/json")

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/update", update, methods=["POST"]),
            Route("/bytes", put_bytes, methods=["PUT"]),
            Route("/bytes", get_bytes, methods=["GET"]),
        ],
    )


async def main(bound: socket.socket) -> None:
    config = Config()
    config.bind = [f"fd://{bound.detach()}"]
    config.accesslog = None
    config.keep_alive_max_requests = 2**31
    await serve(cast("Any", app()), config, mode="asgi")


if __name__ == "__main__":
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    Path(sys.argv[1]).write_text(f"http://127.0.0.1:{listening.getsockname()[1]}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(listening))
