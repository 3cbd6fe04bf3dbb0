"""What can be seen of an agent from outside."""

from uuid import UUID

from attrs import define

from plexsphere_apps.simulator.reconnection import Mode


@define
class Standing:
    """`events` counts the verified ones; `last_event` is the type of the newest. `cursor` is what a reconnect sends."""

    name: str
    node_id: UUID | None = None
    mesh_ip: str = ""
    reachability: str = ""
    mode: Mode = Mode.CONNECTING
    peers: int = 0
    pulls: int = 0
    heartbeats: int = 0
    events: int = 0
    connects: int = 0
    last_event: str = ""
    cursor: str = ""
    rotation_asked: bool = False
