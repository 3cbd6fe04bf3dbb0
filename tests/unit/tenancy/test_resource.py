import pytest

from plexsphere_domain.tenancy.resources.errors import InvalidResource
from plexsphere_domain.tenancy.resources.model import Declaration, Origin


def test_an_adopted_resource_is_declared_trimmed() -> None:
    declared = Declaration.read(origin=Origin.ADOPTED, kind=" vm ", external_ref=" urn:acme:vm:7 ")
    assert (declared.kind, declared.external_ref) == ("vm", "urn:acme:vm:7")


@pytest.mark.parametrize(
    ("origin", "kind", "external_ref", "field"),
    [
        (Origin.ADOPTED, " ", None, "kind"),
        (Origin.ADOPTED, "k" * 65, None, "kind"),
        (Origin.ADOPTED, "vm", " ", "external_ref"),
        (Origin.ADOPTED, "vm", "r" * 257, "external_ref"),
        (Origin.ADOPTED, "vm", "a\x00b", "external_ref"),
        (Origin.PROVISIONED, "vm", "mine", "external_ref"),
    ],
)
def test_a_fault_is_refused_by_its_field(origin: Origin, kind: str, external_ref: str | None, field: str) -> None:
    with pytest.raises(InvalidResource) as refused:
        Declaration.read(origin=origin, kind=kind, external_ref=external_ref)
    assert refused.value.field == field
