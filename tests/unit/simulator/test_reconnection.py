"""When an agent comes back to its stream, decided without a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_apps.simulator.backoff import Backoff
from plexsphere_apps.simulator.reconnection import Ended, Failed, Mode, Next, Reconnection, Refused
from plexsphere_apps.simulator.timing import Timing


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def reconnection(time):
    return Reconnection(Timing(), time)


def refused(status: int, code: str = "", retry_after: float | None = None, with_cursor: bool = False) -> Refused:
    return Refused(status=status, code=code, retry_after=retry_after, with_cursor=with_cursor)


@given(draws=st.lists(st.sampled_from([0.75, 1.0, 1.25]), min_size=10, max_size=10))
def test_delays_double_from_one_second_to_a_minute_and_spread_by_a_quarter(draws):
    spread = iter(draws)
    backoff = Backoff(1.0, 60.0, lambda _low, _high: next(spread))

    assert [backoff.delay() / draw for draw in draws] == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60, 60])


def test_a_stream_that_ended_is_taken_up_at_once(reconnection):
    reconnection.connected()

    assert reconnection.after(Ended()) == Next(wait=0.0)


def test_success_forgets_the_failures_before_it(reconnection):
    for _ in range(10):
        reconnection.after(Failed())
    reconnection.connected()

    assert 0.75 <= reconnection.after(Failed()).wait <= 1.25


def test_only_five_minutes_of_nothing_but_failures_degrade(reconnection, time):
    reconnection.connected()
    reconnection.after(Failed())
    time.now = 299.0
    reconnection.after(refused(503))
    assert reconnection.mode is Mode.CONNECTING
    time.now = 300.0
    reconnection.after(refused(503))
    assert reconnection.mode is Mode.DEGRADED
    reconnection.connected()
    assert reconnection.mode is Mode.STREAMING


def test_retry_after_is_waited_for_before_the_back_off(reconnection):
    assert 30.75 <= reconnection.after(refused(429, retry_after=30.0)).wait <= 31.25


def test_retry_after_counts_on_429_only(reconnection):
    assert reconnection.after(refused(503, retry_after=30.0)).wait < 2


def test_a_400_clears_a_cursor_that_was_sent_and_backs_off_otherwise(reconnection):
    assert reconnection.after(refused(400, with_cursor=True)) == Next(wait=0.0, forget_cursor=True)
    assert reconnection.after(refused(400)).wait > 0


@pytest.mark.parametrize("status", [410, 422, 418, 500, 501, 502, 503])
def test_everything_else_keeps_the_cursor(reconnection, status):
    following = reconnection.after(refused(status, with_cursor=True))

    assert not following.forget_cursor
    assert following.wait > 0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_permanent_refusal_ends_it_even_while_probing(reconnection, status):
    reconnection.after(refused(501, "signed_event_bus_not_provisioned"))

    assert reconnection.after(refused(status)).wait is None
    assert reconnection.mode is Mode.STOPPED


def test_without_a_bus_the_agent_probes_every_ten_minutes_until_it_succeeds(reconnection, time):
    assert reconnection.after(refused(501, "signed_event_bus_not_provisioned")).wait == 600
    time.now = 10_000
    assert reconnection.after(Failed()).wait == 600
    assert reconnection.mode is Mode.PULL_ONLY
    reconnection.connected()
    assert reconnection.mode is Mode.STREAMING
