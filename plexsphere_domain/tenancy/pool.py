"""What has been given out of a Domain's mesh pool."""

from attrs import frozen

from plexsphere_domain.kernel.ids import NodeId, ProjectId
from plexsphere_domain.tenancy.cidr import Address, MeshCidr


@frozen
class Reservation:
    """The part of the pool that a Project keeps for its own Nodes."""

    project_id: ProjectId
    sub_range: MeshCidr


@frozen
class Allocation:
    """The address that a live Node holds."""

    node_id: NodeId
    mesh_ip: Address
