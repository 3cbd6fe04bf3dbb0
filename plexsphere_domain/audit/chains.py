"""Where rows about a scope live, and the pepper of every chain."""

import asyncio
from collections.abc import Collection, Mapping

from attrs import Factory, define, frozen

from plexsphere_domain.audit.chain import PEPPER_BYTES
from plexsphere_domain.audit.model import PLATFORM, Scope
from plexsphere_domain.audit.ports import ChainRegistry, RandomBytes, Residence
from plexsphere_domain.kernel.sealing import KeyWrap, Sealed
from plexsphere_domain.kernel.secrets import SecretBytes


@frozen(kw_only=True)
class OpenChain:
    """A chain that rows can be appended to."""

    id: Scope
    pepper: SecretBytes


@frozen(kw_only=True)
class Opened:
    """The chain on which rows about each scope live, and why some could not be opened."""

    chains: Mapping[Scope, OpenChain]
    failures: Mapping[Scope, Exception] = Factory(dict)


@define
class Chains:
    """Opens chains, each once per process: a pepper never changes.

    A Domain's chain begins with its first row and outlives the Domain. A scope that neither is a Domain nor ever had
    a chain, such as an invented id in a refused request, has no owner: rows about it live on the platform's chain, so
    that strangers cannot make chains begin.
    """

    registry: ChainRegistry
    residence: Residence
    wrap: KeyWrap
    random_bytes: RandomBytes
    _open: dict[Scope, OpenChain] = Factory(dict)

    async def open(self, scopes: Collection[Scope]) -> Opened:
        """The chains of `scopes`. A pepper that does not open is a failure of its own chain only.

        Raises what the registry and the residence raise.
        """
        homes = await self._homes(scopes)
        troubles = await self._open_all({home for home in homes.values() if home not in self._open})
        return Opened(
            chains={scope: self._open[home] for scope, home in homes.items() if home in self._open},
            failures={scope: troubles[home] for scope, home in homes.items() if home in troubles},
        )

    async def exists(self, scope: Scope) -> bool:
        """Whether rows about `scope` have a chain of their own, or would begin one."""
        homes = await self._homes([scope])
        return homes[scope] == scope

    async def _homes(self, scopes: Collection[Scope]) -> Mapping[Scope, Scope]:
        foreign = [scope for scope in scopes if scope != PLATFORM and scope not in self._open]
        own = set(await self.residence.existing(foreign)) if foreign else set()
        ownerless = [scope for scope in foreign if scope not in own]
        if ownerless:
            own |= set(await self.registry.find(ownerless))
        return {scope: PLATFORM if scope in ownerless and scope not in own else scope for scope in scopes}

    async def _open_all(self, chains: Collection[Scope]) -> Mapping[Scope, Exception]:
        if not chains:
            return {}
        begun = await self.registry.find(chains)
        outcomes = await asyncio.gather(*(self._open_one(chain, begun.get(chain)) for chain in chains))
        return {chain: trouble for chain, trouble in zip(chains, outcomes, strict=True) if trouble}

    async def _open_one(self, chain: Scope, sealed: Sealed | None) -> Exception | None:
        try:
            if sealed is None:
                fresh = await self.wrap.seal(self.random_bytes(PEPPER_BYTES), context=_context(chain))
                sealed = await self.registry.found(chain, fresh)
            self._open[chain] = OpenChain(id=chain, pepper=await self.wrap.open(sealed, context=_context(chain)))
        except Exception as trouble:  # noqa: BLE001 — the caller decides what one closed chain means to it
            return trouble
        return None


def _context(chain: Scope) -> bytes:
    """What a sealed pepper is bound to: it opens for its own chain only."""
    return b"audit-pepper:" + chain.bytes
