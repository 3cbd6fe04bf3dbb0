"""The grammar of API tokens."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.identity.api_tokens.plaintext import ApiTokenPlaintext
from plexsphere_domain.kernel.ids import ApiTokenId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

ID = ApiTokenId(UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"))
TEXT = "psk_dev_agikrofayb5avcqkucqkbifaum_" + "a" * 26


def test_the_known_text():
    composed = ApiTokenPlaintext.compose(env="dev", id=ID, random=SecretBytes(bytes(20)))

    assert composed.text.reveal() == "psk_dev_agikrofayb5avcqkucqkbifaum_" + "a" * 32
    assert ApiTokenPlaintext.parse(TEXT) == ApiTokenPlaintext("dev", ID, SecretStr(TEXT))


@given(
    raw=st.uuids(allow_nil=False),
    random=st.binary(min_size=17, max_size=64),
    env=st.from_regex(r"[a-z]{1,12}", fullmatch=True),
)
def test_what_is_composed_parses_back(raw, random, env):
    composed = ApiTokenPlaintext.compose(env=env, id=ApiTokenId(raw), random=SecretBytes(random))

    assert ApiTokenPlaintext.parse(composed.text.reveal()) == composed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "psk_",
        "psb" + TEXT[3:],
        TEXT.upper(),
        TEXT[:-1],
        TEXT + "_",
        TEXT + "\n",
        TEXT.replace("dev", "d3v"),
        TEXT.replace("_dev_", "__"),
        "psk_dev_" + "a" * 26 + "_" + "a" * 26,
        TEXT[:33] + "n" + TEXT[34:],
        TEXT + "a" * 512,
        TEXT.replace("a", "а"),
    ],
    ids=[
        "empty", "prefix", "bootstrap", "upper", "short", "tail", "newline", "digit", "no-env", "nil-id", "loose-bits",
        "long", "cyrillic",
    ],
)  # fmt: skip
def test_everything_else_is_no_token(text):
    assert ApiTokenPlaintext.parse(text) is None


def test_too_little_randomness_makes_no_token():
    with pytest.raises(ValueError, match="randomness"):
        ApiTokenPlaintext.compose(env="dev", id=ID, random=SecretBytes(bytes(16)))
