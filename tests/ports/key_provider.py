"""What every `KeyProvider` promises. Subclassed for memory and for key files; `provider` is the one under test."""

from asyncio import gather
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.signing.errors import KidNotActive, NoSigningKey
from plexsphere_domain.signing.model import DeploymentHost, Kid, SignBatch
from plexsphere_domain.signing.ports import KeyProvider
from plexsphere_domain.signing.service import SigningService

HOST = DeploymentHost("plexsphere.example")


def new_domain() -> DomainId:
    return DomainId(uuid4())


class KeyProviderContract:
    async def test_a_domain_begins_without_keys(self, provider: KeyProvider) -> None:
        domain = new_domain()
        assert (await provider.ring(domain)).keys == ()

    async def test_what_it_signs_verifies_under_its_public_key(self, provider: KeyProvider) -> None:
        kid = Kid(HOST, new_domain(), 1)
        await provider.create(kid)
        (key,) = (await provider.ring(kid.domain)).keys
        messages = [b"", b"one", b"\x00" * 1000]
        signatures = await provider.sign(kid, messages)
        assert key.kid == kid
        assert len(signatures) == len(messages)
        for message, signature in zip(messages, signatures, strict=True):
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)

    async def test_creating_a_key_again_leaves_the_first(self, provider: KeyProvider) -> None:
        kid = Kid(HOST, new_domain(), 1)
        await provider.create(kid)
        before = await provider.ring(kid.domain)
        await provider.create(kid)
        await provider.create(Kid(DeploymentHost("moved.example"), kid.domain, 1))
        assert await provider.ring(kid.domain) == before

    async def test_of_concurrent_creations_exactly_one_makes_the_key(self, provider: KeyProvider) -> None:
        kid = Kid(HOST, new_domain(), 1)

        async def create() -> bytes:
            await provider.create(kid)
            return (await provider.ring(kid.domain)).active.raw

        assert len(set(await gather(*(create() for _ in range(16))))) == 1

    async def test_the_keys_of_a_domain_are_listed_in_order_and_the_highest_is_active(
        self, provider: KeyProvider
    ) -> None:
        domain = new_domain()
        kids = [Kid(HOST, domain, number) for number in (1, 2, 10)]
        for kid in kids:
            await provider.create(kid)
        ring = await provider.ring(domain)
        assert [key.kid for key in ring.keys] == kids
        assert ring.active.kid == kids[-1]

    async def test_domains_have_keys_of_their_own(self, provider: KeyProvider) -> None:
        one, other = Kid(HOST, new_domain(), 1), Kid(HOST, new_domain(), 1)
        await provider.create(one)
        await provider.create(other)
        assert (await provider.ring(one.domain)).active.raw != (await provider.ring(other.domain)).active.raw

    async def test_an_unknown_kid_signs_nothing(self, provider: KeyProvider) -> None:
        kid = Kid(HOST, new_domain(), 1)
        with pytest.raises(NoSigningKey):
            await provider.sign(kid, [b"message"])
        await provider.create(kid)
        with pytest.raises(NoSigningKey):
            await provider.sign(Kid(HOST, kid.domain, 2), [b"message"])

    async def test_the_service_ensures_once_and_signs_with_the_active_key(self, provider: KeyProvider) -> None:
        service, domain = SigningService(provider, HOST), new_domain()
        with pytest.raises(NoSigningKey):
            await service.sign(SignBatch(domain, (b"message",)))
        key = await service.ensure_key(domain)
        assert await service.ensure_key(domain) == key
        signed = await service.sign(SignBatch(domain, (b"message",), kid=key.kid))
        assert signed.kid == key.kid
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signed.signatures[0], b"message")
        assert (await service.sign(SignBatch(domain, ()))).signatures == ()

    async def test_the_service_refuses_bytes_built_for_an_older_key(self, provider: KeyProvider) -> None:
        service, domain = SigningService(provider, HOST), new_domain()
        older = (await service.ensure_key(domain)).kid
        await provider.create(Kid(HOST, domain, 2))
        with pytest.raises(KidNotActive):
            await service.sign(SignBatch(domain, (b"message",), kid=older))
        assert [key.kid.number for key in (await service.public_keys(domain)).keys] == [1, 2]
