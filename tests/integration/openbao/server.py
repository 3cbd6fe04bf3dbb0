"""An OpenBao server that a test may seal, stop and restart."""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_hex

import hvac
from attrs import define, field

from plexsphere_adapters.openbao.client import Config, OpenBao, SecretStoreUnavailable
from plexsphere_domain.kernel.secrets import SecretStr


async def eventually(attempt: Callable[[], Awaitable[object]], *awaited: type[Exception]) -> None:
    """Repeats `attempt` until it raises none of the awaited errors; gives up after twenty seconds."""
    async with asyncio.timeout(20):
        while True:
            try:
                await attempt()
            except awaited:
                await asyncio.sleep(0.05)
            else:
                return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@define
class Server:
    """An OpenBao process over a directory that survives it."""

    directory: Path
    port: int = field(factory=free_port)
    cluster_port: int = field(factory=free_port)
    token: str = ""
    unseal_key: str = ""
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def config(self, mount: str = "secret") -> Config:
        return Config(address=self.address, token=lambda: SecretStr(self.token), mount=mount)

    async def start(self) -> None:
        path = self.directory / "bao.json"
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        listener = {"address": f"127.0.0.1:{self.port}", "tls_disable": True}
        path.write_text(
            json.dumps(
                {
                    "storage": {"raft": {"path": str(data), "node_id": "one", "performance_multiplier": "1"}},
                    "listener": {"tcp": listener},
                    "api_addr": self.address,
                    "cluster_addr": f"https://127.0.0.1:{self.cluster_port}",
                }
            )
        )
        self.process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "bao"), "server", f"-config={path}",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await eventually(self._connect, OSError)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def initialise(self) -> None:
        made = hvac.Client(url=self.address).sys.initialize(secret_shares=1, secret_threshold=1)
        self.token, self.unseal_key = made["root_token"], made["keys"][0]

    def unseal(self) -> None:
        hvac.Client(url=self.address).sys.submit_unseal_key(self.unseal_key)

    def seal(self) -> None:
        hvac.Client(url=self.address, token=self.token).sys.seal()

    async def _connect(self) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()
        await writer.wait_closed()

    async def serve(self) -> None:
        """Starts, initialises and unseals, and waits until it answers."""
        await self.start()
        self.initialise()
        self.unseal()
        openbao = OpenBao(self.config())
        await eventually(openbao.ensure_engine, SecretStoreUnavailable)
        openbao.close()


async def mounted(server: Server) -> OpenBao:
    """A client of a new, empty engine of this server."""
    client = OpenBao(server.config(mount=f"kv-{token_hex(4)}"))
    await client.ensure_engine()
    return client
