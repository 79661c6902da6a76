"""Reading venues and what they offer; and the words by which messages name these and bookings."""

from datetime import date
from math import cos, radians
from typing import Any

import msgspec

from server import clock
from server.database import fetch, fetch_one, fetch_structs, fetch_value
from server.errors import InvalidFields, NotFound
from server.ids import Id
from server.neighbor_center.models import (
    ServiceKind,
    ServiceMode,
    ServiceState,
    VenueKind,
    VenueState,
    WhoMayBook,
)
from server.neighbor_center.rules import day_of, weekday_list
from server.pages import Page, cut_page, decode_cursor
from server.wechat.message_fields import render_time

FIFTEEN_MINUTES_METERS = 1200
"""一刻钟服务圈: how far one walks in 15 minutes, along a straight line."""
_METERS_PER_DEGREE = 111_320


class VenueBrief(msgspec.Struct, kw_only=True):
    """A venue in a list. `distance` is in meters along a straight line, where a point was given."""

    id: Id
    organization_id: Id
    kind: VenueKind
    name: str
    address: str
    longitude: float
    latitude: float
    phone: str
    opening: str
    distance: float | None = None


class HoursView(msgspec.Struct):
    """Weekly hours: ISO weekdays (1 Monday to 7 Sunday), wall-clock times, first and last day."""

    id: Id
    weekdays: list[int]
    opens: str
    closes: str
    valid_from: date
    valid_until: date | None


class ServiceView(msgspec.Struct, kw_only=True):
    """A service and the terms of booking it; see models.Service for the units."""

    id: Id
    venue_id: Id
    kind: ServiceKind
    name: str
    description: str
    minutes: int
    buffer_minutes: int
    longest_minutes: int | None
    capacity: int
    max_party_size: int
    may_wait: bool
    who_may_book: WhoMayBook
    needs_approval: bool
    mode: ServiceMode
    max_open_per_person: int
    max_per_day: int
    days_ahead: int
    cancel_until_minutes: int
    price: int
    state: ServiceState
    version: int
    hours: list[HoursView]


class VenueView(msgspec.Struct, kw_only=True):
    """A venue with everything it offers."""

    id: Id
    organization_id: Id
    organization_name: str
    kind: VenueKind
    name: str
    address: str
    longitude: float
    latitude: float
    phone: str
    opening: str
    facilities: str
    state: VenueState
    version: int
    services: list[ServiceView]


_BRIEF_COLUMNS = (
    "v.id, v.organization_id, v.kind, v.name, v.address, v.location[0] AS longitude, v.location[1] AS latitude, "
    "v.phone, v.opening"
)


async def list_venues(
    person_id: str | None, *, organization_id: str | None, kind: VenueKind | None, cursor: str | None, limit: int
) -> Page[VenueBrief]:
    """The open venues of an organization's subtree, the caller's community without one, newest first."""
    if organization_id is None:
        organization_id = await fetch_value("SELECT community_id FROM person WHERE id = $1", person_id)
        if organization_id is None:
            raise InvalidFields.of("organization_id", "请先选择所在社区，或指定组织")
    (after,) = decode_cursor(cursor, tuple[Id]) if cursor else (None,)
    rows = await fetch_structs(
        VenueBrief,
        f"SELECT {_BRIEF_COLUMNS} FROM venue v JOIN organization o ON o.id = v.organization_id "
        "WHERE o.path <@ (SELECT path FROM organization WHERE id = $1) AND v.state = 'open' "
        "AND ($2::text IS NULL OR v.kind = $2) AND ($3::uuid IS NULL OR v.id < $3) ORDER BY v.id DESC LIMIT $4",
        organization_id,
        kind and str(kind),
        after,
        limit + 1,
    )
    return cut_page(rows, limit, lambda venue: (venue.id,))


async def list_nearby_venues(
    longitude: float, latitude: float, *, meters: int, kind: VenueKind | None, cursor: str | None, limit: int
) -> Page[VenueBrief]:
    """The open venues within `meters` of a point (gcj02), nearest first."""
    # A box finds the candidates in the index; degrees of longitude shrink towards the poles, so meters are computed.
    tall = meters / _METERS_PER_DEGREE
    wide = tall / max(cos(radians(latitude)), 0.01)
    after_distance, after_id = decode_cursor(cursor, tuple[float, Id]) if cursor else (None, None)
    rows = await fetch_structs(
        VenueBrief,
        "SELECT * FROM (SELECT "
        f"{_BRIEF_COLUMNS}, round({_METERS_PER_DEGREE} * sqrt(((v.location[0] - $1) * cos(radians($2))) ^ 2 "
        "+ (v.location[1] - $2) ^ 2))::float8 AS distance FROM venue v WHERE v.state = 'open' "
        "AND v.location <@ box(point($1 - $3, $2 - $4), point($1 + $3, $2 + $4)) "
        "AND ($5::text IS NULL OR v.kind = $5)) AS near WHERE distance <= $6 "
        "AND ($7::float8 IS NULL OR (distance, id) > ($7, $8::uuid)) ORDER BY distance, id LIMIT $9",
        longitude,
        latitude,
        wide,
        tall,
        kind and str(kind),
        float(meters),
        after_distance,
        after_id,
        limit + 1,
    )
    return cut_page(rows, limit, lambda venue: (venue.distance, venue.id))


async def get_venue(venue_id: str) -> VenueView:
    """A venue with what it offers, closed ones too: a booking's page still leads there. Raises NotFound."""
    row = await fetch_one(
        "SELECT v.id, v.organization_id, o.name AS organization_name, v.kind, v.name, v.address, "
        "v.location[0] AS longitude, v.location[1] AS latitude, v.phone, v.opening, v.facilities, v.state, v.version "
        "FROM venue v JOIN organization o ON o.id = v.organization_id WHERE v.id = $1",
        venue_id,
    )
    if row is None:
        raise NotFound()
    services = await _read_services("s.venue_id = $1 AND s.state = 'offered'", venue_id)
    return VenueView(**dict(row), services=services)


async def get_service(service_id: str) -> ServiceView:
    """One service. Raises NotFound."""
    services = await _read_services("s.id = $1", service_id)
    if not services:
        raise NotFound()
    return services[0]


async def describe_venues(venue_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows = await fetch("SELECT id, name, address, phone FROM venue WHERE id = ANY($1::uuid[])", list(venue_ids))
    return {row["id"]: dict(row) | {"title": row["name"]} for row in rows}


async def describe_slots(slot_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages: what takes place then, and where. `title` is the service's name."""
    rows = await fetch(
        "SELECT t.id, s.name AS service, v.name AS venue, v.address, s.mode, t.starts_at FROM slot t "
        "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id WHERE t.id = ANY($1::uuid[])",
        list(slot_ids),
    )
    words = {row["id"]: _words(row) for row in rows}
    for row in rows:
        if row["mode"] == ServiceMode.HOME_VISIT:
            words[row["id"]] |= {"venue": f"上门服务·{row['venue']}", "address": "您填写的地址"}
    return words


async def describe_bookings(booking_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages. The time is that of now: events about a certain time name the slot as well."""
    rows = await fetch(
        "SELECT b.id, s.name AS service, v.name AS venue, v.address, b.starts_at, b.staff_reason AS reason "
        "FROM booking b JOIN slot t ON t.id = b.slot_id JOIN service s ON s.id = t.service_id "
        "JOIN venue v ON v.id = s.venue_id WHERE b.id = ANY($1::uuid[])",
        list(booking_ids),
    )
    return {row["id"]: _words(row) | {"reason": row["reason"] or "请联系工作人员"} for row in rows}


async def describe_room_bookings(booking_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows = await fetch(
        "SELECT r.id, s.name AS service, v.name AS venue, v.address, r.starts_at, r.staff_reason AS reason "
        "FROM room_booking r JOIN service s ON s.id = r.service_id JOIN venue v ON v.id = s.venue_id "
        "WHERE r.id = ANY($1::uuid[])",
        list(booking_ids),
    )
    return {row["id"]: _words(row) | {"reason": row["reason"] or "请联系工作人员"} for row in rows}


def wall_clock(minutes: int) -> str:
    """Minutes after midnight as people write them: 540 → 09:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


async def _read_services(where: str, value: str) -> list[ServiceView]:
    """Services `s` that satisfy a condition on $1, with the hours that are not over yet."""
    rows = await fetch(
        "SELECT s.id, s.venue_id, s.kind, s.name, s.description, s.minutes, s.buffer_minutes, s.longest_minutes, "
        "s.capacity, s.max_party_size, s.may_wait, s.who_may_book, s.needs_approval, s.mode, s.max_open_per_person, "
        "s.max_per_day, s.days_ahead, s.cancel_until_minutes, s.price, s.state, s.version "
        f"FROM service s WHERE {where} ORDER BY s.id",
        value,
    )
    rules = await fetch(
        "SELECT id, service_id, weekdays, opens, closes, valid_from, valid_until FROM opening_rule "
        "WHERE service_id = ANY($1::uuid[]) AND (valid_until IS NULL OR valid_until >= GREATEST($2, valid_from)) "
        "ORDER BY valid_from, opens, id",
        [row["id"] for row in rows],
        day_of(clock.now()),
    )
    hours: dict[str, list[HoursView]] = {}
    for rule in rules:
        hours.setdefault(rule["service_id"], []).append(
            HoursView(
                rule["id"],
                weekday_list(rule["weekdays"]),
                wall_clock(rule["opens"]),
                wall_clock(rule["closes"]),
                rule["valid_from"],
                rule["valid_until"],
            )
        )
    return [ServiceView(**dict(row), hours=hours.get(row["id"], [])) for row in rows]


def _words(row: Any) -> dict[str, str]:
    return {
        "id": row["id"],
        "title": row["service"],
        "service": row["service"],
        "venue": row["venue"],
        "address": row["address"],
        "time": render_time(row["starts_at"]),
    }
