"""Requests that wait for staff's answer: the list of them, and what time does about those that nobody answers.

零积压: an answer is promised within the service's hours; past them staff are reminded, once. A request that is still
open when its time begins is refused, so that nobody comes to a door that nobody knows of.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.background.sweeps import Sweep, due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.words import Worded
from server.neighbor_center.bookings.kinds import KINDS, ROOMS, SLOTS, AnyKind, lock_booking, tell, tell_staff
from server.neighbor_center.bookings.models import BookingKind, BookingState
from server.neighbor_center.bookings.outcomes import end_booking
from server.neighbor_center.bookings.queries import name_persons, open_note
from server.neighbor_center.venues.queries import require_venue_reader

UNANSWERED = "工作人员未能在开始前答复，您可以改约其他时间"


class RequestOrder(Worded):
    ALL = "all", "全部"
    OVERDUE = "overdue", "已逾期"


class OpenRequest(msgspec.Struct, kw_only=True):
    """A request that nobody has answered yet; overdue past `answer_by`. The `note` is empty for observers; of a home
    visit, `area_id` and `area_name` are the grid that its address lies in."""

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
    note: str
    area_id: Id | None
    area_name: str | None
    requested_at: datetime
    answer_by: datetime


OPEN_REQUESTS = " UNION ALL ".join(
    f"SELECT '{kind.name}' AS kind, b.id, s.id AS service_id, s.name AS service_name, s.venue_id, "
    f"{kind.time}.starts_at, {kind.time}.ends_at, b.person_id, b.party_size, b.note, "
    f"{'b.area_id' if kind is SLOTS else 'NULL::uuid AS area_id'}, b.created_at AS requested_at, b.answer_by "
    f"FROM {kind.source} WHERE b.answer_due_at IS NOT NULL AND {kind.is_request}"
    for kind in KINDS
)
"""All of them; for a subquery."""


async def list_requests(
    actor_id: str, venue_id: str, *, order: RequestOrder, area_id: str | None, page: PageQuery
) -> Page[OpenRequest]:
    """The venue's open requests, those of one grid or all, those promised soonest first; each person shown is audited.
    Raises NotFound, NotAllowed."""
    async with transaction():
        reader = await require_venue_reader(actor_id, venue_id)
        rows = await fetch_page(
            f"SELECT q.*, a.name AS area_name FROM ({OPEN_REQUESTS}) q LEFT JOIN organization a ON a.id = q.area_id "
            "WHERE q.venue_id = $1 AND ($2::timestamptz IS NULL OR q.answer_by < $2) "
            "AND ($3::uuid IS NULL OR q.area_id = $3) "
            "AND ($4::timestamptz IS NULL OR (q.answer_by, q.id) > ($4, $5::uuid)) ORDER BY q.answer_by, q.id LIMIT $6",
            venue_id,
            clock.now() if order is RequestOrder.OVERDUE else None,
            area_id,
            page=page,
            key={"answer_by": datetime, "id": Id},
        )
        people = await name_persons(actor_id, reader, "booking_request", rows.items)
    return Page(
        [
            OpenRequest(
                **({name: row[name] for name in _SAME_COLUMNS} | people[row["person_id"]]),
                kind=BookingKind(row["kind"]),
                note=open_note(row["note"], _NOTE_CONTEXTS[row["kind"]]) if reader.is_worker else "",
                booking_id=row["id"],
            )
            for row in rows.items
        ],
        rows.next_cursor,
    )


_NOTE_CONTEXTS = {kind.name: kind.note_context for kind in KINDS}
_SAME_COLUMNS = (
    "service_id",
    "service_name",
    "starts_at",
    "ends_at",
    "person_id",
    "party_size",
    "area_id",
    "area_name",
    "requested_at",
    "answer_by",
)


def _settle_requests(kind: AnyKind) -> Sweep:
    async def settle(row: Any) -> None:
        now, booking = clock.now(), await lock_booking(kind, row["id"])
        organization_id = await fetch_value(f"SELECT v.organization_id FROM {kind.source} WHERE b.id = $1", booking.id)
        if booking.is_request and now < booking.starts_at:
            await tell_staff(organization_id, booking, kind.events.overdue)
            booking.answer_due_at = booking.starts_at
        elif booking.state is BookingState.REQUESTED:
            await end_booking(booking, "unanswered", words=UNANSWERED)
            await tell(booking, kind.events.refused)
            await record_audit(
                "refuse_unanswered_booking",
                actor_id=None,
                subject=(kind.table, booking.id),
                person_id=booking.person_id,
                organization_id=organization_id,
            )
        else:
            # Who still waits for a place is told by the waiting list's own sweep that it was not reached.
            booking.answer_due_at = None
        await booking.save(update_fields=["answer_due_at"])

    return due_sweep(
        f"{kind.table}_requests",
        timedelta(seconds=30),
        rows=kind.table,
        due="answer_due_at",
        lock="NO KEY UPDATE",
        do=settle,
    )


SETTLE_REQUESTS = _settle_requests(SLOTS)
"""Staff are reminded of what they promised an answer to; what nobody answered is refused."""

SETTLE_ROOM_REQUESTS = _settle_requests(ROOMS)
