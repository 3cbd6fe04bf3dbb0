"""The process itself."""

from plexsphere_adapters.metrics.registry import gauge

BUILD_INFO = gauge(
    "plexsphere_build_info", "What is running; always 1, the labels say it.", ("version", "commit", "date")
)
PROBE_UP = gauge("plexsphere_probe_up", "Whether a probe of /readyz last succeeded (1) or failed (0).", ("probe",))
PROBE_SECONDS = gauge("plexsphere_probe_seconds", "How long a probe of /readyz last took.", ("probe",))
