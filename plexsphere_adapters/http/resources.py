"""Resources: the tag `resource`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from plexsphere_adapters.http.endpoint import Answered
from plexsphere_adapters.http.identifiers import ProjectInPath, ResourceInPath
from plexsphere_adapters.http.operation import (
    NO_CONTENT,
    Call,
    Gate,
    Operation,
    Paging,
    accepted,
    created,
    ok,
    operation,
)
from plexsphere_adapters.http.wire import Expected, JsonObject, Length, Shown, wire
from plexsphere_domain.authz.model import ObjectType, Permission
from plexsphere_domain.kernel.paging import Page
from plexsphere_domain.mesh.addresses.errors import AllocatorContention
from plexsphere_domain.tenancy.ports import TenancyTransaction
from plexsphere_domain.tenancy.projects.errors import ProjectNotFound
from plexsphere_domain.tenancy.resources.errors import (
    BlueprintNotFound,
    CloudCredentialNotFound,
    InvalidResource,
    InvalidResourceOrigin,
    MisplacedField,
    ResourceExternalRefConflict,
    ResourceNotFound,
    ResourcesNotProvisioned,
)
from plexsphere_domain.tenancy.resources.model import Draft, Origin, Resource
from plexsphere_domain.tenancy.resources.service import Resources

KindText = Annotated[str, Length(1, 64)]


class ResourceOrigin(StrEnum):
    ADOPTED = Origin.ADOPTED.value
    PROVISIONED = Origin.PROVISIONED.value


class ProvisionedResourcePhase(StrEnum):
    PENDING = "Pending"
    PROVISIONING = "Provisioning"
    ENROLLING = "Enrolling"
    READY = "Ready"
    FAILED = "Failed"
    DEREGISTERING = "Deregistering"
    DEPROVISIONING = "Deprovisioning"
    DELETED = "Deleted"


@wire(closed=True)
class ResourceCreateRequest:
    """A Resource that exists already (`adopted`), or one that the broker is to make (`provisioned`)."""

    origin: Annotated[Any, Expected(), Shown(ResourceOrigin)] = None
    kind: KindText
    external_ref: Annotated[str | None, Length(1, 256)] = None
    blueprint_version_id: UUID | None = None
    cloud_credential_id: UUID | None = None
    parameters: JsonObject | None = None

    def draft(self) -> Draft:
        return Draft(
            origin=self.origin,
            kind=self.kind,
            external_ref=self.external_ref,
            blueprint_version_id=self.blueprint_version_id,
            cloud_credential_id=self.cloud_credential_id,
            parameters=self.parameters,
        )


@wire
class ResourceProvisioning:
    """How far the broker has come."""

    phase: ProvisionedResourcePhase
    provisioned_resource_id: UUID


@wire
class ResourceResponse:
    """A Resource. `provisioning` is there for provisioned ones only."""

    id: UUID
    project_id: UUID
    domain_id: UUID
    kind: KindText
    origin: ResourceOrigin
    created_at: datetime
    updated_at: datetime
    external_ref: str | None = None
    provisioning: ResourceProvisioning | None = None

    @classmethod
    def of(cls, resource: Resource) -> Self:
        return cls(
            id=resource.id,
            project_id=resource.project_id,
            domain_id=resource.domain_id,
            kind=resource.kind,
            external_ref=resource.external_ref,
            origin=ResourceOrigin(resource.origin),
            created_at=resource.created_at,
            updated_at=resource.updated_at,
        )


CREATED = created(ResourceResponse, location="/v1/resources/{id}")
ACCEPTED = accepted(ResourceResponse, location="/v1/resources/{id}")
TEARDOWN_BEGUN = accepted()


@operation(
    "POST",
    "/v1/projects/{project_id}/resources",
    id="CreateResource",
    tag="resource",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.DEPLOY, on="project_id"),
    body=ResourceCreateRequest,
    returns=(CREATED, ACCEPTED),
    problems=[
        InvalidResourceOrigin,
        MisplacedField,
        InvalidResource,
        ProjectNotFound,
        ResourceExternalRefConflict,
        BlueprintNotFound,
        CloudCredentialNotFound,
        ResourcesNotProvisioned,
    ],
)
async def create_resource(
    call: Call[ResourceCreateRequest], resources: Resources[TenancyTransaction], project_id: ProjectInPath
) -> Answered:
    """Adopt a Resource into a Project, or have one provisioned."""
    resource = await resources.create(project_id, call.body.draft().declaration(), by=call.actor)
    answer = CREATED if resource.origin is Origin.ADOPTED else ACCEPTED
    return Answered(answer=answer, value=ResourceResponse.of(resource))


@operation(
    "GET",
    "/v1/projects/{project_id}/resources",
    id="ListProjectResources",
    tag="resource",
    gate=Gate(type=ObjectType.PROJECT, permission=Permission.OBSERVE, on="project_id"),
    paging=Paging(name="ResourceList", scope="project_id"),
    returns=ok(ResourceResponse),
)
async def list_project_resources(
    call: Call[None], resources: Resources[TenancyTransaction], project_id: ProjectInPath
) -> Page[ResourceResponse]:
    """List the Resources of a Project that the caller may observe, in order of creation."""
    return (await resources.page(project_id, call.page, by=call.actor)).map(ResourceResponse.of)


@operation(
    "GET",
    "/v1/resources/{id}",
    id="GetResource",
    tag="resource",
    gate=Gate(type=ObjectType.RESOURCE, permission=Permission.OBSERVE, on="id"),
    returns=ok(ResourceResponse),
    problems=[ResourceNotFound],
)
async def get_resource(
    call: Call[None], resources: Resources[TenancyTransaction], id: ResourceInPath
) -> ResourceResponse:
    """Read a Resource."""
    return ResourceResponse.of(await resources.get(id))


@operation(
    "DELETE",
    "/v1/resources/{id}",
    id="DeleteResource",
    tag="resource",
    gate=Gate(type=ObjectType.RESOURCE, permission=Permission.DEPLOY, on="id"),
    returns=(NO_CONTENT, TEARDOWN_BEGUN),
    problems=[ResourceNotFound, ResourcesNotProvisioned, AllocatorContention],
)
async def delete_resource(call: Call[None], resources: Resources[TenancyTransaction], id: ResourceInPath) -> Answered:
    """Delete an adopted Resource together with its Nodes, or begin the teardown of a provisioned one."""
    resource = await resources.delete(id, by=call.actor)
    return Answered(answer=NO_CONTENT if resource.origin is Origin.ADOPTED else TEARDOWN_BEGUN)


OPERATIONS: tuple[Operation, ...] = (create_resource, list_project_resources, get_resource, delete_resource)
