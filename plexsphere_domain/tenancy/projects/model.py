"""A Project: a part of one Domain.

The rules:
 1. The Domain and the slug are chosen once; the slug is unique within the Domain.
 2. A Project may reserve a sub-range of the Domain's mesh pool, all of it inside the pool.
 3. No two Projects of a Domain reserve the same address.
 4. A patch names at least one thing; `release_sub_range` counts when it is true. It excludes `sub_range_cidr`.
 5. A range that replaces another contains the addresses that the Project's Nodes hold in the old one.

Every patch moves `updated_at`.
"""

from datetime import datetime
from typing import Self

from attrs import evolve, frozen

from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.kernel.unset import UNSET, Unset
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.errors import EmptyPatch
from plexsphere_domain.tenancy.fields import Fields
from plexsphere_domain.tenancy.naming import Description, Name, Slug
from plexsphere_domain.tenancy.projects.errors import InvalidProject, ReserveAndRelease

_fields = Fields(InvalidProject)


@frozen(kw_only=True)
class NewProject:
    """What a caller asks for, as spelled."""

    domain_id: DomainId
    name: str
    slug: str
    description: str = ""
    sub_range_cidr: str | None = None


@frozen(kw_only=True)
class ProjectPatch:
    """What a caller wants changed, as spelled; raises `EmptyPatch`. An empty `description` clears it."""

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    sub_range_cidr: str | Unset = UNSET
    release_sub_range: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.release_sub_range and {self.name, self.description, self.sub_range_cidr} == {UNSET}:
            raise EmptyPatch


@frozen(kw_only=True)
class Project:
    id: ProjectId
    domain_id: DomainId
    name: Name
    slug: Slug
    description: Description
    sub_range: MeshCidr | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(cls, new: NewProject, *, id: ProjectId, now: datetime) -> Self:
        """The Project as asked for; raises `InvalidProject` for the first broken rule."""
        return cls(
            id=id,
            domain_id=new.domain_id,
            name=_fields.read("name", Name, new.name),
            slug=_fields.read("slug", Slug, new.slug),
            description=_fields.read("description", Description, new.description),
            sub_range=None
            if new.sub_range_cidr is None
            else _fields.read("sub_range_cidr", MeshCidr.parse, new.sub_range_cidr),
            created_at=now,
            updated_at=now,
        )

    def patched(self, patch: ProjectPatch, *, now: datetime) -> "Project":
        """The Project with what the patch names; raises `InvalidProject` or `ReserveAndRelease`."""
        if patch.release_sub_range and patch.sub_range_cidr is not UNSET:
            raise ReserveAndRelease
        kept = None if patch.release_sub_range else self.sub_range
        return evolve(
            self,
            name=_fields.reread("name", Name, patch.name, self.name),
            description=_fields.reread("description", Description, patch.description, self.description),
            sub_range=_fields.reread("sub_range_cidr", MeshCidr.parse, patch.sub_range_cidr, kept),
            updated_at=now,
        )

    def fits(self, pool: MeshCidr) -> None:
        """Raises `InvalidProject` unless what the Project reserves lies inside its Domain's pool (rule 2)."""
        if self.sub_range is not None and not pool.contains(self.sub_range):
            raise InvalidProject(field="sub_range_cidr", rule=f"must lie inside the Domain's mesh_cidr {pool}")
