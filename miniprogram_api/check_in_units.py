"""双报到: a unit checks in by its liaison; its page."""

from miniprogram_api.fields import Strict, WithReason
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.check_in.units import actions, unit_check_in
from server.check_in.units import queries as unit_queries
from server.check_in.units.contact import UnitContact
from server.check_in.units.queries import PeriodQuery, UnitCheckInView, UnitMember, UnitMemberDetail, UnitPage, UnitPair
from server.check_in.units.unit_check_in import MemberCount, UnitApplication
from server.foundation.actions import ActionView
from server.foundation.bounds import Moment, Version
from server.foundation.errors import EditedMeanwhile, NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group

routes = Routes("单位报到 units")


class ApplyUnitCheckIn(UnitApplication, kw_only=True, frozen=True):
    """`area_id` is a community or a subdistrict."""

    unit_id: Id
    area_id: Id


class ApplyUnitCheckInAgain(UnitApplication, kw_only=True, frozen=True):
    version: Version


class ChangeUnitContact(Strict):
    contact: UnitContact
    member_count: MemberCount
    version: Version


@routes.post(
    "/unit-check-ins",
    status=201,
    group=Group.REVIEWED,
    errors=[NotAllowed, NotFound, WrongState, unit_check_in.UnitCheckInPending, unit_check_in.AlreadyPaired],
)
async def apply_unit_check_in(caller: Caller, body: ApplyUnitCheckIn) -> UnitCheckInView:
    """单位向社区或街道报到（联络员）"""
    return await unit_check_in.apply_unit_check_in(caller.person_id, body.unit_id, body.area_id, body)


@routes.put("/unit-check-ins/<unit_check_in_id>", group=Group.REVIEWED, errors=[WrongState, EditedMeanwhile])
async def apply_unit_check_in_again(
    caller: Caller, unit_check_in_id: Id, body: ApplyUnitCheckInAgain
) -> UnitCheckInView:
    """修改并重新提交单位报到申请"""
    return await unit_check_in.apply_unit_check_in_again(caller.person_id, unit_check_in_id, body.version, body)


@routes.get("/unit-check-ins/<unit_check_in_id>/actions")
async def list_unit_check_in_actions(caller: Caller, unit_check_in_id: Id) -> list[ActionView]:
    """联络员对这份单位报到能做什么"""
    return await actions.list_unit_check_in_actions(caller.person_id, unit_check_in_id)


@routes.post("/unit-check-ins/<unit_check_in_id>/withdraw", errors=[WrongState])
async def withdraw_unit_check_in(caller: Caller, unit_check_in_id: Id, body: WithReason) -> UnitCheckInView:
    """撤回单位报到申请"""
    return await unit_check_in.withdraw_unit_check_in(caller.person_id, unit_check_in_id, body.reason)


@routes.put("/unit-check-ins/<unit_check_in_id>/contact", errors=[WrongState, EditedMeanwhile])
async def change_unit_contact(caller: Caller, unit_check_in_id: Id, body: ChangeUnitContact) -> UnitCheckInView:
    """更换结对联系人和党员人数"""
    return await unit_check_in.change_unit_contact(
        caller.person_id, unit_check_in_id, body.version, contact=body.contact, member_count=body.member_count
    )


@routes.post("/unit-check-ins/<unit_check_in_id>/end", errors=[WrongState])
async def end_unit_check_in(caller: Caller, unit_check_in_id: Id, body: WithReason) -> UnitCheckInView:
    """单位结束结对"""
    return await unit_check_in.end_unit_check_in(caller.person_id, unit_check_in_id, body.reason)


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

    since: Moment | None = None
    until: Moment | None = None


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
