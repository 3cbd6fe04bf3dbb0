"""Values for rows that tests put straight into tables."""

POLICY = '{"heartbeat_interval": "30s", "stale_after": "90s", "unreachable_after": "300s"}'
"""A Domain's reachability policy, as its column holds it."""
