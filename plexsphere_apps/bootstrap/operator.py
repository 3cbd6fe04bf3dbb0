"""The first platform operator: a principal, its standing in the relation graph, and one working token.

Whoever runs bootstrap holds every store, so nothing is checked here. The token is found again by its name; its
principal stays the same however often the token is replaced, so that what it did remains one identity's.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol
from uuid import UUID

from attrs import frozen

from plexsphere_domain.authz.events import PlatformOperatorAppointed
from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.identity.api_tokens.plaintext import ApiTokenPlaintext
from plexsphere_domain.identity.api_tokens.ports import ApiTokenTransaction
from plexsphere_domain.identity.api_tokens.service import ApiTokenIssuing
from plexsphere_domain.identity.credentials import CredentialHasher
from plexsphere_domain.kernel.actor import Actor, Principal, PrincipalKind
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import NewId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.kernel.secrets import SecretStr

NAME: Final = "plexsphere-bootstrap"
ENV: Final = "prod"

BOOTSTRAP: Final = Principal(PrincipalKind.SYSTEM, UUID("00000000-0000-8000-8000-000000000002"))
"""Bootstrap itself, in the audit log: a constant (UUID version 8, RFC 9562 section 5.8)."""


class Exclusive(Protocol):
    def __call__(self) -> AbstractAsyncContextManager[ApiTokenTransaction]:
        """A transaction that no other bootstrap runs beside."""
        ...


class Handover(Protocol):
    """Where the operator finds the token."""

    def held(self) -> SecretStr | None: ...

    def put(self, token: SecretStr) -> None: ...


@frozen(kw_only=True)
class FirstOperator:
    exclusive: Exclusive
    handover: Handover
    issuing: ApiTokenIssuing
    hasher: CredentialHasher
    clock: Clock
    new_id: NewId

    async def ensure(self) -> None:
        """Leaves a working token where it is; otherwise hands over a new one and revokes all earlier ones.

        The token is handed over before the commit, so that of two bootstraps the later one finds the earlier one's. A
        commit that fails leaves a token that does not work, which the next run replaces.
        """
        async with self.exclusive() as tx:
            tokens = await tx.api_tokens.named(NAME)
            held = self.handover.held()
            if held is not None and await self._works(held, tokens):
                return
            operator = tokens[0].principal if tokens else Principal(PrincipalKind.USER, self.new_id())
            for lost in tokens:
                await tx.api_tokens.save(lost.revoke(self.clock.now()))
            issued = await self.issuing.issue(tx.api_tokens, principal=operator, name=NAME, env=ENV, ttl=None)
            run = Actor(principal=BOOTSTRAP, correlation_id=str(self.new_id()))
            if not tokens:
                await tx.outbox.append(PlatformOperatorAppointed(domain_id=None, operator=operator))
                await tx.journal.record(_action("platform.appoint_operator", "user", operator.id, run))
            await tx.journal.record(_action("api_token.issue", "api_token", issued.token.id, run))
            self.handover.put(issued.plaintext)

    async def _works(self, held: SecretStr, tokens: Sequence[ApiToken]) -> bool:
        presented = ApiTokenPlaintext.parse(held.reveal())
        if presented is None:
            return False
        for token in tokens:
            if token.id == presented.id and token.usable(self.clock.now()):
                return await self.hasher.verify(held, token.hash)
        return False


def _action(action: str, object_type: str, object_id: UUID, by: Actor) -> PrivilegedAction:
    return PrivilegedAction(action=action, object_type=object_type, object_id=object_id, domain_id=None, by=by)
