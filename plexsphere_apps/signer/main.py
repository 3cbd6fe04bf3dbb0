"""The command `plexsphere-signer`."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from plexsphere_adapters.system.build import build
from plexsphere_apps import flags, logging, serving, telemetry, variables
from plexsphere_apps.configuration import ConfigurationError, decode
from plexsphere_apps.kinds import address
from plexsphere_apps.signer.compose import GrpcFlags, signer
from plexsphere_apps.signer.config import SignerConfig

SERVICE = "signer"


def main(argv: Sequence[str] | None = None) -> int:
    parser = flags.parser(SERVICE, "Hold the signing keys of all Domains, and sign for core.")
    parser.add_argument(
        "--grpc-addr",
        type=address,
        default="127.0.0.1:9443",
        metavar="HOST:PORT",
        help="where to listen for the calls of core; port 0 for any free one (default: %(default)s)",
    )
    parser.add_argument("--grpc-addr-file", type=Path, metavar="FILE", help="where to write the address of gRPC")
    parsed = parser.parse_args(argv)
    try:
        config = decode(SignerConfig, os.environ, variables.ALL)
    except ConfigurationError as refusal:
        return serving.fail(SERVICE, refusal)
    logging.configure(SERVICE, config.log_level)
    grpc = GrpcFlags(addr=parsed.grpc_addr, addr_file=parsed.grpc_addr_file)
    with telemetry.tracing(SERVICE, build(), config.otlp_endpoint):
        return serving.run(SERVICE, flags.server_flags(parsed), partial(signer, config, grpc))


if __name__ == "__main__":
    sys.exit(main())
