"""The command `plexsphere-core`."""

import os
import sys
from collections.abc import Sequence
from functools import partial

from plexsphere_adapters.system.build import build
from plexsphere_apps import flags, logging, serving, telemetry, variables
from plexsphere_apps.configuration import ConfigurationError, decode
from plexsphere_apps.core.compose import core
from plexsphere_apps.core.config import CoreConfig

SERVICE = "core"


def main(argv: Sequence[str] | None = None) -> int:
    parser = flags.parser(SERVICE, "Serve the API. Stateless: run as many replicas as are needed.")
    parsed = parser.parse_args(argv)
    try:
        config = decode(CoreConfig, os.environ, variables.ALL)
    except ConfigurationError as refusal:
        return serving.fail(SERVICE, refusal)
    logging.configure(SERVICE, config.log_level)
    with telemetry.tracing(SERVICE, build(), config.otlp_endpoint):
        return serving.run(SERVICE, flags.server_flags(parsed), partial(core, config))


if __name__ == "__main__":
    sys.exit(main())
