"""Core and signer over gRPC.

`signer_pb2*` are generated from `signer.proto`:

    python -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. --mypy_out=quiet:. --mypy_grpc_out=quiet:. \
        plexsphere_adapters/grpc/signer.proto
"""

import os

# gRPC's C core writes lines of its own format to stderr; what matters of it arrives as a status.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
