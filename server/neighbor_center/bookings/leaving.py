"""Somebody is blocked, withdraws or cancels their account: what they booked ahead is others' to book."""

from typing import Any

from server.accounts.cancelling import MatterKind, OpenMatter
from server.foundation import clock
from server.foundation.database import execute, fetch
from server.neighbor_center.bookings.kinds import KINDS, SLOTS, AnyKind, lock_booking
from server.neighbor_center.bookings.models import OPEN_STATES
from server.neighbor_center.bookings.outcomes import end_booking
from server.places.line import lock_allotment


async def give_up_bookings_of_leaver(person_id: str) -> None:
    """All that lies ahead, in the caller's transaction; it counts as no no-show."""
    await _give_up(person_id, "TRUE")


async def give_up_home_visits(person_id: str) -> None:
    """Whoever takes back that we may know where they live is visited by nobody."""
    await _give_up(person_id, "b.address IS NOT NULL", (SLOTS,))


async def open_bookings_of(person_id: str) -> list[OpenMatter]:
    """What the person has booked, or asked for, and lies ahead."""
    return [
        OpenMatter(_matter(kind, row), f"{row['service_name']}（{row['venue_name']}）", row["starts_at"])
        for kind in KINDS
        for row in await _ahead(kind, person_id, "TRUE")
    ]


async def erase_bookings_of(person_id: str) -> None:
    """Notes, addresses and what the person wrote; that there was a booking stays."""
    await execute("UPDATE booking SET note = NULL, address = NULL WHERE person_id = $1", person_id)
    await execute("UPDATE room_booking SET note = NULL WHERE person_id = $1", person_id)
    await execute("UPDATE booking_rating SET comment = NULL WHERE person_id = $1", person_id)


def _matter(kind: AnyKind, row: Any) -> MatterKind:
    if kind is not SLOTS:
        return MatterKind.ROOM_BOOKING
    return MatterKind.HOME_VISIT if row["mode"] == "home_visit" else MatterKind.BOOKING


async def _ahead(kind: AnyKind, person_id: str, which: str) -> list[Any]:
    return await fetch(
        f"SELECT b.id, s.name AS service_name, s.mode, v.name AS venue_name, {kind.time}.starts_at FROM {kind.source} "
        f"WHERE b.person_id = $1 AND {kind.time}.starts_at > $2 AND {kind.ended}.ended_at IS NULL AND {which} "
        "ORDER BY b.id",
        person_id,
        clock.now(),
    )


async def _give_up(person_id: str, which: str, kinds: tuple[AnyKind, ...] = KINDS) -> None:
    # All bookings, then all allotments, each in the order of ids (see booking.cancel_series).
    ahead = [(kind, row["id"]) for kind in kinds for row in await _ahead(kind, person_id, which)]
    for kind in kinds:
        ids = [booking_id for of, booking_id in ahead if of is kind]
        await fetch(f"SELECT 1 FROM {kind.table} WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", ids)
    for row in await fetch(
        "SELECT DISTINCT p.allotment_id FROM place p JOIN booking b ON b.place_id = p.id "
        "WHERE b.id = ANY($1::uuid[]) ORDER BY p.allotment_id",
        [booking_id for _, booking_id in ahead],
    ):
        await lock_allotment(row["allotment_id"])
    for kind, booking_id in ahead:
        booking = await lock_booking(kind, booking_id)
        if booking.state in OPEN_STATES:
            await end_booking(booking, "cancelled")
