"""Who an agent is: what it needs to enrol, and what it holds from then on."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen

from plexsphere_apps.simulator import forms
from plexsphere_apps.simulator.peers import broken_peers
from plexsphere_apps.simulator.verification import HeldKey
from plexsphere_domain.kernel.secrets import SecretBytes, SecretStr

ENV: Final = "plexd"
LEGACY_KEY: Final = 32
"""Characters of a Node secret key that is taken as it is, without base64."""


@frozen(kw_only=True)
class Enrolment:
    """What a machine is given so that it can become a Node."""

    project_id: str
    resource_handle: str
    bootstrap_token: SecretStr
    requested_resource_id: str = ""


class UnusableIdentity(Exception):
    """The registration's answer does not make an identity: the token is spent and the agent cannot start."""


@frozen(kw_only=True)
class Identity:
    """What a registration leaves behind. `node` and `nsk` make the bearer token of every later call."""

    node_id: UUID
    mesh_ip: IPv4Address
    domain_mesh_cidr: IPv4Network | None
    signing_key: HeldKey
    nsk: SecretBytes = field(repr=False)

    @property
    def bearer(self) -> str:
        """`nsk_<env>_<unpadded base64url(node id ‖ key)>`."""
        payload = base64.urlsafe_b64encode(self.node_id.bytes + self.nsk.reveal()).decode().rstrip("=")
        return f"nsk_{ENV}_{payload}"

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Identity":
        """The identity in a registration's answer, as plexd takes it. Raises UnusableIdentity."""
        node_id, address = body.get("node_id"), forms.unicast(body.get("mesh_ip"))
        public_key, kid, nsk = body.get("signing_public_key"), body.get("signing_key_id"), body.get("nsk")
        if not forms.is_uuid(node_id) or address is None:
            raise UnusableIdentity("node_id or mesh_ip")
        raw = forms.decoded_key(public_key) if isinstance(public_key, str) else None
        if raw is None or not isinstance(kid, str) or not kid:
            raise UnusableIdentity("signing_public_key or signing_key_id")
        secret = _secret(nsk)
        if secret is None:
            raise UnusableIdentity("nsk")
        return cls(
            node_id=UUID(node_id),
            mesh_ip=address,
            domain_mesh_cidr=forms.network(body.get("domain_mesh_cidr")),
            signing_key=HeldKey(kid, raw),
            nsk=secret,
        )


def broken_rules(body: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a registration's answer, beyond what plexd would still take."""
    cidr, address = forms.network(body.get("domain_mesh_cidr")), forms.unicast(body.get("mesh_ip"))
    peers = body.get("peer_snapshot")
    if not forms.is_uuid(body.get("node_id")):
        yield "`node_id` is a UUID"
    if address is None:
        yield "`mesh_ip` is a bare IPv4 unicast address"
    if cidr is None:
        yield "`domain_mesh_cidr` is a canonical IPv4 prefix"
    if address is not None and cidr is not None and address not in cidr:
        yield "`mesh_ip` lies in `domain_mesh_cidr`"
    if not forms.is_key(body.get("signing_public_key")):
        yield "`signing_public_key` is base64 of 32 raw bytes"
    if not isinstance(body.get("signing_key_id"), str) or not body["signing_key_id"]:
        yield "`signing_key_id` is a non-empty string"
    if not forms.is_key(body.get("nsk")):
        yield "`nsk` is padded base64 of 32 bytes"
    if not isinstance(peers, list):
        yield "`peer_snapshot` is an array"
        return
    yield from broken_peers(peers, own=str(body.get("node_id")))


def load(path: Path) -> Identity | None:
    """The identity that was saved there; None where there is none."""
    try:
        return Identity.of(json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def save(path: Path, identity: Identity) -> None:
    """Keeps the identity over a restart, readable by its owner only."""
    document = {
        "node_id": str(identity.node_id),
        "mesh_ip": str(identity.mesh_ip),
        "domain_mesh_cidr": str(identity.domain_mesh_cidr) if identity.domain_mesh_cidr else "",
        "signing_public_key": base64.b64encode(identity.signing_key.public_key).decode(),
        "signing_key_id": identity.signing_key.kid,
        "nsk": base64.b64encode(identity.nsk.reveal()).decode(),
    }
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file)
    beside.replace(path)


def _secret(nsk: object) -> SecretBytes | None:
    if not isinstance(nsk, str):
        return None
    if len(nsk) == LEGACY_KEY:
        return SecretBytes(nsk.encode())
    raw = forms.decoded_key(nsk)
    return SecretBytes(raw) if raw is not None else None
