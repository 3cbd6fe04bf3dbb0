"""What every store of Resources promises; see `tests.ports.tenancy` for the fixtures."""

from asyncio import gather
from uuid import uuid4

import pytest
from attrs import evolve

from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.ids import ProjectId, ResourceId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.tenancy.projects.errors import (
    ProjectNotFound,
)
from plexsphere_domain.tenancy.projects.model import Project
from plexsphere_domain.tenancy.resources.errors import (
    ResourceExternalRefConflict,
    ResourceNotFound,
    ResourcesNotProvisioned,
)
from plexsphere_domain.tenancy.resources.model import Origin, ProvisioningOrder
from tests.ports.tenancy import BY, Tenancy, TenancyContract


class ResourceContract(TenancyContract):
    @pytest.fixture
    async def project(self, tenancy: Tenancy) -> Project:
        return await tenancy.project(await tenancy.domain())

    async def test_a_resource_is_found_as_it_was_created(self, tenancy: Tenancy, project: Project) -> None:
        created = await tenancy.resource(project, "urn:vm:1")
        assert await tenancy.resources.get(created.id) == created
        assert (created.domain_id, created.origin) == (project.domain_id, Origin.ADOPTED)

    async def test_what_does_not_exist_is_not_found(self, tenancy: Tenancy, project: Project) -> None:
        unknown = ResourceId(uuid7())
        with pytest.raises(ResourceNotFound):
            await tenancy.resources.get(unknown)
        with pytest.raises(ResourceNotFound):
            await tenancy.resources.delete(unknown, by=BY)
        with pytest.raises(ProjectNotFound):
            await tenancy.resource(evolve(project, id=ProjectId(uuid7())))

    async def test_nothing_is_provisioned_without_a_broker(self, tenancy: Tenancy, project: Project) -> None:
        order = ProvisioningOrder(kind="vm", blueprint_version_id=uuid4(), cloud_credential_id=uuid4(), parameters={})
        with pytest.raises(ResourcesNotProvisioned):
            await tenancy.resources.create(project.id, order, by=BY)

    async def test_a_reference_names_one_resource_of_a_project(self, tenancy: Tenancy, project: Project) -> None:
        await tenancy.resource(project, "urn:vm:1")
        with pytest.raises(ResourceExternalRefConflict):
            await tenancy.resource(project, "urn:vm:1")
        await tenancy.resource(await tenancy.project(await tenancy.domain()), "urn:vm:1")
        await tenancy.resource(project)
        await tenancy.resource(project)

    async def test_a_deletion_retires_the_nodes_first(self, tenancy: Tenancy, project: Project) -> None:
        resource = await tenancy.resource(project)
        await tenancy.resources.delete(resource.id, by=BY)
        assert tenancy.retirement.of == [resource.id]
        with pytest.raises(ResourceNotFound):
            await tenancy.resources.get(resource.id)

    async def test_pages_go_by_creation(self, tenancy: Tenancy, project: Project) -> None:
        resources = [await tenancy.resource(project) for _ in range(3)]
        tenancy.sight.hidden = {resources[0].id}
        first = await tenancy.resources.page(project.id, PageRequest(limit=2), by=BY)
        assert (list(first.items), first.hidden) == ([resources[1]], 1)
        second = await tenancy.resources.page(project.id, PageRequest(after=first.next, limit=2), by=BY)
        assert (list(second.items), second.next) == ([resources[2]], None)
        assert tenancy.sight.asked == 2

    async def test_of_resources_of_one_reference_at_once_one_comes_to_be(
        self, tenancy: Tenancy, project: Project
    ) -> None:
        attempts = (tenancy.resource(project, "urn:vm:1") for _ in range(4))
        outcomes = await gather(*attempts, return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Resource"] + ["ResourceExternalRefConflict"] * 3
