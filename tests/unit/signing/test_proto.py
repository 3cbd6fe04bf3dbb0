"""What is generated is what the sources say."""

import re
import subprocess
import sys
from pathlib import Path

import plexsphere_adapters
from plexsphere_adapters.grpc import signer_pb2

ROOT = Path(plexsphere_adapters.__file__).parent.parent
PROTO = "plexsphere_adapters/grpc/signer.proto"


def test_the_generated_modules_are_those_of_the_proto_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={tmp_path}", PROTO]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    fresh = (tmp_path / "plexsphere_adapters/grpc/signer_pb2.py").read_text()
    described = re.search(r"AddSerializedFile\((b'.*')\)", fresh)
    assert described is not None
    assert described[1] in (ROOT / "plexsphere_adapters/grpc/signer_pb2.py").read_text()


def test_there_are_exactly_three_calls() -> None:
    service = signer_pb2.DESCRIPTOR.services_by_name["Signer"]
    assert [method.name for method in service.methods] == ["Sign", "GetPublicKeys", "EnsureKey"]
