"""The stores that core works on, opened in the order in which they are needed and closed in the reverse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from attrs import frozen

from plexsphere_adapters.grpc import client as signer
from plexsphere_adapters.grpc.client import GrpcSigner
from plexsphere_adapters.grpc.tls import TlsFileError, TlsMaterial
from plexsphere_adapters.http.health import Probe
from plexsphere_adapters.jetstream import connection as jetstream
from plexsphere_adapters.openbao import client as openbao
from plexsphere_adapters.openbao.client import OpenBao
from plexsphere_adapters.postgres import pool as postgres
from plexsphere_adapters.postgres.pool import Pool
from plexsphere_adapters.s3 import blobs as s3
from plexsphere_adapters.s3.blobs import S3Blobs
from plexsphere_adapters.spicedb import channel as spicedb
from plexsphere_apps.core.config import CoreConfig
from plexsphere_apps.serving import CannotStart


@frozen(kw_only=True)
class Stores:
    """Open connections; each recovers by itself when its store comes back."""

    postgres: postgres.Config
    pool: Pool
    bus: jetstream.Bus
    secrets: OpenBao
    blobs: S3Blobs
    graph: spicedb.Connection
    signer: GrpcSigner

    @property
    def probes(self) -> tuple[Probe, ...]:
        return (
            Probe("db-primary", lambda: postgres.check(self.pool)),
            Probe("jetstream", self.bus.probe),
            Probe("secretstore", self.secrets.check),
            Probe("blobstore", self.blobs.check),
        )


@asynccontextmanager
async def stores(config: CoreConfig) -> AsyncIterator[Stores]:
    """Every store that `config` names. Raises CannotStart for files that cannot be used."""
    database = postgres.Config(
        dsn=config.postgres_dsn,
        min_size=config.postgres_pool_min,
        max_size=config.postgres_pool_max,
        idle=config.postgres_pool_idle,
        check=config.postgres_pool_check,
        application="plexsphere-core",
    )
    try:
        identity = TlsMaterial.read(config.signer_tls)
    except TlsFileError as fault:
        raise CannotStart(str(fault)) from fault
    async with AsyncExitStack() as stack:
        yield Stores(
            postgres=database,
            pool=await stack.enter_async_context(postgres.pool(database)),
            bus=await stack.enter_async_context(
                jetstream.connect(
                    jetstream.Config(url=config.nats_url, replicas=config.stream_replicas, name="plexsphere-core")
                )
            ),
            secrets=await stack.enter_async_context(openbao.connect(config.openbao)),
            blobs=await stack.enter_async_context(s3.connect(config.s3)),
            graph=await stack.enter_async_context(spicedb.connect(config.spicedb)),
            signer=await stack.enter_async_context(signer.connect(config.signer_endpoint, identity)),
        )
