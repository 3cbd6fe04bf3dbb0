"""Which mesh address a new Node gets.

 1. A Project that reserved a sub-range is served from that sub-range and from nothing else (strict mode).
 2. Every other Project is served from the flat pool: the Domain's prefix less all reserved sub-ranges of the Domain.
 3. Of a prefix, the hosts are given out. IPv4 loses the network and the broadcast address, except that /31 gives both
    of its addresses (RFC 3021) and /32 its only one. IPv6 loses the subnet-router anycast address (RFC 4291,
    section 2.6.1), except that /127 gives both (RFC 6164) and /128 its only one.
 4. The lowest free address wins. An address is free again as soon as its Node is retired.

The free addresses of a pool are kept as maximal ranges, so that an almost empty /10 is one entry, and the lowest
address is found without looking at any other: taking one shortens the first range, releasing one joins its neighbours.
"""

from bisect import bisect_right
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

    def without_first(self) -> "AddressRange | None":
        """What is left when the lowest address is taken; None where it was the only one."""
        return AddressRange(self.first + 1, self.last) if self.first != self.last else None


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


class FreeList:
    """The free ranges of one pool, in memory. `take` and `release` keep them disjoint, maximal and ascending."""

    __slots__ = ("_first", "_last", "_make", "_within")

    def __init__(
        self, within: AddressRange, *, reserved: Iterable[Network] = (), taken: Iterable[Address] = ()
    ) -> None:
        ranges = free_ranges(within, reserved=reserved, taken=taken)
        self._within = within
        self._make = type(within.first)
        self._first = [int(one.first) for one in ranges]
        self._last = [int(one.last) for one in ranges]

    def take(self) -> Address | None:
        """The lowest free address, taken; None where there is none."""
        if not self._first:
            return None
        lowest = self._first[0]
        if lowest == self._last[0]:
            del self._first[0], self._last[0]
        else:
            self._first[0] = lowest + 1
        return self._make(lowest)

    def release(self, address: Address) -> None:
        """Make a taken address of this pool free again. One outside the pool, or free already, changes nothing."""
        number = int(address)
        at = bisect_right(self._first, number)
        if address not in self._within or (at and self._last[at - 1] >= number):
            return
        joins_below = at > 0 and self._last[at - 1] == number - 1
        joins_above = at < len(self._first) and self._first[at] == number + 1
        if joins_below and joins_above:
            self._last[at - 1] = self._last[at]
            del self._first[at], self._last[at]
        elif joins_below:
            self._last[at - 1] = number
        elif joins_above:
            self._first[at] = number
        else:
            self._first.insert(at, number)
            self._last.insert(at, number)

    @property
    def ranges(self) -> tuple[AddressRange, ...]:
        return tuple(
            AddressRange(self._make(first), self._make(last))
            for first, last in zip(self._first, self._last, strict=True)
        )
