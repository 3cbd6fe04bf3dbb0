"""Who gets in with an API token, and what a request costs."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from attrs import define, evolve, field

from plexsphere_domain.identity.api_tokens.errors import ApiTokenRefused
from plexsphere_domain.identity.api_tokens.model import ApiToken
from plexsphere_domain.identity.api_tokens.ports import StoredApiToken
from plexsphere_domain.identity.api_tokens.service import ApiTokenAuthentication, ApiTokenIssuing
from plexsphere_domain.identity.api_tokens.verified import VerifiedPlaintexts
from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.actor import Principal, PrincipalKind
from plexsphere_domain.kernel.ids import ApiTokenId
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

START = datetime(2026, 5, 27, 10, tzinfo=UTC)
OPERATOR = Principal(PrincipalKind.USER, UUID(int=7))


@define
class Time:
    instant: datetime = START

    def now(self) -> datetime:
        return self.instant


@define
class CountingHasher:
    """Not a hash, but it keeps a hasher's promises and counts how often it is asked."""

    runs: int = 0

    async def hash(self, plaintext: SecretStr) -> CredentialHash:
        return CredentialHash(f"hash of {plaintext.reveal()}")

    async def verify(self, plaintext: SecretStr, against: CredentialHash) -> bool:
        self.runs += 1
        await asyncio.sleep(0)
        return against == f"hash of {plaintext.reveal()}"


@define
class Rows:
    rows: dict[ApiTokenId, ApiToken] = field(factory=dict)
    reads: int = 0

    async def add(self, token: ApiToken) -> None:
        self.rows[token.id] = token

    async def __call__(self, token: ApiTokenId) -> StoredApiToken | None:
        self.reads += 1
        return StoredApiToken(self.rows[token], "zed-1") if token in self.rows else None


@define
class World:
    time: Time = field(factory=Time)
    hasher: CountingHasher = field(factory=CountingHasher)
    rows: Rows = field(factory=Rows)
    auth: ApiTokenAuthentication = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.auth = ApiTokenAuthentication(self.rows, self.hasher, self.time)

    async def issue(self, ttl: timedelta | None = None, number: int = 1) -> tuple[ApiToken, SecretStr]:
        issuing = ApiTokenIssuing(
            hasher=self.hasher,
            clock=self.time,
            new_id=lambda: UUID(int=number),
            random_bytes=lambda count: SecretBytes(bytes([number]) * count),
        )
        issued = await issuing.issue(self.rows, principal=OPERATOR, name="ci", env="dev", ttl=ttl)
        return issued.token, issued.plaintext


@pytest.fixture
def world():
    return World()


async def test_a_token_acts_as_its_principal(world):
    _, plaintext = await world.issue()
    caller = await world.auth.authenticate(plaintext)

    assert caller.principal == OPERATOR
    assert caller.graph_revision == "zed-1"


async def test_a_token_is_verified_once_and_its_row_read_each_time(world):
    _, plaintext = await world.issue()
    for _ in range(5):
        await world.auth.authenticate(plaintext)

    assert (world.hasher.runs, world.rows.reads) == (1, 5)


async def test_concurrent_first_requests_share_one_verification(world):
    _, plaintext = await world.issue()
    await asyncio.gather(*(world.auth.authenticate(plaintext) for _ in range(50)))

    assert world.hasher.runs == 1


async def test_a_revocation_is_effective_on_the_next_request(world):
    token, plaintext = await world.issue()
    await world.auth.authenticate(plaintext)
    world.rows.rows[token.id] = token.revoke(START)

    with pytest.raises(ApiTokenRefused):
        await world.auth.authenticate(plaintext)


async def test_a_token_expires_at_its_instant(world):
    _, plaintext = await world.issue(ttl=timedelta(hours=1))
    world.time.instant = START + timedelta(minutes=59, seconds=59)
    await world.auth.authenticate(plaintext)
    world.time.instant = START + timedelta(hours=1)

    with pytest.raises(ApiTokenRefused):
        await world.auth.authenticate(plaintext)


async def test_a_replaced_hash_is_verified_afresh(world):
    token, plaintext = await world.issue()
    await world.auth.authenticate(plaintext)
    world.rows.rows[token.id] = evolve(token, hash=CredentialHash("another"))

    with pytest.raises(ApiTokenRefused):
        await world.auth.authenticate(plaintext)
    assert world.hasher.runs == 2


async def test_a_verification_is_believed_for_its_time_to_live_only(world):
    _, plaintext = await world.issue()
    await world.auth.authenticate(plaintext)
    world.time.instant += timedelta(minutes=5)
    await world.auth.authenticate(plaintext)

    assert world.hasher.runs == 2


async def test_the_right_id_with_a_wrong_secret_is_refused_and_not_remembered(world):
    _, plaintext = await world.issue()
    forged = SecretStr(plaintext.reveal()[:-32] + "b" * 32)
    for _ in range(2):
        with pytest.raises(ApiTokenRefused):
            await world.auth.authenticate(forged)

    assert world.hasher.runs == 2


@pytest.mark.parametrize("text", ["", "psk_dev_x", "Bearer", "psk_dev_" + "b" * 25 + "a_" + "b" * 26])
async def test_what_is_unknown_is_refused_without_a_hash_run(world, text):
    with pytest.raises(ApiTokenRefused):
        await world.auth.authenticate(SecretStr(text))
    assert world.hasher.runs == 0


def test_the_memory_forgets_the_least_recently_used():
    memory = VerifiedPlaintexts(size=2)
    one = CredentialHash("h")
    memory.remember(b"1", one, START)
    memory.remember(b"2", one, START)
    assert memory.holds(b"1", one, START)
    memory.remember(b"3", one, START)

    assert [memory.holds(digest, one, START) for digest in (b"1", b"2", b"3")] == [True, False, True]


def test_neither_plaintext_nor_hash_is_represented(world):
    token = ApiToken(
        id=ApiTokenId(UUID(int=1)), principal=OPERATOR, hash=CredentialHash("$argon2id$s"), name="ci", created_at=START
    )

    assert "argon2id" not in repr(token)
