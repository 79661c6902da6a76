"""Somebody stands at the counter, or calls."""

from typing import Any

import msgspec

from server.accounts.registry import find_or_register
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.dates import day_of
from server.neighbor_center.bookings.booking import Wanted, check_times, check_wanted, require_span, write_booking
from server.neighbor_center.bookings.counter import refuse_others
from server.neighbor_center.bookings.kinds import ROOMS, AnyKind, DayView, Kind, tell
from server.neighbor_center.bookings.models import RoomBooking
from server.neighbor_center.bookings.queries import get_day_booking
from server.neighbor_center.bookings.rooms import busy_span, lock_room, require_free_room
from server.neighbor_center.bookings.terms import ServiceTerms, find_held, held_times, lock_for_booking, read_terms
from server.neighbor_center.errors import SlotNotOffered
from server.neighbor_center.opening.rules import Span
from server.neighbor_center.venues.queries import organization_of_service
from server.organizations.access import require_another, require_role


async def book_walk_in(
    kind: Kind[Any, DayView], service_id: str, wanted: Wanted, *, real_name: str = "", phone: str = ""
) -> DayView:
    """Book them into a slot that is not over yet, or give them a room, as staff see it then.

    The person is known (`wanted.person_id`), or is registered by name and phone. Limits per person don't hold here;
    capacity does. Raises NotFound, NotAllowed, OwnMatter, SlotNotOffered, PlacesFull, RoomTaken, OutsideArea,
    InvalidFields.
    """
    check_times(wanted.starts_at, wanted.ends_at)
    organization_id = await organization_of_service(service_id)
    await require_role(wanted.actor_id, organization_id)
    async with transaction():
        person_id = await find_or_register(
            wanted.actor_id, organization_id, wanted.person_id, real_name=real_name, phone=phone
        )
        require_another(wanted.actor_id, person_id)
        await lock_for_booking(person_id, service_id)
        day = day_of(wanted.starts_at)
        terms = await read_terms(service_id, day, day)
        span = require_span(kind, terms, wanted.starts_at, wanted.ends_at)
        if span.ends_at <= clock.now():
            raise SlotNotOffered("该时段已结束")
        wanted = await check_wanted(terms, msgspec.structs.replace(wanted, person_id=person_id))
        held = await held_times(kind, person_id, day)
        booking_id = find_held(kind, held, service_id, span)
        known = booking_id is not None
        if booking_id is None:
            booking_id = await _write(kind, terms, span, wanted)
        await record_audit(
            "view_day_booking" if known else "book_walk_in",
            actor_id=wanted.actor_id,
            subject=(kind.table, booking_id),
            person_id=person_id,
            organization_id=organization_id,
        )
        return await get_day_booking(kind, booking_id)


async def _write(kind: AnyKind, terms: ServiceTerms, span: Span, wanted: Wanted) -> str:
    if kind is ROOMS:
        await lock_room(terms.id)
        await require_free_room(terms.id, busy_span(terms, span))
    booking = await write_booking(kind, terms, span, wanted, walk_in=True)
    await tell(booking, kind.events.booked)
    if isinstance(booking, RoomBooking):
        await refuse_others(booking, wanted.actor_id)
    return booking.id
