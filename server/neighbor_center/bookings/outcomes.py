"""What becomes of a booking: it ends, they came, nobody came. In the caller's transaction, who has locked it."""

from server.foundation import clock
from server.foundation.errors import WrongState
from server.neighbor_center.bookings.kinds import kind_of, save_booking, tell
from server.neighbor_center.bookings.models import AnyBooking, Approval, Booking, BookingState
from server.neighbor_center.bookings.slots import end_visit
from server.places.line import lock_place
from server.places.models import NoShowReason, Purpose
from server.places.no_shows import forgive_absence, mark_attended, mark_no_show, record_absence, record_no_show
from server.places.taking import leave_place

_REFUSALS = ("refused", "unanswered")


async def end_booking(booking: AnyBooking, reason: str, *, by: str | None = None, words: str = "") -> None:
    """It ends, and its place goes to the next in line: `cancelled` by the person; or `refused`, `cancelled_by_staff` or
    `closed` by somebody who gave `words`; or `unanswered`. Raises WrongState."""
    booking.staff_reason = words or booking.staff_reason
    if isinstance(booking, Booking):
        if reason in _REFUSALS:
            booking.approval = Approval.REFUSED
        await drop_plans(booking)
        await leave_place(booking.place_id, reason, removed=reason != "cancelled")
        return
    booking.state = BookingState.REFUSED if reason in _REFUSALS else BookingState.CANCELLED
    booking.ended_at = clock.now()
    if reason != "cancelled":
        booking.decided_by_id = by
    await drop_plans(booking)


async def drop_plans(booking: AnyBooking) -> None:
    """What hangs on a booking that ends, before its place is given up: nobody goes there, nobody is reminded, nothing
    is to be answered. Saves the booking."""
    if isinstance(booking, Booking):
        await end_visit(booking)
    booking.remind_at = booking.answer_due_at = None
    await save_booking(booking)


async def attend(booking: AnyBooking) -> bool:
    """They are there, and if that they were not has been noted, it no longer counts; False when it was known. Raises
    WrongState."""
    if booking.state is BookingState.ATTENDED:
        return False
    if booking.is_request:
        raise WrongState("该预约尚未审核")
    booking.arrived_at = clock.now()
    if isinstance(booking, Booking):
        await mark_attended(booking.place_id)
        await booking.save(update_fields=["arrived_at"])
        return True
    if booking.state not in (BookingState.BOOKED, BookingState.NO_SHOW):
        raise WrongState()
    if booking.state is BookingState.NO_SHOW:
        await forgive_absence(booking.id)
    booking.state = BookingState.ATTENDED
    await save_booking(booking)
    return True


async def miss(booking: AnyBooking) -> None:
    """Nobody came, which counts towards a block. Raises WrongState unless it is booked."""
    if booking.is_request:
        raise WrongState("该预约尚未审核")
    if isinstance(booking, Booking):
        await mark_no_show(booking.place_id)
    elif booking.state is not BookingState.BOOKED:
        raise WrongState()
    else:
        booking.state = BookingState.NO_SHOW
        await save_booking(booking)
        await record_absence(booking.person_id, Purpose.SLOT, booking.id, NoShowReason.ABSENT)
    await tell(booking, kind_of(booking).events.no_show)


async def count_late(booking: AnyBooking) -> None:
    """It was cancelled past the deadline, which counts like not coming."""
    if isinstance(booking, Booking):
        await record_no_show(*await lock_place(booking.place_id), NoShowReason.CANCELLED_LATE)
    else:
        await record_absence(booking.person_id, Purpose.SLOT, booking.id, NoShowReason.CANCELLED_LATE)
