"""What the event bus tells about itself, in logs and metrics."""

from datetime import datetime

import structlog
from attrs import frozen

from plexsphere_adapters.metrics.bus import DROPPED, LAG, PARKED, PUBLISHED, SKIPPED
from plexsphere_domain.kernel.clock import Clock
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.bus.announcements import Fact
from plexsphere_domain.mesh.bus.ports import Record

log = structlog.get_logger(__name__)


@frozen
class RelayReports:
    """Implements `RelayObserver` for the relay of one shard."""

    clock: Clock
    shard: int

    def published(self, count: int, oldest: datetime) -> None:
        PUBLISHED.inc(count)
        LAG.observe(max(0.0, (self.clock.now() - oldest).total_seconds()))

    def skipped(self, fact: Fact, reason: str) -> None:
        SKIPPED.inc()
        log.error("relay_fact_skipped", event_id=str(fact.id), type=fact.type, reason=reason)

    def set_aside(self, domain: DomainId, count: int) -> None:
        log.warning("relay_facts_parked", domain_id=str(domain), count=count)

    def released(self, domain: DomainId, count: int) -> None:
        log.info("relay_facts_released", domain_id=str(domain), count=count)

    def waiting(self, count: int) -> None:
        PARKED.labels(str(self.shard)).set(count)


class StreamReports:
    """Implements `StreamObserver`."""

    def dropped(self, record: Record, reason: str) -> None:
        DROPPED.inc()
        log.error("stream_record_dropped", sequence=record.sequence, audience=repr(record.audience), reason=reason)
