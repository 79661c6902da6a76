"""Staff: deciding about units' check-ins."""

from datetime import date

from miniprogram_api.fields import Strict, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.check_in.units import actions, unit_check_in
from server.check_in.units import queries as unit_queries
from server.check_in.units.models import UnitCheckInState
from server.check_in.units.queries import UnitCheckInCard, UnitCheckInView
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery

routes = Routes("工作端：单位报到", prefix="/staff")


class UnitCheckInsQuery(PageQuery):
    organization_id: Id
    state: UnitCheckInState = UnitCheckInState.APPLIED


class AcceptUnitCheckIn(Strict):
    """Both days are included; without an end, until somebody ends it."""

    starts_on: date
    ends_on: date | None = None


class ChangeUnitDates(Strict):
    ends_on: date | None
    version: Version


@routes.get("/unit-check-ins", who=Who.STAFF, errors=[NotFound])
async def list_unit_check_ins_of_area(caller: Caller, query: UnitCheckInsQuery) -> Page[UnitCheckInCard]:
    """辖区内的单位报到"""
    return await unit_queries.list_unit_check_ins_of_area(caller.person_id, query.organization_id, query.state, query)


@routes.get("/unit-check-ins/<unit_check_in_id>", who=Who.STAFF)
async def view_unit_check_in(caller: Caller, unit_check_in_id: Id) -> UnitCheckInView:
    """查看单位报到（含联系人，留痕）"""
    return await unit_queries.view_unit_check_in(caller.person_id, unit_check_in_id)


@routes.get("/unit-check-ins/<unit_check_in_id>/actions", who=Who.STAFF)
async def list_unit_check_in_actions_of_staff(caller: Caller, unit_check_in_id: Id) -> list[ActionView]:
    """工作人员对这份单位报到能做什么"""
    return await actions.list_unit_check_in_actions_of_staff(caller.person_id, unit_check_in_id)


@routes.post(
    "/unit-check-ins/<unit_check_in_id>/accept", who=Who.STAFF, errors=[WrongState, unit_check_in.AlreadyPaired]
)
async def accept_unit_check_in(caller: Caller, unit_check_in_id: Id, body: AcceptUnitCheckIn) -> UnitCheckInCard:
    """接受单位报到，确定结对期限"""
    return await unit_check_in.accept_unit_check_in(
        caller.person_id, unit_check_in_id, starts_on=body.starts_on, ends_on=body.ends_on
    )


@routes.post("/unit-check-ins/<unit_check_in_id>/return", who=Who.STAFF, errors=[WrongState])
async def return_unit_check_in(caller: Caller, unit_check_in_id: Id, body: WithReason) -> UnitCheckInCard:
    """退回单位报到申请"""
    return await unit_check_in.return_unit_check_in(caller.person_id, unit_check_in_id, body.reason)


@routes.post("/unit-check-ins/<unit_check_in_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_unit_check_in(caller: Caller, unit_check_in_id: Id, body: WithReason) -> UnitCheckInCard:
    """不接受单位报到申请"""
    return await unit_check_in.refuse_unit_check_in(caller.person_id, unit_check_in_id, body.reason)


@routes.put("/unit-check-ins/<unit_check_in_id>/dates", who=Who.STAFF, errors=[WrongState, EditedMeanwhile])
async def change_unit_dates(caller: Caller, unit_check_in_id: Id, body: ChangeUnitDates) -> UnitCheckInCard:
    """延长或缩短结对期限"""
    return await unit_check_in.change_unit_dates(caller.person_id, unit_check_in_id, body.version, ends_on=body.ends_on)


@routes.post("/unit-check-ins/<unit_check_in_id>/end", who=Who.STAFF, errors=[WrongState])
async def end_unit_pairing(caller: Caller, unit_check_in_id: Id, body: WithReason) -> UnitCheckInCard:
    """社区结束结对"""
    return await unit_check_in.end_unit_pairing(caller.person_id, unit_check_in_id, body.reason)
