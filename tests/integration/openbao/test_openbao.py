"""The secret store against a real OpenBao: what it promises, and how it comes back."""

import asyncio
from pathlib import Path

import hvac
import pytest

from plexsphere_adapters.crypto.keywrap import AesGcmKeyWrap, WrapKeyUnavailable
from plexsphere_adapters.openbao.client import Config, OpenBao, SecretStoreUnavailable
from plexsphere_adapters.openbao.keys import WRAP_KEYS, KeyRing, KeyRingDamaged
from plexsphere_apps.configuration import decode
from plexsphere_apps.store_settings import StoreSettings
from plexsphere_domain.kernel.sealing import Sealed
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr
from tests.integration.openbao.server import eventually, mounted


async def test_the_check_rejects_uninitialised_sealed_and_stopped(server):
    openbao = OpenBao(server.config())
    with pytest.raises(SecretStoreUnavailable):
        await openbao.check()
    server.initialise()
    with pytest.raises(SecretStoreUnavailable):
        await openbao.check()
    server.unseal()
    await openbao.check()
    server.seal()
    with pytest.raises(SecretStoreUnavailable):
        await openbao.check()
    await server.stop()
    with pytest.raises(SecretStoreUnavailable):
        await openbao.check()
    openbao.close()


async def test_what_is_not_there_is_none(openbao):
    assert await openbao.read("plexsphere/nothing") is None


async def test_only_the_first_creates(openbao):
    outcomes = await asyncio.gather(*(openbao.create("plexsphere/once", {"by": n}) for n in range(8)))

    assert sorted(outcomes) == [False] * 7 + [True]
    assert await openbao.read("plexsphere/once") == {"by": outcomes.index(True)}


async def test_two_bootstraps_agree_on_one_key(openbao):
    rings = [KeyRing(openbao, WRAP_KEYS) for _ in range(4)]
    await asyncio.gather(*(ring.ensure() for ring in rings))
    await rings[0].ensure()
    currents = await asyncio.gather(*(ring.current() for ring in rings))

    assert len({key.id for key in currents}) == 1
    assert all(key == currents[0] for key in currents)


async def test_a_missing_ring_is_an_outage(openbao):
    with pytest.raises(KeyRingDamaged):
        await KeyRing(openbao, WRAP_KEYS).current()


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {"current": "a", "keys": {}},
        {"current": "a", "keys": {"a": "c2hvcnQ="}},
        {"current": "a", "keys": {"a": "*"}},
    ],
)
async def test_a_damaged_ring_is_an_outage(openbao, secret):
    await openbao.create(WRAP_KEYS, secret)

    with pytest.raises(KeyRingDamaged):
        await KeyRing(openbao, WRAP_KEYS).current()


async def test_an_unknown_key_makes_the_ring_read_again(openbao, shared):
    ring = KeyRing(openbao, WRAP_KEYS)
    await ring.ensure()
    wrap = AesGcmKeyWrap(ring)
    old = await wrap.seal(SecretBytes(b"nsk"), context=b"")
    stored = await openbao.read(WRAP_KEYS)
    keys = {**stored["keys"], "k-next": "A" * 43 + "="}
    hvac.Client(url=shared.address, token=shared.token).secrets.kv.v2.create_or_update_secret(
        WRAP_KEYS, {"current": "k-next", "keys": keys}, mount_point=openbao.mount
    )
    elsewhere = await AesGcmKeyWrap(KeyRing(openbao, WRAP_KEYS)).seal(SecretBytes(b"new"), context=b"")

    assert elsewhere.wrap_key_id == "k-next"
    assert await wrap.open(elsewhere, context=b"") == SecretBytes(b"new")
    assert await wrap.open(old, context=b"") == SecretBytes(b"nsk")
    with pytest.raises(WrapKeyUnavailable):
        await wrap.open(Sealed("k-never", old.ciphertext), context=b"")


async def test_known_keys_outlive_a_restart_and_unknown_ones_come_back_with_the_server(server):
    server.initialise()
    server.unseal()
    await eventually(OpenBao(server.config()).ensure_engine, SecretStoreUnavailable)
    openbao = await mounted(server)
    ring = KeyRing(openbao, WRAP_KEYS)
    await ring.ensure()
    known = await ring.current()
    await server.stop()

    assert await ring.current() == known
    fresh = KeyRing(openbao, WRAP_KEYS)
    with pytest.raises(SecretStoreUnavailable):
        await fresh.current()
    await server.start()
    with pytest.raises(SecretStoreUnavailable):
        await fresh.current()
    server.unseal()
    await eventually(lambda: openbao.read(WRAP_KEYS), SecretStoreUnavailable)
    assert await fresh.current() == known
    openbao.close()


async def test_a_refused_token_is_an_outage_that_does_not_show_it(shared):
    refused = Config(address=shared.address, token=lambda: SecretStr("s.never-issued"))
    openbao = OpenBao(refused)
    with pytest.raises(SecretStoreUnavailable) as caught:
        await openbao.read(WRAP_KEYS)
    openbao.close()

    causes = [caught.value, caught.value.__cause__]
    assert not any("never-issued" in f"{cause!s} {cause!r} {vars(cause)}" for cause in causes)
    assert "never-issued" not in repr(refused)


async def test_a_token_file_may_be_renewed_under_way(shared, tmp_path):
    path = tmp_path / "token"
    path.write_text("s.stale")
    openbao = OpenBao(settings(shared.address, path).openbao)
    with pytest.raises(SecretStoreUnavailable):
        await openbao.read(WRAP_KEYS)
    path.write_text(f"{shared.token}\n")
    assert await openbao.read(WRAP_KEYS) is None

    path.unlink()
    with pytest.raises(SecretStoreUnavailable):
        await openbao.read(WRAP_KEYS)
    path.write_text(shared.token)
    assert await openbao.read(WRAP_KEYS) is None
    openbao.close()


def settings(address: str, token_file: Path) -> StoreSettings:
    """What core and bootstrap make of a token file. Of their stores, OpenBao alone is there."""
    others = ("POSTGRES_DSN", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "SPICEDB_KEY")
    environment = {
        **{f"PLEXSPHERE_{name}": "none" for name in others},
        "PLEXSPHERE_S3_ENDPOINT": "http://none",
        "PLEXSPHERE_SPICEDB_ENDPOINT": "none:1",
        "PLEXSPHERE_OPENBAO_ADDR": address,
        "PLEXSPHERE_OPENBAO_TOKEN_FILE": str(token_file),
    }
    return decode(StoreSettings, environment)
