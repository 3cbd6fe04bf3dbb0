"""Registers machines as Nodes: all of it, or nothing."""

from attrs import frozen

from plexsphere_domain.identity.bootstrap_tokens.errors import TokenConsumed, TokenUnknown
from plexsphere_domain.identity.bootstrap_tokens.model import BootstrapToken
from plexsphere_domain.identity.bootstrap_tokens.recognition import recognise
from plexsphere_domain.identity.credentials import CredentialHasher
from plexsphere_domain.identity.registration.model import (
    Application,
    Placement,
    RegisteredNode,
    RegisterNode,
    enrolled,
    is_asked_for,
    redeemed,
    repeats,
)
from plexsphere_domain.identity.registration.ports import (
    DomainSigningKeys,
    PeerSnapshots,
    RandomBytes,
    RegistrationTransactions,
)
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import BootstrapTokenId, NewId, NodeId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.kernel.sealing import KeyWrap
from plexsphere_domain.mesh.nodes.events import NodeRegistered
from plexsphere_domain.mesh.nodes.model import Node, StoredNsk, sealing_context
from plexsphere_domain.mesh.nodes.secret_key import LENGTH, NodeSecretKey


@frozen(kw_only=True)
class Occasion:
    """The request that a registration came with; its caller is not known before its token is."""

    correlation_id: str
    ip: str | None = None
    user_agent: str | None = None

    def actor(self, token: BootstrapToken) -> Actor:
        return Actor(
            principal=Principal(PrincipalKind.BOOTSTRAP_TOKEN, token.id),
            correlation_id=self.correlation_id,
            ip=self.ip,
            user_agent=self.user_agent,
        )


@frozen(kw_only=True)
class Registration:
    """Turns a redeemed token into a Node.

    What is slow or remote (the Argon2id run, the signing key, the wrap key) happens before the transaction; there, the
    token is read again under a lock, and the turn in the Domain is held for the allocation and the commit only.
    """

    transactions: RegistrationTransactions
    hasher: CredentialHasher
    signing_keys: DomainSigningKeys
    wrap: KeyWrap
    peers: PeerSnapshots
    clock: Clock
    new_id: NewId
    random_bytes: RandomBytes

    async def register(self, command: RegisterNode, occasion: Occasion) -> RegisteredNode:
        """Raises what `Application.read` raises; EnrolmentProjectNotFound, HandleNotFound; the refusals of the token;
        PoolExhausted, SubrangeExhausted, AllocatorContention; and what makes a dependency unavailable.
        """
        application = Application.read(command)
        placement, token = await self._recognise(application)
        now = self.clock.now()
        if not repeats(application, token, now):
            redeemed(application, token, placement, now)  # what is refused costs neither key nor transaction
        signing_key = await self.signing_keys.active(placement.domain_id)
        placement, node, nsk = await self._enrol_or_repeat(application, token.id, placement, occasion)
        return RegisteredNode(
            node=node,
            nsk=nsk,
            signing_key=signing_key,
            domain_mesh_cidr=placement.mesh_cidr,
            peers=await self.peers.around(node),
        )

    async def _recognise(self, application: Application) -> tuple[Placement, BootstrapToken]:
        async with self.transactions.begin() as tx:
            placement = await tx.placements.find(application.project_id, application.handle)
            application.token.scope.admit(kind=placement.token_kind, project_id=application.project_id)
            candidates = await tx.bootstrap_tokens.candidates(application.token)
        return placement, await recognise(application.token, candidates, self.hasher)

    async def _enrol_or_repeat(
        self, application: Application, token_id: BootstrapTokenId, found: Placement, occasion: Occasion
    ) -> tuple[Placement, Node, NodeSecretKey]:
        node_id = NodeId(self.new_id())
        nsk = NodeSecretKey(self.random_bytes(LENGTH))
        sealed = await self.wrap.seal(nsk.secret, context=sealing_context(node_id))
        async with self.transactions.begin() as tx:
            placement = await tx.placements.hold(found)
            token = await tx.bootstrap_tokens.claimed(token_id)
            if token is None:
                raise TokenUnknown
            now = self.clock.now()
            if not repeats(application, token, now):
                token = redeemed(application, token, placement, now)
                await tx.bootstrap_tokens.save(token)
                mesh_ip = await tx.mesh_addresses.allocate(placement.domain_id, placement.project_id)
                node = enrolled(application, token, placement, id=node_id, mesh_ip=mesh_ip, now=now)
                await tx.nodes.add(node, StoredNsk(sealed, nsk.digest))
                await tx.outbox.append(NodeRegistered.of(node))
                await tx.journal.record(_action("register", node, occasion.actor(token)))
                return placement, node, nsk
            original = await tx.nodes.enrolled_with(token.id)
            if original is None or not is_asked_for(original[0], application, placement):
                raise TokenConsumed
            node, stored = original
            await tx.journal.record(_action("register_again", node, occasion.actor(token)))
        return placement, node, NodeSecretKey(await self.wrap.open(stored.sealed, context=sealing_context(node.id)))


def _action(verb: str, node: Node, by: Actor) -> PrivilegedAction:
    return PrivilegedAction(
        action=f"node.{verb}", object_type="node", object_id=node.id, domain_id=node.domain_id, by=by
    )
