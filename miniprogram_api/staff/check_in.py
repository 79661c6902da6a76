"""Staff: deciding about check-ins, opening posts, approving holders."""

from datetime import date
from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.check_in import posts, queries, service
from server.check_in.models import CheckInState, HoldingState, PostCategory
from server.check_in.queries import CheckInCard, CheckInDetail, HoldingCard
from server.errors import EditedMeanwhile, NotAllowed, WrongState
from server.ids import Id
from server.pages import Page, PageQuery
from server.places.errors import PlacesFull

routes = Routes("工作端：双报到", prefix="/staff")

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class CheckInsQuery(PageQuery, kw_only=True):
    organization_id: Id
    state: CheckInState = CheckInState.APPLIED


@routes.get("/check-ins", who=Who.STAFF)
async def list_check_ins(caller: Caller, query: CheckInsQuery) -> Page[CheckInCard]:
    """辖区内的报到"""
    return await queries.list_check_ins(
        caller.person_id, query.organization_id, query.state, query.cursor, query.limit
    )


@routes.get("/check-ins/<check_in_id>", who=Who.STAFF)
async def view_check_in(caller: Caller, check_in_id: Id) -> CheckInDetail:
    """查看报到申请（留痕）"""
    return await queries.view_check_in(caller.person_id, check_in_id)


class ConfirmCheckIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    grid_id: Id | None = None


class GiveReason(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


@routes.post("/check-ins/<check_in_id>/confirm", who=Who.STAFF, errors=[WrongState])
async def confirm_check_in(caller: Caller, check_in_id: Id, body: ConfirmCheckIn) -> None:
    """确认报到并分配网格"""
    await service.confirm_check_in(caller.person_id, check_in_id, grid_id=body.grid_id)


@routes.post("/check-ins/<check_in_id>/return", who=Who.STAFF, errors=[WrongState])
async def return_check_in(caller: Caller, check_in_id: Id, body: GiveReason) -> None:
    """退回报到申请"""
    await service.return_check_in(caller.person_id, check_in_id, body.reason)


@routes.post("/check-ins/<check_in_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_check_in(caller: Caller, check_in_id: Id, body: GiveReason) -> None:
    """不接受报到申请"""
    await service.refuse_check_in(caller.person_id, check_in_id, body.reason)


class PostBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    duties: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    places: Annotated[int, msgspec.Meta(ge=1, le=500)]
    term_ends_on: date | None = None


class OpenPost(PostBody, kw_only=True):
    community_id: Id
    category: PostCategory
    term_starts_on: date


class ChangePost(PostBody, kw_only=True):
    version: int


class Created(msgspec.Struct):
    id: Id


@routes.post("/posts", who=Who.STAFF, status=201, errors=[NotAllowed])
async def open_post(caller: Caller, body: OpenPost) -> Created:
    """设立岗位"""
    return Created(
        await posts.open_post(
            caller.person_id,
            body.community_id,
            title=body.title,
            category=body.category,
            duties=body.duties,
            places=body.places,
            term_starts_on=body.term_starts_on,
            term_ends_on=body.term_ends_on,
        )
    )


@routes.put("/posts/<post_id>", who=Who.STAFF, errors=[WrongState, EditedMeanwhile])
async def change_post(caller: Caller, post_id: Id, body: ChangePost) -> None:
    """修改岗位"""
    await posts.change_post(
        caller.person_id,
        post_id,
        body.version,
        title=body.title,
        duties=body.duties,
        places=body.places,
        term_ends_on=body.term_ends_on,
    )


@routes.post("/posts/<post_id>/close", who=Who.STAFF)
async def close_post(caller: Caller, post_id: Id) -> None:
    """停止招募岗位"""
    await posts.close_post(caller.person_id, post_id)


class HoldingsQuery(PageQuery, kw_only=True):
    community_id: Id
    state: HoldingState = HoldingState.APPLIED


@routes.get("/post-holdings", who=Who.STAFF)
async def list_post_holdings(caller: Caller, query: HoldingsQuery) -> Page[HoldingCard]:
    """岗位申请与任职"""
    return await queries.list_post_holdings(
        caller.person_id, query.community_id, query.state, query.cursor, query.limit
    )


@routes.post("/post-holdings/<holding_id>/approve", who=Who.STAFF, errors=[WrongState, PlacesFull])
async def approve_post(caller: Caller, holding_id: Id) -> None:
    """同意任职"""
    await posts.approve_post(caller.person_id, holding_id)


@routes.post("/post-holdings/<holding_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_post(caller: Caller, holding_id: Id, body: GiveReason) -> None:
    """不同意任职"""
    await posts.refuse_post(caller.person_id, holding_id, body.reason)


@routes.post("/post-holdings/<holding_id>/end", who=Who.STAFF, errors=[WrongState])
async def end_holding(caller: Caller, holding_id: Id, body: GiveReason) -> None:
    """结束任职"""
    await posts.end_holding(caller.person_id, holding_id, body.reason)
