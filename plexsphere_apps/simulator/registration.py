"""Becoming a Node: one run of `POST /v1/register` with its retries."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from attrs import define, frozen
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from plexsphere_apps.simulator import problem
from plexsphere_apps.simulator.backoff import Backoff
from plexsphere_apps.simulator.calls import REGISTER, Calls
from plexsphere_apps.simulator.http import Answer, NetworkFailure
from plexsphere_apps.simulator.identity import Enrolment, Identity, UnusableIdentity, broken_rules

MAX_TOKEN: Final = 512


@define(eq=False)
class RegistrationFailed(Exception):
    """The agent gave up. `status` is 0 where there was no answer; `code` is the problem's."""

    status: int
    code: str

    def __str__(self) -> str:
        return f"registration failed: {self.status or 'no answer'} {self.code}".rstrip()


@frozen(kw_only=True)
class MeshKey:
    """The public half, as it goes on the wire. The private half never leaves the agent, and a simulated one has no
    use for it."""

    public: str

    @classmethod
    def generate(cls) -> "MeshKey":
        return cls(public=base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode())


@frozen(kw_only=True)
class Registration:
    """One run: the nonce and the key are the same over all its tries."""

    calls: Calls
    enrolment: Enrolment
    key: MeshKey
    nonce: str

    @classmethod
    def begin(cls, calls: Calls, enrolment: Enrolment) -> "Registration":
        return cls(calls=calls, enrolment=enrolment, key=MeshKey.generate(), nonce=str(uuid4()))

    async def run(self, clock: Callable[[], float] | None = None) -> Identity:
        """The identity; raises RegistrationFailed or UnusableIdentity."""
        self._look_over()
        now = clock or asyncio.get_running_loop().time
        timing = self.calls.timing
        deadline = now() + timing.give_up_registering
        backoff = Backoff(timing.backoff_first, timing.backoff_ceiling)
        while True:
            refusal, wait = await self._try(backoff)
            if isinstance(refusal, Identity):
                return refusal
            if now() + wait >= deadline:
                raise refusal
            await asyncio.sleep(wait)

    async def _try(self, backoff: Backoff) -> tuple[Identity | RegistrationFailed, float]:
        """The identity, or a refusal with the seconds to wait before the next try; raises one that is final."""
        try:
            answer = await self.calls.send(REGISTER, "/v1/register", self._body())
        except NetworkFailure as failure:
            self.calls.observations.count("register network failure")
            return RegistrationFailed(0, str(failure)), backoff.delay()
        if answer.ok:
            return self._identity(answer), 0.0
        refusal = RegistrationFailed(answer.status, problem.read(answer).code)
        if answer.status == 429:
            return refusal, answer.retry_after if answer.retry_after is not None else backoff.delay()
        if answer.status >= 500:
            return refusal, backoff.delay()
        raise refusal

    def _identity(self, answer: Answer) -> Identity:
        document = self.calls.json(REGISTER, answer)
        if document is None:
            raise UnusableIdentity("the answer is no JSON object")
        for rule in broken_rules(document):
            self.calls.violation(REGISTER, rule)
        return Identity.of(document)

    def _body(self) -> dict[str, Any]:
        body = {
            "project_id": self.enrolment.project_id,
            "resource_handle": self.enrolment.resource_handle,
            "bootstrap_token": self.enrolment.bootstrap_token.reveal(),
            "nonce": self.nonce,
            "public_key": self.key.public,
        }
        if self.enrolment.requested_resource_id:
            body["requested_resource_id"] = self.enrolment.requested_resource_id
        return body

    def _look_over(self) -> None:
        """What plexd checks before it sends anything; the grammar of the token is the server's."""
        token = self.enrolment.bootstrap_token.reveal()
        if not self.enrolment.project_id or not self.enrolment.resource_handle:
            raise RegistrationFailed(0, "project_id and resource_handle are required")
        if not 0 < len(token) <= MAX_TOKEN or not token.isascii() or not token.isprintable():
            raise RegistrationFailed(0, "the bootstrap token is no token")
