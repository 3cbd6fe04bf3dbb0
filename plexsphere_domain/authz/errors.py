"""The refusals of this context."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import define

from plexsphere_domain.authz.model import Reason
from plexsphere_domain.kernel.errors import Refused, Unavailable


@define(eq=False)
class PermissionDenied(Refused):
    """The gate is closed to the caller. The audit row of the denial carries the correlation id of the occasion."""

    code: ClassVar[str] = "permission_denied"

    reason: Reason
    relation_path: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        return "request rejected by authorization policy"

    @property
    def members(self) -> Mapping[str, Any]:
        return {"reason": str(self.reason), "relation_path": list(self.relation_path)}


@define(eq=False)
class AuthzUnavailable(Unavailable):
    """No decision can be taken: the graph is away or not whole, and no earlier decision is young enough."""

    code: ClassVar[str] = "authz_unavailable"

    @property
    def detail(self) -> str:
        return "authorization is temporarily unavailable; retry later"
