"""The writes that are measured: who asks for what, each once, and how all of it is undone before the next round."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from server.foundation.dates import instant, today
from server.foundation.ids import decode_id
from server.volunteering.attendance.codes import SHIFT_CODE
from tests.performance.city import City, copy, shown, uuid
from tests.performance.load import request_bytes

ROUND = 600
"""Writes in one round, each by somebody whom the process has not seen before."""
PLACES = 50
_SERVICE = "性能测试"
_SLOTS = 16 * 7


class Asked(NamedTuple):
    """One request, by the caller of this number."""

    path: str
    caller: int
    body: dict[str, Any]

    def as_bytes(self, city: City) -> bytes:
        return request_bytes("POST", f"/api/v1{self.path}", city.tokens[self.caller], json.dumps(self.body).encode())


class Writing(NamedTuple):
    name: str
    asks: Callable[[asyncpg.Connection, City], Awaitable[list[Asked]]]


_UNDO = """
DELETE FROM attendance; DELETE FROM shift_scan; DELETE FROM sign_up; DELETE FROM booking; DELETE FROM place;
DELETE FROM wish_claim; DELETE FROM inbox_message; DELETE FROM outbox;
UPDATE wish SET state = 'published', first_claimed_at = NULL WHERE state = 'claimed';
UPDATE allotment SET taken = 0, last_number = 0 WHERE last_number > 0
"""


async def undo(connection: asyncpg.Connection) -> None:
    """As it was, nothing of the rounds before in anybody's way; and their plans know it."""
    await connection.execute(_UNDO)
    for table in ("wish", "wish_claim", "allotment", "place", "sign_up", "booking", "inbox_message", "outbox"):
        await connection.execute(f"VACUUM (ANALYZE) {table}")


async def claims(connection: asyncpg.Connection, city: City) -> list[Asked]:
    """Everybody another wish."""
    rows = await connection.fetch(
        "SELECT id, author_id FROM wish WHERE state = 'published' AND wished_by > $1 ORDER BY id LIMIT $2",
        today() + timedelta(days=3),
        ROUND,
    )
    asked = []
    for number, row in enumerate(rows):
        is_own = shown(row["author_id"]) == city.person_ids[number]
        asked.append(Asked(f"/wishes/{shown(row['id'])}/claim", number + ROUND if is_own else number, {}))
    return asked


async def sign_ups(connection: asyncpg.Connection, city: City) -> list[Asked]:
    """Some for each of the community's shifts."""
    rows = await connection.fetch(
        "SELECT sh.id FROM shift sh JOIN activity a ON a.id = sh.activity_id WHERE a.organizer_id = $1 "
        "AND sh.sign_up_closes_at > $2 ORDER BY sh.id LIMIT 200",
        _id(city.community_id),
        datetime.now(UTC) + timedelta(hours=1),
    )
    return [Asked(f"/shifts/{shown(rows[number % len(rows)]['id'])}/sign-ups", number, {}) for number in range(ROUND)]


async def rush(connection: asyncpg.Connection, city: City) -> list[Asked]:
    """All for the same shift."""
    (first, *_) = await sign_ups(connection, city)
    await connection.execute(
        "UPDATE allotment SET taken = 0, capacity = $2 WHERE id = (SELECT allotment_id FROM shift_role "
        "WHERE shift_id = $1)",
        _id(first.path.split("/")[2]),
        PLACES,
    )
    return [Asked(first.path, number, {}) for number in range(len(city.tokens))]


async def arrivals(connection: asyncpg.Connection, city: City) -> list[Asked]:
    """All come to one shift, which is on now."""
    now = datetime.now(UTC)
    rows = await connection.fetch(
        "SELECT r.shift_id, r.id, r.allotment_id FROM shift_role r JOIN shift sh ON sh.id = r.shift_id "
        "JOIN activity a ON a.id = sh.activity_id WHERE a.organizer_id = $1 ORDER BY sh.id DESC LIMIT 1",
        _id(city.community_id),
    )
    shift, role, allotment = rows[0]
    await connection.execute(
        "UPDATE shift SET starts_at = $2, ends_at = $3, sign_up_closes_at = $2, cancel_until = $2 WHERE id = $1",
        shift,
        now - timedelta(minutes=1),
        now + timedelta(hours=2),
    )
    await connection.execute(
        "UPDATE allotment SET capacity = $2, taken = $2, last_number = $2 WHERE id = $1", allotment, ROUND
    )
    people = [(uuid(), uuid(), _id(city.person_ids[number]), number + 1) for number in range(ROUND)]
    await copy(
        connection,
        "place",
        "id, created_at, allotment_id, person_id, party_size, state, number, confirmed_at",
        ((place, now, allotment, person, 1, "confirmed", number, now) for place, _, person, number in people),
        ROUND,
    )
    await copy(
        connection,
        "sign_up",
        "id, created_at, place_id, shift_role_id, shift_id, person_id, signed_up_by_id",
        ((sign_up, now, place, role, shift, person, person) for place, sign_up, person, _ in people),
        ROUND,
    )
    code = SHIFT_CODE.write(SHIFT_CODE.window_at(now), shown(shift), "in")
    return [Asked(f"/shifts/{shown(shift)}/sign-in", number, {"code": code}) for number in range(ROUND)]


async def bookings(connection: asyncpg.Connection, city: City) -> list[Asked]:
    """Some for each slot of a week."""
    service = await connection.fetchval("SELECT id FROM service WHERE name = $1", _SERVICE)
    if service is None:
        service = await _open_service(connection, city)
    begins = [instant(today() + timedelta(days=1 + n // 16), 540 + n % 16 * 30) for n in range(_SLOTS)]
    known = {row["starts_at"] for row in await connection.fetch("SELECT starts_at FROM slot")}
    for starts_at in begins:
        if starts_at not in known:
            allotment, slot = uuid(), uuid()
            await connection.execute(
                "INSERT INTO allotment (id, created_at, purpose, subject_id, capacity, taken, last_number, starts_at, "
                "state, may_wait, offer_minutes, version) VALUES ($1, $2, 'slot', $3, 50, 0, 0, $4, 'open', true, 120, "
                "1)",
                allotment,
                datetime.now(UTC),
                slot,
                starts_at,
            )
            await connection.execute(
                "INSERT INTO slot (id, created_at, service_id, starts_at, ends_at, allotment_id) "
                "VALUES ($1, $2, $3, $4, $5, $6)",
                slot,
                datetime.now(UTC),
                service,
                starts_at,
                starts_at + timedelta(minutes=30),
                allotment,
            )
    path = f"/services/{shown(service)}/bookings"
    return [Asked(path, number, {"starts_at": begins[number % _SLOTS].isoformat()}) for number in range(ROUND)]


async def _open_service(connection: asyncpg.Connection, city: City) -> Any:
    venue, service, now = uuid(), uuid(), datetime.now(UTC)
    tables: dict[str, dict[str, Any]] = {
        "venue": {
            "id": venue,
            "organization_id": _id(city.community_id),
            "kind": "neighbor_center",
            "name": "阳光邻里中心",
            "address": "和平路 1 号",
            "location": asyncpg.Point(122.0, 37.3),
            "state": "open",
            "version": 1,
        },
        "service": {
            "id": service,
            "venue_id": venue,
            "kind": "family_medicine",
            "name": _SERVICE,
            "minutes": 30,
            "capacity": PLACES,
            "max_party_size": 1,
            "may_wait": True,
            "who_may_book": "anyone",
            "mode": "at_venue",
            "max_open_per_person": 3,
            "max_per_day": 1,
            "days_ahead": 14,
            "cancel_until_minutes": 120,
            "answer_within_hours": 24,
            "state": "offered",
            "version": 1,
        },
        "opening_rule": {
            "id": uuid(),
            "service_id": service,
            "weekdays": 127,
            "opens": 540,
            "closes": 1020,
            "days": "every_week",
            "valid_from": today() - timedelta(days=1),
        },
    }
    for table, values in tables.items():
        values |= {"created_at": now}
        await copy(connection, table, ", ".join(values), iter([tuple(values.values())]), 1)
    return service


def _id(short: str) -> Any:
    return UUID(bytes=decode_id(short))


WRITINGS = (
    Writing("claim", claims),
    Writing("sign up", sign_ups),
    Writing("book", bookings),
    Writing("check in", arrivals),
)
