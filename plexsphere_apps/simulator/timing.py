"""How patient an agent is. The defaults are plexd's; tests shorten them."""

from attrs import frozen


@frozen(kw_only=True)
class Timing:
    """All in seconds.

    `stream_lifetime` cuts the event stream after that time, as agents do whose total request timeout covers the stream
    too; None leaves it open.
    """

    connect: float = 10.0
    request: float = 30.0
    heartbeat: float = 30.0
    reconcile: float = 60.0
    stream_idle: float = 90.0
    stream_lifetime: float | None = None
    backoff_first: float = 1.0
    backoff_ceiling: float = 60.0
    give_up_registering: float = 300.0
    degrade_after: float = 300.0
    reprobe: float = 600.0
