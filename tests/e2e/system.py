"""A running system from outside: its addresses, its processes, its database, its logs."""

import asyncio
import json
import os
import signal
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psutil
import psycopg
from attrs import frozen
from psycopg.rows import dict_row

from plexsphere_apps.embedded.ready_file import Facts, read

WELL_AGAIN = 30.0
"""Seconds within which a system must be well again by itself after any of its servers was killed."""


@frozen(kw_only=True)
class System:
    """Process ids, and with them the ready file, change when servers are started again."""

    state: Path
    ready: Path
    output: Path | None = None
    """What the launcher prints, where it is known."""

    @property
    def facts(self) -> Facts:
        return read(self.ready)

    @property
    def url(self) -> str:
        return str(self.facts.core_url)

    @property
    def operator_token(self) -> str:
        return str(self.facts.operator_token)

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    def secrets(self) -> set[str]:
        """What the system holds from its start, in every form that could be printed."""
        facts = self.facts
        told = [self.operator_token, facts.openbao_token, facts.s3_secret_key, facts.spicedb_key]
        unsealing = json.loads((self.state / "openbao" / "keys.json").read_text())
        files = [path.read_bytes() for path in (self.state / "secrets").iterdir()]
        texts = [content.decode().strip() for content in files if content.isascii()]
        keys = [content for content in files if not content.isascii()]
        encoded = [form for key in keys for form in (b64encode(key).decode(), key.hex())]
        return {*told, *unsealing["keys"], *unsealing["keys_base64"], unsealing["root_token"], *texts, *encoded}

    async def rows(self, statement: LiteralString, **parameters: object) -> list[dict[str, Any]]:
        """What the database answers; a statement without rows answers with none."""
        async with await psycopg.AsyncConnection.connect(self.facts.postgres_dsn, row_factory=dict_row) as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []

    def kill(self, name: str) -> int:
        """SIGKILL the server `name`; its process id, which is no longer its own."""
        pid = self.facts.pids[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def suspended(self, name: str) -> Iterator[None]:
        """The server `name` says nothing within the block, as if it were cut off, and goes on behind it."""
        server = psutil.Process(self.facts.pids[name])
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    @contextmanager
    def down(self, name: str) -> Iterator[None]:
        """The server `name` is killed, and started again only behind the block: its keeper sleeps meanwhile."""
        keeper = psutil.Process(self.facts.pids[name]).parent()
        assert keeper is not None
        keeper.suspend()
        try:
            self.kill(name)
            yield
        finally:
            keeper.resume()

    async def until_well(self, operator: httpx.AsyncClient, *, without: int | None = None) -> None:
        """Wait until all servers answer, and none of them is the process `without`."""
        async with asyncio.timeout(WELL_AGAIN):
            while without in self.facts.pids.values() or not await self._well(operator):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def _well(self, operator: httpx.AsyncClient) -> bool:
        urls = (f"{self.facts.core_url}/readyz", f"{self.facts.signer_url}/readyz", f"{self.facts.core_url}/v1/domains")
        try:
            return {(await operator.get(url)).status_code for url in urls} == {200}
        except httpx.HTTPError:
            return False
