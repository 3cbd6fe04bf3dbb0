"""A Resource: a piece of infrastructure that one Project tracks.

The rules:
 1. Its origin is fixed: `adopted` (it exists already) or `provisioned` (the provisioning broker makes it).
 2. `kind` says what it is, in 1..64 characters; `bridge` means something to plexsphere, the rest to its users.
 3. `external_ref` names an adopted Resource in the system that it comes from, in 1..256 characters; it is unique within
    the Project. A Node enrols on the Resource by this reference, or by the Resource's id. A provisioned Resource gets
    its handle from the platform and takes none from the caller.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Self
from uuid import UUID

from attrs import frozen

from plexsphere_domain.kernel.ids import DomainId, ProjectId, ResourceId
from plexsphere_domain.tenancy.fields import Fields
from plexsphere_domain.tenancy.naming import trimmed
from plexsphere_domain.tenancy.projects.model import Project
from plexsphere_domain.tenancy.resources.errors import InvalidResource, InvalidResourceOrigin, MisplacedField

BRIDGE = "bridge"
"""The kind that unlocks the bridge surface."""

_fields = Fields(InvalidResource)
_kind = partial(trimmed, ceiling=64)
_external_ref = partial(trimmed, ceiling=256)


class Origin(StrEnum):
    ADOPTED = "adopted"
    PROVISIONED = "provisioned"


@frozen(kw_only=True)
class Adoption:
    """A Resource that exists already."""

    kind: str
    external_ref: str | None = None


@frozen(kw_only=True)
class ProvisioningOrder:
    """A Resource that the broker is to make, out of a blueprint and with a credential for a cloud."""

    kind: str
    blueprint_version_id: UUID
    cloud_credential_id: UUID
    parameters: Mapping[str, Any]


Declaration = Adoption | ProvisioningOrder


@frozen(kw_only=True)
class Draft:
    """What a caller spells; None is a member that was not given. The origin decides which members go with it."""

    origin: object
    kind: str
    external_ref: str | None = None
    blueprint_version_id: UUID | None = None
    cloud_credential_id: UUID | None = None
    parameters: Mapping[str, Any] | None = None

    def declaration(self) -> Declaration:
        """Raises `InvalidResourceOrigin`, `MisplacedField` or `InvalidResource`, for the first rule that is broken."""
        match self.origin:
            case Origin.ADOPTED:
                return self._adoption()
            case Origin.PROVISIONED:
                return self._order()
            case _:
                raise InvalidResourceOrigin

    def _adoption(self) -> Adoption:
        for field in ("blueprint_version_id", "cloud_credential_id", "parameters"):
            if getattr(self, field) is not None:
                raise MisplacedField(field=field, rule="does not go with origin adopted")
        reference = self.external_ref
        return Adoption(
            kind=_fields.read("kind", _kind, self.kind),
            external_ref=None if reference is None else _fields.read("external_ref", _external_ref, reference),
        )

    def _order(self) -> ProvisioningOrder:
        if self.external_ref is not None:
            raise InvalidResource(field="external_ref", rule="is assigned by the platform for provisioned Resources")
        if self.blueprint_version_id is None:
            raise MisplacedField(field="blueprint_version_id", rule="is required with origin provisioned")
        if self.cloud_credential_id is None:
            raise MisplacedField(field="cloud_credential_id", rule="is required with origin provisioned")
        return ProvisioningOrder(
            kind=_fields.read("kind", _kind, self.kind),
            blueprint_version_id=self.blueprint_version_id,
            cloud_credential_id=self.cloud_credential_id,
            parameters=self.parameters or {},
        )


@frozen(kw_only=True)
class Resource:
    id: ResourceId
    project_id: ProjectId
    domain_id: DomainId
    kind: str
    external_ref: str | None
    origin: Origin
    created_at: datetime
    updated_at: datetime

    @classmethod
    def adopted(cls, adoption: Adoption, *, project: Project, id: ResourceId, now: datetime) -> Self:
        """The Resource as declared, in the Project and thereby in the Project's Domain."""
        return cls(
            id=id,
            project_id=project.id,
            domain_id=project.domain_id,
            kind=adoption.kind,
            external_ref=adoption.external_ref,
            origin=Origin.ADOPTED,
            created_at=now,
            updated_at=now,
        )
