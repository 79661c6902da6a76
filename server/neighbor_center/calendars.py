"""Changing when and how a venue is open, without dropping a booking.

Every change is tried in full under a lock; then the bookings that would no longer lie in a slot are looked for. Where
there are some that the caller has not named, nothing is changed and they are listed; where all are named, they are
cancelled with a message, together with the change.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from server import clock
from server.audit import record_audit
from server.database import execute, fetch, fetch_value, transaction
from server.errors import InvalidFields, NotFound
from server.ids import Id
from server.neighbor_center.errors import SlotNotOffered
from server.neighbor_center.models import Service, Slot
from server.neighbor_center.rules import Span, find_slot, is_open_throughout
from server.neighbor_center.terms import ServiceTerms, persons_to_tell, read_calendars
from server.notifications.service import notify
from server.organizations.access import require_role
from server.places.models import Purpose
from server.places.service import change_capacity, leave_place, open_allotment


class BookingKind(StrEnum):
    SLOT = "slot"
    ROOM = "room"


class AffectedBooking(msgspec.Struct, frozen=True):
    """A booking that a change would leave without its time."""

    kind: BookingKind
    booking_id: Id
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    party_size: int


class CalendarChange(msgspec.Struct, frozen=True):
    """What became of a change. Not `applied`: nothing was changed, since it would end the `affected` bookings; repeat
    it with all of their ids in `cancel_bookings`. Applied: `affected` are those that it has ended. `id`: the thing made
    or changed."""

    applied: bool
    id: Id | None
    affected: list[AffectedBooking]


class _NotConfirmed(Exception):
    def __init__(self, affected: list[AffectedBooking]) -> None:
        super().__init__()
        self.affected = affected


async def change_calendar(
    actor_id: str,
    venue_id: str,
    action: str,
    write: Callable[[], Awaitable[str]],
    *,
    cancel_bookings: list[str],
    reason: str = "",
    then: Callable[[], Awaitable[None]] | None = None,
) -> CalendarChange:
    """Do `write` (it gives the id of what it changed), unless it ends bookings that `cancel_bookings` does not name.

    `action` is the audit entry's; `reason` is told to those whose bookings end; `then` is what has to lock allotments,
    which everybody does after the bookings. Raises NotFound, NotAllowed, and what `write` raises.
    """
    organization_id = await fetch_value("SELECT organization_id FROM venue WHERE id = $1", venue_id)
    if organization_id is None:
        raise NotFound()
    await require_role(actor_id, organization_id)
    try:
        async with transaction():
            # Those who book hold the venue shared (terms.lock_for_booking): from here on nobody books into hours that
            # are about to close, and two changes of one venue cannot overlook each other.
            await fetch("SELECT 1 FROM venue WHERE id = $1 FOR NO KEY UPDATE", venue_id)
            changed_id = await write()
            affected = await _find_affected(venue_id)
            if {booking.booking_id for booking in affected} - set(cancel_bookings):
                raise _NotConfirmed(affected)
            await _cancel(actor_id, organization_id, affected, reason)
            if then:
                await then()
            await record_audit(
                action,
                actor_id=actor_id,
                subject=("venue", venue_id),
                organization_id=organization_id,
                changed=changed_id,
                cancelled=[booking.booking_id for booking in affected],
            )
            return CalendarChange(True, changed_id, affected)
    except _NotConfirmed as stopped:
        return CalendarChange(False, None, stopped.affected)


async def make_slot(terms: ServiceTerms, span: Span) -> Slot:
    """The slot of this service at this time, made if it is the first time that somebody wants it.

    The caller holds the venue (terms.lock_for_booking), and the span comes from the calendar as it is under that lock.
    """
    slot = await Slot.get_or_none(service_id=terms.id, starts_at=span.starts_at)
    if slot is not None and slot.ends_at == span.ends_at:
        return slot
    new = Slot(service_id=terms.id, starts_at=span.starts_at, ends_at=span.ends_at)
    # Two people who want the same new slot at once: the second waits here for the first, and then gets its row. An
    # older row with another end is from before the service's length was changed; no booking is left in it.
    rows = await fetch(
        "INSERT INTO slot (id, created_at, service_id, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT ON CONSTRAINT slot_once DO UPDATE SET ends_at = EXCLUDED.ends_at RETURNING id, allotment_id",
        new.id,
        clock.now(),
        terms.id,
        span.starts_at,
        span.ends_at,
    )
    new.id, new.allotment_id = rows[0]["id"], rows[0]["allotment_id"]
    if new.allotment_id is None:
        allotment = await open_allotment(
            Purpose.SLOT, new.id, terms.capacity, starts_at=span.starts_at, may_wait=terms.may_wait
        )
        new.allotment_id = allotment.id
        await execute("UPDATE slot SET allotment_id = $2 WHERE id = $1", new.id, allotment.id)
    return new


def require_slot(terms: ServiceTerms, starts_at: datetime) -> Span:
    """The service's slot that begins then. Raises SlotNotOffered; a room has none (InvalidFields)."""
    if terms.longest_minutes is not None:
        raise InvalidFields.of("starts_at", "活动室请按时间段预约")
    span = find_slot(terms.calendar, starts_at)
    if span is None:
        raise SlotNotOffered()
    return span


async def change_slot_capacity(service: Service) -> None:
    """Slots that have not begun get the service's capacity; a lowered one throws nobody out."""
    rows = await fetch(
        "SELECT allotment_id FROM slot WHERE service_id = $1 AND starts_at > $2 ORDER BY allotment_id",
        service.id,
        clock.now(),
    )
    for row in rows:
        await change_capacity(row["allotment_id"], service.capacity)


async def _find_affected(venue_id: str) -> list[AffectedBooking]:
    """Coming bookings of the venue that do not lie on its calendar as it is now, those who wait first.

    Their rows are locked: one that is being cancelled or decided on at this moment is seen as it ends up.
    """
    now = clock.now()
    slot_rows = await fetch(
        "SELECT b.id AS booking_id, t.service_id, s.name AS service_name, t.starts_at, t.ends_at, b.party_size, "
        "b.place_id FROM booking b JOIN slot t ON t.id = b.slot_id JOIN service s ON s.id = t.service_id "
        "WHERE s.venue_id = $1 AND t.starts_at > $2 ORDER BY b.id FOR NO KEY UPDATE OF b",
        venue_id,
        now,
    )
    # Who is still there is read after the locks, since the places may have ended while we waited for them. Those who
    # wait come first: were a confirmed place given up before, its next in line would be told to come to a closed door.
    ranks = {
        row["id"]: rank
        for rank, row in enumerate(
            await fetch(
                "SELECT id FROM place WHERE id = ANY($1::uuid[]) AND state IN ('waiting', 'offered', 'confirmed') "
                "ORDER BY allotment_id, state = 'confirmed', state = 'offered', number DESC",
                [row["place_id"] for row in slot_rows],
            )
        )
    }
    slot_rows = sorted((row for row in slot_rows if row["place_id"] in ranks), key=lambda row: ranks[row["place_id"]])
    room_rows = await fetch(
        "SELECT r.id AS booking_id, r.service_id, s.name AS service_name, r.starts_at, r.ends_at, r.party_size "
        "FROM room_booking r JOIN service s ON s.id = r.service_id WHERE s.venue_id = $1 AND r.starts_at > $2 "
        "AND r.state IN ('requested', 'booked') ORDER BY r.id FOR NO KEY UPDATE OF r",
        venue_id,
        now,
    )
    calendars = await read_calendars({row["service_id"] for row in [*slot_rows, *room_rows]})
    affected = []
    for kind, rows in ((BookingKind.SLOT, slot_rows), (BookingKind.ROOM, room_rows)):
        for row in rows:
            calendar, span = calendars[row["service_id"]], Span(row["starts_at"], row["ends_at"])
            if kind is BookingKind.SLOT:
                fits = find_slot(calendar, span.starts_at) == span
            else:
                fits = is_open_throughout(calendar, span)
            if not fits:
                values = {name: row[name] for name in AffectedBooking.__struct_fields__ if name != "kind"}
                affected.append(AffectedBooking(kind, **values))
    return affected


async def _cancel(actor_id: str, organization_id: str, affected: list[AffectedBooking], reason: str) -> None:
    """End these bookings and tell their holders, in the caller's transaction."""
    for booking in affected:
        if booking.kind is BookingKind.SLOT:
            row = (
                await fetch(
                    "UPDATE booking SET staff_reason = $2 WHERE id = $1 "
                    "RETURNING person_id, booked_by_id, place_id, slot_id",
                    booking.booking_id,
                    reason,
                )
            )[0]
            await leave_place(row["place_id"], "closed", removed=True)
            told = await persons_to_tell(row["person_id"], row["booked_by_id"])
            await notify(told, "slot_closed", booking=booking.booking_id, slot=row["slot_id"])
        else:
            row = (
                await fetch(
                    "UPDATE room_booking SET state = 'cancelled', ended_at = $2, staff_reason = $3, decided_by_id = $4 "
                    "WHERE id = $1 RETURNING person_id, booked_by_id",
                    booking.booking_id,
                    clock.now(),
                    reason,
                    actor_id,
                )
            )[0]
            told = await persons_to_tell(row["person_id"], row["booked_by_id"])
            await notify(told, "room_closed", room_booking=booking.booking_id)
        await record_audit(
            "cancel_booking_for_change",
            actor_id=actor_id,
            subject=("booking" if booking.kind is BookingKind.SLOT else "room_booking", booking.booking_id),
            person_id=row["person_id"],
            organization_id=organization_id,
        )
