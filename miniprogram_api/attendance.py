"""签到与服务时长 attendance: clocking in and out, one's own hours, ratings, no-shows."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.bounds import RequiredText
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.foundation.rating import NewRating
from server.volunteering.attendance import clocking, codes
from server.volunteering.attendance.clocking import BeingThere
from server.volunteering.attendance.codes import ShiftPass
from server.volunteering.attendance.errors import (
    AttendanceConfirmed,
    CodeExpired,
    CodeInvalid,
    NotClockedIn,
    NotSignedUp,
    OutsideHours,
    PlaceUnknown,
    TooFarAway,
)
from server.volunteering.hours import actions as hours_actions
from server.volunteering.hours import appeals, ratings
from server.volunteering.hours import queries as hours_queries
from server.volunteering.hours.appeals import MyNoShows
from server.volunteering.hours.errors import AlreadyAppealed, AlreadyRated, AppealClosed, NotAttended, RatingClosed
from server.volunteering.hours.queries import HoursView, MyHoursQuery
from server.volunteering.hours.ratings import MyRatingView, RatingTotals, RatingView
from server.volunteering.sign_ups.errors import ShiftOff
from server.volunteering.sign_ups.queries import SignUpView

routes = Routes("签到与服务时长 attendance")


_CANNOT_CLOCK = [
    CodeInvalid,
    CodeExpired,
    TooFarAway,
    PlaceUnknown,
    OutsideHours,
    ShiftOff,
    NotSignedUp,
    AttendanceConfirmed,
]


# Not idempotent: a refused scan is kept, and a key's transaction would roll it back. Scanning twice changes nothing.
@routes.post("/shifts/<shift_id>/sign-in", idempotent=False, group=Group.CODES, errors=_CANNOT_CLOCK)
async def clock_in(caller: Caller, shift_id: Id, body: BeingThere) -> SignUpView:
    """签到

    扫描现场二维码，或在活动地点附近定位。开始前 2 小时至结束后 2 小时内有效；被拒绝的签到会留下原因。可代家人签到。
    """
    return await clocking.clock_in(caller.person_id, shift_id, body)


@routes.post("/shifts/<shift_id>/sign-out", idempotent=False, group=Group.CODES, errors=[*_CANNOT_CLOCK, NotClockedIn])
async def clock_out(caller: Caller, shift_id: Id, body: BeingThere) -> SignUpView:
    """签退"""
    return await clocking.clock_out(caller.person_id, shift_id, body)


@routes.get("/sign-ups/<sign_up_id>/pass", errors=[NotSignedUp])
async def show_shift_pass(caller: Caller, sign_up_id: Id) -> ShiftPass:
    """签到凭证

    出示给负责人的扫码枪或手机扫描；只对该场次有效。图片为 PNG 的 base64。
    """
    return await codes.show_shift_pass(caller.person_id, sign_up_id)


@routes.get("/me/hours", errors=[NotFound])
async def list_my_hours(caller: Caller, query: MyHoursQuery) -> Page[HoursView]:
    """我的服务时长

    每场一条，含待审批、未获批准和已被更正的。
    """
    return await hours_queries.list_my_hours(caller.person_id, query)


@routes.post("/sign-ups/<sign_up_id>/rating", errors=[NotAttended, RatingClosed, AlreadyRated])
async def rate_shift(caller: Caller, sign_up_id: Id, body: NewRating) -> RatingView:
    """评价活动

    确认出勤后、活动结束 30 天内可评一次。文字通过内容安全检查后他人可见。
    """
    return await ratings.rate_shift(caller.person_id, sign_up_id, body)


@routes.get("/shifts/<shift_id>/ratings")
async def list_shift_ratings(caller: Caller, shift_id: Id, query: PageQuery) -> RatingTotals:
    """场次的评价"""
    return await ratings.list_shift_ratings(caller.person_id, shift_id, query)


@routes.get("/me/ratings")
async def list_my_ratings(caller: Caller, query: PageQuery) -> Page[MyRatingView]:
    """我收到的评价"""
    return await ratings.list_my_ratings(caller.person_id, query)


@routes.get("/me/no-shows")
async def list_my_no_shows(caller: Caller, query: PageQuery) -> MyNoShows:
    """我的爽约记录

    含申诉结果，以及因多次爽约暂停报名的截止时间。
    """
    return await appeals.list_my_no_shows(caller.person_id, query)


@routes.get("/no-shows/<no_show_id>/actions")
async def list_no_show_actions(caller: Caller, no_show_id: Id) -> list[ActionView]:
    """对这次爽约能做什么：申诉（不能的说明原因）"""
    return await hours_actions.list_no_show_actions(caller.person_id, no_show_id)


class AppealText(Strict):
    text: Annotated[RequiredText, msgspec.Meta(max_length=300)]


@routes.post(
    "/no-shows/<no_show_id>/appeal",
    status=201,
    group=Group.REVIEWED,
    errors=[WrongState, AppealClosed, AlreadyAppealed],
)
async def appeal_no_show(caller: Caller, no_show_id: Id, body: AppealText) -> MyNoShows:
    """对爽约申诉

    30 天内可申诉一次，由主办方工作人员处理；通过后不再计入，由此暂停的报名随之恢复。
    """
    return await appeals.appeal_no_show(caller.person_id, no_show_id, body.text)
