"""The refusals that Domains and Projects share."""

from typing import ClassVar

from attrs import define

from plexsphere_domain.kernel.errors import Invalid


@define(eq=False)
class InvalidField(Invalid):
    """One field of an aggregate breaks one of its rules. Each aggregate has its own subclass, with its own code."""

    code: ClassVar[str] = "invalid_body"

    field: str
    rule: str

    @property
    def detail(self) -> str:
        return f"{self.field} {self.rule}"


class SlugImmutable(Invalid):
    """A slug is part of the addresses that others keep: it is chosen once."""

    code = "slug_immutable"

    @property
    def detail(self) -> str:
        return "slug cannot be changed"


class EmptyPatch(Invalid):
    """The patch names nothing that could change."""

    code = "empty_patch"

    @property
    def detail(self) -> str:
        return "the patch names no field that can be changed"
