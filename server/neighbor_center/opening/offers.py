"""What a venue offers, and when: its page, and that of a service."""

from datetime import datetime

import msgspec

from server.foundation.database import fetch, fetch_one
from server.foundation.dates import today, wall_clock
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.media.uploads.queries import PictureView, in_order, picture_views
from server.neighbor_center.opening.queries import HOURS_COLUMN, OpeningHoursView, hours_of
from server.neighbor_center.venues.models import (
    ServiceKind,
    ServiceMode,
    ServiceState,
    VenueState,
    WhoMayBook,
)
from server.neighbor_center.venues.queries import CARD_COLUMNS, VenueCard, next_bookings


class ServiceView(msgspec.Struct, kw_only=True):
    """A service and the terms of booking it; see models.Service for the units. `my_next_at`: when the reader's next
    booking of it, or the family's, begins."""

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
    average_stars: float | None
    rating_count: int
    state: ServiceState
    version: int
    hours: list[OpeningHoursView]
    my_next_at: datetime | None


class VenueView(VenueCard, kw_only=True):
    """A venue with everything it offers."""

    organization_name: str
    facilities: str
    pictures: list[PictureView]
    state: VenueState
    version: int
    services: list[ServiceView]


async def get_venue(venue_id: str, person_id: str | None = None) -> VenueView:
    """A venue with what it offers, closed ones too: a booking's page still leads there. Raises NotFound."""
    row = await fetch_one(
        f"SELECT {CARD_COLUMNS}, o.name AS organization_name, v.facilities, v.picture_ids, v.state, v.version "
        "FROM venue v JOIN organization o ON o.id = v.organization_id WHERE v.id = $1",
        venue_id,
    )
    if row is None:
        raise NotFound()
    services = await _read_services("s.venue_id = $1 AND s.state = 'offered'", venue_id, person_id)
    values = dict(row)
    picture_ids = values.pop("picture_ids")
    pictures = in_order(await picture_views(picture_ids), picture_ids)
    return VenueView(**values, pictures=pictures, services=services)


async def get_service(service_id: str, person_id: str | None = None) -> ServiceView:
    """One service. Raises NotFound."""
    services = await _read_services("s.id = $1", service_id, person_id)
    if not services:
        raise NotFound()
    return services[0]


async def _read_services(where: str, value: str, person_id: str | None) -> list[ServiceView]:
    """Services `s` that satisfy a condition on $1, with the hours that are not over yet."""
    computed = ("rating_count", "average_stars", "hours", "my_next_at")
    columns = ", ".join(f"s.{name}" for name in ServiceView.__struct_fields__ if name not in computed)
    rows = await fetch(
        f"SELECT {columns}, r.rating_count, r.average_stars, {HOURS_COLUMN} FROM service s CROSS JOIN LATERAL ("
        "SELECT count(*) AS rating_count, round(avg(g.stars), 1)::float8 AS average_stars FROM booking_rating g "
        f"WHERE g.service_id = s.id) r WHERE {where} ORDER BY s.id",
        value,
        today(),
    )
    mine = await next_bookings(person_id, [row["id"] for row in rows], "service") if person_id else {}
    return [
        ServiceView(
            **dict(row)
            | {"released_at": wall_clock(row["released_at"]), "hours": [hours_of(rule) for rule in row["hours"]]},
            my_next_at=mine.get(row["id"]),
        )
        for row in rows
    ]
