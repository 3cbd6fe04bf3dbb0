"""The vocabulary of authorisation as messages of the SpiceDB API, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime

from authzed.api.v1 import (
    CheckBulkPermissionsPair,
    CheckBulkPermissionsRequestItem,
    CheckPermissionResponse,
    Consistency,
    ContextualizedCaveat,
    ObjectReference,
    Relationship,
    SubjectReference,
    ZedToken,
)
from google.protobuf.struct_pb2 import Struct

from plexsphere_adapters.spicedb.names import PERMISSIONS
from plexsphere_domain.authz.errors import AuthzUnavailable
from plexsphere_domain.authz.model import Answer, Circumstance, ObjectRef, Question, RelationTuple, Verdict

YES = Answer(Verdict.YES)
NO = Answer(Verdict.NO)


def object_reference(ref: ObjectRef) -> ObjectReference:
    return ObjectReference(object_type=ref.type, object_id=ref.id)


def relationship(held: RelationTuple) -> Relationship:
    subject = SubjectReference(object=object_reference(held.subject), optional_relation=held.subject_relation or "")
    written = Relationship(resource=object_reference(held.object), relation=held.relation, subject=subject)
    if held.caveat is not None:
        context = Struct()
        context.update(held.caveat.context)
        written.optional_caveat.CopyFrom(ContextualizedCaveat(caveat_name=held.caveat.name, context=context))
    return written


def item(question: Question) -> CheckBulkPermissionsRequestItem:
    asked = CheckBulkPermissionsRequestItem(
        resource=object_reference(question.object),
        permission=PERMISSIONS[question.permission],
        subject=SubjectReference(object=object_reference(question.subject)),
    )
    if question.circumstances:
        asked.context.CopyFrom(told(question.circumstances))
    return asked


def told(circumstances: Mapping[str, Circumstance]) -> Struct:
    """Circumstances as JSON: instants by RFC 3339, addresses as text."""
    context = Struct()
    context.update({name: _json(value) for name, value in circumstances.items()})
    return context


def _json(value: Circumstance) -> str | list[str]:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str():
            return value
        case _:
            return list(value)


def answer(pair: CheckBulkPermissionsPair) -> Answer:
    """Raises AuthzUnavailable for an item that SpiceDB could not evaluate, as under a schema that lacks its type."""
    if pair.HasField("error"):
        raise AuthzUnavailable from LookupError(pair.error.message)
    match pair.item.permissionship:
        case CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION:
            return YES
        case CheckPermissionResponse.PERMISSIONSHIP_CONDITIONAL_PERMISSION:
            missing = pair.item.partial_caveat_info.missing_required_context
            return Answer(Verdict.CONDITIONAL, frozenset(missing))
        case _:
            return NO


def consistency(at_least: str | None) -> Consistency:
    """Who knows no revision gets the newest: a cached one may be from before the graph was whole."""
    if at_least is None:
        return Consistency(fully_consistent=True)
    return Consistency(at_least_as_fresh=ZedToken(token=at_least))
