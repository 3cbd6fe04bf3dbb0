"""Why a bootstrap token was not issued, not honoured, not found or not revoked.

Agents and their operators know six codes of refusal at redemption, and no more: `kind_mismatch`, `project_mismatch`,
`token_consumed`, `token_expired`, `token_revoked` and `nonce_collision`.
"""

from attrs import define

from plexsphere_domain.kernel.errors import Conflict, Invalid, NotFound, Refused, Unprocessable


@define(eq=False)
class InvalidTokenRequest(Invalid):
    """A token cannot be issued as asked for."""

    code = "invalid_body"

    field: str
    rule: str

    @property
    def detail(self) -> str:
        return f"{self.field} {self.rule}"


class TokenMalformed(Unprocessable):
    """What was presented is not a bootstrap token at all. Found out before any token is looked up."""

    code = "bootstrap_token_invalid"

    @property
    def detail(self) -> str:
        return "bootstrap_token is not a bootstrap token"


class KindMismatch(Refused):
    """The token is for another kind of Node than the one that presents it."""

    code = "kind_mismatch"

    @property
    def detail(self) -> str:
        return "the bootstrap token is for another kind of Node"


class ProjectMismatch(Refused):
    """The token belongs to another Project than the one that is named."""

    code = "project_mismatch"

    @property
    def detail(self) -> str:
        return "the bootstrap token belongs to another Project"


class TokenConsumed(Refused):
    code = "token_consumed"

    @property
    def detail(self) -> str:
        return "the bootstrap token was redeemed before"


class TokenExpired(Refused):
    code = "token_expired"

    @property
    def detail(self) -> str:
        return "the bootstrap token has expired"


class TokenRevoked(Refused):
    code = "token_revoked"

    @property
    def detail(self) -> str:
        return "the bootstrap token was revoked"


class TokenUnknown(Refused):
    """A well-formed token that this deployment did not issue, or has forgotten together with its Project.

    It shares the code of a revoked token: to its holder the two are the same, a credential that nobody honours and
    that an operator has to replace, and a seventh code would be one that no agent knows.
    """

    code = "token_revoked"

    @property
    def detail(self) -> str:
        return "the bootstrap token is not honoured"


class NonceCollision(Refused):
    """Another token of the Project was redeemed with the same nonce: the request is a replay."""

    code = "nonce_collision"

    @property
    def detail(self) -> str:
        return "the nonce was used before"


class BootstrapTokenNotFound(NotFound):
    code = "bootstrap_token_not_found"

    @property
    def detail(self) -> str:
        return "there is no such bootstrap token"


class ProjectOfTokenNotFound(NotFound):
    """Tokens are administered below a Project, and there is none of this id."""

    code = "project_not_found"

    @property
    def detail(self) -> str:
        return "there is no such Project"


class RevokedTooLate(Conflict):
    """The token was redeemed before it could be revoked: the race is lost, and a Node exists."""

    code = "token_consumed"

    @property
    def detail(self) -> str:
        return "the bootstrap token was redeemed before it could be revoked"


class RevokedBefore(Conflict):
    code = "token_revoked"

    @property
    def detail(self) -> str:
        return "the bootstrap token was revoked before"
