"""Small objects in one bucket of an S3 store."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.secrets import SecretStr


class BlobStoreUnavailable(Unavailable):
    """The S3 store cannot be reached, lacks our bucket, or does not accept our key."""

    code = "blobstore_unavailable"

    @property
    def detail(self) -> str:
        return "the blob store is unreachable; try again shortly"


@frozen(kw_only=True)
class Config:
    """How to reach the store. `connect` and `read` are seconds; a call is tried twice.

    Buckets are addressed by path, because a store on one machine has no DNS name per bucket.
    """

    endpoint: str
    access_key: str
    secret_key: SecretStr = field(repr=False)
    bucket: str = "plexsphere"
    region: str = "us-east-1"
    connect: float = 2.0
    read: float = 5.0


@frozen
class S3Blobs:
    """The bucket."""

    client: Any = field(repr=False)
    bucket: str

    async def check(self) -> None:
        """Raises `BlobStoreUnavailable` unless the bucket is there (HeadBucket)."""
        with _outages():
            await self.client.head_bucket(Bucket=self.bucket)

    async def ensure_bucket(self) -> None:
        """Creates the bucket unless it is there."""
        with _outages():
            try:
                await self.client.head_bucket(Bucket=self.bucket)
            except ClientError as absent:
                if _code(absent) not in _ABSENT:
                    raise
            else:
                return
            try:
                await self.client.create_bucket(Bucket=self.bucket)
            except ClientError as refused:
                if _code(refused) not in _TAKEN:
                    raise

    async def put(self, key: str, body: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Writes the object, replacing what was there."""
        with _outages():
            await self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    async def get(self, key: str) -> bytes | None:
        """The object's bytes; None where there is none."""
        with _outages():
            try:
                answer = await self.client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as absent:
                if _code(absent) in _ABSENT:
                    return None
                raise
            async with answer["Body"] as stream:
                body: bytes = await stream.read()
                return body


@asynccontextmanager
async def connect(config: Config) -> AsyncIterator[S3Blobs]:
    """The bucket's client. Nothing is sent before the first call, so a store that is away does not fail a start."""
    client = get_session().create_client(
        "s3",
        endpoint_url=config.endpoint,
        region_name=config.region,
        aws_access_key_id=config.access_key,
        aws_secret_access_key=config.secret_key.reveal(),
        config=AioConfig(
            connect_timeout=config.connect,
            read_timeout=config.read,
            retries={"total_max_attempts": 2, "mode": "standard"},
            s3={"addressing_style": "path"},
            # Older stores refuse the trailing checksums that newer SDKs add of their own accord.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    async with client as opened:
        yield S3Blobs(opened, config.bucket)


_ABSENT = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NotFound"})
_TAKEN = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, aiohttp.ClientError, TimeoutError, OSError) as outage:
        raise BlobStoreUnavailable from outage
