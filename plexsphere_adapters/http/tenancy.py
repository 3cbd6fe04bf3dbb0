"""Domains and Projects: the tag `tenancy`."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from plexsphere_adapters.http.identifiers import DomainFilter, DomainInPath, ProjectInPath
from plexsphere_adapters.http.operation import NO_CONTENT, Call, Gate, Operation, Paging, created, ok, operation
from plexsphere_adapters.http.wire import Expected, Immutable, Length, Pattern, wire
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.paging import Page
from plexsphere_domain.kernel.unset import UNSET, Unset
from plexsphere_domain.tenancy.domains.errors import (
    DomainNotEmpty,
    DomainNotFound,
    DomainSlugConflict,
    InvalidDomain,
    InvalidReachabilityPolicy,
    MeshCidrInvalidatesAllocation,
    MeshCidrInvalidatesSubrange,
    MeshCidrOverlap,
)
from plexsphere_domain.tenancy.domains.model import Domain, DomainPatch, NewDomain
from plexsphere_domain.tenancy.domains.reachability import NOTHING_SET, ReachabilityDraft, ReachabilityPolicy
from plexsphere_domain.tenancy.domains.service import Domains
from plexsphere_domain.tenancy.errors import EmptyPatch, SlugImmutable
from plexsphere_domain.tenancy.projects.errors import (
    InvalidProject,
    ParentDomainMissing,
    ProjectNotEmpty,
    ProjectNotFound,
    ProjectSlugConflict,
    SubRangeInvalidatesAllocation,
    SubRangeOverlap,
)
from plexsphere_domain.tenancy.projects.model import NewProject, Project, ProjectPatch
from plexsphere_domain.tenancy.projects.service import Projects

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


@wire(closed=True)
class DomainPatchRequest:
    """What is to change; the rest stays. An empty description clears it."""

    name: Annotated[str | Unset, Length(1, 255)] = UNSET
    description: Annotated[str | Unset, Length(0, 1024)] = UNSET
    region: Annotated[str | Unset, Length(0, 64), Pattern(SLUG)] = UNSET
    mesh_cidr: Annotated[str | Unset, Length(0, 49), Pattern(CIDR)] = UNSET
    reachability: DomainReachabilityPolicy | Unset = UNSET
    slug: Annotated[str | Unset, Immutable(SlugImmutable)] = UNSET

    def command(self) -> DomainPatch:
        return DomainPatch(
            name=self.name,
            description=self.description,
            region=self.region,
            mesh_cidr=self.mesh_cidr,
            reachability=UNSET if isinstance(self.reachability, Unset) else self.reachability.draft(),
        )


@operation(
    "PATCH",
    "/v1/domains/{id}",
    id="PatchDomain",
    tag="tenancy",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.MANAGE, on="id"),
    body=DomainPatchRequest,
    returns=ok(DomainResponse),
    problems=[
        SlugImmutable,
        EmptyPatch,
        InvalidDomain,
        InvalidReachabilityPolicy,
        DomainNotFound,
        MeshCidrOverlap,
        MeshCidrInvalidatesSubrange,
        MeshCidrInvalidatesAllocation,
    ],
)
async def patch_domain(call: Call[DomainPatchRequest], domains: Domains, id: DomainInPath) -> DomainResponse:
    """Change a Domain. Its slug cannot be changed."""
    return DomainResponse.of(await domains.patch(id, call.body.command(), by=call.actor))


@operation(
    "DELETE",
    "/v1/domains/{id}",
    id="DeleteDomain",
    tag="tenancy",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.MANAGE, on="id"),
    returns=NO_CONTENT,
    problems=[DomainNotFound, DomainNotEmpty],
)
async def delete_domain(call: Call[None], domains: Domains, id: DomainInPath) -> None:
    """Delete an empty Domain."""
    await domains.delete(id, by=call.actor)


@wire
class ProjectCreateRequest:
    """A new Project of a Domain, with or without a reserved part of the Domain's mesh pool."""

    domain_id: UUID
    name: NameText
    slug: SlugText
    description: DescriptionText = ""
    sub_range_cidr: CidrText | None = None

    def command(self) -> NewProject:
        return NewProject(
            domain_id=DomainId(self.domain_id),
            name=self.name,
            slug=self.slug,
            description=self.description,
            sub_range_cidr=self.sub_range_cidr,
        )


@wire(closed=True)
class ProjectPatchRequest:
    """What is to change; the rest stays. An empty description clears it."""

    name: Annotated[str | Unset, Length(1, 255)] = UNSET
    description: Annotated[str | Unset, Length(0, 1024)] = UNSET
    sub_range_cidr: Annotated[str | Unset, Length(0, 49), Pattern(CIDR)] = UNSET
    release_sub_range: bool = False
    slug: Annotated[str | Unset, Immutable(SlugImmutable)] = UNSET

    def command(self) -> ProjectPatch:
        return ProjectPatch(
            name=self.name,
            description=self.description,
            sub_range_cidr=self.sub_range_cidr,
            release_sub_range=self.release_sub_range,
        )


@wire
class ProjectResponse:
    """A Project. `sub_range_cidr` is absent while it reserves nothing."""

    id: UUID
    domain_id: UUID
    name: NameText
    slug: SlugText
    description: str
    created_at: datetime
    updated_at: datetime
    sub_range_cidr: CidrText | None = None

    @classmethod
    def of(cls, project: Project) -> Self:
        return cls(
            id=project.id,
            domain_id=project.domain_id,
            name=str(project.name),
            slug=str(project.slug),
            description=str(project.description),
            sub_range_cidr=str(project.sub_range) if project.sub_range else None,
            created_at=project.created_at,
            updated_at=project.updated_at,
        )


@operation(
    "POST",
    "/v1/projects",
    id="CreateProject",
    tag="tenancy",
    gate=Gate(type=ObjectType.DOMAIN, permission=Permission.MANAGE, on=lambda body: body.domain_id),
    body=ProjectCreateRequest,
    returns=created(ProjectResponse, location="/v1/projects/{id}"),
    problems=[InvalidProject, ParentDomainMissing, ProjectSlugConflict, SubRangeOverlap],
)
async def create_project(call: Call[ProjectCreateRequest], projects: Projects) -> ProjectResponse:
    """Create a Project in a Domain."""
    return ProjectResponse.of(await projects.create(call.body.command(), by=call.actor))


@operation(
    "GET",
    "/v1/projects",
    id="ListProjects",
    tag="tenancy",
    paging=Paging(name="ProjectList", tells_emptiness=True, scope="domain_id"),
    returns=ok(ProjectResponse),
)
async def list_projects(call: Call[None], projects: Projects, domain_id: DomainFilter = None) -> Page[ProjectResponse]:
    """List the Projects that the caller may read, by slug; of one Domain, or of all."""
    return (await projects.page(call.page, domain=domain_id, by=call.actor)).map(ProjectResponse.of)


@operation(
    "GET",
    "/v1/projects/{id}",
    id="GetProject",
    tag="tenancy",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.READ, on="id"),
    returns=ok(ProjectResponse),
    problems=[ProjectNotFound],
)
async def get_project(call: Call[None], projects: Projects, id: ProjectInPath) -> ProjectResponse:
    """Read a Project."""
    return ProjectResponse.of(await projects.get(id))


@operation(
    "PATCH",
    "/v1/projects/{id}",
    id="PatchProject",
    tag="tenancy",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.MANAGE, on="id"),
    body=ProjectPatchRequest,
    returns=ok(ProjectResponse),
    problems=[
        SlugImmutable,
        EmptyPatch,
        InvalidProject,
        ProjectNotFound,
        SubRangeInvalidatesAllocation,
        SubRangeOverlap,
    ],
)
async def patch_project(call: Call[ProjectPatchRequest], projects: Projects, id: ProjectInPath) -> ProjectResponse:
    """Change a Project. Its slug cannot be changed."""
    return ProjectResponse.of(await projects.patch(id, call.body.command(), by=call.actor))


@operation(
    "DELETE",
    "/v1/projects/{id}",
    id="DeleteProject",
    tag="tenancy",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.MANAGE, on="id"),
    returns=NO_CONTENT,
    problems=[ProjectNotFound, ProjectNotEmpty],
)
async def delete_project(call: Call[None], projects: Projects, id: ProjectInPath) -> None:
    """Delete an empty Project."""
    await projects.delete(id, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    create_domain,
    list_domains,
    get_domain,
    patch_domain,
    delete_domain,
    create_project,
    list_projects,
    get_project,
    patch_project,
    delete_project,
)
