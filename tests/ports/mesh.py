"""What every store of the mesh promises. Subclassed for memory (unit) and PostgreSQL (integration)."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from random import Random
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest
from attrs import define

from plexsphere_domain.identity.registration.errors import EnrolmentProjectNotFound, HandleNotFound
from plexsphere_domain.identity.registration.ports import RegistrationTransaction
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.paging import PageRequest
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.mesh.addresses.errors import PoolExhausted, SubrangeExhausted
from plexsphere_domain.mesh.addresses.model import Address, Network, hosts
from plexsphere_domain.mesh.nodes.model import LiveCredential, Node, Peer, RevokedCredential, StoredNsk
from plexsphere_domain.mesh.nodes.ports import NodeCredentialLookup, NodeDirectory
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.retirement import NodeRetirement
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey
from plexsphere_domain.mesh.reachability.ports import HeartbeatLog, ReachabilityTransaction, StandingLookup
from plexsphere_domain.mesh.state.directory import PeerDirectory
from plexsphere_domain.mesh.state.ports import PeerLog

NOON = datetime(2026, 5, 27, 12, tzinfo=UTC)
OPERATOR = Actor(principal=Principal(PrincipalKind.USER, uuid4()), correlation_id="test")


@define
class Watch:
    """A clock that is set by hand."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> datetime:
        self.time += timedelta(seconds=seconds)
        return self.time


class MeshTransaction(RegistrationTransaction, ReachabilityTransaction, Protocol):
    """All that the mesh does in transactions."""


class Ground(Protocol):
    """A store with the mesh on it, and the tenancy below it."""

    watch: Watch
    credentials: NodeCredentialLookup
    standings: StandingLookup
    heartbeats: HeartbeatLog
    peers: PeerLog
    directory: NodeDirectory

    def begin(self) -> AbstractAsyncContextManager[MeshTransaction]: ...

    async def domain(self, prefix: int = 24) -> tuple[DomainId, Network]:
        """A new Domain with a pool of that prefix length, 90 s and 300 s of patience."""
        ...

    async def project(self, domain: DomainId) -> ProjectId: ...

    async def resource(self, project: ProjectId, *, kind: str = "vm", ref: str | None = None) -> ResourceId: ...

    async def reserve(self, project: ProjectId, sub_range: Network | None) -> None:
        """Give the Project this reservation instead of what it had."""
        ...

    async def move(self, domain: DomainId, pool: Network) -> None: ...

    async def facts(self, domain: DomainId) -> Sequence[tuple[str, Any]]:
        """Type and payload of what the Domain put on the outbox."""
        ...

    async def actions(self, domain: DomainId) -> Sequence[tuple[str, UUID, UUID]]:
        """The actions on the Domain's audit chain: name, object, identity; in order."""
        ...


def nsk(fill: int = 7) -> NodeSecretKey:
    return NodeSecretKey(SecretBytes(bytes([fill]) * 32))


def node_on(domain: DomainId, project: ProjectId, resource: ResourceId, address: Address, at: datetime) -> Node:
    return Node(
        id=NodeId(uuid4()),
        domain_id=domain,
        project_id=project,
        resource_id=resource,
        bootstrap_token_id=BootstrapTokenId(uuid4()),
        mesh_ip=address,
        public_key=X25519PublicKey(uuid4().bytes * 2),
        registered_at=at,
    )


async def enrol(ground: Ground, domain: DomainId, project: ProjectId, resource: ResourceId | None = None) -> Node:
    """A Node enrolled as registration does it."""
    resource = resource or await ground.resource(project)
    async with ground.begin() as tx:
        address = await tx.mesh_addresses.allocate(domain, project)
        node = node_on(domain, project, resource, address, ground.watch.now())
        await tx.nodes.add(node, StoredNsk(Sealed("wrap-1", b"sealed"), nsk().digest))
    return node


async def retire(ground: Ground, resource: ResourceId) -> None:
    async with ground.begin() as tx:
        await NodeRetirement(ground.watch).retire(tx, resource, by=OPERATOR)


def addresses(nodes: Sequence[Node]) -> list[str]:
    return [str(node.mesh_ip) for node in nodes]


class MeshAddressesContract:
    """The allocator."""

    async def test_addresses_are_given_out_from_the_lowest_up(self, ground: Ground) -> None:
        domain, pool = await ground.domain()
        project = await ground.project(domain)
        nodes = [await enrol(ground, domain, project) for _ in range(3)]
        assert addresses(nodes) == [str(pool[1]), str(pool[2]), str(pool[3])]

    async def test_a_released_address_is_the_next_one(self, ground: Ground) -> None:
        domain, pool = await ground.domain()
        project = await ground.project(domain)
        nodes = [await enrol(ground, domain, project) for _ in range(4)]
        for gone in (nodes[2], nodes[0]):
            await retire(ground, gone.resource_id)
        again = [await enrol(ground, domain, project) for _ in range(3)]
        assert addresses(again) == [str(pool[1]), str(pool[3]), str(pool[5])]

    async def test_an_allocation_that_is_rolled_back_did_not_happen(self, ground: Ground) -> None:
        domain, pool = await ground.domain()
        project = await ground.project(domain)

        async def changes_its_mind() -> None:
            async with ground.begin() as tx:
                await tx.mesh_addresses.allocate(domain, project)
                raise InterruptedError

        with pytest.raises(InterruptedError):
            await changes_its_mind()
        assert (await enrol(ground, domain, project)).mesh_ip == pool[1]

    async def test_a_full_pool(self, ground: Ground) -> None:
        domain, _ = await ground.domain(prefix=30)
        project = await ground.project(domain)
        first, _ = [await enrol(ground, domain, project) for _ in range(2)]
        for _ in range(2):
            with pytest.raises(PoolExhausted):
                await enrol(ground, domain, project)
        await retire(ground, first.resource_id)
        assert (await enrol(ground, domain, project)).mesh_ip == first.mesh_ip

    async def test_a_project_with_a_reservation_has_that_and_nothing_else(self, ground: Ground) -> None:
        domain, pool = await ground.domain()
        project, other = await ground.project(domain), await ground.project(domain)
        await ground.reserve(project, ip_network((pool[8], 30)))
        assert addresses([await enrol(ground, domain, project) for _ in range(2)]) == [str(pool[9]), str(pool[10])]
        with pytest.raises(SubrangeExhausted):
            await enrol(ground, domain, project)
        assert (await enrol(ground, domain, other)).mesh_ip == pool[1]

    async def test_the_flat_pool_leaves_reservations_out(self, ground: Ground) -> None:
        domain, pool = await ground.domain(prefix=28)
        project, other = await ground.project(domain), await ground.project(domain)
        await ground.reserve(other, ip_network((pool[0], 30)))
        nodes = [await enrol(ground, domain, project) for _ in range(11)]
        assert addresses(nodes) == [str(pool[number]) for number in range(4, 15)]
        with pytest.raises(PoolExhausted):
            await enrol(ground, domain, project)

    async def test_pools_follow_what_is_reserved_and_released(self, ground: Ground) -> None:
        domain, pool = await ground.domain(prefix=28)
        project, other = await ground.project(domain), await ground.project(domain)
        first = await enrol(ground, domain, project)
        await ground.reserve(other, ip_network((pool[0], 29)))
        assert (await enrol(ground, domain, project)).mesh_ip == pool[8]
        assert (await enrol(ground, domain, other)).mesh_ip == pool[2]
        await retire(ground, first.resource_id)
        assert (await enrol(ground, domain, other)).mesh_ip == pool[1]
        await ground.reserve(other, None)
        assert (await enrol(ground, domain, project)).mesh_ip == pool[3]

    async def test_an_address_of_before_the_reservation_goes_to_whom_it_belongs_now(self, ground: Ground) -> None:
        domain, pool = await ground.domain(prefix=28)
        project, other = await ground.project(domain), await ground.project(domain)
        first, second = [await enrol(ground, domain, project) for _ in range(2)]
        await ground.reserve(other, ip_network((pool[2], 31)))
        await enrol(ground, domain, project)
        assert (await enrol(ground, domain, other)).mesh_ip == pool[3]
        await retire(ground, first.resource_id)
        await retire(ground, second.resource_id)
        assert (await enrol(ground, domain, other)).mesh_ip == pool[2]
        assert (await enrol(ground, domain, project)).mesh_ip == pool[1]

    async def test_pools_follow_a_domain_that_moves(self, ground: Ground) -> None:
        domain, pool = await ground.domain(prefix=28)
        project = await ground.project(domain)
        assert (await enrol(ground, domain, project)).mesh_ip == pool[1]
        wider = IPv4Network(pool).supernet(new_prefix=27)
        await ground.move(domain, wider)
        assert (await enrol(ground, domain, project)).mesh_ip == min(set(hosts_of(wider)) - {pool[1]})

    async def test_any_history_gives_out_the_lowest_free_address(self, ground: Ground) -> None:
        random = Random(20260527)
        domain, pool = await ground.domain(prefix=28)
        project = await ground.project(domain)
        free, live = set(hosts_of(pool)), list[Node]()
        for _ in range(80):
            if live and (not free or random.random() < 0.45):
                gone = live.pop(random.randrange(len(live)))
                await retire(ground, gone.resource_id)
                free.add(gone.mesh_ip)
            else:
                node = await enrol(ground, domain, project)
                assert node.mesh_ip == min(free)
                free.remove(node.mesh_ip)
                live.append(node)

    async def test_sixty_four_at_once_get_sixty_four_addresses(self, ground: Ground) -> None:
        domain, pool = await ground.domain(prefix=25)
        project = await ground.project(domain)
        resource = await ground.resource(project)
        nodes = await asyncio.gather(*(enrol(ground, domain, project, resource) for _ in range(64)))
        assert sorted(node.mesh_ip for node in nodes) == [pool[number] for number in range(1, 65)]


def hosts_of(network: Network) -> list[Address]:
    within = hosts(network)
    return [ip_address(number) for number in range(int(within.first), int(within.last) + 1)]


class NodesContract:
    """Live Nodes, their tombstones, and what their peers learn."""

    async def test_a_live_credential(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        assert await ground.credentials(node.id) == LiveCredential(domain, nsk().digest)
        assert await ground.directory.domain_of(node.id) == domain
        assert await ground.credentials(NodeId(uuid4())) is None

    async def test_the_credential_of_a_retired_node_is_revoked(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        await retire(ground, node.resource_id)
        assert await ground.credentials(node.id) == RevokedCredential(nsk().digest)
        assert await ground.standings(node.id) is None
        assert await ground.directory.domain_of(node.id) is None

    async def test_a_node_is_found_by_the_token_that_it_enrolled_with(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        async with ground.begin() as tx:
            found = await tx.nodes.enrolled_with(node.bootstrap_token_id)
            assert found == (node, StoredNsk(Sealed("wrap-1", b"sealed"), nsk().digest))
            assert await tx.nodes.enrolled_with(BootstrapTokenId(uuid4())) is None

    async def test_retirement_takes_all_nodes_of_the_resource_and_tells_of_each(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        project = await ground.project(domain)
        resource = await ground.resource(project)
        nodes = [await enrol(ground, domain, project, resource) for _ in range(3)]
        stays = await enrol(ground, domain, project)
        await retire(ground, resource)
        await retire(ground, resource)
        gone = [fact for kind, fact in await ground.facts(domain) if kind == "NodeDeregistered"]
        assert {fact["node_id"] for fact in gone} == {str(node.id) for node in nodes}
        assert {fact["mesh_ip"] for fact in gone} == set(addresses(nodes))
        assert [peer.node_id for peer in (await ground.peers.since(domain, 0)).live] == [stays.id]

    async def test_peers_from_the_start(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        assert (await ground.peers.since(domain, 0)).version == 0
        project = await ground.project(domain)
        nodes = [await enrol(ground, domain, project) for _ in range(3)]
        changes = await ground.peers.since(domain, 0)
        assert set(changes.live) == {node.as_peer for node in nodes}
        assert changes.gone == ()
        assert changes.version == await version(ground, nodes[0])

    async def test_peers_since_a_version_are_only_what_changed(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        project = await ground.project(domain)
        first, second = [await enrol(ground, domain, project) for _ in range(2)]
        before = await version(ground, first)
        third = await enrol(ground, domain, project)
        await retire(ground, second.resource_id)
        changes = await ground.peers.since(domain, before)
        assert (set(changes.live), changes.gone) == ({third.as_peer}, (second.id,))
        assert changes.version > before
        assert await ground.peers.since(domain, changes.version) == type(changes)(version=changes.version)

    async def test_following_the_changes_ends_where_a_fresh_start_does(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        project = await ground.project(domain)
        directory, live = PeerDirectory.empty(), list[Node]()
        for step in range(12):
            if step % 3 == 2:
                await retire(ground, live.pop(0).resource_id)
            else:
                live.append(await enrol(ground, domain, project))
            directory = directory.advance(await ground.peers.since(domain, directory.version))
        stranger = NodeId(uuid4())
        assert [peer.node_id for peer in directory.around(stranger)] == sorted(node.id for node in live)
        fresh = PeerDirectory.empty().advance(await ground.peers.since(domain, 0))
        assert directory.encode_without(stranger) == fresh.encode_without(stranger)
        assert [entry["public_key"] for entry in json.loads(fresh.encode_without(stranger))] == [
            b64encode(node.public_key.raw).decode() for node in sorted(live, key=lambda node: node.id)
        ]

    async def test_a_version_that_is_seen_has_all_its_changes(self, ground: Ground) -> None:
        domain, _ = await ground.domain(prefix=25)
        project = await ground.project(domain)
        resource = await ground.resource(project)
        directory = PeerDirectory.empty()

        async def follow() -> None:
            nonlocal directory
            while len(list(directory.peers())) < 30:
                directory = directory.advance(await ground.peers.since(domain, directory.version))
                await asyncio.sleep(0)

        await asyncio.gather(follow(), *(enrol(ground, domain, project, resource) for _ in range(30)))
        assert directory.version == 30

    async def test_pages_of_nodes(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        other, _ = await ground.domain()
        project = await ground.project(domain)
        mine = sorted([(await enrol(ground, domain, project)).id for _ in range(5)])
        await enrol(ground, other, await ground.project(other))
        seen, request = list[NodeId](), PageRequest(limit=2)
        while True:
            page = await ground.directory.page(request, domain)
            seen += [node.id for node in page.items]
            assert all(node.domain_id == domain and node.created_at == NOON for node in page.items)
            if page.next is None:
                break
            request = PageRequest(after=page.next, limit=2)
        assert seen == mine
        everywhere = await ground.directory.page(PageRequest(limit=200), None)
        assert {node.domain_id for node in everywhere.items} >= {domain, other}

    async def test_a_public_key_and_fallback_travel_unchanged(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        node = await enrol(ground, domain, await ground.project(domain))
        (peer,) = (await ground.peers.since(domain, 0)).live
        assert peer == Peer(node_id=node.id, mesh_ip=node.mesh_ip, public_key=node.public_key)


async def version(ground: Ground, node: Node) -> int:
    standing = await ground.standings(node.id)
    assert standing is not None
    return standing.peers_version


class PlacementsContract:
    """Where machines enrol."""

    async def test_by_reference_and_by_id(self, ground: Ground) -> None:
        domain, pool = await ground.domain()
        project = await ground.project(domain)
        resource = await ground.resource(project, kind="bridge", ref="edge-1")
        async with ground.begin() as tx:
            placement = await tx.placements.find(project, "edge-1")
            assert placement == await tx.placements.find(project, str(resource))
            assert placement == await tx.placements.hold(placement)
        assert (placement.domain_id, placement.resource_id, placement.mesh_cidr) == (domain, resource, pool)
        assert placement.resource_kind == "bridge"

    async def test_a_reference_that_looks_like_an_id_is_a_reference_first(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        project = await ground.project(domain)
        other = await ground.resource(project)
        named = await ground.resource(project, ref=str(other))
        async with ground.begin() as tx:
            assert (await tx.placements.find(project, str(other))).resource_id == named

    async def test_unknown_project_unknown_handle_foreign_resource(self, ground: Ground) -> None:
        domain, _ = await ground.domain()
        project, other = await ground.project(domain), await ground.project(domain)
        foreign = await ground.resource(other, ref="theirs")
        async with ground.begin() as tx:
            with pytest.raises(EnrolmentProjectNotFound):
                await tx.placements.find(ProjectId(uuid4()), "theirs")
            for handle in ("theirs", str(foreign), "THEIRS", "x" * 4096, "🚀"):
                with pytest.raises(HandleNotFound):
                    await tx.placements.find(project, handle)
