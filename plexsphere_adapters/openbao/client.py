"""OpenBao over hvac, off the event loop.

hvac blocks, so each call runs on one of a few threads, each with its own HTTP session. Nothing is kept between calls
that a restart of OpenBao could invalidate: when it is back and unsealed, the next call succeeds.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import hvac
import requests
from attrs import field, frozen
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown, VaultError

from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.secrets import SecretStr

T = TypeVar("T")

THREADS = 4

_MOUNT_ATTEMPTS = 100
_MOUNT_PAUSE = 0.1

_READY = frozenset({HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS, 473})
"""`sys/health`: active, standby, performance standby. Sealed is 503, uninitialised 501."""


class SecretStoreUnavailable(Unavailable):
    """OpenBao cannot be reached, is sealed or uninitialised, or does not accept our token."""

    code = "secretstore_unavailable"

    @property
    def detail(self) -> str:
        return "the secret store is unreachable; try again shortly"

    @property
    def why(self) -> str:
        """What is wrong, for those who run plexsphere."""
        match self.__cause__:
            case Forbidden():
                return "OpenBao refuses the token (403)"
            case VaultDown():
                return "OpenBao is sealed (503)"
            case VaultError() as answer:
                return f"OpenBao answers with an error ({type(answer).__name__})"
            case requests.RequestException() as failure:
                return f"OpenBao cannot be reached ({type(failure).__name__})"
            case OSError() as failure:
                return f"the token for OpenBao cannot be read ({failure.strerror})"
            case _:
                return "OpenBao is not ready"


@frozen(kw_only=True)
class Config:
    """How to reach OpenBao. `token` is asked before every call, so that a token file may be renewed under way; where it
    raises OSError, that call finds the secret store unavailable.

    `ca_file` holds the PEM authorities to trust in place of the system's.
    """

    address: str
    token: Callable[[], SecretStr] = field(repr=False)
    mount: str = "secret"
    ca_file: Path | None = None
    timeout: timedelta = timedelta(seconds=2)


class OpenBao:
    """A KV version 2 engine, and the server's health."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="openbao")
        self._local = threading.local()

    @property
    def mount(self) -> str:
        """Where the engine is mounted."""
        return self._config.mount

    async def read(self, path: str) -> dict[str, object] | None:
        """The newest version of the secret; None where there is none."""
        return await self._run(lambda client: self._read(client, path))

    async def create(self, path: str, secret: dict[str, object]) -> bool:
        """Writes the first version of the secret; False where somebody was first (check-and-set 0)."""
        return await self._run(lambda client: self._create(client, path, secret))

    async def ensure_engine(self) -> None:
        """Mounts the KV version 2 engine unless it is there. Needs a token that may manage mounts.

        A new engine refuses everything for the moment that it takes to arrange its storage: that is waited for.
        """
        await self._run(self._mount)
        for _ in range(_MOUNT_ATTEMPTS):
            if await self._run(self._serves):
                return
            await asyncio.sleep(_MOUNT_PAUSE)
        raise SecretStoreUnavailable

    async def check(self) -> None:
        """Raises `SecretStoreUnavailable` unless the server is initialised, unsealed and serving."""
        await self._run(_healthy)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[hvac.Client], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._guarded, work)

    def _guarded(self, work: Callable[[hvac.Client], T]) -> T:
        try:
            return work(self._client())
        except (VaultError, requests.RequestException, OSError) as outage:
            # hvac and requests put the URL and the server's words into their messages, never the token.
            raise SecretStoreUnavailable from outage

    def _client(self) -> hvac.Client:
        client: hvac.Client | None = getattr(self._local, "client", None)
        if client is None:
            client = hvac.Client(
                url=self._config.address,
                timeout=self._config.timeout.total_seconds(),
                verify=str(self._config.ca_file) if self._config.ca_file else True,
            )
            self._local.client = client
        client.token = self._config.token().reveal()
        return client

    def _read(self, client: hvac.Client, path: str) -> dict[str, object] | None:
        try:
            answer = client.secrets.kv.v2.read_secret_version(
                path, mount_point=self._config.mount, raise_on_deleted_version=True
            )
        except InvalidPath:
            return None
        data: dict[str, object] = answer["data"]["data"]
        return data

    def _create(self, client: hvac.Client, path: str, secret: dict[str, object]) -> bool:
        try:
            client.secrets.kv.v2.create_or_update_secret(path, secret, cas=0, mount_point=self._config.mount)
        except InvalidRequest as refused:
            if "check-and-set" in str(refused):
                return False
            raise
        return True

    def _mount(self, client: hvac.Client) -> None:
        point = f"{self._config.mount}/"
        if point in client.sys.list_mounted_secrets_engines()["data"]:
            return
        try:
            client.sys.enable_secrets_engine("kv", path=self._config.mount, options={"version": "2"})
        except InvalidRequest as refused:
            if "already in use" not in str(refused):
                raise

    def _serves(self, client: hvac.Client) -> bool:
        try:
            client.secrets.kv.v2.read_configuration(mount_point=self._config.mount)
        except InvalidRequest:
            return False
        return True


def _healthy(client: hvac.Client) -> None:
    answer = client.sys.read_health_status(method="GET")
    status = answer.status_code if isinstance(answer, requests.Response) else HTTPStatus.OK
    if status not in _READY:
        raise SecretStoreUnavailable


@asynccontextmanager
async def connect(config: Config) -> AsyncIterator[OpenBao]:
    """The client. Nothing is sent before the first call, so an OpenBao that is away does not fail a start."""
    client = OpenBao(config)
    try:
        yield client
    finally:
        client.close()
