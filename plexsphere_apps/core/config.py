"""What core is configured with."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from plexsphere_adapters.grpc.tls import TlsFiles
from plexsphere_apps import variables as v
from plexsphere_apps.configuration import ConfigurationError, of
from plexsphere_apps.store_settings import StoreSettings
from plexsphere_domain.authz.last_known import StaleTtl
from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.kernel.secrets import SecretStr
from plexsphere_domain.signing.model import DeploymentHost


@frozen(kw_only=True)
class CoreConfig(StoreSettings):
    public_host: DeploymentHost = of(v.PUBLIC_HOST)
    postgres_pool_min: int = of(v.POSTGRES_POOL_MIN)
    postgres_pool_max: int = of(v.POSTGRES_POOL_MAX)
    postgres_pool_idle: timedelta = of(v.POSTGRES_POOL_IDLE)
    postgres_pool_check: timedelta = of(v.POSTGRES_POOL_CHECK)
    nats_url: SecretStr = of(v.NATS_URL)
    stream_replicas: int = of(v.STREAM_REPLICAS)
    signer_endpoint: str = of(v.SIGNER_ENDPOINT)
    signer_ca_file: Path = of(v.SIGNER_CA_FILE)
    signer_cert_file: Path = of(v.SIGNER_CERT_FILE)
    signer_key_file: Path = of(v.SIGNER_KEY_FILE)
    csrf_allowed_origins: tuple[str, ...] = of(v.CSRF_ALLOWED_ORIGINS)
    auth_trust_proxy_headers: bool = of(v.AUTH_TRUST_PROXY_HEADERS)
    authz_stale_ttl: timedelta = of(v.AUTHZ_STALE_TTL)
    authz_stale_ttl_of_domains: Mapping[DomainId, timedelta] = of(v.AUTHZ_STALE_TTL_OF_DOMAINS)
    state_stale_ttl: timedelta = of(v.STATE_STALE_TTL)
    probe_timeout: timedelta = of(v.PROBE_TIMEOUT)
    log_level: str = of(v.LOG_LEVEL)
    otlp_endpoint: str | None = of(v.OTLP_ENDPOINT)

    def __attrs_post_init__(self) -> None:
        problems = []
        if not 1 <= self.postgres_pool_min <= self.postgres_pool_max:
            problems.append(f"{v.POSTGRES_POOL_MIN.name} must be from 1 to {v.POSTGRES_POOL_MAX.name}")
        if not 1 <= self.stream_replicas <= 5:
            problems.append(f"{v.STREAM_REPLICAS.name} must be from 1 to 5")
        if problems:
            raise ConfigurationError(tuple(problems))

    @property
    def authz_stale(self) -> StaleTtl:
        return StaleTtl(self.authz_stale_ttl, self.authz_stale_ttl_of_domains)

    @property
    def signer_tls(self) -> TlsFiles:
        return TlsFiles(ca=self.signer_ca_file, certificate=self.signer_cert_file, key=self.signer_key_file)
