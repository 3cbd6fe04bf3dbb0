"""Nothing reaches a Node that this process did not verify.

A record of the stream is admitted to the Nodes of its audience when, in this order:

 1. it is an envelope,
 2. its scope is the Domain of the audience,
 3. if it is for one Node: its payload names that Node,
 4. its key is one that the Domain has, or had,
 5. its signature verifies under that key.

Anything else is dropped and reported. A key that cannot be had right now is no reason to drop: that is an outage.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from weakref import WeakKeyDictionary

from attrs import define, field, frozen

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.mesh.bus.announcements import Audience, ToNode, scope_of
from plexsphere_domain.mesh.bus.envelope import EnvelopeRefused, SignatureCheck, SignedEnvelope
from plexsphere_domain.mesh.bus.ports import Record, StreamObserver, VerificationKeys

REMEMBERED = 16_384
"""Genuine signatures that are remembered, so that what many Nodes replay is verified once."""


@define(eq=False)
class NotAdmitted(Exception):
    """The record goes to nobody."""

    reason: str


@frozen
class StreamedEvent:
    """A verified envelope: `data` is its wire form, `type` the discriminator of the frame it goes into."""

    sequence: int
    type: str
    data: bytes = field(repr=False)


@define
class Admission:
    """Decides about records, once each; shared by all connections of the process."""

    keys: VerificationKeys
    check: SignatureCheck
    observer: StreamObserver
    _held: dict[tuple[DomainId, str], bytes] = field(factory=dict, init=False)
    _asked: dict[tuple[DomainId, str], asyncio.Task[bytes | None]] = field(factory=dict, init=False)
    _events: "WeakKeyDictionary[Record, StreamedEvent | None]" = field(factory=WeakKeyDictionary, init=False)
    _genuine: "OrderedDict[bytes, None]" = field(factory=OrderedDict, init=False)

    async def admit(self, record: Record) -> StreamedEvent | None:
        """The event of the record, None when it was dropped. Raises an Unavailable when the key cannot be had."""
        if record in self._events:
            return self._events[record]
        event = None
        try:
            event = await self._verify(record)
        except NotAdmitted as refusal:
            if record not in self._events:
                self.observer.dropped(record, refusal.reason)
        return self._events.setdefault(record, event)

    async def _verify(self, record: Record) -> StreamedEvent:
        try:
            signed = SignedEnvelope.parse(record.data)
        except EnvelopeRefused as error:
            raise NotAdmitted(f"it is no envelope: {error!r}") from error
        _check_address(signed, record.audience)
        kid = signed.envelope.key_id
        key = await self._key(record.audience.domain, kid)
        if key is None:
            raise NotAdmitted(f"the Domain has no key {kid}")
        if not self._is_genuine(signed, key):
            raise NotAdmitted(f"its signature does not verify under {kid}")
        return StreamedEvent(record.sequence, signed.envelope.type, signed.data)

    def _is_genuine(self, signed: SignedEnvelope, key: bytes) -> bool:
        digest = blake2b(key + signed.data, digest_size=16).digest()
        if digest in self._genuine:
            return True
        if not signed.is_genuine(key, self.check):
            return False
        self._genuine[digest] = None
        if len(self._genuine) > REMEMBERED:
            self._genuine.popitem(last=False)
        return True

    async def _key(self, domain: DomainId, kid: str) -> bytes | None:
        """The key, asked for once however many wait for it. Only keys that exist are remembered: others may come."""
        name = (domain, kid)
        if name in self._held:
            return self._held[name]
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(self.keys.public_key(domain, kid))
            self._asked[name].add_done_callback(lambda task: self._answered(name, task))
        return await asyncio.shield(self._asked[name])

    def _answered(self, name: tuple[DomainId, str], task: "asyncio.Task[bytes | None]") -> None:
        del self._asked[name]
        if task.cancelled() or task.exception() is not None:
            return
        key = task.result()
        if key is not None:
            self._held[name] = key


def _check_address(signed: SignedEnvelope, audience: Audience) -> None:
    """Raises NotAdmitted unless the envelope is one for `audience`."""
    if signed.envelope.scope != scope_of(audience):
        raise NotAdmitted(f"its scope is {signed.envelope.scope}")
    if not isinstance(audience, ToNode):
        return
    payload = json.loads(signed.envelope.payload.text)
    if not isinstance(payload, Mapping) or payload.get("node_id") != str(audience.node):
        raise NotAdmitted("its payload names another Node")
