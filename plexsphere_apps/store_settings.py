"""How the stores that several processes work on are reached."""

from pathlib import Path

from attrs import frozen

from plexsphere_adapters.openbao import client as openbao_client
from plexsphere_adapters.s3 import blobs
from plexsphere_adapters.spicedb import channel
from plexsphere_apps import variables as v
from plexsphere_apps.configuration import of
from plexsphere_apps.kinds import SecretSource
from plexsphere_domain.kernel.secrets import SecretStr


@frozen(kw_only=True)
class StoreSettings:
    """The variables of OpenBao, the object store and SpiceDB, and what their adapters make of them."""

    postgres_dsn: SecretStr = of(v.POSTGRES_DSN)
    openbao_addr: str = of(v.OPENBAO_ADDR)
    openbao_token: SecretSource = of(v.OPENBAO_TOKEN)
    openbao_ca_file: Path | None = of(v.OPENBAO_CA_FILE)
    s3_endpoint: str = of(v.S3_ENDPOINT)
    s3_access_key: str = of(v.S3_ACCESS_KEY)
    s3_secret_key: SecretStr = of(v.S3_SECRET_KEY)
    s3_bucket: str = of(v.S3_BUCKET)
    s3_region: str = of(v.S3_REGION)
    spicedb_endpoint: str = of(v.SPICEDB_ENDPOINT)
    spicedb_key: SecretStr = of(v.SPICEDB_KEY)
    spicedb_ca_file: Path | None = of(v.SPICEDB_CA_FILE)

    @property
    def openbao(self) -> openbao_client.Config:
        return openbao_client.Config(address=self.openbao_addr, token=self.openbao_token, ca_file=self.openbao_ca_file)

    @property
    def s3(self) -> blobs.Config:
        return blobs.Config(
            endpoint=self.s3_endpoint,
            access_key=self.s3_access_key,
            secret_key=self.s3_secret_key,
            bucket=self.s3_bucket,
            region=self.s3_region,
        )

    @property
    def spicedb(self) -> channel.Config:
        return channel.Config(
            endpoint=self.spicedb_endpoint, key=self.spicedb_key, certificate_authority=self.spicedb_ca_file
        )
