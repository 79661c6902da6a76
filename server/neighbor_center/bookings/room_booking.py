"""Rooms: one party has one to itself, for any range of time on a grid of 15 minutes.

Where staff must agree, requests may overlap; agreeing to one answers the others. That two that overlap are never both
booked is an exclusion constraint (room_booking_no_overlap); the lock on the service's row is there so that whoever
comes second gets an answer in words.
"""

from datetime import date, datetime, timedelta
from typing import Any

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import IntegrityError, fetch, fetch_one, fetch_value, transaction, violates
from server.foundation.dates import day_of, instant
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import ROOM_NOTE_CONTEXT, RoomBooking, RoomBookingState
from server.neighbor_center.bookings.queries import RoomBookingView, get_room_booking
from server.neighbor_center.bookings.terms import (
    HeldTime,
    ServiceTerms,
    check_day,
    check_deadline,
    check_limits,
    check_year,
    held_from,
    lock_for_booking,
    persons_to_tell,
    read_terms,
    require_may_act_for,
    require_may_book,
)
from server.neighbor_center.errors import ChangeTooLate, RoomTaken, SlotNotOffered
from server.neighbor_center.opening.rules import GRID_MINUTES, Span, is_on_grid, is_open_throughout
from server.notifications.events import Event
from server.notifications.reminders import next_reminder
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.places.models import NoShowReason, Purpose
from server.places.no_shows import ensure_not_blocked, forgive_absence, record_absence


async def book_room(
    actor_id: str,
    service_id: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    person_id: str | None = None,
    party_size: int = 1,
    note: str = "",
) -> RoomBookingView:
    """Book the room, or ask for it where staff must agree. The same tap twice gives the same one.

    Raises NotFound, ConsentNeeded, SlotNotOffered, NotEligible, TooShortNotice, TooFarAhead, TooManyBookings,
    BookingOverlaps, Blocked, RoomTaken, InvalidFields.
    """
    check_year("starts_at", starts_at)
    check_year("ends_at", ends_at)
    person_id = person_id or actor_id
    await require_may_act_for(actor_id, person_id)
    async with transaction():
        await lock_for_booking(person_id, service_id)
        now, day = clock.now(), day_of(starts_at)
        terms = await read_terms(service_id, day, day)
        span = check_range(terms, starts_at, ends_at)
        held = await held_rooms(person_id, held_from(day, now))
        for time in held:
            if (time.service_id, time.starts_at, time.ends_at) == (service_id, starts_at, ends_at):
                return await get_room_booking(actor_id, time.booking_id)
        await ensure_not_blocked(person_id, Purpose.SLOT)
        await require_may_book(terms, person_id)
        check_day(terms, span, now)
        check_limits(terms, span, held)
        if party_size > terms.max_party_size:
            raise InvalidFields.of("party_size", f"最多 {terms.max_party_size} 人")
        await lock_room(service_id)
        await require_free_room(service_id, busy_span(terms, span))
        booking = await place_room_booking(
            terms, span, actor_id=actor_id, person_id=person_id, party_size=party_size, note=note
        )
        await tell_of_room(booking, messages.ROOM_REQUESTED if terms.needs_approval else messages.ROOM_BOOKED)
        if terms.needs_approval:
            await notify(await role_holders(terms.organization_id), messages.ROOM_TO_APPROVE, room_booking=booking.id)
    return await get_room_booking(actor_id, booking.id)


async def place_room_booking(
    terms: ServiceTerms,
    span: Span,
    *,
    actor_id: str,
    person_id: str,
    party_size: int,
    note: str,
    series_id: str | None = None,
) -> RoomBooking:
    """Write the booking, in the caller's transaction, who holds the room and has checked that it may be. Raises
    RoomTaken."""
    now = clock.now()
    answer_by = terms.answer_by(now, span.starts_at) if terms.needs_approval else None
    booking = RoomBooking(
        service_id=terms.id,
        person_id=person_id,
        booked_by_id=actor_id,
        party_size=party_size,
        note=keyring().encrypt(note, ROOM_NOTE_CONTEXT) if note else None,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        busy_until=busy_span(terms, span).ends_at,
        state=RoomBookingState.REQUESTED if terms.needs_approval else RoomBookingState.BOOKED,
        series_id=series_id,
        answer_by=answer_by,
        answer_due_at=answer_by,
        remind_at=next_reminder(now, span.starts_at),
    )
    await save_room_booking(booking, created=True)
    return booking


async def move_room_booking(actor_id: str, booking_id: str, starts_at: datetime, ends_at: datetime) -> RoomBookingView:
    """To another time, in one step: where the room is taken then, the old time stays.

    Where staff must agree, what they have agreed to cannot be moved: the old time would be lost before they agree to
    the new one. Raises NotFound, WrongState, ChangeTooLate, SlotNotOffered, TooShortNotice, TooFarAhead,
    TooManyBookings, BookingOverlaps, RoomTaken, InvalidFields.
    """
    check_year("starts_at", starts_at)
    check_year("ends_at", ends_at)
    row = await fetch_one("SELECT person_id, service_id FROM room_booking WHERE id = $1", booking_id)
    if row is None:
        raise NotFound()
    person_id, service_id = row
    await require_dependant(actor_id, person_id)
    async with transaction():
        await lock_for_booking(person_id, service_id)
        await lock_room(service_id)
        booking = await lock_room_booking(booking_id)
        now, day = clock.now(), day_of(starts_at)
        terms = await read_terms(service_id, day, day)
        if (starts_at, ends_at) == (booking.starts_at, booking.ends_at):
            return await get_room_booking(actor_id, booking_id)
        if booking.state is RoomBookingState.BOOKED:
            if terms.needs_approval:
                raise WrongState("该预约已通过审核，如需改期请重新申请")
            check_deadline(terms, booking.starts_at, now)
        elif booking.state is not RoomBookingState.REQUESTED:
            raise WrongState()
        span = check_range(terms, starts_at, ends_at)
        check_day(terms, span, now)
        held = await held_rooms(person_id, held_from(day, now))
        check_limits(terms, span, held, moving=booking_id, series_id=booking.series_id)
        busy = busy_span(terms, span)
        await require_free_room(service_id, busy, besides=booking_id)
        was = booking.starts_at
        booking.starts_at, booking.ends_at, booking.busy_until = span.starts_at, span.ends_at, busy.ends_at
        booking.moves += 1
        booking.remind_at = next_reminder(now, span.starts_at)
        if booking.state is RoomBookingState.REQUESTED:
            booking.answer_by = booking.answer_due_at = terms.answer_by(now, span.starts_at)
        await save_room_booking(booking)
        await tell_of_room(booking, messages.ROOM_MOVED, was=was)
    return await get_room_booking(actor_id, booking_id)


async def cancel_room_booking(actor_id: str, booking_id: str, *, accept_no_show: bool = False) -> RoomBookingView:
    """Give the room up. Cancelling twice changes nothing. Past the deadline it counts like not coming, as for slots.

    Raises NotFound, WrongState, ChangeTooLate.
    """
    person_id = await fetch_value("SELECT person_id FROM room_booking WHERE id = $1", booking_id)
    if person_id is None:
        raise NotFound()
    await require_dependant(actor_id, person_id)
    async with transaction():
        booking = await lock_room_booking(booking_id)
        now = clock.now()
        if booking.state is RoomBookingState.CANCELLED:
            return await get_room_booking(actor_id, booking_id)
        late = False
        if booking.state is RoomBookingState.BOOKED:
            try:
                check_deadline(await read_terms(booking.service_id, day_of(now), day_of(now)), booking.starts_at, now)
            except ChangeTooLate:
                if not accept_no_show or booking.starts_at <= now:
                    raise
                late = True
        elif booking.state is not RoomBookingState.REQUESTED:
            raise WrongState()
        elif booking.starts_at <= now:
            raise ChangeTooLate()
        booking.state, booking.ended_at = RoomBookingState.CANCELLED, now
        await save_room_booking(booking)
        if late:
            await record_absence(booking.person_id, Purpose.SLOT, booking.id, NoShowReason.CANCELLED_LATE)
        await tell_of_room(booking, messages.ROOM_CANCELLED)
    return await get_room_booking(actor_id, booking_id)


async def attend_room(booking: RoomBooking) -> None:
    """They are there, in the caller's transaction, who has locked the booking. Raises WrongState."""
    if booking.state is RoomBookingState.ATTENDED:
        return
    if booking.state not in (RoomBookingState.BOOKED, RoomBookingState.NO_SHOW):
        raise WrongState()
    if booking.state is RoomBookingState.NO_SHOW:
        await forgive_absence(booking.id)
    booking.state, booking.arrived_at = RoomBookingState.ATTENDED, clock.now()
    await save_room_booking(booking)


async def miss_room(booking: RoomBooking) -> None:
    """Nobody came, which counts towards a block, in the caller's transaction, who has locked what is booked."""
    booking.state = RoomBookingState.NO_SHOW
    await save_room_booking(booking)
    await tell_of_room(booking, messages.ROOM_NO_SHOW)
    await record_absence(booking.person_id, Purpose.SLOT, booking.id, NoShowReason.ABSENT)


def check_range(terms: ServiceTerms, starts_at: datetime, ends_at: datetime) -> Span:
    """Raises InvalidFields for what no room can be booked for, SlotNotOffered outside its hours."""
    if terms.longest_minutes is None:
        raise InvalidFields.of("starts_at", "该服务请按时段预约")
    if not is_on_grid(starts_at):
        raise InvalidFields.of("starts_at", f"请选择 {GRID_MINUTES} 分钟的整点时刻")
    if not is_on_grid(ends_at):
        raise InvalidFields.of("ends_at", f"请选择 {GRID_MINUTES} 分钟的整点时刻")
    minutes = (ends_at - starts_at) / timedelta(minutes=1)
    if not terms.calendar.minutes <= minutes <= terms.longest_minutes:
        raise InvalidFields.of("ends_at", f"每次可预约 {terms.calendar.minutes} 至 {terms.longest_minutes} 分钟")
    span = Span(starts_at, ends_at)
    if not is_open_throughout(terms.calendar, span):
        raise SlotNotOffered()
    return span


async def held_rooms(person_id: str, from_day: date) -> list[HeldTime]:
    """What the person has booked or asked for, from that day on, as terms.check_limits takes it."""
    rows = await fetch(
        "SELECT id, service_id, starts_at, ends_at, state IN ('requested', 'booked') AND ends_at > $3 AS is_open, "
        "series_id FROM room_booking WHERE person_id = $1 AND starts_at >= $2 AND ended_at IS NULL ORDER BY starts_at",
        person_id,
        instant(from_day, 0),
        clock.now(),
    )
    return [HeldTime(*row) for row in rows]


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


async def lock_room_booking(booking_id: str) -> RoomBooking:
    """Cancelling and deciding at the same time: the second sees what the first has done. Raises NotFound."""
    booking = await RoomBooking.filter(id=booking_id).select_for_update(no_key=True).get_or_none()
    if booking is None:
        raise NotFound()
    return booking


async def refuse_request(booking: RoomBooking, actor_id: str | None, reason: str) -> None:
    """In the caller's transaction, who has locked the booking; without an actor, time has answered."""
    booking.state, booking.ended_at = RoomBookingState.REFUSED, clock.now()
    booking.decided_by_id, booking.staff_reason = actor_id, reason
    await save_room_booking(booking)
    await tell_of_room(booking, messages.ROOM_REFUSED)


async def save_room_booking(booking: RoomBooking, *, created: bool = False) -> None:
    """Raises RoomTaken where the database sees an overlap. What has ended is not looked at by the sweeps again."""
    if booking.ended_at is not None:
        booking.remind_at = booking.answer_due_at = None
    try:
        await booking.save(force_create=created)
    except IntegrityError as error:
        if violates(error, "room_booking_no_overlap"):
            raise RoomTaken() from None
        raise


async def tell_of_room(booking: RoomBooking, event: Event, **facts: Any) -> None:
    """Tell those whom the booking concerns, in the caller's transaction."""
    persons = await persons_to_tell(booking.person_id, booking.booked_by_id)
    await notify(persons, event, room_booking=booking.id, **facts)
