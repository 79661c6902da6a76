"""工作端：组织与角色."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.accounts import roles
from server.accounts.roles import RoleView
from server.accounts.sessions import Caller
from server.foundation.bounds import RequiredText, Version
from server.foundation.errors import EditedMeanwhile, NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.location import Location
from server.foundation.pages import Page, PageQuery
from server.organizations import changing, desk, party, queries
from server.organizations.changing import CodeTaken
from server.organizations.desk import DeskRow, DeskView
from server.organizations.models import Level, RoleKind
from server.organizations.queries import OrganizationView, PartyOrganizationView
from server.organizations.roles import LastManager, RoleHeld
from server.organizations.tree import HasChildren, MovedIntoItself

routes = Routes("工作端：组织与角色", prefix="/staff")

Name = Annotated[RequiredText, msgspec.Meta(max_length=100)]
LocationText = Annotated[str, msgspec.Meta(max_length=100)]


@routes.get("/desk", errors=[NotAllowed])
async def get_desk(caller: Caller) -> DeskView:
    """工作台：等我处理的全部事项

    按种类给出数量、最早的一件和逾期数，有逾期的在前；`path` 是逐件处理的接口。没有待办的种类不列出。
    """
    return await desk.get_desk(caller.person_id)


class DeskQuery(PageQuery):
    kind: Annotated[str, msgspec.Meta(max_length=32)] | None = None


@routes.get("/desk/items", errors=[NotAllowed])
async def list_desk(caller: Caller, query: DeskQuery) -> Page[DeskRow]:
    """工作台：等我处理的事项，逐件列出，最急的在前

    `kind` 只看一种。
    """
    return await desk.list_desk(caller.person_id, kind=query.kind, page=query)


class CreateOrganization(Strict):
    """Without a code one is made from the parent's; a unit's code is its 统一社会信用代码."""

    parent_id: Id
    level: Level
    name: Name
    code: Annotated[str, msgspec.Meta(max_length=32)] = ""
    location: Location | None = None


@routes.post("/organizations", who=Who.STAFF, status=201, errors=[NotFound, CodeTaken, WrongState])
async def create_organization(caller: Caller, body: CreateOrganization) -> OrganizationView:
    """新建下级组织或单位"""
    return await changing.create_organization(
        caller.person_id,
        parent_id=body.parent_id,
        level=body.level,
        name=body.name,
        code=body.code,
        location=body.location,
    )


class EditOrganization(Strict):
    """What is not given stays as it is."""

    version: Version
    name: Name | None = None
    location: Location | None = None


@routes.patch("/organizations/<organization_id>", who=Who.STAFF, errors=[EditedMeanwhile, WrongState])
async def edit_organization(caller: Caller, organization_id: Id, body: EditOrganization) -> OrganizationView:
    """修改组织名称或位置"""
    return await changing.edit_organization(
        caller.person_id,
        organization_id,
        body.version,
        name=body.name,
        location=body.location,
    )


class Move(Strict):
    version: Version
    parent_id: Id


@routes.post(
    "/organizations/<organization_id>/move", who=Who.STAFF, errors=[EditedMeanwhile, MovedIntoItself, WrongState]
)
async def move_organization(caller: Caller, organization_id: Id, body: Move) -> OrganizationView:
    """把组织及其全部下级移到另一上级之下"""
    return await changing.move_organization(caller.person_id, organization_id, body.version, body.parent_id)


class Close(Strict):
    """The successor takes over the open children, the residents and the work that is left."""

    version: Version
    successor_id: Id | None = None


@routes.post(
    "/organizations/<organization_id>/close",
    who=Who.STAFF,
    errors=[MovedIntoItself, EditedMeanwhile, HasChildren, WrongState],
)
async def close_organization(caller: Caller, organization_id: Id, body: Close) -> OrganizationView:
    """撤销组织，由另一组织承接"""
    return await changing.close_organization(caller.person_id, organization_id, body.version, body.successor_id)


class DescendantsQuery(PageQuery):
    level: Level


@routes.get("/organizations/<organization_id>/descendants", who=Who.STAFF)
async def list_descendants(organization_id: Id, query: DescendantsQuery) -> Page[OrganizationView]:
    """列出某一级别的全部下级组织"""
    return await queries.list_descendants(organization_id, query.level, query)


class CreatePartyOrganization(Strict):
    """Hosted by an organization or unit here, or else with where it is, in words."""

    name: Name
    parent_id: Id | None = None
    host_id: Id | None = None
    place: LocationText = ""


@routes.post("/party-organizations", who=Who.STAFF, status=201)
async def create_party_organization(caller: Caller, body: CreatePartyOrganization) -> PartyOrganizationView:
    """新建党组织"""
    return await party.create_party_organization(
        caller.person_id, name=body.name, parent_id=body.parent_id, host_id=body.host_id, place=body.place
    )


class EditPartyOrganization(Strict):
    version: Version
    name: Name
    host_id: Id | None = None
    place: LocationText = ""


@routes.put("/party-organizations/<party_organization_id>", who=Who.STAFF, errors=[EditedMeanwhile, WrongState])
async def edit_party_organization(
    caller: Caller, party_organization_id: Id, body: EditPartyOrganization
) -> PartyOrganizationView:
    """修改党组织名称和所在单位"""
    return await party.edit_party_organization(
        caller.person_id,
        party_organization_id,
        body.version,
        name=body.name,
        host_id=body.host_id,
        place=body.place,
    )


@routes.post(
    "/party-organizations/<party_organization_id>/move",
    who=Who.STAFF,
    errors=[EditedMeanwhile, MovedIntoItself, WrongState],
)
async def move_party_organization(caller: Caller, party_organization_id: Id, body: Move) -> PartyOrganizationView:
    """把党组织移到另一上级党组织之下"""
    return await party.move_party_organization(caller.person_id, party_organization_id, body.version, body.parent_id)


@routes.post(
    "/party-organizations/<party_organization_id>/close",
    who=Who.STAFF,
    errors=[EditedMeanwhile, HasChildren, MovedIntoItself, WrongState],
)
async def close_party_organization(caller: Caller, party_organization_id: Id, body: Close) -> PartyOrganizationView:
    """撤销党组织"""
    return await party.close_party_organization(
        caller.person_id, party_organization_id, body.version, body.successor_id
    )


class HostQuery(PageQuery):
    host_id: Id


@routes.get("/party-organizations", who=Who.STAFF, errors=[NotFound])
async def list_party_organizations(query: HostQuery) -> Page[PartyOrganizationView]:
    """列出辖区内的党组织"""
    return await queries.list_party_organizations(query.host_id, query)


class GrantRole(Strict):
    person_id: Id
    organization_id: Id
    kind: RoleKind


@routes.post("/roles", who=Who.STAFF, status=201, errors=[RoleHeld, WrongState])
async def grant_role(caller: Caller, body: GrantRole) -> RoleView:
    """授予工作角色"""
    return await roles.grant_role(caller.person_id, body.person_id, body.organization_id, body.kind)


@routes.post("/roles/<role_id>/end", who=Who.STAFF, errors=[LastManager, WrongState])
async def end_role(caller: Caller, role_id: Id) -> RoleView:
    """结束工作角色"""
    return await roles.end_role(caller.person_id, role_id)


class RolesQuery(PageQuery):
    """Roles in the subtree of `organization_id`."""

    organization_id: Id
    kind: RoleKind | None = None
    person_id: Id | None = None
    with_ended: bool = False


@routes.get("/roles", who=Who.STAFF, errors=[NotFound])
async def list_roles(caller: Caller, query: RolesQuery) -> Page[RoleView]:
    """列出辖区内的工作角色"""
    return await roles.list_roles(
        caller.person_id,
        query.organization_id,
        query,
        kind=query.kind,
        person_id=query.person_id,
        with_ended=query.with_ended,
    )
