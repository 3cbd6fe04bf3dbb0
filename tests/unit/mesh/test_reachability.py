"""The reachability machine: verdicts of the moment, and a record that follows them edge by edge."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.mesh.reachability.errors import BinaryChecksumEmpty, BinaryVersionEmpty, ClockSkew
from plexsphere_domain.mesh.reachability.heartbeat import Heartbeat, parse_checksum
from plexsphere_domain.mesh.reachability.model import Liveness, ReachabilityState, Thresholds, Transition

ENROLLED = datetime(2026, 5, 27, 10, tzinfo=UTC)
NEVER, HEALTHY, STALE, UNREACHABLE = ReachabilityState
DEFAULT = Thresholds()
EDGES = {
    (NEVER, HEALTHY),
    (NEVER, STALE),
    (NEVER, UNREACHABLE),
    (HEALTHY, STALE),
    (STALE, UNREACHABLE),
    (STALE, HEALTHY),
    (UNREACHABLE, HEALTHY),
}


def at(seconds: float) -> datetime:
    return ENROLLED + timedelta(seconds=seconds)


def heard(*seconds: float, admitted: float | None = None) -> Liveness:
    liveness = Liveness(enrolled_at=ENROLLED)
    for second in seconds:
        liveness = liveness.heard(at(second), DEFAULT)
    return liveness if admitted is None else liveness.evaluate(at(admitted), DEFAULT)[0]


def test_a_node_without_heartbeat_has_never_reported_since_its_enrolment() -> None:
    verdict = Liveness(enrolled_at=ENROLLED).verdict(at(10_000), DEFAULT)
    assert (verdict.state, verdict.changed_at, verdict.last_heartbeat_at) == (NEVER, ENROLLED, None)
    assert Liveness(enrolled_at=ENROLLED).evaluate(at(10_000), DEFAULT) == (Liveness(enrolled_at=ENROLLED), ())


def test_the_first_heartbeat_waits_for_the_evaluator() -> None:
    liveness = heard(10)
    assert liveness.verdict(at(11), DEFAULT).state is NEVER
    admitted, transitions = liveness.evaluate(at(12), DEFAULT)
    assert transitions == (Transition(before=NEVER, after=HEALTHY, at=at(12)),)
    verdict = admitted.verdict(at(13), DEFAULT)
    assert (verdict.state, verdict.changed_at, verdict.last_heartbeat_at) == (HEALTHY, at(12), at(10))


@pytest.mark.parametrize(("late", "state"), [(100, STALE), (1000, UNREACHABLE)])
def test_an_old_first_heartbeat_is_judged_by_its_age(late: float, state: ReachabilityState) -> None:
    _, transitions = heard(10).evaluate(at(10 + late), DEFAULT)
    assert transitions == (Transition(before=NEVER, after=state, at=at(10 + late)),)


@pytest.mark.parametrize(
    ("age", "state", "since"),
    [
        (0, HEALTHY, 0),
        (89.999999, HEALTHY, 0),
        (90, STALE, 90),
        (300, STALE, 90),
        (300.000001, UNREACHABLE, 300),
        (100_000, UNREACHABLE, 300),
    ],
)
def test_the_age_bands(age: float, state: ReachabilityState, since: float) -> None:
    verdict = heard(0, admitted=0).verdict(at(age), DEFAULT)
    assert (verdict.state, verdict.changed_at) == (state, at(since))


def test_the_thresholds_are_those_of_the_domain() -> None:
    thresholds = Thresholds(stale_after=timedelta(seconds=30), unreachable_after=timedelta(seconds=60))
    verdicts = [heard(0, admitted=0).verdict(at(age), thresholds).state for age in (29, 30, 60, 61)]
    assert verdicts == [HEALTHY, STALE, STALE, UNREACHABLE]


def test_a_new_heartbeat_shows_on_the_next_read() -> None:
    liveness = heard(0, admitted=0).heard(at(400), DEFAULT)
    verdict = liveness.verdict(at(400), DEFAULT)
    assert (verdict.state, verdict.changed_at, verdict.last_heartbeat_at) == (HEALTHY, at(400), at(400))


def test_changed_at_stands_still_while_heartbeats_arrive() -> None:
    liveness = heard(0, 30, 60, 90, 179, admitted=0)
    assert liveness.verdict(at(180), DEFAULT).changed_at == at(0)


def test_a_heartbeat_out_of_order_changes_nothing() -> None:
    assert heard(50, 40) == heard(50) == heard(50, 50)


def test_an_evaluator_that_comes_late_records_every_edge_with_its_instant() -> None:
    liveness = heard(0, admitted=0)
    evaluated, transitions = liveness.evaluate(at(4000), DEFAULT)
    assert transitions == (
        Transition(before=HEALTHY, after=STALE, at=at(90)),
        Transition(before=STALE, after=UNREACHABLE, at=at(300)),
    )
    assert evaluated.evaluate(at(4001), DEFAULT) == (evaluated, ())


def test_a_recovery_that_went_stale_again_is_recorded_as_both() -> None:
    gone = heard(0, admitted=0).evaluate(at(400), DEFAULT)[0]
    _, transitions = gone.heard(at(500), DEFAULT).evaluate(at(600), DEFAULT)
    assert transitions == (
        Transition(before=UNREACHABLE, after=HEALTHY, at=at(500)),
        Transition(before=HEALTHY, after=STALE, at=at(590)),
    )


steps = st.lists(st.tuples(st.sampled_from(["beat", "tick", "read"]), st.integers(0, 400)), max_size=60)


@given(steps)
def test_the_record_follows_the_verdict_along_the_edges_of_the_machine(history: list[tuple[str, int]]) -> None:
    liveness, now, record = Liveness(enrolled_at=ENROLLED), ENROLLED, [NEVER]
    beats: list[datetime] = []
    for step, wait in history:
        now += timedelta(seconds=wait)
        if step == "beat":
            liveness = liveness.heard(now, DEFAULT)
            beats.append(now)
        elif step == "tick":
            liveness, transitions = liveness.evaluate(now, DEFAULT)
            assert [t.before for t in transitions] == [record[-1], *[t.after for t in transitions[:-1]]][
                : len(transitions)
            ]
            assert all((t.before, t.after) in EDGES and t.at <= now for t in transitions)
            for transition in transitions:
                assert transition.before is record[-1]
                record.append(transition.after)
            assert record[-1] is liveness.announced is liveness.verdict(now, DEFAULT).state
            assert liveness.evaluate(now, DEFAULT) == (liveness, ())
        verdict = liveness.verdict(now, DEFAULT)
        assert verdict.changed_at <= now
        assert verdict.last_heartbeat_at == (beats[-1] if beats else None)
        if liveness.admitted_at is not None:
            age = (now - beats[-1]).total_seconds()
            assert verdict.state is (HEALTHY if age < 90 else STALE if age <= 300 else UNREACHABLE)


def test_thresholds_ascend() -> None:
    with pytest.raises(ValueError):
        Thresholds(stale_after=timedelta(seconds=90), unreachable_after=timedelta(seconds=90))


HEX = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
BASE64 = "XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg="


def accept(skew: float = 0, checksum: str = BASE64, version: str = "v1") -> Heartbeat:
    return Heartbeat.accept(
        client_now=at(skew), binary_checksum=checksum, binary_version=version, nat_summary={}, now=ENROLLED
    )


def test_both_spellings_of_a_checksum_say_the_same() -> None:
    assert parse_checksum(HEX) == parse_checksum(BASE64)


@pytest.mark.parametrize(
    "text", ["", HEX.upper(), HEX[:-1], BASE64[:-1], HEX + HEX, BASE64.replace("=", "A"), "é" * 44]
)
def test_what_is_no_checksum_is_refused(text: str) -> None:
    with pytest.raises(BinaryChecksumEmpty):
        accept(checksum=text)


@pytest.mark.parametrize("skew", [-60, 60])
def test_sixty_seconds_of_skew_pass(skew: float) -> None:
    assert accept(skew=skew).binary_version == "v1"


@pytest.mark.parametrize("skew", [-60.000001, 60.000001])
def test_more_do_not(skew: float) -> None:
    with pytest.raises(ClockSkew):
        accept(skew=skew)


def test_the_clock_is_checked_before_the_checksum_and_the_checksum_before_the_version() -> None:
    with pytest.raises(ClockSkew):
        accept(skew=61, checksum="", version="")
    with pytest.raises(BinaryChecksumEmpty):
        accept(checksum="", version="")
    with pytest.raises(BinaryVersionEmpty):
        accept(version=" \t")
