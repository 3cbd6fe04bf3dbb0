import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.identity.bootstrap_tokens.errors import TokenMalformed
from plexsphere_domain.identity.bootstrap_tokens.model import TokenKind, TokenScope
from plexsphere_domain.identity.bootstrap_tokens.plaintext import SECRET_BYTES, SELECTOR_BYTES, TokenPlaintext
from plexsphere_domain.kernel.ids import ProjectId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

GRAMMAR = re.compile(r"^psb_[a-z]+_[a-z2-7]+_(node|bridge)_[a-z2-7]{20,}$")

scopes = st.builds(
    TokenScope,
    env_prefix=st.from_regex(r"[a-z]{1,32}", fullmatch=True),
    project_id=st.uuids().filter(lambda each: each.int != 0).map(ProjectId),
    kind=st.sampled_from(TokenKind),
)
draws = st.binary(min_size=SELECTOR_BYTES + SECRET_BYTES, max_size=SELECTOR_BYTES + SECRET_BYTES).map(SecretBytes)


@given(scopes, draws)
def test_what_is_composed_fits_the_grammar_and_is_read_back(scope: TokenScope, random: SecretBytes) -> None:
    made = TokenPlaintext.compose(scope, random)
    text = made.text.reveal()
    assert GRAMMAR.match(text)
    assert len(text) <= 512
    read = TokenPlaintext.parse(SecretStr(text))
    assert (read.scope, read.selector) == (scope, made.selector)


def test_the_project_segment_is_the_uuid_in_base32() -> None:
    scope = TokenScope(env_prefix="prod", project_id=ProjectId(UUID(int=1)), kind=TokenKind.NODE)
    text = TokenPlaintext.compose(scope, SecretBytes(bytes(21))).text.reveal()
    assert text == "psb_prod_aaaaaaaaaaaaaaaaaaaaaaaaae_node_" + "a" * 34


VALID = "psb_prod_aaaaaaaaaaaaaaaaaaaaaaaaae_node_" + "a" * 20


def test_tokens_of_the_shortest_random_part_are_read() -> None:
    assert TokenPlaintext.parse(SecretStr(VALID)).selector == "a" * 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "psb",
        VALID + "\n",
        " " + VALID,
        VALID.replace("psb_", "psk_"),
        VALID.replace("prod", "Prod"),
        VALID.replace("node", "vm"),
        VALID[:-1],
        VALID + "1",
        VALID.replace("aaaae_", "aaaaf_"),  # bits beyond the sixteenth byte
        VALID.replace("_aaaaaaaaaaaaaaaaaaaaaaaaae_", "_aaaaaaaaaaaaaaaaaaaaaaaaa_"),  # no base32 length
        VALID.replace("_aaaaaaaaaaaaaaaaaaaaaaaaae_", "_aaaaaaaaaaaaaaaaaaaaaaae_"),  # fifteen bytes
        VALID.replace("_aaaaaaaaaaaaaaaaaaaaaaaaae_", "_aaaaaaaaaaaaaaaaaaaaaaaaaaae_"),  # seventeen
        VALID.replace("_aaaaaaaaaaaaaaaaaaaaaaaaae_", "_aaaaaaaaaaaaaaaaaaaaaaaaaa_"),  # the nil UUID
        VALID.replace("aae_", "aa1_"),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenMalformed):
        TokenPlaintext.parse(SecretStr(text))


@given(st.text(alphabet="psbnodebridge_a2", max_size=80))
def test_reading_is_total(text: str) -> None:
    try:
        TokenPlaintext.parse(SecretStr(text))
    except TokenMalformed:
        return


def test_nothing_shows_the_secret() -> None:
    assert "aaaaaaaaaaaaaaaaaaaa" not in repr(TokenPlaintext.parse(SecretStr(VALID))).replace("'aaaaaaaa'", "")


def test_too_little_randomness_makes_no_token() -> None:
    scope = TokenScope(env_prefix="prod", project_id=ProjectId(UUID(int=1)), kind=TokenKind.NODE)
    with pytest.raises(ValueError, match="21"):
        TokenPlaintext.compose(scope, SecretBytes(b"short"))
