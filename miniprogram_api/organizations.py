"""组织 organizations."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.accounts import joining
from server.accounts.sessions import Caller
from server.accounts.sharing import SharedCard
from server.foundation.ids import Id
from server.foundation.location import Latitude, Longitude
from server.foundation.pages import Page, PageQuery
from server.organizations import queries
from server.organizations.models import Level
from server.organizations.queries import (
    NearbyCommunityView,
    OrganizationDetailView,
    OrganizationView,
    PartyOrganizationView,
)

routes = Routes("组织 organizations")

SearchedName = Annotated[
    str, msgspec.Meta(min_length=2, max_length=50, description="part of the name, two characters or more")
]


class NameQuery(PageQuery):
    name: SearchedName


@routes.get("/communities", who=Who.ANYONE)
async def search_communities(query: NameQuery) -> Page[OrganizationView]:
    """按名称查找社区"""
    return await queries.search_organizations(Level.COMMUNITY, query.name, query)


class PointQuery(Strict):
    """A gcj02 point, as the phone gives it."""

    longitude: Longitude
    latitude: Latitude
    limit: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5


@routes.get("/communities/nearest", who=Who.ANYONE)
async def find_nearest_communities(query: PointQuery) -> Page[NearbyCommunityView]:
    """查找离我最近的社区"""
    return Page(await queries.nearest_communities(query.longitude, query.latitude, query.limit))


@routes.get("/organizations/<organization_id>", who=Who.ANYONE)
async def show_organization(organization_id: Id) -> OrganizationDetailView:
    """查看组织及其上级"""
    return await queries.show_organization(organization_id)


@routes.get("/communities/<community_id>/shared", who=Who.ANYONE)
async def show_shared_community(caller: Caller | None, community_id: Id) -> SharedCard:
    """分享链接或社区二维码打开的社区卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await joining.show_shared_community(caller.person_id if caller else None, community_id)


class ChildrenQuery(PageQuery):
    level: Level | None = None


@routes.get("/organizations/<organization_id>/children", who=Who.ANYONE)
async def list_children(organization_id: Id, query: ChildrenQuery) -> Page[OrganizationView]:
    """列出直接下级组织"""
    return await queries.list_children(organization_id, query, query.level)


@routes.get("/units")
async def search_units(query: NameQuery) -> Page[OrganizationView]:
    """按名称查找单位"""
    return await queries.search_organizations(Level.UNIT, query.name, query)


@routes.get("/party-organizations")
async def search_party_organizations(query: NameQuery) -> Page[PartyOrganizationView]:
    """按名称查找党组织"""
    return await queries.search_party_organizations(query.name, query)


@routes.get("/party-organizations/<party_organization_id>")
async def show_party_organization(party_organization_id: Id) -> PartyOrganizationView:
    """查看党组织"""
    return await queries.get_party_organization(party_organization_id)


@routes.get("/party-organizations/<party_organization_id>/children")
async def list_party_children(party_organization_id: Id, query: PageQuery) -> Page[PartyOrganizationView]:
    """列出直接下级党组织"""
    return await queries.list_party_children(party_organization_id, query)
