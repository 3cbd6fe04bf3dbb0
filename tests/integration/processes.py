"""Real processes of this project, started by tests: their addresses, their logs, and their ends."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from attrs import define

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


@define
class Running:
    """A process, its log so far, and how to reach it."""

    process: asyncio.subprocess.Process
    lines: list[str]
    _reader: "asyncio.Task[None]"
    _news: asyncio.Condition

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def events(self) -> list[str]:
        """What the log tells, in order."""
        return [entry["event"] for entry in self.entries()]

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    async def logged(self, event: str) -> dict[str, Any]:
        """The first log line of this event, once it is there."""

        def found() -> dict[str, Any] | None:
            return next((entry for entry in self.entries() if entry["event"] == event), None)

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: found() is not None or self._reader.done())
        entry = found()
        assert entry is not None, f"the process ended without {event}: {self.text}"
        return entry

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """The exit code, once the process has ended and all it wrote is read."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self._reader
        return code


@asynccontextmanager
async def started(module: str, *argv: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    """`python -m module argv`, which does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *argv,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **(env or {})},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        limit=2**20,
    )  # fmt: skip
    lines: list[str] = []
    news = asyncio.Condition()

    async def read() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            async with news:
                lines.append(line.decode())
                news.notify_all()
        async with news:
            news.notify_all()

    reader = asyncio.create_task(read())
    try:
        yield Running(process, lines, reader, news)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader


def client(running_at: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{running_at}", timeout=PATIENCE, trust_env=False)
