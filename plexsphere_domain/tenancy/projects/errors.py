"""What can stand against a Project."""

from collections.abc import Mapping
from typing import Any

from attrs import define

from plexsphere_domain.kernel.errors import Conflict, NotFound, Unprocessable
from plexsphere_domain.tenancy.counts import ProjectChildCounts
from plexsphere_domain.tenancy.errors import InvalidField
from plexsphere_domain.tenancy.pool import Allocation, Reservation


class InvalidProject(InvalidField):
    """A field of the Project is not what the field may be."""

    code = "invalid_project"


class ProjectNotFound(NotFound):
    code = "project_not_found"

    @property
    def detail(self) -> str:
        return "there is no such Project"


class ParentDomainMissing(Conflict):
    """The Domain that the Project was to belong to does not exist, or vanished meanwhile."""

    code = "parent_domain_missing"

    @property
    def detail(self) -> str:
        return "domain_id names no Domain"


class ProjectSlugConflict(Conflict):
    code = "project_slug_conflict"

    @property
    def detail(self) -> str:
        return "another Project of the Domain has this slug"


class SubRangeOverlap(Conflict):
    """The range shares addresses with one that a sibling has reserved."""

    code = "sub_range_overlap"

    @property
    def detail(self) -> str:
        return "sub_range_cidr overlaps the range that another Project of the Domain has reserved"


class SubRangeInvalidatesAllocation(Unprocessable):
    """The patch would take back what was given out, or contradicts itself."""

    code = "sub_range_invalidates_allocation"


class ReserveAndRelease(SubRangeInvalidatesAllocation):
    @property
    def detail(self) -> str:
        return "sub_range_cidr and release_sub_range exclude each other"


@define(eq=False)
class RangeOfSibling(SubRangeInvalidatesAllocation):
    reservation: Reservation

    @property
    def detail(self) -> str:
        taken = self.reservation
        return f"sub_range_cidr overlaps sub_range={taken.sub_range} of project_id={taken.project_id}"


@define(eq=False)
class NodeLeftOut(SubRangeInvalidatesAllocation):
    allocation: Allocation

    @property
    def detail(self) -> str:
        held = self.allocation
        return f"sub_range_cidr leaves out mesh_ip={held.mesh_ip} of node_id={held.node_id}"


@define(eq=False)
class ProjectNotEmpty(Conflict):
    """Something still lives in the Project."""

    code = "project_not_empty"

    children: ProjectChildCounts

    @property
    def detail(self) -> str:
        return f"the Project is not empty: {self.children}"

    @property
    def members(self) -> Mapping[str, Any]:
        return {"project_child_counts": self.children.as_members()}
