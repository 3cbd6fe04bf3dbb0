"""Refusals of API tokens."""

from plexsphere_domain.kernel.errors import Unauthenticated


class ApiTokenRefused(Unauthenticated):
    """Not a token, unknown, wrong, expired or revoked: the presenter is not told which."""

    code = "unauthenticated"

    @property
    def detail(self) -> str:
        return "the credential is missing or not valid"
