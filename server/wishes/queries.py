"""Reading wishes: the wall and its search, one wish as its reader may see it, one's own wishes and claims."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.database import fetch, fetch_one
from server.errors import InvalidFields, NotFound
from server.ids import Id
from server.media.service import PictureView, picture_views
from server.moderation.service import Verdict
from server.organizations.access import READERS, holds_role, require_role
from server.pages import Page, cut_page, decode_cursor
from server.wechat.message_fields import render_date
from server.wishes.models import HOLDING, Audience, ClaimState, ConfirmedAs, Wish, WishClaim, WishKind, WishState
from server.wishes.rules import PUBLIC, Action, Actor, days_left, may_see, may_see_contact, possible_actions
from server.wishes.steps import actors_of

MIN_SEARCH = 2
"""Characters that a word of a search needs."""

SEARCHED = "(w.title || ' ' || w.text || ' ' || w.place)"
"""What the search looks in: the expression of the index wish_search."""


class WishCard(msgspec.Struct, kw_only=True):
    """A wish on a list, without anything private. `days_left` counts to the wished-by date, that day not included."""

    id: Id
    title: str
    kind: WishKind
    audience: Audience
    state: WishState
    place: str
    community_id: Id
    community_name: str
    beneficiary_name: str
    wished_by: date | None
    days_left: int | None
    thumbnail_url: str | None


class ClaimView(msgspec.Struct, kw_only=True):
    """The claim that holds a wish, for those concerned. Note and words are empty to others until the check passes."""

    id: Id
    state: ClaimState
    claimer_name: str
    claimed_at: datetime
    due_at: datetime
    reported_at: datetime | None
    note: str
    pictures: list[PictureView]
    rating: int | None
    words: str
    thanks_pictures: list[PictureView]
    confirmed_at: datetime | None
    confirmed_as: ConfirmedAs | None
    dispute_reason: str
    staff_note: str


class WishView(msgspec.Struct, kw_only=True):
    """A wish as its reader sees it. `actors` tells what they are to it, `actions` what they can do with it now.

    `reason` is why it was returned or refused, for those concerned; `claim` too is theirs alone.
    """

    id: Id
    title: str
    kind: WishKind
    audience: Audience
    text: str
    state: WishState
    place: str
    community_id: Id
    community_name: str
    beneficiary_name: str
    is_on_behalf: bool
    wished_by: date | None
    days_left: int | None
    pictures: list[PictureView]
    submitted_at: datetime | None
    published_at: datetime | None
    reason: str
    version: int
    actors: list[Actor]
    actions: list[Action]
    may_see_contact: bool
    claim: ClaimView | None


class WishInReview(msgspec.Struct, kw_only=True):
    """A wish that waits for staff. `verdict` is the content check's; `version` is what `publish_wish` asks for."""

    wish: WishCard
    verdict: Verdict
    submitted_at: datetime
    version: int


class MyClaimView(msgspec.Struct, kw_only=True):
    """One of one's own claims, past ones too, with the wish as a card."""

    id: Id
    state: ClaimState
    claimed_at: datetime
    due_at: datetime
    ended_at: datetime | None
    end_reason: str
    wish: WishCard


_CARD = (
    "SELECT w.id, w.title, w.kind, w.audience, w.state, w.place, w.community_id, o.name AS community_name, "
    "w.beneficiary_id, w.wished_by, w.picture_ids[1] AS picture_id, w.submitted_at, w.version "
    "FROM wish w JOIN organization o ON o.id = w.community_id "
)

_SUBTREE = (
    "w.community_id IN (SELECT s.id FROM organization s JOIN organization top ON s.path <@ top.path WHERE top.id = {})"
)

_Area = tuple[str, tuple[str, ...]]
"""A condition, and the values for its braces."""


class _Where:
    """Conditions joined by AND; `{}` in one stands for a value, which PostgreSQL gets beside the text."""

    def __init__(self, condition: str) -> None:
        self.conditions, self.values = [condition], []  # type: list[str], list[Any]

    def add(self, condition: str, *given: Any) -> None:
        numbers = range(len(self.values) + 1, len(self.values) + len(given) + 1)
        self.conditions.append(condition.format(*(f"${number}" for number in numbers)))
        self.values += given

    def __str__(self) -> str:
        return " AND ".join(self.conditions)


async def list_published_wishes(
    person_id: str,
    *,
    organization_id: str | None,
    kind: WishKind | None,
    audience: Audience | None,
    search: str,
    cursor: str | None,
    limit: int,
) -> Page[WishCard]:
    """The wall, the most urgent first. In `organization_id`'s subtree, or else the person's own community first and
    then the rest of what it belongs to (its subdistrict). `search`: every word must occur.

    Raises InvalidFields for a cursor that is none, or a word too short.
    """
    words = search.split()
    if any(len(word) < MIN_SEARCH for word in words):
        raise InvalidFields.of("search", f"每个词至少 {MIN_SEARCH} 个字")
    begun, last_date, last_id = decode_cursor(cursor, tuple[int, date, str]) if cursor else (0, date.min, None)
    areas = [(_SUBTREE, (organization_id,))] if organization_id else await _areas_around(person_id)
    found: list[tuple[int, Any]] = []
    for number, (area, area_values) in enumerate(areas):
        if number < begun:
            continue
        where = _Where("w.state = 'published'")
        where.add(area, *area_values)
        if kind:
            where.add("w.kind = {}", str(kind))
        if audience:
            where.add("w.audience = {}", str(audience))
        for word in words:
            # The index finds the texts that have all pairs of characters; the second test, those that have the word.
            where.add(f"text_bigrams({SEARCHED}) @> text_bigrams({{}})", word)
            where.add(f"strpos(lower({SEARCHED}), lower({{}})) > 0", word)
        if last_id and number == begun:
            # Later areas begin at their beginning.
            where.add("(w.wished_by, w.id) > ({}, {})", last_date, last_id)
        found += [
            (number, row)
            for row in await fetch(
                f"{_CARD} WHERE {where} ORDER BY w.wished_by, w.id LIMIT {limit + 1 - len(found)}", *where.values
            )
        ]
        if len(found) > limit:
            break
    page = cut_page(found, limit, lambda item: (item[0], item[1]["wished_by"], item[1]["id"]))
    return Page(await _cards([row for _, row in page.items]), page.next_cursor)


async def list_my_wishes(person_id: str, cursor: str | None, limit: int) -> Page[WishCard]:
    """What the person wished or wrote for somebody, newest first."""
    (last,) = decode_cursor(cursor, tuple[str]) if cursor else (None,)
    rows = await fetch(
        f"{_CARD} WHERE (w.author_id = $1 OR w.beneficiary_id = $1) AND ($2::uuid IS NULL OR w.id < $2) "
        "ORDER BY w.id DESC LIMIT $3",
        person_id,
        last,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["id"],))
    return Page(await _cards(page.items), page.next_cursor)


async def list_my_wish_claims(person_id: str, cursor: str | None, limit: int) -> Page[MyClaimView]:
    """What the person claimed, newest first; the wish is told of as its card, whatever became of it."""
    (last,) = decode_cursor(cursor, tuple[str]) if cursor else (None,)
    rows = await fetch(
        "SELECT id, wish_id, state, created_at, due_at, ended_at, end_reason FROM wish_claim "
        "WHERE claimer_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        person_id,
        last,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["id"],))
    wish_rows = await fetch(f"{_CARD} WHERE w.id = ANY($1)", [row["wish_id"] for row in page.items])
    cards = {card.id: card for card in await _cards(wish_rows)}
    return Page(
        [
            MyClaimView(
                id=row["id"],
                state=ClaimState(row["state"]),
                claimed_at=row["created_at"],
                due_at=row["due_at"],
                ended_at=row["ended_at"],
                end_reason=row["end_reason"],
                wish=_as_past_claimer_sees(cards[row["wish_id"]], ClaimState(row["state"])),
            )
            for row in page.items
        ],
        page.next_cursor,
    )


async def get_visible_wish(person_id: str, wish_id: str) -> WishView:
    """The wish as this person may see it. Raises NotFound where it is not for them."""
    wish = await Wish.get_or_none(id=wish_id)
    if wish is None:
        raise NotFound()
    claim = await WishClaim.filter(wish_id=wish_id, state__in=HOLDING).first()
    author_id, beneficiary_id = wish.author_id, wish.beneficiary_id
    community_id = wish.community_id
    actors = await actors_of(person_id, wish, claim)
    # Observers read what staff read, but do nothing.
    concerned = actors - {Actor.RESIDENT}
    seen_as = concerned
    if not concerned and await holds_role(person_id, community_id, READERS):
        seen_as = {Actor.STAFF}
    if not may_see(wish.state, seen_as or actors):
        raise NotFound()
    community = await fetch_one("SELECT name FROM organization WHERE id = $1", community_id)
    assert community
    people = await describe_persons([beneficiary_id])
    pictures = await picture_views(wish.picture_ids)
    return WishView(
        id=wish.id,
        title=wish.title,
        kind=wish.kind,
        audience=wish.audience,
        text=wish.text,
        state=wish.state,
        place=wish.place,
        community_id=community_id,
        community_name=community["name"],
        beneficiary_name=people[beneficiary_id]["name"],
        is_on_behalf=author_id != beneficiary_id,
        wished_by=wish.wished_by,
        days_left=days_left(wish.wished_by) if wish.wished_by else None,
        pictures=[pictures[picture_id] for picture_id in wish.picture_ids if picture_id in pictures],
        submitted_at=wish.submitted_at,
        published_at=wish.published_at,
        reason=wish.reason if seen_as and wish.state in (WishState.RETURNED, WishState.REFUSED) else "",
        version=wish.version,
        actors=sorted(actors),
        actions=possible_actions(wish.state, actors),
        may_see_contact=may_see_contact(wish.state, actors),
        claim=await _claim_view(claim, seen_as) if claim and seen_as else None,
    )


async def list_wishes_to_review(
    actor_id: str, organization_id: str, cursor: str | None, limit: int
) -> Page[WishInReview]:
    """What waits for review in the organization's subtree, longest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    last_at, last_id = decode_cursor(cursor, tuple[datetime, str]) if cursor else (None, None)
    rows = await fetch(
        "SELECT q.*, COALESCE(s.verdict, 'pending') AS verdict FROM ("
        f"{_CARD} WHERE w.state IN ('submitted', 'amended') AND {_SUBTREE.format('$1')} "
        "AND ($2::timestamptz IS NULL OR (w.submitted_at, w.id) > ($2, $3)) ORDER BY w.submitted_at, w.id LIMIT $4"
        ") q LEFT JOIN checked_subject s ON s.kind = 'wish' AND s.subject_id = q.id ORDER BY q.submitted_at, q.id",
        organization_id,
        last_at,
        last_id,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["submitted_at"], row["id"]))
    cards = await _cards(page.items)
    return Page(
        [
            WishInReview(
                wish=card, verdict=Verdict(row["verdict"]), submitted_at=row["submitted_at"], version=row["version"]
            )
            for card, row in zip(cards, page.items, strict=True)
        ],
        page.next_cursor,
    )


async def list_wishes_of_area(
    actor_id: str, organization_id: str, state: WishState, cursor: str | None, limit: int
) -> Page[WishCard]:
    """All wishes of a state in the organization's subtree, newest first; drafts are nobody's but the wisher's.

    Raises NotAllowed, InvalidFields for drafts.
    """
    await require_role(actor_id, organization_id, READERS)
    if state is WishState.DRAFT:
        raise InvalidFields.of("state", "草稿只有本人可见")
    (last,) = decode_cursor(cursor, tuple[str]) if cursor else (None,)
    rows = await fetch(
        f"{_CARD} WHERE w.state = $2 AND {_SUBTREE.format('$1')} AND ($3::uuid IS NULL OR w.id < $3) "
        "ORDER BY w.id DESC LIMIT $4",
        organization_id,
        str(state),
        last,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["id"],))
    return Page(await _cards(page.items), page.next_cursor)


async def describe_wishes(wish_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words by which messages tell of wishes."""
    rows = await fetch("SELECT id, title, reason, wished_by FROM wish WHERE id = ANY($1)", list(wish_ids))
    return {
        row["id"]: {
            "id": row["id"],
            "title": row["title"],
            "reason": row["reason"],
            "wished_by": render_date(row["wished_by"]) if row["wished_by"] else "",
        }
        for row in rows
    }


async def describe_wish_claims(claim_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for claims, where the service record names them as a source: the wish's title."""
    rows = await fetch(
        "SELECT c.id, c.wish_id, w.title FROM wish_claim c JOIN wish w ON w.id = c.wish_id WHERE c.id = ANY($1)",
        list(claim_ids),
    )
    return {row["id"]: {"id": row["id"], "wish_id": row["wish_id"], "title": row["title"]} for row in rows}


async def _areas_around(person_id: str) -> list[_Area]:
    """The person's community, then the rest of what it is a part of; everywhere, for one who has none."""
    row = await fetch_one(
        "SELECT o.id, o.parent_id FROM person p JOIN organization o ON o.id = p.community_id WHERE p.id = $1", person_id
    )
    if row is None:
        return [("true", ())]
    areas: list[_Area] = [("w.community_id = {}", (row["id"],))]
    if row["parent_id"]:
        areas.append((f"w.community_id <> {{}} AND {_SUBTREE}", (row["id"], row["parent_id"])))
    return areas


async def _cards(rows: list[Any]) -> list[WishCard]:
    people = await describe_persons({row["beneficiary_id"] for row in rows})
    pictures = await picture_views([row["picture_id"] for row in rows if row["picture_id"]])
    cards = []
    for row in rows:
        picture = pictures.get(row["picture_id"])
        cards.append(
            WishCard(
                id=row["id"],
                title=row["title"],
                kind=WishKind(row["kind"]),
                audience=Audience(row["audience"]),
                state=WishState(row["state"]),
                place=row["place"],
                community_id=row["community_id"],
                community_name=row["community_name"],
                beneficiary_name=people[row["beneficiary_id"]]["name"],
                wished_by=row["wished_by"],
                days_left=days_left(row["wished_by"]) if row["wished_by"] else None,
                thumbnail_url=picture.thumbnail_url if picture else None,
            )
        )
    return cards


def _as_past_claimer_sees(card: WishCard, claim: ClaimState) -> WishCard:
    """A wish that left the wall and is no longer theirs may say something by now that nobody has checked."""
    if claim in HOLDING or card.state in PUBLIC:
        return card
    return msgspec.structs.replace(card, title="（心愿已不再公开）", place="", thumbnail_url=None)


async def _claim_view(claim: WishClaim, seen_as: set[Actor]) -> ClaimView:
    claimer_id = claim.claimer_id
    people = await describe_persons([claimer_id])
    note_shown = claim.note_is_shown or bool(seen_as & {Actor.CLAIMER, Actor.STAFF})
    words_shown = claim.words_are_shown or bool(seen_as & {Actor.WISHER, Actor.STAFF})
    note_pictures = claim.picture_ids if note_shown else []
    thanks = claim.thanks_picture_ids if words_shown else []
    pictures = await picture_views([*note_pictures, *thanks])
    return ClaimView(
        id=claim.id,
        state=claim.state,
        claimer_name=people[claimer_id]["nickname"],
        claimed_at=claim.created_at,
        due_at=claim.due_at,
        reported_at=claim.reported_at,
        note=claim.note if note_shown else "",
        pictures=[pictures[picture_id] for picture_id in note_pictures if picture_id in pictures],
        rating=claim.rating,
        words=claim.words if words_shown else "",
        thanks_pictures=[pictures[picture_id] for picture_id in thanks if picture_id in pictures],
        confirmed_at=claim.confirmed_at,
        confirmed_as=claim.confirmed_as,
        dispute_reason=claim.dispute_reason,
        staff_note=claim.staff_note,
    )
