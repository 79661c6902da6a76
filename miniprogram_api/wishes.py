"""微心愿 wishes: the wall, writing a wish, claiming it, and the wisher's answer."""

from datetime import date
from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes
from server.accounts.service import ConsentNeeded
from server.accounts.sessions import Caller
from server.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState
from server.ids import Id
from server.media.service import PictureUnusable
from server.pages import Page, PageQuery
from server.wishes import claiming, contact, posting, queries
from server.wishes.contact import WishContact
from server.wishes.errors import CommunityNeeded, OwnWish, PhoneNeeded, TooManyOpenClaims, WishTaken
from server.wishes.models import Audience, WishKind
from server.wishes.posting import WishContent
from server.wishes.queries import MyClaimView, WishCard, WishView
from server.wishes.rules import MAX_PICTURES

routes = Routes("微心愿 wishes")

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Words = Annotated[str, msgspec.Meta(max_length=500)]


class WallQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    organization_id: Id | None = None
    """Only this organization's subtree; without it, the caller's community first, then the rest of its subdistrict."""
    kind: WishKind | None = None
    audience: Audience | None = None
    search: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """Words of at least two characters, with spaces between; all of them must occur."""


@routes.get("/wishes", errors=[InvalidFields])
async def list_published_wishes(caller: Caller, query: WallQuery) -> Page[WishCard]:
    """心愿墙：待认领的微心愿"""
    return await queries.list_published_wishes(
        caller.person_id,
        organization_id=query.organization_id,
        kind=query.kind,
        audience=query.audience,
        search=query.search,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.get("/wishes/mine", errors=[InvalidFields])
async def list_my_wishes(caller: Caller, query: PageQuery) -> Page[WishCard]:
    """我的心愿（含代他人发布的）"""
    return await queries.list_my_wishes(caller.person_id, query.cursor, query.limit)


@routes.get("/wishes/claims", errors=[InvalidFields])
async def list_my_wish_claims(caller: Caller, query: PageQuery) -> Page[MyClaimView]:
    """我认领的心愿"""
    return await queries.list_my_wish_claims(caller.person_id, query.cursor, query.limit)


class DraftWish(WishContent, forbid_unknown_fields=True, kw_only=True):
    beneficiary_id: Id | None = None
    """Whom the wish is for, where it is not the caller's own: somebody the caller looks after, or, for staff, a
    resident of their area."""
    beneficiary_consents: bool = False
    """Staff have asked, and the resident agrees to be spoken for; it is recorded."""


@routes.post(
    "/wishes",
    status=201,
    errors=[CommunityNeeded, ConsentNeeded, InvalidFields, NotFound, PictureUnusable],
)
async def draft_wish(caller: Caller, body: DraftWish) -> WishView:
    """写一个心愿（草稿）"""
    wish_id = await posting.draft_wish(
        caller.person_id,
        body,
        beneficiary_id=body.beneficiary_id,
        beneficiary_consents=body.beneficiary_consents,
    )
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.get("/wishes/<wish_id>", errors=[NotFound])
async def get_wish(caller: Caller, wish_id: Id) -> WishView:
    """心愿详情"""
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.get("/wishes/<wish_id>/contact", errors=[NotFound, NotAllowed])
async def view_wish_contact(caller: Caller, wish_id: Id) -> WishContact:
    """查看心愿的联系方式（留痕）

    认领人在完成心愿期间可见，放弃后不再可见；许愿人和社区工作人员可见。
    """
    return await contact.view_wish_contact(caller.person_id, wish_id)


class EditWish(WishContent, forbid_unknown_fields=True, kw_only=True):
    version: int


@routes.put(
    "/wishes/<wish_id>",
    errors=[EditedMeanwhile, InvalidFields, NotFound, NotAllowed, PictureUnusable, WrongState],
)
async def edit_wish(caller: Caller, wish_id: Id, body: EditWish) -> WishView:
    """修改心愿

    已发布或已被认领的心愿修改后重新审核。
    """
    await posting.edit_wish(caller.person_id, wish_id, body.version, body)
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.post(
    "/wishes/<wish_id>/submit",
    errors=[ConsentNeeded, EditedMeanwhile, InvalidFields, NotFound, NotAllowed, WrongState],
)
async def submit_wish(caller: Caller, wish_id: Id) -> WishView:
    """提交心愿审核"""
    await posting.submit_wish(caller.person_id, wish_id)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class RenewWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    wished_by: date


@routes.post(
    "/wishes/<wish_id>/renew",
    errors=[ConsentNeeded, EditedMeanwhile, InvalidFields, NotFound, NotAllowed, WrongState],
)
async def renew_wish(caller: Caller, wish_id: Id, body: RenewWish) -> WishView:
    """续期已过期的心愿"""
    await posting.renew_wish(caller.person_id, wish_id, body.wished_by)
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.post("/wishes/<wish_id>/withdraw", errors=[NotFound, NotAllowed, WrongState])
async def withdraw_wish(caller: Caller, wish_id: Id) -> WishView:
    """撤回心愿"""
    await posting.withdraw_wish(caller.person_id, wish_id)
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.post(
    "/wishes/<wish_id>/claim",
    errors=[NotFound, OwnWish, PhoneNeeded, TooManyOpenClaims, WishTaken, WrongState],
)
async def claim_wish(caller: Caller, wish_id: Id) -> WishView:
    """认领心愿"""
    await claiming.claim_wish(caller.person_id, wish_id)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class ReleaseClaim(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


@routes.post("/wishes/<wish_id>/release", status=204, errors=[NotFound, NotAllowed, WrongState])
async def release_claim(caller: Caller, wish_id: Id, body: ReleaseClaim) -> None:
    """放弃认领"""
    await claiming.release_claim(caller.person_id, wish_id, body.reason)


class ReportWishDone(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    note: Words = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MAX_PICTURES)]


@routes.post(
    "/wishes/<wish_id>/report",
    errors=[InvalidFields, NotFound, NotAllowed, PictureUnusable, WrongState],
)
async def report_wish_done(caller: Caller, wish_id: Id, body: ReportWishDone) -> WishView:
    """报告心愿已完成（附照片）"""
    await claiming.report_wish_done(caller.person_id, wish_id, body.note, body.picture_ids)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class ConfirmWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)]
    words: Words = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_PICTURES)] = []


@routes.post("/wishes/<wish_id>/confirm", errors=[NotFound, NotAllowed, PictureUnusable, WrongState])
async def confirm_wish(caller: Caller, wish_id: Id, body: ConfirmWish) -> WishView:
    """确认心愿已实现并评价"""
    await claiming.confirm_wish(caller.person_id, wish_id, body.rating, body.words, body.picture_ids)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class DisputeWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


@routes.post("/wishes/<wish_id>/dispute", errors=[NotFound, NotAllowed, WrongState])
async def dispute_wish(caller: Caller, wish_id: Id, body: DisputeWish) -> WishView:
    """对完成情况有异议"""
    await claiming.dispute_wish(caller.person_id, wish_id, body.reason)
    return await queries.get_visible_wish(caller.person_id, wish_id)
