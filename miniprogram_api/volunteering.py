"""志愿服务 volunteering."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.places.errors import Blocked, OfferExpired
from server.volunteering import actions as volunteering_actions
from server.volunteering import queries, recaps, sharing
from server.volunteering.queries import ActivityCard, ActivityView, NearbyQuery, UpcomingQuery
from server.volunteering.recaps import PastActivity, PastQuery, RecapView
from server.volunteering.sharing import SharedActivity
from server.volunteering.sign_ups import actions, eligibility, signing_up
from server.volunteering.sign_ups import queries as sign_up_queries
from server.volunteering.sign_ups.eligibility import Skill
from server.volunteering.sign_ups.errors import (
    NotEligible,
    RemovedFromShift,
    RoleNeeded,
    ShiftFull,
    ShiftOff,
    ShiftsOverlap,
    ShiftStarted,
    SignUpClosed,
    SignUpNotOpen,
)
from server.volunteering.sign_ups.party import MOST_FAMILY
from server.volunteering.sign_ups.queries import SignUpsQuery, SignUpView

routes = Routes("志愿服务 volunteering")


@routes.get("/activities", may_lag=True)
async def list_activities(caller: Caller, query: UpcomingQuery) -> Page[ActivityCard]:
    """近期活动

    本人所在社区可见、尚有场次的活动，按下一场的时间排列；可按类型、主办组织、时间、是否有余额筛选，
    `search` 在标题、内容和地点中查找，每个词至少两个字。
    """
    return await queries.list_activities(caller.person_id, query)


class NearbyActivities(msgspec.Struct):
    items: list[ActivityCard]


@routes.get("/activities/nearby", may_lag=True)
async def list_nearby_activities(caller: Caller, query: NearbyQuery) -> NearbyActivities:
    """附近的活动

    坐标为 gcj02；由近到远。
    """
    return NearbyActivities(await queries.list_nearby_activities(caller.person_id, query))


@routes.get("/activities/past", may_lag=True)
async def list_past_activities(caller: Caller, query: PastQuery) -> Page[PastActivity]:
    """往期活动（活动回顾）

    本人所在社区可见、已经结束的活动，最近的在前，附回顾的文字和照片；`only_recaps`：只看有回顾的。
    """
    return await recaps.list_past_activities(caller.person_id, query)


@routes.get("/activities/<activity_id>/recap")
async def get_recap(caller: Caller, activity_id: Id) -> RecapView:
    """活动回顾

    已通过内容安全检查的文字和照片。
    """
    return await recaps.get_recap(caller.person_id, activity_id)


@routes.get("/activities/<activity_id>/shared", who=Who.ANYONE)
async def show_shared_activity(caller: Caller | None, activity_id: Id) -> SharedActivity:
    """分享链接打开的活动卡片

    任何人都可查看。不能查看全部内容时，`why` 和 `advice` 说明原因和怎么办：登录、选择社区，或这是其他社区的活动。
    """
    return await sharing.show_shared_activity(caller.person_id if caller else None, activity_id)


@routes.get("/activities/<activity_id>")
async def get_activity(caller: Caller, activity_id: Id) -> ActivityView:
    """活动详情

    含各场次余量、候补人数，以及本人的报名情况。
    """
    return await queries.get_activity(caller.person_id, activity_id)


class SignUpForShift(Strict):
    """`shift_role_id` may be left out where the shift has one role. `family_ids` come along."""

    shift_role_id: Id | None = None
    family_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_FAMILY)] = []


@routes.post(
    "/shifts/<shift_id>/sign-ups",
    status=201,
    raced_for="shift_id",
    errors=[
        ConsentNeeded,
        NotEligible,
        RemovedFromShift,
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
    可与最多 4 位家人一起报名：一起确认或一起候补，名额不够一家人时整组等候。
    """
    return await signing_up.sign_up(caller.person_id, shift_id, body.shift_role_id, body.family_ids)


@routes.get("/shifts/<shift_id>/actions")
async def list_shift_actions(caller: Caller, shift_id: Id) -> list[ActionView]:
    """我现在可以对这个场次做什么

    未报名时每个岗位一项 sign_up（of 为岗位）：不能报名的，why 和 words 说明原因；已报名时为取消、接受或放弃名额。
    """
    return await actions.list_shift_actions(caller.person_id, shift_id)


@routes.get("/me/sign-ups")
async def list_my_sign_ups(caller: Caller, query: SignUpsQuery) -> Page[SignUpView]:
    """我和家人的报名"""
    return await sign_up_queries.list_my_sign_ups(caller.person_id, query)


@routes.get("/sign-ups/<sign_up_id>")
async def get_sign_up(caller: Caller, sign_up_id: Id) -> SignUpView:
    """报名详情"""
    return await sign_up_queries.get_sign_up(caller.person_id, sign_up_id)


@routes.get("/sign-ups/<sign_up_id>/actions")
async def list_sign_up_actions(caller: Caller, sign_up_id: Id) -> list[ActionView]:
    """这份报名能做什么

    本人或家人的：取消、接受或放弃名额、评价；不能做的说明原因。
    """
    return await volunteering_actions.list_sign_up_actions(caller.person_id, sign_up_id)


class CancelSignUp(Strict):
    with_family: bool = False


@routes.post("/sign-ups/<sign_up_id>/cancel", errors=[ShiftStarted, WrongState])
async def cancel_sign_up(caller: Caller, sign_up_id: Id, body: CancelSignUp) -> SignUpView:
    """取消报名

    超过取消截止时间的取消按爽约计（报名后改过时间的场次除外）。with_family：家人在该场次的报名一并取消。
    """
    return await signing_up.cancel_sign_up(caller.person_id, sign_up_id, with_family=body.with_family)


@routes.post("/sign-ups/<sign_up_id>/accept", errors=[OfferExpired, WrongState])
async def accept_shift_offer(caller: Caller, sign_up_id: Id) -> SignUpView:
    """接受候补名额"""
    return await signing_up.accept_shift_offer(caller.person_id, sign_up_id)


@routes.post("/sign-ups/<sign_up_id>/decline", errors=[WrongState])
async def decline_shift_offer(caller: Caller, sign_up_id: Id) -> SignUpView:
    """放弃候补名额"""
    return await signing_up.decline_shift_offer(caller.person_id, sign_up_id)


class MySkills(Strict):
    skills: Annotated[list[Skill], msgspec.Meta(max_length=20)]


@routes.get("/me/skills")
async def list_my_skills(caller: Caller) -> MySkills:
    """我的特长"""
    return MySkills(skills=await eligibility.list_my_skills(caller.person_id))


@routes.put("/me/skills")
async def set_my_skills(caller: Caller, body: MySkills) -> MySkills:
    """填写我的特长

    有的活动需要特长（如“护理”）才能报名；只用于核对，不展示给他人。
    """
    return MySkills(skills=await eligibility.set_my_skills(caller.person_id, body.skills))
