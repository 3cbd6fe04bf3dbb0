"""What becomes of Nodes."""

from attrs import frozen

from plexsphere_domain.kernel.events import DomainEvent
from plexsphere_domain.kernel.ids import NodeId, ProjectId, ResourceId
from plexsphere_domain.mesh.nodes.model import Node


@frozen(kw_only=True)
class NodeRegistered(DomainEvent):
    """A Node joined its Domain. `mesh_ip` is canonical text, `public_key` padded standard base64."""

    node_id: NodeId
    project_id: ProjectId
    resource_id: ResourceId
    mesh_ip: str
    public_key: str

    @classmethod
    def of(cls, node: Node) -> "NodeRegistered":
        return cls(
            domain_id=node.domain_id,
            node_id=node.id,
            project_id=node.project_id,
            resource_id=node.resource_id,
            mesh_ip=str(node.mesh_ip),
            public_key=str(node.public_key),
        )


@frozen(kw_only=True)
class NodeDeregistered(DomainEvent):
    """A Node left its Domain: its key is revoked and its address is free."""

    node_id: NodeId
    project_id: ProjectId
    resource_id: ResourceId
    mesh_ip: str

    @classmethod
    def of(cls, node: Node) -> "NodeDeregistered":
        return cls(
            domain_id=node.domain_id,
            node_id=node.id,
            project_id=node.project_id,
            resource_id=node.resource_id,
            mesh_ip=str(node.mesh_ip),
        )


@frozen(kw_only=True)
class NodeStateUpdated(DomainEvent):
    """Something that the platform keeps for the Node changed: it should pull its state."""

    node_id: NodeId
