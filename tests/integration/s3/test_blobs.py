"""The blob store against a real S3 gateway."""

import asyncio
import socket
from secrets import token_hex

import pytest
from attrs import evolve

from plexsphere_adapters.s3.blobs import BlobStoreUnavailable, Config, connect
from plexsphere_domain.kernel.secrets import SecretStr


@pytest.fixture
def config(stores):
    return Config(
        endpoint=stores.s3_endpoint,
        access_key=stores.s3_access_key,
        secret_key=SecretStr(stores.s3_secret_key),
        bucket=f"test-{token_hex(6)}",
    )


async def test_a_bucket_is_there_once_it_is_ensured_however_often(config):
    async with connect(config) as blobs:
        with pytest.raises(BlobStoreUnavailable):
            await blobs.check()
        await asyncio.gather(*(blobs.ensure_bucket() for _ in range(4)))
        await blobs.ensure_bucket()
        await blobs.check()


@pytest.mark.parametrize("body", [b"", b"one\n", bytes(range(256)) * 4096], ids=["empty", "text", "1MiB"])
async def test_an_object_comes_back_as_it_was_put(config, body):
    async with connect(config) as blobs:
        await blobs.ensure_bucket()
        await blobs.put("chains/a b/ü.ndjson", body)
        assert await blobs.get("chains/a b/ü.ndjson") == body


async def test_what_is_not_there_is_none(config):
    async with connect(config) as blobs:
        await blobs.ensure_bucket()
        assert await blobs.get("nothing") is None


async def test_the_later_put_wins(config):
    async with connect(config) as blobs:
        await blobs.ensure_bucket()
        await blobs.put("one", b"earlier")
        await blobs.put("one", b"later")
        assert await blobs.get("one") == b"later"


async def test_a_wrong_key_is_an_outage(config):
    async with connect(evolve(config, secret_key=SecretStr("wrong"))) as blobs:
        with pytest.raises(BlobStoreUnavailable):
            await blobs.ensure_bucket()


async def test_a_store_that_is_away_is_an_outage_that_shows_no_key(config):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = evolve(config, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
    async with connect(away) as blobs:
        with pytest.raises(BlobStoreUnavailable) as caught:
            await blobs.check()

    assert config.secret_key.reveal() not in f"{away!r} {caught.value} {caught.value.__cause__!r}"
