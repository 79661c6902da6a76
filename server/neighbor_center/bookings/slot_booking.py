"""Booking a slot, moving it, cancelling it, and what comes of waiting for one.

The order of locks, everywhere in this feature: the person, the venue (shared), the booking, then the allotments.
"""

from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import execute, fetch, transaction
from server.foundation.dates import day_of
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import ADDRESS_CONTEXT, NOTE_CONTEXT, Approval, Booking, BookingMove
from server.neighbor_center.bookings.queries import BookingView, get_booking
from server.neighbor_center.bookings.slots import make_slot, require_slot
from server.neighbor_center.bookings.terms import (
    OPEN_STATES,
    ServiceTerms,
    check_day,
    check_deadline,
    check_limits,
    check_year,
    find_visited_area,
    held_from,
    held_times,
    lock_for_booking,
    persons_to_tell,
    read_terms,
    require_may_act_for,
    require_may_book,
)
from server.neighbor_center.errors import ChangeTooLate
from server.neighbor_center.opening.rules import Span
from server.neighbor_center.venues.models import ServiceMode
from server.notifications.events import Event
from server.notifications.reminders import next_reminder
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.places.line import lock_place
from server.places.models import NoShowReason, Place, PlaceState, Purpose
from server.places.no_shows import ensure_not_blocked, record_no_show
from server.places.service import accept_offer, decline_offer, leave_place, move_place, take_place


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Who comes, and what they bring along. `address` and `area_id` (a grid, or a building in one) are for home visits
    alone."""

    actor_id: str
    person_id: str
    party_size: int = 1
    note: str = ""
    address: str = ""
    area_id: str | None = None


async def book_slot(
    actor_id: str,
    service_id: str,
    starts_at: datetime,
    *,
    person_id: str | None = None,
    party_size: int = 1,
    note: str = "",
    address: str = "",
    area_id: str | None = None,
    wait: bool = False,
) -> BookingView:
    """Book the slot that begins then, for oneself or somebody one looks after.

    With `wait`, a full slot puts the person on its waiting list. The same tap twice gives the same booking. Raises
    NotFound, ConsentNeeded, SlotNotOffered, NotEligible, TooShortNotice, TooFarAhead, TooManyBookings, BookingOverlaps,
    Blocked, PlacesFull, OutsideArea, InvalidFields.
    """
    check_year("starts_at", starts_at)
    person_id = person_id or actor_id
    await require_may_act_for(actor_id, person_id)
    wanted = Wanted(
        actor_id=actor_id, person_id=person_id, party_size=party_size, note=note, address=address, area_id=area_id
    )
    async with transaction():
        await lock_for_booking(person_id, service_id)
        now, day = clock.now(), day_of(starts_at)
        terms = await read_terms(service_id, day, day)
        span = require_slot(terms, starts_at)
        held = await held_times(person_id, held_from(day, now))
        for time in held:
            if time.service_id == service_id and time.starts_at == span.starts_at:
                return await get_booking(actor_id, time.booking_id)
        await ensure_not_blocked(person_id, Purpose.SLOT)
        await require_may_book(terms, person_id)
        check_day(terms, span, now)
        check_limits(terms, span, held)
        wanted = await check_wanted(terms, wanted)
        booking, place = await place_booking(terms, span, wanted, wait=wait)
        await tell(booking, _booked_event(booking, place))
        await ask_for_approval(terms, booking)
    return await get_booking(actor_id, booking.id)


async def check_wanted(terms: ServiceTerms, wanted: Wanted) -> Wanted:
    """What can be asked of the service; `area_id` becomes the grid. Raises InvalidFields, OutsideArea."""
    if wanted.party_size > terms.max_party_size:
        raise InvalidFields.of("party_size", f"每次最多 {terms.max_party_size} 人")
    if terms.mode is not ServiceMode.HOME_VISIT:
        return msgspec.structs.replace(wanted, address="", area_id=None)
    if not wanted.address:
        raise InvalidFields.of("address", "请填写上门地址")
    return msgspec.structs.replace(wanted, area_id=await find_visited_area(terms, wanted.area_id))


async def place_booking(
    terms: ServiceTerms,
    span: Span,
    wanted: Wanted,
    *,
    wait: bool = False,
    series_id: str | None = None,
    walk_in: bool = False,
) -> tuple[Booking, Place]:
    """Take a place in the slot and write the booking, in the caller's transaction, who has checked that it may be.

    Walk-ins stand before staff and need no approval. Raises PlacesFull.
    """
    now = clock.now()
    slot = await make_slot(terms, span)
    place = await take_place(slot.allotment_id, wanted.person_id, wanted.party_size, wait)
    needs_approval = terms.needs_approval and not walk_in
    answer_by = terms.answer_by(now, span.starts_at) if needs_approval else None
    booking = await Booking.create(
        slot_id=slot.id,
        place_id=place.id,
        person_id=wanted.person_id,
        booked_by_id=wanted.actor_id,
        walk_in=walk_in,
        party_size=wanted.party_size,
        note=keyring().encrypt(wanted.note, NOTE_CONTEXT) if wanted.note else None,
        address=keyring().encrypt(wanted.address, ADDRESS_CONTEXT) if wanted.address else None,
        area_id=wanted.area_id,
        starts_at=span.starts_at,
        series_id=series_id,
        approval=Approval.PENDING if needs_approval else Approval.NOT_NEEDED,
        answer_by=answer_by,
        answer_due_at=answer_by,
        remind_at=next_reminder(now, span.starts_at),
    )
    return booking, place


async def move_booking(actor_id: str, booking_id: str, starts_at: datetime) -> BookingView:
    """To another slot of the same service, in one step: where the new one is full, the old one stays.

    Raises NotFound, WrongState, ChangeTooLate, SlotNotOffered, TooShortNotice, TooFarAhead, TooManyBookings,
    BookingOverlaps, PlacesFull.
    """
    check_year("starts_at", starts_at)
    person_id, service_id = await _require_visible(actor_id, booking_id)
    async with transaction():
        await lock_for_booking(person_id, service_id)
        booking = await lock_booking(booking_id)
        now, day = clock.now(), day_of(starts_at)
        terms = await read_terms(service_id, day, day)
        if starts_at == booking.starts_at:
            return await get_booking(actor_id, booking_id)
        place = await Place.get(id=booking.place_id)
        if place.state not in OPEN_STATES:
            raise WrongState()
        if place.state is PlaceState.CONFIRMED:
            check_deadline(terms, booking.starts_at, now)
        span = require_slot(terms, starts_at)
        check_day(terms, span, now)
        held = await held_times(person_id, held_from(day, now))
        check_limits(terms, span, held, moving=booking_id, series_id=booking.series_id)
        slot = await make_slot(terms, span)
        place = await move_place(booking.place_id, slot.allotment_id)
        await BookingMove.create(
            booking_id=booking_id, from_slot_id=booking.slot_id, to_slot_id=slot.id, moved_by_id=actor_id
        )
        await end_visit(booking)
        was = booking.starts_at
        booking.slot_id, booking.place_id, booking.starts_at = slot.id, place.id, span.starts_at
        booking.approval = Approval.PENDING if terms.needs_approval else Approval.NOT_NEEDED
        booking.answer_by = booking.answer_due_at = (
            terms.answer_by(now, span.starts_at) if terms.needs_approval else None
        )
        booking.remind_at = next_reminder(now, span.starts_at)
        await booking.save()
        await tell(booking, messages.SLOT_MOVED, was=was)
        await ask_for_approval(terms, booking)
    return await get_booking(actor_id, booking_id)


async def cancel_booking(actor_id: str, booking_id: str, *, accept_no_show: bool = False) -> BookingView:
    """Give the booking up; the next in line moves up. Cancelling twice changes nothing.

    Past the deadline it counts like not coming, so it takes `accept_no_show`; once begun it is too late in any case.
    Raises NotFound, WrongState, ChangeTooLate.
    """
    _, service_id = await _require_visible(actor_id, booking_id)
    async with transaction():
        booking = await lock_booking(booking_id)
        allotment, place = await lock_place(booking.place_id)
        if not place.is_active:
            return await get_booking(actor_id, booking_id)
        late = False
        if place.state is PlaceState.CONFIRMED and booking.approval is not Approval.PENDING:
            now = clock.now()
            terms = await read_terms(service_id, day_of(now), day_of(now))
            try:
                check_deadline(terms, booking.starts_at, now)
            except ChangeTooLate:
                if not accept_no_show or booking.starts_at <= now:
                    raise
                late = True
        await end_booking(booking)
        place = await leave_place(booking.place_id)
        if late:
            await record_no_show(allotment, place, NoShowReason.CANCELLED_LATE)
        await tell(booking, messages.SLOT_CANCELLED)
    return await get_booking(actor_id, booking_id)


async def accept_slot_offer(actor_id: str, booking_id: str) -> BookingView:
    """Take the place that became free. Raises NotFound, OfferExpired, WrongState."""
    await _require_visible(actor_id, booking_id)
    async with transaction():
        booking = await lock_booking(booking_id)
        before = await Place.get(id=booking.place_id)
        place = await accept_offer(booking.place_id)
        if before.state is not PlaceState.CONFIRMED:
            await tell(booking, _booked_event(booking, place))
    return await get_booking(actor_id, booking_id)


async def decline_slot_offer(actor_id: str, booking_id: str) -> BookingView:
    """Let the next in line have it. Raises NotFound, WrongState."""
    await _require_visible(actor_id, booking_id)
    async with transaction():
        booking = await lock_booking(booking_id)
        await end_booking(booking)
        await decline_offer(booking.place_id)
        await tell(booking, messages.SLOT_CANCELLED)
    return await get_booking(actor_id, booking_id)


async def end_booking(booking: Booking) -> None:
    """What hangs on a booking that ends, in the caller's transaction and before its place is given up: nobody goes
    there, nobody is reminded, nothing is to be answered. Saves the booking."""
    await end_visit(booking)
    booking.remind_at = booking.answer_due_at = None
    await booking.save()


async def end_visit(booking: Booking) -> None:
    """Nobody goes to the person's home then; who would have gone is told. For the caller to save."""
    if booking.visitor_id is not None:
        await notify(booking.visitor_id, messages.VISIT_CANCELLED, booking=booking.id, slot=booking.slot_id)
    booking.visitor_id = booking.visit_until = None


async def tell(booking: Booking, event: Event, **facts: Any) -> None:
    """Tell those whom the booking concerns, in the caller's transaction."""
    persons = await persons_to_tell(booking.person_id, booking.booked_by_id)
    await notify(persons, event, booking=booking.id, slot=booking.slot_id, **facts)


async def tell_moved_up(places: list[Place]) -> None:
    """Waiting places that were confirmed or offered just now, in the transaction that did it."""
    for booking, place in await _bookings_of(places):
        if place.state is PlaceState.OFFERED:
            await tell(booking, messages.SLOT_OFFERED, until=place.offered_until)
        elif booking.approval is Approval.PENDING:
            await tell(booking, messages.SLOT_REQUESTED)
        else:
            await tell(booking, messages.SLOT_MOVED_UP)


async def tell_lapsed(places: list[Place]) -> None:
    """Offers not accepted, and waits that the slot's beginning cut short."""
    for booking, place in await _bookings_of(places):
        await tell(booking, messages.SLOT_LAPSED, reason=place.end_reason)


async def merge_bookings(from_id: str, into_id: str) -> None:
    """Two persons turned out to be one: bookings, numbers drawn, ratings and complaints go along. (The places are moved
    by the places' own.)"""
    for table in ("booking", "room_booking", "booking_series"):
        await execute(
            f"UPDATE {table} SET person_id = $2, "
            "booked_by_id = CASE booked_by_id WHEN $1 THEN $2 ELSE booked_by_id END WHERE person_id = $1",
            from_id,
            into_id,
        )
        await execute(
            f"UPDATE {table} SET booked_by_id = $2 WHERE booked_by_id = $1 AND booked_by_id <> person_id",
            from_id,
            into_id,
        )
    # Nobody can be in two homes at once: where both were to go somewhere at the same time, staff send somebody anew.
    await execute(
        "UPDATE booking SET visitor_id = NULL, visit_until = NULL WHERE visitor_id = $1 AND EXISTS (SELECT 1 "
        "FROM booking kept WHERE kept.visitor_id = $2 AND tstzrange(kept.starts_at, kept.visit_until) "
        "&& tstzrange(booking.starts_at, booking.visit_until))",
        from_id,
        into_id,
    )
    await execute("UPDATE booking SET visitor_id = $2 WHERE visitor_id = $1", from_id, into_id)
    # Who stands twice in one line keeps the number of the one that remains.
    await execute(
        "UPDATE queue_ticket SET state = 'left', finished_at = $3, called_at = NULL WHERE person_id = $1 "
        "AND state IN ('waiting', 'called') AND EXISTS (SELECT 1 FROM queue_ticket kept WHERE kept.person_id = $2 "
        "AND kept.service_id = queue_ticket.service_id AND kept.day = queue_ticket.day "
        "AND kept.state IN ('waiting', 'called'))",
        from_id,
        into_id,
        clock.now(),
    )
    for table in ("queue_ticket", "booking_rating", "complaint", "duty"):
        await execute(f"UPDATE {table} SET person_id = $2 WHERE person_id = $1", from_id, into_id)


async def _require_visible(actor_id: str, booking_id: str) -> tuple[str, str]:
    """The person and the service of a booking that is the caller's, or of somebody they look after.

    Raises NotFound for anyone else's: that it exists is not told.
    """
    rows = await fetch(
        "SELECT b.person_id, t.service_id FROM booking b JOIN slot t ON t.id = b.slot_id WHERE b.id = $1", booking_id
    )
    if not rows:
        raise NotFound()
    await require_dependant(actor_id, rows[0]["person_id"])
    return rows[0]["person_id"], rows[0]["service_id"]


async def lock_booking(booking_id: str) -> Booking:
    """The booking, locked: a move gives it another place, and whoever acts on it at the same time must see which."""
    booking = await Booking.filter(id=booking_id).select_for_update(no_key=True).get_or_none()
    if booking is None:
        raise NotFound()
    return booking


async def ask_for_approval(terms: ServiceTerms, booking: Booking) -> None:
    """Tell staff of a request, in the caller's transaction."""
    if booking.approval is Approval.PENDING:
        await notify(
            await role_holders(terms.organization_id),
            messages.SLOT_TO_APPROVE,
            booking=booking.id,
            slot=booking.slot_id,
        )


def _booked_event(booking: Booking, place: Place) -> Event:
    if place.state is not PlaceState.CONFIRMED:
        return messages.SLOT_WAITING
    return messages.SLOT_REQUESTED if booking.approval is Approval.PENDING else messages.SLOT_BOOKED


async def _bookings_of(places: list[Place]) -> list[tuple[Booking, Place]]:
    by_place = {
        booking.place_id: booking for booking in await Booking.filter(place_id__in=[place.id for place in places])
    }
    return [(by_place[place.id], place) for place in places if place.id in by_place]
