"""What bootstrap is configured with: the stores of core, with the right to set them up."""

from pathlib import Path

from attrs import frozen

from plexsphere_apps import variables as v
from plexsphere_apps.configuration import of
from plexsphere_domain.kernel.secrets import SecretStr


@frozen(kw_only=True)
class BootstrapConfig:
    postgres_dsn: SecretStr = of(v.POSTGRES_DSN)
    openbao_addr: str = of(v.OPENBAO_ADDR)
    openbao_token: SecretStr = of(v.OPENBAO_TOKEN)
    openbao_ca_file: Path | None = of(v.OPENBAO_CA_FILE)
    s3_endpoint: str = of(v.S3_ENDPOINT)
    s3_access_key: str = of(v.S3_ACCESS_KEY)
    s3_secret_key: SecretStr = of(v.S3_SECRET_KEY)
    s3_bucket: str = of(v.S3_BUCKET)
    s3_region: str = of(v.S3_REGION)
    spicedb_endpoint: str = of(v.SPICEDB_ENDPOINT)
    spicedb_key: SecretStr = of(v.SPICEDB_KEY)
    spicedb_ca_file: Path | None = of(v.SPICEDB_CA_FILE)
