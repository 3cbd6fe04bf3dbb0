"""What desired state needs from outside."""

from typing import Protocol

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.state.directory import PeerChanges


class PeerLog(Protocol):
    async def since(self, domain: DomainId, version: int) -> PeerChanges:
        """What became of the Domain's Nodes behind `version`, all of one moment; everything where it is 0."""
        ...
