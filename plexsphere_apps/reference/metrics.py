"""docs/reference/metrics.md: every metric."""

from typing import Final

from plexsphere_adapters.metrics import Declaration, declared

_HEAD: Final = """\
# Metrics

Every process shows its metrics at `/metrics`, in the exposition formats of Prometheus and OpenMetrics; beside those of
this table the usual ones of the process itself (`process_*`, `python_gc_*`). Labels never hold an id.

This page is generated: `python3 noxfile.py generate`.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page in Markdown."""
    return _HEAD + "".join(map(_row, declared()))


def _row(metric: Declaration) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "—"
    return f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |\n"
