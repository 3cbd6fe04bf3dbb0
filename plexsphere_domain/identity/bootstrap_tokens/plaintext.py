"""The text of a bootstrap token: `psb_<env>_<project>_<kind>_<random>`.

 - `env` is a run of lower-case ASCII letters, for the eyes of whoever finds the token,
 - `project` is the Project's UUID: its 16 bytes in lower-case base32 without padding (26 characters),
 - `kind` is `node` or `bridge`,
 - `random` is at least 20 characters of the same base32; ours has 34: a selector of 8, by which the row is found, and
   a secret of 26, that is 128 bits.

The selector is random like the secret, but it is stored in clear. It makes a redemption cost one Argon2id run, however
many tokens of the Project are live, and tells whoever reads the database nothing about the secret.
"""

import base64
import re
from uuid import UUID

from attrs import frozen

from plexsphere_domain.identity.bootstrap_tokens.errors import TokenMalformed
from plexsphere_domain.identity.bootstrap_tokens.model import TokenKind, TokenScope
from plexsphere_domain.kernel.ids import ProjectId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

SELECTOR_BYTES = 5
SECRET_BYTES = 16

_SELECTOR_LENGTH = 8
_GRAMMAR = re.compile(r"psb_([a-z]+)_([a-z2-7]+)_(node|bridge)_([a-z2-7]{20,})")


@frozen
class TokenPlaintext:
    """A token as its holder presents it, taken apart as far as it is not secret."""

    scope: TokenScope
    selector: str
    text: SecretStr

    @classmethod
    def parse(cls, text: SecretStr) -> "TokenPlaintext":
        """The parts of what was presented; raises TokenMalformed where it is no bootstrap token."""
        match = _GRAMMAR.fullmatch(text.reveal())
        if match is None:
            raise TokenMalformed
        env, project, kind, random = match.groups()
        scope = TokenScope(env_prefix=env, project_id=_project(project), kind=TokenKind(kind))
        return cls(scope, random[:_SELECTOR_LENGTH], text)

    @classmethod
    def compose(cls, scope: TokenScope, random: SecretBytes) -> "TokenPlaintext":
        """The text of a new token out of `SELECTOR_BYTES + SECRET_BYTES` random bytes."""
        drawn = random.reveal()
        if len(drawn) != SELECTOR_BYTES + SECRET_BYTES:
            raise ValueError(f"a token takes {SELECTOR_BYTES + SECRET_BYTES} random bytes")
        selector, secret = _base32(drawn[:SELECTOR_BYTES]), _base32(drawn[SELECTOR_BYTES:])
        project = _base32(scope.project_id.bytes)
        text = f"psb_{scope.env_prefix}_{project}_{scope.kind}_{selector}{secret}"
        return cls(scope, selector, SecretStr(text))


def _project(segment: str) -> ProjectId:
    """The Project whose 16 bytes the segment spells, in the one way in which it can be spelled."""
    try:
        raw = base64.b32decode(segment.upper() + "=" * (-len(segment) % 8))
    except ValueError:
        raise TokenMalformed from None
    if len(raw) != 16 or not any(raw) or _base32(raw) != segment:
        raise TokenMalformed
    return ProjectId(UUID(bytes=raw))


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
