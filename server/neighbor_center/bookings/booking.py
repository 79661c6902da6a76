"""Booking slots and rooms, moving a booking, cancelling it.

The order of locks, everywhere in this feature: the person, the venue (shared), the room, the booking, then the
allotments.
"""

from datetime import datetime
from typing import Any

import msgspec

from server.accounts.consents import require_consent
from server.accounts.models import ConsentKind
from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import fetch_one, transaction
from server.foundation.dates import day_of
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.kinds import (
    ROOMS,
    SLOTS,
    AnyKind,
    Kind,
    View,
    kind_of,
    lock_booking,
    save_booking,
    tell,
    tell_staff,
)
from server.neighbor_center.bookings.models import (
    ADDRESS_CONTEXT,
    OPEN_STATES,
    AnyBooking,
    Approval,
    Booking,
    BookingState,
)
from server.neighbor_center.bookings.outcomes import count_late, end_booking
from server.neighbor_center.bookings.queries import add_booking, get_booking
from server.neighbor_center.bookings.rooms import busy_span, lock_room, require_free_room, require_range, set_room_time
from server.neighbor_center.bookings.slots import change_slot, require_slot, take_slot
from server.neighbor_center.bookings.terms import (
    ServiceTerms,
    check_day,
    check_deadline,
    check_limits,
    find_held,
    find_visited_area,
    held_from,
    held_times,
    lock_for_booking,
    read_standing,
    read_terms,
    require_may_act_for,
    require_may_book,
)
from server.neighbor_center.errors import ChangeTooLate
from server.neighbor_center.opening.rules import Span, check_year
from server.neighbor_center.venues.models import ServiceMode
from server.notifications.reminders import next_reminder
from server.places.line import lock_place
from server.places.no_shows import refuse_blocked


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody would have: who comes, when, and what they bring along. `ends_at` is for rooms alone; `address` and
    `area_id` (a grid, or a building in one) for home visits. `person_id` is empty until a walk-in is known."""

    actor_id: str
    person_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    party_size: int = 1
    note: str = ""
    address: str = ""
    area_id: str | None = None


async def book(kind: Kind[View, Any], service_id: str, wanted: Wanted, *, wait: bool = False) -> View:
    """Book the slot that begins then, or the room from then on, for oneself or somebody one looks after; where staff
    must agree, it is a request.

    With `wait`, a full slot puts the person on its waiting list. The same tap twice gives the same booking. Raises
    NotFound, ConsentNeeded, SlotNotOffered, NotEligible, TooShortNotice, TooFarAhead, TooManyBookings, BookingOverlaps,
    Blocked, PlacesFull, RoomTaken, OutsideArea, InvalidFields.
    """
    check_times(wanted.starts_at, wanted.ends_at)
    async with transaction():
        await require_may_act_for(wanted.actor_id, wanted.person_id)
        await lock_for_booking(wanted.person_id, service_id)
        await require_consent(wanted.actor_id, ConsentKind.PRIVACY)
        if wanted.address:
            await require_consent(wanted.actor_id, ConsentKind.SENSITIVE_DATA)
        now, day = clock.now(), day_of(wanted.starts_at)
        terms, held, blocked_until, lives_here = await read_standing(kind, wanted.person_id, service_id, day, now)
        span = require_span(kind, terms, wanted.starts_at, wanted.ends_at)
        if mine := find_held(kind, held, service_id, span):
            return await get_booking(kind, wanted.actor_id, mine)
        refuse_blocked(blocked_until)
        await require_may_book(terms, wanted.person_id, lives_here=lives_here)
        check_day(terms, span, now)
        check_limits(terms, span, held)
        wanted = await check_wanted(terms, wanted)
        if kind is ROOMS:
            await lock_room(service_id)
            await require_free_room(service_id, busy_span(terms, span))
        booking = await make_booking(kind, terms, span, wanted, wait=wait)
        view = await add_booking(kind, booking)
        await tell_booked(booking)
        await ask_for_approval(terms, booking)
        return view


def check_times(starts_at: datetime, ends_at: datetime | None) -> None:
    """Raises InvalidFields for moments out of all reason."""
    check_year("starts_at", starts_at)
    if ends_at is not None:
        check_year("ends_at", ends_at)


def require_span(kind: AnyKind, terms: ServiceTerms, starts_at: datetime, ends_at: datetime | None) -> Span:
    """What is to be booked. Raises SlotNotOffered, InvalidFields."""
    if kind is SLOTS:
        return require_slot(terms, starts_at)
    assert ends_at, "a room is had until then"
    return require_range(terms, starts_at, ends_at)


async def check_wanted(terms: ServiceTerms, wanted: Wanted) -> Wanted:
    """What can be asked of the service; `area_id` becomes the grid. Raises InvalidFields, OutsideArea."""
    if wanted.party_size > terms.max_party_size:
        raise InvalidFields.of("party_size", f"每次最多 {terms.max_party_size} 人")
    if terms.mode is not ServiceMode.HOME_VISIT:
        return msgspec.structs.replace(wanted, address="", area_id=None)
    if not wanted.address:
        raise InvalidFields.of("address", "请填写上门地址")
    return msgspec.structs.replace(wanted, area_id=await find_visited_area(terms, wanted.area_id))


async def write_booking(kind: AnyKind, terms: ServiceTerms, span: Span, wanted: Wanted, **more: Any) -> AnyBooking:
    """Make the booking and write it, in the caller's transaction; as make_booking. Raises PlacesFull, RoomTaken."""
    booking = await make_booking(kind, terms, span, wanted, **more)
    await save_booking(booking, created=True)
    return booking


async def make_booking(
    kind: AnyKind,
    terms: ServiceTerms,
    span: Span,
    wanted: Wanted,
    *,
    wait: bool = False,
    series_id: str | None = None,
    walk_in: bool = False,
) -> AnyBooking:
    """Take the place, or the room, for a booking that the caller writes, who has checked that it may be (and holds the
    room).

    Walk-ins stand before staff and need no approval. Raises PlacesFull.
    """
    now = clock.now()
    needs_approval = terms.needs_approval and not walk_in
    answer_by = terms.answer_by(now, span.starts_at) if needs_approval else None
    booking = kind.model(
        person_id=wanted.person_id,
        booked_by_id=wanted.actor_id,
        party_size=wanted.party_size,
        note=keyring().encrypt(wanted.note, kind.note_context) if wanted.note else None,
        starts_at=span.starts_at,
        walk_in=walk_in,
        series_id=series_id,
        answer_by=answer_by,
        answer_due_at=answer_by,
        remind_at=next_reminder(now, span.starts_at),
    )
    if isinstance(booking, Booking):
        await take_slot(booking, terms, span, needs_approval=needs_approval, wait=wait)
        booking.area_id = wanted.area_id
        booking.address = keyring().encrypt(wanted.address, ADDRESS_CONTEXT) if wanted.address else None
    else:
        booking.service_id = terms.id
        booking.state = BookingState.REQUESTED if needs_approval else BookingState.BOOKED
        set_room_time(booking, terms, span)
    return booking


async def move_booking(
    kind: Kind[View, Any], actor_id: str, booking_id: str, starts_at: datetime, ends_at: datetime | None = None
) -> View:
    """To another time of the same service, in one step: where the new one is full or taken, the old one stays.

    Where staff must agree, a room that they have agreed to cannot be moved: the old time would be lost before they
    agree to the new one. Raises NotFound, WrongState, ChangeTooLate, SlotNotOffered, TooShortNotice, TooFarAhead,
    TooManyBookings, BookingOverlaps, PlacesFull, RoomTaken, InvalidFields.
    """
    check_times(starts_at, ends_at)
    person_id, service_id = await require_mine(kind, actor_id, booking_id)
    async with transaction():
        booking = await lock_to_move(kind, booking_id, person_id, service_id)
        if not is_at(booking, starts_at, ends_at):
            terms = await read_terms(service_id, day_of(starts_at), day_of(starts_at))
            require_not_agreed(booking, terms)
            was = booking.starts_at
            await change_to(booking, terms, starts_at, ends_at, actor_id)
            if isinstance(booking, Booking):
                booking.approval = Approval.PENDING if terms.needs_approval else Approval.NOT_NEEDED
            await save_moved(booking, terms)
            await tell(booking, kind.events.moved, was=was)
            if kind is SLOTS:
                await ask_for_approval(terms, booking)
        return await get_booking(kind, actor_id, booking_id)


async def lock_to_move(kind: AnyKind, booking_id: str, person_id: str, service_id: str) -> AnyBooking:
    """The booking of this person's, and what is locked before it. Raises NotFound."""
    await lock_for_booking(person_id, service_id)
    if kind is ROOMS:
        await lock_room(service_id)
    return await lock_booking(kind, booking_id)


def is_at(booking: AnyBooking, starts_at: datetime, ends_at: datetime | None) -> bool:
    return starts_at == booking.starts_at and (isinstance(booking, Booking) or ends_at == booking.ends_at)


async def change_to(
    booking: AnyBooking, terms: ServiceTerms, starts_at: datetime, ends_at: datetime | None, actor_id: str
) -> None:
    """The booking at a time that somebody wants, whoever moves it: the rules are the person's. The caller has locked it
    (lock_to_move), and saves it. Raises WrongState and what stands against a time."""
    kind, now = kind_of(booking), clock.now()
    require_movable(booking, terms)
    span = require_span(kind, terms, starts_at, ends_at)
    check_day(terms, span, now)
    held = await held_times(kind, booking.person_id, held_from(day_of(starts_at), now))
    check_limits(terms, span, held, moving=booking.id, series_id=booking.series_id)
    if kind is ROOMS:
        await require_free_room(terms.id, busy_span(terms, span), besides=booking.id)
    await change_time(booking, terms, span, actor_id)


def require_not_agreed(booking: AnyBooking, terms: ServiceTerms) -> None:
    """A room that staff have agreed to is moved by them alone. Raises WrongState."""
    if kind_of(booking) is ROOMS and terms.needs_approval and booking.is_holding:
        raise WrongState("该预约已通过审核，如需改期请重新申请")


def require_movable(booking: AnyBooking, terms: ServiceTerms) -> None:
    """What stands against moving it, wherever to. Raises WrongState, ChangeTooLate."""
    if booking.state not in OPEN_STATES:
        raise WrongState()
    if booking.is_holding:
        check_deadline(terms, booking.starts_at, clock.now())


async def save_moved(booking: AnyBooking, terms: ServiceTerms) -> None:
    """A request that was moved is promised an answer anew."""
    if isinstance(booking, Booking):
        booking.answer_by = booking.answer_due_at = None
    if booking.is_request:
        booking.answer_by = booking.answer_due_at = terms.answer_by(clock.now(), booking.starts_at)
    await save_booking(booking)


async def change_time(booking: AnyBooking, terms: ServiceTerms, span: Span, actor_id: str | None) -> None:
    """The booking at its new time, for the caller to save, who has locked it. Raises PlacesFull, WrongState."""
    if isinstance(booking, Booking):
        await change_slot(booking, terms, span, actor_id)
    else:
        set_room_time(booking, terms, span)
        booking.moves += 1
    booking.starts_at = span.starts_at
    booking.remind_at = next_reminder(clock.now(), span.starts_at)


async def cancel_booking(
    kind: Kind[View, Any], actor_id: str, booking_id: str, *, accept_no_show: bool = False
) -> View:
    """Give the booking up; the next in line moves up. Cancelling twice changes nothing.

    Past the deadline it counts like not coming, so it takes `accept_no_show`; once begun it is too late in any case.
    Raises NotFound, WrongState, ChangeTooLate.
    """
    _, service_id = await require_mine(kind, actor_id, booking_id)
    async with transaction():
        await give_up(kind, booking_id, service_id, accept_no_show=accept_no_show)
        return await get_booking(kind, actor_id, booking_id)


async def give_up(kind: AnyKind, booking_id: str, service_id: str, *, accept_no_show: bool = False) -> None:
    """The same in the caller's transaction, who has asked whose it is."""
    booking = await lock_booking(kind, booking_id)
    if isinstance(booking, Booking):
        # From here on nobody moves it up, and time does not end it.
        _, booking.place = await lock_place(booking.place_id)
    if booking.state is BookingState.CANCELLED:
        return
    if booking.state not in OPEN_STATES:
        raise WrongState()
    now, late = clock.now(), False
    if booking.state is BookingState.BOOKED:
        terms = await read_terms(service_id, day_of(now), day_of(now))
        try:
            check_deadline(terms, booking.starts_at, now)
        except ChangeTooLate:
            if not accept_no_show or booking.starts_at <= now:
                raise
            late = True
    elif kind is ROOMS and booking.starts_at <= now:
        raise ChangeTooLate()
    await end_booking(booking, "cancelled")
    if late:
        await count_late(booking)
    await tell(booking, kind.events.cancelled)


async def require_mine(kind: AnyKind, actor_id: str, booking_id: str) -> tuple[str, str]:
    """The person and the service of a booking that is the caller's, or of somebody they look after.

    Raises NotFound for anyone else's: that it exists is not told.
    """
    row = await fetch_one(f"SELECT b.person_id, s.id FROM {kind.source} WHERE b.id = $1", booking_id)
    if row is None:
        raise NotFound()
    await require_dependant(actor_id, row["person_id"])
    return row["person_id"], row["id"]


async def ask_for_approval(terms: ServiceTerms, booking: AnyBooking) -> None:
    """Tell staff of a request, in the caller's transaction."""
    if booking.is_request:
        await tell_staff(terms.organization_id, booking, kind_of(booking).events.to_approve)


async def tell_booked(booking: AnyBooking) -> None:
    """Tell those whom a new booking concerns how it stands."""
    events = kind_of(booking).events
    if booking.state is BookingState.WAITING:
        await tell(booking, messages.SLOT_WAITING)
    else:
        await tell(booking, events.requested if booking.is_request else events.booked)
