"""The wall 心愿墙: what waits to be claimed, one's own community first, then those nearby, then the subdistrict."""

from datetime import date
from typing import Annotated, Any

import msgspec

from server.foundation.database import fetch, fetch_one
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, decode_cursor
from server.organizations.queries import nearest_communities
from server.wishes.cards import CARD, SUBTREE, Point, Where, WishCard, make_cards
from server.wishes.models import WishAudience, WishKind

MIN_SEARCH = 2
"""Characters that a word of a search needs."""

SEARCHED = "(w.title || ' ' || w.text || ' ' || w.place)"
"""What the search looks in: the expression of the index wish_search."""

NEARBY_METERS = 3000
"""How far a community may be to count as nearby."""
MAX_NEARBY = 100
"""Communities at most, the nearest ones."""

_Area = tuple[str, tuple[Any, ...]]
"""A condition, and the values for its braces."""


class WallQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    organization_id: Id | None = None
    """Only this organization's subtree; without it, the caller's community first, then those nearby, then the rest of
    its subdistrict."""
    kind: WishKind | None = None
    audience: WishAudience | None = None
    wished_from: date | None = None
    wished_until: date | None = None
    """Wished for by a day between these, both included."""
    within_meters: Annotated[int, msgspec.Meta(ge=100, le=50_000)] | None = None
    """Only of communities this near to the point; exact places of wishes are nobody's to search by."""
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    """Where the caller is (gcj02); without it, where their community is."""
    search: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """Words of at least two characters, with spaces between; all of them must occur."""


async def list_published_wishes(person_id: str, query: WallQuery) -> Page[WishCard]:
    """The wall, the most urgent first in each area. Raises InvalidFields for a cursor that is none, a word too short,
    or a distance from nowhere."""
    words = query.search.split()
    if any(len(word) < MIN_SEARCH for word in words):
        raise InvalidFields.of("search", f"每个词至少 {MIN_SEARCH} 个字")
    begun, last_date, last_id = decode_cursor(query.cursor, tuple[int, date, str]) if query.cursor else (0, None, None)
    seen_from, areas = await _areas(person_id, query)
    found: list[tuple[int, Any]] = []
    for number, (area, area_values) in enumerate(areas):
        if number < begun:
            continue
        where = _matching(query, words)
        where.add(area, *area_values)
        if last_id and number == begun:
            # Later areas begin at their beginning.
            where.add("(w.wished_by, w.id) > ({}, {})", last_date, last_id)
        left = query.limit + 1 - len(found)
        rows = await fetch(f"{CARD} WHERE {where} ORDER BY w.wished_by, w.id LIMIT {left}", *where.values)
        found += [(number, row) for row in rows]
        if len(found) > query.limit:
            break
    page = cut_page(found, query.limit, lambda item: (item[0], item[1]["wished_by"], item[1]["id"]))
    return Page(await make_cards([row for _, row in page.items], seen_from), page.next_cursor)


def _matching(query: WallQuery, words: list[str]) -> Where:
    where = Where("w.state = 'published'")
    if query.kind:
        where.add("w.kind = {}", str(query.kind))
    if query.audience:
        where.add("w.audience = {}", str(query.audience))
    if query.wished_from:
        where.add("w.wished_by >= {}", query.wished_from)
    if query.wished_until:
        where.add("w.wished_by <= {}", query.wished_until)
    for word in words:
        # The index finds the texts that have all pairs of characters; the second test, those that have the word.
        where.add(f"text_bigrams({SEARCHED}) @> text_bigrams({{}})", word)
        where.add(f"strpos(lower({SEARCHED}), lower({{}})) > 0", word)
    return where


async def _areas(person_id: str, query: WallQuery) -> tuple[Point | None, list[_Area]]:
    """Where distances are measured from, and the areas one after another; together they have no wish twice."""
    own = await fetch_one(
        "SELECT o.id, o.parent_id, o.location FROM person p JOIN organization o ON o.id = p.community_id "
        "WHERE p.id = $1",
        person_id,
    )
    seen_from: Point | None = None
    if query.longitude is not None and query.latitude is not None:
        seen_from = query.longitude, query.latitude
    elif own and own["location"]:
        seen_from = own["location"][0], own["location"][1]
    if query.within_meters:
        if seen_from is None:
            raise InvalidFields.of("within_meters", "请提供位置或先选择社区")
        near = await _communities_within(seen_from, query.within_meters)
        if query.organization_id:
            return seen_from, [(f"w.community_id = ANY({{}}) AND {SUBTREE}", (near, query.organization_id))]
        first = [own["id"]] if own and own["id"] in near else []
        others = [community_id for community_id in near if community_id not in first]
        return seen_from, [("w.community_id = ANY({})", (first,)), ("w.community_id = ANY({})", (others,))]
    if query.organization_id:
        return seen_from, [(SUBTREE, (query.organization_id,))]
    if own is None:
        return seen_from, [("true", ())]
    near = await _communities_within(seen_from, NEARBY_METERS) if seen_from else []
    nearby = [community_id for community_id in near if community_id != own["id"]]
    return seen_from, [
        ("w.community_id = {}", (own["id"],)),
        ("w.community_id = ANY({})", (nearby,)),
        (f"{SUBTREE} AND NOT w.community_id = ANY({{}})", (own["parent_id"], [own["id"], *nearby])),
    ]


async def _communities_within(point: Point, meters: int) -> list[str]:
    nearest = await nearest_communities(*point, MAX_NEARBY)
    return [community.id for community in nearest if community.meters <= meters]
