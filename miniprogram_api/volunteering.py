"""志愿服务 volunteering."""

from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.errors import InvalidFields, NotFound, WrongState
from server.ids import Id
from server.pages import Page
from server.places.errors import Blocked, OfferExpired
from server.volunteering import attendance, queries, signing_up
from server.volunteering.errors import (
    CodeExpired,
    CodeInvalid,
    NotSignedInYet,
    NotSignedUp,
    OutsideHours,
    RoleNeeded,
    ShiftFull,
    ShiftOff,
    ShiftsOverlap,
    ShiftStarted,
    SignUpClosed,
    SignUpNotOpen,
)
from server.volunteering.queries import ActivityCard, ActivityView, SignUpsQuery, SignUpView, UpcomingQuery

routes = Routes("志愿服务 volunteering")


@routes.get("/activities", errors=[InvalidFields])
async def list_activities(caller: Caller, query: UpcomingQuery) -> Page[ActivityCard]:
    """近期活动

    本人所在社区可见、尚未结束的活动，按开始时间排列。
    """
    return await queries.list_activities(caller.person_id, query)


@routes.get("/activities/<activity_id>", errors=[NotFound])
async def get_activity(caller: Caller, activity_id: Id) -> ActivityView:
    """活动详情

    含各场次余量、候补人数，以及本人的报名情况。
    """
    return await queries.get_activity(caller.person_id, activity_id)


class SignUpForShift(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    shift_role_id: Id | None = None
    """May be left out where the shift has one role."""


@routes.post(
    "/shifts/<shift_id>/sign-ups",
    status=201,
    errors=[
        NotFound,
        RoleNeeded,
        ShiftFull,
        ShiftOff,
        ShiftsOverlap,
        SignUpClosed,
        SignUpNotOpen,
        Blocked,
    ],
)
async def sign_up(caller: Caller, shift_id: Id, body: SignUpForShift) -> SignUpView:
    """报名

    立即得到结果：已确认、候补（含排位），或拒绝的原因。重复点击得到同一结果。
    """
    sign_up_id = await signing_up.sign_up(caller.person_id, shift_id, body.shift_role_id)
    return await queries.get_sign_up(caller.person_id, sign_up_id)


@routes.get("/me/sign-ups", errors=[InvalidFields])
async def list_my_sign_ups(caller: Caller, query: SignUpsQuery) -> Page[SignUpView]:
    """我的报名"""
    return await queries.list_my_sign_ups(caller.person_id, query)


@routes.get("/sign-ups/<sign_up_id>", errors=[NotFound])
async def get_sign_up(caller: Caller, sign_up_id: Id) -> SignUpView:
    """报名详情"""
    return await queries.get_sign_up(caller.person_id, sign_up_id)


@routes.post("/sign-ups/<sign_up_id>/cancel", errors=[NotFound, ShiftStarted, WrongState])
async def cancel_sign_up(caller: Caller, sign_up_id: Id) -> SignUpView:
    """取消报名

    超过取消截止时间的取消按爽约计。
    """
    await signing_up.cancel_sign_up(caller.person_id, sign_up_id)
    return await queries.get_sign_up(caller.person_id, sign_up_id)


@routes.post("/sign-ups/<sign_up_id>/accept", errors=[NotFound, OfferExpired, WrongState])
async def accept_shift_offer(caller: Caller, sign_up_id: Id) -> SignUpView:
    """接受候补名额"""
    await signing_up.accept_shift_offer(caller.person_id, sign_up_id)
    return await queries.get_sign_up(caller.person_id, sign_up_id)


@routes.post("/sign-ups/<sign_up_id>/decline", errors=[NotFound, WrongState])
async def decline_shift_offer(caller: Caller, sign_up_id: Id) -> SignUpView:
    """放弃候补名额"""
    await signing_up.decline_shift_offer(caller.person_id, sign_up_id)
    return await queries.get_sign_up(caller.person_id, sign_up_id)


class ScannedCode(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


# Not idempotent: a refused scan is kept, and a key's transaction would roll it back. Scanning twice changes nothing.
@routes.post(
    "/shifts/<shift_id>/sign-in",
    idempotent=False,
    errors=[NotFound, CodeInvalid, CodeExpired, OutsideHours, ShiftOff, NotSignedUp],
)
async def sign_in_to_shift(caller: Caller, shift_id: Id, body: ScannedCode) -> SignUpView:
    """扫码签到

    开始前 2 小时至结束后 2 小时内有效；被拒绝的扫码会留下原因。
    """
    sign_up_id = await attendance.sign_in_to_shift(caller.person_id, shift_id, body.code)
    return await queries.get_sign_up(caller.person_id, sign_up_id)


@routes.post(
    "/shifts/<shift_id>/sign-out",
    idempotent=False,
    errors=[NotFound, CodeInvalid, CodeExpired, OutsideHours, ShiftOff, NotSignedUp, NotSignedInYet],
)
async def sign_out_of_shift(caller: Caller, shift_id: Id, body: ScannedCode) -> SignUpView:
    """扫码签退"""
    sign_up_id = await attendance.sign_out_of_shift(caller.person_id, shift_id, body.code)
    return await queries.get_sign_up(caller.person_id, sign_up_id)
