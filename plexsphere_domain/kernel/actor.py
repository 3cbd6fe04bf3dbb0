"""Who acts, and on what occasion."""

from enum import StrEnum
from uuid import UUID

from attrs import field, frozen


class PrincipalKind(StrEnum):
    USER = "user"
    SERVICE = "service"
    NODE = "node"
    BOOTSTRAP_TOKEN = "bootstrap_token"  # noqa: S105 — the name of a kind of credential
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@frozen
class Principal:
    """The resolved caller. `id` is the identity that audit chains pseudonymise."""

    kind: PrincipalKind
    id: UUID


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS, UUID(int=0))
"""A caller that needs no credential, or has not shown it yet."""


@frozen(kw_only=True)
class Actor:
    """A principal on one occasion: a request, or one run of a background worker.

    `correlation_id` binds the answer, the log and the audit row of the occasion together. `graph_revision` is the
    oldest revision of the relation graph that decisions about this occasion may be based on (opaque, a ZedToken).
    """

    principal: Principal
    correlation_id: str
    ip: str | None = None
    user_agent: str | None = None
    graph_revision: str | None = field(default=None, repr=False)
