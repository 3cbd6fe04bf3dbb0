"""The audit log: how fast rows are chained, and which chains stand still."""

from plexsphere_adapters.metrics.registry import counter, gauge

CHAINED = counter("plexsphere_audit_chained_total", "Records that became rows of their chains.")
ASIDE = gauge(
    "plexsphere_audit_chains_aside", "Chains that cannot be continued; their records wait. Zero when all is well."
)
