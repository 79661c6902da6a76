"""Reading bookings: one's own, and for staff those of a day."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from server.accounts.details import Details, read_details
from server.accounts.masking import mask_name, mask_phone
from server.accounts.queries import require_dependant
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.dates import instant, today
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, cut_page, decode_cursor
from server.foundation.words import Worded
from server.neighbor_center.bookings.models import (
    ADDRESS_CONTEXT,
    NOTE_CONTEXT,
    ROOM_NOTE_CONTEXT,
    Approval,
    BookingState,
    RoomBookingState,
)
from server.neighbor_center.bookings.terms import check_year
from server.neighbor_center.venues.models import ServiceKind, ServiceMode
from server.neighbor_center.venues.queries import organization_of_venue
from server.organizations.access import READERS, require_role
from server.places.queries import waiting_positions

BOOKING_STATE = (
    "CASE WHEN p.ended_at IS NOT NULL THEN 'cancelled' WHEN p.state IN ('waiting', 'offered') THEN 'waiting' "
    "WHEN p.state = 'attended' THEN 'attended' WHEN p.state = 'no_show' THEN 'no_show' "
    "WHEN b.approval = 'pending' THEN 'requested' ELSE 'booked' END"
)
"""The state of a booking `b` with its place `p`; see models.BookingState."""


class When(Worded):
    COMING = "coming", "未结束"
    PAST = "past", "已结束"


class BookingView(msgspec.Struct, kw_only=True):
    """A booking as its person, or the one who looks after them, sees it.

    `position` in the waiting list, from 1; `offered_until`: a place is kept until then, accept or decline;
    `change_until`: the deadline for moving and cancelling; `answer_by`: until when a request is promised an answer;
    `documents`: what to bring; `end_reason`: a code for how it ended (cancelled, declined, closed, refused, unanswered,
    cancelled_by_staff, offer_expired, not_reached); `staff_reason`: staff's words; `stars`: the person's rating.
    """

    id: Id
    state: BookingState
    approval: Approval
    service_id: Id
    service_name: str
    service_kind: ServiceKind
    mode: ServiceMode
    venue_id: Id
    venue_name: str
    venue_address: str
    venue_phone: str
    longitude: float
    latitude: float
    documents: list[str]
    starts_at: datetime
    ends_at: datetime
    series_id: Id | None
    person_id: Id
    person_name: str
    party_size: int
    note: str
    address: str
    area_id: Id | None
    answer_by: datetime | None
    position: int | None
    offered_until: datetime | None
    change_until: datetime
    arrived_at: datetime | None
    end_reason: str
    staff_reason: str
    stars: int | None
    created_at: datetime


class RoomBookingView(msgspec.Struct, kw_only=True):
    """A room's booking as its person sees it."""

    id: Id
    state: RoomBookingState
    service_id: Id
    service_name: str
    venue_id: Id
    venue_name: str
    venue_address: str
    starts_at: datetime
    ends_at: datetime
    series_id: Id | None
    person_id: Id
    party_size: int
    note: str
    answer_by: datetime | None
    change_until: datetime
    arrived_at: datetime | None
    staff_reason: str
    stars: int | None
    created_at: datetime


class DayBooking(msgspec.Struct, kw_only=True):
    """A booking as staff of the venue see it: the name in clear, the phone masked. The address of a home visit is for
    the one who goes alone."""

    id: Id
    state: BookingState
    service_id: Id
    service_name: str
    mode: ServiceMode
    starts_at: datetime
    ends_at: datetime
    person_id: Id
    name: str
    phone: str
    party_size: int
    note: str
    walk_in: bool
    area_id: Id | None
    visitor_id: Id | None
    answer_by: datetime | None
    arrived_at: datetime | None


class DayRoomBooking(msgspec.Struct, kw_only=True):
    """A room's booking as staff of the venue see it."""

    id: Id
    state: RoomBookingState
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    busy_until: datetime
    person_id: Id
    name: str
    phone: str
    party_size: int
    note: str
    answer_by: datetime | None
    arrived_at: datetime | None


_BOOKING = (
    f"SELECT b.id, {BOOKING_STATE} AS state, b.approval, t.service_id, s.name AS service_name, "
    "s.kind AS service_kind, s.mode, s.venue_id, v.name AS venue_name, v.address AS venue_address, "
    "v.phone AS venue_phone, v.location[0] AS longitude, v.location[1] AS latitude, s.documents, t.starts_at, "
    "t.ends_at, b.series_id, b.person_id, b.party_size, b.note, b.address, b.area_id, p.id AS place_id, "
    "p.offered_until, s.cancel_until_minutes, b.answer_by, b.arrived_at, p.end_reason, b.staff_reason, "
    "(SELECT g.stars FROM booking_rating g WHERE g.booking_id = b.id) AS stars, b.created_at "
    "FROM booking b JOIN place p ON p.id = b.place_id JOIN slot t ON t.id = b.slot_id "
    "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id "
)
_ROOM_BOOKING = (
    "SELECT r.id, r.state, r.service_id, s.name AS service_name, s.venue_id, v.name AS venue_name, "
    "v.address AS venue_address, r.starts_at, r.ends_at, r.series_id, r.person_id, r.party_size, r.note, "
    "s.cancel_until_minutes, r.answer_by, r.arrived_at, r.staff_reason, "
    "(SELECT g.stars FROM booking_rating g WHERE g.room_booking_id = r.id) AS stars, r.created_at "
    "FROM room_booking r JOIN service s ON s.id = r.service_id JOIN venue v ON v.id = s.venue_id "
)
MINE = (
    "{0}.person_id = ANY(ARRAY(SELECT $1::uuid UNION ALL SELECT d.person_id FROM dependant d "
    "WHERE d.guardian_id = $1 AND d.ended_at IS NULL)) "
)
"""Rows whose `person_id` is $1, or somebody whom $1 looks after."""
_COMING = (
    "AND {0}.starts_at >= $2 AND ($3::timestamptz IS NULL OR ({0}.starts_at, {0}.id) > ($3, $4::uuid)) "
    "ORDER BY {0}.starts_at, {0}.id LIMIT $5"
)
_PAST = (
    "AND {0}.starts_at < $2 AND ($3::timestamptz IS NULL OR ({0}.starts_at, {0}.id) < ($3, $4::uuid)) "
    "ORDER BY {0}.starts_at DESC, {0}.id DESC LIMIT $5"
)


async def list_my_bookings(person_id: str, *, when: When, cursor: str | None, limit: int) -> Page[BookingView]:
    """One's own bookings and those of the people one looks after: what comes (today's too), soonest first; or what is
    past, latest first."""
    rows = await _mine(_BOOKING, "b", person_id, when, cursor, limit)
    return cut_page(await _booking_views(rows), limit, lambda booking: (booking.starts_at, booking.id))


async def get_booking(person_id: str, booking_id: str) -> BookingView:
    """One booking. Raises NotFound unless it is the caller's or of somebody they look after."""
    row = await fetch_one(_BOOKING + "WHERE b.id = $1", booking_id)
    if row is None:
        raise NotFound()
    await require_dependant(person_id, row["person_id"])
    return (await _booking_views([row]))[0]


async def list_my_room_bookings(person_id: str, *, when: When, cursor: str | None, limit: int) -> Page[RoomBookingView]:
    """The same for rooms."""
    rows = await _mine(_ROOM_BOOKING, "r", person_id, when, cursor, limit)
    return cut_page([_room_view(row) for row in rows], limit, lambda booking: (booking.starts_at, booking.id))


async def get_room_booking(person_id: str, booking_id: str) -> RoomBookingView:
    """One room's booking. Raises NotFound unless it is the caller's or of somebody they look after."""
    row = await fetch_one(_ROOM_BOOKING + "WHERE r.id = $1", booking_id)
    if row is None:
        raise NotFound()
    await require_dependant(person_id, row["person_id"])
    return _room_view(row)


async def list_series_bookings(person_id: str, series_id: str) -> list[BookingView]:
    """The bookings of a series, soonest first, as far as they are the caller's or of somebody they look after."""
    rows = await fetch(
        _BOOKING + "WHERE b.series_id = $2 AND " + MINE.format("b") + "ORDER BY b.starts_at", person_id, series_id
    )
    return await _booking_views(rows)


async def list_series_rooms(person_id: str, series_id: str) -> list[RoomBookingView]:
    """The same for rooms."""
    rows = await fetch(
        _ROOM_BOOKING + "WHERE r.series_id = $2 AND " + MINE.format("r") + "ORDER BY r.starts_at", person_id, series_id
    )
    return [_room_view(row) for row in rows]


async def list_day_bookings(
    actor_id: str, venue_id: str, day: date, *, service_id: str | None, cursor: str | None, limit: int
) -> Page[DayBooking]:
    """Who comes to the venue that day, in the order of time, without what was cancelled. Each person shown is audited.
    Raises NotFound, NotAllowed."""
    check_year("day", day)
    after, after_id = decode_cursor(cursor, tuple[datetime, Id]) if cursor else (None, None)
    async with transaction():
        organization_id = await require_venue_reader(actor_id, venue_id)
        rows = await fetch(
            f"SELECT b.id, {BOOKING_STATE} AS state, t.service_id, s.name AS service_name, s.mode, t.starts_at, "
            "t.ends_at, b.person_id, b.party_size, b.note, b.walk_in, b.area_id, "
            "b.visitor_id, b.answer_by, b.arrived_at "
            "FROM service s JOIN slot t ON t.service_id = s.id JOIN booking b ON b.slot_id = t.id "
            "JOIN place p ON p.id = b.place_id WHERE s.venue_id = $1 AND ($2::uuid IS NULL OR s.id = $2) "
            "AND t.starts_at >= $3 AND t.starts_at < $4 AND p.ended_at IS NULL "
            "AND ($5::timestamptz IS NULL OR (t.starts_at, b.id) > ($5, $6::uuid)) ORDER BY t.starts_at, b.id LIMIT $7",
            venue_id,
            service_id,
            instant(day, 0),
            instant(day, 1440),
            after,
            after_id,
            limit + 1,
        )
        page = cut_page(rows, limit, lambda row: (row["starts_at"], row["id"]))
        people = await name_persons(actor_id, organization_id, "booking", page.items)
    return Page(
        [
            DayBooking(**(dict(row) | people[row["person_id"]] | {"note": _clear(row["note"], NOTE_CONTEXT)}))
            for row in page.items
        ],
        page.next_cursor,
    )


async def list_day_room_bookings(
    actor_id: str, venue_id: str, day: date, *, cursor: str | None, limit: int
) -> Page[DayRoomBooking]:
    """The venue's rooms that day: what is booked and what is asked for. Each person shown is audited."""
    check_year("day", day)
    after, after_id = decode_cursor(cursor, tuple[datetime, Id]) if cursor else (None, None)
    async with transaction():
        organization_id = await require_venue_reader(actor_id, venue_id)
        rows = await fetch(
            "SELECT r.id, r.state, r.service_id, s.name AS service_name, r.starts_at, r.ends_at, r.busy_until, "
            "r.person_id, r.party_size, r.note, r.answer_by, r.arrived_at "
            "FROM service s JOIN room_booking r ON r.service_id = s.id "
            "WHERE s.venue_id = $1 AND r.ended_at IS NULL AND r.starts_at >= $2 AND r.starts_at < $3 "
            "AND ($4::timestamptz IS NULL OR (r.starts_at, r.id) > ($4, $5::uuid)) ORDER BY r.starts_at, r.id LIMIT $6",
            venue_id,
            instant(day, 0),
            instant(day, 1440),
            after,
            after_id,
            limit + 1,
        )
        page = cut_page(rows, limit, lambda row: (row["starts_at"], row["id"]))
        people = await name_persons(actor_id, organization_id, "room_booking", page.items)
    return Page(
        [
            DayRoomBooking(**(dict(row) | people[row["person_id"]] | {"note": _clear(row["note"], ROOM_NOTE_CONTEXT)}))
            for row in page.items
        ],
        page.next_cursor,
    )


async def require_venue_reader(actor_id: str, venue_id: str) -> str:
    """The venue's organization, whose staff or observers may look. Raises NotFound, NotAllowed."""
    organization_id = await organization_of_venue(venue_id)
    await require_role(actor_id, organization_id, READERS)
    return organization_id


async def name_persons(actor_id: str, organization_id: str, kind: str, rows: list[Any]) -> dict[str, dict[str, str]]:
    """Name and masked phone of the persons in these rows, each view audited."""
    details = await read_details({row["person_id"] for row in rows})
    for row in rows:
        await record_audit(
            "view_day_booking",
            actor_id=actor_id,
            subject=(kind, row["id"]),
            person_id=row["person_id"],
            organization_id=organization_id,
        )
    named = {}
    for row in rows:
        found = details.get(row["person_id"], Details())
        named[row["person_id"]] = {"name": found.real_name, "phone": mask_phone(found.phone)}
    return named


async def _mine(select: str, alias: str, person_id: str, when: When, cursor: str | None, limit: int) -> list[Any]:
    after, after_id = decode_cursor(cursor, tuple[datetime, Id]) if cursor else (None, None)
    rest = _COMING if when is When.COMING else _PAST
    return await fetch(
        select + "WHERE " + (MINE + rest).format(alias),
        person_id,
        instant(today(), 0),
        after,
        after_id,
        limit + 1,
    )


async def _booking_views(rows: list[Any]) -> list[BookingView]:
    positions = await waiting_positions([row["place_id"] for row in rows if row["state"] == BookingState.WAITING])
    details = await read_details({row["person_id"] for row in rows})
    views = []
    for row in rows:
        values = dict(row)
        place_id, minutes = values.pop("place_id"), values.pop("cancel_until_minutes")
        person = details.get(row["person_id"])
        values |= {
            "note": _clear(row["note"], NOTE_CONTEXT),
            "address": _clear(row["address"], ADDRESS_CONTEXT),
            "person_name": mask_name(person.real_name) if person else "",
            "position": positions.get(place_id),
            "change_until": row["starts_at"] - timedelta(minutes=minutes),
        }
        views.append(BookingView(**values))
    return views


def _room_view(row: Any) -> RoomBookingView:
    values = dict(row)
    minutes = values.pop("cancel_until_minutes")
    values |= {
        "note": _clear(row["note"], ROOM_NOTE_CONTEXT),
        "change_until": row["starts_at"] - timedelta(minutes=minutes),
    }
    return RoomBookingView(**values)


def _clear(ciphertext: bytes | None, context: str) -> str:
    return keyring().decrypt(bytes(ciphertext), context) if ciphertext else ""
