"""The connection to SpiceDB.

One channel for the life of the process: gRPC reconnects it by itself, within a second of the server's return. Calls
never wait for a connection; they fail at once and the caller decides what to do without the graph.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import grpc
from attrs import field, frozen
from authzed.api.v1.permission_service_pb2_grpc import PermissionsServiceStub
from authzed.api.v1.schema_service_pb2_grpc import SchemaServiceStub

from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.kernel.secrets import SecretStr

if TYPE_CHECKING:  # the stubs know these classes, the generated modules do not
    from authzed.api.v1.permission_service_pb2_grpc import PermissionsServiceAsyncStub
    from authzed.api.v1.schema_service_pb2_grpc import SchemaServiceAsyncStub

OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)

Q = TypeVar("Q")
R = TypeVar("R")


@frozen(kw_only=True)
class Config:
    """`endpoint` is `host:port`. The key travels in clear to this machine alone: any other host is spoken to by TLS.

    `certificate_authority` names a PEM file to trust instead of the system's; with it, this machine gets TLS too.
    """

    endpoint: str
    key: SecretStr
    certificate_authority: Path | None = None


@frozen
class Connection:
    """The services of one SpiceDB, and the key that opens them."""

    permissions: PermissionsServiceAsyncStub
    schema: SchemaServiceAsyncStub
    key: SecretStr = field(repr=False)

    async def call(self, method: grpc.aio.UnaryUnaryMultiCallable[Q, R], request: Q, *, timeout: float) -> R:
        """The response, within `timeout` seconds. Every failure is an AuthzUnavailable with the cause behind it."""
        metadata = (("authorization", f"Bearer {self.key.reveal()}"),)
        try:
            return await method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as failure:
            raise AuthzUnavailable from failure


@asynccontextmanager
async def connect(config: Config) -> AsyncIterator[Connection]:
    """The connection, open while the block runs. It does not fail when SpiceDB is away; its calls do."""
    async with _channel(config) as channel:
        permissions = cast("PermissionsServiceAsyncStub", PermissionsServiceStub(channel))
        schema = cast("SchemaServiceAsyncStub", SchemaServiceStub(channel))
        yield Connection(permissions, schema, config.key)


def _channel(config: Config) -> grpc.aio.Channel:
    if config.certificate_authority is None and is_loopback(config.endpoint):
        return grpc.aio.insecure_channel(config.endpoint, options=OPTIONS)
    trusted = config.certificate_authority.read_bytes() if config.certificate_authority else None
    return grpc.aio.secure_channel(config.endpoint, grpc.ssl_channel_credentials(trusted), options=OPTIONS)


def is_loopback(endpoint: str) -> bool:
    """Whether `host:port` names this machine itself."""
    host = endpoint.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
