"""The registry of a process, and how metrics come into it."""

import importlib
import pkgutil
from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

PREFIX: Final = "plexsphere_"

FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets, in seconds, for what a person or an agent waits for."""

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


@frozen
class Declaration:
    """A metric as its reader sees it."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


_declarations: dict[str, Declaration] = {}


def counter(name: str, help: str, labels: tuple[str, ...] = ()) -> Counter:
    """A number that only grows; its name ends in `_total`."""
    if not name.endswith("_total"):
        raise ValueError(f"the counter {name} does not end in _total")
    _declare(name, "counter", labels, help)
    return Counter(name, help, labels, registry=REGISTRY)


def gauge(name: str, help: str, labels: tuple[str, ...] = ()) -> Gauge:
    """A number that goes up and down."""
    _declare(name, "gauge", labels, help)
    return Gauge(name, help, labels, registry=REGISTRY)


def histogram(name: str, help: str, labels: tuple[str, ...] = (), buckets: tuple[float, ...] = FAST) -> Histogram:
    """A distribution, in `buckets` with these upper bounds."""
    _declare(name, "histogram", labels, help)
    return Histogram(name, help, labels, registry=REGISTRY, buckets=buckets)


def _declare(name: str, type: str, labels: tuple[str, ...], help: str) -> None:
    if not name.startswith(PREFIX):
        raise ValueError(f"the metric {name} does not begin with {PREFIX}")
    if not help:
        raise ValueError(f"the metric {name} says nothing of what it is")
    _declarations[name] = Declaration(name, type, labels, help)


def declared() -> tuple[Declaration, ...]:
    """Every metric of every module of this package, by name."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    return tuple(_declarations[name] for name in sorted(_declarations))
