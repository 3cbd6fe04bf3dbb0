"""A Resource: a piece of infrastructure that one Project tracks.

The rules:
 1. Its origin is fixed: `adopted` (it exists already) or `provisioned` (the provisioning broker makes it).
 2. `kind` says what it is, in 1..64 characters; `bridge` means something to plexsphere, the rest to its users.
 3. `external_ref` names an adopted Resource in the system that it comes from, in 1..256 characters; it is unique within
    the Project. A Node enrols on the Resource by this reference, or by the Resource's id. A provisioned Resource gets
    its handle from the platform and takes none from the caller.
"""

from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Self

from attrs import frozen

from plexsphere_domain.kernel.ids import DomainId, ProjectId, ResourceId
from plexsphere_domain.tenancy.fields import Fields
from plexsphere_domain.tenancy.naming import trimmed
from plexsphere_domain.tenancy.projects.model import Project
from plexsphere_domain.tenancy.resources.errors import InvalidResource

BRIDGE = "bridge"
"""The kind that unlocks the bridge surface."""

_fields = Fields(InvalidResource)
_kind = partial(trimmed, ceiling=64)
_external_ref = partial(trimmed, ceiling=256)


class Origin(StrEnum):
    ADOPTED = "adopted"
    PROVISIONED = "provisioned"


@frozen(kw_only=True)
class Declaration:
    """What a caller says about a Resource, valid by itself: no Project has been looked at."""

    origin: Origin
    kind: str
    external_ref: str | None

    @classmethod
    def read(cls, *, origin: Origin, kind: str, external_ref: str | None = None) -> Self:
        """The declaration as spelled; raises `InvalidResource` for the first broken rule."""
        if origin is Origin.PROVISIONED and external_ref is not None:
            raise InvalidResource(field="external_ref", rule="is assigned by the platform for provisioned Resources")
        return cls(
            origin=origin,
            kind=_fields.read("kind", _kind, kind),
            external_ref=None if external_ref is None else _fields.read("external_ref", _external_ref, external_ref),
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
    def declared(cls, declaration: Declaration, *, project: Project, id: ResourceId, now: datetime) -> Self:
        """The Resource as declared, in the Project and thereby in the Project's Domain."""
        return cls(
            id=id,
            project_id=project.id,
            domain_id=project.domain_id,
            kind=declaration.kind,
            external_ref=declaration.external_ref,
            origin=declaration.origin,
            created_at=now,
            updated_at=now,
        )
