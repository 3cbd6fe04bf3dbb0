"""The SpiceDB engine, driven through its C interface.

The library answers seven unary calls by function; everything else it serves on a Unix socket. Both take and give the
raw bytes of the messages. Errors of the functions arrive as text, `rpc error: code = CODE desc = TEXT`, so that a
client sees status and message, while the structured details that SpiceDB attaches to some errors are lost here.
"""

import ctypes
import re
from collections.abc import Callable, Mapping
from typing import Final

import grpc
from attrs import frozen
from spicedb_embedded import SpiceDBError, StartOptions, ffi

PERMISSIONS: Final = "/authzed.api.v1.PermissionsService"
SCHEMA: Final = "/authzed.api.v1.SchemaService"

FUNCTIONS: Final[Mapping[str, Callable[[int, bytes], bytes]]] = {
    f"{PERMISSIONS}/CheckPermission": ffi.spicedb_permissions_check_permission,
    f"{PERMISSIONS}/CheckBulkPermissions": ffi.spicedb_permissions_check_bulk_permissions,
    f"{PERMISSIONS}/ExpandPermissionTree": ffi.spicedb_permissions_expand_permission_tree,
    f"{PERMISSIONS}/WriteRelationships": ffi.spicedb_permissions_write_relationships,
    f"{PERMISSIONS}/DeleteRelationships": ffi.spicedb_permissions_delete_relationships,
    f"{SCHEMA}/ReadSchema": ffi.spicedb_schema_read_schema,
    f"{SCHEMA}/WriteSchema": ffi.spicedb_schema_write_schema,
}

RPC_ERROR: Final = re.compile(r"rpc error: code = (?P<code>\w+) desc = (?P<text>.*)", re.DOTALL)

CODES: Final = {code.name.replace("_", "").lower(): code for code in grpc.StatusCode} | {
    "canceled": grpc.StatusCode.CANCELLED  # as Go spells it
}


@frozen
class EngineRefused(Exception):
    """The engine answered a call with an error."""

    code: grpc.StatusCode
    text: str


@frozen
class Engine:
    """A running engine."""

    handle: int
    socket: str
    """The path of the Unix socket for the calls that are no function."""

    @classmethod
    def start(cls) -> "Engine":
        """Load the library and start an engine with an empty graph in memory."""
        # The binding declares a parameter type with which it cannot give error messages back to the library.
        ffi._get_lib().spicedb_free.argtypes = [ctypes.c_void_p]
        started = ffi.spicedb_start(StartOptions(datastore="memory"))
        return cls(started["handle"], started["streaming_address"])

    def call(self, method: str, request: bytes) -> bytes:
        """Answer a unary call. Blocks. Raises `EngineRefused`."""
        try:
            return FUNCTIONS[method](self.handle, request)
        except SpiceDBError as failure:
            raise refusal(str(failure)) from failure

    def stop(self) -> None:
        """End the engine; its graph is gone."""
        ffi.spicedb_dispose(self.handle)


def refusal(message: str) -> EngineRefused:
    """An error message of the library as a gRPC status."""
    match = RPC_ERROR.match(message)
    if match is None:
        return EngineRefused(grpc.StatusCode.INTERNAL, message)
    return EngineRefused(CODES.get(match["code"].lower(), grpc.StatusCode.UNKNOWN), match["text"])
