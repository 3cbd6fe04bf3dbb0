"""Argon2id (RFC 9106) off the event loop.

The parameters are the second recommended option of RFC 9106, section 4: 3 passes over 64 MiB in 4 lanes. They are
written into every hash, so a later change of them leaves the stored ones valid.

Each run costs tens of milliseconds of a core, and threads beyond the cores gain nothing. A caller who would have to
wait longer than an agent's request lasts is turned away at once: it will come back, and the queue stays short.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from plexsphere_domain.identity.credentials import CredentialHash
from plexsphere_domain.kernel.errors import Unavailable
from plexsphere_domain.kernel.secrets import SecretStr

T = TypeVar("T")

THREADS = 2
QUEUE = 256


class HashingOverloaded(Unavailable):
    """More credentials wait for their check than can be checked in time."""

    code = "credential_check_overloaded"

    @property
    def detail(self) -> str:
        return "too many credentials are being checked; try again shortly"


class Argon2idHasher:
    """Hashes and verifies credentials, at most `THREADS` at a time; `queue` bounds those who wait or run."""

    def __init__(self, *, queue: int = QUEUE) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._queue = queue
        self._waiting = 0

    async def hash(self, plaintext: SecretStr) -> CredentialHash:
        """A PHC string (`$argon2id$v=19$…`) with a fresh salt."""
        return CredentialHash(await self._run(lambda: self._hasher.hash(plaintext.reveal())))

    async def verify(self, plaintext: SecretStr, against: CredentialHash) -> bool:
        """Whether `against` is the hash of `plaintext`; False also for what is no hash at all. Constant time."""
        return await self._run(lambda: self._matches(plaintext, against))

    def _matches(self, plaintext: SecretStr, against: CredentialHash) -> bool:
        try:
            return self._hasher.verify(against, plaintext.reveal())
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._queue:
            raise HashingOverloaded
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._done)
        return await future

    def _done(self, _future: object) -> None:
        self._waiting -= 1

    def close(self) -> None:
        """Lets the running ones finish and forgets the waiting."""
        self._threads.shutdown(wait=False, cancel_futures=True)
