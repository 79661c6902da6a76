"""Calendars: a person's bookings for the feed that all features share, and a feed of what is booked at a venue."""

from datetime import datetime, timedelta
from typing import Any

from server.accounts.queries import names_for, ours
from server.calendars.feed import CalendarEntry, write_calendar
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import fetch, fetch_one
from server.foundation.errors import NotFound
from server.media.addresses import public_address
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind
from server.neighbor_center.bookings.models import BookingState
from server.neighbor_center.venues.models import ServiceMode

FEED_PATH = "/venue-calendars/"
_FEED_BACK = timedelta(days=30)
_FEED_AHEAD = timedelta(days=200)
_PURPOSE = "venue_calendar"
_TAKEN_BACK = ("closed", "cancelled_by_staff", "refused", "unanswered")
"""How staff, or time, end a booking: it stays in the person's calendar, marked, so that calendars take it out."""


def _entries(kind: AnyKind, version: str, shown: str) -> str:
    return (
        f"SELECT '{kind.table}' AS kind, b.id, b.person_id, {kind.state} AS state, s.name AS service, s.documents, "
        f"s.mode, v.name AS venue, v.address, v.phone, {kind.time}.starts_at, {kind.time}.ends_at, "
        f"1 + {version} AS version FROM {kind.source} WHERE {ours('b.person_id')} "
        "AND b.starts_at >= $2::timestamptz - interval '1 day' AND b.starts_at < $3 "
        f"AND {kind.time}.ends_at > $2 AND ({shown})"
    )


_SLOTS = _entries(
    SLOTS,
    "(SELECT count(*) FROM booking_move m WHERE m.booking_id = b.id)",
    "p.ended_at IS NULL AND p.state <> 'no_show' OR p.end_reason = ANY($4)",
)
_ROOMS = _entries(
    ROOMS,
    "b.moves",
    "b.state IN ('requested', 'booked', 'attended', 'refused') "
    "OR b.state = 'cancelled' AND b.decided_by_id IS NOT NULL",
)


async def calendar_of_bookings(person_id: str, since: datetime, until: datetime) -> list[CalendarEntry]:
    """What the person and the family have booked or wait for, of what touches the time from `since` to `until`."""
    rows = await fetch(_SLOTS, person_id, since, until, list(_TAKEN_BACK))
    rows += await fetch(_ROOMS, person_id, since, until)
    names = await names_for(person_id, {row["person_id"] for row in rows} - {person_id})
    return [_entry(row, names.get(row["person_id"], "")) for row in rows]


def venue_feed_address(screen_id: str) -> str:
    """Where calendars fetch what is booked at the screen's venue; anyone who knows it can read it, until the screen
    ends."""
    return public_address(f"/api/v1{FEED_PATH}{keyring().write_signed(screen_id, _PURPOSE)}.ics")


async def read_venue_feed(name: str) -> bytes:
    """The iCalendar file behind an address's last part: each slot with how many come, each room's booking; nobody's
    name. Raises NotFound."""
    screen_id = keyring().read_signed(name.removesuffix(".ics"), _PURPOSE)
    if screen_id is None:
        raise NotFound()
    venue = await fetch_one(
        "SELECT v.id, v.name, v.address FROM venue_screen c JOIN venue v ON v.id = c.venue_id "
        "WHERE c.id = $1 AND c.ended_at IS NULL",
        screen_id,
    )
    if venue is None:
        raise NotFound()
    now = clock.now()
    since, until = now - _FEED_BACK, now + _FEED_AHEAD
    slots = await fetch(
        "SELECT t.id, s.name AS service, t.starts_at, t.ends_at, a.capacity, a.taken, a.version FROM service s "
        "JOIN slot t ON t.service_id = s.id JOIN allotment a ON a.id = t.allotment_id "
        "WHERE s.venue_id = $1 AND t.starts_at >= $2 AND t.starts_at < $3 AND a.taken > 0 ORDER BY t.starts_at, t.id",
        venue["id"],
        since,
        until,
    )
    rooms = await fetch(
        "SELECT r.id, s.name AS service, r.starts_at, r.ends_at, r.party_size, r.state, r.moves FROM service s "
        "JOIN room_booking r ON r.service_id = s.id WHERE s.venue_id = $1 AND r.starts_at >= $2 AND r.starts_at < $3 "
        "AND r.ended_at IS NULL ORDER BY r.starts_at, r.id",
        venue["id"],
        since,
        until,
    )
    entries = [
        CalendarEntry(
            kind="slot",
            id=row["id"],
            title=f"{row['service']} {row['taken']}/{row['capacity']}",
            place=venue["address"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            state="booked",
            state_word=BookingState.BOOKED.word,
            version=row["version"],
        )
        for row in slots
    ] + [
        CalendarEntry(
            kind="room_booking",
            id=row["id"],
            title=f"{row['service']}（{row['party_size']}人）",
            place=venue["address"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            state=row["state"],
            state_word=BookingState(row["state"]).word,
            is_tentative=row["state"] == "requested",
            version=1 + row["moves"],
        )
        for row in rooms
    ]
    return write_calendar(entries, venue["name"], alarms=False)


def _entry(row: Any, family_name: str) -> CalendarEntry:
    at_home = row["mode"] == ServiceMode.HOME_VISIT
    notes = {"请携带": "、".join(row["documents"]), "联系电话": row["phone"]}
    return CalendarEntry(
        kind=row["kind"],
        id=row["id"],
        title=f"{row['service']}（{family_name}）" if family_name else row["service"],
        place="上门服务" if at_home else f"{row['venue']}，{row['address']}",
        note="\n".join(f"{name}：{text}" for name, text in notes.items() if text),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        state=row["state"],
        state_word=BookingState(row["state"]).word,
        is_tentative=row["state"] in ("requested", "waiting"),
        is_cancelled=row["state"] in ("cancelled", "refused"),
        version=row["version"],
    )
