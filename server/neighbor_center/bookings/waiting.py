"""A slot's waiting list, as those see it who wait: an offer accepted or declined, moving up, waiting in vain."""

from server.foundation.database import transaction
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.booking import require_mine, tell_booked
from server.neighbor_center.bookings.kinds import SLOTS, lock_booking, tell
from server.neighbor_center.bookings.models import Approval, Booking
from server.neighbor_center.bookings.outcomes import drop_plans
from server.neighbor_center.bookings.queries import get_booking
from server.neighbor_center.bookings.views import BookingView
from server.places.models import Place, PlaceState
from server.places.taking import accept_offer, decline_offer


async def accept_slot_offer(actor_id: str, booking_id: str) -> BookingView:
    """Take the place that became free. Raises NotFound, OfferExpired, WrongState."""
    await require_mine(SLOTS, actor_id, booking_id)
    async with transaction():
        booking = await lock_booking(SLOTS, booking_id)
        assert isinstance(booking, Booking)
        before = booking.place.state
        booking.place = await accept_offer(booking.place_id)
        if before is not PlaceState.CONFIRMED:
            await tell_booked(booking)
        return await get_booking(SLOTS, actor_id, booking_id)


async def decline_slot_offer(actor_id: str, booking_id: str) -> BookingView:
    """Let the next in line have it. Raises NotFound, WrongState."""
    await require_mine(SLOTS, actor_id, booking_id)
    async with transaction():
        booking = await lock_booking(SLOTS, booking_id)
        assert isinstance(booking, Booking)
        await drop_plans(booking)
        await decline_offer(booking.place_id)
        await tell(booking, messages.SLOT_CANCELLED)
        return await get_booking(SLOTS, actor_id, booking_id)


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


async def _bookings_of(places: list[Place]) -> list[tuple[Booking, Place]]:
    by_place = {
        booking.place_id: booking for booking in await Booking.filter(place_id__in=[place.id for place in places])
    }
    return [(by_place[place.id], place) for place in places if place.id in by_place]
