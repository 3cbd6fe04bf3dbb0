"""The stores of an embedded system, and what their clients have to know."""

from collections.abc import Iterator

import httpx
from attrs import frozen

from plexsphere_apps.embedded import ports
from plexsphere_apps.embedded.server import Server
from plexsphere_apps.embedded.servers import nats, openbao, postgres, seaweedfs, spicedb
from plexsphere_apps.embedded.servers.spicedb_library import library_path
from plexsphere_apps.embedded.state import StateDirectory

PORTS = (*postgres.PORTS, *nats.PORTS, *openbao.PORTS, *seaweedfs.PORTS, *spicedb.PORTS)


@frozen(kw_only=True)
class Stores:
    """The five stores."""

    postgres: postgres.Postgres
    nats: nats.Nats
    openbao: openbao.OpenBao
    seaweedfs: seaweedfs.SeaweedFs
    spicedb: spicedb.SpiceDb

    @classmethod
    def at(cls, state: StateDirectory, http: httpx.AsyncClient) -> "Stores":
        """The stores of a state directory, on the ports they had or on new ones."""
        allotted = ports.allot(state, PORTS)
        return cls(
            postgres=postgres.Postgres(state=state, allotted=allotted),
            nats=nats.Nats(state=state, allotted=allotted, http=http),
            openbao=openbao.OpenBao(state=state, allotted=allotted, http=http),
            seaweedfs=seaweedfs.SeaweedFs(state=state, allotted=allotted, http=http),
            spicedb=spicedb.SpiceDb(state=state, allotted=allotted, library=library_path()),
        )

    def __iter__(self) -> Iterator[Server]:
        return iter((self.postgres, self.nats, self.openbao, self.seaweedfs, self.spicedb))
