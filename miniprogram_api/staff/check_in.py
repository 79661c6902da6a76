"""Staff: deciding about members' check-ins, the community's code, opening posts, approving holders."""

from sanic.response import HTTPResponse

from miniprogram_api.downloads import SHEETS, send_sheet
from miniprogram_api.fields import Strict, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.check_in import actions, checking_in, community_codes, queries
from server.check_in.models import CheckInState
from server.check_in.posts import actions as post_actions
from server.check_in.posts import holding
from server.check_in.posts import queries as post_queries
from server.check_in.posts.holding import NewPost, PostContent
from server.check_in.posts.models import HoldingState, PostState
from server.check_in.posts.queries import HoldingCard, PostCard
from server.check_in.queries import CheckInCard, CheckInDetail
from server.check_in.units.pairing import NotPaired
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.drawing.sheet import SheetFormat
from server.places.errors import PlacesFull

routes = Routes("工作端：双报到", prefix="/staff")


class CheckInsQuery(PageQuery):
    organization_id: Id
    state: CheckInState = CheckInState.APPLIED


@routes.get("/check-ins", who=Who.STAFF)
async def list_check_ins(caller: Caller, query: CheckInsQuery) -> Page[CheckInCard]:
    """辖区内的报到"""
    return await queries.list_check_ins(caller.person_id, query.organization_id, query.state, query)


@routes.get("/check-ins/<check_in_id>", who=Who.STAFF)
async def view_check_in(caller: Caller, check_in_id: Id) -> CheckInDetail:
    """查看报到申请（留痕）"""
    return await queries.view_check_in(caller.person_id, check_in_id)


@routes.get("/check-ins/<check_in_id>/actions", who=Who.STAFF)
async def list_check_in_actions_of_staff(caller: Caller, check_in_id: Id) -> list[ActionView]:
    """工作人员对这份报到能做什么

    确认、退回、调整网格、核对党组织、结束报到等能不能做、为什么。
    """
    return await actions.list_check_in_actions_of_staff(caller.person_id, check_in_id)


class ConfirmCheckIn(Strict):
    grid_id: Id | None = None


@routes.post("/check-ins/<check_in_id>/confirm", who=Who.STAFF, errors=[WrongState, NotPaired])
async def confirm_check_in(caller: Caller, check_in_id: Id, body: ConfirmCheckIn) -> CheckInCard:
    """确认报到并分配网格"""
    return await checking_in.confirm_check_in(caller.person_id, check_in_id, grid_id=body.grid_id)


@routes.post("/check-ins/<check_in_id>/return", who=Who.STAFF, errors=[WrongState])
async def return_check_in(caller: Caller, check_in_id: Id, body: WithReason) -> CheckInCard:
    """退回报到申请"""
    return await checking_in.return_check_in(caller.person_id, check_in_id, body.reason)


@routes.post("/check-ins/<check_in_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_check_in(caller: Caller, check_in_id: Id, body: WithReason) -> CheckInCard:
    """不接受报到申请"""
    return await checking_in.refuse_check_in(caller.person_id, check_in_id, body.reason)


class AssignGrid(Strict):
    grid_id: Id | None


class MatchHome(Strict):
    home_organization_id: Id


@routes.put("/check-ins/<check_in_id>/grid", who=Who.STAFF, errors=[WrongState])
async def assign_grid(caller: Caller, check_in_id: Id, body: AssignGrid) -> CheckInCard:
    """调整报到党员的网格"""
    return await checking_in.assign_grid(caller.person_id, check_in_id, body.grid_id)


@routes.post("/check-ins/<check_in_id>/end", who=Who.STAFF, errors=[WrongState])
async def end_check_in(caller: Caller, check_in_id: Id, body: WithReason) -> CheckInCard:
    """结束党员的报到"""
    return await checking_in.end_check_in(caller.person_id, check_in_id, body.reason)


@routes.post("/check-ins/<check_in_id>/match-home", who=Who.STAFF)
async def match_home(caller: Caller, check_in_id: Id, body: MatchHome) -> CheckInCard:
    """核对党员填写的所属党组织"""
    return await checking_in.match_home(caller.person_id, check_in_id, body.home_organization_id)


class CodeFormat(Strict):
    format: SheetFormat = SheetFormat.PNG


@routes.get("/communities/<community_id>/code", who=Who.STAFF, raw=SHEETS, group=Group.DRAWING)
async def make_community_code(caller: Caller, community_id: Id, query: CodeFormat) -> HTTPResponse:
    """社区报到二维码（A4，供打印）

    图片为 300 dpi。微信暂时不能生成小程序码时为普通二维码（响应头 `x-linli-code: plain`），用小程序内的“扫一扫”识别。
    居民加入社区用 `/staff/communities/{id}/join-code`。
    """
    sheet = await community_codes.make_community_code(caller.person_id, community_id, query.format)
    return send_sheet(sheet, "社区报到", query.format)


class ChangePost(PostContent, kw_only=True, frozen=True):
    version: Version


@routes.post("/posts", who=Who.STAFF, status=201)
async def open_post(caller: Caller, body: NewPost) -> PostCard:
    """设立岗位"""
    return await holding.open_post(caller.person_id, body)


@routes.get("/posts/<post_id>/actions", who=Who.STAFF)
async def list_post_actions_of_staff(caller: Caller, post_id: Id) -> list[ActionView]:
    """工作人员对这个岗位能做什么"""
    return await post_actions.list_post_actions_of_staff(caller.person_id, post_id)


@routes.put("/posts/<post_id>", who=Who.STAFF, errors=[WrongState, EditedMeanwhile])
async def change_post(caller: Caller, post_id: Id, body: ChangePost) -> PostCard:
    """修改岗位"""
    return await holding.change_post(caller.person_id, post_id, body.version, body)


@routes.post("/posts/<post_id>/close", who=Who.STAFF)
async def close_post(caller: Caller, post_id: Id) -> PostCard:
    """停止招募岗位"""
    return await holding.close_post(caller.person_id, post_id)


class PostsQuery(PageQuery):
    community_id: Id
    state: PostState = PostState.OPEN


@routes.get("/posts", who=Who.STAFF)
async def list_community_posts(caller: Caller, query: PostsQuery) -> Page[PostCard]:
    """社区的岗位（含已停止和已到期）"""
    return await post_queries.list_community_posts(caller.person_id, query.community_id, query.state, query)


class HoldingsQuery(PageQuery):
    """Of one post where `post_id` is given; ended holdings stay, so this is also the history."""

    community_id: Id
    state: HoldingState = HoldingState.APPLIED
    post_id: Id | None = None


@routes.get("/post-holdings", who=Who.STAFF)
async def list_post_holdings(caller: Caller, query: HoldingsQuery) -> Page[HoldingCard]:
    """岗位申请与任职"""
    return await post_queries.list_post_holdings(
        caller.person_id, query.community_id, query.state, query, query.post_id
    )


@routes.get("/post-holdings/<holding_id>/actions", who=Who.STAFF)
async def list_holding_actions_of_staff(caller: Caller, holding_id: Id) -> list[ActionView]:
    """工作人员对这份岗位申请（任职）能做什么"""
    return await post_actions.list_holding_actions_of_staff(caller.person_id, holding_id)


@routes.post(
    "/post-holdings/<holding_id>/approve",
    who=Who.STAFF,
    errors=[WrongState, PlacesFull, holding.NotCheckedIn],
)
async def approve_post(caller: Caller, holding_id: Id) -> HoldingCard:
    """同意任职"""
    return await holding.approve_post(caller.person_id, holding_id)


@routes.post("/post-holdings/<holding_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_post(caller: Caller, holding_id: Id, body: WithReason) -> HoldingCard:
    """不同意任职"""
    return await holding.refuse_post(caller.person_id, holding_id, body.reason)


@routes.post("/post-holdings/<holding_id>/end", who=Who.STAFF, errors=[WrongState])
async def end_holding(caller: Caller, holding_id: Id, body: WithReason) -> HoldingCard:
    """结束任职"""
    return await holding.end_holding(caller.person_id, holding_id, body.reason)
