"""Reading allotments and waiting lists."""

from datetime import datetime

import msgspec

from server.foundation import clock
from server.foundation.database import fetch, fetch_structs


class AllotmentCount(msgspec.Struct):
    """How an allotment stands. `free` is never negative; `waiting` counts parties."""

    id: str
    capacity: int
    taken: int
    free: int
    waiting: int
    is_open: bool


POSITION = (
    "1 + (SELECT count(*) FROM place before WHERE before.allotment_id = p.allotment_id AND before.state = 'waiting' "
    "AND before.number < p.number)"
)
"""SQL: the position in line of a place `p` that waits, from 1; a party is one position."""


async def count_places(allotment_ids: list[str]) -> dict[str, AllotmentCount]:
    """How these allotments stand, in one query."""
    rows = await fetch_structs(
        AllotmentCount,
        "SELECT a.id, a.capacity, a.taken, GREATEST(a.capacity - a.taken, 0) AS free, a.state = 'open' AS is_open, "
        "(SELECT count(*) FROM place p WHERE p.allotment_id = a.id AND p.state = 'waiting') AS waiting "
        "FROM allotment a WHERE a.id = ANY($1::uuid[])",
        allotment_ids,
    )
    return {row.id: row for row in rows}


async def waiting_positions(place_ids: list[str]) -> dict[str, int]:
    """Position in line of those of the places that are waiting."""
    rows = await fetch(
        f"SELECT p.id, {POSITION} AS position FROM place p WHERE p.id = ANY($1::uuid[]) AND p.state = 'waiting'",
        place_ids,
    )
    return {row["id"]: row["position"] for row in rows}


class Waiting(msgspec.Struct):
    """How a waiting place stands. `free` places are not taken, which this party does not fit in, or which are held for
    another group (`is_held`). `held_until`: until then freed places are held for this one. `hold_used`: they were."""

    place_id: str
    position: int
    party_size: int
    capacity: int
    free: int
    is_held: bool
    held_until: datetime | None
    hold_used: bool


class Pass(msgspec.Struct):
    """A group was passed: so many places were free when it needed more."""

    passed_at: datetime
    free: int
    needed: int


async def waiting_places(place_ids: list[str]) -> dict[str, Waiting]:
    """How those of the places stand that are waiting."""
    if not place_ids:
        return {}
    rows = await fetch_structs(
        Waiting,
        f"SELECT p.id AS place_id, {POSITION} AS position, p.party_size, a.capacity, "
        "GREATEST(a.capacity - a.taken, 0) AS free, EXISTS (SELECT 1 FROM place other WHERE "
        "other.allotment_id = p.allotment_id AND other.state = 'waiting' AND other.held_until > $2 "
        "AND other.id <> p.id) AS is_held, p.held_until, p.hold_used FROM place p "
        "JOIN allotment a ON a.id = p.allotment_id WHERE p.id = ANY($1::uuid[]) AND p.state = 'waiting'",
        place_ids,
        clock.now(),
    )
    return {row.place_id: row for row in rows}


async def passes_of(place_ids: list[str]) -> dict[str, list[Pass]]:
    """How often, and why, these groups were passed, in order."""
    if not place_ids:
        return {}
    rows = await fetch(
        "SELECT place_id, created_at, free, needed FROM place_pass WHERE place_id = ANY($1::uuid[]) ORDER BY id",
        place_ids,
    )
    found: dict[str, list[Pass]] = {}
    for row in rows:
        found.setdefault(row["place_id"], []).append(Pass(row["created_at"], row["free"], row["needed"]))
    return found
