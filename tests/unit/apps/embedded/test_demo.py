"""What the simulator tells is read line by line and drawn as a table."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from plexsphere_apps.embedded.demo import Followed, Standing, table

LINE = '{"node_id":"n","name":"node-01","mesh_ip":"100.64.0.1","reachability":"healthy","last_event":null,"events":3}'
TOLD = Standing(name="node-01", mesh_ip="100.64.0.1", reachability="healthy", last_event="")


def test_a_standing_is_read_and_what_is_not_known_is_empty() -> None:
    assert Standing.of(LINE) == TOLD


@pytest.mark.parametrize("line", ["", "plexsphere-sim: refused", "[]", "7", '{"report": {}}'])
def test_other_lines_tell_nothing(line: str) -> None:
    assert Standing.of(line) is None


def test_lines_are_read_once_and_only_when_they_are_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"{LINE}\n{LINE[:20]}")
    followed = Followed(log)
    assert list(followed.new()) == [TOLD]
    assert list(followed.new()) == []
    with log.open("a") as file:
        file.write(f"{LINE[20:]}\n")
    assert list(followed.new()) == [TOLD]


def test_a_log_that_was_set_aside_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"{LINE}\n" * 3)
    followed = Followed(log, offset=log.stat().st_size)
    log.write_text(f"{LINE}\n")
    assert list(followed.new()) == [TOLD]


def test_the_table_lists_the_nodes_by_name() -> None:
    other = Standing(name="node-00", mesh_ip="100.64.0.2", reachability="stale", last_event="peer_registered")
    console = Console(file=io.StringIO(), width=80)
    console.print(table([TOLD, other]))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert drawn.index("node-00") < drawn.index("node-01")
    assert "peer_registered" in drawn


def test_a_node_that_heard_nothing_has_a_word_in_the_place_of_its_last_event() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(table([TOLD]))
    assert "none yet" in console.file.getvalue()  # type: ignore[attr-defined]
