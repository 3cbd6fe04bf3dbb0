"""The audit log: how fast rows are chained, and which chains stand still."""

from plexsphere_adapters.metrics.registry import counter, gauge
from plexsphere_domain.audit.sequencer import Progress

CHAINED = counter("plexsphere_audit_chained_total", "Records that became rows of their chains.")
ASIDE = gauge(
    "plexsphere_audit_chains_aside", "Chains that cannot be continued; their records wait. Zero when all is well."
)


def report(progress: Progress) -> None:
    """Count what the sequencer did."""
    CHAINED.inc(progress.chained)
    ASIDE.set(len(progress.aside))
