"""Cross-site request forgery: what a browser must prove besides sending its cookies.

Two independent proofs: the request comes from an acceptable origin, and its sender can read our cookie (double
submit). Bearer credentials are never sent by a browser on its own, so they are exempt.
"""

import hmac
from collections.abc import Set

from attrs import frozen
from starlette.requests import Request

from plexsphere_adapters.http.errors import CsrfOriginMismatch, CsrfOriginNotConfigured, CsrfTokenMismatch

COOKIE = "plexsphere_csrf"
HEADER = "X-Plexsphere-CSRF"
SAFE_METHODS = frozenset({"GET", "HEAD"})


@frozen
class CsrfGuard:
    """`allowed_origins` None means that the operator configured none: every cookie-authenticated change is refused."""

    allowed_origins: Set[str] | None

    def check(self, request: Request) -> None:
        """Raises CsrfOriginNotConfigured, CsrfOriginMismatch, CsrfTokenMismatch."""
        if request.method in SAFE_METHODS:
            return
        if self.allowed_origins is None:
            raise CsrfOriginNotConfigured
        same_origin = request.headers.get("sec-fetch-site") == "same-origin"
        if not same_origin and request.headers.get("origin") not in self.allowed_origins:
            raise CsrfOriginMismatch
        cookie, header = request.cookies.get(COOKIE, ""), request.headers.get(HEADER, "")
        if not header or not hmac.compare_digest(cookie.encode(), header.encode()):
            raise CsrfTokenMismatch
