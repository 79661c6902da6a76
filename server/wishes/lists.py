"""Wishes on lists: the card, the wall 心愿墙, one's own and the staff's lists."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

import msgspec

from server.accounts.details import name_index
from server.accounts.queries import NAMED, called, named, shown_name
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, transaction
from server.foundation.dates import today
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.foundation.location import Latitude, Location, Longitude
from server.foundation.pages import Page, PageQuery, cut_page, decode_cursor, fetch_page
from server.foundation.phrases import days_to_go
from server.foundation.search import Search, search_words
from server.media.uploads.queries import ready_picture, thumbnail_address
from server.moderation.models import Verdict
from server.organizations.access import GRID_WORKERS, READERS, require_role
from server.organizations.queries import communities_within
from server.organizations.tree import within
from server.wishes.models import WishAudience, WishKind, WishState
from server.wishes.rules import days_left

CARD = (
    "SELECT w.id, w.title, w.kind, w.audience, w.state, w.place, w.quantity, w.community_id, "
    f"o.name AS community_name, o.location, {NAMED}, w.wished_by, {ready_picture('w.picture_ids[1]')}, "
    "w.author_id, w.beneficiary_id, w.reason, CASE WHEN w.state = 'claimed' THEN (SELECT c.due_at FROM wish_claim c "
    "WHERE c.wish_id = w.id AND c.state = 'open') END AS due_at, "
    "w.submitted_at, w.version, w.escalation FROM wish w JOIN organization o ON o.id = w.community_id "
    f"{named('w.beneficiary_id')}"
)
"""SQL for `make_card`: all that is shown, in one statement."""

_SUBTREE = f"SELECT s.id FROM organization s WHERE {within('s.path', '{}')}"
_THESE = "SELECT unnest({}::uuid[])"
SUBTREE = f"w.community_id IN ({_SUBTREE})"

SEARCHED = "(w.title || ' ' || w.text || ' ' || w.place)"
"""What the search looks in: the expression of the index wish_search."""

NEARBY_METERS = 3000
"""How far a community may be to count as nearby."""

MAX_NEARBY = 100
"""Communities at most, the nearest ones."""

_SOONEST = "w.wished_by, w.id"
_AFTER = "(w.wished_by, w.id) > ({}, {})"

_WIDE = ("city", "district")
"""Areas with so many communities that the wall of everywhere is walked for theirs."""


class Area(NamedTuple):
    """Where wishes are looked for: SQL that gives its communities' ids, and the values for its braces. One that
    `is_wide` is the subtree of its only value, or without one everywhere."""

    communities: str
    values: tuple[Any, ...]
    is_wide: bool = False


_EVERYWHERE = Area("", (), is_wide=True)


class WishCard(msgspec.Struct, kw_only=True):
    """A wish on a list, without anything private. `days_left` counts to the wished-by date, that day not included, and
    `time_left` says so; `meters` is how far its community is, where the list knows from where. `is_mine`: the reader's,
    or written by them; `due_at`: until when the one who claimed it should have fulfilled it; `reason`: why it was
    returned or refused, for those concerned."""

    id: Id
    title: str
    kind: WishKind
    audience: WishAudience
    quantity: int
    state: WishState
    place: str
    community_id: Id
    community_name: str
    meters: int | None
    beneficiary_name: str
    wished_by: date | None
    days_left: int | None
    time_left: str
    due_at: datetime | None
    is_mine: bool
    reason: str
    thumbnail_url: str | None


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
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    """Where the caller is (gcj02); without it, where their community is."""
    search: Search = ""
    """Words of at least two characters, with spaces between; all of them must occur."""


class WishesFound(msgspec.Struct):
    """The wishes of namesakes, the latest first; `has_more`: only the first are here."""

    items: list[WishCard]
    has_more: bool


class WishInReview(msgspec.Struct, kw_only=True):
    """A wish that waits for staff. `verdict` is the content check's; `version` is what `publish_wish` asks for."""

    wish: WishCard
    verdict: Verdict
    submitted_at: datetime
    version: int


class UnclaimedWish(msgspec.Struct, kw_only=True):
    """A wish on the wall, for those who look after the unclaimed; `escalation`: who was asked to find somebody, from
    0 nobody over 1 grid worker and 2 community to 3 subdistrict."""

    wish: WishCard
    escalation: int


class Where:
    """Conditions joined by AND; `{}` in one stands for a value, which PostgreSQL gets beside the text."""

    def __init__(self, condition: str, *given: Any) -> None:
        self.conditions: list[str] = []
        self.values: list[Any] = []
        self.add(condition, *given)

    def add(self, condition: str, *given: Any) -> None:
        self.conditions.append(self.place(condition, given))

    def place(self, sql: str, given: Sequence[Any]) -> str:
        """The text with its braces filled in, whose values stand among the others from now on."""
        numbers = range(len(self.values) + 1, len(self.values) + len(given) + 1)
        self.values += given
        return sql.format(*(f"${number}" for number in numbers))

    def __str__(self) -> str:
        return " AND ".join(self.conditions)


async def list_published_wishes(person_id: str, query: WallQuery) -> Page[WishCard]:
    """The wall, the most urgent first in each area. Raises InvalidFields for a cursor that is none, a word too short,
    or a distance from nowhere."""
    words = search_words(query.search)
    begun, last_date, last_id = decode_cursor(query.cursor, tuple[int, date, str]) if query.cursor else (0, None, None)
    begins_at_home = not (begun or query.organization_id or query.within_meters)
    at_home = _matching(query, words)
    if last_id:
        at_home.add(_AFTER, last_date, last_id)
    own, rows = await _own_community(person_id, query, at_home, query.limit + 1 if begins_at_home else 0)
    found: list[tuple[int, Any]] = [(0, row) for row in rows]
    seen_from = _seen_from(own, query)
    if len(found) <= query.limit:
        async for number, area in _areas(own, seen_from, query):
            if number < begun:
                continue
            where = _matching(query, words)
            if last_id and number == begun:
                # Later areas begin at their beginning.
                where.add(_AFTER, last_date, last_id)
            rows = await _first(area, where, _SOONEST, query.limit + 1 - len(found))
            found += [(number, row) for row in rows]
            if len(found) > query.limit:
                break
    page = cut_page(found, query.limit, lambda item: (item[0], item[1]["wished_by"], item[1]["id"]))
    day = today()
    return Page([make_card(row, person_id, seen_from, day) for _, row in page.items], page.next_cursor)


async def list_my_wishes(person_id: str, page: PageQuery) -> Page[WishCard]:
    """What the person wished or wrote for somebody, newest first."""
    where = Where("(w.author_id = {0} OR w.beneficiary_id = {0})", person_id)
    return await _newest_first(_EVERYWHERE, where, page, person_id)


async def list_wishes_to_review(actor_id: str, organization_id: str, page: PageQuery) -> Page[WishInReview]:
    """What waits for review in the organization's subtree, longest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch_page(
        "SELECT q.*, COALESCE(s.verdict, 'pending') AS verdict FROM ("
        f"{CARD} WHERE w.state IN ('submitted', 'amended') AND {SUBTREE.format('$1')} "
        "AND ($2::timestamptz IS NULL OR (w.submitted_at, w.id) > ($2, $3)) ORDER BY w.submitted_at, w.id LIMIT $4"
        ") q LEFT JOIN checked_subject s ON s.kind = 'wish' AND s.subject_id = q.id ORDER BY q.submitted_at, q.id",
        organization_id,
        page=page,
        key={"submitted_at": datetime, "id": Id},
    )
    return Page(
        [
            WishInReview(
                wish=make_card(row, for_staff=True),
                verdict=Verdict(row["verdict"]),
                submitted_at=row["submitted_at"],
                version=row["version"],
            )
            for row in rows.items
        ],
        rows.next_cursor,
    )


async def list_wishes_of_area(actor_id: str, organization_id: str, state: WishState, page: PageQuery) -> Page[WishCard]:
    """All wishes of a state in the organization's subtree, newest first; drafts are nobody's but the wisher's.

    Raises NotAllowed, InvalidFields for drafts.
    """
    await require_role(actor_id, organization_id, READERS)
    if state is WishState.DRAFT:
        raise InvalidFields.of("state", "草稿只有本人可见")
    return await _newest_first(Area(_SUBTREE, (organization_id,)), Where("w.state = {}", str(state)), page)


async def _newest_first(area: Area, where: Where, page: PageQuery, reader_id: str | None = None) -> Page[WishCard]:
    if page.cursor:
        where.add("w.id < {}", *decode_cursor(page.cursor, tuple[Id]))
    rows = await _first(area, where, "w.id DESC", page.limit + 1)
    cut = cut_page(rows, page.limit, lambda row: (row["id"],))
    cards = [make_card(row, reader_id, for_staff=reader_id is None) for row in cut.items]
    return Page(cards, cut.next_cursor)


async def find_wishes(actor_id: str, organization_id: str, name: str) -> WishesFound:
    """The wishes in the organization's subtree of whoever has this name, or which they wrote for somebody, whatever
    became of them; drafts are nobody's but the wisher's. Whom they are for is audited. Raises NotAllowed,
    InvalidFields."""
    await require_role(actor_id, organization_id)
    where = Where(f"({called('w.beneficiary_id', '{0}')} OR {called('w.author_id', '{0}')})", name_index(name))
    where.add("w.submitted_at IS NOT NULL")
    where.add(SUBTREE, organization_id)
    async with transaction():
        rows = await fetch(
            f"SELECT c.*, b.beneficiary_id FROM ({CARD} WHERE {where} ORDER BY w.id DESC LIMIT {_MOST_FOUND + 1}) c "
            "JOIN wish b ON b.id = c.id ORDER BY c.id DESC",
            *where.values,
        )
        found = rows[:_MOST_FOUND]
        for person_id in dict.fromkeys(row["beneficiary_id"] for row in found) or [None]:
            await record_audit(
                "find_wishes",
                actor_id=actor_id,
                subject=("person", person_id),
                person_id=person_id,
                organization_id=organization_id,
            )
    return WishesFound([make_card(row, for_staff=True) for row in found], len(rows) > len(found))


_MOST_FOUND = 50


async def list_unclaimed_wishes(actor_id: str, organization_id: str, page: PageQuery) -> Page[UnclaimedWish]:
    """What waits on the wall of the organization's subtree, or of a grid, the most urgent first; for grid workers too.

    Raises NotAllowed.
    """
    await require_role(actor_id, organization_id, {*READERS, *GRID_WORKERS})
    last_date, last_id = decode_cursor(page.cursor, tuple[date, Id]) if page.cursor else (None, None)
    # A grid has those wishes of its community that staff put into it, and those of which nobody said where they are.
    asked = await fetch_one("SELECT parent_id, level FROM organization WHERE id = $1", organization_id)
    assert asked
    where = Where("w.state = 'published'")
    area = Area(_SUBTREE, (organization_id,), asked["level"] in _WIDE)
    if asked["level"] == "grid":
        area = Area(_THESE, ([asked["parent_id"]],))
        where.add("(w.grid_id IS NULL OR w.grid_id = {})", organization_id)
    if last_id:
        where.add(_AFTER, last_date, last_id)
    rows = await _first(area, where, _SOONEST, page.limit + 1)
    cut = cut_page(rows, page.limit, lambda row: (row["wished_by"], row["id"]))
    return Page(
        [UnclaimedWish(wish=make_card(row, for_staff=True), escalation=row["escalation"]) for row in cut.items],
        cut.next_cursor,
    )


def make_card(
    row: Any,
    reader_id: str | None = None,
    seen_from: Location | None = None,
    day: date | None = None,
    *,
    for_staff: bool = False,
) -> WishCard:
    """A row of CARD as its reader sees it; whoever shows many of them knows what `day` it is."""
    _, name = shown_name(row)
    is_mine = reader_id in (row["author_id"], row["beneficiary_id"])
    sent_back = row["state"] in (WishState.RETURNED, WishState.REFUSED)
    return WishCard(
        id=row["id"],
        title=row["title"],
        kind=row["kind"],
        audience=row["audience"],
        quantity=row["quantity"],
        state=row["state"],
        place=row["place"],
        community_id=row["community_id"],
        community_name=row["community_name"],
        meters=seen_from.meters_to(row["location"]) if seen_from and row["location"] else None,
        beneficiary_name=name,
        wished_by=row["wished_by"],
        days_left=days_left(row["wished_by"], day) if row["wished_by"] else None,
        time_left=days_to_go((row["wished_by"] - (day or today())).days) if row["wished_by"] else "",
        due_at=row["due_at"],
        is_mine=is_mine,
        reason=row["reason"] if sent_back and (is_mine or for_staff) else "",
        thumbnail_url=thumbnail_address(row["picture_id"]),
    )


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


async def _first(area: Area, where: Where, order: str, limit: int) -> list[Any]:
    """The first of an area: of each of its communities as many as are wanted, along an index, and the first of these.

    In one that is wide the wall of everywhere is walked until enough were in it, or the words' index asked first where
    they are rare: the condition is written so that PostgreSQL, which cannot know how many fulfil it, expects half.
    """
    first = f"ORDER BY {order} LIMIT {limit}"
    if area.is_wide:
        for organization_id in area.values:
            where.add(f"CASE WHEN {within('o.path', '{}')} THEN true END", organization_id)
        chosen = str(where)
    else:
        communities = where.place(area.communities, area.values)
        chosen = (
            f"w.id = ANY(ARRAY(SELECT w.id FROM ({communities}) AS c (id) CROSS JOIN LATERAL (SELECT w.id, w.wished_by "
            f"FROM wish w WHERE w.community_id = c.id AND {where} {first}) w {first}))"
        )
    return await fetch(f"{CARD} WHERE {chosen} {first}", *where.values)


async def _own_community(person_id: str, query: WallQuery, where: Where, limit: int) -> tuple[Any, list[Any]]:
    """The caller's community, without an `own_id` where they have chosen none, and the `asked_level` of the
    organization asked for; with the first `limit` of its wishes: most people look at these and no further, so both are
    one statement."""
    asked = where.place("(SELECT level FROM organization WHERE id = {}) AS asked_level", [query.organization_id])
    values = [*where.values, person_id]
    rows = await fetch(
        f"SELECT own.id AS own_id, own.parent_id AS own_parent_id, own.location AS own_location, {asked}, found.* "
        "FROM person p LEFT JOIN organization own ON own.id = p.community_id LEFT JOIN LATERAL ("
        f"{CARD} WHERE w.community_id = own.id AND {where} ORDER BY w.wished_by, w.id LIMIT {limit}) found ON true "
        f"WHERE p.id = ${len(values)} ORDER BY found.wished_by, found.id",
        *values,
    )
    return rows[0], [row for row in rows if row["id"]]


def _seen_from(own: Any, query: WallQuery) -> Location | None:
    """Where distances are measured from."""
    if query.longitude is not None and query.latitude is not None:
        return Location(query.longitude, query.latitude)
    home: Location | None = own["own_location"]
    return home


async def _areas(own: Any, seen_from: Location | None, query: WallQuery) -> AsyncIterator[tuple[int, Area]]:
    """The areas one after another with their numbers; together they have no wish twice. The caller's own community is
    number 0, and has been asked for already. What is nearby is looked for once the list comes to it: most people never
    scroll so far."""
    own_id, parent_id = own["own_id"], own["own_parent_id"]
    if query.within_meters:
        if seen_from is None:
            raise InvalidFields.of("within_meters", "请提供位置或先选择社区")
        near = await communities_within(seen_from, query.within_meters, MAX_NEARBY)
        if query.organization_id:
            yield 0, Area(f"{_SUBTREE} AND s.id = ANY({{}})", (query.organization_id, near))
            return
        if own_id in near:
            yield 0, Area(_THESE, ([own_id],))
        yield 1, Area(_THESE, ([community_id for community_id in near if community_id != own_id],))
    elif query.organization_id:
        yield 0, Area(_SUBTREE, (query.organization_id,), is_wide=own["asked_level"] in _WIDE)
    elif own_id is None:
        yield 0, _EVERYWHERE
    else:
        near = await communities_within(seen_from, NEARBY_METERS, MAX_NEARBY) if seen_from else []
        around = [community_id for community_id in near if community_id != own_id]
        yield 1, Area(_THESE, (around,))
        yield 2, Area(f"{_SUBTREE} AND NOT s.id = ANY({{}})", (parent_id, [own_id, *around]))
