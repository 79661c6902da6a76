"""工作端：邻里中心: venues and their hours, and the counter's work."""

from datetime import date
from typing import Annotated, Any

import msgspec

from miniprogram_api.neighbor_center import BookingNote, Moment, PartySize
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState
from server.ids import Id
from server.neighbor_center import booking_queries, counter, rooms, venues
from server.neighbor_center.booking_queries import DayBooking, DayRoomBooking
from server.neighbor_center.calendars import CalendarChange
from server.neighbor_center.counter import VisitDetails
from server.neighbor_center.errors import RoomTaken, SlotNotOffered
from server.neighbor_center.models import (
    ExceptionKind,
    ServiceKind,
    ServiceMode,
    ServiceState,
    VenueKind,
    VenueState,
    WhoMayBook,
)
from server.pages import Page, PageQuery
from server.places.errors import PlacesFull

routes = Routes("工作端：邻里中心", prefix="/staff")

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="told to those concerned")]
WallClock = Annotated[str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", description="09:00")]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7, description="1 Monday to 7 Sunday")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
VenueName = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Phone = Annotated[str, msgspec.Meta(max_length=20)]
Opening = Annotated[str, msgspec.Meta(max_length=200)]
Facilities = Annotated[str, msgspec.Meta(max_length=500)]
Description = Annotated[str, msgspec.Meta(max_length=1000)]
Minutes = Annotated[int, msgspec.Meta(ge=5, le=720)]
BufferMinutes = Annotated[int, msgspec.Meta(ge=0, le=240)]
Capacity = Annotated[int, msgspec.Meta(ge=1, le=1000)]
FewBookings = Annotated[int, msgspec.Meta(ge=1, le=100)]
DaysAhead = Annotated[int, msgspec.Meta(ge=0, le=365)]
DeadlineMinutes = Annotated[int, msgspec.Meta(ge=0, le=10_080)]
Price = Annotated[int, msgspec.Meta(ge=0, le=10_000_000, description="分, as information only")]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="gcj02")]
Latitude = Annotated[float, msgspec.Meta(ge=-85, le=85, description="gcj02")]
BookingIds = Annotated[list[Id], msgspec.Meta(max_length=5000)]


class Made(msgspec.Struct):
    """The id of what was made."""

    id: Id


class CreateVenue(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    organization_id: Id
    kind: VenueKind
    name: VenueName
    address: Address
    longitude: Longitude
    latitude: Latitude
    phone: Phone = ""
    opening: Opening = ""
    facilities: Facilities = ""


class Confirmable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A change that may leave bookings without their time. Those in `cancel_bookings` may be cancelled for it, and are
    told the `reason`; while others are affected, nothing is changed and they are listed."""

    cancel_bookings: BookingIds = []
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""


class UpdateVenue(Confirmable, kw_only=True):
    """What is not given stays as it is."""

    version: int
    kind: VenueKind | msgspec.UnsetType = msgspec.UNSET
    name: VenueName | msgspec.UnsetType = msgspec.UNSET
    address: Address | msgspec.UnsetType = msgspec.UNSET
    longitude: Longitude | msgspec.UnsetType = msgspec.UNSET
    latitude: Latitude | msgspec.UnsetType = msgspec.UNSET
    phone: Phone | msgspec.UnsetType = msgspec.UNSET
    opening: Opening | msgspec.UnsetType = msgspec.UNSET
    facilities: Facilities | msgspec.UnsetType = msgspec.UNSET
    state: VenueState | msgspec.UnsetType = msgspec.UNSET


class CreateService(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`minutes`: a slot's length, or a room's shortest booking (with `longest_minutes`)."""

    kind: ServiceKind
    name: Name
    minutes: Minutes
    description: Description = ""
    buffer_minutes: BufferMinutes = 0
    longest_minutes: Minutes | None = None
    capacity: Capacity = 1
    max_party_size: PartySize = 1
    may_wait: bool = True
    who_may_book: WhoMayBook = WhoMayBook.ANYONE
    needs_approval: bool = False
    mode: ServiceMode = ServiceMode.AT_VENUE
    max_open_per_person: FewBookings = 3
    max_per_day: FewBookings = 1
    days_ahead: DaysAhead = 14
    cancel_until_minutes: DeadlineMinutes = 120
    price: Price = 0


class UpdateService(Confirmable, kw_only=True):
    """What is not given stays as it is. Kind and mode are what a service is, and do not change."""

    version: int
    name: Name | msgspec.UnsetType = msgspec.UNSET
    minutes: Minutes | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    buffer_minutes: BufferMinutes | msgspec.UnsetType = msgspec.UNSET
    longest_minutes: Minutes | msgspec.UnsetType | None = msgspec.UNSET
    capacity: Capacity | msgspec.UnsetType = msgspec.UNSET
    max_party_size: PartySize | msgspec.UnsetType = msgspec.UNSET
    who_may_book: WhoMayBook | msgspec.UnsetType = msgspec.UNSET
    needs_approval: bool | msgspec.UnsetType = msgspec.UNSET
    max_open_per_person: FewBookings | msgspec.UnsetType = msgspec.UNSET
    max_per_day: FewBookings | msgspec.UnsetType = msgspec.UNSET
    days_ahead: DaysAhead | msgspec.UnsetType = msgspec.UNSET
    cancel_until_minutes: DeadlineMinutes | msgspec.UnsetType = msgspec.UNSET
    price: Price | msgspec.UnsetType = msgspec.UNSET
    state: ServiceState | msgspec.UnsetType = msgspec.UNSET


class AddOpeningRule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Weekly hours by people's clocks; `valid_until` is the last day."""

    weekdays: Annotated[list[Weekday], msgspec.Meta(min_length=1, max_length=7)]
    opens: WallClock
    closes: WallClock
    valid_from: date
    valid_until: date | None = None
    cancel_bookings: BookingIds = []


class EndOpeningRule(Confirmable, kw_only=True):
    last_day: date


class AddOpeningException(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Of the whole venue, or of one service. Without hours, the whole day."""

    day: date
    kind: ExceptionKind
    service_id: Id | None = None
    opens: WallClock = "00:00"
    closes: WallClock = "24:00"
    reason: Reason
    cancel_bookings: BookingIds = []


class DayQuery(PageQuery, kw_only=True):
    day: date


class DayBookingsQuery(DayQuery, kw_only=True):
    service_id: Id | None = None


class BookWalkIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Either a known person's `person_id`, or name and phone."""

    starts_at: Moment
    person_id: Id | None = None
    real_name: Annotated[str, msgspec.Meta(max_length=40)] = ""
    phone: Phone = ""
    party_size: PartySize = 1
    note: BookingNote = ""


class WithReason(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


class AssignVisitor(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    visitor_id: Id


@routes.post("/venues", status=201, who=Who.STAFF, errors=[NotAllowed, InvalidFields])
async def create_venue(caller: Caller, body: CreateVenue) -> Made:
    """新建服务场所"""
    fields = _given(body, leave_out={"organization_id"})
    return Made(await venues.create_venue(caller.person_id, body.organization_id, fields))


@routes.patch("/venues/<venue_id>", who=Who.STAFF, errors=[NotFound, NotAllowed, EditedMeanwhile, InvalidFields])
async def update_venue(caller: Caller, venue_id: Id, body: UpdateVenue) -> CalendarChange:
    """修改服务场所

    Closing it ends its coming bookings: they are listed first.
    """
    return await venues.update_venue(
        caller.person_id,
        venue_id,
        body.version,
        _given(body),
        cancel_bookings=body.cancel_bookings,
        reason=body.reason,
    )


@routes.post(
    "/venues/<venue_id>/services", status=201, who=Who.STAFF, errors=[NotFound, NotAllowed, WrongState, InvalidFields]
)
async def create_service(caller: Caller, venue_id: Id, body: CreateService) -> Made:
    """新建服务项目"""
    return Made(await venues.create_service(caller.person_id, venue_id, _given(body)))


@routes.patch("/services/<service_id>", who=Who.STAFF, errors=[NotFound, NotAllowed, EditedMeanwhile, InvalidFields])
async def update_service(caller: Caller, service_id: Id, body: UpdateService) -> CalendarChange:
    """修改服务项目

    Another length or pause moves the slots, ending it ends its coming bookings: those affected are listed first.
    """
    return await venues.update_service(
        caller.person_id,
        service_id,
        body.version,
        _given(body),
        cancel_bookings=body.cancel_bookings,
        reason=body.reason,
    )


@routes.post("/services/<service_id>/opening-rules", who=Who.STAFF, errors=[NotFound, NotAllowed, InvalidFields])
async def add_opening_rule(caller: Caller, service_id: Id, body: AddOpeningRule) -> CalendarChange:
    """增加每周开放时间"""
    return await venues.add_opening_rule(
        caller.person_id,
        service_id,
        weekdays=body.weekdays,
        opens=_minutes(body.opens),
        closes=_minutes(body.closes),
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        cancel_bookings=body.cancel_bookings,
    )


@routes.post("/opening-rules/<rule_id>/end", who=Who.STAFF, errors=[NotFound, NotAllowed])
async def end_opening_rule(caller: Caller, rule_id: Id, body: EndOpeningRule) -> CalendarChange:
    """结束每周开放时间

    Bookings after `last_day` are listed first.
    """
    return await venues.end_opening_rule(
        caller.person_id, rule_id, body.last_day, cancel_bookings=body.cancel_bookings, reason=body.reason
    )


@routes.post("/venues/<venue_id>/opening-exceptions", who=Who.STAFF, errors=[NotFound, NotAllowed, InvalidFields])
async def add_opening_exception(caller: Caller, venue_id: Id, body: AddOpeningException) -> CalendarChange:
    """停开或加开某日

    Bookings that closing would end are listed first, and are cancelled with a message once they are confirmed.
    """
    return await venues.add_opening_exception(
        caller.person_id,
        venue_id,
        service_id=body.service_id,
        day=body.day,
        kind=body.kind,
        opens=_minutes(body.opens),
        closes=_minutes(body.closes),
        reason=body.reason,
        cancel_bookings=body.cancel_bookings,
    )


@routes.post("/opening-exceptions/<exception_id>/end", who=Who.STAFF, errors=[NotFound, NotAllowed])
async def end_opening_exception(caller: Caller, exception_id: Id, body: Confirmable) -> CalendarChange:
    """撤销停开或加开"""
    return await venues.end_opening_exception(
        caller.person_id, exception_id, cancel_bookings=body.cancel_bookings, reason=body.reason
    )


@routes.get("/venues/<venue_id>/bookings", who=Who.STAFF, errors=[NotFound, NotAllowed, InvalidFields])
async def list_day_bookings(caller: Caller, venue_id: Id, query: DayBookingsQuery) -> Page[DayBooking]:
    """某日的预约名单

    Names in clear; each person shown is noted in the audit log.
    """
    return await booking_queries.list_day_bookings(
        caller.person_id,
        venue_id,
        query.day,
        service_id=query.service_id,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.get("/venues/<venue_id>/room-bookings", who=Who.STAFF, errors=[NotFound, NotAllowed, InvalidFields])
async def list_day_room_bookings(caller: Caller, venue_id: Id, query: DayQuery) -> Page[DayRoomBooking]:
    """某日的活动室预约"""
    return await booking_queries.list_day_room_bookings(
        caller.person_id, venue_id, query.day, cursor=query.cursor, limit=query.limit
    )


@routes.post(
    "/services/<service_id>/walk-ins",
    status=201,
    who=Who.STAFF,
    errors=[NotFound, NotAllowed, SlotNotOffered, PlacesFull, InvalidFields],
)
async def book_walk_in(caller: Caller, service_id: Id, body: BookWalkIn) -> Made:
    """窗口现场预约"""
    return Made(
        await counter.book_walk_in(
            caller.person_id,
            service_id,
            body.starts_at,
            person_id=body.person_id,
            real_name=body.real_name,
            phone=body.phone,
            party_size=body.party_size,
            note=body.note,
        )
    )


@routes.post("/bookings/<booking_id>/approve", who=Who.STAFF, errors=[NotFound, WrongState])
async def approve_booking(caller: Caller, booking_id: Id) -> None:
    """通过预约申请"""
    await counter.approve_booking(caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/refuse", who=Who.STAFF, errors=[NotFound, WrongState])
async def refuse_booking(caller: Caller, booking_id: Id, body: WithReason) -> None:
    """不予通过预约申请"""
    await counter.refuse_booking(caller.person_id, booking_id, body.reason)


@routes.post("/bookings/<booking_id>/cancel", who=Who.STAFF, errors=[NotFound, WrongState])
async def cancel_booking_by_staff(caller: Caller, booking_id: Id, body: WithReason) -> None:
    """取消居民的预约"""
    await counter.cancel_booking_by_staff(caller.person_id, booking_id, body.reason)


@routes.post("/bookings/<booking_id>/attended", who=Who.STAFF, errors=[NotFound, WrongState])
async def mark_booking_attended(caller: Caller, booking_id: Id) -> None:
    """登记到场"""
    await counter.mark_booking_attended(caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/no-show", who=Who.STAFF, errors=[NotFound, WrongState])
async def mark_booking_no_show(caller: Caller, booking_id: Id) -> None:
    """登记爽约"""
    await counter.mark_booking_no_show(caller.person_id, booking_id)


@routes.post("/bookings/<booking_id>/visitor", who=Who.STAFF, errors=[NotFound, WrongState, InvalidFields])
async def assign_visitor(caller: Caller, booking_id: Id, body: AssignVisitor) -> None:
    """安排上门人员"""
    await counter.assign_visitor(caller.person_id, booking_id, body.visitor_id)


@routes.get("/bookings/<booking_id>/visit", who=Who.STAFF, errors=[NotFound])
async def get_visit_details(caller: Caller, booking_id: Id) -> VisitDetails:
    """上门服务的联系人和地址

    Only for the one who goes, on the day.
    """
    return await counter.get_visit_details(caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/approve", who=Who.STAFF, errors=[NotFound, WrongState, RoomTaken])
async def approve_room_booking(caller: Caller, booking_id: Id) -> None:
    """通过活动室申请

    Other requests that overlap it are refused and told so.
    """
    await rooms.approve_room_booking(caller.person_id, booking_id)


@routes.post("/room-bookings/<booking_id>/refuse", who=Who.STAFF, errors=[NotFound, WrongState])
async def refuse_room_booking(caller: Caller, booking_id: Id, body: WithReason) -> None:
    """不予通过活动室申请"""
    await rooms.refuse_room_booking(caller.person_id, booking_id, body.reason)


def _given(body: msgspec.Struct, leave_out: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
    """The columns that the body gives, its point as one of them."""
    not_columns = {"version", "cancel_bookings", "reason"} | leave_out
    values = {
        name: value
        for name, value in ((name, getattr(body, name)) for name in body.__struct_fields__)
        if value is not msgspec.UNSET and name not in not_columns
    }
    if "longitude" in values and "latitude" in values:
        values["location"] = (values.pop("longitude"), values.pop("latitude"))
    elif {"longitude", "latitude"} & values.keys():
        raise InvalidFields.of("longitude", "经度和纬度须同时填写")
    return values


def _minutes(wall_clock: str) -> int:
    """09:30 → 570 minutes after midnight."""
    return int(wall_clock[:2]) * 60 + int(wall_clock[3:])
