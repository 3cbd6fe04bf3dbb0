import re
from datetime import timedelta
from pathlib import Path

import pytest

import plexsphere_apps
from plexsphere_apps.flags import ServerFlags, parser, server_flags

ROOT = Path(plexsphere_apps.__file__).parent.parent


def flags(*argv: str) -> ServerFlags:
    return server_flags(parser("core", "A server.").parse_args(argv))


def test_the_defaults_are_those_of_the_reference() -> None:
    assert flags() == ServerFlags(
        addr="127.0.0.1:8080",
        addr_file=None,
        shutdown_grace=timedelta(seconds=25),
        drain_notice=timedelta(seconds=1),
    )
    page = (ROOT / "docs/reference/processes.md").read_text()
    for flag, default in (("addr", "127.0.0.1:8080"), ("shutdown-grace", "25s"), ("drain-notice", "1s")):
        assert re.search(rf"`--{flag} [A-Z:]+` \| `{default}`", page)


def test_the_help_tells_the_defaults() -> None:
    told = parser("core", "A server.").format_help()
    for default in ("127.0.0.1:8080", "25s", "1s"):
        assert f"(default: {default})" in " ".join(told.split())


def test_every_flag_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/processes.md").read_text()
    named = set(re.findall(r"--[a-z-]+", parser("core", "A server.").format_help())) - {"--help"}
    assert named <= set(re.findall(r"--[a-z-]+", page))


def test_the_notice_is_part_of_the_grace_period() -> None:
    assert flags("--shutdown-grace", "500ms").drain_notice == timedelta(milliseconds=500)


@pytest.mark.parametrize("argv", [("--addr", "8080"), ("--shutdown-grace", "25"), ("--shutdown", "1s"), ("serve",)])
def test_wrong_flags_end_with_the_code_of_an_error(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        flags(*argv)
    assert end.value.code == 1
    assert "plexsphere-core: " in capsys.readouterr().err
