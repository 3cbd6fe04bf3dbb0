"""UUIDv7: RFC 9562's layout, and ascending whatever the clock and the threads do."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from plexsphere_adapters.system import uuid7
from plexsphere_adapters.system.ids import COUNTER_BITS, Uuid7


def test_layout_follows_rfc_9562():
    made = Uuid7(lambda: 0x017F22E279B0)()  # the instant of the RFC's example in appendix A.6

    assert str(made).startswith("017f22e2-79b0-7")
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


@pytest.mark.parametrize("clock", [lambda: 1, iter(range(100_000, 0, -1)).__next__], ids=["still", "backwards"])
def test_ids_ascend_when_the_clock_does_not(clock):
    source = Uuid7(clock)
    made = [source() for _ in range(5_000)]

    assert all(earlier < later for earlier, later in pairwise(made))


def test_a_counter_that_runs_over_moves_the_timestamp_on():
    source = Uuid7(lambda: 7)
    source()
    source._counter = (1 << COUNTER_BITS) - 1
    before = source._timestamp
    made = source()

    assert source._timestamp == before + 1
    assert made.int >> 80 == 8


def test_threads_never_share_an_id():
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [uuid7() for _ in range(2_000)], range(8)))

    assert len({one for run in made for one in run}) == 16_000
    assert all(run == sorted(run) for run in made)
