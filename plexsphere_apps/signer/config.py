"""What the signer is configured with."""

from datetime import timedelta
from pathlib import Path

from attrs import frozen

from plexsphere_adapters.grpc.tls import TlsFiles
from plexsphere_apps import variables as v
from plexsphere_apps.configuration import of
from plexsphere_domain.signing.model import DeploymentHost


@frozen(kw_only=True)
class SignerConfig:
    public_host: DeploymentHost = of(v.PUBLIC_HOST)
    key_dir: Path = of(v.SIGNER_KEY_DIR)
    kek_file: Path = of(v.SIGNER_KEK_FILE)
    tls_ca_file: Path = of(v.SIGNER_TLS_CA_FILE)
    tls_cert_file: Path = of(v.SIGNER_TLS_CERT_FILE)
    tls_key_file: Path = of(v.SIGNER_TLS_KEY_FILE)
    probe_timeout: timedelta = of(v.PROBE_TIMEOUT)
    log_level: str = of(v.LOG_LEVEL)
    otlp_endpoint: str | None = of(v.OTLP_ENDPOINT)

    @property
    def tls(self) -> TlsFiles:
        return TlsFiles(ca=self.tls_ca_file, certificate=self.tls_cert_file, key=self.tls_key_file)
