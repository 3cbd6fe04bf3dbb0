"""The rules of the port in front of SpiceDB that need no engine."""

import base64
import hashlib
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode

from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.servers.spicedb_library import platform_name, verify
from plexsphere_apps.embedded.spicedb.engine import CODES, refusal
from plexsphere_apps.embedded.spicedb.front import Denied, require_key


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_preshared_key_is_accepted(scheme: str) -> None:
    require_key(b"key", [("user-agent", "x"), ("authorization", f"{scheme} key")])


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ([], StatusCode.UNAUTHENTICATED),
        ([("authorization", "Bearer other")], StatusCode.PERMISSION_DENIED),
        ([("authorization", "Bearer ")], StatusCode.PERMISSION_DENIED),
        ([("authorization", "Basic key")], StatusCode.PERMISSION_DENIED),
        ([("authorization", "key")], StatusCode.PERMISSION_DENIED),
    ],
)
def test_anything_else_is_denied(metadata: list[tuple[str, str]], code: grpc.StatusCode) -> None:
    with pytest.raises(Denied) as denied:
        require_key(b"key", metadata)
    assert denied.value.code is code


def test_an_error_of_the_engine_becomes_its_status() -> None:
    found = refusal("rpc error: code = FailedPrecondition desc = no such\ndefinition")
    assert (found.code, found.text) == (StatusCode.FAILED_PRECONDITION, "no such\ndefinition")


def test_an_error_that_is_no_status_is_internal() -> None:
    assert refusal("out of luck").code is StatusCode.INTERNAL


@pytest.mark.parametrize("spelled", ["OK", "Canceled", "InvalidArgument", "DeadlineExceeded", "Unauthenticated"])
def test_codes_are_read_as_go_spells_them(spelled: str) -> None:
    assert spelled.lower() in CODES


def test_platforms_are_named_as_npm_names_them() -> None:
    assert platform_name("linux", "x86_64") == "linux-x64"
    assert platform_name("linux", "aarch64") == "linux-arm64"


def test_a_package_that_is_not_the_expected_one_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "package.tgz"
    package.write_bytes(b"content")
    verify(package, base64.b64encode(hashlib.sha512(b"content").digest()).decode())
    with pytest.raises(CannotStart, match="not the file that was expected"):
        verify(package, base64.b64encode(hashlib.sha512(b"other").digest()).decode())
