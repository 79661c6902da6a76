"""双报到: a unit checks in by its liaison; its page."""

from datetime import datetime
from typing import Annotated

import msgspec

from miniprogram_api.fields import Created, Phone, RealName, Strict, WithReason
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.check_in.rules import CheckInActor
from server.check_in.units import queries as unit_queries
from server.check_in.units import unit_check_in
from server.check_in.units.models import UnitKind
from server.check_in.units.queries import PeriodQuery, UnitCheckInView, UnitMember, UnitMemberDetail, UnitPage, UnitPair
from server.foundation.errors import EditedMeanwhile, NotAllowed, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery

routes = Routes("单位报到 units")

MemberCount = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Offer = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class ContactBody(Strict):
    """Whom to call at the unit; kept encrypted."""

    name: RealName
    phone: Phone

    def contact(self) -> unit_check_in.UnitContact:
        return unit_check_in.UnitContact(self.name, self.phone)


class UnitApplicationBody(Strict):
    """`offers`, what the unit can do for the community, is shown to everybody once the pairing is accepted."""

    unit_kind: UnitKind
    party_organization_id: Id
    member_count: MemberCount
    contact: ContactBody
    offers: Annotated[list[Offer], msgspec.Meta(max_length=20)] = []

    def application(self) -> unit_check_in.UnitApplication:
        return unit_check_in.UnitApplication(
            party_organization_id=self.party_organization_id,
            unit_kind=self.unit_kind,
            member_count=self.member_count,
            contact=self.contact.contact(),
            offers=self.offers,
        )


class ApplyUnitCheckIn(UnitApplicationBody, kw_only=True):
    """`area_id` is a community or a subdistrict."""

    unit_id: Id
    area_id: Id


class ApplyUnitCheckInAgain(UnitApplicationBody, kw_only=True):
    version: int


class ChangeUnitContact(Strict):
    contact: ContactBody
    member_count: MemberCount
    version: int


@routes.post(
    "/unit-check-ins", status=201, errors=[NotAllowed, unit_check_in.UnitCheckInPending, unit_check_in.AlreadyPaired]
)
async def apply_unit_check_in(caller: Caller, body: ApplyUnitCheckIn) -> Created:
    """单位向社区或街道报到（联络员）"""
    return Created(
        await unit_check_in.apply_unit_check_in(caller.person_id, body.unit_id, body.area_id, body.application())
    )


@routes.put("/unit-check-ins/<unit_check_in_id>", errors=[WrongState, EditedMeanwhile])
async def apply_unit_check_in_again(caller: Caller, unit_check_in_id: Id, body: ApplyUnitCheckInAgain) -> None:
    """修改并重新提交单位报到申请"""
    await unit_check_in.apply_unit_check_in_again(caller.person_id, unit_check_in_id, body.version, body.application())


@routes.post("/unit-check-ins/<unit_check_in_id>/withdraw", errors=[WrongState])
async def withdraw_unit_check_in(caller: Caller, unit_check_in_id: Id, body: WithReason) -> None:
    """撤回单位报到申请"""
    await unit_check_in.withdraw_unit_check_in(caller.person_id, unit_check_in_id, body.reason)


@routes.put("/unit-check-ins/<unit_check_in_id>/contact", errors=[WrongState, EditedMeanwhile])
async def change_unit_contact(caller: Caller, unit_check_in_id: Id, body: ChangeUnitContact) -> None:
    """更换结对联系人和党员人数"""
    await unit_check_in.change_unit_contact(
        caller.person_id,
        unit_check_in_id,
        body.version,
        contact=body.contact.contact(),
        member_count=body.member_count,
    )


@routes.post("/unit-check-ins/<unit_check_in_id>/end", errors=[WrongState])
async def end_unit_check_in(caller: Caller, unit_check_in_id: Id, body: WithReason) -> None:
    """单位结束结对"""
    await unit_check_in.end_unit_check_in(caller.person_id, unit_check_in_id, body.reason, actor=CheckInActor.LIAISON)


@routes.get("/units/<unit_id>/check-ins")
async def list_unit_check_ins(caller: Caller, unit_id: Id, query: PageQuery) -> Page[UnitCheckInView]:
    """本单位的报到（联络员）"""
    return await unit_queries.list_unit_check_ins(caller.person_id, unit_id, query)


@routes.get("/units/<unit_id>/members")
async def list_unit_members(caller: Caller, unit_id: Id, query: PeriodQuery) -> Page[UnitMember]:
    """本单位党员的报到和服务（联络员）"""
    return await unit_queries.list_unit_members(caller.person_id, unit_id, query)


class MemberPeriodQuery(Strict):
    """Service from `since` on and before `until`; without them, all."""

    since: datetime | None = None
    until: datetime | None = None


@routes.get("/units/<unit_id>/members/<membership_id>")
async def view_unit_member(
    caller: Caller, unit_id: Id, membership_id: Id, query: MemberPeriodQuery
) -> UnitMemberDetail:
    """查看本单位一名党员的报到和服务（联络员，留痕）"""
    return await unit_queries.view_unit_member(caller.person_id, unit_id, membership_id, query.since, query.until)


@routes.get("/units/<unit_id>")
async def show_unit(unit_id: Id) -> UnitPage:
    """单位主页：与哪些社区结对"""
    return await unit_queries.show_unit(unit_id)


@routes.get("/communities/<community_id>/units")
async def list_paired_units(community_id: Id) -> list[UnitPair]:
    """社区（街道）的结对单位"""
    return await unit_queries.list_paired_units(community_id)
