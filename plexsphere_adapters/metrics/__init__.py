"""What the processes count and measure, as Prometheus metrics.

Every metric is declared in a module of this package, one module per concern, by `counter`, `gauge` or `histogram`; a
process shows those whose modules it imports. Names are `plexsphere_<concern>_<what>` with the unit at the end
(`_total`, `_seconds`, `_bytes`); labels take few values, and never an id.
"""

from plexsphere_adapters.metrics.registry import REGISTRY, Declaration, counter, declared, gauge, histogram

__all__ = ["REGISTRY", "Declaration", "counter", "declared", "gauge", "histogram"]
