"""Slots and rooms: what a booking of either kind is called, so that a rule that is the same for both is written once.

A verb that works on either takes the Kind; what it does to the one booking, it asks in the words that both models share
(`state`, `is_request`, `starts_at`, …).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

from server.accounts.queries import require_dependant
from server.foundation.database import IntegrityError, violates
from server.foundation.errors import NotFound
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import (
    NOTE_CONTEXT,
    ROOM_NOTE_CONTEXT,
    AnyBooking,
    Booking,
    BookingKind,
    RoomBooking,
)
from server.neighbor_center.bookings.views import BookingView, DayBooking, DayRoomBooking, RoomBookingView
from server.neighbor_center.errors import RoomTaken
from server.notifications.events import Event
from server.notifications.telling import notify
from server.organizations.access import role_holders

View = TypeVar("View", BookingView, RoomBookingView)
DayView = TypeVar("DayView", DayBooking, DayRoomBooking)


class Events(NamedTuple):
    """What people are told of either kind of booking; a room's has no waiting list."""

    booked: Event
    requested: Event
    approved: Event
    refused: Event
    moved: Event
    moved_at_request: Event
    moved_by_staff: Event
    cancelled: Event
    closed: Event
    no_show: Event
    reminder: Event
    to_approve: Event
    overdue: Event


class Kind(NamedTuple, Generic[View, DayView]):
    """A kind of booking. In SQL it is `b`, its service `s`, the venue `v`: `source` goes behind FROM.

    `time` has `starts_at` and `ends_at`, `ended` has `ended_at`; `state` is a BookingState; `is_request`: staff have
    still to answer. `table` is also the name in the audit log and in messages. `columns` and `day_columns` are what
    `view` and `day_view` have beyond what both kinds show.
    """

    name: BookingKind
    model: type[AnyBooking]
    table: str
    source: str
    time: str
    ended: str
    state: str
    is_request: str
    view: type[View]
    columns: str
    day_view: type[DayView]
    day_columns: str
    note_context: str
    events: Events

    @property
    def source_of_new(self) -> str:
        """`source`, where the statement itself has written the booking, as a table `b`."""
        return self.source.removeprefix(f"{self.table} ")


SLOTS = Kind(
    name=BookingKind.SLOT,
    model=Booking,
    table="booking",
    source=(
        "booking b JOIN place p ON p.id = b.place_id JOIN slot t ON t.id = b.slot_id "
        "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id"
    ),
    time="t",
    ended="p",
    state=(
        "CASE WHEN p.ended_at IS NOT NULL THEN 'cancelled' WHEN p.state IN ('waiting', 'offered') THEN 'waiting' "
        "WHEN p.state = 'attended' THEN 'attended' WHEN p.state = 'no_show' THEN 'no_show' "
        "WHEN b.approval = 'pending' THEN 'requested' ELSE 'booked' END"
    ),
    is_request="b.approval = 'pending' AND p.ended_at IS NULL",
    view=BookingView,
    columns=(
        "b.approval, s.kind AS service_kind, s.mode, v.phone AS venue_phone, v.location, "
        "s.documents, b.address, b.area_id, p.id AS place_id, p.offered_until, p.end_reason"
    ),
    day_view=DayBooking,
    day_columns="s.mode, b.area_id, b.visitor_id",
    note_context=NOTE_CONTEXT,
    events=Events(
        booked=messages.SLOT_BOOKED,
        requested=messages.SLOT_REQUESTED,
        approved=messages.SLOT_APPROVED,
        refused=messages.SLOT_REFUSED,
        moved=messages.SLOT_MOVED,
        moved_at_request=messages.SLOT_MOVED_AT_REQUEST,
        moved_by_staff=messages.SLOT_MOVED_BY_STAFF,
        cancelled=messages.SLOT_CANCELLED,
        closed=messages.SLOT_CLOSED,
        no_show=messages.SLOT_NO_SHOW,
        reminder=messages.SLOT_REMINDER,
        to_approve=messages.SLOT_TO_APPROVE,
        overdue=messages.SLOT_OVERDUE,
    ),
)
ROOMS = Kind(
    name=BookingKind.ROOM,
    model=RoomBooking,
    table="room_booking",
    source="room_booking b JOIN service s ON s.id = b.service_id JOIN venue v ON v.id = s.venue_id",
    time="b",
    ended="b",
    state="b.state",
    is_request="b.state = 'requested'",
    view=RoomBookingView,
    columns="",
    day_view=DayRoomBooking,
    day_columns="b.busy_until",
    note_context=ROOM_NOTE_CONTEXT,
    events=Events(
        booked=messages.ROOM_BOOKED,
        requested=messages.ROOM_REQUESTED,
        approved=messages.ROOM_BOOKED,
        refused=messages.ROOM_REFUSED,
        moved=messages.ROOM_MOVED,
        moved_at_request=messages.ROOM_MOVED_AT_REQUEST,
        moved_by_staff=messages.ROOM_MOVED_BY_STAFF,
        cancelled=messages.ROOM_CANCELLED,
        closed=messages.ROOM_CLOSED,
        no_show=messages.ROOM_NO_SHOW,
        reminder=messages.ROOM_REMINDER,
        to_approve=messages.ROOM_TO_APPROVE,
        overdue=messages.ROOM_OVERDUE,
    ),
)
AnyKind = Kind[Any, Any]
KINDS: tuple[AnyKind, ...] = (SLOTS, ROOMS)


def kind_of(booking: AnyBooking) -> AnyKind:
    return SLOTS if isinstance(booking, Booking) else ROOMS


async def lock_booking(kind: AnyKind, booking_id: str) -> AnyBooking:
    """The booking, locked, with its place as it is then (which the allotment's lock alone keeps so). A move gives it
    another place, and anyone who acts on it at the same time must see which. Raises NotFound."""
    locked = kind.model.filter(id=booking_id).select_for_update(no_key=True)
    booking: AnyBooking | None = await locked.get_or_none()
    if booking is None:
        raise NotFound()
    if isinstance(booking, Booking):
        await booking.fetch_related("place")
    return booking


async def save_booking(booking: AnyBooking, *, created: bool = False) -> None:
    """Raises RoomTaken where the database sees an overlap."""
    with refusing_overlaps():
        await booking.save(force_create=created)


@contextmanager
def refusing_overlaps() -> Iterator[None]:
    """Raises RoomTaken where the database sees an overlap."""
    try:
        yield
    except IntegrityError as error:
        if violates(error, "room_booking_no_overlap"):
            raise RoomTaken() from None
        raise


async def tell(booking: AnyBooking, event: Event, **facts: Any) -> None:
    """Tell those whom the booking concerns, in the caller's transaction."""
    await notify(await persons_to_tell(booking.person_id, booking.booked_by_id), event, **facts_of(booking), **facts)


async def tell_staff(organization_id: str, booking: AnyBooking, event: Event) -> None:
    """Tell the venue's staff, in the caller's transaction."""
    await notify(await role_holders(organization_id), event, **facts_of(booking))


async def persons_to_tell(person_id: str, booked_by_id: str) -> set[str]:
    """Whom a booking concerns: the person, and who booked for them, as long as they look after the person."""
    try:
        await require_dependant(booked_by_id, person_id)
    except NotFound:
        return {person_id}
    return {person_id, booked_by_id}


def facts_of(booking: AnyBooking) -> dict[str, Any]:
    if isinstance(booking, Booking):
        return {"booking": booking.id, "slot": booking.slot_id}
    return {"room_booking": booking.id}
