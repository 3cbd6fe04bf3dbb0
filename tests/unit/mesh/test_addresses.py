"""The allocator against the plainest model there is: the sorted set of all host addresses that are not taken."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.mesh.addresses.model import AddressRange, Network, free_ranges, hosts, lowest_free

small_networks = st.builds(
    lambda base, length: ip_network((base, length), strict=False),
    st.integers(0, 2**32 - 1).map(IPv4Address),
    st.integers(22, 32),
)


@pytest.mark.parametrize(
    ("network", "first", "last"),
    [
        ("100.64.0.0/10", "100.64.0.1", "100.127.255.254"),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2"),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1"),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7"),
        ("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff"),
        ("fd00::/127", "fd00::", "fd00::1"),
        ("fd00::9/128", "fd00::9", "fd00::9"),
    ],
)
def test_the_hosts_of_a_prefix(network: str, first: str, last: str) -> None:
    assert hosts(ip_network(network)) == AddressRange(ip_address(first), ip_address(last))


@given(small_networks)
def test_hosts_are_those_of_the_standard_library(network: IPv4Network) -> None:
    reference = list(network.hosts())
    assert hosts(network) == AddressRange(reference[0], reference[-1])


@given(small_networks, st.lists(small_networks, max_size=4), st.sets(st.integers(0, 1023), max_size=20))
def test_a_pool_is_its_hosts_less_what_is_reserved_or_taken(
    network: IPv4Network, reserved: list[Network], picks: set[int]
) -> None:
    reserved = [*reserved, ip_network((network[0], min(32, network.prefixlen + 3)))]
    taken = {network[pick % network.num_addresses] for pick in picks}
    ranges = free_ranges(hosts(network), reserved=reserved, taken=taken)
    expected = {host for host in network.hosts() if host not in taken and not any(host in one for one in reserved)}
    listed = [IPv4Address(n) for one in ranges for n in range(int(one.first), int(one.last) + 1)]
    assert listed == sorted(expected)
    assert all(int(lower.last) + 1 < int(upper.first) for lower, upper in pairwise(ranges))


@given(small_networks, st.sets(st.integers(0, 1023), max_size=20))
def test_the_lowest_free_address(network: IPv4Network, picks: set[int]) -> None:
    taken = {network[pick % network.num_addresses] for pick in picks}
    assert lowest_free(hosts(network), taken=taken) == min(set(network.hosts()) - taken, default=None)


def test_a_pool_of_two_to_the_sixty_four_addresses_is_one_range() -> None:
    pool = hosts(IPv6Network("fd00::/64"))
    assert free_ranges(pool, reserved=[ip_network("10.0.0.0/8")], taken=[ip_address("10.0.0.1")]) == (pool,)
    assert lowest_free(pool, taken=[ip_address("fd00::1")]) == ip_address("fd00::2")


def test_a_range_runs_upwards_within_one_family() -> None:
    with pytest.raises(ValueError):
        AddressRange(ip_address("10.0.0.2"), ip_address("10.0.0.1"))
    with pytest.raises(ValueError):
        AddressRange(ip_address("10.0.0.2"), ip_address("fd00::1"))
