"""The graph's word about itself.

A SpiceDB that lost its datastore, or whose tuples are still being written, would deny everything. So the one tuple
`graph:plexsphere#whole@platform:plexsphere` is written last when the graph is rebuilt, every bulk check asks for it at
the revision of the check, and every write is bound to it. While the graph is rebuilt, a tuple that names the run stands
in its place: a rebuild can only finish in the datastore in which it began.
"""

from authzed.api.v1 import (
    CheckBulkPermissionsRequestItem,
    ObjectReference,
    Precondition,
    Relationship,
    RelationshipFilter,
    SubjectFilter,
    SubjectReference,
)

from plexsphere_adapters.spicedb.messages import object_reference
from plexsphere_domain.authz.model import PLATFORM

TYPE = "graph"
_GRAPH = ObjectReference(object_type=TYPE, object_id="plexsphere")
_PLATFORM = SubjectReference(object=object_reference(PLATFORM))

WHOLE = Relationship(resource=_GRAPH, relation="whole", subject=_PLATFORM)

IS_WHOLE = CheckBulkPermissionsRequestItem(resource=_GRAPH, permission="whole", subject=_PLATFORM)

MUST_BE_WHOLE = Precondition(
    operation=Precondition.OPERATION_MUST_MATCH,
    filter=RelationshipFilter(
        resource_type=TYPE, optional_resource_id=_GRAPH.object_id, optional_relation=WHOLE.relation
    ),
)


def rebuilding(run: str) -> Relationship:
    """The tuple that stands while the rebuild of that name is under way."""
    subject = SubjectReference(object=ObjectReference(object_type=TYPE, object_id=run))
    return Relationship(resource=_GRAPH, relation="rebuilding", subject=subject)


def must_be_rebuilding(run: str) -> Precondition:
    return Precondition(
        operation=Precondition.OPERATION_MUST_MATCH,
        filter=RelationshipFilter(
            resource_type=TYPE,
            optional_resource_id=_GRAPH.object_id,
            optional_relation="rebuilding",
            optional_subject_filter=SubjectFilter(subject_type=TYPE, optional_subject_id=run),
        ),
    )
