import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.tenancy.domains.durations import Duration
from plexsphere_domain.tenancy.domains.errors import InvalidReachabilityPolicy
from plexsphere_domain.tenancy.domains.reachability import ReachabilityDraft, ReachabilityPolicy
from plexsphere_domain.tenancy.naming import Malformed

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("+0", 0),
        ("30s", 30 * SECOND),
        ("+5s", 5 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1.5h", 5400 * SECOND),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("30s1m", 90 * SECOND),
        ("1s1s", 2 * SECOND),
        ("10ms", 10_000_000),
        ("3us", 3_000),
        ("3µs", 3_000),
        ("3μs", 3_000),
        ("7ns", 7),
        ("0.9ns", 0),
        ("9223372036854775807ns", 2**63 - 1),
    ],
)
def test_durations_are_read_as_go_reads_them_and_echoed(text: str, nanoseconds: int) -> None:
    duration = Duration.parse(text)
    assert duration.nanoseconds == nanoseconds
    assert str(duration) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "-5s",
        "5",
        "5.s.",
        ".s",
        "s",
        "1x",
        "1 s",
        "1S",
        "1d",
        "1e3s",
        "٣s",
        "1s ",
        "1s\n",
        "--1s",
        "9223372036854775808ns",
        "2562048h",
        "1" * 80 + "s",
    ],
)
def test_what_go_refuses_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Duration.parse(text)


@given(st.text(alphabet="0123456789.nuµmsh+-", max_size=12))
def test_reading_is_total(text: str) -> None:
    try:
        assert Duration.parse(text).nanoseconds >= 0
    except Malformed:
        return


def draft(*members: str | None) -> ReachabilityDraft:
    beat, stale, gone = members
    return ReachabilityDraft(heartbeat_interval=beat, stale_after=stale, unreachable_after=gone)


@pytest.mark.parametrize("members", [(None, None, None), ("0s", "0", None), ("0s", "0s", "0s")])
def test_nothing_set_stands_for_the_default(members: tuple[str | None, ...]) -> None:
    policy = ReachabilityPolicy.decide(draft(*members))
    assert [str(policy.heartbeat_interval), str(policy.stale_after), str(policy.unreachable_after)] == [
        "30s",
        "90s",
        "300s",
    ]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        (("30s", None, None), "stale_after"),
        ((None, "90s", "300s"), "heartbeat_interval"),
        (("30s", "90s", "0s"), "unreachable_after"),
        (("9.999s", "90s", "300s"), "heartbeat_interval"),
        (("30s", "89.9s", "300s"), "stale_after"),
        (("30s", "90s", "179s"), "unreachable_after"),
        (("30s", "90s", "1h1ns"), "unreachable_after"),
        (("soon", "90s", "300s"), "heartbeat_interval"),
        (("30s", "", "300s"), "stale_after"),
        (("-30s", "90s", "300s"), "heartbeat_interval"),
    ],
)
def test_a_policy_out_of_bounds_is_refused_by_field(members: tuple[str | None, ...], field: str) -> None:
    with pytest.raises(InvalidReachabilityPolicy) as refused:
        ReachabilityPolicy.decide(draft(*members))
    assert refused.value.field == field
    assert refused.value.code == "invalid_reachability_policy"


@pytest.mark.parametrize("members", [("10s", "30s", "60s"), ("10m", "30m", "1h"), ("30s", "1m30s", "5m")])
def test_the_bounds_themselves_are_allowed_and_the_spelling_stays(members: tuple[str, ...]) -> None:
    policy = ReachabilityPolicy.decide(draft(*members))
    assert (str(policy.heartbeat_interval), str(policy.stale_after), str(policy.unreachable_after)) == members


@given(*[st.integers(1, 4000)] * 3)
def test_whatever_is_allowed_keeps_the_proportions(beat: int, stale: int, gone: int) -> None:
    allowed = beat >= 10 and stale >= 3 * beat and gone >= 2 * stale and gone <= 3600
    try:
        ReachabilityPolicy.decide(draft(f"{beat}s", f"{stale}s", f"{gone}s"))
    except InvalidReachabilityPolicy:
        assert not allowed
    else:
        assert allowed
