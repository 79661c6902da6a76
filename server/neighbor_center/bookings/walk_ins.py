"""Somebody stands at the counter, or calls."""

import msgspec

from server.accounts.registry import find_or_register
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.dates import day_of
from server.neighbor_center.bookings.booking import Wanted, check_wanted, write_booking
from server.neighbor_center.bookings.kinds import SLOTS, tell
from server.neighbor_center.bookings.queries import get_day_booking
from server.neighbor_center.bookings.slots import require_slot
from server.neighbor_center.bookings.terms import find_held, held_times, lock_for_booking, read_terms
from server.neighbor_center.bookings.views import DayBooking
from server.neighbor_center.errors import SlotNotOffered
from server.neighbor_center.opening.rules import check_year
from server.neighbor_center.venues.queries import organization_of_service
from server.organizations.access import require_another, require_role


async def book_walk_in(service_id: str, wanted: Wanted, *, real_name: str = "", phone: str = "") -> DayBooking:
    """Book them into a slot that is not over yet, as staff see it then.

    The person is known (`wanted.person_id`), or is registered by name and phone. Limits per person don't hold here;
    capacity does. Raises NotFound, NotAllowed, OwnMatter, SlotNotOffered, PlacesFull, OutsideArea, InvalidFields.
    """
    check_year("starts_at", wanted.starts_at)
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
        span = require_slot(terms, wanted.starts_at)
        if span.ends_at <= clock.now():
            raise SlotNotOffered("该时段已结束")
        wanted = await check_wanted(terms, msgspec.structs.replace(wanted, person_id=person_id))
        held = await held_times(SLOTS, person_id, day)
        booking_id = find_held(SLOTS, held, service_id, span)
        known = booking_id is not None
        if booking_id is None:
            booking = await write_booking(SLOTS, terms, span, wanted, walk_in=True)
            await tell(booking, SLOTS.events.booked)
            booking_id = booking.id
        await record_audit(
            "view_day_booking" if known else "book_walk_in",
            actor_id=wanted.actor_id,
            subject=(SLOTS.table, booking_id),
            person_id=person_id,
            organization_id=organization_id,
        )
        return await get_day_booking(SLOTS, booking_id)
