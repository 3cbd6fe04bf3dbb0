"""What can stand against a Resource."""

from plexsphere_domain.kernel.errors import Conflict, Invalid, NotFound, NotProvisioned, Unprocessable
from plexsphere_domain.tenancy.errors import InvalidField


class InvalidResource(InvalidField):
    """A field of the Resource is not what the field may be, or does not go with its origin."""

    code = "invalid_resource"


class InvalidResourceOrigin(Invalid):
    """The origin is missing, or none of those that there are."""

    code = "invalid_resource_origin"

    @property
    def detail(self) -> str:
        return "origin must be one of: adopted, provisioned"


class MisplacedField(InvalidField):
    """The origin asks for a field that is missing, or has no use for one that is there."""

    code = "invalid_body"


class BlueprintNotFound(Unprocessable):
    """The order names a blueprint version that does not exist."""

    code = "blueprint_not_found"

    @property
    def detail(self) -> str:
        return "blueprint_version_id names no blueprint version"


class CloudCredentialNotFound(Unprocessable):
    """The order names a cloud credential that does not exist."""

    code = "cloud_credential_not_found"

    @property
    def detail(self) -> str:
        return "cloud_credential_id names no cloud credential"


class ResourceNotFound(NotFound):
    code = "resource_not_found"

    @property
    def detail(self) -> str:
        return "there is no such Resource"


class ResourceExternalRefConflict(Conflict):
    """Nodes enrol by this reference: within a Project it names one Resource."""

    code = "resource_external_ref_conflict"

    @property
    def detail(self) -> str:
        return "another Resource of the Project has this external_ref"


class ResourcesNotProvisioned(NotProvisioned):
    """This deployment has no provisioning broker."""

    code = "resources_not_provisioned"

    @property
    def detail(self) -> str:
        return "this deployment does not provision Resources; adopt existing ones"
