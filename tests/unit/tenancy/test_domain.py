from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from plexsphere_domain.kernel.ids import DomainId
from plexsphere_domain.tenancy.counts import DomainChildCounts
from plexsphere_domain.tenancy.domains.errors import DomainNotEmpty, InvalidDomain, InvalidReachabilityPolicy
from plexsphere_domain.tenancy.domains.model import Domain, DomainPatch, NewDomain
from plexsphere_domain.tenancy.domains.reachability import ReachabilityDraft
from plexsphere_domain.tenancy.errors import EmptyPatch

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
ID = DomainId(UUID("018f3c1e-0000-7000-8000-000000000001"))
ASKED = NewDomain(name="Acme", slug="acme", mesh_cidr="100.64.0.0/16", region="eu-west", description="Rockets")


def created(new: NewDomain = ASKED) -> Domain:
    return Domain.create(new, id=ID, now=NOW)


def test_a_domain_is_created_as_asked() -> None:
    domain = created()
    assert (domain.name, domain.slug, domain.description, domain.region) == ("Acme", "acme", "Rockets", "eu-west")
    assert str(domain.mesh_cidr) == "100.64.0.0/16"
    assert domain.created_at == domain.updated_at == NOW


def test_an_empty_region_pins_nowhere() -> None:
    assert created(evolve(ASKED, region="")).region is None


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "   "},
        {"slug": "Not Kebab"},
        {"mesh_cidr": "10.0.0.1/8"},
        {"description": "  "},
        {"region": "EU"},
    ],
)
def test_a_fault_is_refused_by_its_field(fault: dict[str, Any]) -> None:
    with pytest.raises(InvalidDomain) as refused:
        created(evolve(ASKED, **fault))
    assert refused.value.field == next(iter(fault))
    assert refused.value.detail.startswith(refused.value.field)


def test_a_patch_changes_what_it_names_and_nothing_else() -> None:
    patched = created().patched(DomainPatch(name="Acme Ltd"), now=LATER)
    assert patched == evolve(created(), name=patched.name, updated_at=LATER)
    assert patched.name == "Acme Ltd"


def test_an_empty_description_clears_it() -> None:
    assert created().patched(DomainPatch(description=""), now=LATER).description == ""


def test_a_patch_that_changes_nothing_still_moves_updated_at() -> None:
    assert created().patched(DomainPatch(name="Acme"), now=LATER).updated_at == LATER


def test_a_policy_of_zeros_resets_to_the_default() -> None:
    strict = created(
        evolve(
            ASKED, reachability=ReachabilityDraft(heartbeat_interval="10s", stale_after="30s", unreachable_after="1m")
        )
    )
    patched = strict.patched(DomainPatch(reachability=ReachabilityDraft()), now=LATER)
    assert str(patched.reachability.stale_after) == "90s"


@pytest.mark.parametrize(
    ("patch", "refusal"),
    [
        (DomainPatch(name=""), InvalidDomain),
        (DomainPatch(region=""), InvalidDomain),
        (DomainPatch(description=" "), InvalidDomain),
        (DomainPatch(mesh_cidr="acme"), InvalidDomain),
        (DomainPatch(reachability=ReachabilityDraft(stale_after="1m")), InvalidReachabilityPolicy),
    ],
)
def test_a_patch_is_refused(patch: DomainPatch, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        created().patched(patch, now=LATER)


def test_a_patch_names_something() -> None:
    with pytest.raises(EmptyPatch):
        DomainPatch()


def test_a_domain_that_is_not_empty_tells_the_counts() -> None:
    refusal = DomainNotEmpty(DomainChildCounts(projects=2, nodes=1))
    assert refusal.members == {
        "child_counts": {"projects": 2, "groups": 0, "identities": 0, "idp_bindings": 0, "nodes": 1}
    }
    assert "projects=2" in refusal.detail
