"""Rooms: one party has one to itself, for any range of time on a grid of 15 minutes.

Where staff must agree, requests may overlap; agreeing to one answers the others. That two that overlap are never both
booked is an exclusion constraint (room_booking_no_overlap); the lock on the service's row is there so that anyone who
comes second gets an answer in words.
"""

from datetime import datetime, timedelta

from server.foundation.database import fetch, fetch_value
from server.foundation.dates import render_duration
from server.foundation.errors import InvalidFields
from server.neighbor_center.bookings.models import RoomBooking
from server.neighbor_center.bookings.terms import ServiceTerms
from server.neighbor_center.errors import RoomTaken, SlotNotOffered
from server.neighbor_center.opening.rules import GRID_MINUTES, Span, is_on_grid, is_open_throughout


def require_range(terms: ServiceTerms, starts_at: datetime, ends_at: datetime) -> Span:
    """Raises InvalidFields for what no room can be booked for, SlotNotOffered outside its hours."""
    if terms.longest_minutes is None:
        raise InvalidFields.of("starts_at", "该服务请按时段预约")
    if not is_on_grid(starts_at):
        raise InvalidFields.of("starts_at", f"请按每 {GRID_MINUTES} 分钟一格选择时间")
    if not is_on_grid(ends_at):
        raise InvalidFields.of("ends_at", f"请按每 {GRID_MINUTES} 分钟一格选择时间")
    minutes = (ends_at - starts_at) / timedelta(minutes=1)
    if not terms.calendar.minutes <= minutes <= terms.longest_minutes:
        raise InvalidFields.of(
            "ends_at",
            f"每次可预约 {render_duration(terms.calendar.minutes)}至 {render_duration(terms.longest_minutes)}",
        )
    span = Span(starts_at, ends_at)
    if not is_open_throughout(terms.calendar, span):
        raise SlotNotOffered()
    return span


async def lock_room(service_id: str) -> None:
    """Two who want the same room at once: the second waits, and then sees that it is taken."""
    await fetch("SELECT 1 FROM service WHERE id = $1 FOR NO KEY UPDATE", service_id)


def busy_span(terms: ServiceTerms, span: Span) -> Span:
    """The same with the time that it takes to make the room ready again."""
    return Span(span.starts_at, span.ends_at + timedelta(minutes=terms.calendar.buffer_minutes))


async def require_free_room(service_id: str, busy: Span, *, besides: str | None = None) -> None:
    """Raises RoomTaken where another booking than `besides` has the room then."""
    taken = await fetch_value(
        "SELECT 1 FROM room_booking WHERE service_id = $1 AND state IN ('booked', 'attended', 'no_show') "
        "AND tstzrange(starts_at, busy_until) && tstzrange($2, $3) AND id IS DISTINCT FROM $4 LIMIT 1",
        service_id,
        busy.starts_at,
        busy.ends_at,
        besides,
    )
    if taken:
        raise RoomTaken()


def set_room_time(booking: RoomBooking, terms: ServiceTerms, span: Span) -> None:
    booking.starts_at, booking.ends_at = span.starts_at, span.ends_at
    booking.busy_until = busy_span(terms, span).ends_at
