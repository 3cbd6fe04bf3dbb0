"""The writing side: changes that are bound to a whole graph, and the rebuild that makes it whole."""

from collections.abc import AsyncIterator, Iterable, Sequence
from secrets import token_hex

from attrs import frozen
from authzed.api.v1 import (
    CheckBulkPermissionsRequest,
    Consistency,
    DeleteRelationshipsRequest,
    DeleteRelationshipsResponse,
    Precondition,
    Relationship,
    RelationshipFilter,
    RelationshipUpdate,
    WriteRelationshipsRequest,
    WriteSchemaRequest,
)

from plexsphere_adapters.spicedb import wholeness
from plexsphere_adapters.spicedb.channel import Connection
from plexsphere_adapters.spicedb.messages import YES, answer, relationship
from plexsphere_domain.authz.model import ObjectRef, ObjectType, RelationTuple
from plexsphere_domain.authz.projection import Changes

DEADLINE = 1.0
"""Seconds that a look at the graph may take."""

WRITE_DEADLINE = 10.0

CHANGES_PER_CALL = 1_000
"""SpiceDB's default ceilings, for updates and for deletions."""


@frozen
class SpiceDbGraphWriter:
    """GraphWriter. `schema` is the text of sql/authz/schema.zed."""

    connection: Connection
    schema: str

    async def whole(self) -> bool:
        request = CheckBulkPermissionsRequest(
            consistency=Consistency(fully_consistent=True), items=[wholeness.IS_WHOLE]
        )
        response = await self.connection.call(
            self.connection.permissions.CheckBulkPermissions, request, timeout=DEADLINE
        )
        (pair,) = response.pairs
        without_schema: bool = pair.HasField("error")
        return not without_schema and answer(pair) == YES

    async def apply(self, changes: Changes) -> str:
        revision = await self._touch(map(relationship, changes.touched), wholeness.MUST_BE_WHOLE)
        for removed in changes.removed:
            revision = await self._remove(_about(removed), wholeness.MUST_BE_WHOLE)
        return revision

    async def rebuild(self, tuples: AsyncIterator[Sequence[RelationTuple]]) -> str:
        await self.write_schema()
        run = token_hex(16)
        await self._remove(RelationshipFilter(resource_type=wholeness.TYPE))
        await self._touch([wholeness.rebuilding(run)])
        begun = wholeness.must_be_rebuilding(run)
        for object_type in ObjectType:
            await self._remove(RelationshipFilter(resource_type=object_type), begun)
        async for batch in tuples:
            await self._touch(map(relationship, batch), begun)
        return await self._write([_touching(wholeness.WHOLE), _deleting(wholeness.rebuilding(run))], begun)

    async def write_schema(self) -> None:
        """Make the schema that of this version. Writing the same one again changes nothing."""
        request = WriteSchemaRequest(schema=self.schema)
        await self.connection.call(self.connection.schema.WriteSchema, request, timeout=WRITE_DEADLINE)

    async def _touch(self, relationships: Iterable[Relationship], *required: Precondition) -> str:
        """Write them, in as many calls as their number takes; the revision of the last."""
        updates = [_touching(each) for each in relationships]
        revision = ""
        for start in range(0, len(updates), CHANGES_PER_CALL):
            revision = await self._write(updates[start : start + CHANGES_PER_CALL], *required)
        return revision

    async def _write(self, updates: Sequence[RelationshipUpdate], *required: Precondition) -> str:
        request = WriteRelationshipsRequest(updates=updates, optional_preconditions=required)
        response = await self.connection.call(
            self.connection.permissions.WriteRelationships, request, timeout=WRITE_DEADLINE
        )
        return response.written_at.token

    async def _remove(self, matching: RelationshipFilter, *required: Precondition) -> str:
        """Delete what matches, in as many calls as it takes; the revision of the last."""
        request = DeleteRelationshipsRequest(
            relationship_filter=matching,
            optional_preconditions=required,
            optional_limit=CHANGES_PER_CALL,
            optional_allow_partial_deletions=True,
        )
        while True:
            response = await self.connection.call(
                self.connection.permissions.DeleteRelationships, request, timeout=WRITE_DEADLINE
            )
            if response.deletion_progress == DeleteRelationshipsResponse.DELETION_PROGRESS_COMPLETE:
                return response.deleted_at.token


def _about(object: ObjectRef) -> RelationshipFilter:
    return RelationshipFilter(resource_type=object.type, optional_resource_id=object.id)


def _touching(relationship: Relationship) -> RelationshipUpdate:
    return RelationshipUpdate(operation=RelationshipUpdate.OPERATION_TOUCH, relationship=relationship)


def _deleting(relationship: Relationship) -> RelationshipUpdate:
    return RelationshipUpdate(operation=RelationshipUpdate.OPERATION_DELETE, relationship=relationship)
