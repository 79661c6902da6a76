"""Arriving: the venue's code, shown on its screen and a new one every 30 seconds, and what scanning it brings about.

Only this deployment can make a code, it names its venue, and a minute later nobody takes it any longer: a picture of it
is of no use elsewhere.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.accounts.queries import ours
from server.foundation import clock
from server.foundation.codes import RotatingCode
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.media.drawing.qr import qr_as_text
from server.neighbor_center.bookings.kinds import KINDS, ROOMS, SLOTS, AnyKind, lock_booking
from server.neighbor_center.bookings.outcomes import attend
from server.neighbor_center.bookings.queries import get_booking
from server.neighbor_center.bookings.views import BookingView, RoomBookingView
from server.neighbor_center.counters.queries import TicketView, get_ticket
from server.neighbor_center.counters.tickets import draw_ticket
from server.neighbor_center.errors import NothingBookedNow, VenueCodeExpired, VenueCodeInvalid
from server.neighbor_center.opening.rules import ARRIVES_BEFORE
from server.neighbor_center.venues.models import ServiceKind
from server.organizations.access import GRID_WORKERS, require_role
from server.places.line import lock_allotment

VENUE_CODE = RotatingCode("LV1", "venue_code", seconds=30)
"""Tells the venue."""


class VenueCode(msgspec.Struct):
    """A venue's code as text and as a PNG (base64); after `shown_until` the screen asks for the next one."""

    code: str
    shown_until: datetime
    picture: str


class Arrival(msgspec.Struct):
    """What the person has come for, noted as attended; and, for a counter, their number in its line."""

    venue_id: Id
    bookings: list[BookingView]
    room_bookings: list[RoomBookingView]
    tickets: list[TicketView]


def venue_code(venue_id: str) -> VenueCode:
    """The code to be scanned now."""
    window = VENUE_CODE.window_at(clock.now())
    text = VENUE_CODE.write(window, venue_id)
    return VenueCode(text, VENUE_CODE.ends_at(window), qr_as_text(text))


async def show_venue_code(actor_id: str, venue_id: str) -> VenueCode:
    """The same, for those who work there. Raises NotFound, NotAllowed."""
    row = await fetch_one("SELECT organization_id FROM venue WHERE id = $1 AND state = 'open'", venue_id)
    if row is None:
        raise NotFound()
    await require_role(actor_id, row["organization_id"], GRID_WORKERS)
    return venue_code(venue_id)


async def arrive(person_id: str, code: str) -> Arrival:
    """The person has scanned the code at the venue: what they, or those they look after, have booked there from half an
    hour ago or for half an hour from now counts as attended. Scanning twice changes nothing.

    Raises VenueCodeInvalid, VenueCodeExpired, NothingBookedNow.
    """
    read = VENUE_CODE.read(code)
    if read is None:
        raise VenueCodeInvalid()
    [venue_id], now = read.told, clock.now()
    if not VENUE_CODE.is_current(read.window, now):
        raise VenueCodeExpired()
    async with transaction():
        slots, rooms = [await _lock_here(kind, person_id, venue_id, now) for kind in KINDS]
        if not slots and not rooms:
            raise NothingBookedNow()
        # The bookings are locked by now, in the order of ids; then come their allotments, then the counters' lines.
        for allotment_id in sorted({row["allotment_id"] for row in slots}):
            await lock_allotment(allotment_id)
        for row in sorted(slots, key=lambda row: row["service_id"]):
            if await attend(await lock_booking(SLOTS, row["id"])) and row["kind"] == ServiceKind.COUNTER:
                await draw_ticket(row["service_id"], row["person_id"], booking_id=row["id"], ready_at=row["starts_at"])
        for row in rooms:
            await attend(await lock_booking(ROOMS, row["id"]))
        tickets = await fetch(
            "SELECT id FROM queue_ticket WHERE booking_id = ANY($1::uuid[]) ORDER BY id", [row["id"] for row in slots]
        )
        return Arrival(
            venue_id,
            [await get_booking(SLOTS, person_id, row["id"]) for row in slots],
            [await get_booking(ROOMS, person_id, row["id"]) for row in rooms],
            [await get_ticket(person_id, row["id"]) for row in tickets],
        )


_LONGEST = timedelta(days=1)
"""No slot and no room is booked for longer."""


async def _lock_here(kind: AnyKind, person_id: str, venue_id: str, now: datetime) -> list[Any]:
    """What the person has booked at the venue for now, locked in the order of ids."""
    allotment = "t.allotment_id, " if kind is SLOTS else ""
    return await fetch(
        f"SELECT b.id, b.person_id, b.starts_at, {allotment}s.id AS service_id, s.kind FROM {kind.source} "
        f"WHERE {ours('b.person_id')} AND s.venue_id = $2 AND b.starts_at <= $3 "
        f"AND b.starts_at > $4::timestamptz - interval '{_LONGEST.days} day' AND {kind.time}.ends_at > $4 "
        f"AND {kind.state} IN ('booked', 'attended', 'no_show') ORDER BY b.id FOR NO KEY UPDATE OF b",
        person_id,
        venue_id,
        now + ARRIVES_BEFORE,
        now,
    )
