"""What registration promises on every store. Subclassed for memory (unit) and PostgreSQL (integration)."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import define, evolve, field

from plexsphere_adapters.crypto.keywrap import AesGcmKeyWrap, FixedWrapKeys, WrapKey
from plexsphere_adapters.system import random_bytes, uuid7
from plexsphere_domain.identity.bootstrap_tokens.errors import (
    KindMismatch,
    NonceCollision,
    ProjectMismatch,
    TokenConsumed,
    TokenExpired,
    TokenMalformed,
    TokenRevoked,
    TokenUnknown,
)
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken, Live, TokenKind, TokenScope
from plexsphere_domain.identity.bootstrap_tokens.plaintext import SECRET_BYTES, SELECTOR_BYTES, TokenPlaintext
from plexsphere_domain.identity.credentials import CredentialHasher
from plexsphere_domain.identity.registration.errors import EnrolmentProjectNotFound, HandleNotFound, InvariantViolation
from plexsphere_domain.identity.registration.model import (
    REPLAY_WINDOW,
    DomainSigningKey,
    RegisteredNode,
    RegisterNode,
)
from plexsphere_domain.identity.registration.service import Occasion, Registration
from plexsphere_domain.kernel.errors import DomainError, Unavailable
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr
from plexsphere_domain.mesh.addresses.errors import PoolExhausted, SubrangeExhausted
from plexsphere_domain.mesh.nodes.authentication import NodeAuthentication
from plexsphere_domain.mesh.nodes.public_key import PublicKeyInvalid
from plexsphere_domain.mesh.nodes.secret_key import NskEnvelope
from plexsphere_domain.mesh.state.directories import PeerDirectories
from plexsphere_domain.mesh.state.service import PeersOfNode
from tests.ports.bootstrap_tokens import QuickHasher
from tests.ports.mesh import Ground, retire

SIGNING_KEY = DomainSigningKey("did:web:test#key-1", bytes(range(32)))


@define
class Signer:
    """The signing keys of every Domain; out of reach where `away` is set."""

    away: Unavailable | None = None

    async def active(self, domain: DomainId) -> DomainSigningKey:
        if self.away is not None:
            raise self.away
        return SIGNING_KEY


class SignerAway(Unavailable):
    code = "signing_unavailable"


@define
class Office:
    """A registration on a ground, with a Domain, a Project and a Resource to enrol on."""

    ground: Ground
    domain: DomainId
    project: ProjectId
    resource: ResourceId
    signer: Signer = field(factory=Signer)
    hasher: CredentialHasher = field(factory=QuickHasher)
    registration: Registration = field(init=False)
    nodes: NodeAuthentication = field(init=False)

    def __attrs_post_init__(self) -> None:
        wrap_key = WrapKey("wrap-1", SecretBytes(bytes(32)))
        self.nodes = NodeAuthentication(lookup=self.ground.credentials, clock=self.ground.watch)
        self.registration = Registration(
            transactions=self.ground,
            hasher=self.hasher,
            signing_keys=self.signer,
            wrap=AesGcmKeyWrap(FixedWrapKeys((wrap_key,))),
            peers=PeersOfNode(self.ground.standings, PeerDirectories(self.ground.peers)),
            clock=self.ground.watch,
            new_id=uuid7,
            random_bytes=random_bytes,
        )

    @classmethod
    async def open(cls, ground: Ground, prefix: int = 24, **more: Any) -> "Office":
        domain, _ = await ground.domain(prefix)
        project = await ground.project(domain)
        return cls(ground, domain, project, await ground.resource(project, ref="edge-1"), **more)

    async def token(
        self, kind: TokenKind = TokenKind.NODE, project: ProjectId | None = None
    ) -> tuple[BootstrapTokenId, SecretStr]:
        scope = TokenScope(env_prefix="test", project_id=project or self.project, kind=kind)
        plaintext = TokenPlaintext.compose(scope, random_bytes(SELECTOR_BYTES + SECRET_BYTES))
        now = self.ground.watch.now()
        token = BootstrapToken(
            id=BootstrapTokenId(uuid7()),
            scope=scope,
            selector=plaintext.selector,
            hash=await self.hasher.hash(plaintext.text),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
            issued_by=uuid4(),
        )
        async with self.ground.begin() as tx:
            await tx.bootstrap_tokens.add(token)
        return token.id, plaintext.text

    async def request(self, **given: Any) -> RegisterNode:
        """A request that would succeed, but for what is given."""
        if "bootstrap_token" not in given:
            _, given["bootstrap_token"] = await self.token()
        standard: dict[str, Any] = {
            "project_id": str(self.project),
            "resource_handle": "edge-1",
            "nonce": SecretStr(str(uuid4())),
            "public_key": b64encode(uuid4().bytes * 2).decode(),
        }
        return RegisterNode(**standard | given)

    async def register(self, command: RegisterNode) -> RegisteredNode:
        return await self.registration.register(command, Occasion(correlation_id="c-1", ip="192.0.2.1"))

    async def refused(self, command: RegisterNode, refusal: type[DomainError]) -> None:
        """The command is refused so, and no Node comes of it."""
        before = await self.ground.facts(self.domain)
        with pytest.raises(refusal) as caught:
            await self.register(command)
        assert type(caught.value) is refusal
        assert await self.ground.facts(self.domain) == before

    async def fate(self, token: BootstrapTokenId) -> object:
        async with self.ground.begin() as tx:
            stored = await tx.bootstrap_tokens.claimed(token)
        assert stored is not None
        return stored.fate


def key(fill: int) -> str:
    return b64encode(bytes([fill]) * 32).decode()


class RegistrationContract:
    """All or nothing, in the order of the gates."""

    async def test_a_machine_becomes_a_node(self, ground: Ground) -> None:
        office = await Office.open(ground)
        token, text = await office.token()
        registered = await office.register(await office.request(bootstrap_token=text, public_key=key(9)))
        node = registered.node
        assert (node.domain_id, node.project_id, node.resource_id) == (office.domain, office.project, office.resource)
        assert (node.bootstrap_token_id, str(node.public_key)) == (token, key(9))
        assert node.mesh_ip in registered.domain_mesh_cidr
        assert registered.signing_key == SIGNING_KEY
        assert registered.peers.encode() == b"[]"
        assert not isinstance(await office.fate(token), Live)
        authenticated = await office.nodes.authenticate(NskEnvelope(node.id, registered.nsk).bearer())
        assert (authenticated.id, authenticated.domain_id) == (node.id, office.domain)

    async def test_the_fact_and_the_action(self, ground: Ground) -> None:
        office = await Office.open(ground)
        token, text = await office.token()
        node = (await office.register(await office.request(bootstrap_token=text))).node
        assert [fact for kind, fact in await ground.facts(office.domain) if kind == "NodeRegistered"] == [
            {
                "domain_id": str(office.domain),
                "node_id": str(node.id),
                "project_id": str(office.project),
                "resource_id": str(office.resource),
                "mesh_ip": str(node.mesh_ip),
                "public_key": str(node.public_key),
            }
        ]
        (action,) = await ground.actions(office.domain)
        assert action == ("node.register", node.id, token)

    async def test_each_node_is_told_of_those_before_it(self, ground: Ground) -> None:
        office = await Office.open(ground)
        registered = [await office.register(await office.request()) for _ in range(3)]
        peers = [[peer.node_id for peer in one.peers] for one in registered]
        ids = [one.node.id for one in registered]
        assert peers == [[], ids[:1], ids[:2]]

    async def test_the_resource_by_id_and_by_the_machines_own_name(self, ground: Ground) -> None:
        office = await Office.open(ground)
        for given in (
            {"resource_handle": str(office.resource)},
            {"resource_handle": "x", "requested_resource_id": "edge-1"},
        ):
            assert (await office.register(await office.request(**given))).node.resource_id == office.resource
        await office.refused(await office.request(requested_resource_id="edge-2"), HandleNotFound)
        blank = await office.request(requested_resource_id="  ")
        assert (await office.register(blank)).node.resource_id == office.resource

    @pytest.mark.parametrize("public_key", ["", "short", "A" * 43 + "=", "A" * 44])
    async def test_the_key_comes_first(self, ground: Ground, public_key: str) -> None:
        office = await Office.open(ground)
        wrong = await office.request(public_key=public_key, project_id="", bootstrap_token=SecretStr(""))
        await office.refused(wrong, PublicKeyInvalid)

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("project_id", ""),
            ("project_id", "nonsense"),
            ("project_id", str(UUID(int=0))),
            ("resource_handle", " \t"),
            ("resource_handle", "a\0b"),
            ("resource_handle", "x" * 4097),
            ("bootstrap_token", SecretStr("")),
            ("bootstrap_token", SecretStr("p" * 4097)),
            ("nonce", SecretStr(" ")),
            ("nonce", SecretStr("n" * 4097)),
            ("requested_resource_id", "x" * 4097),
        ],
    )
    async def test_then_the_invariants(self, ground: Ground, member: str, value: object) -> None:
        office = await Office.open(ground)
        malformed = SecretStr("psb_test_x_node_y")
        await office.refused(await office.request(**{"bootstrap_token": malformed, member: value}), InvariantViolation)

    async def test_then_the_spelling_of_the_token(self, ground: Ground) -> None:
        office = await Office.open(ground)
        nowhere = {"project_id": str(uuid4()), "resource_handle": "nothing"}
        _, text = await office.token()
        for spelled in (
            "nonsense",
            text.reveal().upper(),
            text.reveal()[:-20],
            text.reveal().replace("_node_", "_host_"),
        ):
            await office.refused(await office.request(bootstrap_token=SecretStr(spelled), **nowhere), TokenMalformed)

    async def test_then_the_project_and_the_handle(self, ground: Ground) -> None:
        office = await Office.open(ground)
        token, text = await office.token(TokenKind.BRIDGE)
        unknown = await office.request(bootstrap_token=text, project_id=str(uuid4()))
        await office.refused(unknown, EnrolmentProjectNotFound)
        await office.refused(await office.request(bootstrap_token=text, resource_handle="nothing"), HandleNotFound)
        assert await office.fate(token) == Live()

    async def test_the_kind_of_the_token_is_that_of_the_resource(self, ground: Ground) -> None:
        office = await Office.open(ground)
        await ground.resource(office.project, kind="bridge", ref="bridge-1")
        token, text = await office.token(TokenKind.BRIDGE)
        node_token, node_text = await office.token()
        await office.refused(await office.request(bootstrap_token=text), KindMismatch)
        wrong = await office.request(bootstrap_token=node_text, resource_handle="bridge-1")
        await office.refused(wrong, KindMismatch)
        assert await office.fate(token) == await office.fate(node_token) == Live()
        await office.register(await office.request(bootstrap_token=text, resource_handle="bridge-1"))

    async def test_the_project_of_the_token_is_the_one_that_is_named(self, ground: Ground) -> None:
        office = await Office.open(ground)
        other = await ground.project(office.domain)
        await ground.resource(other, ref="edge-1")
        token, text = await office.token()
        await office.refused(await office.request(bootstrap_token=text, project_id=str(other)), ProjectMismatch)
        _, bridge = await office.token(TokenKind.BRIDGE)
        await office.refused(await office.request(bootstrap_token=bridge, project_id=str(other)), KindMismatch)
        assert await office.fate(token) == Live()

    async def test_a_token_that_nobody_issued(self, ground: Ground) -> None:
        office = await Office.open(ground)
        scope = TokenScope(env_prefix="test", project_id=office.project, kind=TokenKind.NODE)
        forged = TokenPlaintext.compose(scope, random_bytes(SELECTOR_BYTES + SECRET_BYTES)).text
        await office.refused(await office.request(bootstrap_token=forged), TokenUnknown)
        _, text = await office.token()
        last = "a" if text.reveal()[-1] != "a" else "b"
        guessed = SecretStr(text.reveal()[:-1] + last)
        await office.refused(await office.request(bootstrap_token=guessed), TokenUnknown)

    async def test_consumed_expired_revoked(self, ground: Ground) -> None:
        office = await Office.open(ground)
        _, consumed = await office.token()
        await office.register(await office.request(bootstrap_token=consumed))
        revoked_token, revoked = await office.token()
        async with ground.begin() as tx:
            stored = await tx.bootstrap_tokens.claimed(revoked_token)
            assert stored is not None
            await tx.bootstrap_tokens.save(stored.revoke(now=ground.watch.now()))
        _, expired = await office.token()
        await office.refused(await office.request(bootstrap_token=consumed), TokenConsumed)
        await office.refused(await office.request(bootstrap_token=revoked), TokenRevoked)
        ground.watch.forward(3600)
        await office.refused(await office.request(bootstrap_token=consumed), TokenConsumed)
        await office.refused(await office.request(bootstrap_token=expired), TokenExpired)
        await office.refused(await office.request(bootstrap_token=revoked), TokenExpired)

    async def test_a_nonce_is_used_once_in_a_project(self, ground: Ground) -> None:
        office = await Office.open(ground)
        nonce = SecretStr("n" * 4096)
        await office.register(await office.request(nonce=nonce))
        token, text = await office.token()
        await office.refused(await office.request(nonce=nonce, bootstrap_token=text), NonceCollision)
        assert await office.fate(token) == Live()
        await office.register(await office.request(bootstrap_token=text))

    async def test_what_is_out_of_reach_burns_no_token(self, ground: Ground) -> None:
        office = await Office.open(ground)
        token, text = await office.token()
        office.signer.away = SignerAway()
        await office.refused(await office.request(bootstrap_token=text), SignerAway)
        assert await office.fate(token) == Live()
        office.signer.away = None
        await office.register(await office.request(bootstrap_token=text))

    async def test_a_full_pool_burns_no_token(self, ground: Ground) -> None:
        office = await Office.open(ground, prefix=30)
        for _ in range(2):
            await office.register(await office.request())
        token, text = await office.token()
        await office.refused(await office.request(bootstrap_token=text), PoolExhausted)
        reserved = await ground.project(office.domain)
        await ground.reserve(reserved, ip_network((await self._pool(ground, office), 30)))
        await ground.resource(reserved, ref="edge-1")
        other, other_text = await office.token(project=reserved)
        full = await office.request(bootstrap_token=other_text, project_id=str(reserved))
        await office.refused(full, SubrangeExhausted)
        assert await office.fate(token) == await office.fate(other) == Live()

    @staticmethod
    async def _pool(ground: Ground, office: Office) -> int:
        async with ground.begin() as tx:
            placement = await tx.placements.find(office.project, "edge-1")
        return int(placement.mesh_cidr.network_address)


class RepetitionContract:
    """The answer that was lost is given again, to whoever asks exactly the same in time."""

    async def test_the_same_request_gets_the_same_answer(self, ground: Ground) -> None:
        office = await Office.open(ground)
        request = await office.request()
        first = await office.register(request)
        other = await office.register(await office.request())
        ground.watch.forward(REPLAY_WINDOW.total_seconds())
        again = await office.register(request)
        assert (again.node, again.nsk, again.signing_key) == (first.node, first.nsk, first.signing_key)
        assert [peer.node_id for peer in again.peers] == [other.node.id]
        registered = [kind for kind, _ in await ground.facts(office.domain) if kind == "NodeRegistered"]
        assert len(registered) == 2
        assert [action for action, _, _ in await ground.actions(office.domain)] == [
            "node.register",
            "node.register",
            "node.register_again",
        ]

    async def test_anything_else_finds_the_token_consumed(self, ground: Ground) -> None:
        office = await Office.open(ground)
        await ground.resource(office.project, ref="edge-2")
        request = await office.request()
        await office.register(request)
        for change in (
            {"nonce": SecretStr("another")},
            {"public_key": key(3)},
            {"resource_handle": "edge-2"},
        ):
            await office.refused(evolve(request, **change), TokenConsumed)
        last = "a" if request.bootstrap_token.reveal()[-1] != "a" else "b"
        forged = SecretStr(request.bootstrap_token.reveal()[:-1] + last)
        await office.refused(evolve(request, bootstrap_token=forged), TokenUnknown)

    async def test_not_for_ever(self, ground: Ground) -> None:
        office = await Office.open(ground)
        request = await office.request()
        await office.register(request)
        ground.watch.forward(REPLAY_WINDOW.total_seconds() + 0.001)
        await office.refused(request, TokenConsumed)

    async def test_not_for_a_node_that_was_retired(self, ground: Ground) -> None:
        office = await Office.open(ground)
        office.resource = await ground.resource(office.project, ref="edge-2")
        request = await office.request(resource_handle="edge-2")
        await office.register(request)
        await retire(ground, office.resource)
        await office.refused(request, TokenConsumed)

    async def test_of_identical_requests_at_once_all_get_the_one_node(self, ground: Ground) -> None:
        office = await Office.open(ground)
        request = await office.request()
        answers = await asyncio.gather(*(office.register(request) for _ in range(8)))
        assert len({(one.node.id, one.nsk.encoded.reveal()) for one in answers}) == 1
        assert len((await ground.peers.since(office.domain, 0)).live) == 1

    async def test_of_different_requests_with_one_token_one_wins(self, ground: Ground) -> None:
        office = await Office.open(ground)
        _, text = await office.token()
        requests = [await office.request(bootstrap_token=text) for _ in range(8)]
        answers = await asyncio.gather(*(office.register(one) for one in requests), return_exceptions=True)
        assert sorted(type(one).__name__ for one in answers) == ["RegisteredNode"] + ["TokenConsumed"] * 7
        assert len((await ground.peers.since(office.domain, 0)).live) == 1

    async def test_of_two_tokens_with_one_nonce_one_wins(self, ground: Ground) -> None:
        office = await Office.open(ground)
        nonce = SecretStr(str(uuid4()))
        requests = [await office.request(nonce=nonce) for _ in range(2)]
        answers = await asyncio.gather(*(office.register(one) for one in requests), return_exceptions=True)
        assert sorted(type(one).__name__ for one in answers) == ["NonceCollision", "RegisteredNode"]


class CrowdContract:
    async def test_sixty_four_machines_at_once(self, ground: Ground) -> None:
        office = await Office.open(ground)
        requests = [await office.request() for _ in range(64)]
        answers = await asyncio.gather(*(office.register(one) for one in requests))
        pool = answers[0].domain_mesh_cidr
        assert sorted(one.node.mesh_ip for one in answers) == [pool[number] for number in range(1, 65)]
        for one in answers:
            told = {peer.node_id for peer in one.peers}
            assert one.node.id not in told
        everyone: set[NodeId] = {one.node.id for one in answers}
        assert {peer.node_id for peer in (await ground.peers.since(office.domain, 0)).live} == everyone
