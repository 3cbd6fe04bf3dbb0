"""What the signer process consists of."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from attrs import frozen
from starlette.applications import Starlette

from plexsphere_adapters.grpc import server
from plexsphere_adapters.grpc.tls import TlsFileError, TlsMaterial
from plexsphere_adapters.http import health
from plexsphere_adapters.http.health import Probe, Readiness
from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.keyfiles import FileKeyProvider, KekFileError, KeyDirectoryError, read_kek
from plexsphere_adapters.system.build import build
from plexsphere_apps import listening
from plexsphere_apps.serving import CannotStart, Process
from plexsphere_apps.signer.config import SignerConfig
from plexsphere_domain.signing.service import SigningService

CALLS_GRACE: Final = 5.0
"""Seconds that calls under way have when the signer stops."""


@frozen(kw_only=True)
class GrpcFlags:
    """Where core reaches the signer."""

    addr: str
    addr_file: Path | None


@asynccontextmanager
async def signer(config: SignerConfig, grpc: GrpcFlags, lifecycle: Lifecycle) -> AsyncIterator[Process]:
    """The signer, in the order in which its parts depend on each other; raises CannotStart."""
    async with AsyncExitStack() as stack:
        try:
            keys = FileKeyProvider(config.key_dir, read_kek(config.kek_file))
            keys.prepare()
            tls = TlsMaterial.read(config.tls)
            service = SigningService(keys, config.public_host)
            port = await stack.enter_async_context(server.serve(service, grpc.addr, tls, grace=CALLS_GRACE))
        except (KekFileError, KeyDirectoryError, TlsFileError, server.AddressTaken) as refusal:
            raise CannotStart(str(refusal)) from refusal
        listening.tell(grpc.addr_file, f"{grpc.addr.rpartition(':')[0]}:{port}")
        readiness = Readiness([Probe("keystore", keys.check)], config.probe_timeout)
        yield Process(app=Starlette(routes=health.routes(readiness, lifecycle, build())))
