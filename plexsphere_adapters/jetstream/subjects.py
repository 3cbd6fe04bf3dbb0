"""Audiences as subjects: `plexsphere.node.events.<domain>.<node>`, and `….<domain>.all` for a whole Domain."""

from functools import lru_cache

from plexsphere_domain.kernel.ids import DomainId, NodeId, parse_id
from plexsphere_domain.mesh.bus.announcements import Audience, ToDomain, ToNode

PREFIX = "plexsphere.node.events"
ALL = f"{PREFIX}.>"


def subject_of(audience: Audience) -> str:
    return f"{PREFIX}.{audience.domain}.{audience.node if isinstance(audience, ToNode) else 'all'}"


@lru_cache(maxsize=65_536)
def audience_of(subject: str) -> Audience | None:
    """Whom a subject addresses, None for a subject that no audience has."""
    domain_id, _, addressee = subject.removeprefix(PREFIX + ".").partition(".")
    try:
        domain = DomainId(parse_id(domain_id))
        audience = ToDomain(domain) if addressee == "all" else ToNode(domain, NodeId(parse_id(addressee)))
    except ValueError:
        return None
    return audience if subject == subject_of(audience) else None
