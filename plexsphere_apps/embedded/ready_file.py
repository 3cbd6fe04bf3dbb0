"""The ready file: what a program needs to use the running system, and to hurt it on purpose."""

import json
from collections.abc import Mapping
from pathlib import Path

from attrs import asdict, frozen

from plexsphere_apps.embedded.state import write_private


@frozen(kw_only=True)
class Facts:
    """The members of the ready file. `pids` are those of the servers themselves, by name.

    A system of stores alone has neither core nor signer; their members are null then.
    """

    core_url: str | None
    signer_url: str | None
    operator_token: str | None
    postgres_dsn: str
    nats_url: str
    openbao_addr: str
    openbao_token: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    spicedb_endpoint: str
    spicedb_key: str
    pids: Mapping[str, int]


def write(path: Path, facts: Facts) -> None:
    """Write the file, 0600, in one step."""
    write_private(path, json.dumps(asdict(facts), indent=2) + "\n")


def read(path: Path) -> Facts:
    """The facts another process wrote."""
    return Facts(**json.loads(path.read_text()))
