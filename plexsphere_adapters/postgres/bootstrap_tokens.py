"""Bootstrap tokens in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from attrs import frozen
from psycopg.rows import DictRow

from plexsphere_adapters.postgres.constraints import Meaning, meaning
from plexsphere_adapters.postgres.sql import Connection, execute, fetch, fetch_one
from plexsphere_domain.identity.bootstrap_tokens.errors import NonceCollision, ProjectOfTokenNotFound
from plexsphere_domain.identity.bootstrap_tokens.model import (
    BootstrapToken,
    Fate,
    Live,
    Nonce,
    Redeemed,
    Revoked,
    TokenKind,
    TokenScope,
)
from plexsphere_domain.identity.bootstrap_tokens.plaintext import TokenPlaintext
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.ids import BootstrapTokenId, ProjectId
from plexsphere_domain.kernel.paging import Page, PageRequest

CONSTRAINTS: Mapping[str, Meaning] = {
    "bootstrap_tokens_project_fk": ProjectOfTokenNotFound,
    "bootstrap_tokens_nonce_uq": NonceCollision,
}

SELECT: LiteralString = """
SELECT id, project_id, kind, env_prefix, selector, hash, issued_at, expires_at, issued_by_user_id,
       consumed_at, consumed_nonce, revoked_at
  FROM plexsphere.bootstrap_tokens
"""


@frozen
class PostgresBootstrapTokens:
    """The tokens, in the transaction that holds `connection`."""

    connection: Connection

    async def add(self, token: BootstrapToken) -> None:
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                INSERT INTO plexsphere.bootstrap_tokens
                       (id, project_id, kind, env_prefix, selector, hash, issued_at, expires_at, issued_by_user_id)
                VALUES (%(id)s, %(project)s, %(kind)s, %(env_prefix)s, %(selector)s, %(hash)s, %(issued_at)s,
                        %(expires_at)s, %(issued_by)s)
                """,
                id=token.id,
                project=token.scope.project_id,
                kind=token.scope.kind.value,
                env_prefix=token.scope.env_prefix,
                selector=token.selector,
                hash=token.hash,
                issued_at=token.issued_at,
                expires_at=token.expires_at,
                issued_by=token.issued_by,
            )

    async def get(self, project: ProjectId, id: BootstrapTokenId) -> BootstrapToken | None:
        row = await fetch_one(
            self.connection, SELECT + "WHERE id = %(id)s AND project_id = %(project)s", id=id, project=project
        )
        return _token(row) if row else None

    async def claimed(self, id: BootstrapTokenId) -> BootstrapToken | None:
        row = await fetch_one(self.connection, SELECT + "WHERE id = %(id)s FOR UPDATE", id=id)
        return _token(row) if row else None

    async def candidates(self, plaintext: TokenPlaintext) -> Sequence[BootstrapToken]:
        rows = await fetch(
            self.connection,
            SELECT
            + """
             WHERE project_id = %(project)s AND kind = %(kind)s AND env_prefix = %(env_prefix)s
               AND selector = %(selector)s
            """,
            project=plaintext.scope.project_id,
            kind=plaintext.scope.kind.value,
            env_prefix=plaintext.scope.env_prefix,
            selector=plaintext.selector,
        )
        return [_token(row) for row in rows]

    async def page(self, project: ProjectId, request: PageRequest) -> Page[BootstrapToken]:
        issued_at, token_id = request.after or (None, None)
        rows = await fetch(
            self.connection,
            SELECT
            + """
             WHERE project_id = %(project)s
               AND (%(id)s::uuid IS NULL OR (issued_at, id) > (%(issued_at)s::timestamptz, %(id)s::uuid))
             ORDER BY issued_at, id
             LIMIT %(limit)s
            """,
            project=project,
            issued_at=issued_at,
            id=token_id,
            limit=request.limit + 1,
        )
        return Page.cut(map(_token, rows), request, lambda token: (token.issued_at.isoformat(), str(token.id)))

    async def save(self, token: BootstrapToken) -> None:
        redeemed = token.fate if isinstance(token.fate, Redeemed) else None
        revoked = token.fate if isinstance(token.fate, Revoked) else None
        with meaning(CONSTRAINTS):
            await execute(
                self.connection,
                """
                UPDATE plexsphere.bootstrap_tokens
                   SET consumed_at = %(consumed_at)s, consumed_nonce = %(nonce)s, revoked_at = %(revoked_at)s
                 WHERE id = %(id)s
                """,
                id=token.id,
                consumed_at=redeemed and redeemed.at,
                nonce=redeemed and redeemed.nonce.digest,
                revoked_at=revoked and revoked.at,
            )


def _token(row: DictRow) -> BootstrapToken:
    return BootstrapToken(
        id=row["id"],
        scope=TokenScope(env_prefix=row["env_prefix"], project_id=row["project_id"], kind=TokenKind(row["kind"])),
        selector=row["selector"],
        hash=CredentialHash(row["hash"]),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        issued_by=row["issued_by_user_id"],
        fate=_fate(row),
    )


def _fate(row: DictRow) -> Fate:
    if row["consumed_at"] is not None:
        return Redeemed(row["consumed_at"], Nonce(bytes(row["consumed_nonce"])))
    if row["revoked_at"] is not None:
        return Revoked(row["revoked_at"])
    return Live()
