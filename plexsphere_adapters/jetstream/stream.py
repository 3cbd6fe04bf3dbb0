"""The stream, as it has to be."""

from datetime import timedelta
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from plexsphere_adapters.jetstream.subjects import ALL

STREAM: Final = "PLEXSPHERE_NODE_EVENTS"

MAX_AGE: Final = timedelta(hours=24)
MAX_BYTES: Final = 1024**3
DUPLICATE_WINDOW: Final = timedelta(minutes=10)
"""How long the stream knows a message id. A relay that was away for longer may repeat what it published last."""

_OURS: Final = (
    "subjects",
    "retention",
    "discard",
    "storage",
    "max_age",
    "max_bytes",
    "duplicate_window",
    "num_replicas",
    "allow_direct",
)


def wanted(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        subjects=[ALL],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        max_age=MAX_AGE.total_seconds(),
        max_bytes=MAX_BYTES,
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        num_replicas=replicas,
        allow_direct=True,
    )


async def ensure(js: JetStreamContext, replicas: int) -> None:
    """Create the stream, or change it to what it has to be; what it holds stays."""
    try:
        present = (await js.stream_info(STREAM)).config
    except NotFoundError:
        await js.add_stream(wanted(replicas))
        return
    ours = {name: getattr(wanted(replicas), name) for name in _OURS}
    if any(getattr(present, name) != value for name, value in ours.items()):
        await js.update_stream(present.evolve(**ours))
