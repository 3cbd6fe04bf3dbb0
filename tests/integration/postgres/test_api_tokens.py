"""API tokens in PostgreSQL: what a look-up costs, and that a revocation is seen at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from plexsphere_adapters.postgres.api_tokens import PostgresApiTokenLookup, PostgresApiTokens
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import execute
from plexsphere_adapters.system import uuid7
from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from plexsphere_domain.kernel.ids import ApiTokenId

NOW = datetime(2026, 5, 27, 10, 0, 0, 123456, tzinfo=UTC)


def token(name: str = "ci", **parts: object) -> ApiToken:
    return ApiToken(
        id=ApiTokenId(uuid7()),
        principal=Principal(PrincipalKind.USER, uuid4()),
        hash=CredentialHash("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"),
        name=name,
        created_at=NOW,
        **parts,
    )


async def store(pool: Pool, *tokens: ApiToken) -> None:
    async with connection(pool) as held, held.transaction():
        for each in tokens:
            await PostgresApiTokens(held).add(each)


async def test_a_token_comes_back_as_it_was_stored(pool):
    stored = token(expires_at=NOW + timedelta(days=1))
    await store(pool, stored)
    found = await PostgresApiTokenLookup(pool)(stored.id)

    assert found.token == stored


async def test_an_unknown_token_is_none(pool):
    assert await PostgresApiTokenLookup(pool)(ApiTokenId(uuid7())) is None


async def test_the_answer_carries_the_newest_revision_of_the_graph(pool):
    stored = token()
    await store(pool, stored)
    async with connection(pool) as held:
        await execute(held, "UPDATE plexsphere.graph_watermark SET revision = %(revision)s", revision="zed-41")

    assert (await PostgresApiTokenLookup(pool)(stored.id)).graph_revision == "zed-41"


async def test_a_revocation_is_seen_by_the_next_look_up_of_any_replica(pool):
    stored = token()
    await store(pool, stored)
    replicas = [PostgresApiTokenLookup(pool), PostgresApiTokenLookup(pool)]
    assert all([(await replica(stored.id)).token.usable(NOW) for replica in replicas])
    async with connection(pool) as held:
        await PostgresApiTokens(held).save(stored.revoke(NOW))

    assert not any([(await replica(stored.id)).token.usable(NOW) for replica in replicas])


async def test_many_callers_share_statements_and_each_gets_its_own_answer(pool):
    known = [token() for _ in range(40)]
    await store(pool, *known)
    lookup = PostgresApiTokenLookup(pool)
    asked = [*(each.id for each in known), *(ApiTokenId(uuid7()) for _ in range(10)), known[0].id]
    answers = await asyncio.gather(*map(lookup, asked))

    assert [found.token.id if found else None for found in answers] == [
        *(each.id for each in known), *[None] * 10, known[0].id
    ]  # fmt: skip


async def test_tokens_of_a_name_come_oldest_first(pool):
    name = f"n-{uuid4()}"
    older, newer = token(name), token(name, revoked_at=NOW)
    await store(pool, newer, older, token())
    async with connection(pool) as held:
        found = await PostgresApiTokens(held).named(name)

    assert [each.id for each in found] == [older.id, newer.id]


async def test_a_plaintext_cannot_be_stored_in_place_of_its_hash(pool):
    careless = ApiToken(
        id=ApiTokenId(uuid7()),
        principal=Principal(PrincipalKind.USER, uuid4()),
        hash=CredentialHash("psk_dev_plaintext"),
        name="ci",
        created_at=NOW,
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        await store(pool, careless)
