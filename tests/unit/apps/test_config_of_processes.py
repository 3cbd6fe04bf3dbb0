from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

import plexsphere_apps
from plexsphere_apps import configuration, variables
from plexsphere_apps.configuration import ConfigurationError, decode
from plexsphere_apps.core.config import CoreConfig
from plexsphere_apps.reference.configuration import PROCESSES
from plexsphere_apps.signer.config import SignerConfig
from plexsphere_domain.authz.last_known import StaleTtl
from plexsphere_domain.kernel.ids import DomainId

ROOT = Path(plexsphere_apps.__file__).parent.parent


@pytest.fixture
def core(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "pem"
    file.write_text("pem")
    values = {
        "PUBLIC_HOST": "plexsphere.example",
        "POSTGRES_DSN": "postgres://u:p@db/plexsphere",
        "NATS_URL": "nats://nats:4222",
        "OPENBAO_ADDR": "https://bao:8200",
        "OPENBAO_TOKEN": "s.token",
        "S3_ENDPOINT": "https://s3",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "secret",
        "S3_BUCKET": "plexsphere",
        "SPICEDB_ENDPOINT": "spicedb:50051",
        "SPICEDB_KEY": "secret",
        "SIGNER_ENDPOINT": "signer:9443",
        "SIGNER_CA_FILE": str(file),
        "SIGNER_CERT_FILE": str(file),
        "SIGNER_KEY_FILE": str(file),
    }
    return {f"PLEXSPHERE_{name}": value for name, value in values.items()}


def test_the_required_variables_make_a_core(core: dict[str, str]) -> None:
    config = decode(CoreConfig, core, variables.ALL)
    assert (config.postgres_pool_min, config.postgres_pool_max, config.stream_replicas) == (2, 10, 3)


def test_decisions_of_a_domain_go_stale_in_its_own_time(core: dict[str, str]) -> None:
    strict, lenient, common = DomainId(uuid4()), DomainId(uuid4()), DomainId(uuid4())
    own = {"PLEXSPHERE_AUTHZ_STALE_TTL_OF_DOMAINS": f"{strict}=0,{lenient}=5m"}
    ttl = decode(CoreConfig, core | own | {"PLEXSPHERE_AUTHZ_STALE_TTL": "10s"}, variables.ALL).authz_stale
    assert [ttl.of(each).total_seconds() for each in (strict, lenient, common, None)] == [0, 300, 10, 10]
    assert decode(CoreConfig, core, variables.ALL).authz_stale == StaleTtl(timedelta(seconds=60))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("POSTGRES_POOL_MIN", "11", "POSTGRES_POOL_MIN must be from 1"),
        ("POSTGRES_POOL_MIN", "0", "POSTGRES_POOL_MIN must be from 1"),
        ("STREAM_REPLICAS", "6", "STREAM_REPLICAS must be from 1 to 5"),
    ],
)
def test_values_that_contradict_are_refused(core: dict[str, str], name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        decode(CoreConfig, core | {f"PLEXSPHERE_{name}": value}, variables.ALL)


def test_the_signer_may_share_the_environment_of_core(core: dict[str, str], tmp_path: Path) -> None:
    signer = {
        "PLEXSPHERE_SIGNER_KEY_DIR": str(tmp_path),
        "PLEXSPHERE_SIGNER_KEK_FILE": str(tmp_path / "kek"),
        "PLEXSPHERE_SIGNER_TLS_CA_FILE": __file__,
        "PLEXSPHERE_SIGNER_TLS_CERT_FILE": __file__,
        "PLEXSPHERE_SIGNER_TLS_KEY_FILE": __file__,
    }
    assert decode(SignerConfig, core | signer, variables.ALL).key_dir == tmp_path


def test_every_variable_is_read_by_a_process() -> None:
    read = {variable for config in PROCESSES.values() for variable in configuration.variables(config)}
    assert read == set(variables.ALL)
