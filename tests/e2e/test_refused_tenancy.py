"""Domains, Projects and Resources that cannot be, or cannot go."""

import pytest

from tests.e2e.client import Json, Operator, Place, slug
from tests.e2e.stage import UNKNOWN, Stage, Wrong, each, problem_in

DOMAINS, PROJECTS = "/v1/domains", "/v1/projects"
FREE = "192.168.0.0/30"
POLICY = {"heartbeat_interval": "30s", "stale_after": "90s", "unreachable_after": "300s"}


def domain(**other: object) -> Json:
    """A Domain that could be created, were it not for `other`."""
    return {"name": "A Domain", "slug": slug(), "mesh_cidr": FREE, **other}


def domains(what: str, code: str, **other: object) -> Wrong:
    return Wrong(what, 400, code, lambda on: on.post(DOMAINS, domain(**other)))


def policies(what: str, **other: object) -> Wrong:
    return domains(what, "invalid_reachability_policy", reachability={**POLICY, **other})


def projects(what: str, status: int, code: str, **other: object) -> Wrong:
    return Wrong(what, status, code, lambda on: on.post(PROJECTS, project(on.place, **other)))


def project(place: Place, **other: object) -> Json:
    return {"domain_id": place.domain["id"], "name": "A Project", "slug": slug(), **other}


def resources(what: str, status: int, code: str, asked: Json) -> Wrong:
    return Wrong(what, status, code, lambda on: on.post(f"{on.project}/resources", asked))


WRONG = [
    domains("a blank name", "invalid_domain", name="  "),
    domains("a long name", "invalid_domain", name="x" * 256),
    domains("a slug in capitals", "invalid_domain", slug="Domain"),
    domains("a slug with a dash too many", "invalid_domain", slug="a--b"),
    domains("a long slug", "invalid_domain", slug="a" * 65),
    domains("a blank description", "invalid_domain", description=" "),
    domains("a region that is no slug", "invalid_domain", region="Zürich"),
    domains("no prefix at all", "invalid_domain", mesh_cidr="10.0.0.0"),
    domains("host bits in the prefix", "invalid_domain", mesh_cidr="192.168.0.1/30"),
    domains("a netmask for a length", "invalid_domain", mesh_cidr="192.168.0.0/255.255.255.252"),
    domains("a prefix in another spelling", "invalid_domain", mesh_cidr="fd00:0::/64"),
    domains("a prefix of other digits", "invalid_domain", mesh_cidr="١٩٢.168.0.0/30"),
    Wrong(
        "a policy of one duration",
        400,
        "invalid_reachability_policy",
        lambda on: on.post(DOMAINS, domain(reachability={"heartbeat_interval": "30s"})),
    ),
    policies("heartbeats too often", heartbeat_interval="9s"),
    policies("stale too early", stale_after="89s"),
    policies("unreachable too early", unreachable_after="179s"),
    policies("unreachable too late", unreachable_after="1h1s"),
    policies("one zero among others", stale_after="0s"),
    policies("a duration without unit", stale_after="90"),
    domains("a duration in seconds", "invalid_body", reachability={**POLICY, "stale_after": 90}),
    Wrong(
        "a slug that is taken",
        409,
        "domain_slug_conflict",
        lambda on: on.post(DOMAINS, domain(slug=on.place.domain["slug"])),
    ),
    Wrong(
        "a pool that is taken",
        409,
        "mesh_cidr_overlap",
        lambda on: on.post(DOMAINS, domain(mesh_cidr=on.place.domain["mesh_cidr"])),
    ),
    Wrong(
        "a pool that contains another",
        409,
        "mesh_cidr_overlap",
        lambda on: on.post(DOMAINS, domain(mesh_cidr="10.0.0.0/8")),
    ),
    Wrong(
        "a change of the slug",
        400,
        "slug_immutable",
        lambda on: on.patch(on.domain, {"slug": on.place.domain["slug"], "name": "Another"}),
    ),
    Wrong("a change of nothing", 400, "empty_patch", lambda on: on.patch(on.domain, {})),
    Wrong("a change of what is unknown", 400, "invalid_body", lambda on: on.patch(on.domain, {"nmae": "Another"})),
    Wrong(
        "a change to a part of a policy",
        400,
        "invalid_reachability_policy",
        lambda on: on.patch(on.domain, {"reachability": {"stale_after": "90s"}}),
    ),
    Wrong(
        "a change to another's pool",
        409,
        "mesh_cidr_overlap",
        lambda on: on.patch(f"{DOMAINS}/{on.elsewhere.domain['id']}", {"mesh_cidr": "10.0.0.0/8"}),
    ),
    Wrong(
        "a change that leaves a Node out",
        422,
        "mesh_cidr_invalidates_allocation",
        lambda on: on.patch(on.domain, {"mesh_cidr": FREE}),
        told="node",
    ),
    projects("a blank name of a Project", 400, "invalid_project", name=""),
    projects("an underscore in a Project's slug", 400, "invalid_project", slug="a_b"),
    projects("a range outside of the pool", 400, "invalid_project", sub_range_cidr=FREE),
    projects("a Domain that is no UUID", 400, "invalid_body", domain_id="one"),
    projects("a Domain that does not exist", 409, "parent_domain_missing", domain_id=UNKNOWN),
    Wrong(
        "a Project's slug that is taken",
        409,
        "project_slug_conflict",
        lambda on: on.post(PROJECTS, project(on.place, slug=on.place.project["slug"])),
    ),
    Wrong(
        "a change of a Project's slug",
        400,
        "slug_immutable",
        lambda on: on.patch(on.project, {"slug": on.place.project["slug"]}),
    ),
    Wrong("a change of nothing in a Project", 400, "empty_patch", lambda on: on.patch(on.project, {})),
    Wrong(
        "to reserve and to release at once",
        422,
        "sub_range_invalidates_allocation",
        lambda on: on.patch(on.project, {"sub_range_cidr": on.place.domain["mesh_cidr"], "release_sub_range": True}),
    ),
    resources("no origin", 400, "invalid_resource_origin", {"kind": "vm"}),
    resources("an unknown origin", 400, "invalid_resource_origin", {"kind": "vm", "origin": "stolen"}),
    resources("no kind", 400, "invalid_body", {"origin": "adopted"}),
    resources("a blank kind", 400, "invalid_resource", {"origin": "adopted", "kind": " "}),
    resources("a blank reference", 400, "invalid_resource", {"origin": "adopted", "kind": "vm", "external_ref": " "}),
    resources("an unknown member", 400, "invalid_body", {"origin": "adopted", "kind": "vm", "name": "one"}),
    resources(
        "a member of the other origin",
        400,
        "invalid_body",
        {"origin": "adopted", "kind": "vm", "blueprint_version_id": UNKNOWN},
    ),
    resources(
        "a handle for what is provisioned",
        400,
        "invalid_resource",
        {
            "origin": "provisioned",
            "kind": "vm",
            "external_ref": "one",
            "blueprint_version_id": UNKNOWN,
            "cloud_credential_id": UNKNOWN,
        },
    ),
    Wrong(
        "a Resource in a Project that does not exist",
        404,
        "project_not_found",
        lambda on: on.post(f"{PROJECTS}/{UNKNOWN}/resources", {"origin": "adopted", "kind": "vm"}),
    ),
    Wrong(
        "a reference that is taken",
        409,
        "resource_external_ref_conflict",
        lambda on: on.post(
            f"{on.project}/resources",
            {"origin": "adopted", "kind": "vm", "external_ref": on.place.resource["external_ref"]},
        ),
    ),
]


@each(WRONG)
async def test_what_is_asked_for(wrong: Wrong, stage: Stage) -> None:
    await wrong.is_refused(stage)


async def test_what_is_not_empty_tells_what_it_holds(operator: Operator, stage: Stage) -> None:
    place = await operator.place()
    await operator.node(place)
    of_project, of_domain = f"{PROJECTS}/{place.project['id']}", f"{DOMAINS}/{place.domain['id']}"
    refused = problem_in(await stage.http.send(stage.delete(of_project)), 409, "project_not_empty")
    assert refused["project_child_counts"] == {"resources": 1, "nodes": 1, "relation_tuples": 0}
    assert "resources=1, nodes=1, relation_tuples=0" in refused["detail"]
    refused = problem_in(await stage.http.send(stage.delete(of_domain)), 409, "domain_not_empty")
    assert refused["child_counts"] == {"projects": 1, "groups": 0, "identities": 0, "idp_bindings": 0, "nodes": 1}


async def test_siblings_do_not_share_addresses(operator: Operator, stage: Stage) -> None:
    made = await operator.domain(prefix=22)
    base = made["mesh_cidr"].removesuffix("/22")
    first = await operator.project(made, sub_range_cidr=f"{base}/26")
    second = await operator.project(made)
    taken = {"domain_id": made["id"], "name": "P", "slug": slug(), "sub_range_cidr": f"{base}/25"}
    problem_in(await stage.http.send(stage.post(PROJECTS, taken)), 409, "sub_range_overlap")

    grown = stage.patch(f"{PROJECTS}/{second['id']}", {"sub_range_cidr": f"{base}/25"})
    told = problem_in(await stage.http.send(grown), 422, "sub_range_invalidates_allocation")
    assert first["id"] in told["detail"]
    assert f"{base}/26" in told["detail"]

    moved = stage.patch(f"{DOMAINS}/{made['id']}", {"mesh_cidr": FREE})
    told = problem_in(await stage.http.send(moved), 422, "mesh_cidr_invalidates_subrange")
    assert first["id"] in told["detail"]


@pytest.mark.parametrize("member", ["name", "slug", "mesh_cidr"])
async def test_what_is_required_is_named(member: str, stage: Stage) -> None:
    asked = {name: value for name, value in domain().items() if name != member}
    told = problem_in(await stage.http.send(stage.post(DOMAINS, asked)), 400, "invalid_body")
    assert member in told["detail"]


async def test_nothing_of_what_was_refused_was_done(stage: Stage) -> None:
    assert (await stage.http.send(stage.get(stage.domain))).json() == stage.place.domain
    assert (await stage.http.send(stage.get(stage.project))).json() == stage.place.project
    assert (await stage.http.send(stage.get(f"{stage.project}/resources"))).json()["items"] == [stage.place.resource]
