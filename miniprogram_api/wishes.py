"""微心愿 wishes: the wall, writing a wish, claiming it, and the wisher's answer."""

from datetime import date
from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.fields import SignedCode, Statement, Strict, WithReason, Words
from miniprogram_api.routing import Routes, Who
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.accounts.sharing import SharedCard
from server.foundation.actions import ActionView
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.foundation.rating import NewRating
from server.media.uploads.uploading import PictureUnusable
from server.wishes import actions, claiming, contact, fulfilling, lists, posting, queries, stories
from server.wishes.contact import ContactViewed, WishContact
from server.wishes.errors import (
    CommunityNeeded,
    HandOverCodeExpired,
    HandOverCodeInvalid,
    NameNeeded,
    OwnWish,
    PhoneNeeded,
    PosterNotAgreed,
    ShareTooLarge,
    TooManyContacts,
    TooManyHelpers,
    TooManyNotes,
    TooManyOpenClaims,
    VolunteerNeeded,
    VouchNeeded,
    WishTaken,
)
from server.wishes.fulfilling import HandOverCode
from server.wishes.lists import WallQuery, WishCard
from server.wishes.posting import WishContent
from server.wishes.queries import MyClaimView, WishView
from server.wishes.rules import MAX_PICTURES, MAX_QUANTITY
from server.wishes.stories import FulfilledWish

routes = Routes("微心愿 wishes")


@routes.get("/wishes", may_lag=True)
async def list_published_wishes(caller: Caller, query: WallQuery) -> Page[WishCard]:
    """心愿墙：待认领的微心愿

    本社区在前，其次是附近社区，再次是本街道其他社区；各部分内按希望实现的日期排列。
    """
    return await lists.list_published_wishes(caller.person_id, query)


class FulfilledQuery(PageQuery):
    organization_id: Id | None = None
    """Only this organization's subtree."""


@routes.get("/wishes/fulfilled", who=Who.ANYONE, may_lag=True)
async def list_fulfilled_wishes(query: FulfilledQuery) -> Page[FulfilledWish]:
    """已实现的心愿（公开）

    双方都同意展示的，附有感谢的话和照片。
    """
    return await stories.list_fulfilled_wishes(query.organization_id, query)


@routes.get("/wishes/mine")
async def list_my_wishes(caller: Caller, query: PageQuery) -> Page[WishCard]:
    """我的心愿（含代他人发布的）"""
    return await lists.list_my_wishes(caller.person_id, query)


class ClaimsQuery(PageQuery):
    unit_id: Id | None = None
    """What this unit has claimed, for its liaisons."""
    team_id: Id | None = None
    """What this team has claimed, for those in it."""


@routes.get("/wishes/claims", errors=[NotFound])
async def list_my_wish_claims(caller: Caller, query: ClaimsQuery) -> Page[MyClaimView]:
    """我认领或参与的心愿；或本单位、本团队认领的"""
    return await queries.list_my_wish_claims(caller.person_id, query, unit_id=query.unit_id, team_id=query.team_id)


class DraftWish(WishContent, forbid_unknown_fields=True):
    beneficiary_id: Id | None = None
    """Whom the wish is for, where it is not the caller's own: somebody the caller looks after, or, for staff, a
    resident of their area."""
    beneficiary_consents: bool = False
    """Staff have asked, and the resident agrees to be spoken for; it is recorded."""


@routes.post("/wishes", status=201, errors=[CommunityNeeded, ConsentNeeded, NotFound, PictureUnusable])
async def draft_wish(caller: Caller, body: DraftWish) -> WishView:
    """写一个心愿（草稿）"""
    return await posting.draft_wish(
        caller.person_id, body, beneficiary_id=body.beneficiary_id, beneficiary_consents=body.beneficiary_consents
    )


@routes.get("/wishes/<wish_id>")
async def get_wish(caller: Caller, wish_id: Id) -> WishView:
    """心愿详情"""
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.get("/wishes/<wish_id>/shared", who=Who.ANYONE)
async def show_shared_wish(caller: Caller | None, wish_id: Id) -> SharedCard:
    """分享链接打开的心愿卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await stories.show_shared_wish(caller.person_id if caller else None, wish_id)


@routes.get("/wishes/<wish_id>/actions")
async def list_wish_actions(caller: Caller, wish_id: Id) -> list[ActionView]:
    """我现在可以对这个心愿做什么

    待认领时总有 claim：不能认领的，why 和 words 说明原因。工作人员的审核、改派等也在其中；end_share 的 of 为谁的一份。
    """
    return await actions.list_wish_actions(caller.person_id, wish_id)


@routes.get("/wishes/<wish_id>/contact-views")
async def list_contact_views(caller: Caller, wish_id: Id) -> list[ContactViewed]:
    """谁在何时查看过我的联系方式"""
    return await contact.list_contact_views(caller.person_id, wish_id)


@routes.get("/wishes/<wish_id>/contact", errors=[NotAllowed, TooManyContacts])
async def view_wish_contact(caller: Caller, wish_id: Id) -> WishContact:
    """查看心愿的联系方式（留痕）

    认领人在完成心愿期间可见，放弃后不再可见；许愿人和社区工作人员可见。
    """
    return await contact.view_wish_contact(caller.person_id, wish_id)


class EditWish(WishContent, forbid_unknown_fields=True):
    version: Version


@routes.put("/wishes/<wish_id>", errors=[ConsentNeeded, EditedMeanwhile, NotAllowed, PictureUnusable, WrongState])
async def edit_wish(caller: Caller, wish_id: Id, body: EditWish) -> WishView:
    """修改心愿

    已发布或已被认领的心愿修改后重新审核。
    """
    return await posting.edit_wish(caller.person_id, wish_id, body.version, body)


@routes.post(
    "/wishes/<wish_id>/submit",
    group=Group.REVIEWED,
    errors=[ConsentNeeded, EditedMeanwhile, InvalidFields, NotAllowed, WrongState],
)
async def submit_wish(caller: Caller, wish_id: Id) -> WishView:
    """提交心愿审核"""
    return await posting.submit_wish(caller.person_id, wish_id)


class RenewWish(Strict):
    wished_by: date


@routes.post("/wishes/<wish_id>/renew", errors=[ConsentNeeded, EditedMeanwhile, NotAllowed, WrongState])
async def renew_wish(caller: Caller, wish_id: Id, body: RenewWish) -> WishView:
    """续期已过期的心愿"""
    return await posting.renew_wish(caller.person_id, wish_id, body.wished_by)


@routes.post("/wishes/<wish_id>/withdraw", errors=[NotAllowed, WrongState])
async def withdraw_wish(caller: Caller, wish_id: Id) -> WishView:
    """撤回心愿"""
    return await posting.withdraw_wish(caller.person_id, wish_id)


class ClaimWish(Strict):
    """For oneself where both are left out."""

    unit_id: Id | None = None
    """For a unit, by one of its liaisons."""
    team_id: Id | None = None
    """With a team, by its leader."""


@routes.post(
    "/wishes/<wish_id>/claim",
    raced_for="wish_id",
    errors=[
        NameNeeded,
        NotAllowed,
        OwnWish,
        PhoneNeeded,
        TooManyOpenClaims,
        VolunteerNeeded,
        VouchNeeded,
        WishTaken,
        WrongState,
    ],
)
async def claim_wish(caller: Caller, wish_id: Id, body: ClaimWish) -> WishView:
    """认领心愿

    党员、志愿者可以个人认领，单位由联络员认领，团队由队长认领。
    """
    return await claiming.claim_wish(caller.person_id, wish_id, unit_id=body.unit_id, team_id=body.team_id)


@routes.post("/wishes/<wish_id>/release", errors=[NotAllowed, WrongState])
async def release_claim(caller: Caller, wish_id: Id, body: WithReason) -> MyClaimView:
    """放弃认领"""
    return await claiming.release_claim(caller.person_id, wish_id, body.reason)


class TakeShare(Strict):
    quantity: Annotated[int, msgspec.Meta(ge=0, le=MAX_QUANTITY)] = 0
    """How many of the things; 0 for lending a hand."""


@routes.put("/wishes/<wish_id>/share", errors=[NotAllowed, ShareTooLarge, TooManyHelpers, WrongState])
async def take_share(caller: Caller, wish_id: Id, body: TakeShare) -> WishView:
    """团队成员认一份（可修改数量）"""
    return await claiming.take_share(caller.person_id, wish_id, body.quantity)


@routes.delete("/wishes/<wish_id>/shares/<helper_id>", errors=[NotAllowed, WrongState])
async def end_share(caller: Caller, wish_id: Id, helper_id: Id) -> MyClaimView:
    """退出自己的一份；或由队长取消某人的一份"""
    return await claiming.end_share(caller.person_id, wish_id, helper_id)


class AddWishNote(Strict):
    text: Words = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []


@routes.post("/wishes/<wish_id>/notes", status=201, errors=[NotAllowed, PictureUnusable, TooManyNotes, WrongState])
async def add_wish_note(caller: Caller, wish_id: Id, body: AddWishNote) -> WishView:
    """写一条进展（可附照片）

    快到期时写进展，期限自动顺延几天。
    """
    return await fulfilling.add_wish_note(caller.person_id, wish_id, body.text, body.picture_ids)


class ReportWishDone(Strict, kw_only=True):
    note: Words = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MAX_PICTURES)]


@routes.post("/wishes/<wish_id>/report", errors=[NotAllowed, PictureUnusable, WrongState])
async def report_wish_done(caller: Caller, wish_id: Id, body: ReportWishDone) -> WishView:
    """报告心愿已完成（附照片）"""
    return await fulfilling.report_wish_done(caller.person_id, wish_id, body.note, body.picture_ids)


@routes.get("/wishes/<wish_id>/hand-over-code", errors=[WrongState])
async def show_hand_over_code(caller: Caller, wish_id: Id) -> HandOverCode:
    """交接码：许愿人出示，认领人当面扫码"""
    return await fulfilling.show_hand_over_code(caller.person_id, wish_id)


class HandOverWish(Strict):
    code: SignedCode
    """The wisher's."""
    note: Words = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []


@routes.post(
    "/wishes/<wish_id>/hand-over",
    group=Group.CODES,
    errors=[HandOverCodeExpired, HandOverCodeInvalid, NotAllowed, PictureUnusable, WrongState],
)
async def hand_over_wish(caller: Caller, wish_id: Id, body: HandOverWish) -> WishView:
    """扫许愿人的交接码，当面完成心愿"""
    return await fulfilling.hand_over_wish(caller.person_id, wish_id, body.code, body.note, body.picture_ids)


class ConfirmWish(NewRating, kw_only=True):
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []
    agrees_to_show: bool = False
    """The wisher agrees that the story is shown on a poster and on the public page, once the claimer does too."""


@routes.post("/wishes/<wish_id>/confirm", errors=[NotAllowed, PictureUnusable, WrongState])
async def confirm_wish(caller: Caller, wish_id: Id, body: ConfirmWish) -> WishView:
    """确认心愿已实现并评价"""
    return await fulfilling.confirm_wish(
        caller.person_id,
        wish_id,
        body,
        body.picture_ids,
        agrees_to_show=body.agrees_to_show,
    )


class DisputeWish(Strict):
    reason: Statement


@routes.post("/wishes/<wish_id>/dispute", group=Group.REVIEWED, errors=[NotAllowed, WrongState])
async def dispute_wish(caller: Caller, wish_id: Id, body: DisputeWish) -> WishView:
    """对完成情况有异议"""
    return await fulfilling.dispute_wish(caller.person_id, wish_id, body.reason)


class AgreeToShow(Strict):
    agrees: bool


@routes.put("/wishes/<wish_id>/showing", errors=[NotAllowed, WrongState])
async def agree_to_show_wish(caller: Caller, wish_id: Id, body: AgreeToShow) -> WishView:
    """同意（或不再同意）展示已实现的心愿

    双方都同意后才能生成海报，并在公开页附上感谢的话和照片。
    """
    return await fulfilling.agree_to_show_wish(caller.person_id, wish_id, body.agrees)


@routes.get(
    "/wishes/<wish_id>/poster", who=Who.ANYONE, raw=("image/jpeg",), group=Group.DRAWING, errors=[PosterNotAgreed]
)
async def draw_wish_poster(caller: Caller | None, wish_id: Id) -> HTTPResponse:
    """心愿海报（JPEG，公开）"""
    picture = await stories.draw_poster_of_wish(caller.person_id if caller else None, wish_id)
    return HTTPResponse(picture, content_type="image/jpeg")
