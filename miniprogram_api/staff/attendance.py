"""工作端：出勤与时长: codes, scanners, the leader's list, confirmation, approvals, ratings, appeals."""

from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import OfDays, PhoneIfAny, RealNameIfAny, Reason, Strict, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.errors import NotAllowed, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.foundation.rating import NewRating
from server.media.spreadsheets import XLSX
from server.organizations.access import OwnMatter
from server.volunteering.attendance import clocking, codes, door, roster
from server.volunteering.attendance.clocking import ListMark, PassScan, ScanResult
from server.volunteering.attendance.codes import ShiftCode
from server.volunteering.attendance.door import Newcomer
from server.volunteering.attendance.models import Direction
from server.volunteering.attendance.roster import ShiftScanView, SignUpRow
from server.volunteering.hours import actions as hours_actions
from server.volunteering.hours import appeals, confirming, exports, ratings
from server.volunteering.hours import queries as hours_queries
from server.volunteering.hours.appeals import AppealsQuery, AppealView
from server.volunteering.hours.confirming import ConfirmedPerson, Minutes
from server.volunteering.hours.errors import (
    AlreadyRated,
    CorrectionWaiting,
    MinutesCreditedAlready,
    NotAttended,
    RatingClosed,
    TooEarlyToConfirm,
    WrongApprover,
)
from server.volunteering.hours.models import HoursState
from server.volunteering.hours.queries import HoursQuery, HoursView
from server.volunteering.hours.ratings import RatingTotals, RatingView
from server.volunteering.queries import ActivityView
from server.volunteering.sign_ups.errors import RoleNeeded, ShiftFull, ShiftOff, ShiftsOverlap, ShiftStarted

routes = Routes("工作端：出勤与时长", prefix="/staff")


# Who leads a team, or a shift, need not hold a role: the services look at what they lead.


@routes.get("/shifts/<shift_id>/sign-ups")
async def list_shift_sign_ups(caller: Caller, shift_id: Id, query: PageQuery) -> Page[SignUpRow]:
    """场次报名名单（姓名脱敏）

    sign_out_method 为 rule 的是忘记签退、按结束时间计的。
    """
    return await roster.list_shift_sign_ups(caller.person_id, shift_id, query)


class AddAtTheDoor(Strict):
    """Either a known person's `person_id`, or a name and, where they have one, a phone."""

    person_id: Id | None = None
    real_name: RealNameIfAny = ""
    phone: PhoneIfAny = ""
    shift_role_id: Id | None = None
    """May be left out where the shift has one role."""


@routes.post(
    "/shifts/<shift_id>/sign-ups",
    status=201,
    errors=[NotAllowed, OwnMatter, RoleNeeded, ShiftFull, ShiftOff, ShiftStarted, ShiftsOverlap, WrongState],
)
async def add_at_the_door(caller: Caller, shift_id: Id, body: AddAtTheDoor) -> SignUpRow:
    """现场添加一人

    直到场次结束都可以，不受报名时间和报名条件限制，名额有效。没有手机的老人只填姓名。
    """
    newcomer = Newcomer(person_id=body.person_id, real_name=body.real_name, phone=body.phone)
    return await door.add_at_the_door(caller.person_id, shift_id, newcomer, body.shift_role_id)


@routes.get("/shifts/<shift_id>/roster")
async def list_shift_roster(caller: Caller, shift_id: Id, query: PageQuery) -> Page[SignUpRow]:
    """场次花名册

    含姓名；手机号只显示到活动结束后 7 天。每次查看都会留痕。
    """
    return await roster.list_shift_roster(caller.person_id, shift_id, query)


@routes.get("/shifts/<shift_id>/roster/export", raw=(XLSX,), group=Group.DRAWING)
async def export_shift_roster(caller: Caller, shift_id: Id) -> HTTPResponse:
    """导出花名册（xlsx）

    每次导出都会留痕。
    """
    return send_file(await roster.export_shift_roster(caller.person_id, shift_id), XLSX)


@routes.get("/shifts/<shift_id>/scans")
async def list_shift_scans(caller: Caller, shift_id: Id, query: PageQuery) -> Page[ShiftScanView]:
    """签到记录

    含被拒绝的签到及原因。
    """
    return await roster.list_shift_scans(caller.person_id, shift_id, query)


class CodeQuery(Strict):
    direction: Direction = Direction.IN


@routes.get("/shifts/<shift_id>/code", errors=[ShiftOff])
async def show_shift_code(caller: Caller, shift_id: Id, query: CodeQuery) -> ShiftCode:
    """签到（签退）二维码

    每 30 秒更换一次；图片为 PNG 的 base64。
    """
    return await codes.show_shift_code(caller.person_id, shift_id, query.direction)


class PassScans(Strict):
    scans: Annotated[list[PassScan], msgspec.Meta(min_length=1, max_length=200)]


class ScanResults(msgspec.Struct):
    results: list[ScanResult]


# Not idempotent: refused ones are kept one by one. A scan's own nonce makes it safe to send again.
@routes.post("/shifts/<shift_id>/scans", idempotent=False)
async def take_pass_scans(caller: Caller, shift_id: Id, body: PassScans) -> ScanResults:
    """上传扫到的签到凭证

    离线时先存下，联网后带扫码时间补传；nonce 相同的重复上传得到同一结果。单条被拒绝的原因在结果里。
    """
    return ScanResults(await clocking.take_pass_scans(caller.person_id, shift_id, body.scans))


class ListMarks(Strict):
    marks: Annotated[list[ListMark], msgspec.Meta(min_length=1, max_length=200)]


@routes.post("/shifts/<shift_id>/marks", idempotent=False)
async def mark_attendance_list(caller: Caller, shift_id: Id, body: ListMarks) -> ScanResults:
    """按名单代签到（签退）"""
    return ScanResults(await clocking.mark_attendance_list(caller.person_id, shift_id, body.marks))


class ClockInRadius(Strict):
    meters: Annotated[int, msgspec.Meta(ge=0, le=5000)]
    """0: nobody can clock in by position."""


@routes.put("/activities/<activity_id>/sign-in-radius")
async def set_clock_in_radius(caller: Caller, activity_id: Id, body: ClockInRadius) -> ActivityView:
    """设置定位签到的距离

    默认 500 米；0 表示不支持定位签到。
    """
    return await clocking.set_clock_in_radius(caller.person_id, activity_id, body.meters)


class ConfirmAttendance(Strict):
    persons: Annotated[list[ConfirmedPerson], msgspec.Meta(min_length=1, max_length=500)]


@routes.post(
    "/shifts/<shift_id>/attendance",
    errors=[MinutesCreditedAlready, OwnMatter, ShiftOff, TooEarlyToConfirm, WrongState],
)
async def confirm_attendance(caller: Caller, shift_id: Id, body: ConfirmAttendance) -> Page[SignUpRow]:
    """确认出勤并计入服务时长

    一人一天 8 小时以内立即生效；8 至 12 小时须社区管理员批准，超过 12 小时须街道管理员批准。
    结束 7 天后的补录须说明原因，并由另一人核实。返回这些人在名单中的情况。
    """
    return await confirming.confirm_attendance(caller.person_id, shift_id, body.persons)


@routes.get("/hours", who=Who.STAFF)
async def list_hours(caller: Caller, query: HoursQuery) -> Page[HoursView]:
    """辖区内的服务时长（默认待审批的）"""
    return await hours_queries.list_hours(caller.person_id, query)


class HoursWanted(OfDays, kw_only=True):
    """Service that began from day to day, both included; of one state, or all."""

    state: HoursState | None = HoursState.EFFECTIVE


@routes.get("/hours/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_hours(caller: Caller, query: HoursWanted) -> HTTPResponse:
    """导出辖区内的服务时长（xlsx，默认有效的）

    按服务日期，姓名与列表一样隐去一部分；最多 10000 条，每次导出都会留痕。
    """
    file = await exports.export_hours(
        caller.person_id, query.organization_id, query.first_day, query.last_day, query.state
    )
    return send_file(file, XLSX)


@routes.get("/hours/<hours_id>/actions")
async def list_hours_actions_of_staff(caller: Caller, hours_id: Id) -> list[ActionView]:
    """对这条服务时长能做什么

    批准、不批准、更正能不能做、为什么；场次负责人也可查看。
    """
    return await hours_actions.list_hours_actions_of_staff(caller.person_id, hours_id)


@routes.post("/hours/<hours_id>/approve", who=Who.STAFF, errors=[MinutesCreditedAlready, WrongApprover, WrongState])
async def approve_hours(caller: Caller, hours_id: Id) -> HoursView:
    """批准服务时长"""
    return await confirming.approve_hours(caller.person_id, hours_id)


@routes.post("/hours/<hours_id>/refuse", who=Who.STAFF, errors=[WrongApprover, WrongState])
async def refuse_hours(caller: Caller, hours_id: Id, body: WithReason) -> HoursView:
    """不批准服务时长"""
    return await confirming.refuse_hours(caller.person_id, hours_id, body.reason)


class CorrectHours(Strict):
    minutes: Minutes
    """0 takes them away."""
    reason: Reason


@routes.post(
    "/hours/<hours_id>/correct", status=201, errors=[CorrectionWaiting, MinutesCreditedAlready, OwnMatter, WrongState]
)
async def correct_hours(caller: Caller, hours_id: Id, body: CorrectHours) -> HoursView:
    """更正服务时长

    更正是一条新记录，原记录保留。改少立即生效；改多按新计入的规则审批，批准前原时长仍有效。
    """
    return await confirming.correct_hours(caller.person_id, hours_id, body.minutes, body.reason)


@routes.post("/sign-ups/<sign_up_id>/rating", errors=[OwnMatter, NotAttended, RatingClosed, AlreadyRated])
async def rate_volunteer(caller: Caller, sign_up_id: Id, body: NewRating) -> RatingView:
    """评价志愿者"""
    return await ratings.rate_volunteer(caller.person_id, sign_up_id, body)


@routes.get("/shifts/<shift_id>/ratings")
async def list_volunteer_ratings(caller: Caller, shift_id: Id, query: PageQuery) -> RatingTotals:
    """对志愿者的评价"""
    return await ratings.list_volunteer_ratings(caller.person_id, shift_id, query)


@routes.get("/no-show-appeals", who=Who.STAFF)
async def list_no_show_appeals(caller: Caller, query: AppealsQuery) -> Page[AppealView]:
    """爽约申诉"""
    return await appeals.list_no_show_appeals(caller.person_id, query)


@routes.get("/no-show-appeals/<appeal_id>/actions", who=Who.STAFF)
async def list_appeal_actions_of_staff(caller: Caller, appeal_id: Id) -> list[ActionView]:
    """对这条爽约申诉能做什么"""
    return await hours_actions.list_appeal_actions_of_staff(caller.person_id, appeal_id)


class AppealDecision(Strict):
    accept: bool
    decision: Reason


@routes.post("/no-show-appeals/<appeal_id>/decide", who=Who.STAFF, errors=[WrongState])
async def decide_no_show_appeal(caller: Caller, appeal_id: Id, body: AppealDecision) -> AppealView:
    """处理爽约申诉

    通过后该次爽约不再计入，由它引起的暂停报名随之解除。
    """
    return await appeals.decide_no_show_appeal(caller.person_id, appeal_id, accept=body.accept, decision=body.decision)
