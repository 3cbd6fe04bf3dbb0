"""A Domain: the boundary between tenants.

The rules:
 1. `slug` is chosen once and for ever; everything else can be changed.
 2. `region` may be absent; once pinned, a Domain can be pinned elsewhere, but not unpinned.
 3. `mesh_cidr` is a canonical prefix.
 4. A patch names at least one thing. Every patch moves `updated_at`, also one that names what is already so.

Two more rules look beyond one Domain, and the service and the repository keep them: no two pools overlap, and a new
pool contains every range that a Project has reserved and every address that a live Node holds.
"""

from datetime import datetime
from typing import Self

from attrs import astuple, evolve, frozen

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.unset import UNSET, Unset
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.domains.errors import InvalidDomain
from plexsphere_domain.tenancy.domains.reachability import NOTHING_SET, ReachabilityDraft, ReachabilityPolicy
from plexsphere_domain.tenancy.errors import EmptyPatch
from plexsphere_domain.tenancy.fields import Fields
from plexsphere_domain.tenancy.naming import Description, Name, Region, Slug

_fields = Fields(InvalidDomain)


@frozen(kw_only=True)
class NewDomain:
    """What a caller asks for, as spelled. An empty `region` is the same as none."""

    name: str
    slug: str
    mesh_cidr: str
    description: str = ""
    region: str = ""
    reachability: ReachabilityDraft = NOTHING_SET


@frozen(kw_only=True)
class DomainPatch:
    """What a caller wants changed, as spelled; raises `EmptyPatch`. An empty `description` clears it."""

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    region: str | Unset = UNSET
    mesh_cidr: str | Unset = UNSET
    reachability: ReachabilityDraft | Unset = UNSET

    def __attrs_post_init__(self) -> None:
        if all(member is UNSET for member in astuple(self, recurse=False)):
            raise EmptyPatch


@frozen(kw_only=True)
class Domain:
    id: DomainId
    name: Name
    slug: Slug
    description: Description
    region: Region | None
    mesh_cidr: MeshCidr
    reachability: ReachabilityPolicy
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(cls, new: NewDomain, *, id: DomainId, now: datetime) -> Self:
        """The Domain as asked for; raises `InvalidDomain` or `InvalidReachabilityPolicy` for the first broken rule."""
        return cls(
            id=id,
            name=_fields.read("name", Name, new.name),
            slug=_fields.read("slug", Slug, new.slug),
            description=_fields.read("description", Description, new.description),
            region=_fields.read("region", Region, new.region) if new.region else None,
            mesh_cidr=_fields.read("mesh_cidr", MeshCidr.parse, new.mesh_cidr),
            reachability=ReachabilityPolicy.decide(new.reachability),
            created_at=now,
            updated_at=now,
        )

    def patched(self, patch: DomainPatch, *, now: datetime) -> "Domain":
        """The Domain with what the patch names; raises `InvalidDomain` or `InvalidReachabilityPolicy`."""
        return evolve(
            self,
            name=_fields.reread("name", Name, patch.name, self.name),
            description=_fields.reread("description", Description, patch.description, self.description),
            region=_fields.reread("region", Region, patch.region, self.region),
            mesh_cidr=_fields.reread("mesh_cidr", MeshCidr.parse, patch.mesh_cidr, self.mesh_cidr),
            reachability=self.reachability
            if isinstance(patch.reachability, Unset)
            else ReachabilityPolicy.decide(patch.reachability),
            updated_at=now,
        )
