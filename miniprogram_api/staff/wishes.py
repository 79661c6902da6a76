"""工作端：微心愿: review, claims, what is left with staff, confirmations after a call, disputes, terms and figures."""

from datetime import date

from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import (
    ByName,
    OfDays,
    OfOrganization,
    OrganizationPage,
    Reason,
    Statement,
    Strict,
    WithReason,
)
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX
from server.wishes import exports, figures, lists, queries, review
from server.wishes import terms as wish_terms
from server.wishes.errors import OwnWish, TooEarly, TooManyOpenClaims, WishNotChecked
from server.wishes.figures import CommunityWishFigures, WishFigures
from server.wishes.lists import UnclaimedWish, WishCard, WishesFound, WishInReview
from server.wishes.models import WishState
from server.wishes.queries import ClaimView, WishView
from server.wishes.review import DisputeDecision
from server.wishes.terms import Terms, TermsView

routes = Routes("工作端：微心愿", prefix="/staff")


@routes.get("/wishes/review", who=Who.STAFF)
async def list_wishes_to_review(caller: Caller, query: OrganizationPage) -> Page[WishInReview]:
    """待审核的心愿"""
    return await lists.list_wishes_to_review(caller.person_id, query.organization_id, query)


class AreaQuery(PageQuery):
    organization_id: Id
    state: WishState


@routes.get("/wishes", who=Who.STAFF)
async def list_wishes_of_area(caller: Caller, query: AreaQuery) -> Page[WishCard]:
    """辖区内某一状态的心愿"""
    return await lists.list_wishes_of_area(caller.person_id, query.organization_id, query.state, query)


class WishesWanted(OfDays, kw_only=True):
    """Handed in from day to day, both included; of one state, or all but drafts."""

    state: WishState | None = None


@routes.get("/wishes/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_wishes(caller: Caller, query: WishesWanted) -> HTTPResponse:
    """导出辖区内的心愿（xlsx）

    按提交日期，姓名与列表一样隐去一部分，不含地址和电话；最多 10000 条，每次导出都会留痕。
    """
    file = await exports.export_wishes(
        caller.person_id, query.organization_id, query.first_day, query.last_day, query.state
    )
    return send_file(file, XLSX)


@routes.post("/wishes/find", who=Who.STAFF, idempotent=False)
async def find_wishes(caller: Caller, body: ByName) -> WishesFound:
    """按姓名查找辖区内的心愿（留痕）

    许愿人或代写人的全名，间隔点和空格的写法不限；不含草稿。
    """
    return await lists.find_wishes(caller.person_id, body.organization_id, body.real_name)


@routes.get("/wishes/unclaimed", who=Who.STAFF)
async def list_unclaimed_wishes(caller: Caller, query: OrganizationPage) -> Page[UnclaimedWish]:
    """还没有人认领的心愿，最急的在前（网格员可见）"""
    return await lists.list_unclaimed_wishes(caller.person_id, query.organization_id, query)


class FiguresQuery(PageQuery):
    organization_id: Id
    since: date | None = None
    until: date | None = None
    """Days, both included, in which the wishes were first published; by default the year so far."""


@routes.get("/wishes/figures", who=Who.STAFF)
async def list_wish_figures(caller: Caller, query: FiguresQuery) -> Page[CommunityWishFigures]:
    """各社区心愿统计"""
    return await figures.list_wish_figures(caller.person_id, query.organization_id, query.since, query.until, query)


class TotalsQuery(Strict):
    organization_id: Id
    since: date | None = None
    until: date | None = None


@routes.get("/wishes/figures/total", who=Who.STAFF)
async def get_wish_figures(caller: Caller, query: TotalsQuery) -> WishFigures:
    """辖区心愿统计合计"""
    return await figures.get_wish_figures(caller.person_id, query.organization_id, query.since, query.until)


@routes.get("/wishes/figures/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_wish_figures(caller: Caller, query: TotalsQuery) -> HTTPResponse:
    """导出各社区心愿统计及合计（xlsx）

    每次导出都会留痕。
    """
    file = await exports.export_wish_figures(caller.person_id, query.organization_id, query.since, query.until)
    return send_file(file, XLSX)


@routes.get("/wishes/terms", who=Who.STAFF)
async def get_wish_terms(caller: Caller, query: OfOrganization) -> TermsView:
    """认领规则（上限和期限）"""
    return await wish_terms.get_wish_terms(caller.person_id, query.organization_id)


class SetWishTerms(Terms, forbid_unknown_fields=True):
    organization_id: Id
    version: Version
    """0 where the organization has none of its own yet."""


@routes.put("/wishes/terms", who=Who.STAFF, errors=[EditedMeanwhile])
async def set_wish_terms(caller: Caller, body: SetWishTerms) -> TermsView:
    """设定本辖区的认领规则（管理员）"""
    return await wish_terms.set_wish_terms(caller.person_id, body.organization_id, body.version, body)


@routes.get("/wishes/<wish_id>/claims", who=Who.STAFF)
async def list_claims_of_wish(caller: Caller, wish_id: Id) -> list[ClaimView]:
    """一个心愿的全部认领记录"""
    return await queries.list_claims_of_wish(caller.person_id, wish_id)


class PublishWish(Strict):
    version: Version
    """The one that was read: what was edited since is not published unseen."""
    grid_id: Id | None = None
    """In which grid it is, where known: whose grid workers look after it."""


@routes.post("/wishes/<wish_id>/publish", who=Who.STAFF, errors=[EditedMeanwhile, WishNotChecked, WrongState])
async def publish_wish(caller: Caller, wish_id: Id, body: PublishWish) -> WishView:
    """发布心愿"""
    return await review.publish_wish(caller.person_id, wish_id, body.version, body.grid_id)


@routes.post("/wishes/<wish_id>/return", who=Who.STAFF, errors=[WrongState])
async def return_wish(caller: Caller, wish_id: Id, body: WithReason) -> WishView:
    """退回心愿修改"""
    return await review.return_wish(caller.person_id, wish_id, body.reason)


@routes.post("/wishes/<wish_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_wish(caller: Caller, wish_id: Id, body: WithReason) -> WishView:
    """不予发布"""
    return await review.refuse_wish(caller.person_id, wish_id, body.reason)


@routes.post("/wishes/<wish_id>/take-back", who=Who.STAFF, errors=[WrongState])
async def take_back_wish(caller: Caller, wish_id: Id, body: WithReason) -> WishView:
    """收回认领，重新上墙"""
    return await review.take_back_wish(caller.person_id, wish_id, body.reason)


class AssignWish(Strict, kw_only=True):
    claimer_id: Id
    """Somebody who agreed to fulfil it."""
    unit_id: Id | None = None
    """For the unit whose liaison they are; or with the team that they lead."""
    team_id: Id | None = None
    reason: Reason


@routes.post("/wishes/<wish_id>/assign", who=Who.STAFF, errors=[OwnWish, TooManyOpenClaims, WrongState])
async def assign_wish(caller: Caller, wish_id: Id, body: AssignWish) -> WishView:
    """指派（改派）心愿认领人"""
    return await review.assign_wish(
        caller.person_id, wish_id, body.claimer_id, body.reason, unit_id=body.unit_id, team_id=body.team_id
    )


class TakeInWish(Strict):
    note: Statement
    """What was left, and to whom it is passed on."""


@routes.post("/wishes/<wish_id>/take-in", who=Who.STAFF, errors=[WrongState])
async def take_in_wish(caller: Caller, wish_id: Id, body: TakeInWish) -> WishView:
    """代收认领人送来的物品，转交许愿人"""
    return await review.take_in_wish(caller.person_id, wish_id, body.note)


class ConfirmForWisher(Strict):
    note: Statement
    """What the wisher said on the phone."""


@routes.post("/wishes/<wish_id>/confirm", who=Who.STAFF, errors=[TooEarly, WrongState])
async def confirm_wish_for_wisher(caller: Caller, wish_id: Id, body: ConfirmForWisher) -> WishView:
    """许愿人 7 天未回应时，电话核实后代为确认"""
    return await review.confirm_wish_for_wisher(caller.person_id, wish_id, body.note)


class DecideDispute(Strict):
    decision: DisputeDecision
    note: Statement


@routes.post("/wishes/<wish_id>/dispute/decision", who=Who.STAFF, errors=[WrongState])
async def decide_wish_dispute(caller: Caller, wish_id: Id, body: DecideDispute) -> WishView:
    """处理心愿争议"""
    return await review.decide_wish_dispute(caller.person_id, wish_id, body.decision, body.note)
