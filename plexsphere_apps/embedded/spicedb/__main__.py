"""Run the SpiceDB engine behind a gRPC port: `python -m plexsphere_apps.embedded.spicedb --addr HOST:PORT`.

The preshared key comes from `PLEXSPHERE_SPICEDB_KEY`, the library's path from `SPICEDB_LIBRARY_PATH`. SIGTERM ends it.
"""

import argparse
import asyncio
import os
import signal
import sys
from typing import Final

from grpc import aio

from plexsphere_apps.embedded.spicedb.engine import Engine
from plexsphere_apps.embedded.spicedb.front import OPTIONS, Front

GRACE: Final = 1.0
"""Seconds that calls in flight have when the process ends."""


async def serve(engine: Engine, address: str, key: bytes) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, ended.set)
    # Without SO_REUSEPORT a second server on the port is refused instead of taking half of its calls.
    server = aio.server(handlers=[Front(engine, key)], options=[*OPTIONS, ("grpc.so_reuseport", 0)])
    server.add_insecure_port(address)
    await server.start()
    await ended.wait()
    await server.stop(GRACE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="plexsphere-spicedb", description=__doc__)
    parser.add_argument("--addr", required=True, metavar="HOST:PORT")
    address = parser.parse_args().addr
    key = os.environ.get("PLEXSPHERE_SPICEDB_KEY", "")
    if not key:
        sys.exit("PLEXSPHERE_SPICEDB_KEY is not set")
    engine = Engine.start()
    try:
        asyncio.run(serve(engine, address, key.encode()))
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
