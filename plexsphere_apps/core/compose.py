"""Everything the core process consists of, in the order in which it depends on each other."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from plexsphere_adapters.crypto.argon2 import Argon2idHasher
from plexsphere_adapters.crypto.ed25519 import verify
from plexsphere_adapters.crypto.keywrap import AesGcmKeyWrap
from plexsphere_adapters.decisions import AuditedDecisions
from plexsphere_adapters.http import application, health, openapi
from plexsphere_adapters.http.admission import Credentials
from plexsphere_adapters.http.csrf import CsrfGuard
from plexsphere_adapters.http.cursors import Cursors
from plexsphere_adapters.http.endpoint import Surroundings
from plexsphere_adapters.http.health import Readiness
from plexsphere_adapters.http.lifecycle import Lifecycle
from plexsphere_adapters.http.meta import ApiDescription
from plexsphere_adapters.http.operations import OPERATIONS
from plexsphere_adapters.jetstream.archive import JetStreamArchive
from plexsphere_adapters.jetstream.publisher import JetStreamPublisher
from plexsphere_adapters.jetstream.reports import RelayReports, StreamReports
from plexsphere_adapters.jetstream.tail import Tail
from plexsphere_adapters.metrics.http import observe
from plexsphere_adapters.openbao.keys import CURSOR_KEYS, WRAP_KEYS, KeyRing
from plexsphere_adapters.postgres import authz, relay
from plexsphere_adapters.postgres.api_tokens import PostgresApiTokenLookup
from plexsphere_adapters.postgres.audit import (
    PostgresChainRegistry,
    PostgresEntries,
    PostgresIntake,
    PostgresLedgers,
    PostgresResidence,
)
from plexsphere_adapters.postgres.authz import PROJECTED, PostgresTupleLedger
from plexsphere_adapters.postgres.heartbeats import PostgresHeartbeatLog, PostgresStandings
from plexsphere_adapters.postgres.journal import PostgresJournal, PostgresRecorder
from plexsphere_adapters.postgres.nodes import PostgresNodeCredentials, PostgresNodeDirectory, PostgresPeerLog
from plexsphere_adapters.postgres.notifications import Notifications
from plexsphere_adapters.postgres.outbox import CHANNEL, SHARDS
from plexsphere_adapters.postgres.projection import PostgresProjection, ProjectionWorker
from plexsphere_adapters.postgres.relay import PostgresBacklog
from plexsphere_adapters.postgres.relay_worker import RelayWorker
from plexsphere_adapters.postgres.residency import PostgresResidency
from plexsphere_adapters.postgres.retention import SWEEP_EVERY, OutboxRetention
from plexsphere_adapters.postgres.sequencer_worker import SequencerWorker
from plexsphere_adapters.postgres.transaction import PostgresTransactions
from plexsphere_adapters.registration_keys import RegistrationKeys
from plexsphere_adapters.spicedb.graph import SpiceDbGraph
from plexsphere_adapters.spicedb.writer import SpiceDbGraphWriter
from plexsphere_adapters.system import SystemClock, random_bytes, uuid7
from plexsphere_adapters.system.build import Build, build
from plexsphere_apps.core.bus_keys import BusKeys
from plexsphere_apps.core.config import CoreConfig
from plexsphere_apps.core.patience import once_there
from plexsphere_apps.core.stores import stores
from plexsphere_apps.core.workers import Repeated
from plexsphere_apps.serving import Process
from plexsphere_apps.shipped import authz_schema
from plexsphere_domain.audit.chains import Chains
from plexsphere_domain.audit.erasure import Erasure
from plexsphere_domain.audit.log import AuditLog
from plexsphere_domain.audit.sequencer import Sequencer
from plexsphere_domain.authz.last_known import LastKnownDecisions
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.authz.projector import TupleProjector
from plexsphere_domain.authz.service import Authorizer
from plexsphere_domain.identity.api_tokens.service import ApiTokenAuthentication
from plexsphere_domain.identity.bootstrap_tokens.service import BootstrapTokens
from plexsphere_domain.identity.registration.service import Registration
from plexsphere_domain.mesh.bus.admission import Admission
from plexsphere_domain.mesh.bus.relay import Relay
from plexsphere_domain.mesh.bus.stream import NodeEvents
from plexsphere_domain.mesh.bus.window import Window
from plexsphere_domain.mesh.nodes.authentication import NodeAuthentication
from plexsphere_domain.mesh.nodes.listing import NodeListing
from plexsphere_domain.mesh.nodes.retirement import NodeRetirement
from plexsphere_domain.mesh.reachability.service import HeartbeatIntake, ReachabilityEvaluator, ReachabilityReading
from plexsphere_domain.mesh.state.directories import PeerDirectories
from plexsphere_domain.mesh.state.service import DesiredState, PeersOfNode
from plexsphere_domain.tenancy.domains.service import Domains
from plexsphere_domain.tenancy.projects.service import Projects
from plexsphere_domain.tenancy.resources.service import Resources


@asynccontextmanager
async def core(config: CoreConfig, lifecycle: Lifecycle) -> AsyncIterator[Process]:
    """The process, ready to serve."""
    clock = SystemClock()
    async with stores(config) as at:
        wrap = AesGcmKeyWrap(KeyRing(at.secrets, WRAP_KEYS))
        cursor_key = await once_there(KeyRing(at.secrets, CURSOR_KEYS).current)
        hasher = Argon2idHasher()
        notifications = Notifications(at.postgres, CHANNEL, PROJECTED)
        transactions = PostgresTransactions(
            pool=at.pool, clock=clock, new_id=uuid7, journals=lambda held: PostgresJournal(connection=held, clock=clock)
        )

        # Audit
        chains = Chains(PostgresChainRegistry(at.pool), PostgresResidence(at.pool), wrap, random_bytes)
        ledgers = PostgresLedgers(at.pool)
        sequencer = Sequencer(intake=PostgresIntake(at.pool), ledgers=ledgers, chains=chains)

        # Authorisation
        authorizer = Authorizer(
            graph=SpiceDbGraph(at.graph),
            residency=PostgresResidency(at.pool),
            journal=AuditedDecisions(PostgresRecorder(at.pool)),
            clock=clock,
            known=LastKnownDecisions(config.authz_stale),
        )
        projector = TupleProjector(
            ledger=PostgresTupleLedger(at.pool), graph=SpiceDbGraphWriter(at.graph, authz_schema())
        )

        # The signed event bus
        bus_keys, window = BusKeys(at.signer), Window()
        publisher = JetStreamPublisher(at.bus)
        relays = [
            Relay(PostgresBacklog(at.pool, shard), bus_keys, publisher, clock, RelayReports(clock, shard))
            for shard in range(SHARDS)
        ]
        retention = OutboxRetention(at.pool, (relay.CONSUMER, authz.CONSUMER))
        events = NodeEvents(window, JetStreamArchive(at.bus), Admission(bus_keys, verify, StreamReports()))

        # The mesh
        standings = PostgresStandings(at.pool)
        directories = PeerDirectories(PostgresPeerLog(at.pool))
        evaluator = ReachabilityEvaluator(transactions=transactions, clock=clock)

        def readable(type: ObjectType, permission: Permission = Permission.READ) -> Any:
            return lambda actor, ids: authorizer.visible(actor, permission, type, ids)

        readiness = Readiness(at.probes, config.probe_timeout)
        services: Mapping[Any, object] = {
            Lifecycle: lifecycle,
            Readiness: readiness,
            Build: build(),
            ApiDescription: ApiDescription.of(openapi.document(OPERATIONS, version="v1")),
            Domains: Domains(
                transactions=transactions, clock=clock, new_id=uuid7, readable=readable(ObjectType.DOMAIN)
            ),
            Projects: Projects(
                transactions=transactions, clock=clock, new_id=uuid7, readable=readable(ObjectType.PROJECT)
            ),
            Resources: Resources(
                transactions=transactions,
                clock=clock,
                new_id=uuid7,
                observable=readable(ObjectType.RESOURCE, Permission.OBSERVE),
                retirement=NodeRetirement(clock),
            ),
            BootstrapTokens: BootstrapTokens(
                transactions=transactions, clock=clock, new_id=uuid7, random_bytes=random_bytes, hasher=hasher
            ),
            Registration: Registration(
                transactions=transactions,
                hasher=hasher,
                signing_keys=RegistrationKeys(at.signer),
                wrap=wrap,
                peers=PeersOfNode(standings, directories),
                clock=clock,
                new_id=uuid7,
                random_bytes=random_bytes,
            ),
            NodeListing: NodeListing(PostgresNodeDirectory(at.pool), readable(ObjectType.NODE)),
            HeartbeatIntake: HeartbeatIntake(PostgresHeartbeatLog(at.pool, clock), clock),
            ReachabilityReading: ReachabilityReading(standings, clock),
            DesiredState: DesiredState(
                standings=standings, directories=directories, clock=clock, stale_for=config.state_stale_ttl
            ),
            NodeEvents: events,
            AuditLog: AuditLog(sequencer=sequencer, chains=chains, entries=PostgresEntries(at.pool)),
            Erasure: Erasure(sequencer=sequencer, chains=chains, ledgers=ledgers, clock=clock),
        }
        around = Surroundings(
            credentials=Credentials(
                operators=ApiTokenAuthentication(PostgresApiTokenLookup(at.pool), hasher, clock),
                nodes=NodeAuthentication(
                    lookup=PostgresNodeCredentials(at.pool), clock=clock, grace=config.state_stale_ttl
                ),
                csrf=CsrfGuard(frozenset(config.csrf_allowed_origins) or None),
            ),
            authorizer=authorizer,
            projection=PostgresProjection(at.pool, notifications),
            cursors=Cursors(cursor_key.key),
            services=services,
            new_id=uuid7,
            observe=observe,
            trust_proxy_headers=config.auth_trust_proxy_headers,
        )
        yield Process(
            app=application.application(OPERATIONS, around, extra_routes=health.routes(readiness, lifecycle, build())),
            workers={
                "notifications": notifications.run,
                "relay": RelayWorker(at.postgres, at.pool, notifications, relays).run,
                "tail": Tail(at.bus, window).run,
                "projection": ProjectionWorker(at.postgres, at.pool, notifications, projector).run,
                "audit-sequencer": SequencerWorker(at.postgres, sequencer).run,
                "outbox-retention": Repeated(name="outbox-retention", step=retention.sweep, tick=SWEEP_EVERY).run,
                "reachability": Repeated(name="reachability", step=evaluator.tick, tick=1.0).run,
            },
        )
