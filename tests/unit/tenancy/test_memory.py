"""Tenancy in memory keeps the promises of every store."""

import pytest

from plexsphere_adapters.memory.transactions import MemoryTransactions
from plexsphere_domain.kernel.ids import NodeId
from plexsphere_domain.tenancy.cidr import Address
from plexsphere_domain.tenancy.domains.events import DomainCreated, DomainDeleted, DomainMeshChanged, DomainUpdated
from plexsphere_domain.tenancy.domains.model import DomainPatch
from plexsphere_domain.tenancy.projects.events import ProjectCreated, ProjectDeleted, ProjectUpdated
from plexsphere_domain.tenancy.projects.model import ProjectPatch
from plexsphere_domain.tenancy.resources.events import ResourceCreated, ResourceDeleted
from plexsphere_domain.tenancy.resources.model import Resource
from tests.ports.domains import DomainContract
from tests.ports.projects import ProjectContract
from tests.ports.resources import ResourceContract
from tests.ports.tenancy import BY, Settle, Tenancy, node_on


@pytest.fixture
def transactions() -> MemoryTransactions:
    return MemoryTransactions()


@pytest.fixture
def settle(transactions: MemoryTransactions) -> Settle:
    async def settled(resource: Resource, mesh_ip: Address) -> NodeId:
        node, nsk = node_on(resource, mesh_ip)
        transactions.tables.nodes[node.id] = (node, nsk)
        return node.id

    return settled


class TestMemoryDomains(DomainContract): ...


class TestMemoryProjects(ProjectContract): ...


class TestMemoryResources(ResourceContract): ...


async def test_every_command_leaves_its_fact_and_its_action(transactions: MemoryTransactions) -> None:
    tenancy = Tenancy(transactions)
    domain = await tenancy.domain()
    await tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr="192.0.2.0/24"), by=BY)
    await tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr="192.0.2.0/24"), by=BY)
    project = await tenancy.project(domain)
    await tenancy.projects.patch(project.id, ProjectPatch(name="Shop"), by=BY)
    resource = await tenancy.resource(project)
    await tenancy.resources.delete(resource.id, by=BY)
    await tenancy.projects.delete(project.id, by=BY)
    await tenancy.domains.delete(domain.id, by=BY)

    domain_id, by = domain.id, BY.principal
    assert transactions.tables.events == [
        DomainCreated(domain_id=domain_id, slug=domain.slug, created_by=by),
        DomainUpdated(domain_id=domain_id),
        DomainMeshChanged(domain_id=domain_id, mesh_cidr="192.0.2.0/24"),
        DomainUpdated(domain_id=domain_id),
        ProjectCreated(domain_id=domain_id, project_id=project.id, created_by=by),
        ProjectUpdated(domain_id=domain_id, project_id=project.id),
        ResourceCreated(domain_id=domain_id, project_id=project.id, resource_id=resource.id, kind="vm"),
        ResourceDeleted(domain_id=domain_id, project_id=project.id, resource_id=resource.id),
        ProjectDeleted(domain_id=domain_id, project_id=project.id),
        DomainDeleted(domain_id=domain_id, slug=domain.slug),
    ]
    assert [(each.action, each.object_id) for each in transactions.tables.actions] == [
        ("domain.create", domain_id),
        ("domain.patch", domain_id),
        ("domain.patch", domain_id),
        ("project.create", project.id),
        ("project.patch", project.id),
        ("resource.create", resource.id),
        ("resource.delete", resource.id),
        ("project.delete", project.id),
        ("domain.delete", domain_id),
    ]
    assert {(each.domain_id, each.by) for each in transactions.tables.actions} == {(domain_id, BY)}
