"""Why no address could be given out. In every case nothing was allocated and the same request may succeed later."""

from attrs import define

from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.ids import DomainId, ProjectId


@define(eq=False)
class PoolExhausted(Unavailable):
    """Every host address of the Domain's pool is taken or reserved for a Project."""

    code = "pool_exhausted"
    domain_id: DomainId

    @property
    def detail(self) -> str:
        return "the Domain's mesh address pool has no free address"


@define(eq=False)
class SubrangeExhausted(Unavailable):
    """Every host address of the Project's reserved sub-range is taken; the Domain's pool is no substitute."""

    code = "subrange_exhausted"
    project_id: ProjectId

    @property
    def detail(self) -> str:
        return "the Project's reserved mesh address range has no free address"


@define(eq=False)
class AllocatorContention(Unavailable):
    """The Domain's allocator was busy for longer than a caller is made to wait."""

    code = "allocator_contention"
    domain_id: DomainId

    @property
    def detail(self) -> str:
        return "mesh address allocation is busy; try again shortly"
