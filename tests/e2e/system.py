"""A running system from outside: its addresses, its processes, its database, its logs."""

import asyncio
import os
import signal
from base64 import b64encode
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
from attrs import frozen
from psycopg.rows import dict_row

from plexsphere_apps.embedded.ready_file import Facts, read
from tests.e2e.client import HANDED_OUT

WELL_AGAIN = 30.0
"""Seconds within which a system must be well again by itself after any of its servers was killed."""


@frozen(kw_only=True)
class System:
    """Process ids, and with them the ready file, change when servers are started again."""

    state: Path
    ready: Path

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

    async def until_well(self, operator: httpx.AsyncClient, *, without: int) -> None:
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


def remember_secrets(system: System) -> System:
    """The system; what it keeps secret is looked for in logs from now on."""
    facts = system.facts
    HANDED_OUT.update({system.operator_token, facts.openbao_token, facts.s3_secret_key, facts.spicedb_key})
    for path in (*(system.state / "secrets").iterdir(), system.state / "openbao" / "root-token"):
        content = path.read_bytes().strip()
        HANDED_OUT.update({content.decode()} if content.isascii() else {b64encode(content).decode(), content.hex()})
    return system
