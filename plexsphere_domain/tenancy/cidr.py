"""Prefixes in CIDR notation (RFC 4632; RFC 5952 for the text of IPv6)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self

from attrs import field, frozen

from plexsphere_domain.tenancy.naming import Malformed

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_IPV4_MAPPED = IPv6Network("::ffff:0:0/96")


def _is_plain(_: object, __: object, network: Network) -> None:
    if isinstance(network, IPv6Network) and (network.network_address.scope_id or network.overlaps(_IPV4_MAPPED)):
        # An IPv4-mapped prefix would be a second spelling of an IPv4 pool that no overlap check sees through, and
        # a scoped one means something on one machine only. `::/0` and the like fall with them.
        raise Malformed("must not contain scoped or IPv4-mapped addresses")


@frozen(order=False)
class MeshCidr:
    """A prefix from which mesh addresses come: a Domain's pool, or the part of it that a Project reserved."""

    network: Network = field(validator=_is_plain)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The prefix in its one canonical spelling; `Malformed` for host bits, netmasks, other spellings of it."""
        try:
            network = ip_network(text, strict=True)
        except ValueError:
            raise Malformed("must be an IPv4 or IPv6 prefix in CIDR notation without host bits") from None
        if str(network) != text:
            raise Malformed(f"must be spelled canonically: {network}")
        return cls(network)

    def overlaps(self, other: "MeshCidr") -> bool:
        """Whether any address is in both. Prefixes of different families never overlap."""
        return self.network.version == other.network.version and self.network.overlaps(other.network)

    def contains(self, other: "MeshCidr") -> bool:
        """Whether every address of the other prefix is in this one."""
        return (
            self.network.version == other.network.version
            and other.network.prefixlen >= self.network.prefixlen
            and other.network.network_address in self.network
        )

    def holds(self, address: Address) -> bool:
        """Whether the address is in this prefix."""
        return address in self.network

    def __str__(self) -> str:
        return str(self.network)
