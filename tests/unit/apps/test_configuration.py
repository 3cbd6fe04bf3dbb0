from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_apps import kinds
from plexsphere_apps.configuration import (
    ConfigurationError,
    Variable,
    decode,
    defaulted,
    of,
    optional,
    required,
    variables,
)
from plexsphere_domain.kernel.secrets import SecretStr

DSN = required("TEST_DSN", kinds.SECRET, "the connection string")
ADDRESS = required("TEST_ADDRESS", kinds.ADDRESS, "the address")
WAIT = defaulted("TEST_WAIT", kinds.DURATION, "30s", "how long to wait")
NOTE = optional("TEST_NOTE", kinds.TEXT, "a note")
ELSEWHERE = optional("OTHER_THING", kinds.TEXT, "of another process")


@frozen(kw_only=True)
class Config:
    dsn: SecretStr = of(DSN)
    address: str = of(ADDRESS)
    wait: timedelta = of(WAIT)
    note: str | None = of(NOTE)


GOOD = {"PLEXSPHERE_TEST_DSN": "postgres://u:hunter2@db/x", "PLEXSPHERE_TEST_ADDRESS": "db:1", "PATH": "/bin"}


def problems(changes: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refusal:
        decode(Config, GOOD | dict(changes))
    return refusal.value.problems


def test_decodes_what_is_set_and_defaults_the_rest() -> None:
    assert decode(Config, GOOD | {"PLEXSPHERE_TEST_WAIT": "1m30s"}) == Config(
        dsn=SecretStr(GOOD["PLEXSPHERE_TEST_DSN"]), address="db:1", wait=timedelta(seconds=90), note=None
    )
    assert decode(Config, GOOD).wait == timedelta(seconds=30)


def test_an_empty_value_counts_as_none() -> None:
    assert decode(Config, GOOD | {"PLEXSPHERE_TEST_WAIT": "", "PLEXSPHERE_TEST_NOTE": ""}) == decode(Config, GOOD)
    assert problems({"PLEXSPHERE_TEST_ADDRESS": ""}) == ("PLEXSPHERE_TEST_ADDRESS is not set; it is the address",)


def test_all_problems_are_told_at_once_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        decode(
            Config, {"PLEXSPHERE_TEST_ADDRESS": "nowhere", "PLEXSPHERE_TEST_WAIT": "soon", "PLEXSPHERE_TEST_NOTES": "x"}
        )
    text = str(refusal.value)
    assert "\n" not in text
    assert len(refusal.value.problems) == 4
    for part in ("PLEXSPHERE_TEST_DSN is not set", "'nowhere'", "'soon'", "did you mean PLEXSPHERE_TEST_NOTE?"):
        assert part in text


def test_an_unknown_variable_stops_the_start() -> None:
    assert problems({"PLEXSPHERE_ZZZ": "1"}) == ("PLEXSPHERE_ZZZ is not a variable of plexsphere",)


def test_variables_of_other_processes_may_stand_beside() -> None:
    beside = GOOD | {"PLEXSPHERE_OTHER_THING": "x"}
    assert decode(Config, beside, known=(ELSEWHERE,)) == decode(Config, GOOD)


@pytest.mark.parametrize(
    "name",
    [
        "PLEXSPHERE_SIGNER_SERVICE_HOST",
        "PLEXSPHERE_SIGNER_SERVICE_PORT",
        "PLEXSPHERE_SIGNER_SERVICE_PORT_GRPC",
        "PLEXSPHERE_SIGNER_PORT",
        "PLEXSPHERE_SIGNER_PORT_9443_TCP",
        "PLEXSPHERE_SIGNER_PORT_9443_TCP_ADDR",
    ],
)
def test_what_kubernetes_says_about_services_is_no_configuration(name: str) -> None:
    assert decode(Config, GOOD | {name: "tcp://10.0.0.1:9443"}) == decode(Config, GOOD)


def test_no_secret_is_told() -> None:
    @frozen(kw_only=True)
    class Nats:
        url: SecretStr = of(required("TEST_NATS", kinds.NATS_URLS, "NATS"))

    with pytest.raises(ConfigurationError) as refusal:
        decode(Nats, {"PLEXSPHERE_TEST_NATS": "http://u:hunter2@nats"})
    assert "hunter2" not in f"{refusal.value!r} {refusal.value} {refusal.value.__cause__}"
    assert "hunter2" not in repr(decode(Config, GOOD))


ADDRESS_ONLY = {"PLEXSPHERE_TEST_ADDRESS": "db:1"}


class TestSecretsInFiles:
    def test_the_file_holds_the_value(self, tmp_path: Path) -> None:
        (tmp_path / "dsn").write_text("postgres://db\n")
        config = decode(Config, ADDRESS_ONLY | {"PLEXSPHERE_TEST_DSN_FILE": str(tmp_path / "dsn")})
        assert config.dsn == SecretStr("postgres://db")

    def test_both_ways_at_once_contradict(self, tmp_path: Path) -> None:
        assert "are both set" in problems({"PLEXSPHERE_TEST_DSN_FILE": str(tmp_path)})[0]

    @pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
    def test_a_file_without_a_value_is_refused(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "dsn"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="PLEXSPHERE_TEST_DSN_FILE"):
            decode(Config, ADDRESS_ONLY | {"PLEXSPHERE_TEST_DSN_FILE": str(path)})

    def test_only_secrets_have_them(self) -> None:
        assert "PLEXSPHERE_TEST_ADDRESS_FILE" in problems({"PLEXSPHERE_TEST_ADDRESS_FILE": "x"})[0]


class TestSecretsThatAreRenewed:
    @frozen(kw_only=True)
    class Renewed:
        token: kinds.SecretSource = of(required("TEST_TOKEN", kinds.RENEWED_SECRET, "the token"))

    def test_the_file_is_read_anew_each_time(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("s.first\n")
        token = decode(self.Renewed, {"PLEXSPHERE_TEST_TOKEN_FILE": str(path)}).token
        assert token() == SecretStr("s.first")
        path.write_text("s.second\n")
        assert token() == SecretStr("s.second")

    def test_a_value_stays_as_it_is(self) -> None:
        config = decode(self.Renewed, {"PLEXSPHERE_TEST_TOKEN": "s.only"})
        assert (config.token(), config.token()) == (SecretStr("s.only"), SecretStr("s.only"))
        assert "s.only" not in repr(config)

    @pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
    def test_a_file_without_a_value_is_refused_at_the_start(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "token"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigurationError) as refusal:
            decode(self.Renewed, {"PLEXSPHERE_TEST_TOKEN_FILE": str(path)})
        assert "\n" not in str(refusal.value)
        assert len(refusal.value.problems) == 1
        assert str(refusal.value).startswith(f"configuration: PLEXSPHERE_TEST_TOKEN_FILE: {path} ")

    @pytest.mark.parametrize("text", ["s.first\ns.second", "s.\N{SNOWMAN}"])
    def test_what_is_not_one_line_is_refused_at_the_start(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "token").write_text(text)
        for environ in ({"PLEXSPHERE_TEST_TOKEN": text}, {"PLEXSPHERE_TEST_TOKEN_FILE": str(tmp_path / "token")}):
            with pytest.raises(ConfigurationError, match="its value is not a secret of one line"):
                decode(self.Renewed, environ)

    @pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff", b"s.first\ns.second"])
    def test_a_file_that_holds_no_value_for_a_while_is_told_as_a_failure_to_read(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "token"
        path.write_text("s.token")
        token = decode(self.Renewed, {"PLEXSPHERE_TEST_TOKEN_FILE": str(path)}).token
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(OSError, match="token"):
            token()
        path.write_text("s.token")
        assert token() == SecretStr("s.token")


def test_variables_are_listed_in_the_order_of_the_fields() -> None:
    assert variables(Config) == (DSN, ADDRESS, WAIT, NOTE)


def test_a_variable_has_the_prefix() -> None:
    with pytest.raises(ValueError, match="PLEXSPHERE_"):
        Variable(name="OTHER", kind=kinds.TEXT, help="", default=None, required=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1m", 60), ("1h15m30.5s", 4530.5), ("250ms", 0.25), ("1000us", 0.001), ("5µs", 5e-6), ("0", 0)],
)
def test_durations_are_spelled_as_in_go(text: str, seconds: float) -> None:
    assert kinds.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 s", "1d", "1s ", "1.s", "٣s"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="units"):
        kinds.duration(text)


def test_a_duration_of_more_than_all_time_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        kinds.duration("9" * 400 + "h")
    with pytest.raises(ValueError, match="too long"):
        kinds.duration("9" * 30 + "h")


def test_durations_of_domains() -> None:
    one, other = uuid4(), uuid4()
    parsed = kinds.DURATIONS_OF_DOMAINS.parse(f"{one}=1m30s,{other}=0")
    assert parsed == {one: timedelta(seconds=90), other: timedelta()}
    assert kinds.DURATIONS_OF_DOMAINS.parse("") == {}


ONE = "0190a3c5-9d1e-7b53-8f0e-2c1d8e6a7b44"


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f"{ONE}=",
        f"{ONE}=30",
        f"{ONE}=-1s",
        f"{ONE}=1s,",
        f",{ONE}=1s",
        f"{ONE}=1s, {ONE[:-1]}5=1s",
        f"{ONE}=1s,{ONE}=2s",
        f"{ONE}=1s,{ONE.upper()}=2s",
        f"{ONE.replace('-', '')}=1s",
        "00000000-0000-0000-0000-000000000000=1s",
        "acme=1s",
        "=1s",
        "30s",
    ],
)
def test_anything_else_is_no_durations_of_domains(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        kinds.DURATIONS_OF_DOMAINS.parse(text)


@given(st.integers(0, 10_000_000))
def test_a_spelled_duration_reads_back(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds if milliseconds < 1000 else milliseconds // 1000 * 1000)
    if value < timedelta(seconds=1_000_000):
        assert kinds.duration(kinds.spelled(value)) == value


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (kinds.DURATION, "1s", "0s"),
        (kinds.ADDRESS, "127.0.0.1:0", "127.0.0.1"),
        (kinds.ADDRESS, "[::1]:8080", "::1:8080"),
        (kinds.ADDRESS, "host:65535", "host:65536"),
        (kinds.COUNT, "12", "1e3"),
        (kinds.BOOLEAN, "true", "yes"),
        (kinds.SEVERITY, "info", "INFO"),
        (kinds.HTTP_URL, "https://bao:8200", "bao:8200"),
        (kinds.HTTP_URL, "http://[::1]:8200/", "ftp://x"),
        (kinds.NATS_URLS, "nats://a:4222,tls://b:4222", "http://a"),
        (kinds.ORIGINS, "https://a.example,http://b:8080", "https://a.example/path"),
        (kinds.ORIGINS, "", "a.example"),
        (kinds.HOST, "plexsphere.example:8443", "https://plexsphere.example"),
        (kinds.FILE, __file__, "/nowhere/at/all"),
    ],
)
def test_kinds(kind: kinds.Kind[object], good: str, bad: str) -> None:
    kind.parse(good)
    with pytest.raises(ValueError, match=r"\w"):
        kind.parse(bad)
