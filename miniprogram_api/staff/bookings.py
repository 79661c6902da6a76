"""工作端：预约: the counter's work with bookings, rooms and home visits."""

from datetime import date
from typing import Annotated, Any

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.bookings import CANNOT_MOVE, MoveBooking, MoveRoomBooking
from miniprogram_api.downloads import send_file
from miniprogram_api.fields import ByName, HomeAddress, PartySize, PhoneIfAny, RealNameIfAny, ShownReason, Strict, Words
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.bounds import Moment
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX
from server.neighbor_center import actions, exports
from server.neighbor_center.bookings import counter, finding, queries, requests, visitors, visits, walk_ins
from server.neighbor_center.bookings.booking import Wanted
from server.neighbor_center.bookings.finding import BookingsFound
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.neighbor_center.bookings.requests import OpenRequest, RequestOrder
from server.neighbor_center.bookings.views import DayBooking, DayRoomBooking
from server.neighbor_center.bookings.visitors import VisitorView
from server.neighbor_center.bookings.visits import VisitDetails, VisitView
from server.neighbor_center.errors import OutsideArea, RoomTaken, SlotNotOffered, VisitorBusy
from server.places.errors import PlacesFull

routes = Routes("工作端：预约", prefix="/staff")

Week = Annotated[int, msgspec.Meta(ge=1, le=7)]


class DayQuery(PageQuery):
    """`days`: so many days from `day` on."""

    day: date
    days: Week = 1
    service_id: Id | None = None


class WalkIn(Strict, kw_only=True):
    """Either a known person's `person_id`, or name and phone."""

    starts_at: Moment
    person_id: Id | None = None
    real_name: RealNameIfAny = ""
    phone: PhoneIfAny = ""
    party_size: PartySize = 1
    note: Words = ""

    def wanted(self, caller: Caller, **more: Any) -> Wanted:
        return Wanted(
            actor_id=caller.person_id,
            person_id=self.person_id or "",
            starts_at=self.starts_at,
            party_size=self.party_size,
            note=self.note,
            **more,
        )


class BookWalkIn(WalkIn, kw_only=True):
    """Either a known person's `person_id`, or name and phone. For a home visit, address and grid too."""

    address: HomeAddress = ""
    area_id: Id | None = None


class BookRoomWalkIn(WalkIn, kw_only=True):
    """Either a known person's `person_id`, or name and phone."""

    ends_at: Moment


class WithShownReason(Strict):
    reason: ShownReason


class AssignVisitor(Strict):
    visitor_id: Id


class RequestsQuery(PageQuery):
    """`area_id`: only home visits in this grid."""

    order: RequestOrder = RequestOrder.ALL
    area_id: Id | None = None


class VisitsQuery(Strict):
    day: date


@routes.get("/venues/<venue_id>/bookings", who=Who.STAFF)
async def list_day_bookings(caller: Caller, venue_id: Id, query: DayQuery) -> Page[DayBooking]:
    """某日的预约名单

    显示姓名；看到的每个人都会留痕。
    """
    return await queries.list_day_bookings(
        SLOTS,
        caller.person_id,
        venue_id,
        query.day,
        days=query.days,
        service_id=query.service_id,
        page=query,
    )


class OfDay(Strict):
    day: date


@routes.get("/venues/<venue_id>/bookings/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_day_bookings(caller: Caller, venue_id: Id, query: OfDay) -> HTTPResponse:
    """导出某日的预约名单，含活动室（xlsx）

    内容与名单相同，电话隐去一部分；名单上的每个人和每次导出都会留痕。
    """
    return send_file(await exports.export_day_bookings(caller.person_id, venue_id, query.day), XLSX)


@routes.get("/venues/<venue_id>/room-bookings", who=Who.STAFF)
async def list_day_room_bookings(caller: Caller, venue_id: Id, query: DayQuery) -> Page[DayRoomBooking]:
    """某日的活动室预约"""
    return await queries.list_day_bookings(
        ROOMS,
        caller.person_id,
        venue_id,
        query.day,
        days=query.days,
        service_id=query.service_id,
        page=query,
    )


@routes.post(
    "/services/<service_id>/walk-ins",
    status=201,
    who=Who.STAFF,
    errors=[SlotNotOffered, PlacesFull, OutsideArea, WrongState],
)
async def book_walk_in(caller: Caller, service_id: Id, body: BookWalkIn) -> DayBooking:
    """窗口现场预约"""
    wanted = body.wanted(caller, address=body.address, area_id=body.area_id)
    return await walk_ins.book_walk_in(SLOTS, service_id, wanted, real_name=body.real_name, phone=body.phone)


@routes.post(
    "/services/<service_id>/room-walk-ins", status=201, who=Who.STAFF, errors=[SlotNotOffered, RoomTaken, WrongState]
)
async def book_room_walk_in(caller: Caller, service_id: Id, body: BookRoomWalkIn) -> DayRoomBooking:
    """现场使用活动室

    无需审核。已开始但尚未结束的时间也可以；与其时间重叠的申请随即被拒绝并通知本人。
    """
    wanted = body.wanted(caller, ends_at=body.ends_at)
    return await walk_ins.book_walk_in(ROOMS, service_id, wanted, real_name=body.real_name, phone=body.phone)


@routes.post("/bookings/find", who=Who.STAFF, idempotent=False)
async def find_bookings(caller: Caller, body: ByName) -> BookingsFound:
    """按姓名查找辖区内的预约和活动室预约

    本人或为其预约的家人的全名，间隔点和空格的写法不限；尚未结束的在前，已取消的也在内。看到的每个人都会留痕。
    """
    return await finding.find_bookings(caller.person_id, body.organization_id, body.real_name)


@routes.get("/bookings/<booking_id>", who=Who.STAFF)
async def show_booking_to_staff(caller: Caller, booking_id: Id) -> DayBooking:
    """一项预约

    通知打开的页面，已取消的也可查看。每次查看都会留痕。
    """
    return await queries.get_staff_booking(SLOTS, caller.person_id, booking_id)


@routes.get("/bookings/<booking_id>/actions", who=Who.STAFF)
async def list_booking_actions_of_staff(caller: Caller, booking_id: Id) -> list[ActionView]:
    """工作人员对这项预约能做什么

    审核、登记到场、改期、取消、安排上门等能不能做、为什么。
    """
    return await actions.list_booking_actions_of_staff(SLOTS, caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/approve", who=Who.STAFF, errors=[WrongState])
async def approve_booking(caller: Caller, booking_id: Id) -> DayBooking:
    """通过预约申请"""
    return await counter.approve_booking(SLOTS, caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_booking(caller: Caller, booking_id: Id, body: WithShownReason) -> DayBooking:
    """不予通过预约申请"""
    return await counter.refuse_booking(SLOTS, caller.person_id, booking_id, body.reason)


@routes.post("/bookings/<booking_id>/cancel", who=Who.STAFF, errors=[WrongState])
async def cancel_booking_by_staff(caller: Caller, booking_id: Id, body: WithShownReason) -> DayBooking:
    """取消居民的预约"""
    return await counter.cancel_booking_by_staff(SLOTS, caller.person_id, booking_id, body.reason)


@routes.post("/bookings/<booking_id>/move", who=Who.STAFF, errors=[*CANNOT_MOVE, PlacesFull])
async def move_booking_by_staff(caller: Caller, booking_id: Id, body: MoveBooking) -> DayBooking:
    """为来电居民改期

    规则与居民自己改期相同；已通过审核的仍为已通过。本人会收到通知。
    """
    return await counter.move_booking_by_staff(SLOTS, caller.person_id, booking_id, body.starts_at)


@routes.post("/bookings/<booking_id>/attended", who=Who.STAFF, errors=[WrongState])
async def mark_booking_attended(caller: Caller, booking_id: Id) -> DayBooking:
    """登记到场"""
    return await counter.mark_booking_attended(SLOTS, caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/no-show", who=Who.STAFF, errors=[WrongState])
async def mark_booking_no_show(caller: Caller, booking_id: Id) -> DayBooking:
    """登记爽约"""
    return await counter.mark_booking_no_show(SLOTS, caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/visitor", who=Who.STAFF, errors=[WrongState, VisitorBusy])
async def assign_visitor(caller: Caller, booking_id: Id, body: AssignVisitor) -> DayBooking:
    """安排上门人员

    场所的工作人员，或为这项服务指定的上门人员（医生、裁缝等）。
    """
    return await visits.assign_visitor(caller.person_id, booking_id, body.visitor_id)


# Who goes to people's homes need not hold a role: both show the caller's own visits.


@routes.get("/bookings/<booking_id>/visit")
async def get_visit_details(caller: Caller, booking_id: Id) -> VisitDetails:
    """上门服务的联系人和地址

    仅上门人员当天可见。
    """
    return await visits.get_visit_details(caller.person_id, booking_id)


class NameVisitor(Strict):
    """Somebody who has business here: registered at the counter, say."""

    person_id: Id


@routes.get("/services/<service_id>/visitors", who=Who.STAFF)
async def list_visitors(caller: Caller, service_id: Id) -> list[VisitorView]:
    """一项上门服务的上门人员"""
    return await visitors.list_visitors(caller.person_id, service_id)


@routes.post("/services/<service_id>/visitors", who=Who.STAFF, errors=[WrongState])
async def name_visitor(caller: Caller, service_id: Id, body: NameVisitor) -> list[VisitorView]:
    """指定上门人员

    医生、裁缝等不担任工作角色的人；只能看到自己的上门任务，当天可看联系人和地址。
    """
    return await visitors.name_visitor(caller.person_id, service_id, body.person_id)


@routes.delete("/services/<service_id>/visitors/<person_id>", who=Who.STAFF, errors=[WrongState])
async def end_visitor(caller: Caller, service_id: Id, person_id: Id) -> list[VisitorView]:
    """不再担任上门人员

    还有未完成的上门任务时，须先改派。
    """
    return await visitors.end_visitor(caller.person_id, service_id, person_id)


@routes.get("/room-bookings/<booking_id>", who=Who.STAFF)
async def show_room_booking_to_staff(caller: Caller, booking_id: Id) -> DayRoomBooking:
    """一项活动室预约

    通知打开的页面，已取消的也可查看。每次查看都会留痕。
    """
    return await queries.get_staff_booking(ROOMS, caller.person_id, booking_id)


@routes.get("/room-bookings/<booking_id>/actions", who=Who.STAFF)
async def list_room_booking_actions_of_staff(caller: Caller, booking_id: Id) -> list[ActionView]:
    """工作人员对这项活动室预约能做什么"""
    return await actions.list_booking_actions_of_staff(ROOMS, caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/approve", who=Who.STAFF, errors=[WrongState, RoomTaken])
async def approve_room_booking(caller: Caller, booking_id: Id) -> DayRoomBooking:
    """通过活动室申请

    与其时间重叠的其他申请随即被拒绝并通知本人。
    """
    return await counter.approve_booking(ROOMS, caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/refuse", who=Who.STAFF, errors=[WrongState])
async def refuse_room_booking(caller: Caller, booking_id: Id, body: WithShownReason) -> DayRoomBooking:
    """不予通过活动室申请"""
    return await counter.refuse_booking(ROOMS, caller.person_id, booking_id, body.reason)


@routes.post("/room-bookings/<booking_id>/cancel", who=Who.STAFF, errors=[WrongState])
async def cancel_room_booking_by_staff(caller: Caller, booking_id: Id, body: WithShownReason) -> DayRoomBooking:
    """取消居民的活动室预约"""
    return await counter.cancel_booking_by_staff(ROOMS, caller.person_id, booking_id, body.reason)


@routes.post("/room-bookings/<booking_id>/move", who=Who.STAFF, errors=[*CANNOT_MOVE, RoomTaken])
async def move_room_booking_by_staff(caller: Caller, booking_id: Id, body: MoveRoomBooking) -> DayRoomBooking:
    """为来电居民改期活动室

    规则与居民自己改期相同，已通过审核的也可改期，仍为已通过。本人会收到通知。
    """
    return await counter.move_booking_by_staff(ROOMS, caller.person_id, booking_id, body.starts_at, body.ends_at)


@routes.post("/room-bookings/<booking_id>/attended", who=Who.STAFF, errors=[WrongState])
async def mark_room_attended(caller: Caller, booking_id: Id) -> DayRoomBooking:
    """登记活动室到场"""
    return await counter.mark_booking_attended(ROOMS, caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/no-show", who=Who.STAFF, errors=[WrongState])
async def mark_room_no_show(caller: Caller, booking_id: Id) -> DayRoomBooking:
    """登记活动室爽约"""
    return await counter.mark_booking_no_show(ROOMS, caller.person_id, booking_id)


@routes.get("/venues/<venue_id>/requests", who=Who.STAFF)
async def list_requests(caller: Caller, venue_id: Id, query: RequestsQuery) -> Page[OpenRequest]:
    """待审核的预约申请

    承诺答复时间最早的在前，带居民的备注；上门服务还有所在网格，可按 `area_id` 只看一个网格的。
    `order=overdue` 只列出已超时的。
    """
    return await requests.list_requests(
        caller.person_id, venue_id, order=query.order, area_id=query.area_id, page=query
    )


@routes.get("/visits")
async def list_my_visits(caller: Caller, query: VisitsQuery) -> list[VisitView]:
    """我某日的上门任务"""
    return await visits.list_my_visits(caller.person_id, query.day)
