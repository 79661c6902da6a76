"""邻里中心 neighbor center: venues, services, booking."""

from datetime import date, datetime
from typing import Annotated

import msgspec

from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.errors import InvalidFields, NotFound, WrongState
from server.ids import Id
from server.neighbor_center import availability, booking_queries, queries, rooms, service
from server.neighbor_center.availability import AvailabilityView, RoomDay
from server.neighbor_center.booking_queries import BookingView, RoomBookingView, When
from server.neighbor_center.errors import (
    BookingOverlaps,
    ChangeTooLate,
    NotEligible,
    RoomTaken,
    SlotNotOffered,
    TooFarAhead,
    TooManyBookings,
)
from server.neighbor_center.models import VenueKind
from server.neighbor_center.queries import FIFTEEN_MINUTES_METERS, ServiceView, VenueBrief, VenueView
from server.pages import Page, PageQuery
from server.places.errors import Blocked, OfferExpired, PlacesFull

routes = Routes("邻里中心 neighbor center")

Moment = Annotated[datetime, msgspec.Meta(tz=True, description="with its offset")]
PartySize = Annotated[int, msgspec.Meta(ge=1, le=1000)]
BookingNote = Annotated[str, msgspec.Meta(max_length=500)]
_CANNOT_BOOK = [NotFound, NotEligible, SlotNotOffered, TooFarAhead, TooManyBookings, BookingOverlaps, Blocked]


class VenuesQuery(PageQuery, kw_only=True):
    organization_id: Id | None = None
    kind: VenueKind | None = None


class NearbyQuery(PageQuery, kw_only=True):
    """A point in gcj02, as wx.getLocation gives it."""

    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    latitude: Annotated[float, msgspec.Meta(ge=-85, le=85)]
    meters: Annotated[int, msgspec.Meta(ge=100, le=20_000)] = FIFTEEN_MINUTES_METERS
    kind: VenueKind | None = None


class AvailabilityQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    first_day: date | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=31)] = 7
    person_id: Id | None = None


class RoomDayQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    day: date


class BookSlot(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`person_id`: somebody the caller looks after; oneself without it. `wait`: onto the waiting list when full.
    `address`: for a home visit."""

    starts_at: Moment
    person_id: Id | None = None
    party_size: PartySize = 1
    note: BookingNote = ""
    address: Annotated[str, msgspec.Meta(max_length=120)] = ""
    wait: bool = False


class MoveBooking(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    starts_at: Moment


class CancelBooking(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Past the deadline, cancelling counts as a no-show; `accept_no_show` says that the person knows."""

    accept_no_show: bool = False


class BookRoom(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    starts_at: Moment
    ends_at: Moment
    person_id: Id | None = None
    party_size: PartySize = 1
    note: BookingNote = ""


class MyBookingsQuery(PageQuery, kw_only=True):
    when: When = When.COMING


@routes.get("/venues", errors=[InvalidFields])
async def list_venues(caller: Caller, query: VenuesQuery) -> Page[VenueBrief]:
    """服务场所列表

    Those of an organization and everything below it; without `organization_id`, of the caller's community.
    """
    return await queries.list_venues(
        caller.person_id,
        organization_id=query.organization_id,
        kind=query.kind,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.get("/venues/nearby", who=Who.ANYONE, errors=[InvalidFields])
async def list_nearby_venues(query: NearbyQuery) -> Page[VenueBrief]:
    """附近的服务场所（一刻钟服务圈）

    Nearest first, within 1.2 km (a walk of fifteen minutes) unless `meters` says otherwise.
    """
    return await queries.list_nearby_venues(
        query.longitude,
        query.latitude,
        meters=query.meters,
        kind=query.kind,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.get("/venues/<venue_id>", who=Who.ANYONE, errors=[NotFound])
async def get_venue(venue_id: Id) -> VenueView:
    """服务场所详情及服务项目"""
    return await queries.get_venue(venue_id)


@routes.get("/services/<service_id>", who=Who.ANYONE, errors=[NotFound])
async def get_service(service_id: Id) -> ServiceView:
    """服务项目详情"""
    return await queries.get_service(service_id)


@routes.get("/services/<service_id>/availability", errors=[NotFound, InvalidFields])
async def get_availability(caller: Caller, service_id: Id, query: AvailabilityQuery) -> AvailabilityView:
    """可预约时段

    At most 31 days, today first. Each slot says what booking it would answer; the limits are shown before the click.
    """
    return await availability.get_availability(
        caller.person_id, service_id, first_day=query.first_day, days=query.days, person_id=query.person_id
    )


@routes.get("/services/<service_id>/room-day", errors=[NotFound, InvalidFields])
async def get_room_day(service_id: Id, query: RoomDayQuery) -> RoomDay:
    """活动室某日的空闲时间"""
    return await availability.get_room_day(service_id, query.day)


@routes.post("/services/<service_id>/bookings", status=201, errors=[*_CANNOT_BOOK, PlacesFull, InvalidFields])
async def book_slot(caller: Caller, service_id: Id, body: BookSlot) -> BookingView:
    """预约时段

    For oneself or a dependant. The same tap twice gives the same booking.
    """
    return await service.book_slot(
        caller.person_id,
        service_id,
        body.starts_at,
        person_id=body.person_id,
        party_size=body.party_size,
        note=body.note,
        address=body.address,
        wait=body.wait,
    )


@routes.get("/bookings", errors=[InvalidFields])
async def list_my_bookings(caller: Caller, query: MyBookingsQuery) -> Page[BookingView]:
    """我的预约

    One's own and those of the people one looks after.
    """
    return await booking_queries.list_my_bookings(
        caller.person_id, when=query.when, cursor=query.cursor, limit=query.limit
    )


@routes.get("/bookings/<booking_id>", errors=[NotFound])
async def get_booking(caller: Caller, booking_id: Id) -> BookingView:
    """预约详情"""
    return await booking_queries.get_booking(caller.person_id, booking_id)


@routes.post(
    "/bookings/<booking_id>/move",
    errors=[
        NotFound,
        WrongState,
        ChangeTooLate,
        SlotNotOffered,
        TooFarAhead,
        TooManyBookings,
        BookingOverlaps,
        PlacesFull,
    ],
)
async def move_booking(caller: Caller, booking_id: Id, body: MoveBooking) -> BookingView:
    """改期

    One step: where the new slot is full, the old place stays.
    """
    return await service.move_booking(caller.person_id, booking_id, body.starts_at)


@routes.post("/bookings/<booking_id>/cancel", errors=[NotFound, WrongState, ChangeTooLate])
async def cancel_booking(caller: Caller, booking_id: Id, body: CancelBooking) -> BookingView:
    """取消预约"""
    return await service.cancel_booking(caller.person_id, booking_id, accept_no_show=body.accept_no_show)


@routes.post("/bookings/<booking_id>/accept", errors=[NotFound, OfferExpired, WrongState])
async def accept_slot_offer(caller: Caller, booking_id: Id) -> BookingView:
    """接受候补名额"""
    return await service.accept_slot_offer(caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/decline", errors=[NotFound, WrongState])
async def decline_slot_offer(caller: Caller, booking_id: Id) -> BookingView:
    """放弃候补名额"""
    return await service.decline_slot_offer(caller.person_id, booking_id)


@routes.post("/services/<service_id>/room-bookings", status=201, errors=[*_CANNOT_BOOK, RoomTaken, InvalidFields])
async def book_room(caller: Caller, service_id: Id, body: BookRoom) -> RoomBookingView:
    """预约活动室

    Any range on a grid of 15 minutes. Where staff must agree, it is a request at first.
    """
    return await rooms.book_room(
        caller.person_id,
        service_id,
        body.starts_at,
        body.ends_at,
        person_id=body.person_id,
        party_size=body.party_size,
        note=body.note,
    )


@routes.get("/room-bookings", errors=[InvalidFields])
async def list_my_room_bookings(caller: Caller, query: MyBookingsQuery) -> Page[RoomBookingView]:
    """我的活动室预约"""
    return await booking_queries.list_my_room_bookings(
        caller.person_id, when=query.when, cursor=query.cursor, limit=query.limit
    )


@routes.get("/room-bookings/<booking_id>", errors=[NotFound])
async def get_room_booking(caller: Caller, booking_id: Id) -> RoomBookingView:
    """活动室预约详情"""
    return await booking_queries.get_room_booking(caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/cancel", errors=[NotFound, WrongState, ChangeTooLate])
async def cancel_room_booking(caller: Caller, booking_id: Id) -> RoomBookingView:
    """取消活动室预约"""
    return await rooms.cancel_room_booking(caller.person_id, booking_id)
