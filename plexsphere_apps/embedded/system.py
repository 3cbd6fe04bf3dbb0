"""The whole system, read from top to bottom in the order in which its parts depend on each other."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from attrs import frozen

from plexsphere_apps.embedded import ports
from plexsphere_apps.embedded.certificates import Certificates, current
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Command
from plexsphere_apps.embedded.ready_file import Facts
from plexsphere_apps.embedded.servers import apps, spicedb_library
from plexsphere_apps.embedded.servers.apps import App, environment, program
from plexsphere_apps.embedded.state import StateDirectory, write_private
from plexsphere_apps.embedded.stores import Stores
from plexsphere_apps.embedded.supervisor import Step, Supervisor

PUBLIC_HOST: Final = "localhost"
BUCKET: Final = "plexsphere"
SERVERS: Final = ("postgres", "nats", "openbao", "seaweedfs", "spicedb", "signer", "core")
"""Whose process ids the ready file tells."""


@frozen(kw_only=True)
class Applications:
    """What runs on top of the stores."""

    migrate: Step
    bootstrap: Step
    signer: App
    core: App
    operator_token_file: Path


async def start_stores(supervisor: Supervisor, stores: Stores) -> None:
    """Start the stores, all at once: none depends on another."""
    if not stores.spicedb.library.exists():
        with supervisor.report.step("spicedb library", "fetched from the npm registry"):
            await spicedb_library.fetch(supervisor.state.log("npm"))
    async with asyncio.TaskGroup() as starting:
        for store in stores:
            starting.create_task(supervisor.start(store))


async def start_applications(supervisor: Supervisor, applications: Applications) -> None:
    """Prepare the stores and start what stands on them, one after the other."""
    await supervisor.run(applications.migrate)
    await supervisor.run(applications.bootstrap)
    # The graph lives in memory: a new SpiceDB needs its schema again, and core replays the relations.
    supervisor.after_restart("spicedb", applications.bootstrap)
    await supervisor.start(applications.signer)
    await supervisor.start(applications.core)


def applications_on(stores: Stores, state: StateDirectory, http: httpx.AsyncClient) -> Applications:
    """The steps and apps for a set of stores, with the environment each of them is given."""
    allotted = ports.allot(state, apps.PORTS)
    certificates = current(state.directory("pki"), datetime.now(UTC))
    operator_token_file = state.directory("secrets") / "operator-token"
    dsn = {"PLEXSPHERE_POSTGRES_DSN": stores.postgres.dsn}
    of_stores = dsn | _environment_of(stores)
    of_core = of_stores | _environment_of_core(certificates, allotted)
    of_signer = _environment_of_signer(state, certificates)
    reserved = frozenset(of_core) | frozenset(of_signer)
    return Applications(
        migrate=Step(name="migrate", command=Command(argv=(program("migrate"), "up"), env=dsn)),
        bootstrap=Step(
            name="bootstrap",
            command=Command(
                argv=(program("bootstrap"), "--operator-token-file", str(operator_token_file)),
                env=environment(of_stores | _authority_over(stores), reserved=reserved),
            ),
        ),
        signer=App(
            name="signer",
            state=state,
            port=allotted["signer"],
            grpc_port=allotted["signer-grpc"],
            env=environment(of_signer, reserved=reserved),
            http=http,
        ),
        core=App(
            name="core", state=state, port=allotted["core"], env=environment(of_core, reserved=reserved), http=http
        ),
        operator_token_file=operator_token_file,
    )


def facts(stores: Stores, applications: Applications | None, pids: Mapping[str, int]) -> Facts:
    """The content of the ready file."""
    return Facts(
        core_url=applications.core.address if applications else None,
        signer_url=applications.signer.address if applications else None,
        operator_token=applications.operator_token_file.read_text().strip() if applications else None,
        postgres_dsn=stores.postgres.dsn,
        nats_url=stores.nats.url,
        openbao_addr=stores.openbao.address,
        openbao_token=stores.openbao.token,
        s3_endpoint=stores.seaweedfs.address,
        s3_access_key=stores.seaweedfs.access_key,
        s3_secret_key=stores.seaweedfs.secret_key,
        spicedb_endpoint=stores.spicedb.address,
        spicedb_key=stores.spicedb.key,
        pids={name: pid for name, pid in pids.items() if name in SERVERS},
    )


def _environment_of(stores: Stores) -> dict[str, str]:
    return {
        "PLEXSPHERE_NATS_URL": stores.nats.url,
        "PLEXSPHERE_STREAM_REPLICAS": "1",
        "PLEXSPHERE_OPENBAO_ADDR": stores.openbao.address,
        "PLEXSPHERE_OPENBAO_TOKEN_FILE": str(stores.openbao.token_file),
        "PLEXSPHERE_S3_ENDPOINT": stores.seaweedfs.address,
        "PLEXSPHERE_S3_ACCESS_KEY": stores.seaweedfs.access_key,
        "PLEXSPHERE_S3_SECRET_KEY": stores.seaweedfs.secret_key,
        "PLEXSPHERE_S3_BUCKET": BUCKET,
        "PLEXSPHERE_SPICEDB_ENDPOINT": stores.spicedb.address,
        "PLEXSPHERE_SPICEDB_KEY": stores.spicedb.key,
        "PLEXSPHERE_PUBLIC_HOST": PUBLIC_HOST,
    }


def _authority_over(stores: Stores) -> dict[str, str]:
    """What bootstrap is given instead of core's own credentials, for it sets up what core then uses."""
    return {"PLEXSPHERE_OPENBAO_TOKEN_FILE": str(stores.openbao.root_token_file)}


def _environment_of_core(certificates: Certificates, allotted: Mapping[str, int]) -> dict[str, str]:
    return {
        "PLEXSPHERE_SIGNER_ENDPOINT": f"{LOOPBACK}:{allotted['signer-grpc']}",
        "PLEXSPHERE_SIGNER_CA_FILE": str(certificates.authority),
        "PLEXSPHERE_SIGNER_CERT_FILE": str(certificates.core.certificate),
        "PLEXSPHERE_SIGNER_KEY_FILE": str(certificates.core.key),
    }


def _environment_of_signer(state: StateDirectory, certificates: Certificates) -> dict[str, str]:
    return {
        "PLEXSPHERE_SIGNER_KEY_DIR": str(state.directory("signer/keys")),
        "PLEXSPHERE_SIGNER_KEK_FILE": str(_key_encryption_key(state)),
        "PLEXSPHERE_SIGNER_TLS_CA_FILE": str(certificates.authority),
        "PLEXSPHERE_SIGNER_TLS_CERT_FILE": str(certificates.signer.certificate),
        "PLEXSPHERE_SIGNER_TLS_KEY_FILE": str(certificates.signer.key),
        "PLEXSPHERE_PUBLIC_HOST": PUBLIC_HOST,
    }


def _key_encryption_key(state: StateDirectory) -> Path:
    """The file of 32 random bytes under which the signer seals its keys."""
    path = state.directory("secrets") / "signer-kek"
    if not path.exists():
        write_private(path, secrets.token_bytes(32))
    return path
