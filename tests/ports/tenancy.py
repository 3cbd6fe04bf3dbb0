"""What every store of Domains, Projects and Resources promises, through the services that stand on it.

Subclassed for memory (unit) and PostgreSQL (integration). A subclass provides the fixtures `transactions` and
`settle`, which puts a live Node with a given address on a Resource.
"""

from asyncio import gather
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import Factory, define, evolve

from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.mesh.nodes.model import Node, StoredNsk
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NskDigest
from plexsphere_domain.tenancy.cidr import Address, MeshCidr
from plexsphere_domain.tenancy.counts import DomainChildCounts, ProjectChildCounts
from plexsphere_domain.tenancy.domains.errors import (
    DomainNotEmpty,
    DomainNotFound,
    DomainSlugConflict,
    MeshCidrInvalidatesAllocation,
    MeshCidrInvalidatesSubrange,
    MeshCidrOverlap,
)
from plexsphere_domain.tenancy.domains.model import Domain, DomainPatch, NewDomain
from plexsphere_domain.tenancy.domains.reachability import ReachabilityDraft
from plexsphere_domain.tenancy.domains.service import Domains
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
from plexsphere_domain.tenancy.projects.model import NewProject, Project, ProjectPatch
from plexsphere_domain.tenancy.projects.service import Projects
from plexsphere_domain.tenancy.resources.errors import (
    ResourceExternalRefConflict,
    ResourceNotFound,
    ResourcesNotProvisioned,
)
from plexsphere_domain.tenancy.resources.model import Adoption, Origin, ProvisioningOrder, Resource
from plexsphere_domain.tenancy.resources.service import Resources

START = datetime(2026, 5, 1, tzinfo=UTC)
BY = Actor(principal=Principal(PrincipalKind.USER, uuid4()), correlation_id="c-1")

Settle = Callable[[Resource, Address], Awaitable[NodeId]]


def node_on(resource: Resource, mesh_ip: Address) -> tuple[Node, StoredNsk]:
    """A live Node of the Resource, for `settle`."""
    node = Node(
        id=NodeId(uuid7()),
        domain_id=resource.domain_id,
        project_id=resource.project_id,
        resource_id=resource.id,
        bootstrap_token_id=BootstrapTokenId(uuid7()),
        mesh_ip=mesh_ip,
        public_key=X25519PublicKey(b"k" * 32),
        registered_at=START,
    )
    return node, StoredNsk(Sealed("w1", b"sealed"), NskDigest(b"d" * 32))


_pools = (f"100.{64 + high}.{low}.0/24" for high in count() for low in range(256))


@define
class Ticking:
    """A clock that moves a second whenever it is read."""

    reads: int = 0

    def now(self) -> datetime:
        self.reads += 1
        return START + timedelta(seconds=self.reads)


@define
class Retirement:
    """Remembers whose Nodes were to be retired."""

    of: list[ResourceId] = Factory(list)

    async def retire(self, tx: TenancyTransaction, resource: ResourceId, *, by: Actor) -> None:
        assert await tx.resources.get(resource) is not None
        self.of.append(resource)


@define
class Sight:
    """Sees everything but what is hidden, and counts how often it was asked."""

    hidden: set[UUID] = Factory(set)
    asked: int = 0

    async def __call__(self, actor: Actor, ids: Iterable[UUID], /) -> frozenset[UUID]:
        self.asked += 1
        return frozenset(ids) - self.hidden


@define
class Tenancy:
    """The services over one store."""

    transactions: Transactions[TenancyTransaction]
    clock: Ticking = Factory(Ticking)
    sight: Sight = Factory(Sight)
    retirement: Retirement = Factory(Retirement)

    @property
    def domains(self) -> Domains:
        return Domains(transactions=self.transactions, clock=self.clock, new_id=uuid7, readable=self.sight)

    @property
    def projects(self) -> Projects:
        return Projects(transactions=self.transactions, clock=self.clock, new_id=uuid7, readable=self.sight)

    @property
    def resources(self) -> Resources[TenancyTransaction]:
        return Resources(
            transactions=self.transactions,
            clock=self.clock,
            new_id=uuid7,
            observable=self.sight,
            retirement=self.retirement,
        )

    async def domain(self, **given: Any) -> Domain:
        asked: dict[str, Any] = {"name": "Acme", "slug": f"d-{uuid4().hex}", "mesh_cidr": next(_pools)} | given
        return await self.domains.create(NewDomain(**asked), by=BY)

    async def project(self, domain: Domain, **given: Any) -> Project:
        asked: dict[str, Any] = {"domain_id": domain.id, "name": "Web", "slug": f"p-{uuid4().hex}"} | given
        return await self.projects.create(NewProject(**asked), by=BY)

    async def resource(self, project: Project, external_ref: str | None = None) -> Resource:
        return await self.resources.create(project.id, Adoption(kind="vm", external_ref=external_ref), by=BY)


def part_of(domain: Domain, prefix: int, at: int = 0) -> str:
    """The `at`-th part of the Domain's pool of that prefix length."""
    return str(list(domain.mesh_cidr.network.subnets(new_prefix=prefix))[at])


class TenancyContract:
    @pytest.fixture
    def tenancy(self, transactions: Transactions[TenancyTransaction]) -> Tenancy:
        return Tenancy(transactions)


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
        pool = next(_pools)
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
        pool = next(_pools)
        outcomes = await gather(*(tenancy.domain(mesh_cidr=pool) for _ in range(6)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Domain"] + ["MeshCidrOverlap"] * 5

    async def test_of_domains_of_one_slug_created_at_once_one_comes_to_be(self, tenancy: Tenancy) -> None:
        slug = f"d-{uuid4().hex}"
        outcomes = await gather(*(tenancy.domain(slug=slug) for _ in range(4)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in outcomes) == ["Domain"] + ["DomainSlugConflict"] * 3

    async def test_domains_that_move_onto_each_other_do_not_hang(self, tenancy: Tenancy) -> None:
        domains = [await tenancy.domain() for _ in range(4)]
        target = next(_pools)
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
            await tenancy.project(domain, sub_range_cidr=next(_pools))
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
