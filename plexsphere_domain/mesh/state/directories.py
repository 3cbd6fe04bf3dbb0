"""The peer directories that this process holds, one per Domain and at most `size` of them."""

import asyncio
from collections import OrderedDict

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.state.directory import PeerDirectory
from plexsphere_domain.mesh.state.ports import PeerLog


class PeerDirectories:
    """Brings directories up to the version that a caller knows of; concurrent callers share the work."""

    def __init__(self, log: PeerLog, *, size: int = 512) -> None:
        self._log = log
        self._size = size
        self._held: OrderedDict[DomainId, PeerDirectory] = OrderedDict()
        self._turns: dict[DomainId, asyncio.Lock] = {}

    async def at_least(self, domain: DomainId, version: int) -> PeerDirectory:
        """The Domain's peers at `version` or later."""
        held = self.held(domain)
        if held is not None and held.version >= version:
            self._held.move_to_end(domain)
            return held
        async with self._turns.setdefault(domain, asyncio.Lock()):
            held = self.held(domain) or PeerDirectory.empty()
            if held.version < version:
                held = held.advance(await self._log.since(domain, held.version))
                self._keep(domain, held)
            return held

    def held(self, domain: DomainId) -> PeerDirectory | None:
        """What is known of the Domain's peers without asking."""
        return self._held.get(domain)

    def _keep(self, domain: DomainId, directory: PeerDirectory) -> None:
        self._held[domain] = directory
        self._held.move_to_end(domain)
        if len(self._held) > self._size:
            evicted, _ = self._held.popitem(last=False)
            self._turns.pop(evicted, None)
