"""Finding venues, whose they are, and who works there."""

from collections.abc import Iterable
from datetime import datetime
from math import cos, radians
from typing import Any, Literal

import msgspec

from server.accounts.queries import ours
from server.foundation import clock
from server.foundation.database import fetch, fetch_one, fetch_structs, fetch_value
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id
from server.foundation.location import Location
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.search import holds_words, search_words
from server.media.uploads.queries import picture_views
from server.neighbor_center.venues.models import (
    Accessibility,
    Service,
    VenueKind,
)
from server.organizations.access import READERS, WORKERS, kinds_held, require_one_of, require_role
from server.organizations.models import RoleKind
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


class VenueCard(msgspec.Struct, kw_only=True):
    """What everybody is told first of a venue."""

    id: Id
    organization_id: Id
    kind: VenueKind
    name: str
    address: str
    location: Location
    phone: str
    opening: str
    accessibility: list[Accessibility]


class VenueBrief(VenueCard, kw_only=True):
    """A venue in a list. `meters`: how far it is along a straight line, from the point, or from the reader's
    community; `thumbnail_url` is its first picture's, for some minutes; `my_next_at`: when the reader's next booking
    there, or the family's, begins."""

    thumbnail_url: str | None = None
    meters: int | None = None
    my_next_at: datetime | None = None


CARD_COLUMNS = "v.id, v.organization_id, v.kind, v.name, v.address, v.location, v.phone, v.opening, v.accessibility"
"""Of a venue `v`, for a VenueCard."""
_BRIEF_COLUMNS = f"{CARD_COLUMNS}, v.picture_ids[1] AS picture_id"


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


async def require_role_at_venue(actor_id: str, venue_id: str, kinds: Iterable[RoleKind] = WORKERS) -> str:
    """The venue's organization, for those who hold one of these roles there. Raises NotFound, NotAllowed."""
    organization_id = await organization_of_venue(venue_id)
    await require_role(actor_id, organization_id, kinds)
    return organization_id


async def require_role_at_service(actor_id: str, service_id: str, kinds: Iterable[RoleKind] = WORKERS) -> str:
    """The same of a service."""
    organization_id = await organization_of_service(service_id)
    await require_role(actor_id, organization_id, kinds)
    return organization_id


class VenueName(msgspec.Struct, frozen=True):
    """A venue to choose."""

    id: str
    name: str


class VenueReader(msgspec.Struct, frozen=True):
    """Somebody who may look at a venue's work: whose it is, and whether they do that work themselves."""

    organization_id: str
    is_worker: bool


async def require_venue_reader(actor_id: str, venue_id: str) -> VenueReader:
    """For staff and observers of a venue, who may look. Raises NotFound, NotAllowed."""
    row = await fetch_one(
        f"SELECT v.organization_id, {kinds_held('$1', 'v.organization_id')} AS kinds FROM venue v WHERE v.id = $2",
        actor_id,
        venue_id,
    )
    if row is None:
        raise NotFound()
    require_one_of(row["kinds"], READERS)
    return VenueReader(row["organization_id"], not {str(kind) for kind in WORKERS}.isdisjoint(row["kinds"]))


async def get_service_row(service_id: str) -> Service:
    """Raises NotFound."""
    service = await Service.get_or_none(id=service_id)
    if service is None:
        raise NotFound()
    return service


async def require_service_of(venue_id: str, service_id: str | None) -> None:
    """Raises NotFound, and InvalidFields for another venue's service; no service is the whole venue."""
    if service_id is not None and (await get_service_row(service_id)).venue_id != venue_id:
        raise InvalidFields.of("service_id", "该场所没有这项服务")


_SEARCHED = (
    "concat_ws(' ', v.name, v.address, "
    "(SELECT string_agg(concat_ws(' ', s.name, s.description), ' ') FROM service s WHERE s.venue_id = v.id))"
)


async def name_venues(organization_id: str) -> list[VenueName]:
    """What the open venues of an organization's subtree are called, newest first; the first fifty."""
    return await fetch_structs(
        VenueName,
        "SELECT v.id, v.name FROM venue v JOIN organization o ON o.id = v.organization_id "
        f"WHERE {within('o.path', '$1')} AND v.state = 'open' ORDER BY v.id DESC LIMIT 50",
        organization_id,
    )


async def list_venues(
    person_id: str, *, organization_id: str | None, kind: VenueKind | None, search: str, page: PageQuery
) -> Page[VenueBrief]:
    """The open venues of an organization's subtree, the caller's community without one, newest first; before they have
    said where they live, of the whole city. Of these, where words are given, those that have all of them in name,
    address or what they offer. Raises InvalidFields for a word too short."""
    home = await fetch_one(
        "SELECT o.id, o.location FROM person p JOIN organization o ON o.id = p.community_id WHERE p.id = $1", person_id
    )
    if organization_id is None and home:
        organization_id = home["id"]
    rows = await fetch_page(
        f"SELECT {_BRIEF_COLUMNS} FROM venue v JOIN organization o ON o.id = v.organization_id "
        f"WHERE ($1::uuid IS NULL OR {within('o.path', '$1')}) AND v.state = 'open' "
        f"AND ($2::text IS NULL OR v.kind = $2) AND {holds_words(_SEARCHED, '$3')} "
        "AND ($4::uuid IS NULL OR v.id < $4) ORDER BY v.id DESC LIMIT $5",
        organization_id,
        kind and str(kind),
        search_words(search),
        page=page,
    )
    briefs = await _briefs(rows.items, person_id)
    if home and home["location"]:
        for brief in briefs:
            brief.meters = brief.location.meters_to(home["location"])
    return Page(briefs, rows.next_cursor)


async def list_nearby_venues(
    person_id: str | None, longitude: float, latitude: float, *, meters: int, kind: VenueKind | None, page: PageQuery
) -> Page[VenueBrief]:
    """The open venues within `meters` of a point (gcj02), nearest first."""
    # A box finds the candidates in the index; degrees of longitude shrink towards the poles, so meters are computed.
    tall = meters / METERS_PER_DEGREE
    wide = tall / max(cos(radians(latitude)), 0.01)
    rows = await fetch_page(
        "SELECT * FROM (SELECT "
        f"{_BRIEF_COLUMNS}, round({meters_between('v.location', '(point($1, $2))')})::int AS meters "
        "FROM venue v WHERE v.state = 'open' "
        "AND v.location <@ box(point($1 - $3, $2 - $4), point($1 + $3, $2 + $4)) "
        "AND ($5::text IS NULL OR v.kind = $5)) AS near WHERE meters <= $6 "
        "AND ($7::int IS NULL OR (meters, id) > ($7, $8::uuid)) ORDER BY meters, id LIMIT $9",
        longitude,
        latitude,
        wide,
        tall,
        kind and str(kind),
        meters,
        page=page,
        key={"meters": int, "id": Id},
    )
    return Page(await _briefs(rows.items, person_id), rows.next_cursor)


async def next_bookings(person_id: str, ids: list[str], of: Literal["venue", "service"]) -> dict[str, datetime]:
    """Venue or service → when the next booking there begins, of this person's or the family's."""
    rows = await fetch(
        f"SELECT {of}_id AS id, min(starts_at) AS starts_at FROM (SELECT t.service_id, b.starts_at FROM booking b "
        "JOIN place p ON p.id = b.place_id JOIN slot t ON t.id = b.slot_id "
        f"WHERE {ours('b.person_id')} AND b.starts_at > $2 AND p.ended_at IS NULL UNION ALL "
        f"SELECT b.service_id, b.starts_at FROM room_booking b WHERE {ours('b.person_id')} AND b.starts_at > $2 "
        "AND b.state IN ('requested', 'booked')) coming JOIN service s ON s.id = coming.service_id "
        f"WHERE {of}_id = ANY($3::uuid[]) GROUP BY {of}_id",
        person_id,
        clock.now(),
        ids,
    )
    return {row["id"]: row["starts_at"] for row in rows}


async def _briefs(rows: list[Any], person_id: str | None) -> list[VenueBrief]:
    mine = await next_bookings(person_id, [row["id"] for row in rows], "venue") if person_id else {}
    pictures = await picture_views([row["picture_id"] for row in rows if row["picture_id"]])
    briefs = []
    for row in rows:
        values = dict(row)
        picture = pictures.get(values.pop("picture_id"))
        briefs.append(
            VenueBrief(
                **values,
                thumbnail_url=picture.thumbnail_url if picture else None,
                my_next_at=mine.get(row["id"]),
            )
        )
    return briefs


async def describe_venues(venue_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows = await fetch(
        "SELECT id, name AS title, name, address, phone FROM venue WHERE id = ANY($1::uuid[])", list(venue_ids)
    )
    return {row["id"]: dict(row) for row in rows}
