"""The end of Nodes: their Resource is deleted, and they leave the mesh with it."""

from attrs import frozen

from plexsphere_domain.kernel.actor import Actor
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import ResourceId
from plexsphere_domain.kernel.journal import PrivilegedAction
from plexsphere_domain.mesh.nodes.events import NodeDeregistered
from plexsphere_domain.mesh.nodes.ports import NodeTransaction


@frozen
class NodeRetirement:
    """Retires a Resource's Nodes inside the transaction that deletes the Resource.

    Their keys are revoked, their addresses free, and their peers learn of it: when that transaction commits, and only
    then. Call it before the Resource's row goes.
    """

    clock: Clock

    async def retire(self, tx: NodeTransaction, resource: ResourceId, *, by: Actor) -> None:
        """Raises AllocatorContention; the deletion may be tried again then."""
        nodes = await tx.nodes.of_resource(resource)
        if not nodes:
            return
        domain = nodes[0].domain_id
        await tx.mesh_addresses.release(domain, *(node.mesh_ip for node in nodes))
        await tx.nodes.bury(nodes, self.clock.now())
        await tx.outbox.append(*(NodeDeregistered.of(node) for node in nodes))
        await tx.journal.record(
            *(
                PrivilegedAction(
                    action="node.deregister", object_type="node", object_id=node.id, domain_id=domain, by=by
                )
                for node in nodes
            )
        )
