"""A community and a unit that are a pair, below a subdistrict; a community and a unit beside them."""

from datetime import datetime
from typing import Any, NamedTuple

from server.foundation import clock
from server.foundation.database import transaction
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_organization, create_resident, create_staff
from tests.check_in.builders import Unit, create_pair, create_unit
from tests.clients import Api


class Scene(NamedTuple):
    """Who is there. `writer` and `reviewer` are staff of the community, `above` of the subdistrict, `elsewhere` of the
    community beside it; `stranger` is the liaison of a unit that is paired with nobody."""

    subdistrict: Organization
    community: Organization
    beside: Organization
    unit: Unit
    pair: str
    writer: Api
    reviewer: Api
    above: Api
    elsewhere: Api
    observer: Api
    resident: Api
    stranger: Unit

    @property
    def liaison(self) -> Api:
        return self.unit.liaison

    async def draft(self, who: Api | None = None, owner: str = "", **other: Any) -> dict[str, Any]:
        body = content(owner_id=owner or self.community.id, **other)
        made: dict[str, Any] = await (who or self.writer).post("/staff/list-entries", body, expect=201)
        return made

    async def open(self, who: Api | None = None, owner: str = "", **other: Any) -> dict[str, Any]:
        """Drafted, submitted and approved over HTTP: the community's, or the liaison's own."""
        entry = await self.draft(who, owner, **other)
        path = f"/staff/list-entries/{entry['id']}"
        await (who or self.writer).post(f"{path}/submit")
        approved: dict[str, Any] = await self.reviewer.post(f"{path}/approve")
        return approved

    async def resource(self, **other: Any) -> dict[str, Any]:
        return await self.open(self.liaison, self.unit.id, kind="resource", title="急救培训讲师", **other)


def content(**other: Any) -> dict[str, Any]:
    return {
        "kind": "need",
        "category": "health",
        "title": "急救培训",
        "text": "请专业人员为居民讲急救，每场两小时。",
        "quantity": 3,
        "measure": "场",
        "place": "社区党群服务中心",
        "audience": "60 岁以上居民",
        "contact": {"name": "李主任", "phone": "0631-5201234"},
        **other,
    }


async def create_scene(api: Api) -> Scene:
    async with transaction():
        subdistrict = await create_organization(Level.SUBDISTRICT, name="竹岛街道")
        community = await create_organization(Level.COMMUNITY, parent=subdistrict, name="幸福社区")
        beside = await create_organization(Level.COMMUNITY, parent=subdistrict, name="平安社区")
    unit, stranger = await create_unit(api, "市人民医院"), await create_unit(api, "市图书馆")
    writer = await create_staff(api, community)
    return Scene(
        subdistrict=subdistrict,
        community=community,
        beside=beside,
        unit=unit,
        pair=await create_pair(unit, writer, community),
        writer=writer,
        reviewer=await create_staff(api, community),
        above=await create_staff(api, subdistrict),
        elsewhere=await create_staff(api, beside),
        observer=await create_staff(api, subdistrict, RoleKind.OBSERVER),
        resident=await create_resident(api, community, "小王"),
        stranger=stranger,
    )


def at(month: int, day: int, hour: int = 9) -> datetime:
    """2031, by people's clocks."""
    return datetime(2031, month, day, hour, tzinfo=clock.SHANGHAI)


async def ids(who: Api, path: str, **query: Any) -> list[str]:
    return [card["id"] for card in (await who.get(path, **query))["items"]]
