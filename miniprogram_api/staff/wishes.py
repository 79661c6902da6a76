"""工作端：微心愿: review, claims, confirmations after a call, disputes."""

from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes, Who
from miniprogram_api.wishes import Reason
from server.accounts.sessions import Caller
from server.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState
from server.ids import Id
from server.pages import Page, PageQuery
from server.wishes import queries, review
from server.wishes.errors import OwnWish, TooEarly, TooManyOpenClaims, WishNotChecked
from server.wishes.models import WishState
from server.wishes.queries import WishCard, WishInReview, WishView
from server.wishes.review import Decision

routes = Routes("工作端：微心愿", prefix="/staff")

Note = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ReviewQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    organization_id: Id


@routes.get("/wishes/review", who=Who.STAFF, errors=[InvalidFields, NotAllowed])
async def list_wishes_to_review(caller: Caller, query: ReviewQuery) -> Page[WishInReview]:
    """待审核的心愿"""
    return await queries.list_wishes_to_review(caller.person_id, query.organization_id, query.cursor, query.limit)


class AreaQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    organization_id: Id
    state: WishState


@routes.get("/wishes", who=Who.STAFF, errors=[InvalidFields, NotAllowed])
async def list_wishes_of_area(caller: Caller, query: AreaQuery) -> Page[WishCard]:
    """辖区内某一状态的心愿"""
    return await queries.list_wishes_of_area(
        caller.person_id, query.organization_id, query.state, query.cursor, query.limit
    )


class PublishWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    version: int
    """The one that was read: what was edited since is not published unseen."""


@routes.post(
    "/wishes/<wish_id>/publish",
    who=Who.STAFF,
    errors=[EditedMeanwhile, NotAllowed, NotFound, WishNotChecked, WrongState],
)
async def publish_wish(caller: Caller, wish_id: Id, body: PublishWish) -> WishView:
    """发布心愿"""
    await review.publish_wish(caller.person_id, wish_id, body.version)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class WithReason(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


@routes.post("/wishes/<wish_id>/return", who=Who.STAFF, errors=[NotAllowed, NotFound, WrongState])
async def return_wish(caller: Caller, wish_id: Id, body: WithReason) -> WishView:
    """退回心愿修改"""
    await review.return_wish(caller.person_id, wish_id, body.reason)
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.post("/wishes/<wish_id>/refuse", who=Who.STAFF, errors=[NotAllowed, NotFound, WrongState])
async def refuse_wish(caller: Caller, wish_id: Id, body: WithReason) -> WishView:
    """不予发布"""
    await review.refuse_wish(caller.person_id, wish_id, body.reason)
    return await queries.get_visible_wish(caller.person_id, wish_id)


@routes.post("/wishes/<wish_id>/take-back", who=Who.STAFF, errors=[NotAllowed, NotFound, WrongState])
async def take_back_wish(caller: Caller, wish_id: Id, body: WithReason) -> WishView:
    """收回认领，重新上墙"""
    await review.take_back_wish(caller.person_id, wish_id, body.reason)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class AssignWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    claimer_id: Id
    """Somebody who agreed to fulfil it."""
    reason: Reason


@routes.post(
    "/wishes/<wish_id>/assign",
    who=Who.STAFF,
    errors=[InvalidFields, NotAllowed, NotFound, OwnWish, TooManyOpenClaims, WrongState],
)
async def assign_wish(caller: Caller, wish_id: Id, body: AssignWish) -> WishView:
    """指派（改派）心愿认领人"""
    await review.assign_wish(caller.person_id, wish_id, body.claimer_id, body.reason)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class ConfirmForWisher(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    note: Note
    """What the wisher said on the phone."""


@routes.post("/wishes/<wish_id>/confirm", who=Who.STAFF, errors=[NotAllowed, NotFound, TooEarly, WrongState])
async def confirm_wish_for_wisher(caller: Caller, wish_id: Id, body: ConfirmForWisher) -> WishView:
    """许愿人 7 天未回应时，电话核实后代为确认"""
    await review.confirm_wish_for_wisher(caller.person_id, wish_id, body.note)
    return await queries.get_visible_wish(caller.person_id, wish_id)


class DecideDispute(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    decision: Decision
    note: Note


@routes.post("/wishes/<wish_id>/dispute/decision", who=Who.STAFF, errors=[NotAllowed, NotFound, WrongState])
async def decide_wish_dispute(caller: Caller, wish_id: Id, body: DecideDispute) -> WishView:
    """处理心愿争议"""
    await review.decide_wish_dispute(caller.person_id, wish_id, body.decision, body.note)
    return await queries.get_visible_wish(caller.person_id, wish_id)
