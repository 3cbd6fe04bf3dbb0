"""Callers besides the first operator. No operation makes them yet, so their tokens are put into the database."""

from datetime import timedelta
from uuid import uuid4

from attrs import frozen
from psycopg import AsyncConnection

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_adapters.postgres.api_tokens import PostgresApiTokens
from plexsphere_adapters.system import SystemClock, random_bytes, uuid7
from plexsphere_domain.identity.api_tokens.service import ApiTokenIssuing
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from tests.e2e.client import HANDED_OUT
from tests.e2e.system import System


@frozen
class Caller:
    """A user with an API token and no relation to anything."""

    token: str
    token_id: str


async def stranger(system: System) -> Caller:
    """A new user, a new token."""
    issuing = ApiTokenIssuing(hasher=Argon2idHasher(), clock=SystemClock(), new_id=uuid7, random_bytes=random_bytes)
    async with await AsyncConnection.connect(system.facts.postgres_dsn) as connection:
        issued = await issuing.issue(
            PostgresApiTokens(connection),
            principal=Principal(PrincipalKind.USER, uuid4()),
            name="a stranger",
            env="test",
            ttl=timedelta(hours=1),
        )
    HANDED_OUT.add(issued.plaintext.reveal())
    return Caller(issued.plaintext.reveal(), str(issued.token.id))


async def revoke(system: System, caller: Caller) -> None:
    """From here on nobody may be let in with the caller's token."""
    revocation = "UPDATE plexsphere.api_tokens SET revoked_at = now() WHERE id = %(id)s"
    await system.rows(revocation, id=caller.token_id)
