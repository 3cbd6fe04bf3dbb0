"""Refusals that exist only because the API is spoken over HTTP."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import define

from plexsphere_domain.kernel.errors import Invalid, Refused, TooLarge, Unauthenticated
from plexsphere_domain.mesh.nodes.errors import NodeIdMismatch


@define(eq=False)
class InvalidBody(Invalid):
    """The body is not a JSON document of the request's schema."""

    code: ClassVar[str] = "invalid_body"

    why: str = "the body is not valid"

    @property
    def detail(self) -> str:
        return self.why


@define(eq=False)
class RequestBodyTooLarge(TooLarge):
    """The body exceeds the operation's ceiling, `cap` bytes, as sent or inflated."""

    code: ClassVar[str] = "request_body_too_large"

    cap: int

    @property
    def detail(self) -> str:
        return f"the body exceeds {self.cap} bytes"


class CallerUnauthenticated(Unauthenticated):
    """There is no credential of a kind that the operation takes."""

    code = "unauthenticated"

    @property
    def detail(self) -> str:
        return "the credential is missing or not valid"


class NodeOutOfReach(NodeIdMismatch):
    """A foreign Node's key on what only Nodes do: told in the form of a denial by policy."""

    @property
    def members(self) -> Mapping[str, Any]:
        return {"reason": "insufficient_relation", "relation_path": []}


class InvalidLimit(Invalid):
    code = "invalid_limit"

    @property
    def detail(self) -> str:
        return "limit is an integer from 1 to 200"


class InvalidCursor(Invalid):
    """Tampered with, malformed, of another list, or of an unknown version."""

    code = "invalid_cursor"

    @property
    def detail(self) -> str:
        return "the cursor is not one of this list's"


class CursorBindingMismatch(Refused):
    """A sound cursor in the hands of another caller than the one it was made for."""

    code = "cursor_binding_mismatch"

    @property
    def detail(self) -> str:
        return "the cursor was made for another caller"


class CsrfTokenMismatch(Refused):
    code = "csrf_token_mismatch"

    @property
    def detail(self) -> str:
        return "the X-Plexsphere-CSRF header does not equal the plexsphere_csrf cookie"


class CsrfOriginMismatch(Refused):
    code = "csrf_origin_mismatch"

    @property
    def detail(self) -> str:
        return "the request comes from an origin that is not allowed"


class CsrfOriginNotConfigured(Refused):
    code = "csrf_origin_not_configured"

    @property
    def detail(self) -> str:
        return "cookie-authenticated changes need PLEXSPHERE_CSRF_ALLOWED_ORIGINS to be configured"


class InvalidDomainId(Invalid):
    code = "invalid_domain_id"

    @property
    def detail(self) -> str:
        return "the Domain id in the path is not a non-zero UUID"


class InvalidProjectId(Invalid):
    code = "invalid_project_id"

    @property
    def detail(self) -> str:
        return "the Project id in the path is not a non-zero UUID"


class InvalidResourceId(Invalid):
    code = "invalid_resource_id"

    @property
    def detail(self) -> str:
        return "the Resource id in the path is not a non-zero UUID"


class InvalidBootstrapTokenId(Invalid):
    code = "invalid_bootstrap_token_id"

    @property
    def detail(self) -> str:
        return "the bootstrap token id in the path is not a non-zero UUID"


class InvalidNodeId(Invalid):
    code = "invalid_node_id"

    @property
    def detail(self) -> str:
        return "the Node id in the path is not a non-zero UUID"


class InvalidDomainFilter(Invalid):
    code = "invalid_domain_filter"

    @property
    def detail(self) -> str:
        return "domain_id is not a non-zero UUID"
