"""Requests that wait for staff's answer: the list of them, and what time does about those that nobody answers.

零积压: an answer is promised within the service's hours; past them staff are reminded, once. A request that is still
open when its time begins is refused, so that nobody comes to a door that nobody knows of.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, transaction
from server.foundation.ids import Id
from server.foundation.pages import Page, cut_page, decode_cursor
from server.foundation.words import Worded
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.counter import organization_of_booking
from server.neighbor_center.bookings.models import Approval, Booking, RoomBooking, RoomBookingState
from server.neighbor_center.bookings.queries import name_persons, require_venue_reader
from server.neighbor_center.bookings.room_booking import refuse_request, save_room_booking
from server.neighbor_center.bookings.slot_booking import end_booking, tell
from server.neighbor_center.opening.affected import BookingKind
from server.neighbor_center.venues.queries import organization_of_service
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.places.models import Place, PlaceState
from server.places.service import leave_place

UNANSWERED = "工作人员未能在开始前答复，您可以改约其他时间"


class RequestOrder(Worded):
    ALL = "all", "全部"
    OVERDUE = "overdue", "已逾期"


class OpenRequest(msgspec.Struct, kw_only=True):
    """A request that nobody has answered yet; overdue past `answer_by`."""

    kind: BookingKind
    booking_id: Id
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    person_id: Id
    name: str
    phone: str
    party_size: int
    requested_at: datetime
    answer_by: datetime


OPEN_REQUESTS = (
    "SELECT 'slot' AS kind, b.id, t.service_id, s.name AS service_name, s.venue_id, t.starts_at, t.ends_at, "
    "b.person_id, b.party_size, b.created_at AS requested_at, b.answer_by FROM booking b "
    "JOIN slot t ON t.id = b.slot_id JOIN service s ON s.id = t.service_id JOIN place p ON p.id = b.place_id "
    "WHERE b.answer_due_at IS NOT NULL AND b.approval = 'pending' AND p.ended_at IS NULL "
    "UNION ALL SELECT 'room', r.id, r.service_id, s.name, s.venue_id, r.starts_at, r.ends_at, r.person_id, "
    "r.party_size, r.created_at, r.answer_by FROM room_booking r JOIN service s ON s.id = r.service_id "
    "WHERE r.answer_due_at IS NOT NULL AND r.state = 'requested'"
)
"""All of them; for a subquery."""


async def list_requests(
    actor_id: str, venue_id: str, *, order: RequestOrder, cursor: str | None, limit: int
) -> Page[OpenRequest]:
    """The venue's open requests, those promised soonest first; each person shown is audited. Raises NotFound,
    NotAllowed."""
    after, after_id = decode_cursor(cursor, tuple[datetime, Id]) if cursor else (None, None)
    async with transaction():
        organization_id = await require_venue_reader(actor_id, venue_id)
        rows = await fetch(
            f"SELECT * FROM ({OPEN_REQUESTS}) q WHERE q.venue_id = $1 "
            "AND ($2::timestamptz IS NULL OR q.answer_by < $2) "
            "AND ($3::timestamptz IS NULL OR (q.answer_by, q.id) > ($3, $4::uuid)) ORDER BY q.answer_by, q.id LIMIT $5",
            venue_id,
            clock.now() if order is RequestOrder.OVERDUE else None,
            after,
            after_id,
            limit + 1,
        )
        page = cut_page(rows, limit, lambda row: (row["answer_by"], row["id"]))
        people = await name_persons(actor_id, organization_id, "booking_request", page.items)
    return Page(
        [
            OpenRequest(
                **({name: row[name] for name in _SAME_COLUMNS} | people[row["person_id"]]),
                kind=BookingKind(row["kind"]),
                booking_id=row["id"],
            )
            for row in page.items
        ],
        page.next_cursor,
    )


_SAME_COLUMNS = (
    "service_id",
    "service_name",
    "starts_at",
    "ends_at",
    "person_id",
    "party_size",
    "requested_at",
    "answer_by",
)


async def _settle_slot(row: Any) -> None:
    now, booking = clock.now(), await Booking.get(id=row["id"])
    place = await Place.get(id=booking.place_id)
    organization_id = await organization_of_booking(booking.id)
    if booking.approval is not Approval.PENDING or not place.is_active:
        booking.answer_due_at = None
    elif now < booking.starts_at:
        await notify(
            await role_holders(organization_id), messages.SLOT_OVERDUE, booking=booking.id, slot=booking.slot_id
        )
        booking.answer_due_at = booking.starts_at
    elif place.state is PlaceState.CONFIRMED:
        booking.approval, booking.staff_reason = Approval.REFUSED, UNANSWERED
        await end_booking(booking)
        await leave_place(booking.place_id, "unanswered", removed=True)
        await tell(booking, messages.SLOT_REFUSED)
        await record_audit(
            "refuse_unanswered_booking",
            actor_id=None,
            subject=("booking", booking.id),
            person_id=booking.person_id,
            organization_id=organization_id,
        )
        return
    else:
        # Who still waits for a place is told by the waiting list's own sweep that it was not reached.
        booking.answer_due_at = None
    await booking.save(update_fields=["answer_due_at"])


async def _settle_room(row: Any) -> None:
    now, booking = clock.now(), await RoomBooking.get(id=row["id"])
    organization_id = await organization_of_service(booking.service_id)
    if booking.state is not RoomBookingState.REQUESTED:
        booking.answer_due_at = None
        await save_room_booking(booking)
    elif now < booking.starts_at:
        await notify(await role_holders(organization_id), messages.ROOM_OVERDUE, room_booking=booking.id)
        booking.answer_due_at = booking.starts_at
        await save_room_booking(booking)
    else:
        await refuse_request(booking, None, UNANSWERED)
        await record_audit(
            "refuse_unanswered_booking",
            actor_id=None,
            subject=("room_booking", booking.id),
            person_id=booking.person_id,
            organization_id=organization_id,
        )


SETTLE_REQUESTS = due_sweep(
    "booking_requests",
    timedelta(seconds=30),
    rows="booking",
    due="answer_due_at",
    lock="NO KEY UPDATE",
    do=_settle_slot,
)
"""Staff are reminded of what they promised an answer to; what nobody answered is refused."""

SETTLE_ROOM_REQUESTS = due_sweep(
    "room_booking_requests",
    timedelta(seconds=30),
    rows="room_booking",
    due="answer_due_at",
    lock="NO KEY UPDATE",
    do=_settle_room,
)
