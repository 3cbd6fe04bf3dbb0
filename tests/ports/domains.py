"""What every store of Domains promises; see `tests.ports.tenancy` for the fixtures."""

from asyncio import gather
from uuid import uuid4

import pytest
from attrs import evolve

from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.tenancy.counts import DomainChildCounts
from plexsphere_domain.tenancy.domains.errors import (
    DomainNotEmpty,
    DomainNotFound,
    DomainSlugConflict,
    MeshCidrInvalidatesAllocation,
    MeshCidrInvalidatesSubrange,
    MeshCidrOverlap,
)
from plexsphere_domain.tenancy.domains.model import Domain, DomainPatch
from plexsphere_domain.tenancy.domains.reachability import ReachabilityDraft
from plexsphere_domain.tenancy.ports import TenancyTransaction
from plexsphere_domain.tenancy.projects.errors import (
    InvalidProject,
    ParentDomainMissing,
)
from plexsphere_domain.tenancy.projects.model import Project
from tests.ports.tenancy import BY, POOLS, START, Settle, Tenancy, TenancyContract, part_of


class DomainContract(TenancyContract):
    async def test_a_domain_is_found_as_it_was_created(self, tenancy: Tenancy) -> None:
        policy = ReachabilityDraft(heartbeat_interval="20s", stale_after="1m30s", unreachable_after="300s")
        created = await tenancy.domain(region="eu-west", description="Two\nlines", reachability=policy)
        found = await tenancy.domains.get(created.id)
        assert found == created
        assert str(found.reachability.stale_after) == "1m30s"
        assert found.region == "eu-west"

    async def test_ipv6_pools_are_kept(self, tenancy: Tenancy) -> None:
        pool = f"fd00:{uuid4().hex[:4].lstrip('0') or '1'}::/32"
        created = await tenancy.domain(mesh_cidr=pool)
        assert str((await tenancy.domains.get(created.id)).mesh_cidr) == pool

    async def test_what_does_not_exist_is_not_found(self, tenancy: Tenancy) -> None:
        unknown = DomainId(uuid7())
        for attempt in (
            tenancy.domains.get(unknown),
            tenancy.domains.patch(unknown, DomainPatch(name="x"), by=BY),
            tenancy.domains.delete(unknown, by=BY),
        ):
            with pytest.raises(DomainNotFound):
                await attempt

    async def test_a_slug_names_one_domain(self, tenancy: Tenancy) -> None:
        taken = await tenancy.domain()
        with pytest.raises(DomainSlugConflict):
            await tenancy.domain(slug=taken.slug)

    async def test_pools_never_overlap(self, tenancy: Tenancy) -> None:
        taken = await tenancy.domain()
        other = await tenancy.domain()
        with pytest.raises(MeshCidrOverlap):
            await tenancy.domain(mesh_cidr=part_of(taken, 28, at=3))
        with pytest.raises(MeshCidrOverlap):
            await tenancy.domains.patch(other.id, DomainPatch(mesh_cidr=part_of(taken, 25)), by=BY)
        assert (await tenancy.domains.get(other.id)) == other

    async def test_a_patch_is_kept(self, tenancy: Tenancy) -> None:
        created = await tenancy.domain()
        pool = next(POOLS)
        patch = DomainPatch(name="New", description="", region="eu-north", mesh_cidr=pool)
        patched = await tenancy.domains.patch(created.id, patch, by=BY)
        assert await tenancy.domains.get(created.id) == patched
        assert patched.updated_at > created.updated_at
        await tenancy.domain(mesh_cidr=str(created.mesh_cidr))  # the pool that was left is free

    async def test_a_new_pool_keeps_every_reservation(self, tenancy: Tenancy) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain, sub_range_cidr=part_of(domain, 26, at=3))
        with pytest.raises(MeshCidrInvalidatesSubrange) as refused:
            await tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr=part_of(domain, 25, at=0)), by=BY)
        assert str(project.id) in refused.value.detail
        assert str(project.sub_range) in refused.value.detail
        await tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr=part_of(domain, 25, at=1)), by=BY)
        assert (await tenancy.projects.get(project.id)).sub_range == project.sub_range

    async def test_a_new_pool_keeps_every_live_address(self, tenancy: Tenancy, settle: Settle) -> None:
        domain = await tenancy.domain()
        resource = await tenancy.resource(await tenancy.project(domain))
        node = await settle(resource, domain.mesh_cidr.network[200])
        with pytest.raises(MeshCidrInvalidatesAllocation) as refused:
            await tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr=part_of(domain, 25, at=0)), by=BY)
        assert str(node) in refused.value.detail
        await tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr=part_of(domain, 25, at=1)), by=BY)

    async def test_only_an_empty_domain_is_deleted(self, tenancy: Tenancy, settle: Settle) -> None:
        domain = await tenancy.domain()
        project = await tenancy.project(domain)
        await settle(await tenancy.resource(project), domain.mesh_cidr.network[1])
        with pytest.raises(DomainNotEmpty) as refused:
            await tenancy.domains.delete(domain.id, by=BY)
        assert refused.value.children == DomainChildCounts(projects=1, nodes=1)
        empty = await tenancy.domain()
        await tenancy.domains.delete(empty.id, by=BY)
        with pytest.raises(DomainNotFound):
            await tenancy.domains.get(empty.id)

    async def test_the_store_itself_refuses_to_orphan_projects(
        self, tenancy: Tenancy, transactions: Transactions[TenancyTransaction]
    ) -> None:
        domain = await tenancy.domain()
        await tenancy.project(domain)
        with pytest.raises(DomainNotEmpty) as refused:
            async with transactions.begin() as tx:
                await tx.domains.remove(domain.id)
        assert refused.value.children.projects == 1

    async def test_pages_go_by_slug_and_leave_out_what_is_hidden(self, tenancy: Tenancy) -> None:
        mark = uuid4().hex[:8]
        domains = [await tenancy.domain(slug=f"{mark}-{letter}") for letter in "cadb"]
        tenancy.sight.hidden = {domains[3].id}
        first = await tenancy.domains.page(PageRequest(after=(mark,), limit=2), by=BY)
        assert [domain.slug for domain in first.items] == [f"{mark}-a"]
        assert (first.next, first.hidden, tenancy.sight.asked) == ((f"{mark}-b",), 1, 1)
        second = await tenancy.domains.page(PageRequest(after=first.next, limit=2), by=BY)
        assert [domain.slug for domain in second.items] == [f"{mark}-c", f"{mark}-d"]

    async def test_the_last_page_has_no_next(self, tenancy: Tenancy) -> None:
        last = await tenancy.domain(slug=f"zzzz-{uuid4().hex}")
        page = await tenancy.domains.page(PageRequest(after=("zzzz",), limit=200), by=BY)
        assert last in page.items
        assert page.next is None

    async def test_a_transaction_that_fails_leaves_nothing(
        self, tenancy: Tenancy, transactions: Transactions[TenancyTransaction]
    ) -> None:
        domain = await tenancy.domain()

        async def failing() -> None:
            async with transactions.begin() as tx:
                await tx.domains.save(evolve(domain, updated_at=START))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing()
        assert await tenancy.domains.get(domain.id) == domain

    async def test_of_overlapping_domains_created_at_once_one_comes_to_be(self, tenancy: Tenancy) -> None:
        pool = next(POOLS)
        outcomes = await gather(*(tenancy.domain(mesh_cidr=pool) for _ in range(6)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Domain"] + ["MeshCidrOverlap"] * 5

    async def test_of_domains_of_one_slug_created_at_once_one_comes_to_be(self, tenancy: Tenancy) -> None:
        slug = f"d-{uuid4().hex}"
        outcomes = await gather(*(tenancy.domain(slug=slug) for _ in range(4)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Domain"] + ["DomainSlugConflict"] * 3

    async def test_domains_that_move_onto_each_other_do_not_hang(self, tenancy: Tenancy) -> None:
        domains = [await tenancy.domain() for _ in range(4)]
        target = next(POOLS)
        moves = (tenancy.domains.patch(each.id, DomainPatch(mesh_cidr=target), by=BY) for each in domains)
        outcomes = await gather(*moves, return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Domain"] + ["MeshCidrOverlap"] * 3

    async def test_a_domain_is_not_deleted_under_a_project_that_appears(self, tenancy: Tenancy) -> None:
        for _ in range(5):
            domain = await tenancy.domain()
            born, gone = await gather(
                tenancy.project(domain), tenancy.domains.delete(domain.id, by=BY), return_exceptions=True
            )
            if isinstance(born, Project):
                assert isinstance(gone, DomainNotEmpty)
                assert gone.children == DomainChildCounts(projects=1)
            else:
                assert isinstance(born, ParentDomainMissing)
                assert gone is None

    async def test_a_pool_does_not_move_from_under_a_reservation(self, tenancy: Tenancy) -> None:
        for _ in range(5):
            domain = await tenancy.domain()
            upper, lower = part_of(domain, 25, at=1), part_of(domain, 25, at=0)
            reserved, moved = await gather(
                tenancy.project(domain, sub_range_cidr=upper),
                tenancy.domains.patch(domain.id, DomainPatch(mesh_cidr=lower), by=BY),
                return_exceptions=True,
            )
            if isinstance(reserved, Project):
                assert isinstance(moved, MeshCidrInvalidatesSubrange)
            else:
                assert isinstance(reserved, InvalidProject)
                assert isinstance(moved, Domain)
