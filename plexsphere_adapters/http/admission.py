"""Who may knock: the credential classes of operations.

An admission turns the credential of a request into the principal, or refuses with the codes of its class. Node
credentials are bound to the path: a Node's key opens what is about that Node and nothing else.
"""

from enum import Enum
from typing import Protocol

from attrs import frozen
from starlette.requests import Request

from plexsphere_adapters.http.csrf import CsrfGuard
from plexsphere_adapters.http.errors import (
    CallerUnauthenticated,
    CsrfOriginMismatch,
    CsrfOriginNotConfigured,
    CsrfTokenMismatch,
    NodeOutOfReach,
)
from plexsphere_domain.identity.api_tokens.service import ApiTokenAuthentication
from plexsphere_domain.kernel.actor import ANONYMOUS, Principal, PrincipalKind
from plexsphere_domain.kernel.errors import DomainError
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.mesh.nodes.authentication import AuthenticatedNode, NodeAuthentication
from plexsphere_domain.mesh.nodes.errors import NodeIdMismatch, NskInvalid, NskMissing, NskRevoked
from plexsphere_domain.mesh.reachability.ports import Standing

SESSION_COOKIE = "plexsphere_session"
NSK_PREFIX = "nsk_"


@frozen(kw_only=True)
class Credentials:
    """The means of authentication that a process has."""

    operators: ApiTokenAuthentication
    nodes: NodeAuthentication
    csrf: CsrfGuard


@frozen(kw_only=True)
class Admitted:
    """The principal, and what was read together with its credential.

    `graph_revision` is the oldest revision of the relation graph that decisions about the request may rely on,
    `standing` how a calling Node stands.
    """

    principal: Principal
    graph_revision: str | None = None
    standing: Standing | None = None


class Scheme(Enum):
    """Security schemes of the API description."""

    SESSION_COOKIE = "sessionCookie"
    OPERATOR_BEARER = "operatorBearer"
    NSK_BEARER = "nskBearer"


class Admission(Protocol):
    @property
    def schemes(self) -> tuple[Scheme, ...]: ...

    @property
    def problems(self) -> tuple[type[DomainError], ...]: ...

    async def admit(self, request: Request, credentials: Credentials) -> Admitted: ...

    def foreign_node(self) -> DomainError:
        """The refusal of a Node whose key is not that of the Node in the path."""


class Open:
    """No credential."""

    schemes = ()
    problems = ()

    async def admit(self, request: Request, credentials: Credentials) -> Admitted:
        return Admitted(principal=ANONYMOUS)

    def foreign_node(self) -> DomainError:
        return NodeIdMismatch()


class Operator:
    """An operator's bearer token, or the session cookie together with the proofs against forgery."""

    schemes = (Scheme.SESSION_COOKIE, Scheme.OPERATOR_BEARER)
    problems = (CallerUnauthenticated, CsrfTokenMismatch, CsrfOriginMismatch, CsrfOriginNotConfigured)

    async def admit(self, request: Request, credentials: Credentials) -> Admitted:
        token, cookie = bearer(request), request.cookies.get(SESSION_COOKIE)
        presented = token or (SecretStr(cookie) if cookie else None)
        if presented is None:
            raise CallerUnauthenticated
        caller = await credentials.operators.authenticate(presented)
        if token is None:
            credentials.csrf.check(request)
        return Admitted(principal=caller.principal, graph_revision=caller.graph_revision)

    def foreign_node(self) -> DomainError:
        return NodeIdMismatch()


class Node:
    """A Node Secret Key."""

    schemes = (Scheme.NSK_BEARER,)
    problems = (NskMissing, NskInvalid, NskRevoked, NodeOutOfReach)

    async def admit(self, request: Request, credentials: Credentials) -> Admitted:
        return _as_node(await credentials.nodes.authenticate(bearer(request)))

    def foreign_node(self) -> DomainError:
        return NodeOutOfReach()


class OperatorOrNode:
    """Reads of a Node that operators share: the form of the bearer token tells who calls."""

    schemes = (Scheme.SESSION_COOKIE, Scheme.OPERATOR_BEARER, Scheme.NSK_BEARER)
    problems = (CallerUnauthenticated, NskInvalid, NskRevoked, NodeIdMismatch)

    async def admit(self, request: Request, credentials: Credentials) -> Admitted:
        token = bearer(request)
        if token is None or not _is_nsk(token):
            return await OPERATOR.admit(request, credentials)
        return _as_node(await self.node(credentials.nodes, token))

    async def node(self, nodes: NodeAuthentication, token: SecretStr) -> AuthenticatedNode:
        return await nodes.authenticate_reader(token)

    def foreign_node(self) -> DomainError:
        return NodeIdMismatch()


class OperatorOrNodeThroughOutages(OperatorOrNode):
    """The same, for the pull of desired state: a key that was verified a moment ago survives the datastore's outage."""

    async def node(self, nodes: NodeAuthentication, token: SecretStr) -> AuthenticatedNode:
        return await nodes.authenticate_through_outage(token)


OPEN: Admission = Open()
OPERATOR: Admission = Operator()
NODE: Admission = Node()
OPERATOR_OR_NODE: Admission = OperatorOrNode()
OPERATOR_OR_NODE_THROUGH_OUTAGES: Admission = OperatorOrNodeThroughOutages()


def bearer(request: Request) -> SecretStr | None:
    """The bearer token of the Authorization header (RFC 6750, section 2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return SecretStr(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _as_node(node: AuthenticatedNode) -> Admitted:
    return Admitted(principal=Principal(PrincipalKind.NODE, node.id), standing=node.standing)


def _is_nsk(token: SecretStr) -> bool:
    """NSK envelopes, and bare NSKs (44 characters of base64), which are refused as what they are: invalid keys."""
    text = token.reveal()
    return text.startswith(NSK_PREFIX) or (len(text) == 44 and text.endswith("="))
