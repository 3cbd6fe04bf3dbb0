"""The administration of bootstrap tokens: the tag `bootstrap-tokens`, but for the redemption itself."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from plexsphere_adapters.http.identifiers import BootstrapTokenInPath, ProjectInPath
from plexsphere_adapters.http.operation import NO_CONTENT, Call, Gate, Operation, Paging, created, ok, operation
from plexsphere_adapters.http.wire import Length, Once, Pattern, Range, wire
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.identity.bootstrap_tokens.errors import (
    BootstrapTokenNotFound,
    InvalidTokenRequest,
    ProjectOfTokenNotFound,
    RevokedBefore,
    RevokedTooLate,
)
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken, Redeemed, Revoked, TokenRequest
from plexsphere_domain.identity.bootstrap_tokens.service import BootstrapTokens, IssuedToken
from plexsphere_domain.kernel.paging import Page

KindOfNode = Literal["node", "bridge"]


@wire
class BootstrapTokenIssueRequest:
    """A token for one machine."""

    kind: KindOfNode
    env_prefix: Annotated[str, Length(1, 32), Pattern("^[a-z]+$")]
    ttl_seconds: Annotated[int, Range(300, 86400)]

    def request(self) -> TokenRequest:
        return TokenRequest.read(kind=self.kind, env_prefix=self.env_prefix, ttl_seconds=self.ttl_seconds)


@wire
class BootstrapTokenIssueResponse:
    """A new token, with its plaintext."""

    token_id: UUID
    token: Annotated[str, Once()]
    issued_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, issued: IssuedToken) -> Self:
        return cls(
            token_id=issued.token.id,
            token=issued.plaintext.reveal(),
            issued_at=issued.token.issued_at,
            expires_at=issued.token.expires_at,
        )


@wire
class BootstrapTokenMetadata:
    """What is known of a token. `consumed_at` and `revoked_at` exclude each other; a live token has neither."""

    id: UUID
    project_id: UUID
    kind: KindOfNode
    env_prefix: str
    issued_at: datetime
    expires_at: datetime
    issued_by_user_id: UUID
    consumed_at: datetime | None = None
    revoked_at: datetime | None = None

    @classmethod
    def of(cls, token: BootstrapToken) -> Self:
        return cls(
            id=token.id,
            project_id=token.scope.project_id,
            kind=token.scope.kind.value,
            env_prefix=token.scope.env_prefix,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
            issued_by_user_id=token.issued_by,
            consumed_at=token.fate.at if isinstance(token.fate, Redeemed) else None,
            revoked_at=token.fate.at if isinstance(token.fate, Revoked) else None,
        )


@operation(
    "POST",
    "/v1/projects/{project_id}/bootstrap-tokens",
    id="IssueBootstrapToken",
    tag="bootstrap-tokens",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.DEPLOY, on="project_id"),
    body=BootstrapTokenIssueRequest,
    returns=created(BootstrapTokenIssueResponse, location="/v1/projects/{project_id}/bootstrap-tokens/{token_id}"),
    problems=[InvalidTokenRequest, ProjectOfTokenNotFound],
)
async def issue_bootstrap_token(
    call: Call[BootstrapTokenIssueRequest], tokens: BootstrapTokens, project_id: ProjectInPath
) -> BootstrapTokenIssueResponse:
    """Issue a one-shot token for a Project. Its plaintext is told here and nowhere else."""
    return BootstrapTokenIssueResponse.of(await tokens.issue(project_id, call.body.request(), by=call.actor))


@operation(
    "GET",
    "/v1/projects/{project_id}/bootstrap-tokens",
    id="ListBootstrapTokens",
    tag="bootstrap-tokens",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.OBSERVE, on="project_id"),
    paging=Paging(name="BootstrapTokenList", bound=False, scope="project_id"),
    returns=ok(BootstrapTokenMetadata),
    problems=[ProjectOfTokenNotFound],
)
async def list_bootstrap_tokens(
    call: Call[None], tokens: BootstrapTokens, project_id: ProjectInPath
) -> Page[BootstrapTokenMetadata]:
    """List the tokens of a Project in the order in which they were issued."""
    return (await tokens.page(project_id, call.page)).map(BootstrapTokenMetadata.of)


@operation(
    "GET",
    "/v1/projects/{project_id}/bootstrap-tokens/{id}",
    id="GetBootstrapTokenMetadata",
    tag="bootstrap-tokens",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.OBSERVE, on="project_id"),
    returns=ok(BootstrapTokenMetadata),
    problems=[BootstrapTokenNotFound],
)
async def get_bootstrap_token_metadata(
    call: Call[None], tokens: BootstrapTokens, project_id: ProjectInPath, id: BootstrapTokenInPath
) -> BootstrapTokenMetadata:
    """Read what is known of a token."""
    return BootstrapTokenMetadata.of(await tokens.get(project_id, id))


@operation(
    "DELETE",
    "/v1/projects/{project_id}/bootstrap-tokens/{id}",
    id="RevokeBootstrapToken",
    tag="bootstrap-tokens",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.DEPLOY, on="project_id"),
    returns=NO_CONTENT,
    problems=[BootstrapTokenNotFound, RevokedTooLate, RevokedBefore],
)
async def revoke_bootstrap_token(
    call: Call[None], tokens: BootstrapTokens, project_id: ProjectInPath, id: BootstrapTokenInPath
) -> None:
    """Revoke a token that was neither redeemed nor revoked."""
    await tokens.revoke(project_id, id, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    issue_bootstrap_token,
    list_bootstrap_tokens,
    get_bootstrap_token_metadata,
    revoke_bootstrap_token,
)
