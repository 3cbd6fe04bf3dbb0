"""Domains, Projects and Resources in memory."""

from collections.abc import Iterator

from attrs import frozen

from plexsphere_adapters.memory.paging import page_of
from plexsphere_adapters.memory.tables import Tables
from plexsphere_domain.kernel.ids import DomainId, ProjectId, ResourceId
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.mesh.nodes.model import Node
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import DomainChildCounts, ProjectChildCounts
from plexsphere_domain.tenancy.domains.errors import DomainNotEmpty, DomainSlugConflict, MeshCidrOverlap
from plexsphere_domain.tenancy.domains.model import Domain
from plexsphere_domain.tenancy.pool import Allocation, Reservation
from plexsphere_domain.tenancy.projects.errors import (
    ParentDomainMissing,
    ProjectNotEmpty,
    ProjectNotFound,
    ProjectSlugConflict,
    SubRangeOverlap,
)
from plexsphere_domain.tenancy.projects.model import Project
from plexsphere_domain.tenancy.resources.errors import ResourceExternalRefConflict
from plexsphere_domain.tenancy.resources.model import Resource


@frozen
class MemoryDomains:
    tables: Tables

    async def add(self, domain: Domain) -> None:
        if any(other.slug == domain.slug for other in self._others(domain)):
            raise DomainSlugConflict
        await self.save(domain)

    async def get(self, id: DomainId) -> Domain | None:
        return self.tables.domains.get(id)

    held = claimed = get

    async def page(self, request: PageRequest) -> Page[Domain]:
        return page_of(self.tables.domains.values(), request, lambda domain: (domain.slug,))

    async def save(self, domain: Domain) -> None:
        if any(other.mesh_cidr.overlaps(domain.mesh_cidr) for other in self._others(domain)):
            raise MeshCidrOverlap
        self.tables.domains[domain.id] = domain

    async def child_counts(self, id: DomainId) -> DomainChildCounts:
        return DomainChildCounts(
            projects=sum(project.domain_id == id for project in self.tables.projects.values()),
            nodes=sum(node.domain_id == id for node, _ in self.tables.nodes.values()),
        )

    async def remove(self, id: DomainId) -> None:
        children = await self.child_counts(id)
        if children:
            raise DomainNotEmpty(children)
        del self.tables.domains[id]

    def _others(self, domain: Domain) -> Iterator[Domain]:
        return (other for other in self.tables.domains.values() if other.id != domain.id)


@frozen
class MemoryProjects:
    tables: Tables

    async def add(self, project: Project) -> None:
        if project.domain_id not in self.tables.domains:
            raise ParentDomainMissing
        if any(sibling.slug == project.slug for sibling in self._siblings(project)):
            raise ProjectSlugConflict
        await self.save(project)

    async def get(self, id: ProjectId) -> Project | None:
        return self.tables.projects.get(id)

    claimed = get

    async def page(self, request: PageRequest, *, domain: DomainId | None) -> Page[Project]:
        rows = (each for each in self.tables.projects.values() if domain is None or each.domain_id == domain)
        return page_of(rows, request, lambda project: (project.slug, str(project.id)))

    async def save(self, project: Project) -> None:
        if await self.reservation_of_sibling(project) is not None:
            raise SubRangeOverlap
        self.tables.projects[project.id] = project

    async def reservation_outside(self, domain: DomainId, pool: MeshCidr) -> Reservation | None:
        reservations = self._reservations(each for each in self.tables.projects.values() if each.domain_id == domain)
        return next((each for each in reservations if not pool.contains(each.sub_range)), None)

    async def reservation_of_sibling(self, project: Project) -> Reservation | None:
        if project.sub_range is None:
            return None
        reservations = self._reservations(self._siblings(project))
        return next((each for each in reservations if each.sub_range.overlaps(project.sub_range)), None)

    async def child_counts(self, id: ProjectId) -> ProjectChildCounts:
        return ProjectChildCounts(
            resources=sum(resource.project_id == id for resource in self.tables.resources.values()),
            nodes=sum(node.project_id == id for node, _ in self.tables.nodes.values()),
        )

    async def remove(self, id: ProjectId) -> None:
        children = await self.child_counts(id)
        if children:
            raise ProjectNotEmpty(children)
        tokens = self.tables.bootstrap_tokens
        for token in [each for each in tokens.values() if each.scope.project_id == id]:
            del tokens[token.id]
        del self.tables.projects[id]

    def _siblings(self, project: Project) -> Iterator[Project]:
        everyone = self.tables.projects.values()
        return (other for other in everyone if other.domain_id == project.domain_id and other.id != project.id)

    @staticmethod
    def _reservations(projects: Iterator[Project]) -> Iterator[Reservation]:
        return (Reservation(each.id, each.sub_range) for each in projects if each.sub_range is not None)


@frozen
class MemoryResources:
    tables: Tables

    async def add(self, resource: Resource) -> None:
        if resource.project_id not in self.tables.projects:
            raise ProjectNotFound
        handle = (resource.project_id, resource.external_ref)
        taken = {(each.project_id, each.external_ref) for each in self.tables.resources.values()}
        if resource.external_ref is not None and handle in taken:
            raise ResourceExternalRefConflict
        self.tables.resources[resource.id] = resource

    async def get(self, id: ResourceId) -> Resource | None:
        return self.tables.resources.get(id)

    claimed = get

    async def page(self, project: ProjectId, request: PageRequest) -> Page[Resource]:
        rows = (each for each in self.tables.resources.values() if each.project_id == project)
        return page_of(rows, request, lambda resource: (resource.created_at.isoformat(), str(resource.id)))

    async def remove(self, id: ResourceId) -> None:
        del self.tables.resources[id]


@frozen
class MemoryMeshAllocations:
    tables: Tables

    async def outside(self, domain: DomainId, pool: MeshCidr) -> Allocation | None:
        nodes = (node for node in self._nodes() if node.domain_id == domain and not pool.holds(node.mesh_ip))
        return next((Allocation(node.id, node.mesh_ip) for node in nodes), None)

    async def left_out(self, project: ProjectId, *, of: MeshCidr, by: MeshCidr) -> Allocation | None:
        nodes = (node for node in self._nodes() if node.project_id == project and of.holds(node.mesh_ip))
        return next((Allocation(node.id, node.mesh_ip) for node in nodes if not by.holds(node.mesh_ip)), None)

    def _nodes(self) -> Iterator[Node]:
        return (node for node, _ in self.tables.nodes.values())
