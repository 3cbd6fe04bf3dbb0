"""The relay over the signer's own key files, one of which was damaged."""

from pathlib import Path

import pytest

from plexsphere_adapters.keyfiles import FileKeyProvider
from plexsphere_adapters.memory.bus import MemoryBacklog, MemoryStream
from plexsphere_apps.core.bus_keys import BusKeys
from plexsphere_domain.kernel.secrets import SecretBytes
from plexsphere_domain.mesh.bus.envelope import SignedEnvelope
from plexsphere_domain.mesh.bus.relay import RELEASE_EVERY, Relay
from plexsphere_domain.signing.model import DeploymentHost, Kid
from plexsphere_domain.signing.service import SigningService
from tests.unit.mesh.bus.doubles import Clock, Facts, Observer, domain

HOST = DeploymentHost("plexsphere.test")


def signer_on(directory: Path) -> SigningService:
    """A signer that has just started: it has opened no key yet."""
    return SigningService(FileKeyProvider(directory, SecretBytes(bytes(32))), HOST)


@pytest.mark.parametrize("known", [False, True], ids=["at the start", "under way"])
async def test_only_its_domain_waits_until_the_file_is_restored(tmp_path: Path, known: bool) -> None:
    for number in (1, 2):
        await signer_on(tmp_path).ensure_key(domain(number))
    keys, stream, backlog = BusKeys(signer_on(tmp_path)), MemoryStream(), MemoryBacklog()
    clock, observer, facts = Clock(), Observer(), Facts()
    relay = Relay(backlog, keys, stream, clock, observer)
    if known:
        assert await keys.active_kid(domain(2)) == str(Kid(HOST, domain(2), 1))
        keys.signer = signer_on(tmp_path)

    file = tmp_path / str(domain(2)) / "1.key"
    genuine = file.read_bytes()
    file.write_bytes(b"damaged")
    concerned, other = facts(domain(2)), facts(domain(1))
    backlog.facts = [concerned, other]
    await relay.step()
    assert told(stream) == [str(other.id)]
    assert (backlog.parked, observer.aside, observer.gauge) == ([concerned], [(domain(2), 1)], 1)

    clock.at += RELEASE_EVERY
    await relay.step()
    assert backlog.parked == [concerned]

    file.write_bytes(genuine)
    clock.at += RELEASE_EVERY
    await relay.step()
    assert told(stream) == [str(other.id), str(concerned.id)]
    assert (backlog.parked, observer.gauge) == ([], 0)


def told(stream: MemoryStream) -> list[str]:
    return [SignedEnvelope.parse(record.data).envelope.id for record in stream.records]
