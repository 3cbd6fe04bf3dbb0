"""What every store of Projects promises; see `tests.ports.tenancy` for the fixtures."""

from asyncio import gather
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import ProjectChildCounts
from plexsphere_domain.tenancy.domains.errors import (
    DomainNotEmpty,
)
from plexsphere_domain.tenancy.ports import TenancyTransaction
from plexsphere_domain.tenancy.projects.errors import (
    InvalidProject,
    NodeLeftOut,
    ParentDomainMissing,
    ProjectNotEmpty,
    ProjectNotFound,
    ProjectSlugConflict,
    RangeOfSibling,
    SubRangeOverlap,
)
from plexsphere_domain.tenancy.projects.model import Project, ProjectPatch
from plexsphere_domain.tenancy.resources.model import Resource
from tests.ports.tenancy import BY, POOLS, Settle, Tenancy, TenancyContract, part_of


class ProjectContract(TenancyContract):
    async def test_a_project_is_found_as_it_was_created(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        created = await tenancy.project(domain, description="Shop", sub_range_cidr=part_of(domain, 28))
        assert await tenancy.projects.get(created.id) == created

    async def test_what_does_not_exist_is_not_found(self, tenancy: Tenancy) -> None:
        unknown = ProjectId(uuid7())
        for attempt in (
            tenancy.projects.get(unknown),
            tenancy.projects.patch(unknown, ProjectPatch(name="x"), by=BY),
            tenancy.projects.delete(unknown, by=BY),
        ):
            with pytest.raises(ProjectNotFound):
                await attempt

    @pytest.mark.parametrize("reserving", [False, True])
    async def test_a_project_has_a_domain(self, tenancy: Tenancy, reserving: bool) -> None:
        missing = evolve(await tenancy.domain(), id=DomainId(uuid7()))
        with pytest.raises(ParentDomainMissing):
            await tenancy.project(missing, sub_range_cidr=part_of(missing, 28) if reserving else None)

    async def test_a_slug_is_taken_in_one_domain_only(self, tenancy: Tenancy) -> None:
        domain, other = await tenancy.domain(), await tenancy.domain()
        taken = await tenancy.project(domain)
        await tenancy.project(other, slug=taken.slug)
        with pytest.raises(ProjectSlugConflict):
            await tenancy.project(domain, slug=taken.slug)

    async def test_a_reservation_lies_in_the_pool_and_overlaps_no_sibling(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        await tenancy.project(domain, sub_range_cidr=part_of(domain, 26))
        with pytest.raises(SubRangeOverlap):
            await tenancy.project(domain, sub_range_cidr=part_of(domain, 28, at=1))
        with pytest.raises(InvalidProject):
            await tenancy.project(domain, sub_range_cidr=next(POOLS))
        await tenancy.project(domain, sub_range_cidr=part_of(domain, 26, at=1))

    async def test_a_refused_reservation_leaves_no_project(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        await tenancy.project(domain, sub_range_cidr=str(domain.mesh_cidr))
        with pytest.raises(SubRangeOverlap):
            await tenancy.project(domain, sub_range_cidr=part_of(domain, 28))
        page = await tenancy.projects.page(PageRequest(), domain=domain.id, by=BY)
        assert len(page.items) == 1

    async def test_a_patch_reserves_resizes_and_releases(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain)
        for patch, expected in (
            (ProjectPatch(sub_range_cidr=part_of(domain, 26)), part_of(domain, 26)),
            (ProjectPatch(name="Shop"), part_of(domain, 26)),
            (ProjectPatch(sub_range_cidr=part_of(domain, 25)), part_of(domain, 25)),
            (ProjectPatch(release_sub_range=True), None),
        ):
            patched = await tenancy.projects.patch(project.id, patch, by=BY)
            found = await tenancy.projects.get(project.id)
            assert found == patched
            assert found.sub_range == (MeshCidr.parse(expected) if expected else None)
        await tenancy.project(domain, sub_range_cidr=part_of(domain, 26))  # what was released is free

    async def test_a_patch_is_told_whose_range_it_overlaps(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        sibling = await tenancy.project(domain, sub_range_cidr=part_of(domain, 26))
        project = await tenancy.project(domain)
        with pytest.raises(RangeOfSibling) as refused:
            await tenancy.projects.patch(project.id, ProjectPatch(sub_range_cidr=part_of(domain, 25)), by=BY)
        assert f"project_id={sibling.id}" in refused.value.detail
        with pytest.raises(InvalidProject):
            await tenancy.projects.patch(project.id, ProjectPatch(sub_range_cidr="192.0.2.0/24"), by=BY)

    async def test_a_resize_keeps_the_projects_own_nodes(self, tenancy: Tenancy, settle: Settle) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain, sub_range_cidr=part_of(domain, 25))
        await settle(await tenancy.resource(project), domain.mesh_cidr.network[100])
        with pytest.raises(NodeLeftOut):
            await tenancy.projects.patch(project.id, ProjectPatch(sub_range_cidr=part_of(domain, 26)), by=BY)
        await tenancy.projects.patch(project.id, ProjectPatch(sub_range_cidr=part_of(domain, 26, at=1)), by=BY)
        await tenancy.projects.patch(project.id, ProjectPatch(release_sub_range=True), by=BY)

    async def test_only_an_empty_project_is_deleted(self, tenancy: Tenancy, settle: Settle) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain)
        await settle(await tenancy.resource(project), domain.mesh_cidr.network[1])
        with pytest.raises(ProjectNotEmpty) as refused:
            await tenancy.projects.delete(project.id, by=BY)
        assert refused.value.children == ProjectChildCounts(resources=1, nodes=1)

    async def test_a_deleted_project_takes_its_reservation_along(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain, sub_range_cidr=part_of(domain, 28))
        await tenancy.projects.delete(project.id, by=BY)
        with pytest.raises(ProjectNotFound):
            await tenancy.projects.get(project.id)
        await tenancy.project(domain, sub_range_cidr=part_of(domain, 28))
        with pytest.raises(DomainNotEmpty):
            await tenancy.domains.delete(domain.id, by=BY)

    async def test_the_store_itself_refuses_to_orphan_resources(
        self, tenancy: Tenancy, transactions: Transactions[TenancyTransaction]
    ) -> None:
        project = await tenancy.project(await tenancy.domain())
        await tenancy.resource(project)
        with pytest.raises(ProjectNotEmpty) as refused:
            async with transactions.begin() as tx:
                await tx.projects.remove(project.id)
        assert refused.value.children.resources == 1

    async def test_pages_go_by_slug_within_a_domain_and_across(self, tenancy: Tenancy) -> None:
        one, two = await tenancy.domain(), await tenancy.domain()
        mark = f"p-{uuid4().hex[:8]}"
        twins = [await tenancy.project(domain, slug=f"{mark}-b") for domain in (one, two)]
        first = await tenancy.project(one, slug=f"{mark}-a")
        ordered = [first, *sorted(twins, key=lambda project: project.id)]
        seen: list[Project] = []
        request = PageRequest(after=(mark, str(UUID(int=0))), limit=1)
        for _ in ordered:
            page = await tenancy.projects.page(request, domain=None, by=BY)
            seen += page.items
            request = evolve(request, after=page.next)
        assert seen == ordered
        of_one = await tenancy.projects.page(PageRequest(), domain=one.id, by=BY)
        assert list(of_one.items) == [first, twins[0]]
        assert of_one.next is None

    async def test_of_overlapping_reservations_at_once_one_comes_to_be(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        attempts = (tenancy.project(domain, sub_range_cidr=part_of(domain, 26)) for _ in range(6))
        outcomes = await gather(*attempts, return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Project"] + ["SubRangeOverlap"] * 5

    async def test_of_overlapping_resizes_at_once_one_comes_to_be(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        projects = [await tenancy.project(domain) for _ in range(4)]
        patch = ProjectPatch(sub_range_cidr=part_of(domain, 26))
        resizes = (tenancy.projects.patch(each.id, patch, by=BY) for each in projects)
        outcomes = await gather(*resizes, return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Project"] + ["RangeOfSibling"] * 3

    async def test_a_project_is_not_deleted_under_a_resource_that_appears(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        for _ in range(5):
            project = await tenancy.project(domain)
            born, gone = await gather(
                tenancy.resource(project), tenancy.projects.delete(project.id, by=BY), return_exceptions=True
            )
            if isinstance(born, Resource):
                assert isinstance(gone, ProjectNotEmpty)
            else:
                assert isinstance(born, ProjectNotFound)
                assert gone is None
