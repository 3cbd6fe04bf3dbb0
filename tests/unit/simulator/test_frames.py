"""The line scanner."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_apps.simulator.frames import Frame, FrameParser, LineTooLong

WIRE = (
    b":keep-alive\n\nid: 1\nevent: a\ndata: {}\n\nid:2\r\ndata:x\r\ndata:  y\r\n\r\nretry: 5\n\nid: 3\n\ndata: dropped"
)


def parse(*chunks: bytes) -> list[Frame]:
    parser = FrameParser()
    return [frame for chunk in chunks for frame in parser.feed(chunk)]


def test_frames_as_the_facts_describe_them():
    assert parse(WIRE) == [Frame("1", "a", b"{}"), Frame("2", "", b"x\n y")]


@given(cuts=st.lists(st.integers(0, len(WIRE)), max_size=20))
def test_it_does_not_matter_how_the_bytes_arrive(cuts):
    edges = [0, *sorted(cuts), len(WIRE)]

    assert parse(*(WIRE[start:end] for start, end in pairwise(edges))) == parse(WIRE)


def test_comments_are_counted():
    parser = FrameParser()
    list(parser.feed(WIRE))

    assert parser.comments == 1


@pytest.mark.parametrize(("length", "accepted"), [(65_535, True), (65_536, False)])
def test_a_line_stays_below_65536_bytes(length, accepted):
    line = b"data: " + b"x" * (length - 6)
    parser = FrameParser()
    if accepted:
        (frame,) = parser.feed(line + b"\n\n")
        assert len(frame.data) == length - 6
    else:
        with pytest.raises(LineTooLong):
            list(parser.feed(line))


def test_what_came_before_a_line_that_is_too_long_is_received():
    frames = FrameParser().feed(b"data: 1\n\n" + b"x" * 70_000)

    assert next(frames) == Frame(None, "", b"1")
    with pytest.raises(LineTooLong):
        next(frames)
