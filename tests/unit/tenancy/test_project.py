from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from plexsphere_domain.kernel.ids import DomainId, ProjectId
from plexsphere_domain.tenancy.cidr import MeshCidr
from plexsphere_domain.tenancy.counts import ProjectChildCounts
from plexsphere_domain.tenancy.errors import EmptyPatch
from plexsphere_domain.tenancy.projects.errors import InvalidProject, ProjectNotEmpty, SubRangeInvalidatesAllocation
from plexsphere_domain.tenancy.projects.model import NewProject, Project, ProjectPatch

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
ASKED = NewProject(
    domain_id=DomainId(UUID("018f3c1e-0000-7000-8000-000000000001")),
    name="Web",
    slug="web",
    sub_range_cidr="100.64.4.0/24",
)


def created(new: NewProject = ASKED) -> Project:
    return Project.create(new, id=ProjectId(UUID("018f3c1e-0000-7000-8000-000000000002")), now=NOW)


def test_a_project_reserves_what_it_asks_for() -> None:
    assert created().sub_range == MeshCidr.parse("100.64.4.0/24")
    assert created(evolve(ASKED, sub_range_cidr=None)).sub_range is None


@pytest.mark.parametrize("fault", [{"name": ""}, {"slug": "x y"}, {"description": " "}, {"sub_range_cidr": ""}])
def test_a_fault_is_refused_by_its_field(fault: dict[str, Any]) -> None:
    with pytest.raises(InvalidProject) as refused:
        created(evolve(ASKED, **fault))
    assert refused.value.field == next(iter(fault))


def test_a_reservation_lies_inside_the_pool() -> None:
    created().fits(MeshCidr.parse("100.64.0.0/16"))
    with pytest.raises(InvalidProject):
        created().fits(MeshCidr.parse("100.64.4.0/25"))
    with pytest.raises(InvalidProject):
        created().fits(MeshCidr.parse("fd00::/64"))


def test_a_reservation_is_resized_released_or_kept() -> None:
    assert created().patched(ProjectPatch(sub_range_cidr="100.64.4.0/25"), now=LATER).sub_range == MeshCidr.parse(
        "100.64.4.0/25"
    )
    assert created().patched(ProjectPatch(release_sub_range=True), now=LATER).sub_range is None
    assert created().patched(ProjectPatch(name="Shop"), now=LATER).sub_range == created().sub_range


def test_releasing_nothing_is_no_fault() -> None:
    project = created(evolve(ASKED, sub_range_cidr=None))
    assert project.patched(ProjectPatch(release_sub_range=True), now=LATER).updated_at == LATER


@pytest.mark.parametrize("members", [{}, {"release_sub_range": False}])
def test_a_patch_names_something(members: dict[str, Any]) -> None:
    with pytest.raises(EmptyPatch):
        ProjectPatch(**members)


def test_reserving_and_releasing_exclude_each_other() -> None:
    with pytest.raises(SubRangeInvalidatesAllocation) as refused:
        created().patched(ProjectPatch(sub_range_cidr="100.64.5.0/24", release_sub_range=True), now=LATER)
    assert refused.value.code == "sub_range_invalidates_allocation"


def test_a_project_that_is_not_empty_tells_the_counts() -> None:
    refusal = ProjectNotEmpty(ProjectChildCounts(resources=1, nodes=2, relation_tuples=3))
    assert "resources=1, nodes=2, relation_tuples=3" in refusal.detail
    assert refusal.members == {"project_child_counts": {"resources": 1, "nodes": 2, "relation_tuples": 3}}
