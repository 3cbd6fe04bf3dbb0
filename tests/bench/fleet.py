"""A Domain with many Nodes, put straight into the database: benchmarks of what comes after enrolment need no Argon2."""

import base64
import json
from ipaddress import ip_address
from uuid import UUID, uuid4

import httpx
from attrs import frozen

from plexsphere_adapters.postgres import pool as postgres
from plexsphere_adapters.postgres.journal import PostgresJournal
from plexsphere_adapters.postgres.transaction import PostgresTransactions
from plexsphere_adapters.system import SystemClock, random_bytes, uuid7
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_domain.kernel.ids import BootstrapTokenId, DomainId, NodeId, ProjectId, ResourceId
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr
from plexsphere_domain.mesh.nodes.model import Node, StoredNsk
from plexsphere_domain.mesh.nodes.public_key import X25519PublicKey
from plexsphere_domain.mesh.nodes.secret_key import NodeSecretKey


@frozen
class Member:
    """A Node, and the bearer credential that it would have been given."""

    id: UUID
    bearer: str


@frozen(kw_only=True)
class Fleet:
    domain: UUID
    project: UUID
    resource: UUID
    members: tuple[Member, ...]


def operator(facts: Facts) -> httpx.Client:
    return httpx.Client(
        base_url=str(facts.core_url), headers={"Authorization": f"Bearer {facts.operator_token}"}, timeout=30
    )


def tenancy(facts: Facts, slug: str, cidr: str) -> tuple[UUID, UUID, UUID]:
    """A new Domain, Project and Resource, made over the API."""
    with operator(facts) as api:
        domain = _made(api.post("/v1/domains", json={"name": slug, "slug": slug, "mesh_cidr": cidr}))
        project = _made(api.post("/v1/projects", json={"domain_id": domain, "name": slug, "slug": slug}))
        body = {"origin": "adopted", "kind": "vm", "external_ref": slug}
        resource = _made(api.post(f"/v1/projects/{project}/resources", json=body))
    return UUID(domain), UUID(project), UUID(resource)


async def fleet(facts: Facts, slug: str, cidr: str, size: int) -> Fleet:
    """A Domain of `size` Nodes and one more, enrolled as agents do, so that the Domain has its signing key."""
    domain, project, resource = tenancy(facts, slug, cidr)
    enrol(facts, str(project), slug)
    clock = SystemClock()
    base = ip_address(cidr.partition("/")[0])
    members = []
    async with postgres.pool(postgres.Config(dsn=SecretStr(str(facts.postgres_dsn)))) as pool:
        transactions = PostgresTransactions(
            pool=pool, clock=clock, new_id=uuid7, journals=lambda held: PostgresJournal(connection=held, clock=clock)
        )
        async with transactions.begin() as tx:
            for number in range(size):
                nsk = NodeSecretKey(SecretBytes(random_bytes(32).reveal()))
                node = Node(
                    id=NodeId(uuid7()),
                    domain_id=DomainId(domain),
                    project_id=ProjectId(project),
                    resource_id=ResourceId(resource),
                    bootstrap_token_id=BootstrapTokenId(uuid7()),
                    mesh_ip=base + number + 2,
                    public_key=X25519PublicKey(random_bytes(32).reveal()),
                    registered_at=clock.now(),
                )
                await tx.nodes.add(node, StoredNsk(Sealed("bench", b"\0" * 60), nsk.digest))
                members.append(Member(node.id, _bearer(node.id, nsk)))
    return Fleet(domain=domain, project=project, resource=resource, members=tuple(members))


def enrol(facts: Facts, project: str, handle: str) -> None:
    """Redeem a token the way an agent does."""
    with operator(facts) as api:
        body = {"kind": "node", "env_prefix": "bench", "ttl_seconds": 3600}
        token = api.post(f"/v1/projects/{project}/bootstrap-tokens", json=body).raise_for_status().json()["token"]
        api.post("/v1/register", content=registration(project, handle, token)).raise_for_status()


def registration(project: str, handle: str, token: str) -> bytes:
    """The body of a registration with a key of its own."""
    return json.dumps(
        {
            "project_id": project,
            "resource_handle": handle,
            "bootstrap_token": token,
            "nonce": str(uuid4()),
            "public_key": base64.b64encode(random_bytes(32).reveal()).decode(),
        }
    ).encode()


def _bearer(node: UUID, nsk: NodeSecretKey) -> str:
    payload = base64.urlsafe_b64encode(node.bytes + nsk.secret.reveal()).decode().rstrip("=")
    return f"nsk_bench_{payload}"


def _made(answer: httpx.Response) -> str:
    answer.raise_for_status()
    return str(answer.json()["id"])
