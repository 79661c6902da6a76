"""预约 bookings: slots, rooms, repeating bookings, arriving, numbers at counters, ratings."""

from datetime import date
from typing import Annotated

import msgspec

from miniprogram_api.fields import HomeAddress, PartySize, ScannedText, Strict, Words
from miniprogram_api.routing import Routes
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.calendars.appointments import When
from server.foundation.actions import ActionView
from server.foundation.bounds import Moment
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.foundation.rating import NewRating
from server.neighbor_center import actions
from server.neighbor_center.bookings import booking, queries, series, waiting
from server.neighbor_center.bookings.booking import Wanted
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.neighbor_center.bookings.series import Repetition, SeriesView
from server.neighbor_center.bookings.views import BookingView, RoomBookingView
from server.neighbor_center.counters import actions as ticket_actions
from server.neighbor_center.counters import arrivals, tickets
from server.neighbor_center.counters import queries as counter_queries
from server.neighbor_center.counters.arrivals import Arrival
from server.neighbor_center.counters.queries import QueueView, TicketView
from server.neighbor_center.errors import (
    BookingOverlaps,
    ChangeTooLate,
    NotEligible,
    NothingBookedNow,
    OutsideArea,
    QueueClosed,
    RoomTaken,
    SeriesNotPossible,
    SlotNotOffered,
    TooFarAhead,
    TooManyBookings,
    TooShortNotice,
    VenueCodeExpired,
    VenueCodeInvalid,
)
from server.neighbor_center.feedback import ratings
from server.places.errors import Blocked, OfferExpired, PlacesFull

routes = Routes("预约 bookings")

_NOT_THEN = [SlotNotOffered, TooShortNotice, TooFarAhead, TooManyBookings, BookingOverlaps]
"""What stands against the time that somebody wants."""
_CANNOT_BOOK = [*_NOT_THEN, ConsentNeeded, NotEligible, Blocked]
CANNOT_MOVE = [*_NOT_THEN, ChangeTooLate, WrongState]


class Asked(Strict, kw_only=True):
    starts_at: Moment
    person_id: Id | None = None
    party_size: PartySize = 1
    note: Words = ""

    def wanted(self, caller: Caller) -> Wanted:
        asked = {
            name: value for name, value in msgspec.structs.asdict(self).items() if name in Wanted.__struct_fields__
        }
        return Wanted(**(asked | {"actor_id": caller.person_id, "person_id": self.person_id or caller.person_id}))


class AskedOfSlot(Asked, kw_only=True):
    address: HomeAddress = ""
    area_id: Id | None = None


class BookSlot(AskedOfSlot, kw_only=True):
    """`person_id`: somebody the caller looks after; oneself without it. `wait`: onto the waiting list when full. For a
    home visit, `address` and the grid (or the building) in which it lies, `area_id`."""

    wait: bool = False


class BookRoom(Asked, kw_only=True):
    ends_at: Moment


class MoveBooking(Strict):
    starts_at: Moment


class MoveRoomBooking(Strict):
    starts_at: Moment
    ends_at: Moment


class CancelBooking(Strict):
    """Past the deadline, cancelling counts as a no-show; `accept_no_show` says that the person knows."""

    accept_no_show: bool = False


class MyBookingsQuery(PageQuery):
    when: When = When.COMING


Times = Annotated[int, msgspec.Meta(ge=2, le=53)]
EveryWeeks = Annotated[int, msgspec.Meta(ge=1, le=8)]
LeaveOut = Annotated[list[date], msgspec.Meta(max_length=52)]


class BookSlotSeries(AskedOfSlot, kw_only=True):
    """The first occurrence as in BookSlot: `times` occurrences, one every `every_weeks`; days to `leave_out` are passed
    over."""

    times: Times
    every_weeks: EveryWeeks = 1
    leave_out: LeaveOut = []


class BookRoomSeries(BookRoom, kw_only=True):
    """The first occurrence as in BookRoom, and the others as in BookSlotSeries."""

    times: Times
    every_weeks: EveryWeeks = 1
    leave_out: LeaveOut = []


def _repetition(body: BookSlotSeries | BookRoomSeries) -> Repetition:
    return Repetition(times=body.times, every_weeks=body.every_weeks, leave_out=body.leave_out)


class Arrive(Strict):
    code: ScannedText


@routes.post(
    "/services/<service_id>/bookings",
    status=201,
    raced_for="service_id",
    errors=[*_CANNOT_BOOK, PlacesFull, OutsideArea],
)
async def book_slot(caller: Caller, service_id: Id, body: BookSlot) -> BookingView:
    """预约时段

    为本人或家人预约。重复点击得到同一个预约。
    """
    return await booking.book(SLOTS, service_id, body.wanted(caller), wait=body.wait)


@routes.get("/bookings")
async def list_my_bookings(caller: Caller, query: MyBookingsQuery) -> Page[BookingView]:
    """我的预约

    本人和所照看家人的预约。
    """
    return await queries.list_my_bookings(SLOTS, caller.person_id, when=query.when, page=query)


@routes.get("/bookings/<booking_id>")
async def get_booking(caller: Caller, booking_id: Id) -> BookingView:
    """预约详情"""
    return await queries.get_booking(SLOTS, caller.person_id, booking_id)


@routes.get("/bookings/<booking_id>/actions")
async def list_booking_actions(caller: Caller, booking_id: Id) -> list[ActionView]:
    """这项预约能做什么

    改期、取消、接受候补、评价等能不能做、为什么；过了取消期限时另有 `cancel_as_no_show`（取消计为爽约）。
    只是试算，什么都不会改变。
    """
    return await actions.list_booking_actions(SLOTS, caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/move", errors=[*CANNOT_MOVE, PlacesFull])
async def move_booking(caller: Caller, booking_id: Id, body: MoveBooking) -> BookingView:
    """改期

    一步完成：新时段已满时，原来的预约不变。
    """
    return await booking.move_booking(SLOTS, caller.person_id, booking_id, body.starts_at)


@routes.post("/bookings/<booking_id>/cancel", errors=[WrongState, ChangeTooLate])
async def cancel_booking(caller: Caller, booking_id: Id, body: CancelBooking) -> BookingView:
    """取消预约"""
    return await booking.cancel_booking(SLOTS, caller.person_id, booking_id, accept_no_show=body.accept_no_show)


@routes.post("/bookings/<booking_id>/accept", errors=[OfferExpired, WrongState])
async def accept_slot_offer(caller: Caller, booking_id: Id) -> BookingView:
    """接受候补名额"""
    return await waiting.accept_slot_offer(caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/decline", errors=[WrongState])
async def decline_slot_offer(caller: Caller, booking_id: Id) -> BookingView:
    """放弃候补名额"""
    return await waiting.decline_slot_offer(caller.person_id, booking_id)


@routes.post("/services/<service_id>/room-bookings", status=201, errors=[*_CANNOT_BOOK, RoomTaken])
async def book_room(caller: Caller, service_id: Id, body: BookRoom) -> RoomBookingView:
    """预约活动室

    以 15 分钟为单位，起止时间自选。需要审核的先作为申请提交。
    """
    return await booking.book(ROOMS, service_id, body.wanted(caller))


@routes.get("/room-bookings")
async def list_my_room_bookings(caller: Caller, query: MyBookingsQuery) -> Page[RoomBookingView]:
    """我的活动室预约"""
    return await queries.list_my_bookings(ROOMS, caller.person_id, when=query.when, page=query)


@routes.get("/room-bookings/<booking_id>")
async def get_room_booking(caller: Caller, booking_id: Id) -> RoomBookingView:
    """活动室预约详情"""
    return await queries.get_booking(ROOMS, caller.person_id, booking_id)


@routes.get("/room-bookings/<booking_id>/actions")
async def list_room_booking_actions(caller: Caller, booking_id: Id) -> list[ActionView]:
    """这项活动室预约能做什么

    与时段预约相同。
    """
    return await actions.list_booking_actions(ROOMS, caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/move", errors=[*CANNOT_MOVE, RoomTaken])
async def move_room_booking(caller: Caller, booking_id: Id, body: MoveRoomBooking) -> RoomBookingView:
    """活动室改期

    一步完成：新的时间已被占用时，原来的预约不变。
    """
    return await booking.move_booking(ROOMS, caller.person_id, booking_id, body.starts_at, body.ends_at)


@routes.post("/room-bookings/<booking_id>/cancel", errors=[WrongState, ChangeTooLate])
async def cancel_room_booking(caller: Caller, booking_id: Id, body: CancelBooking) -> RoomBookingView:
    """取消活动室预约"""
    return await booking.cancel_booking(ROOMS, caller.person_id, booking_id, accept_no_show=body.accept_no_show)


@routes.post(
    "/services/<service_id>/booking-series", status=201, errors=[*_CANNOT_BOOK, SeriesNotPossible, OutsideArea]
)
async def book_slot_series(caller: Caller, service_id: Id, body: BookSlotSeries) -> SeriesView:
    """连续预约

    每周同一时段，要么全部约上，要么都不约：有约不上的日子时列出这些日子。
    """
    return await series.book_series(SLOTS, service_id, body.wanted(caller), _repetition(body))


@routes.post("/services/<service_id>/room-booking-series", status=201, errors=[*_CANNOT_BOOK, SeriesNotPossible])
async def book_room_series(caller: Caller, service_id: Id, body: BookRoomSeries) -> SeriesView:
    """连续预约活动室"""
    return await series.book_series(ROOMS, service_id, body.wanted(caller), _repetition(body))


@routes.get("/booking-series/<series_id>")
async def get_series(caller: Caller, series_id: Id) -> SeriesView:
    """连续预约详情"""
    return await series.get_series(caller.person_id, series_id)


@routes.get("/booking-series/<series_id>/actions")
async def list_series_actions(caller: Caller, series_id: Id) -> list[ActionView]:
    """这组连续预约能做什么

    还有可取消的，才有 `cancel`。
    """
    return await actions.list_series_actions(caller.person_id, series_id)


@routes.post("/booking-series/<series_id>/cancel")
async def cancel_series(caller: Caller, series_id: Id) -> SeriesView:
    """取消连续预约

    取消其中仍可取消的各次；已过取消期限的不变。
    """
    return await series.cancel_series(caller.person_id, series_id)


@routes.post("/arrivals", group=Group.CODES, errors=[VenueCodeInvalid, VenueCodeExpired, NothingBookedNow])
async def arrive(caller: Caller, body: Arrive) -> Arrival:
    """到场扫码

    扫描场所屏幕上的二维码：本人和家人此时在该场所的预约记为到场；窗口服务同时取号。
    """
    return await arrivals.arrive(caller.person_id, body.code)


@routes.post("/bookings/<booking_id>/rating", errors=[WrongState])
async def rate_booking(caller: Caller, booking_id: Id, body: NewRating) -> BookingView:
    """评价预约的服务"""
    return await ratings.rate_booking(SLOTS, caller.person_id, booking_id, body)


@routes.post("/room-bookings/<booking_id>/rating", errors=[WrongState])
async def rate_room_booking(caller: Caller, booking_id: Id, body: NewRating) -> RoomBookingView:
    """评价活动室"""
    return await ratings.rate_booking(ROOMS, caller.person_id, booking_id, body)


@routes.get("/venues/<venue_id>/queues")
async def list_queues(venue_id: Id) -> list[QueueView]:
    """窗口排队情况

    实时：各窗口正在服务的号码和等候人数。
    """
    return await counter_queries.list_queues(venue_id)


@routes.post("/services/<service_id>/tickets", status=201, errors=[QueueClosed, NotEligible])
async def take_ticket(caller: Caller, service_id: Id) -> TicketView:
    """窗口取号

    已在排队的，仍是原来的号码。
    """
    return await tickets.take_ticket(caller.person_id, service_id)


@routes.get("/tickets")
async def list_my_tickets(caller: Caller) -> list[TicketView]:
    """我今天的排队号"""
    return await counter_queries.list_my_tickets(caller.person_id)


@routes.get("/tickets/<ticket_id>")
async def get_ticket(caller: Caller, ticket_id: Id) -> TicketView:
    """排队号

    实时：前面还有几人。
    """
    return await counter_queries.get_ticket(caller.person_id, ticket_id)


@routes.get("/tickets/<ticket_id>/actions")
async def list_ticket_actions(caller: Caller, ticket_id: Id) -> list[ActionView]:
    """我对这个排队号能做什么"""
    return await ticket_actions.list_ticket_actions(caller.person_id, ticket_id)


@routes.post("/tickets/<ticket_id>/leave", errors=[WrongState])
async def leave_queue(caller: Caller, ticket_id: Id) -> TicketView:
    """放弃排队"""
    return await tickets.leave_queue(caller.person_id, ticket_id)
