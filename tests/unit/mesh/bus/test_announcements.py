from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_domain.kernel.ids import DomainId, EventId, NodeId
from plexsphere_domain.mesh.bus.announcements import (
    ANNOUNCED,
    Announcement,
    Fact,
    ToDomain,
    ToNode,
    Unannounceable,
    announce,
)

DOMAIN = DomainId(UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0b1"))
NODE = NodeId(UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a3"))
NOW = datetime(2026, 5, 27, tzinfo=UTC)
EVENT = EventId(UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a0"))

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def fact(type: str, domain_id: DomainId | None = DOMAIN, **payload: Any) -> Fact:
    return Fact(
        id=EVENT, type=type, domain_id=domain_id, payload=payload, occurred_at=datetime(2026, 5, 27, tzinfo=UTC)
    )


REGISTERED = fact(
    "NodeRegistered",
    node_id=str(NODE),
    project_id="p",
    resource_id="r",
    mesh_ip="10.42.0.7",
    public_key="A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
)


@pytest.mark.parametrize(
    ("told", "type", "audience", "payload"),
    [
        (
            REGISTERED,
            "peer_registered",
            ToDomain(DOMAIN),
            {
                "peer_node_id": str(NODE),
                "mesh_ip": "10.42.0.7",
                "public_key": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
            },
        ),
        (
            fact("NodeDeregistered", node_id=str(NODE)),
            "peer_deregistered",
            ToDomain(DOMAIN),
            {"peer_node_id": str(NODE)},
        ),
        (
            fact("NodeStateUpdated", node_id=str(NODE)),
            "node_state_updated",
            ToNode(DOMAIN, NODE),
            {"node_id": str(NODE)},
        ),
        (fact("DomainMeshChanged"), "node_state_updated", ToDomain(DOMAIN), {"domain_id": str(DOMAIN)}),
    ],
)
def test_the_table(told: Fact, type: str, audience: ToNode | ToDomain, payload: dict[str, str]) -> None:
    assert announce(told) == Announcement(id=EVENT, type=type, audience=audience, payload=payload)


def test_other_facts_concern_no_node() -> None:
    assert announce(fact("ProjectCreated", name="x")) is None


@pytest.mark.parametrize(
    "incomplete",
    [
        fact("NodeStateUpdated"),
        fact("NodeStateUpdated", node_id=7),
        fact("NodeStateUpdated", node_id="nobody"),
        fact("NodeStateUpdated", None, node_id=str(NODE)),
        fact("NodeRegistered", node_id=str(NODE), mesh_ip="10.42.0.7"),
        fact("NodeRegistered", node_id=str(NODE), mesh_ip="", public_key="k"),
    ],
)
def test_an_incomplete_fact_cannot_be_announced(incomplete: Fact) -> None:
    with pytest.raises(Unannounceable):
        announce(incomplete)


@given(st.sampled_from(sorted(ANNOUNCED)), st.dictionaries(st.sampled_from(["node_id", "mesh_ip", "public_key"]), json))
def test_any_payload_is_announced_or_refused(type: str, payload: dict[str, Any]) -> None:
    try:
        announcement = announce(fact(type, **payload))
    except Unannounceable:
        return
    assert announcement is not None
    if isinstance(announcement.audience, ToNode):
        assert announcement.payload == {"node_id": str(announcement.audience.node)}
