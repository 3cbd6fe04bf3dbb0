"""What can stand against a Domain."""

from collections.abc import Mapping
from typing import Any

from attrs import define

from plexsphere_domain.kernel.errors import Conflict, NotFound, Unprocessable
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import DomainChildCounts
from plexsphere_domain.tenancy.errors import InvalidField
from plexsphere_domain.tenancy.pool import Allocation, Reservation


class InvalidDomain(InvalidField):
    """A field of the Domain is not what the field may be."""

    code = "invalid_domain"


class InvalidReachabilityPolicy(InvalidField):
    """The three thresholds are incomplete, malformed, or out of proportion."""

    code = "invalid_reachability_policy"


class DomainNotFound(NotFound):
    code = "domain_not_found"

    @property
    def detail(self) -> str:
        return "there is no such Domain"


class DomainSlugConflict(Conflict):
    code = "domain_slug_conflict"

    @property
    def detail(self) -> str:
        return "another Domain has this slug"


class MeshCidrOverlap(Conflict):
    """The pool shares addresses with the pool of a Domain that the caller may not even see: it is not named."""

    code = "mesh_cidr_overlap"

    @property
    def detail(self) -> str:
        return "mesh_cidr overlaps the pool of another Domain"


@define(eq=False)
class MeshCidrInvalidatesSubrange(Unprocessable):
    """The new pool leaves out a range that a Project of the Domain has reserved."""

    code = "mesh_cidr_invalidates_subrange"

    reservation: Reservation
    mesh_cidr: MeshCidr

    @property
    def detail(self) -> str:
        left_out = f"project_id={self.reservation.project_id} has reserved sub_range={self.reservation.sub_range}"
        return f"{left_out}, which is not inside {self.mesh_cidr}"


@define(eq=False)
class MeshCidrInvalidatesAllocation(Unprocessable):
    """The new pool leaves out the mesh address of a live Node."""

    code = "mesh_cidr_invalidates_allocation"

    allocation: Allocation
    mesh_cidr: MeshCidr

    @property
    def detail(self) -> str:
        left_out = f"node_id={self.allocation.node_id} holds mesh_ip={self.allocation.mesh_ip}"
        return f"{left_out}, which is not inside {self.mesh_cidr}"


@define(eq=False)
class DomainNotEmpty(Conflict):
    """Something still lives in the Domain."""

    code = "domain_not_empty"

    children: DomainChildCounts

    @property
    def detail(self) -> str:
        return f"the Domain is not empty: {self.children}"

    @property
    def members(self) -> Mapping[str, Any]:
        return {"child_counts": self.children.as_members()}
