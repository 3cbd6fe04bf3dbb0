"""plexsphere-signer as a real process: started, called, killed and started again."""

import asyncio
import base64
import signal
from asyncio import gather
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
import structlog
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plexsphere_adapters.grpc import signer_pb2, signer_pb2_grpc
from plexsphere_adapters.grpc.client import GrpcSigner, connect
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.errors import NoSigningKey, SigningUnavailable
from plexsphere_domain.signing.model import SignBatch
from tests.integration.processes import Running, client, started
from tests.integration.signer.certificates import Authority

SIGNER = "plexsphere_apps.signer.main"
PATIENCE = 20.0


@frozen
class Signer:
    """Everything that one deployment's signers share."""

    directory: Path
    authority: Authority

    @property
    def environment(self) -> dict[str, str]:
        tls = self.authority.files("signer")
        return {
            "PLEXSPHERE_PUBLIC_HOST": "plexsphere.example",
            "PLEXSPHERE_SIGNER_KEY_DIR": str(self.directory / "keys"),
            "PLEXSPHERE_SIGNER_KEK_FILE": str(self.directory / "kek"),
            "PLEXSPHERE_SIGNER_TLS_CA_FILE": str(tls.ca),
            "PLEXSPHERE_SIGNER_TLS_CERT_FILE": str(tls.certificate),
            "PLEXSPHERE_SIGNER_TLS_KEY_FILE": str(tls.key),
        }

    @asynccontextmanager
    async def running(self, *, grpc_addr: str = "127.0.0.1:0") -> AsyncIterator[tuple[Running, str, str]]:
        """A signer process, its HTTP address and its gRPC address."""
        file = self.directory / f"grpc-{uuid4()}"
        flags = ("--addr", "127.0.0.1:0", "--drain-notice", "100ms", "--grpc-addr", grpc_addr)
        async with started(SIGNER, *flags, "--grpc-addr-file", str(file), env=self.environment) as running:
            http = (await running.logged("serving"))["address"]
            yield running, http, file.read_text().strip()


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    kek = tmp_path / "kek"
    kek.write_bytes(bytes(range(32)))
    kek.chmod(0o600)
    return Signer(tmp_path, Authority.new(tmp_path / "tls"))


@pytest.fixture
def domain() -> DomainId:
    return DomainId(uuid4())


@asynccontextmanager
async def core(signer: Signer, at: str, deadline: float = PATIENCE) -> AsyncIterator[GrpcSigner]:
    async with connect(at, signer.authority.material("core"), deadline=deadline) as connected:
        yield connected


async def test_it_signs_and_tells_how_it_is(signer: Signer, domain: DomainId) -> None:
    async with signer.running() as (running, http, at):
        async with core(signer, at) as connected:
            with pytest.raises(NoSigningKey):
                await connected.sign(SignBatch(domain, (b"early",)))
            with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
                key = await connected.ensure_key(domain)
            made = await running.logged("signing_key_made")
            assert (made["kid"], made["correlation_id"], made["call"]) == (str(key.kid), "c-1", "EnsureKey")
            assert str(key.kid) == f"did:web:plexsphere.example#key-{domain}-1"
            signed = await connected.sign(SignBatch(domain, (b"one", b"two"), kid=key.kid))
            for message, signature in zip((b"one", b"two"), signed.signatures, strict=True):
                Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
        async with client(http) as web:
            assert (await web.get("/livez")).status_code == 200
            ready = await web.get("/readyz")
            assert ready.status_code == 200
            assert ready.json()["probes"]["keystore"]["status"] == "ok"
            metrics = (await web.get("/metrics")).text
            assert 'plexsphere_signer_calls_total{call="Sign",outcome="no_signing_key"} 1.0' in metrics
            assert "plexsphere_signer_signatures_total 2.0" in metrics
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0
        assert all(entry["service"] == "signer" for entry in running.entries())


async def test_without_its_keys_it_is_not_ready(signer: Signer) -> None:
    async with signer.running() as (running, http, _), client(http) as web:
        signer.directory.joinpath("keys").rmdir()
        ready = await web.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["probes"]["keystore"]["error"] == "FileNotFoundError"
        assert (await web.get("/readyz")).status_code == 503
        signer.directory.joinpath("keys").mkdir()
        assert (await web.get("/readyz")).status_code == 200
        await running.logged("probe_recovered")
        assert running.events().count("probe_failed") == 1


async def test_killed_and_restarted_it_has_the_same_keys_and_core_does_not_notice(
    signer: Signer, domain: DomainId
) -> None:
    batch = SignBatch(domain, (b"message",))
    async with AsyncExitStack() as stack:
        async with signer.running() as (running, _, at):
            connected = await stack.enter_async_context(core(signer, at))
            key = await connected.ensure_key(domain)
            before = await connected.sign(batch)
            running.signal(signal.SIGKILL)
            await running.ended()
        waiting = [asyncio.create_task(connected.sign(batch)) for _ in range(10)]
        async with signer.running(grpc_addr=at):
            assert await gather(*waiting) == [before] * 10
            assert await connected.ensure_key(domain) == key


async def test_while_it_is_away_core_is_told_so_and_recovers(signer: Signer, domain: DomainId) -> None:
    async with AsyncExitStack() as stack:
        async with signer.running() as (running, _, at):
            hasty = await stack.enter_async_context(core(signer, at, deadline=0.5))
            patient = await stack.enter_async_context(core(signer, at))
            key = await hasty.ensure_key(domain)
            running.signal(signal.SIGKILL)
            await running.ended()
        with pytest.raises(SigningUnavailable):
            await hasty.sign(SignBatch(domain, (b"message",)))
        async with signer.running(grpc_addr=at):
            assert await patient.ensure_key(domain) == key
            assert await settled(hasty, domain) == key.raw


async def settled(hasty: GrpcSigner, domain: DomainId) -> bytes:
    """The active key, as soon as the connection is back."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return (await hasty.ensure_key(domain)).raw
            except SigningUnavailable:
                continue


async def test_two_signers_on_one_directory_agree(signer: Signer) -> None:
    domains = [DomainId(uuid4()) for _ in range(20)]
    async with (
        signer.running() as (_, _, first),
        signer.running() as (_, _, second),
        core(signer, first) as one,
        core(signer, second) as other,
    ):
        keys = await gather(*(who.ensure_key(domain) for domain in domains for who in (one, other)))
        assert keys[::2] == keys[1::2]
        assert len({key.raw for key in keys}) == len(domains)
        for domain in domains:
            assert await one.public_keys(domain) == await other.public_keys(domain)


async def test_nobody_but_core_is_answered(signer: Signer, tmp_path: Path, domain: DomainId) -> None:
    stranger = Authority.new(tmp_path / "stranger")
    async with signer.running() as (running, _, at):
        async with connect(at, stranger.material("core", trusting=signer.authority), deadline=1.0) as other_authority:
            with pytest.raises(SigningUnavailable):
                await other_authority.ensure_key(domain)
        async with connect(at, signer.authority.material("plexd"), deadline=PATIENCE) as other_name:
            with pytest.raises(SigningUnavailable):
                await other_name.ensure_key(domain)
        await running.logged("signer_client_refused")
        async with grpc.aio.insecure_channel(at) as clear:
            with pytest.raises(grpc.aio.AioRpcError):
                await signer_pb2_grpc.SignerStub(clear).EnsureKey(signer_pb2.EnsureKeyRequest(), timeout=1.0)
        assert not signer.directory.joinpath("keys", str(domain)).exists()


async def test_neither_log_nor_files_show_a_key(signer: Signer, domain: DomainId) -> None:
    async with signer.running() as (running, _, at):
        async with core(signer, at) as connected:
            await connected.ensure_key(domain)
        running.signal(signal.SIGTERM)
        assert await running.ended() == 0
        kek = bytes(range(32))
        for shown in (kek.hex(), base64.b64encode(kek).decode(), "PRIVATE"):
            assert shown not in running.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PLEXSPHERE_PUBLIC_HOST": ""}, "PLEXSPHERE_PUBLIC_HOST is not set"),
        ({"PLEXSPHERE_SIGNER_KEYDIR": "/tmp"}, "did you mean PLEXSPHERE_SIGNER_KEY_DIR?"),
        ({"PLEXSPHERE_SIGNER_TLS_CA_FILE": "/nowhere"}, "PLEXSPHERE_SIGNER_TLS_CA_FILE"),
        ({"PLEXSPHERE_SIGNER_TLS_CERT_FILE": __file__}, "does not go with the private key"),
        ({"PLEXSPHERE_SIGNER_KEK_FILE": "/nowhere"}, "the key-encryption key file /nowhere cannot be read"),
        ({"PLEXSPHERE_SIGNER_KEK_FILE": __file__}, "the key-encryption key file"),
        ({"PLEXSPHERE_SIGNER_KEY_DIR": __file__}, "the key directory"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(signer: Signer, changes: dict[str, str], said: str) -> None:
    async with started(SIGNER, "--addr", "127.0.0.1:0", env=signer.environment | changes) as running:
        assert await running.ended() == 1
        assert running.text.startswith("plexsphere-signer: ")
        assert said in running.text
        assert running.text.count("\n") == 1


async def test_a_taken_grpc_address_is_said_in_one_line(signer: Signer) -> None:
    async with signer.running() as (_, _, at):
        flags = ("--addr", "127.0.0.1:0", "--grpc-addr", at)
        async with started(SIGNER, *flags, env=signer.environment) as second:
            assert await second.ended() == 1
            assert second.text == f"plexsphere-signer: cannot listen on {at}: Address already in use\n"
