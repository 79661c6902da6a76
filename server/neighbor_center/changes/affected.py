"""Bookings that a changed calendar leaves without their time: finding them, where they could go, moving, cancelling.

All of it in the transaction of the change, whose venues are locked against everybody who books (calendars.py).
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch
from server.foundation.dates import day_of, instant
from server.foundation.errors import Refusal
from server.foundation.ids import Id
from server.neighbor_center.bookings.booking import change_time
from server.neighbor_center.bookings.kinds import KINDS, ROOMS, SLOTS, kind_of, lock_booking, save_booking, tell
from server.neighbor_center.bookings.models import OPEN_STATES, AnyBooking, Booking, BookingKind, RoomBooking
from server.neighbor_center.bookings.outcomes import end_booking
from server.neighbor_center.bookings.rooms import busy_span, require_free_room
from server.neighbor_center.bookings.slots import require_slot
from server.neighbor_center.bookings.terms import read_terms
from server.neighbor_center.errors import SlotNotOffered
from server.neighbor_center.opening.queries import read_calendars
from server.neighbor_center.opening.rules import (
    Calendar,
    Span,
    find_slot,
    free_spans,
    is_on_grid,
    is_open_throughout,
    open_spans,
    slots_of_day,
)
from server.neighbor_center.venues.queries import organization_of_service

_SUGGESTED_WITHIN_DAYS = 14


class AffectedBooking(msgspec.Struct, frozen=True):
    """A booking that a change would leave without its time. `suggested_starts_at`: where it could be moved to, as the
    calendar will be and so that all suggestions fit together; empty where nothing is free within two weeks."""

    kind: BookingKind
    booking_id: Id
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    party_size: int
    suggested_starts_at: datetime | None = None


class Answers(msgspec.Struct, frozen=True):
    """What becomes of the bookings that a change affects: to be cancelled, or moved to another beginning; and the
    reason that their holders are told."""

    cancel: frozenset[str] = frozenset()
    move: dict[str, datetime] = {}
    reason: str = ""

    def covers(self, affected: Iterable[AffectedBooking]) -> bool:
        return all(booking.booking_id in self.cancel or booking.booking_id in self.move for booking in affected)


NO_ANSWERS = Answers()


async def find_affected(venue_ids: list[str], on_days: list[date] | None = None) -> list[AffectedBooking]:
    """Coming bookings of the venues (of certain days alone) that do not lie on their calendar as it is now, those who
    wait first.

    Their rows are locked: one that is being cancelled or decided on at this moment is seen as it ends up.
    """
    now = clock.now()
    slot_rows, room_rows = [
        await fetch(
            f"SELECT b.id AS booking_id, s.id AS service_id, s.name AS service_name, {kind.time}.starts_at, "
            f"{kind.time}.ends_at, b.party_size FROM {kind.source} WHERE s.venue_id = ANY($1::uuid[]) "
            f"AND {kind.time}.starts_at > $2 AND {kind.state} = ANY($4) "
            f"AND ($3::date[] IS NULL OR ({kind.time}.starts_at AT TIME ZONE 'Asia/Shanghai')::date = ANY($3)) "
            "ORDER BY b.id FOR NO KEY UPDATE OF b",
            venue_ids,
            now,
            on_days,
            [str(state) for state in OPEN_STATES],
        )
        for kind in KINDS
    ]
    # Who is still there is read after the locks, since the places may have ended while we waited for them. Those who
    # wait come first: were a confirmed place given up before, its next in line would be told to come to a closed door.
    ranks = {
        row["id"]: rank
        for rank, row in enumerate(
            await fetch(
                "SELECT b.id FROM booking b JOIN place p ON p.id = b.place_id WHERE b.id = ANY($1::uuid[]) "
                "AND p.state IN ('waiting', 'offered', 'confirmed') "
                "ORDER BY p.allotment_id, p.state = 'confirmed', p.state = 'offered', p.number DESC",
                [row["booking_id"] for row in slot_rows],
            )
        )
    }
    slot_rows = sorted(
        (row for row in slot_rows if row["booking_id"] in ranks), key=lambda row: ranks[row["booking_id"]]
    )
    calendars = await read_calendars({row["service_id"] for row in [*slot_rows, *room_rows]})
    return [
        AffectedBooking(kind, **dict(row))
        for kind, rows in ((BookingKind.SLOT, slot_rows), (BookingKind.ROOM, room_rows))
        for row in rows
        if not _fits(kind, calendars[row["service_id"]], Span(row["starts_at"], row["ends_at"]))
    ]


def _fits(kind: BookingKind, calendar: Calendar, span: Span) -> bool:
    if kind is BookingKind.SLOT:
        return find_slot(calendar, span.starts_at) == span
    return is_open_throughout(calendar, span)


async def settle_affected(actor_id: str | None, affected: list[AffectedBooking], answers: Answers) -> None:
    """Move or cancel each, as the answers have it, and tell the holders. Raises what stands against a move (PlacesFull,
    SlotNotOffered, RoomTaken, WrongState), with the fact `booking_id`."""
    for one in affected:
        starts_at = answers.move.get(one.booking_id)
        kind = SLOTS if one.kind is BookingKind.SLOT else ROOMS
        booking = await lock_booking(kind, one.booking_id)
        booking.staff_reason = answers.reason
        try:
            if starts_at is None:
                await end_booking(booking, "closed", by=actor_id)
                await tell(booking, kind.events.closed)
            else:
                await _move(actor_id, booking, one.service_id, starts_at)
        except Refusal as refusal:
            refusal.facts["booking_id"] = booking.id
            raise
        await record_audit(
            f"{'cancel' if starts_at is None else 'move'}_booking_for_change",
            actor_id=actor_id,
            subject=(kind.table, booking.id),
            person_id=booking.person_id,
            organization_id=await organization_of_service(one.service_id),
        )


async def _move(actor_id: str | None, booking: AnyBooking, service_id: str, starts_at: datetime) -> None:
    """What the person may have at a time is not asked here: it is the venue that moves them. Capacity is, and whether
    the room is free."""
    day, was = day_of(starts_at), booking.starts_at
    terms = await read_terms(service_id, day, day)
    if isinstance(booking, Booking):
        span = require_slot(terms, starts_at)
    else:
        span = Span(starts_at, starts_at + (booking.ends_at - booking.starts_at))
        if not is_on_grid(starts_at) or not is_open_throughout(terms.calendar, span):
            raise SlotNotOffered()
    if span.starts_at <= clock.now():
        raise SlotNotOffered("该时段已开始")
    if isinstance(booking, RoomBooking) and booking.is_holding:
        await require_free_room(service_id, busy_span(terms, span), besides=booking.id)
    await change_time(booking, terms, span, actor_id)
    if booking.answer_by and booking.answer_due_at:
        booking.answer_by = booking.answer_due_at = min(booking.answer_by, span.starts_at)
    await save_booking(booking)
    await tell(booking, kind_of(booking).events.moved_by_staff, was=was)


async def suggest_times(affected: list[AffectedBooking]) -> list[AffectedBooking]:
    """The same with the nearest time at which each could be had: on the same day where there is one, else later."""
    suggestions: dict[str, datetime] = {}
    calendars = await read_calendars({booking.service_id for booking in affected})
    for service_id, calendar in calendars.items():
        of_service = sorted(
            (booking for booking in affected if booking.service_id == service_id),
            key=lambda booking: (booking.starts_at, booking.booking_id),
        )
        suggest = _suggest_slots if of_service[0].kind is BookingKind.SLOT else _suggest_rooms
        suggestions |= await suggest(service_id, calendar, of_service)
    return [
        msgspec.structs.replace(booking, suggested_starts_at=suggestions.get(booking.booking_id))
        for booking in affected
    ]


async def _suggest_slots(service_id: str, calendar: Calendar, affected: list[AffectedBooking]) -> dict[str, datetime]:
    capacity = (await fetch("SELECT capacity FROM service WHERE id = $1", service_id))[0]["capacity"]
    rows = await fetch(
        "SELECT t.starts_at, a.capacity - a.taken - (SELECT COALESCE(sum(p.party_size), 0) FROM place p "
        "WHERE p.allotment_id = a.id AND p.state = 'waiting') AS free FROM slot t JOIN allotment a "
        "ON a.id = t.allotment_id WHERE t.service_id = $1 AND t.starts_at BETWEEN $2 AND $3",
        service_id,
        instant(day_of(affected[0].starts_at), 0),
        affected[-1].starts_at + timedelta(days=_SUGGESTED_WITHIN_DAYS + 1),
    )
    free = {row["starts_at"]: row["free"] for row in rows}
    for booking in affected:
        if booking.starts_at in free:
            free[booking.starts_at] += booking.party_size
    suggestions: dict[str, datetime] = {}
    for booking in affected:
        for span in _nearest(calendar, booking.starts_at):
            if free.setdefault(span.starts_at, capacity) >= booking.party_size:
                free[span.starts_at] -= booking.party_size
                suggestions[booking.booking_id] = span.starts_at
                break
    return suggestions


def _nearest(calendar: Calendar, starts_at: datetime) -> Iterable[Span]:
    """Slots that have not begun: those of the same day by how near they are, then those of the days after."""
    now, day = clock.now(), day_of(starts_at)
    yield from sorted(
        (slot for slot in slots_of_day(calendar, day) if slot.starts_at > now),
        key=lambda slot: abs(slot.starts_at - starts_at),
    )
    for number in range(1, _SUGGESTED_WITHIN_DAYS + 1):
        yield from (slot for slot in slots_of_day(calendar, day + timedelta(days=number)) if slot.starts_at > now)


async def _suggest_rooms(service_id: str, calendar: Calendar, affected: list[AffectedBooking]) -> dict[str, datetime]:
    first = instant(day_of(affected[0].starts_at), 0)
    rows = await fetch(
        "SELECT id, starts_at, busy_until FROM room_booking WHERE service_id = $1 AND ended_at IS NULL "
        "AND state <> 'requested' AND starts_at BETWEEN $2 AND $3",
        service_id,
        first - timedelta(days=1),
        affected[-1].starts_at + timedelta(days=_SUGGESTED_WITHIN_DAYS + 1),
    )
    ids = {booking.booking_id for booking in affected}
    busy = [Span(row["starts_at"], row["busy_until"]) for row in rows if row["id"] not in ids]
    busy.append(Span(first - timedelta(days=1), max(clock.now(), first)))
    suggestions: dict[str, datetime] = {}
    for booking in affected:
        length = booking.ends_at - booking.starts_at
        day = day_of(booking.starts_at)
        for number in range(_SUGGESTED_WITHIN_DAYS + 1):
            free = free_spans(open_spans(calendar, day + timedelta(days=number)), busy)
            begins = [begin for span in free if (begin := _on_grid(span.starts_at)) + length <= span.ends_at]
            if begins:
                begin = min(begins, key=lambda begin: abs(begin - booking.starts_at))
                suggestions[booking.booking_id] = begin
                busy.append(Span(begin, begin + length + timedelta(minutes=calendar.buffer_minutes)))
                break
    return suggestions


def _on_grid(moment: datetime) -> datetime:
    """The first moment from then on at which a room's booking may begin."""
    while not is_on_grid(moment):
        moment = (moment + timedelta(minutes=1)).replace(second=0, microsecond=0)
    return moment
