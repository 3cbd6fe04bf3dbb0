"""What can be done with Projects."""

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import DomainId, NewId, ProjectId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.kernel.paging import Page, PageRequest
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.tenancy.ports import TenancyTransaction, Visible
from plexsphere_domain.tenancy.projects.errors import (
    NodeLeftOut,
    ParentDomainMissing,
    ProjectNotEmpty,
    ProjectNotFound,
    RangeOfSibling,
)
from plexsphere_domain.tenancy.projects.events import ProjectCreated, ProjectDeleted, ProjectUpdated
from plexsphere_domain.tenancy.projects.model import NewProject, Project, ProjectPatch


@frozen(kw_only=True)
class Projects:
    """Creates, shows, changes and deletes Projects. Whether the caller may was decided before."""

    transactions: Transactions[TenancyTransaction]
    clock: Clock
    new_id: NewId
    readable: Visible

    async def create(self, new: NewProject, *, by: Actor) -> Project:
        """Raises InvalidProject, ParentDomainMissing, ProjectSlugConflict, SubRangeOverlap."""
        project = Project.create(new, id=ProjectId(self.new_id()), now=self.clock.now())
        async with self.transactions.begin() as tx:
            if project.sub_range is not None:
                await _within_pool(tx, project)
            await tx.projects.add(project)
            await tx.outbox.append(
                ProjectCreated(domain_id=project.domain_id, project_id=project.id, created_by=by.principal)
            )
            await tx.journal.record(_action("create", project, by))
        return project

    async def get(self, id: ProjectId) -> Project:
        """Raises ProjectNotFound."""
        async with self.transactions.begin() as tx:
            return _found(await tx.projects.get(id))

    async def page(self, request: PageRequest, *, domain: DomainId | None, by: Actor) -> Page[Project]:
        """The window of a Domain's Projects, or of all, without those that the caller may not read."""
        async with self.transactions.begin() as tx:
            window = await tx.projects.page(request, domain=domain)
        readable = await self.readable(by, [project.id for project in window.items])
        return window.keep(lambda project: project.id in readable)

    async def patch(self, id: ProjectId, patch: ProjectPatch, *, by: Actor) -> Project:
        """Raises what `Project.patched` raises, ProjectNotFound, SubRangeInvalidatesAllocation, SubRangeOverlap."""
        async with self.transactions.begin() as tx:
            before = _found(await tx.projects.claimed(id))
            project = before.patched(patch, now=self.clock.now())
            if project.sub_range != before.sub_range:
                await _reserve(tx, project, instead_of=before)
            await tx.projects.save(project)
            await tx.outbox.append(ProjectUpdated(domain_id=project.domain_id, project_id=id))
            await tx.journal.record(_action("patch", project, by))
        return project

    async def delete(self, id: ProjectId, *, by: Actor) -> None:
        """Raises ProjectNotFound, ProjectNotEmpty."""
        async with self.transactions.begin() as tx:
            project = _found(await tx.projects.claimed(id))
            children = await tx.projects.child_counts(id)
            if children:
                raise ProjectNotEmpty(children)
            await tx.projects.remove(id)
            await tx.outbox.append(ProjectDeleted(domain_id=project.domain_id, project_id=id))
            await tx.journal.record(_action("delete", project, by))


async def _within_pool(tx: TenancyTransaction, project: Project) -> None:
    """Refuse a range outside the Domain's pool, and let nobody move the pool before this transaction ends."""
    domain = await tx.domains.held(project.domain_id)
    if domain is None:
        raise ParentDomainMissing
    project.fits(domain.mesh_cidr)


async def _reserve(tx: TenancyTransaction, project: Project, *, instead_of: Project) -> None:
    """Refuse a range outside the pool, one that a sibling has, and one that leaves the Project's own Nodes behind."""
    if project.sub_range is None:
        return
    await _within_pool(tx, project)
    sibling = await tx.projects.reservation_of_sibling(project)
    if sibling is not None:
        raise RangeOfSibling(sibling)
    if instead_of.sub_range is None:
        return
    left_out = await tx.mesh_allocations.left_out(project.id, of=instead_of.sub_range, by=project.sub_range)
    if left_out is not None:
        raise NodeLeftOut(left_out)


def _found(project: Project | None) -> Project:
    if project is None:
        raise ProjectNotFound
    return project


def _action(verb: str, project: Project, by: Actor) -> PrivilegedAction:
    return PrivilegedAction(
        action=f"project.{verb}", object_type="project", object_id=project.id, domain_id=project.domain_id, by=by
    )
