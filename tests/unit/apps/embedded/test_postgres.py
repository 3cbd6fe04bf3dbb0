"""PostgreSQL of the embedded system, before it answers."""

import asyncio
from pathlib import Path
from typing import Any

from plexsphere_apps.embedded.ports import choose
from plexsphere_apps.embedded.servers.postgres import Postgres
from plexsphere_apps.embedded.state import opened


async def test_a_server_that_does_not_listen_yet_is_not_reachable_and_nothing_else(tmp_path: Path) -> None:
    """psql leaves without reading its script, which must not surface as the failure of a pipe."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
    with opened(tmp_path) as state:
        postgres = Postgres(state=state, allotted={"postgres": choose(taken=set())})
        assert await asyncio.gather(*(postgres.reachable() for _ in range(4))) == [False] * 4
    assert faults == []
