import asyncio

import pytest

from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.mesh.bus.admission import Admission, StreamedEvent
from plexsphere_domain.mesh.bus.announcements import Audience, ToDomain, ToNode
from plexsphere_domain.mesh.bus.ports import Record
from tests.unit.mesh.bus.doubles import Keys, Observer, check, domain, node

ALL = ToDomain(domain(1))
ONE = ToNode(domain(1), node(1))


class Checks:
    """A signature check that counts."""

    made = 0

    def __call__(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        self.made += 1
        return check(public_key, message, signature)


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
def admission(keys: Keys, observer: Observer, checks: Checks) -> Admission:
    keys.add(domain(1))
    return Admission(keys, checks, observer)


@pytest.mark.parametrize("audience", [ALL, ONE])
async def test_a_genuine_record_is_admitted(admission: Admission, keys: Keys, audience: Audience) -> None:
    data = keys.envelope(audience)
    assert await admission.admit(Record(7, audience, data)) == StreamedEvent(7, "node_state_updated", data)


async def test_what_an_older_key_signed_is_admitted(admission: Admission, keys: Keys) -> None:
    data = keys.envelope(ALL)
    keys.add(domain(1))
    assert await admission.admit(Record(1, ALL, data))


async def test_it_goes_out_in_canonical_form(admission: Admission, keys: Keys) -> None:
    data = keys.envelope(ALL)
    event = await admission.admit(Record(1, ALL, data.replace(b'{"id":', b'{ "id" : ')))
    assert event is not None
    assert event.data == data


async def test_others_are_dropped_and_reported(admission: Admission, keys: Keys, observer: Observer) -> None:
    keys.add(domain(2))
    genuine = keys.envelope(ALL)
    forgeries = [
        Record(1, ALL, b"no envelope"),
        Record(2, ALL, genuine.replace(b'"id":"e"', b'"id":"f"')),
        Record(3, ALL, genuine.replace(b"k-1", b"k-9")),
        Record(4, ALL, keys.envelope(ToDomain(domain(2)))),
        Record(5, ToDomain(domain(2)), genuine),
        Record(6, ONE, keys.envelope(ToNode(domain(1), node(2)))),
        Record(7, ONE, keys.envelope(ONE, payload="no object")),
    ]
    for record in forgeries * 2:
        assert await admission.admit(record) is None
    assert [record.sequence for record, _ in observer.drops] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_signature_is_verified_once_for_all_connections(
    admission: Admission, keys: Keys, checks: Checks
) -> None:
    record = Record(1, ALL, keys.envelope(ALL))
    replayed = Record(1, ALL, record.data)
    outcomes = await asyncio.gather(*(admission.admit(each) for each in [record, replayed] * 20))
    assert all(outcomes)
    assert checks.made == 1
    assert keys.asked == 1


async def test_a_key_that_cannot_be_had_is_an_outage_and_drops_nothing(
    admission: Admission, keys: Keys, observer: Observer
) -> None:
    record = Record(1, ALL, keys.envelope(ALL))
    keys.reachable = False
    with pytest.raises(Unavailable):
        await admission.admit(record)
    keys.reachable = True
    assert await admission.admit(record)
    assert not observer.drops


async def test_known_keys_survive_an_outage(admission: Admission, keys: Keys) -> None:
    await admission.admit(Record(1, ALL, keys.envelope(ALL, "one")))
    data = keys.envelope(ALL, "two")
    keys.reachable = False
    assert await admission.admit(Record(2, ALL, data))
