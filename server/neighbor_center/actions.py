"""What a resident, and staff of the venue, could do with a booking now, told before the tap."""

from typing import Any

from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.dates import day_of
from server.foundation.rating import NewRating
from server.neighbor_center.bookings.booking import (
    cancel_booking,
    lock_to_move,
    require_mine,
    require_movable,
    require_not_agreed,
)
from server.neighbor_center.bookings.counter import (
    approve_booking,
    cancel_booking_by_staff,
    mark_booking_attended,
    mark_booking_no_show,
    refuse_booking,
    require_booking_of_staff,
    require_of_another,
)
from server.neighbor_center.bookings.kinds import SLOTS, AnyKind, Kind
from server.neighbor_center.bookings.queries import get_booking, get_staff_booking
from server.neighbor_center.bookings.series import cancel_series, get_series
from server.neighbor_center.bookings.terms import read_terms
from server.neighbor_center.bookings.visits import require_visit
from server.neighbor_center.bookings.waiting import accept_slot_offer, decline_slot_offer
from server.neighbor_center.errors import ChangeTooLate
from server.neighbor_center.feedback.ratings import rate_booking
from server.neighbor_center.venues.models import ServiceMode

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_booking_actions(kind: Kind[Any, Any], person_id: str, booking_id: str) -> list[ActionView]:
    """What its person, or who looks after them, could do. `cancel_as_no_show` is cancelling past the deadline, which
    counts. Raises NotFound."""
    seen = await get_booking(kind, person_id, booking_id)
    verbs: dict[str, Verb] = {
        "accept": lambda: accept_slot_offer(person_id, booking_id),
        "decline": lambda: decline_slot_offer(person_id, booking_id),
        "move": lambda: _try_to_move(kind, person_id, booking_id),
        "cancel": lambda: cancel_booking(kind, person_id, booking_id),
        "cancel_as_no_show": lambda: cancel_booking(kind, person_id, booking_id, accept_no_show=True),
        "rate": lambda: rate_booking(kind, person_id, booking_id, NewRating(stars=5)),
    }
    if kind is not SLOTS:
        del verbs["accept"], verbs["decline"]
    found = await try_each(seen, verbs)
    too_late = any((each.action, each.why) == ("cancel", ChangeTooLate.code) for each in found)
    return [each for each in found if too_late or each.action != "cancel_as_no_show"]


async def list_series_actions(person_id: str, series_id: str) -> list[ActionView]:
    """Whether anything of the series can still be given up. Raises NotFound."""
    seen = await get_series(person_id, series_id)
    return await try_each(seen, {"cancel": lambda: cancel_series(person_id, series_id)})


async def list_booking_actions_of_staff(kind: Kind[Any, Any], actor_id: str, booking_id: str) -> list[ActionView]:
    """What somebody at the counter could do. Raises NotFound, also to those who have no role there."""
    seen = await get_staff_booking(kind, actor_id, booking_id)
    verbs: dict[str, Verb] = {
        "approve": lambda: approve_booking(kind, actor_id, booking_id),
        "refuse": lambda: refuse_booking(kind, actor_id, booking_id, _WORDS),
        "mark_attended": lambda: mark_booking_attended(kind, actor_id, booking_id),
        "mark_no_show": lambda: mark_booking_no_show(kind, actor_id, booking_id),
        "move": lambda: _try_to_move_by_staff(kind, actor_id, booking_id),
        "cancel": lambda: cancel_booking_by_staff(kind, actor_id, booking_id, _WORDS),
    }
    if kind is SLOTS and seen.mode == ServiceMode.HOME_VISIT:
        verbs["assign_visitor"] = lambda: require_visit(actor_id, booking_id)
    return await try_each(seen, verbs)


async def _try_to_move(kind: AnyKind, person_id: str, booking_id: str) -> None:
    """As move_booking, as far as no time is named."""
    owner_id, service_id = await require_mine(kind, person_id, booking_id)
    booking = await lock_to_move(kind, booking_id, owner_id, service_id)
    terms = await read_terms(service_id, day_of(booking.starts_at), day_of(booking.starts_at))
    require_not_agreed(booking, terms)
    require_movable(booking, terms)


async def _try_to_move_by_staff(kind: AnyKind, actor_id: str, booking_id: str) -> None:
    """As move_booking_by_staff, as far as no time is named."""
    row = await require_booking_of_staff(kind, actor_id, booking_id)
    booking = await lock_to_move(kind, booking_id, row["person_id"], row["service_id"])
    require_of_another(actor_id, booking)
    require_movable(booking, await read_terms(row["service_id"], day_of(booking.starts_at), day_of(booking.starts_at)))
