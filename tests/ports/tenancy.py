"""The services of tenancy over any store, for the contracts that every store keeps.

Subclassed for memory (unit) and PostgreSQL (integration). A subclass provides the fixtures `transactions` and
`settle`, which puts a live Node with a given address on a Resource.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import Factory, define

from plexsphere_adapters.system import uuid7
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import BootstrapTokenId, NodeId, ResourceId
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.transactions import Transactions
from plexsphere_domain.mesh.nodes.model import Node, StoredNsk
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NskDigest
from plexsphere_domain.tenancy.cidr import Address
from plexsphere_domain.tenancy.domains.model import Domain, NewDomain
from plexsphere_domain.tenancy.domains.service import Domains
from plexsphere_domain.tenancy.ports import TenancyTransaction
from plexsphere_domain.tenancy.projects.model import NewProject, Project
from plexsphere_domain.tenancy.projects.service import Projects
from plexsphere_domain.tenancy.resources.model import Adoption, Resource
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


POOLS = (f"100.{64 + high}.{low}.0/24" for high in count() for low in range(256))


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
        asked: dict[str, Any] = {"name": "Acme", "slug": f"d-{uuid4().hex}", "mesh_cidr": next(POOLS)} | given
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
