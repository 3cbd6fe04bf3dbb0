"""Why a registration failed, besides what stands against its key, its token and its address."""

from attrs import define

from plexsphere_domain.kernel.errors import NotFound, Unprocessable


@define(eq=False)
class InvariantViolation(Unprocessable):
    """A member of the request is not what it may be."""

    code = "invariant_violation"

    field: str
    rule: str

    @property
    def detail(self) -> str:
        return f"{self.field} {self.rule}"


class EnrolmentProjectNotFound(NotFound):
    """The Project that the machine names does not exist."""

    code = "project_not_found"

    @property
    def detail(self) -> str:
        return "there is no such Project"


class HandleNotFound(NotFound):
    """No Resource of the Project goes by the handle that the machine names."""

    code = "resource_not_found"

    @property
    def detail(self) -> str:
        return "no Resource of the Project has this handle"
