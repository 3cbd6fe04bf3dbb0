"""Domains and Projects: the tag `tenancy`."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from plexsphere_adapters.http.identifiers import DomainInPath
from plexsphere_adapters.http.operation import Call, Gate, Operation, Paging, created, ok, operation
from plexsphere_adapters.http.wire import Expected, Length, Pattern, wire
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.kernel.paging import Page
from plexsphere_domain.tenancy.domains.errors import (
    DomainNotFound,
    DomainSlugConflict,
    InvalidDomain,
    InvalidReachabilityPolicy,
    MeshCidrOverlap,
)
from plexsphere_domain.tenancy.domains.model import Domain, NewDomain
from plexsphere_domain.tenancy.domains.reachability import NOTHING_SET, ReachabilityDraft, ReachabilityPolicy
from plexsphere_domain.tenancy.domains.service import Domains

CIDR = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"

NameText = Annotated[str, Length(1, 255)]
SlugText = Annotated[str, Length(1, 64), Pattern(SLUG)]
DescriptionText = Annotated[str, Length(0, 1024)]
RegionText = Annotated[str, Length(0, 64), Pattern(SLUG)]
CidrText = Annotated[str, Length(0, 49), Pattern(CIDR)]


@wire
class DomainReachabilityPolicy:
    """Durations as Go spells them, such as `30s` or `1h30m`. All three or none."""

    heartbeat_interval: Annotated[str | None, Expected()] = None
    stale_after: Annotated[str | None, Expected()] = None
    unreachable_after: Annotated[str | None, Expected()] = None

    def draft(self) -> ReachabilityDraft:
        return ReachabilityDraft(
            heartbeat_interval=self.heartbeat_interval,
            stale_after=self.stale_after,
            unreachable_after=self.unreachable_after,
        )

    @classmethod
    def of(cls, policy: ReachabilityPolicy) -> Self:
        return cls(
            heartbeat_interval=str(policy.heartbeat_interval),
            stale_after=str(policy.stale_after),
            unreachable_after=str(policy.unreachable_after),
        )


@wire
class DomainCreateRequest:
    """A new Domain."""

    name: NameText
    slug: SlugText
    mesh_cidr: CidrText
    description: DescriptionText = ""
    region: RegionText = ""
    reachability: DomainReachabilityPolicy | None = None

    def command(self) -> NewDomain:
        return NewDomain(
            name=self.name,
            slug=self.slug,
            mesh_cidr=self.mesh_cidr,
            description=self.description,
            region=self.region,
            reachability=self.reachability.draft() if self.reachability else NOTHING_SET,
        )


@wire
class DomainResponse:
    """A Domain. `region` is absent while it is not pinned."""

    id: UUID
    name: NameText
    slug: SlugText
    description: str
    mesh_cidr: CidrText
    reachability: DomainReachabilityPolicy
    created_at: datetime
    updated_at: datetime
    region: RegionText | None = None

    @classmethod
    def of(cls, domain: Domain) -> Self:
        return cls(
            id=domain.id,
            name=str(domain.name),
            slug=str(domain.slug),
            description=str(domain.description),
            region=str(domain.region) if domain.region else None,
            mesh_cidr=str(domain.mesh_cidr),
            reachability=DomainReachabilityPolicy.of(domain.reachability),
            created_at=domain.created_at,
            updated_at=domain.updated_at,
        )


@operation(
    "POST",
    "/v1/domains",
    id="CreateDomain",
    tag="tenancy",
    gate=Gate(type=ObjectType.PLATFORM, permission=Permission.MANAGE),
    body=DomainCreateRequest,
    returns=created(DomainResponse, location="/v1/domains/{id}"),
    problems=[InvalidDomain, InvalidReachabilityPolicy, DomainSlugConflict, MeshCidrOverlap],
)
async def create_domain(call: Call[DomainCreateRequest], domains: Domains) -> DomainResponse:
    """Create a Domain."""
    return DomainResponse.of(await domains.create(call.body.command(), by=call.actor))


@operation(
    "GET",
    "/v1/domains",
    id="ListDomains",
    tag="tenancy",
    paging=Paging(name="DomainList", tells_emptiness=True),
    returns=ok(DomainResponse),
)
async def list_domains(call: Call[None], domains: Domains) -> Page[DomainResponse]:
    """List the Domains that the caller may read, by slug."""
    return (await domains.page(call.page, by=call.actor)).map(DomainResponse.of)


@operation(
    "GET",
    "/v1/domains/{id}",
    id="GetDomain",
    tag="tenancy",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.READ, on="id"),
    returns=ok(DomainResponse),
    problems=[DomainNotFound],
)
async def get_domain(call: Call[None], domains: Domains, id: DomainInPath) -> DomainResponse:
    """Read a Domain."""
    return DomainResponse.of(await domains.get(id))


OPERATIONS: tuple[Operation, ...] = (create_domain, list_domains, get_domain)
