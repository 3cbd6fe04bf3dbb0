"""How much still lives in what is to be deleted."""

from collections.abc import Mapping

from attrs import asdict, frozen


@frozen(kw_only=True)
class _Counts:
    def __str__(self) -> str:
        return ", ".join(f"{name}={count}" for name, count in self.as_members().items())

    def __bool__(self) -> bool:
        """Whether there is anything at all."""
        return any(self.as_members().values())

    def as_members(self) -> Mapping[str, int]:
        return asdict(self)


@frozen(kw_only=True)
class DomainChildCounts(_Counts):
    """The children that keep a Domain from being deleted. `identities` are users and service identities."""

    projects: int = 0
    groups: int = 0
    identities: int = 0
    idp_bindings: int = 0
    nodes: int = 0


@frozen(kw_only=True)
class ProjectChildCounts(_Counts):
    """The children that keep a Project from being deleted.

    `relation_tuples` are those that an operator granted; the edges that plexsphere itself derives from the Project
    (to its Domain, to its owner) go with it and are not counted.
    """

    resources: int = 0
    nodes: int = 0
    relation_tuples: int = 0
