"""Why a Node's credential was refused, and what a look-up of a Node may miss."""

from attrs import define

from plexsphere_domain.kernel.errors import NotFound, Refused, Unauthenticated
from plexsphere_domain.kernel.ids import NodeId


class NskMissing(Unauthenticated):
    """There is no NSK envelope in the request, or what stands in its place cannot be read as one."""

    code = "unauthorized"

    @property
    def detail(self) -> str:
        return "a Node Secret Key is required as bearer credential"


class NskInvalid(Unauthenticated):
    """The key belongs to no Node."""

    code = "nsk_invalid"

    @property
    def detail(self) -> str:
        return "the Node Secret Key is not valid"


class NskRevoked(Unauthenticated):
    """The key is that of a Node that was retired."""

    code = "nsk_revoked"

    @property
    def detail(self) -> str:
        return "the Node Secret Key was revoked"


class NodeIdMismatch(Refused):
    """The key is that of another Node than the one that the request is about."""

    code = "node_id_mismatch"

    @property
    def detail(self) -> str:
        return "the Node Secret Key belongs to another Node"


@define(eq=False)
class NodeNotFound(NotFound):
    """There is no such Node, or it was retired."""

    code = "node_not_found"
    node_id: NodeId

    @property
    def detail(self) -> str:
        return "there is no such Node"
