"""双报到: checking in as a member, and posts."""

from miniprogram_api.fields import WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.accounts.sharing import SharedCard
from server.check_in import actions, checking_in, queries
from server.check_in.checking_in import CheckInApplication, Talents
from server.check_in.posts import actions as post_actions
from server.check_in.posts import holding
from server.check_in.posts import queries as post_queries
from server.check_in.posts.queries import MyHolding, PostView, VisibleHolder
from server.check_in.queries import MyCheckIn, MyCheckIns
from server.check_in.units.pairing import NotPaired
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group

routes = Routes("双报到 check-in")


class ApplyAgain(CheckInApplication, kw_only=True, frozen=True):
    version: Version


class ChangeTalents(Talents, kw_only=True, frozen=True):
    version: Version


@routes.post(
    "/check-ins",
    status=201,
    group=Group.REVIEWED,
    errors=[ConsentNeeded, checking_in.CheckInPending, checking_in.AlreadyCheckedIn, NotPaired],
)
async def apply_check_in(caller: Caller, body: CheckInApplication) -> MyCheckIn:
    """向居住地社区报到

    需要单独的同意 `membership_data`。已在别处报到的，视为申请转出：新的确认后，原来的结束。
    """
    return await checking_in.apply_check_in(caller.person_id, body)


@routes.put(
    "/check-ins/<check_in_id>",
    group=Group.REVIEWED,
    errors=[ConsentNeeded, WrongState, EditedMeanwhile, checking_in.AlreadyCheckedIn, NotPaired],
)
async def apply_check_in_again(caller: Caller, check_in_id: Id, body: ApplyAgain) -> MyCheckIns:
    """修改并重新提交报到申请"""
    return await checking_in.apply_check_in_again(caller.person_id, check_in_id, body.version, body)


@routes.get("/check-ins/<check_in_id>/actions")
async def list_check_in_actions(caller: Caller, check_in_id: Id) -> list[ActionView]:
    """我对这次报到能做什么

    修改申请、更新信息、撤回或结束报到；不能做的说明原因。
    """
    return await actions.list_check_in_actions(caller.person_id, check_in_id)


@routes.put("/check-ins/<check_in_id>/talents", errors=[WrongState, EditedMeanwhile])
async def change_talents(caller: Caller, check_in_id: Id, body: ChangeTalents) -> MyCheckIns:
    """更新住址、特长和服务意愿"""
    return await checking_in.change_talents(caller.person_id, check_in_id, body.version, body)


@routes.post("/check-ins/<check_in_id>/withdraw", errors=[WrongState])
async def withdraw_check_in(caller: Caller, check_in_id: Id, body: WithReason) -> MyCheckIns:
    """撤回报到申请，或结束报到"""
    return await checking_in.withdraw_check_in(caller.person_id, check_in_id, body.reason)


@routes.get("/me/check-ins")
async def get_my_check_ins(caller: Caller) -> MyCheckIns:
    """我的报到"""
    return await queries.get_my_check_ins(caller.person_id)


@routes.get("/communities/<community_id>/posts")
async def list_posts(caller: Caller, community_id: Id, query: PageQuery) -> Page[PostView]:
    """社区正在招募的岗位"""
    return await post_queries.list_posts(caller.person_id, community_id, query)


@routes.get("/posts/<post_id>")
async def show_post(caller: Caller, post_id: Id) -> PostView:
    """岗位详情"""
    return await post_queries.show_post(caller.person_id, post_id)


@routes.get("/posts/<post_id>/shared", who=Who.ANYONE)
async def show_shared_post(caller: Caller | None, post_id: Id) -> SharedCard:
    """分享链接打开的岗位卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await post_queries.show_shared_post(caller.person_id if caller else None, post_id)


@routes.get("/posts/<post_id>/actions")
async def list_post_actions(caller: Caller, post_id: Id) -> list[ActionView]:
    """我现在可以对这个岗位做什么：申请（不能的说明原因），或卸任"""
    return await post_actions.list_post_actions(caller.person_id, post_id)


@routes.post(
    "/posts/<post_id>/apply",
    status=201,
    group=Group.REVIEWED,
    errors=[holding.PostClosed, holding.NotCheckedIn, holding.PostHeld],
)
async def apply_for_post(caller: Caller, post_id: Id) -> MyHolding:
    """申请岗位"""
    return await holding.apply_for_post(caller.person_id, post_id)


@routes.get("/post-holdings/<holding_id>/actions")
async def list_holding_actions(caller: Caller, holding_id: Id) -> list[ActionView]:
    """我对这份岗位申请（任职）能做什么"""
    return await post_actions.list_holding_actions(caller.person_id, holding_id)


@routes.post("/post-holdings/<holding_id>/leave", errors=[WrongState])
async def leave_post(caller: Caller, holding_id: Id, body: WithReason) -> MyHolding:
    """撤回岗位申请，或卸任岗位"""
    return await holding.leave_post(caller.person_id, holding_id, body.reason)


@routes.get("/me/posts")
async def list_my_posts(caller: Caller) -> list[MyHolding]:
    """我的岗位"""
    return await post_queries.list_my_posts(caller.person_id)


@routes.get("/communities/<community_id>/post-holders")
async def list_visible_holders(community_id: Id) -> list[VisibleHolder]:
    """岗位公示：已亮明身份的任职党员"""
    return await post_queries.list_visible_holders(community_id)
