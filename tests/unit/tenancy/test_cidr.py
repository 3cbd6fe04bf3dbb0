from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.naming import Malformed

networks = st.one_of(
    st.builds(
        lambda address, length: ip_network((address, length), strict=False),
        st.ip_addresses(v=4),
        st.integers(0, 32),
    ),
    st.builds(
        lambda address, length: ip_network((address, length), strict=False),
        st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None),
        st.integers(97, 128),
    ),
).map(MeshCidr)


@pytest.mark.parametrize("text", ["100.64.0.0/10", "10.0.0.1/32", "0.0.0.0/0", "fd00::/8", "2001:db8::1/128"])
def test_the_canonical_spelling_is_echoed(text: str) -> None:
    assert str(MeshCidr.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0",
        "10.0.0.1/24",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/08",
        "010.0.0.0/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.255.255.255",
        " 10.0.0.0/8",
        "FD00::/8",
        "fd00:0:0::/8",
        "fd00::1/8",
        "fe80::%eth0/64",
        "::ffff:a00:0/104",
        "::ffff:10.0.0.0/104",
        "::/0",
        "10.0.0.0/8\n",
        "١٠.0.0.0/8",
        "acme",
    ],
)
def test_every_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        MeshCidr.parse(text)


@given(networks)
def test_what_is_shown_can_be_read_back(cidr: MeshCidr) -> None:
    assert MeshCidr.parse(str(cidr)) == cidr


@given(networks, networks)
def test_two_prefixes_overlap_exactly_when_one_contains_the_other(one: MeshCidr, other: MeshCidr) -> None:
    assert one.overlaps(other) == other.overlaps(one) == (one.contains(other) or other.contains(one))


@given(networks)
def test_a_prefix_contains_itself_and_its_ends(cidr: MeshCidr) -> None:
    assert cidr.contains(cidr)
    assert cidr.holds(cidr.network[0])
    assert cidr.holds(cidr.network[-1])


def test_families_never_meet() -> None:
    four, six = MeshCidr(IPv4Network("0.0.0.0/0")), MeshCidr(IPv6Network("2000::/3"))
    assert not four.overlaps(six)
    assert not four.contains(six)
    assert not six.contains(four)
    assert not four.holds(IPv6Address("2000::1"))
    assert not six.holds(IPv4Address("10.0.0.1"))


def test_a_half_is_contained_and_its_neighbour_is_not() -> None:
    pool, half, beyond = (MeshCidr.parse(text) for text in ("10.0.0.0/24", "10.0.0.128/25", "10.0.1.0/25"))
    assert pool.contains(half)
    assert not half.contains(pool)
    assert not pool.overlaps(beyond)
    assert pool.holds(ip_address("10.0.0.255"))
