"""API tokens: a look-up for every request of an operator, and the rare changes."""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from plexsphere_adapters.coalesce import Coalescer
from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import Connection, execute, fetch
from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.identity.api_tokens.ports import StoredApiToken
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from plexsphere_domain.kernel.ids import ApiTokenId


class PostgresApiTokenLookup:
    """The row of a presented token; callers who ask at the same time share a statement.

    Each answer was read after its question was put, together with the newest revision of the relation graph.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._coalesced: Coalescer[ApiTokenId, StoredApiToken | None] = Coalescer(self._fetch)

    async def __call__(self, token: ApiTokenId) -> StoredApiToken | None:
        return await self._coalesced(token)

    async def _fetch(self, tokens: list[ApiTokenId]) -> Sequence[StoredApiToken | None]:
        async with connection(self._pool) as held:
            rows = await fetch(
                held,
                """
                SELECT t.id, t.principal_kind, t.principal_id, t.name, t.hash, t.created_at, t.expires_at, t.revoked_at,
                       (SELECT revision FROM plexsphere.graph_watermark) AS graph_revision
                  FROM plexsphere.api_tokens t
                 WHERE t.id = ANY(%(tokens)s)
                """,
                tokens=list(set(tokens)),
            )
        found = {row["id"]: StoredApiToken(_token(row), row["graph_revision"]) for row in rows}
        return [found.get(token) for token in tokens]


@frozen
class PostgresApiTokens:
    """The tokens in a transaction."""

    connection: Connection

    async def add(self, token: ApiToken) -> None:
        await execute(
            self.connection,
            """
            INSERT INTO plexsphere.api_tokens
                   (id, principal_kind, principal_id, name, hash, created_at, expires_at, revoked_at)
            VALUES (%(id)s, %(kind)s, %(principal)s, %(name)s, %(hash)s, %(created_at)s, %(expires_at)s, %(revoked_at)s)
            """,
            id=token.id,
            kind=token.principal.kind.value,
            principal=token.principal.id,
            name=token.name,
            hash=token.hash,
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
        )

    async def named(self, name: str) -> list[ApiToken]:
        rows = await fetch(
            self.connection,
            """
            SELECT id, principal_kind, principal_id, name, hash, created_at, expires_at, revoked_at
              FROM plexsphere.api_tokens
             WHERE name = %(name)s
             ORDER BY created_at, id
             FOR UPDATE
            """,
            name=name,
        )
        return [_token(row) for row in rows]

    async def save(self, token: ApiToken) -> None:
        await execute(
            self.connection,
            "UPDATE plexsphere.api_tokens SET revoked_at = %(revoked_at)s WHERE id = %(id)s",
            id=token.id,
            revoked_at=token.revoked_at,
        )


def _token(row: dict[str, Any]) -> ApiToken:
    return ApiToken(
        id=ApiTokenId(row["id"]),
        principal=Principal(PrincipalKind(row["principal_kind"]), row["principal_id"]),
        hash=CredentialHash(row["hash"]),
        name=row["name"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
