"""The embedded SpiceDB answers the authzed client as any SpiceDB does."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import grpc
import pytest
from authzed.api.v1 import (
    AsyncClient,
    CheckBulkPermissionsRequest,
    CheckBulkPermissionsRequestItem,
    CheckPermissionRequest,
    CheckPermissionResponse,
    Consistency,
    DeleteRelationshipsRequest,
    LookupResourcesRequest,
    LookupSubjectsRequest,
    ObjectReference,
    ReadRelationshipsRequest,
    ReadSchemaRequest,
    Relationship,
    RelationshipFilter,
    RelationshipUpdate,
    SubjectReference,
    WatchRequest,
    WriteRelationshipsRequest,
    WriteSchemaRequest,
)
from grpc import aio
from grpcutil import insecure_bearer_token_credentials

from plexsphere_apps.embedded.answers import listens, until
from plexsphere_apps.embedded.ports import LOOPBACK, choose
from plexsphere_apps.embedded.servers.spicedb_library import fetch, library_path

KEY = "a key"
SCHEMA = "definition user {}\n\ndefinition document {\n\trelation reader: user\n\tpermission read = reader\n}"
NOW = Consistency(fully_consistent=True)
GRANTED = CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION
DENIED = CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION
DOCUMENTS = RelationshipFilter(resource_type="document")


@pytest.fixture(scope="module")
async def endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A SpiceDB of its own, for these tests write a schema of their own."""
    scratch = tmp_path_factory.mktemp("spicedb")
    if not library_path().exists():
        log = scratch / "log"
        log.touch()
        await fetch(log)
    port = choose(set())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "plexsphere_apps.embedded.spicedb", "--addr", f"{LOOPBACK}:{port}"),
        env=os.environ
        | {"PLEXSPHERE_SPICEDB_KEY": KEY, "SPICEDB_LIBRARY_PATH": str(library_path()), "TMPDIR": str(scratch)},
    )
    async with asyncio.timeout(30):
        await until(lambda: listens(port), every=0.05)
    yield f"{LOOPBACK}:{port}"
    process.terminate()
    assert await process.wait() == 0


@pytest.fixture(scope="module")
async def client(endpoint: str) -> AsyncClient:
    client = AsyncClient(endpoint, insecure_bearer_token_credentials(KEY))
    await client.WriteSchema(WriteSchemaRequest(schema=SCHEMA))
    return client


def document(name: str) -> ObjectReference:
    return ObjectReference(object_type="document", object_id=name)


def user(name: str) -> SubjectReference:
    return SubjectReference(object=ObjectReference(object_type="user", object_id=name))


def reads(who: str, what: str) -> Relationship:
    return Relationship(resource=document(what), relation="reader", subject=user(who))


def writing(operation: "RelationshipUpdate.Operation", *relationships: Relationship) -> WriteRelationshipsRequest:
    return WriteRelationshipsRequest(
        updates=[RelationshipUpdate(operation=operation, relationship=each) for each in relationships]
    )


CREATE = RelationshipUpdate.OPERATION_CREATE
TOUCH = RelationshipUpdate.OPERATION_TOUCH


async def test_the_schema_that_was_written_is_read(client: AsyncClient) -> None:
    assert "definition document" in (await client.ReadSchema(ReadSchemaRequest())).schema_text


async def test_a_schema_that_does_not_parse_is_an_invalid_argument(client: AsyncClient) -> None:
    with pytest.raises(aio.AioRpcError) as refused:
        await client.WriteSchema(WriteSchemaRequest(schema="nonsense"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "parse error" in (refused.value.details() or "")


async def test_a_check_sees_what_was_written_before_it(client: AsyncClient) -> None:
    written = await client.WriteRelationships(writing(TOUCH, reads("ann", "plan")))
    fresh = Consistency(at_least_as_fresh=written.written_at)

    async def check(who: str) -> int:
        request = CheckPermissionRequest(
            consistency=fresh, resource=document("plan"), permission="read", subject=user(who)
        )
        return (await client.CheckPermission(request)).permissionship

    assert [await check("ann"), await check("bob")] == [GRANTED, DENIED]


async def test_a_bulk_check_answers_in_the_order_of_its_items(client: AsyncClient) -> None:
    await client.WriteRelationships(writing(TOUCH, reads("ann", "d1"), reads("ann", "d3")))
    items = [
        CheckBulkPermissionsRequestItem(resource=document(name), permission="read", subject=user("ann"))
        for name in ("d1", "d2", "d3")
    ]
    answer = await client.CheckBulkPermissions(CheckBulkPermissionsRequest(consistency=NOW, items=items))
    assert [pair.item.permissionship for pair in answer.pairs] == [GRANTED, DENIED, GRANTED]


async def test_lookups_and_reads_stream_every_result(client: AsyncClient) -> None:
    names = {f"many-{number}" for number in range(300)}
    await client.WriteRelationships(writing(TOUCH, *(reads("eve", name) for name in names)))
    of_eve = LookupResourcesRequest(
        consistency=NOW, resource_object_type="document", permission="read", subject=user("eve")
    )
    of_document = LookupSubjectsRequest(
        consistency=NOW, resource=document("many-7"), permission="read", subject_object_type="user"
    )
    stored = ReadRelationshipsRequest(consistency=NOW, relationship_filter=DOCUMENTS)
    assert {found.resource_object_id async for found in client.LookupResources(of_eve)} == names
    assert [found.subject.subject_object_id async for found in client.LookupSubjects(of_document)] == ["eve"]
    assert names <= {read.relationship.resource.object_id async for read in client.ReadRelationships(stored)}


async def test_deleted_relationships_are_gone(client: AsyncClient) -> None:
    await client.WriteRelationships(writing(TOUCH, reads("joe", "old")))
    of_joe = RelationshipFilter(resource_type="document", optional_resource_id="old")
    await client.DeleteRelationships(DeleteRelationshipsRequest(relationship_filter=of_joe))
    stored = ReadRelationshipsRequest(consistency=NOW, relationship_filter=of_joe)
    assert [read async for read in client.ReadRelationships(stored)] == []


async def test_creating_what_exists_is_refused(client: AsyncClient) -> None:
    await client.WriteRelationships(writing(TOUCH, reads("ann", "twice")))
    with pytest.raises(aio.AioRpcError) as refused:
        await client.WriteRelationships(writing(CREATE, reads("ann", "twice")))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_stream_that_fails_carries_status_and_details(client: AsyncClient) -> None:
    unknown = ReadRelationshipsRequest(relationship_filter=RelationshipFilter(resource_type="unknown"))
    with pytest.raises(aio.AioRpcError) as refused:
        [read async for read in client.ReadRelationships(unknown)]
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert b"ERROR_REASON_UNKNOWN_DEFINITION" in dict(refused.value.trailing_metadata())["grpc-status-details-bin"]


async def test_a_watch_delivers_what_is_written_after_it_began(client: AsyncClient) -> None:
    watch = client.Watch(WatchRequest())

    async def seen() -> None:
        async for response in watch:
            if any(update.relationship.resource.object_id == "watched" for update in response.updates):
                return

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(seen())
        while not watching.done():  # a watch does not say when it began
            await client.WriteRelationships(writing(TOUCH, reads("ann", "watched")))
            await asyncio.wait([watching], timeout=0.1)
    watch.cancel()


async def test_many_calls_at_once_are_all_answered(client: AsyncClient) -> None:
    await client.WriteRelationships(writing(TOUCH, reads("ann", "plan")))
    request = CheckPermissionRequest(consistency=NOW, resource=document("plan"), permission="read", subject=user("ann"))
    answers = await asyncio.gather(*(client.CheckPermission(request) for _ in range(500)))
    assert {answer.permissionship for answer in answers} == {GRANTED}


async def test_a_wrong_key_is_refused_for_calls_and_streams(endpoint: str) -> None:
    stranger = AsyncClient(endpoint, insecure_bearer_token_credentials("another key"))
    with pytest.raises(aio.AioRpcError) as call:
        await stranger.ReadSchema(ReadSchemaRequest())
    with pytest.raises(aio.AioRpcError) as stream:
        [read async for read in stranger.ReadRelationships(ReadRelationshipsRequest(relationship_filter=DOCUMENTS))]
    assert [call.value.code(), stream.value.code()] == [grpc.StatusCode.PERMISSION_DENIED] * 2


async def test_the_health_check_needs_no_key(endpoint: str) -> None:
    async with aio.insecure_channel(endpoint) as channel:
        answer = await channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        with pytest.raises(aio.AioRpcError) as refused:
            await channel.unary_unary("/authzed.api.v1.SchemaService/ReadSchema")(b"")
    assert answer == b"\x08\x01"
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
