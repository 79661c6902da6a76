"""Reading venues and what they offer; and the words by which messages name these and bookings."""

from datetime import date
from math import cos, radians
from typing import Any

import msgspec

from server.foundation.database import fetch, fetch_one, fetch_value
from server.foundation.dates import render_time, today, wall_clock
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.media.uploads.queries import PictureView, in_order, picture_views
from server.neighbor_center.opening.models import ExceptionKind, RuleDays
from server.neighbor_center.opening.rules import weekday_list
from server.neighbor_center.venues.models import (
    Accessibility,
    ServiceKind,
    ServiceMode,
    ServiceState,
    VenueKind,
    VenueState,
    WhoMayBook,
)
from server.organizations.tree import within

FIFTEEN_MINUTES_METERS = 1200
"""一刻钟服务圈: how far one walks in 15 minutes, along a straight line."""
METERS_PER_DEGREE = 111_320


def meters_between(there: str, here: str) -> str:
    """SQL: how far two points are from each other, along a straight line. Both have to be near `here`, since degrees of
    longitude shrink towards the poles."""
    return (
        f"({METERS_PER_DEGREE} * sqrt((({there}[0] - {here}[0]) * cos(radians({here}[1]))) ^ 2 "
        f"+ ({there}[1] - {here}[1]) ^ 2))"
    )


class VenueBrief(msgspec.Struct, kw_only=True):
    """A venue in a list. `distance` is in meters along a straight line, where a point was given; `thumbnail_url` is its
    first picture's, for some minutes."""

    id: Id
    organization_id: Id
    kind: VenueKind
    name: str
    address: str
    longitude: float
    latitude: float
    phone: str
    opening: str
    accessibility: list[Accessibility]
    thumbnail_url: str | None = None
    distance: float | None = None


class OpeningHoursView(msgspec.Struct):
    """Weekly hours: ISO weekdays (1 Monday to 7 Sunday), wall-clock times, first and last day. `days` tells how they go
    with public holidays; hours of a season hold each year from `season_from` to `season_until` (month-day)."""

    id: Id
    weekdays: list[int]
    opens: str
    closes: str
    days: RuleDays
    season_from: str | None
    season_until: str | None
    valid_from: date
    valid_until: date | None


class ServiceView(msgspec.Struct, kw_only=True):
    """A service and the terms of booking it; see models.Service for the units. `stars` is the average rating."""

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
    max_per_month: int | None
    max_repeats: int
    days_ahead: int
    released_at: str
    book_until_minutes: int
    cancel_until_minutes: int
    answer_within_hours: int
    travel_minutes: int
    area_ids: list[Id]
    documents: list[str]
    price: int
    rating_count: int
    stars: float | None
    state: ServiceState
    version: int
    hours: list[OpeningHoursView]


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
    accessibility: list[Accessibility]
    pictures: list[PictureView]
    state: VenueState
    version: int
    services: list[ServiceView]


_BRIEF_COLUMNS = (
    "v.id, v.organization_id, v.kind, v.name, v.address, v.location[0] AS longitude, v.location[1] AS latitude, "
    "v.phone, v.opening, v.accessibility, v.picture_ids[1] AS picture_id"
)


async def organization_of_venue(venue_id: str) -> str:
    """Whose venue it is. Raises NotFound."""
    organization_id: str | None = await fetch_value("SELECT organization_id FROM venue WHERE id = $1", venue_id)
    if organization_id is None:
        raise NotFound()
    return organization_id


async def organization_of_service(service_id: str) -> str:
    """Whose service it is. Raises NotFound."""
    organization_id: str | None = await fetch_value(
        "SELECT v.organization_id FROM service s JOIN venue v ON v.id = s.venue_id WHERE s.id = $1", service_id
    )
    if organization_id is None:
        raise NotFound()
    return organization_id


async def list_venues(
    person_id: str | None, *, organization_id: str | None, kind: VenueKind | None, page: PageQuery
) -> Page[VenueBrief]:
    """The open venues of an organization's subtree, the caller's community without one, newest first."""
    if organization_id is None:
        organization_id = await fetch_value("SELECT community_id FROM person WHERE id = $1", person_id)
        if organization_id is None:
            raise InvalidFields.of("organization_id", "请先选择所在社区，或指定组织")
    rows = await fetch_page(
        f"SELECT {_BRIEF_COLUMNS} FROM venue v JOIN organization o ON o.id = v.organization_id "
        f"WHERE {within('o.path', '$1')} AND v.state = 'open' "
        "AND ($2::text IS NULL OR v.kind = $2) AND ($3::uuid IS NULL OR v.id < $3) ORDER BY v.id DESC LIMIT $4",
        organization_id,
        kind and str(kind),
        page=page,
    )
    return Page(await _briefs(rows.items), rows.next_cursor)


async def list_nearby_venues(
    longitude: float, latitude: float, *, meters: int, kind: VenueKind | None, page: PageQuery
) -> Page[VenueBrief]:
    """The open venues within `meters` of a point (gcj02), nearest first."""
    # A box finds the candidates in the index; degrees of longitude shrink towards the poles, so meters are computed.
    tall = meters / METERS_PER_DEGREE
    wide = tall / max(cos(radians(latitude)), 0.01)
    rows = await fetch_page(
        "SELECT * FROM (SELECT "
        f"{_BRIEF_COLUMNS}, round({meters_between('v.location', '(point($1, $2))')})::float8 AS distance "
        "FROM venue v WHERE v.state = 'open' "
        "AND v.location <@ box(point($1 - $3, $2 - $4), point($1 + $3, $2 + $4)) "
        "AND ($5::text IS NULL OR v.kind = $5)) AS near WHERE distance <= $6 "
        "AND ($7::float8 IS NULL OR (distance, id) > ($7, $8::uuid)) ORDER BY distance, id LIMIT $9",
        longitude,
        latitude,
        wide,
        tall,
        kind and str(kind),
        float(meters),
        page=page,
        key={"distance": float, "id": Id},
    )
    return Page(await _briefs(rows.items), rows.next_cursor)


async def _briefs(rows: list[Any]) -> list[VenueBrief]:
    pictures = await picture_views([row["picture_id"] for row in rows if row["picture_id"]])
    briefs = []
    for row in rows:
        values = dict(row)
        picture = pictures.get(values.pop("picture_id"))
        briefs.append(VenueBrief(**values, thumbnail_url=picture.thumbnail_url if picture else None))
    return briefs


async def get_venue(venue_id: str) -> VenueView:
    """A venue with what it offers, closed ones too: a booking's page still leads there. Raises NotFound."""
    row = await fetch_one(
        "SELECT v.id, v.organization_id, o.name AS organization_name, v.kind, v.name, v.address, "
        "v.location[0] AS longitude, v.location[1] AS latitude, v.phone, v.opening, v.facilities, "
        "v.accessibility, v.picture_ids, v.state, v.version "
        "FROM venue v JOIN organization o ON o.id = v.organization_id WHERE v.id = $1",
        venue_id,
    )
    if row is None:
        raise NotFound()
    services = await _read_services("s.venue_id = $1 AND s.state = 'offered'", venue_id)
    values = dict(row)
    picture_ids = values.pop("picture_ids")
    pictures = await picture_views(picture_ids)
    shown = in_order(pictures, picture_ids)
    return VenueView(**values, pictures=shown, services=services)


async def get_service(service_id: str) -> ServiceView:
    """One service. Raises NotFound."""
    services = await _read_services("s.id = $1", service_id)
    if not services:
        raise NotFound()
    return services[0]


class ExceptionView(msgspec.Struct):
    """A day that differs: closed or extra hours, of one service or (without one) of the whole venue."""

    id: Id
    day: date
    kind: ExceptionKind
    opens: str
    closes: str
    service_id: Id | None
    service_name: str | None
    reason: str


async def list_opening_exceptions(venue_id: str) -> list[ExceptionView]:
    """What differs at the venue from today on, in order; at most 200."""
    rows = await fetch(
        "SELECT e.id, e.day, e.kind, e.opens, e.closes, e.service_id, s.name AS service_name, e.reason "
        "FROM opening_exception e LEFT JOIN service s ON s.id = e.service_id "
        "WHERE e.venue_id = $1 AND e.day >= $2 AND e.ended_at IS NULL ORDER BY e.day, e.opens, e.id LIMIT 200",
        venue_id,
        today(),
    )
    return [
        ExceptionView(**(dict(row) | {"opens": wall_clock(row["opens"]), "closes": wall_clock(row["closes"])}))
        for row in rows
    ]


async def describe_venues(venue_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows = await fetch("SELECT id, name, address, phone FROM venue WHERE id = ANY($1::uuid[])", list(venue_ids))
    return {row["id"]: dict(row) | {"title": row["name"]} for row in rows}


async def describe_slots(slot_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages: what takes place then, and where. `title` is the service's name."""
    rows = await fetch(
        "SELECT t.id, s.name AS service, v.name AS venue, v.address, s.mode, s.documents, t.starts_at FROM slot t "
        "JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id WHERE t.id = ANY($1::uuid[])",
        list(slot_ids),
    )
    words = {row["id"]: service_words(row) for row in rows}
    for row in rows:
        bring = "、".join(row["documents"])
        words[row["id"]]["documents"] = f"请携带：{bring}。" if bring else "请按时到场。"
        if row["mode"] == ServiceMode.HOME_VISIT:
            words[row["id"]] |= {
                "venue": f"上门服务·{row['venue']}",
                "address": "您填写的地址",
                "documents": f"请在家等候，并准备好：{bring}。" if bring else "请在家等候。",
            }
    return words


async def _read_services(where: str, value: str) -> list[ServiceView]:
    """Services `s` that satisfy a condition on $1, with the hours that are not over yet."""
    rows = await fetch(
        "SELECT s.id, s.venue_id, s.kind, s.name, s.description, s.minutes, s.buffer_minutes, s.longest_minutes, "
        "s.capacity, s.max_party_size, s.may_wait, s.who_may_book, s.needs_approval, s.mode, s.max_open_per_person, "
        "s.max_per_day, s.max_per_month, s.max_repeats, s.days_ahead, s.released_at, s.book_until_minutes, "
        "s.cancel_until_minutes, s.answer_within_hours, s.travel_minutes, s.area_ids, s.documents, s.price, s.state, "
        "s.version, r.rating_count, r.stars FROM service s CROSS JOIN LATERAL (SELECT count(*) AS rating_count, "
        "round(avg(g.stars), 1)::float8 AS stars FROM booking_rating g WHERE g.service_id = s.id) r "
        f"WHERE {where} ORDER BY s.id",
        value,
    )
    rules = await fetch(
        "SELECT id, service_id, weekdays, opens, closes, days, season_from, season_until, valid_from, valid_until "
        "FROM opening_rule "
        "WHERE service_id = ANY($1::uuid[]) AND (valid_until IS NULL OR valid_until >= GREATEST($2, valid_from)) "
        "ORDER BY valid_from, opens, id",
        [row["id"] for row in rows],
        today(),
    )
    hours: dict[str, list[OpeningHoursView]] = {}
    for rule in rules:
        hours.setdefault(rule["service_id"], []).append(
            OpeningHoursView(
                rule["id"],
                weekday_list(rule["weekdays"]),
                wall_clock(rule["opens"]),
                wall_clock(rule["closes"]),
                RuleDays(rule["days"]),
                _month_day(rule["season_from"]),
                _month_day(rule["season_until"]),
                rule["valid_from"],
                rule["valid_until"],
            )
        )
    return [
        ServiceView(**(dict(row) | {"released_at": wall_clock(row["released_at"])}), hours=hours.get(row["id"], []))
        for row in rows
    ]


def _month_day(number: int | None) -> str | None:
    """601 → 06-01."""
    return None if number is None else f"{number // 100:02}-{number % 100:02}"


def service_words(row: Any) -> dict[str, str]:
    return {
        "id": row["id"],
        "title": row["service"],
        "service": row["service"],
        "venue": row["venue"],
        "address": row["address"],
        "time": render_time(row["starts_at"]),
    }
