"""Reading wishes: one wish as its reader may see it, one's own wishes, and the staff's lists."""

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from server.accounts.queries import describe_persons
from server.foundation.database import fetch, fetch_one
from server.foundation.dates import render_date
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, cut_page, decode_cursor
from server.media.uploads.queries import PictureView, picture_views
from server.moderation.models import Verdict
from server.organizations.access import GRID_WORKERS, READERS, holds_role, require_role
from server.wishes.cards import CARD, SUBTREE, Where, WishCard, make_cards
from server.wishes.claim_queries import ClaimView, view_claim
from server.wishes.models import HOLDING, Wish, WishAudience, WishClaim, WishKind, WishState
from server.wishes.rules import WISH_TABLE, WishAction, WishActor, days_left, may_see, may_see_contact
from server.wishes.steps import actors_of


class WishView(msgspec.Struct, kw_only=True):
    """A wish as its reader sees it. `actors` tells what they are to it, `actions` what they can do with it now.

    `reason` is why it was returned or refused, for those concerned; `claim` too is theirs alone. `grid_id`,
    `escalation` (who was asked last to find somebody) and `is_with_staff` (they stand in for the wisher) are the
    staff's.
    """

    id: Id
    title: str
    kind: WishKind
    audience: WishAudience
    text: str
    state: WishState
    place: str
    community_id: Id
    community_name: str
    beneficiary_name: str
    is_on_behalf: bool
    quantity: int
    wished_by: date | None
    days_left: int | None
    pictures: list[PictureView]
    submitted_at: datetime | None
    published_at: datetime | None
    reason: str
    version: int
    actors: list[WishActor]
    actions: list[WishAction]
    may_see_contact: bool
    grid_id: Id | None
    escalation: int
    is_with_staff: bool
    claim: ClaimView | None


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


async def list_my_wishes(person_id: str, cursor: str | None, limit: int) -> Page[WishCard]:
    """What the person wished or wrote for somebody, newest first."""
    (last,) = decode_cursor(cursor, tuple[str]) if cursor else (None,)
    rows = await fetch(
        f"{CARD} WHERE (w.author_id = $1 OR w.beneficiary_id = $1) AND ($2::uuid IS NULL OR w.id < $2) "
        "ORDER BY w.id DESC LIMIT $3",
        person_id,
        last,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["id"],))
    return Page(await make_cards(page.items), page.next_cursor)


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
    concerned = actors - {WishActor.RESIDENT}
    seen_as = concerned
    if not concerned and await holds_role(person_id, community_id, READERS):
        seen_as = {WishActor.STAFF}
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
        quantity=wish.quantity,
        wished_by=wish.wished_by,
        days_left=days_left(wish.wished_by) if wish.wished_by else None,
        pictures=[pictures[picture_id] for picture_id in wish.picture_ids if picture_id in pictures],
        submitted_at=wish.submitted_at,
        published_at=wish.published_at,
        reason=wish.reason if seen_as and wish.state in (WishState.RETURNED, WishState.REFUSED) else "",
        version=wish.version,
        actors=sorted(actors),
        actions=WISH_TABLE.possible_actions(wish.state, actors),
        may_see_contact=may_see_contact(wish.state, actors),
        grid_id=wish.grid_id if WishActor.STAFF in seen_as else None,
        escalation=wish.escalation if WishActor.STAFF in seen_as else 0,
        is_with_staff=WishActor.STAFF in seen_as and wish.handed_to_staff_at is not None,
        claim=await view_claim(claim, seen_as) if claim and seen_as else None,
    )


async def list_wishes_to_review(
    actor_id: str, organization_id: str, cursor: str | None, limit: int
) -> Page[WishInReview]:
    """What waits for review in the organization's subtree, longest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    last_at, last_id = decode_cursor(cursor, tuple[datetime, str]) if cursor else (None, None)
    rows = await fetch(
        "SELECT q.*, COALESCE(s.verdict, 'pending') AS verdict FROM ("
        f"{CARD} WHERE w.state IN ('submitted', 'amended') AND {SUBTREE.format('$1')} "
        "AND ($2::timestamptz IS NULL OR (w.submitted_at, w.id) > ($2, $3)) ORDER BY w.submitted_at, w.id LIMIT $4"
        ") q LEFT JOIN checked_subject s ON s.kind = 'wish' AND s.subject_id = q.id ORDER BY q.submitted_at, q.id",
        organization_id,
        last_at,
        last_id,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["submitted_at"], row["id"]))
    cards = await make_cards(page.items)
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
        f"{CARD} WHERE w.state = $2 AND {SUBTREE.format('$1')} AND ($3::uuid IS NULL OR w.id < $3) "
        "ORDER BY w.id DESC LIMIT $4",
        organization_id,
        str(state),
        last,
        limit + 1,
    )
    page = cut_page(rows, limit, lambda row: (row["id"],))
    return Page(await make_cards(page.items), page.next_cursor)


async def list_unclaimed_wishes(
    actor_id: str, organization_id: str, cursor: str | None, limit: int
) -> Page[UnclaimedWish]:
    """What waits on the wall of the organization's subtree, or of a grid, the most urgent first; for grid workers too.

    Raises NotAllowed.
    """
    await require_role(actor_id, organization_id, {*READERS, *GRID_WORKERS})
    last_date, last_id = decode_cursor(cursor, tuple[date, str]) if cursor else (None, None)
    # A grid has those wishes of its community that staff put into it, and those of which nobody said where they are.
    grid = await fetch_one("SELECT parent_id FROM organization WHERE id = $1 AND level = 'grid'", organization_id)
    where = Where("w.state = 'published'")
    if grid:
        where.add("w.community_id = {} AND (w.grid_id IS NULL OR w.grid_id = {})", grid["parent_id"], organization_id)
    else:
        where.add(SUBTREE, organization_id)
    if last_id:
        where.add("(w.wished_by, w.id) > ({}, {})", last_date, last_id)
    rows = await fetch(f"{CARD} WHERE {where} ORDER BY w.wished_by, w.id LIMIT {limit + 1}", *where.values)
    page = cut_page(rows, limit, lambda row: (row["wished_by"], row["id"]))
    cards = await make_cards(page.items)
    return Page(
        [UnclaimedWish(wish=card, escalation=row["escalation"]) for card, row in zip(cards, page.items, strict=True)],
        page.next_cursor,
    )


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
