"""Which mesh address a new Node gets.

 1. A Project that reserved a sub-range is served from that sub-range and from nothing else (strict mode).
 2. Every other Project is served from the flat pool: the Domain's prefix less all reserved sub-ranges of the Domain.
 3. Of a prefix, the hosts are given out. IPv4 loses the network and the broadcast address, except that /31 gives both
    of its addresses (RFC 3021) and /32 its only one. IPv6 loses the subnet-router anycast address (RFC 4291,
    section 2.6.1), except that /127 gives both (RFC 6164) and /128 its only one.
 4. The lowest free address wins. An address is free again as soon as its Node is retired.

The free addresses of a pool are kept as disjoint ranges, so that an almost empty /10 is one entry, and the lowest
address is found without looking at any other: taking it shortens the first range, releasing one adds a range.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from attrs import field, frozen

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@frozen
class AddressRange:
    """The addresses from `first` to `last`, both included and of one family."""

    first: Address
    last: Address = field()

    @last.validator
    def _in_order(self, _attribute: object, last: Address) -> None:
        if last.version != self.first.version or int(last) < int(self.first):
            raise ValueError("a range runs upwards within one address family")

    def __contains__(self, address: Address) -> bool:
        return address.version == self.first.version and int(self.first) <= int(address) <= int(self.last)


def hosts(network: Network) -> AddressRange:
    """The addresses of a prefix that a Node can have (rule 3)."""
    first, last = network[0], network[-1]
    if network.num_addresses > 2:
        first = network[1]
        last = network[-2] if network.version == 4 else last
    return AddressRange(first, last)


def free_ranges(
    within: AddressRange, *, reserved: Iterable[Network] = (), taken: Iterable[Address] = ()
) -> tuple[AddressRange, ...]:
    """The maximal free ranges of a pool, ascending: `within` less every reserved prefix and every taken address."""
    holes = [(int(network[0]), int(network[-1])) for network in reserved if network.version == within.first.version]
    holes += [(int(address), int(address)) for address in taken if address.version == within.first.version]
    return tuple(_between(sorted(holes), within))


def _between(holes: list[tuple[int, int]], within: AddressRange) -> Iterator[AddressRange]:
    make = type(within.first)
    cursor, end = int(within.first), int(within.last)
    for first, last in holes:
        if first > end:
            break
        if first > cursor:
            yield AddressRange(make(cursor), make(first - 1))
        cursor = max(cursor, last + 1)
    if cursor <= end:
        yield AddressRange(make(cursor), make(end))


def lowest_free(
    within: AddressRange, *, reserved: Iterable[Network] = (), taken: Iterable[Address] = ()
) -> Address | None:
    """The address that is given out next, found by looking at all that are taken; None where there is none."""
    ranges = free_ranges(within, reserved=reserved, taken=taken)
    return ranges[0].first if ranges else None
