"""Server and client of the signer in one process, over real sockets with mutual TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plexsphere_adapters.grpc import client, server, signer_pb2, signer_pb2_grpc
from plexsphere_adapters.grpc.client import GrpcSigner
from plexsphere_adapters.grpc.tls import TlsFileError, TlsFiles, TlsMaterial
from plexsphere_adapters.keyfiles import FileKeyProvider
from plexsphere_adapters.memory.signing import MemoryKeyProvider
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.signing.errors import KidNotActive, NoSigningKey, SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.model import (
    MAX_BATCH_BYTES,
    MAX_MESSAGE_BYTES,
    DeploymentHost,
    KeyRing,
    Kid,
    PublicKey,
    SignBatch,
    SignedBatch,
)
from plexsphere_domain.signing.service import SigningService
from tests.integration.signer.certificates import Authority, ed25519_certificate

HOST = DeploymentHost("plexsphere.example")
PATIENCE = 10.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("tls") / "stranger")


@pytest.fixture
def provider() -> MemoryKeyProvider:
    return MemoryKeyProvider()


@pytest.fixture
async def port(provider: MemoryKeyProvider, authority: Authority) -> AsyncIterator[int]:
    signer = SigningService(provider, HOST)
    async with server.serve(signer, "127.0.0.1:0", authority.material("signer"), grace=0) as port:
        yield port


@pytest.fixture
async def signer(port: int, authority: Authority) -> AsyncIterator[GrpcSigner]:
    async with client.connect(f"127.0.0.1:{port}", authority.material("core"), deadline=PATIENCE) as signer:
        yield signer


@pytest.fixture
def domain() -> DomainId:
    return DomainId(uuid4())


async def test_the_three_calls(signer: GrpcSigner, domain: DomainId) -> None:
    assert await signer.public_keys(domain) == KeyRing(domain)
    key = await signer.ensure_key(domain)
    assert await signer.ensure_key(domain) == key
    assert await signer.public_keys(domain) == KeyRing(domain, (key,))
    signed = await signer.sign(SignBatch(domain, (b"", b"two"), kid=key.kid))
    assert signed.kid == key.kid
    for message, signature in zip((b"", b"two"), signed.signatures, strict=True):
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)


async def test_refusals_arrive_as_what_they_are(
    signer: GrpcSigner, provider: MemoryKeyProvider, domain: DomainId
) -> None:
    with pytest.raises(NoSigningKey) as refusal:
        await signer.sign(SignBatch(domain, (b"message",)))
    assert refusal.value.domain == domain
    older = (await signer.ensure_key(domain)).kid
    await provider.create(Kid(HOST, domain, 2))
    with pytest.raises(KidNotActive) as not_active:
        await signer.sign(SignBatch(domain, (b"message",), kid=older))
    assert not_active.value.kid == str(older)


async def test_a_key_that_cannot_be_opened_is_no_outage(authority: Authority, domain: DomainId, tmp_path: Path) -> None:
    keys = FileKeyProvider(tmp_path, SecretBytes(bytes(32)))
    folder = tmp_path / str(domain)
    folder.mkdir()
    folder.joinpath("1.key").write_bytes(b"damaged")
    async with AsyncExitStack() as stack:
        signer = await connected(stack, SigningService(keys, HOST), authority, PATIENCE)
        for call in (signer.sign(SignBatch(domain, (b"m",))), signer.public_keys(domain), signer.ensure_key(domain)):
            with pytest.raises(SigningKeyUnusable) as refusal:
                await call
            assert refusal.value.domain == domain


@define
class CountingSigner:
    """Signs with zeros, and remembers what it was asked for."""

    asked: list[SignBatch] = field(factory=list)

    async def sign(self, batch: SignBatch) -> SignedBatch:
        self.asked.append(batch)
        return SignedBatch(Kid(HOST, batch.domain, 1), (bytes(64),) * len(batch.messages))

    async def public_keys(self, domain: DomainId) -> KeyRing:
        raise RuntimeError("the secret cause")

    async def ensure_key(self, domain: DomainId) -> PublicKey:
        raise SigningUnavailable


async def connected(stack: AsyncExitStack, signer: object, authority: Authority, deadline: float) -> GrpcSigner:
    port = await stack.enter_async_context(
        server.serve(signer, "127.0.0.1:0", authority.material("signer"), grace=0)  # type: ignore[arg-type]
    )
    return await stack.enter_async_context(
        client.connect(f"127.0.0.1:{port}", authority.material("core"), deadline=deadline)
    )


async def test_the_largest_batch_passes(authority: Authority, domain: DomainId) -> None:
    async with AsyncExitStack() as stack:
        counting = CountingSigner()
        signer = await connected(stack, counting, authority, PATIENCE)
        batch = SignBatch(domain, (bytes(MAX_MESSAGE_BYTES),) * (MAX_BATCH_BYTES // MAX_MESSAGE_BYTES))
        await signer.sign(batch)
        small = SignBatch(domain, (bytes(4096),) * 1024)
        await signer.sign(small)
        assert counting.asked == [batch, small]


async def test_outage_and_fault_of_the_signer_are_outages_and_tell_no_cause(
    authority: Authority, domain: DomainId
) -> None:
    async with AsyncExitStack() as stack:
        signer = await connected(stack, CountingSigner(), authority, 1.0)
        with pytest.raises(SigningUnavailable):
            await signer.ensure_key(domain)
        with pytest.raises(SigningUnavailable) as outage:
            await signer.public_keys(domain)
        assert "secret" not in f"{outage.value} {outage.value.__cause__}"


async def test_a_signer_that_hangs_is_an_outage_after_the_deadline(authority: Authority, domain: DomainId) -> None:
    class Hanging(CountingSigner):
        async def sign(self, batch: SignBatch) -> SignedBatch:
            await asyncio.Event().wait()
            raise AssertionError

    async with AsyncExitStack() as stack:
        signer = await connected(stack, Hanging(), authority, 0.2)
        with pytest.raises(SigningUnavailable):
            await signer.sign(SignBatch(domain, (b"message",)))


@pytest.mark.parametrize("name", ["signer", "plexd", "core.example", "notcore"])
async def test_a_client_that_is_not_core_is_refused(
    port: int, authority: Authority, domain: DomainId, name: str
) -> None:
    tls = authority.material(name)
    async with RawStub(port, tls) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.EnsureKey(signer_pb2.EnsureKeyRequest(domain_id=domain.bytes), timeout=PATIENCE)
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_client_of_another_authority_does_not_get_through(
    port: int, authority: Authority, stranger: Authority, domain: DomainId
) -> None:
    tls = stranger.material("core", trusting=authority)
    async with client.connect(f"127.0.0.1:{port}", tls, deadline=1.0) as signer:
        with pytest.raises(SigningUnavailable):
            await signer.ensure_key(domain)


async def test_a_server_that_is_not_the_signer_is_not_talked_to(authority: Authority, domain: DomainId) -> None:
    counting = CountingSigner()
    async with (
        server.serve(counting, "127.0.0.1:0", authority.material("plexd"), grace=0) as port,
        client.connect(f"127.0.0.1:{port}", authority.material("core"), deadline=1.0) as signer,
    ):
        with pytest.raises(SigningUnavailable):
            await signer.sign(SignBatch(domain, (b"message",)))
    assert counting.asked == []


async def test_without_a_client_certificate_no_call_is_answered(port: int, authority: Authority) -> None:
    credentials = grpc.ssl_channel_credentials(authority.material("core").ca)
    options = (("grpc.ssl_target_name_override", "signer"),)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await signer_pb2_grpc.SignerStub(channel).EnsureKey(signer_pb2.EnsureKeyRequest(), timeout=PATIENCE)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_connection_is_tls_1_3(port: int, authority: Authority) -> None:
    files = authority.files("core")
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="signer")
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.close()


class RawStub:
    """The generated stub with any certificate and no policy of ours."""

    def __init__(self, port: int, tls: TlsMaterial) -> None:
        options = (("grpc.ssl_target_name_override", "signer"),)
        self.channel = grpc.aio.secure_channel(f"127.0.0.1:{port}", tls.channel_credentials(), options=options)

    async def __aenter__(self) -> "signer_pb2_grpc.SignerAsyncStub":
        return signer_pb2_grpc.SignerStub(self.channel)

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (signer_pb2.SignRequest(domain_id=b"short", messages=[b"m"]), grpc.StatusCode.INVALID_ARGUMENT),
        (signer_pb2.SignRequest(domain_id=bytes(16), messages=[b"m"]), grpc.StatusCode.INVALID_ARGUMENT),
        (signer_pb2.SignRequest(domain_id=uuid4().bytes, kid="k-1"), grpc.StatusCode.INVALID_ARGUMENT),
        (signer_pb2.SignRequest(domain_id=uuid4().bytes, messages=[b"m"] * 1025), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (
            signer_pb2.SignRequest(domain_id=uuid4().bytes, messages=[bytes(2**20)] * 5),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        ),
        (signer_pb2.SignRequest(domain_id=uuid4().bytes, messages=[b"m"]), grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_malformed_requests_are_refused(
    port: int, authority: Authority, message: signer_pb2.SignRequest, status: grpc.StatusCode
) -> None:
    async with RawStub(port, authority.material("core")) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.Sign(message, timeout=PATIENCE)
    assert refusal.value.code() is status


async def test_an_unknown_method_is_unimplemented(port: int, authority: Authority) -> None:
    options = (("grpc.ssl_target_name_override", "signer"),)
    credentials = authority.material("core").channel_credentials()
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await channel.unary_unary("/plexsphere.signer.v1.Signer/ExportKey")(b"", timeout=PATIENCE)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_the_client_recovers_when_the_signer_comes_back(
    provider: MemoryKeyProvider, authority: Authority, domain: DomainId
) -> None:
    service, tls = SigningService(provider, HOST), authority.material("signer")
    async with AsyncExitStack() as stack:
        async with server.serve(service, "127.0.0.1:0", tls, grace=0) as port:
            signer = await stack.enter_async_context(
                client.connect(f"127.0.0.1:{port}", authority.material("core"), deadline=PATIENCE)
            )
            key = await signer.ensure_key(domain)
        waiting = asyncio.create_task(signer.ensure_key(domain))
        async with server.serve(service, f"127.0.0.1:{port}", tls, grace=0):
            assert await waiting == key


async def test_a_taken_port_is_told(port: int, provider: MemoryKeyProvider, authority: Authority) -> None:
    serving = server.serve(SigningService(provider, HOST), f"127.0.0.1:{port}", authority.material("signer"), grace=0)
    with pytest.raises(server.AddressTaken):
        await serving.__aenter__()


class TestTlsFiles:
    @pytest.fixture
    def files(self, tmp_path: Path) -> TlsFiles:
        return Authority.new(tmp_path / "own").files("core")

    @pytest.mark.parametrize("name", ["ca", "certificate", "key"])
    def test_a_missing_file_is_named(self, files: TlsFiles, name: str) -> None:
        path: Path = getattr(files, name)
        path.unlink()
        with pytest.raises(TlsFileError, match=path.name):
            TlsMaterial.read(files)

    @pytest.mark.parametrize("name", ["ca", "certificate", "key"])
    def test_what_is_no_pem_is_refused(self, files: TlsFiles, name: str) -> None:
        path: Path = getattr(files, name)
        path.write_text("no pem")
        with pytest.raises(TlsFileError):
            TlsMaterial.read(files)

    def test_a_key_of_another_certificate_is_refused(self, files: TlsFiles, tmp_path: Path) -> None:
        files.key.write_bytes(Authority.new(tmp_path / "other").files("core").key.read_bytes())
        with pytest.raises(TlsFileError, match="does not go with"):
            TlsMaterial.read(files)

    def test_a_key_that_grpc_does_not_take_is_refused(self, files: TlsFiles) -> None:
        ed25519_certificate(files.certificate, files.key)
        with pytest.raises(TlsFileError, match="ECDSA or RSA"):
            TlsMaterial.read(files)

    def test_the_key_is_not_shown(self, files: TlsFiles) -> None:
        material = TlsMaterial.read(files)
        assert "PRIVATE" not in repr(material)
