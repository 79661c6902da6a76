"""工作端：志愿服务: activities, sign-ups, codes, attendance."""

from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState
from server.ids import Id
from server.pages import Page, PageQuery
from server.volunteering import activities, attendance, staff_queries
from server.volunteering.activities import ActivityText, NewShift
from server.volunteering.attendance import ConfirmedPerson, ShiftCode
from server.volunteering.errors import MinutesCreditedAlready, ShiftOff, TooEarlyToConfirm
from server.volunteering.models import ActivityKind, Direction, Visibility
from server.volunteering.queries import ActivityView
from server.volunteering.staff_queries import (
    ShiftScanView,
    SignUpRow,
    StaffActivityCard,
    StaffActivityQuery,
    get_staff_activity,
)

routes = Routes("工作端：志愿服务", prefix="/staff")

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class CreateActivity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    organizer_id: Id
    kind: ActivityKind
    visibility: Visibility = Visibility.COMMUNITY
    words: ActivityText
    shifts: Annotated[list[NewShift], msgspec.Meta(min_length=1, max_length=50)]


@routes.post("/activities", who=Who.STAFF, status=201, errors=[InvalidFields, NotAllowed])
async def create_activity(caller: Caller, body: CreateActivity) -> ActivityView:
    """新建活动草稿"""
    activity_id = await activities.create_activity(
        caller.person_id, body.organizer_id, body.kind, body.words, body.shifts, body.visibility
    )
    return await get_staff_activity(caller.person_id, activity_id)


@routes.get("/activities", who=Who.STAFF, errors=[InvalidFields, NotAllowed])
async def list_activities_of_area(caller: Caller, query: StaffActivityQuery) -> Page[StaffActivityCard]:
    """辖区内的活动"""
    return await staff_queries.list_activities_of_area(caller.person_id, query)


@routes.get("/activities/<activity_id>", who=Who.STAFF, errors=[NotFound])
async def show_activity_to_staff(caller: Caller, activity_id: Id) -> ActivityView:
    """活动详情（含草稿）"""
    return await get_staff_activity(caller.person_id, activity_id)


class ChangeActivity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    version: int
    words: ActivityText


@routes.put(
    "/activities/<activity_id>",
    who=Who.STAFF,
    errors=[EditedMeanwhile, InvalidFields, NotFound, WrongState],
)
async def change_activity(caller: Caller, activity_id: Id, body: ChangeActivity) -> ActivityView:
    """修改活动文字"""
    await activities.change_activity(caller.person_id, activity_id, body.version, body.words)
    return await get_staff_activity(caller.person_id, activity_id)


@routes.post("/activities/<activity_id>/submit", who=Who.STAFF, errors=[NotFound, WrongState])
async def submit_activity(caller: Caller, activity_id: Id) -> ActivityView:
    """提交审核"""
    await activities.submit_activity(caller.person_id, activity_id)
    return await get_staff_activity(caller.person_id, activity_id)


class WithReason(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


@routes.post("/activities/<activity_id>/return", who=Who.STAFF, errors=[NotAllowed, NotFound, WrongState])
async def return_activity(caller: Caller, activity_id: Id, body: WithReason) -> ActivityView:
    """退回修改"""
    await activities.return_activity(caller.person_id, activity_id, body.reason)
    return await get_staff_activity(caller.person_id, activity_id)


class PublishActivity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    version: int
    """The one that was read: what was edited since is not published unseen."""


@routes.post(
    "/activities/<activity_id>/publish",
    who=Who.STAFF,
    errors=[EditedMeanwhile, NotAllowed, NotFound, WrongState],
)
async def publish_activity(caller: Caller, activity_id: Id, body: PublishActivity) -> ActivityView:
    """发布活动"""
    await activities.publish_activity(caller.person_id, activity_id, body.version)
    return await get_staff_activity(caller.person_id, activity_id)


@routes.post("/activities/<activity_id>/cancel", who=Who.STAFF, errors=[NotFound, WrongState])
async def cancel_activity(caller: Caller, activity_id: Id, body: WithReason) -> ActivityView:
    """取消活动并通知已报名者"""
    await activities.cancel_activity(caller.person_id, activity_id, body.reason)
    return await get_staff_activity(caller.person_id, activity_id)


class ChangeCapacity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    capacity: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


@routes.put("/shift-roles/<shift_role_id>/capacity", who=Who.STAFF, errors=[NotFound, WrongState])
async def change_role_capacity(caller: Caller, shift_role_id: Id, body: ChangeCapacity) -> ActivityView:
    """调整名额

    调高时候补依次递补；调低不影响已确认的人。
    """
    activity_id = await activities.change_role_capacity(caller.person_id, shift_role_id, body.capacity)
    return await get_staff_activity(caller.person_id, activity_id)


# The leader of a shift need not hold a role: the service looks at who leads it.


@routes.get("/shifts/<shift_id>/sign-ups", errors=[InvalidFields, NotFound])
async def list_shift_sign_ups(caller: Caller, shift_id: Id, query: PageQuery) -> Page[SignUpRow]:
    """场次报名名单（姓名脱敏）"""
    return await staff_queries.list_shift_sign_ups(caller.person_id, shift_id, query)


@routes.get("/shifts/<shift_id>/roster", errors=[InvalidFields, NotFound])
async def list_shift_roster(caller: Caller, shift_id: Id, query: PageQuery) -> Page[SignUpRow]:
    """场次花名册

    含姓名和手机号，每次查看都会留痕。
    """
    return await staff_queries.list_shift_roster(caller.person_id, shift_id, query)


@routes.get("/shifts/<shift_id>/scans", errors=[InvalidFields, NotFound])
async def list_shift_scans(caller: Caller, shift_id: Id, query: PageQuery) -> Page[ShiftScanView]:
    """扫码记录

    含被拒绝的扫码及原因。
    """
    return await staff_queries.list_shift_scans(caller.person_id, shift_id, query)


class CodeQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    direction: Direction = Direction.IN


@routes.get("/shifts/<shift_id>/code", errors=[NotFound, ShiftOff])
async def show_shift_code(caller: Caller, shift_id: Id, query: CodeQuery) -> ShiftCode:
    """签到（签退）二维码

    每 30 秒更换一次；图片为 PNG 的 base64。
    """
    return await attendance.show_shift_code(caller.person_id, shift_id, query.direction)


class ConfirmAttendance(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    persons: Annotated[list[ConfirmedPerson], msgspec.Meta(min_length=1, max_length=500)]


@routes.post(
    "/shifts/<shift_id>/attendance",
    errors=[InvalidFields, MinutesCreditedAlready, NotAllowed, NotFound, ShiftOff, TooEarlyToConfirm, WrongState],
)
async def confirm_attendance(caller: Caller, shift_id: Id, body: ConfirmAttendance) -> None:
    """确认出勤并计入服务时长"""
    await attendance.confirm_attendance(caller.person_id, shift_id, body.persons)
