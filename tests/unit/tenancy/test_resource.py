from typing import Any
from uuid import UUID, uuid4

import pytest

from plexsphere_domain.tenancy.errors import InvalidField
from plexsphere_domain.tenancy.resources.errors import InvalidResource, InvalidResourceOrigin, MisplacedField
from plexsphere_domain.tenancy.resources.model import Adoption, Draft, ProvisioningOrder

BLUEPRINT, CREDENTIAL = uuid4(), uuid4()
ORDER: dict[str, Any] = {
    "origin": "provisioned",
    "kind": "vm",
    "blueprint_version_id": BLUEPRINT,
    "cloud_credential_id": CREDENTIAL,
}
ADOPT: dict[str, Any] = {"origin": "adopted", "kind": "vm"}


def test_an_adoption_is_read_trimmed() -> None:
    draft = Draft(origin="adopted", kind=" vm ", external_ref=" urn:acme:vm:7 ")
    assert draft.declaration() == Adoption(kind="vm", external_ref="urn:acme:vm:7")


def test_an_order_is_read() -> None:
    assert Draft(**ORDER).declaration() == ProvisioningOrder(
        kind="vm", blueprint_version_id=BLUEPRINT, cloud_credential_id=CREDENTIAL, parameters={}
    )


@pytest.mark.parametrize("origin", [None, "", "Adopted", "borrowed", 5, ["adopted"], {}])
def test_there_are_two_origins(origin: object) -> None:
    with pytest.raises(InvalidResourceOrigin):
        Draft(origin=origin, kind="vm").declaration()


@pytest.mark.parametrize(
    ("draft", "refusal", "field"),
    [
        (ADOPT | {"kind": " "}, InvalidResource, "kind"),
        (ADOPT | {"kind": "k" * 65}, InvalidResource, "kind"),
        (ADOPT | {"external_ref": " "}, InvalidResource, "external_ref"),
        (ADOPT | {"external_ref": "r" * 257}, InvalidResource, "external_ref"),
        (ADOPT | {"external_ref": "a\x00b"}, InvalidResource, "external_ref"),
        (ADOPT | {"blueprint_version_id": UUID(int=1)}, MisplacedField, "blueprint_version_id"),
        (ADOPT | {"cloud_credential_id": UUID(int=1)}, MisplacedField, "cloud_credential_id"),
        (ADOPT | {"parameters": {}}, MisplacedField, "parameters"),
        (ORDER | {"external_ref": "mine"}, InvalidResource, "external_ref"),
        (ORDER | {"blueprint_version_id": None}, MisplacedField, "blueprint_version_id"),
        (ORDER | {"cloud_credential_id": None}, MisplacedField, "cloud_credential_id"),
        (ORDER | {"kind": ""}, InvalidResource, "kind"),
    ],
)
def test_a_fault_is_refused_by_its_field(draft: dict[str, Any], refusal: type[InvalidField], field: str) -> None:
    with pytest.raises(refusal) as refused:
        Draft(**draft).declaration()
    assert refused.value.field == field
