"""The event bus: what the relay announces, what has to wait, and who follows."""

from plexsphere_adapters.metrics.registry import counter, gauge, histogram

PUBLISHED = counter("plexsphere_relay_published_total", "Announcements that are in the event stream.")
SKIPPED = counter("plexsphere_relay_skipped_total", "Facts that should have been announced and cannot be.")
PARKED = gauge(
    "plexsphere_relay_parked", "Facts that wait because their Domain has no signing key that can be used.", ("shard",)
)
LAG = histogram(
    "plexsphere_relay_lag_seconds", "From a fact to its announcement in the event stream, for the oldest of each batch."
)
DROPPED = counter("plexsphere_stream_dropped_total", "Records of the event stream that did not verify.")
CONNECTIONS = gauge("plexsphere_stream_connections", "Nodes that follow their events at this replica.")
