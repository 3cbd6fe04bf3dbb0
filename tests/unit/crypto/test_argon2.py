"""Argon2id off the loop: right answers, a bounded queue, and an event loop that stays awake."""

import asyncio

import pytest

from plexsphere_adapters.crypto.argon2 import Argon2idHasher, HashingOverloaded
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.secrets import SecretStr

SECRET = SecretStr("psk_dev_correct")


@pytest.fixture
def hasher():
    hasher = Argon2idHasher()
    yield hasher
    hasher.close()


async def test_a_hash_verifies_its_plaintext_and_no_other(hasher):
    stored = await hasher.hash(SECRET)

    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await hasher.verify(SECRET, stored)
    assert not await hasher.verify(SecretStr("psk_dev_wrong"), stored)


async def test_the_salt_is_fresh(hasher):
    assert await hasher.hash(SECRET) != await hasher.hash(SECRET)


async def test_what_is_no_hash_verifies_nothing(hasher):
    assert not await hasher.verify(SECRET, CredentialHash("plaintext"))


async def test_a_full_queue_turns_callers_away_at_once():
    hasher = Argon2idHasher(queue=3)
    outcomes = await asyncio.gather(*(hasher.hash(SECRET) for _ in range(5)), return_exceptions=True)

    assert [type(one) for one in outcomes[3:]] == [HashingOverloaded, HashingOverloaded]
    assert all(isinstance(one, str) for one in outcomes[:3])
    assert await hasher.hash(SECRET)
    hasher.close()


async def test_the_loop_turns_while_hashes_are_made(hasher):
    run = asyncio.gather(*(hasher.hash(SECRET) for _ in range(4)))
    turns = 0
    while not run.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 100
