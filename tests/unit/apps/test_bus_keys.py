from uuid import uuid4

import pytest
from attrs import define

from plexsphere_adapters.crypto import ed25519
from plexsphere_adapters.memory.signing import MemoryKeyProvider
from plexsphere_adapters.registration_keys import RegistrationKeys
from plexsphere_apps.core.bus_keys import BusKeys
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.bus.errors import SigningKeyRotated
from plexsphere_domain.signing.errors import NoSigningKey, SigningKeyUnusable, SigningUnavailable
from plexsphere_domain.signing.model import (
    MAX_BATCH_BYTES,
    MAX_MESSAGES,
    SIGNATURE_BYTES,
    DeploymentHost,
    KeyRing,
    Kid,
    PublicKey,
    SignBatch,
    SignedBatch,
)
from plexsphere_domain.signing.service import SigningService

HOST = DeploymentHost("plexsphere.test")
DOMAIN = DomainId(uuid4())


@pytest.fixture
def provider() -> MemoryKeyProvider:
    return MemoryKeyProvider()


@pytest.fixture
def keys(provider: MemoryKeyProvider) -> BusKeys:
    return BusKeys(SigningService(provider, HOST))


async def test_a_domain_without_a_key_has_no_kid(keys: BusKeys, provider: MemoryKeyProvider) -> None:
    assert await keys.active_kid(DOMAIN) is None
    await provider.create(Kid(HOST, DOMAIN, 1))
    assert await keys.active_kid(DOMAIN) == f"did:web:plexsphere.test#key-{DOMAIN}-1"


async def test_signatures_verify_under_the_key_of_the_kid(keys: BusKeys, provider: MemoryKeyProvider) -> None:
    await provider.create(Kid(HOST, DOMAIN, 1))
    kid = await keys.active_kid(DOMAIN)
    assert kid is not None
    messages = [b"one", b"two"]
    signatures = await keys.sign(DOMAIN, kid, messages)
    public_key = await keys.public_key(DOMAIN, kid)
    assert public_key is not None
    assert all(
        ed25519.verify(public_key, message, signature) for message, signature in zip(messages, signatures, strict=True)
    )
    assert await keys.public_key(DOMAIN, kid[:-1] + "2") is None


async def test_a_rotated_key_is_noticed(keys: BusKeys, provider: MemoryKeyProvider) -> None:
    await provider.create(Kid(HOST, DOMAIN, 1))
    first = await keys.active_kid(DOMAIN)
    assert first is not None
    await provider.create(Kid(HOST, DOMAIN, 2))
    assert await keys.active_kid(DOMAIN) == first
    with pytest.raises(SigningKeyRotated):
        await keys.sign(DOMAIN, first, [b"one"])
    assert await keys.active_kid(DOMAIN) == first[:-1] + "2"
    assert await keys.public_key(DOMAIN, first)


async def test_a_key_that_is_gone_is_no_key(keys: BusKeys) -> None:
    with pytest.raises(NoSigningKey):
        await keys.sign(DOMAIN, str(Kid(HOST, DOMAIN, 1)), [b"one"])


class Breaking(MemoryKeyProvider):
    """Whose keys cannot be opened while it is `broken`."""

    broken = False

    async def ring(self, domain: DomainId) -> KeyRing:
        if self.broken:
            raise SigningKeyUnusable(domain)
        return await super().ring(domain)


async def test_a_key_that_cannot_be_opened_signs_nothing_until_it_is_mended() -> None:
    provider = Breaking()
    keys = BusKeys(SigningService(provider, HOST))
    await provider.create(Kid(HOST, DOMAIN, 1))
    kid = await keys.active_kid(DOMAIN)
    assert kid is not None
    provider.broken = True
    with pytest.raises(NoSigningKey):
        await keys.sign(DOMAIN, kid, [b"one"])
    assert await keys.active_kid(DOMAIN) is None
    with pytest.raises(SigningUnavailable):
        await keys.public_key(DOMAIN, kid)
    provider.broken = False
    assert await keys.active_kid(DOMAIN) == kid
    assert len(await keys.sign(DOMAIN, kid, [b"one"])) == 1


async def test_registration_takes_a_key_that_cannot_be_opened_for_an_outage() -> None:
    provider = Breaking()
    keys = RegistrationKeys(SigningService(provider, HOST))
    provider.broken = True
    with pytest.raises(SigningUnavailable):
        await keys.active(DOMAIN)
    provider.broken = False
    assert (await keys.active(DOMAIN)).kid == str(Kid(HOST, DOMAIN, 1))


async def test_large_batches_are_signed_in_parts() -> None:
    @define
    class Counting:
        sizes: list[int]

        async def sign(self, batch: SignBatch) -> SignedBatch:
            assert batch.kid is not None
            self.sizes.append(len(batch.messages))
            return SignedBatch(batch.kid, [bytes(SIGNATURE_BYTES)] * len(batch.messages))

        async def public_keys(self, domain: DomainId) -> KeyRing:
            raise NotImplementedError

        async def ensure_key(self, domain: DomainId) -> PublicKey:
            raise NotImplementedError

    counting = Counting([])
    kid = str(Kid(HOST, DOMAIN, 1))
    assert len(await BusKeys(counting).sign(DOMAIN, kid, [b"x"] * (MAX_MESSAGES + 1))) == MAX_MESSAGES + 1
    assert counting.sizes == [MAX_MESSAGES, 1]
    counting.sizes.clear()
    await BusKeys(counting).sign(DOMAIN, kid, [bytes(65_536)] * (MAX_BATCH_BYTES // 65_536 + 1))
    assert counting.sizes == [MAX_BATCH_BYTES // 65_536, 1]
