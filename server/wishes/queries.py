"""Reading a wish and the claims on it, as each of those concerned may see them."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from typing import Any

import msgspec

from server.accounts.queries import NAMED, named, shown_name
from server.foundation.database import exists, fetch, fetch_one
from server.foundation.dates import render_date
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.rating import Rating
from server.foundation.rows import columns_of, row_as
from server.media.uploads.queries import PictureView, in_order, picture_views
from server.moderation.verdicts import hidden_words
from server.organizations.access import READERS, require_role_or_hide
from server.organizations.queries import describe_organizations
from server.teams.teams import describe_teams, is_in_team
from server.wishes.lists import CARD, WishCard, make_card
from server.wishes.models import (
    HOLDING,
    ClaimState,
    ConfirmedAs,
    HandedOverBy,
    Wish,
    WishAudience,
    WishClaim,
    WishKind,
    WishState,
)
from server.wishes.rules import PUBLIC, WishAction, WishActor, days_left, may_see, may_see_contact, offered_actions
from server.wishes.steps import HOLDER, STAKES, actors_of, acts_for_unit


class ShareView(msgspec.Struct, kw_only=True):
    """What one of the team does: `quantity` of the things, or 0 for lending a hand."""

    person_id: Id
    nickname: str
    quantity: int


class NoteView(msgspec.Struct, kw_only=True):
    """A progress note; those who fulfil the wish and the staff see it before the check has passed it (`is_shown`)."""

    id: Id
    author_name: str
    written_at: datetime
    text: str
    pictures: list[PictureView]
    is_shown: bool


class ClaimView(msgspec.Struct, kw_only=True):
    """A claim, for those concerned. Notes and the rating's text are empty to others until the check passes.

    `unit_name` or `team_name` is for whom it was claimed, if not for the claimer alone; of `quantity` things the team's
    people have promised `pledged` (see `shares`), the rest is the leader's.
    """

    id: Id
    state: ClaimState
    claimer_name: str
    unit_name: str | None
    team_name: str | None
    quantity: int
    pledged: int
    shares: list[ShareView]
    claimed_at: datetime
    due_at: datetime
    progress: list[NoteView]
    reported_at: datetime | None
    handed_over_by: HandedOverBy | None
    note: str
    pictures: list[PictureView]
    rating: Rating | None
    thanks_pictures: list[PictureView]
    confirmed_at: datetime | None
    confirmed_as: ConfirmedAs | None
    dispute_reason: str
    staff_note: str
    wisher_agrees_to_show: bool
    claimer_agrees_to_show: bool
    ended_at: datetime | None
    end_reason: str


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


class MyClaimView(msgspec.Struct, kw_only=True):
    """One of one's own claims, past ones too, with the wish as a card. `is_mine`: not another's of the unit or team."""

    id: Id
    state: ClaimState
    is_mine: bool
    claimed_at: datetime
    due_at: datetime
    ended_at: datetime | None
    end_reason: str
    wish: WishCard


_CLAIM = (
    "SELECT c.id, c.wish_id, c.claimer_id, c.state, c.created_at, c.due_at, c.ended_at, c.end_reason FROM wish_claim c "
)


_VIEW = (
    f"w.id, w.title, w.kind, w.audience, w.text, w.state, w.place, w.community_id, o.name AS community_name, "
    f"{NAMED}, w.quantity, w.wished_by, w.picture_ids, w.submitted_at, w.published_at, w.reason, w.version, w.grid_id, "
    f"w.escalation, {STAKES}"
)
_FROM = f"FROM wish w JOIN organization o ON o.id = w.community_id {named('w.beneficiary_id')} {HOLDER}"
_CLAIMER = (
    "JOIN person claimer ON claimer.id = h.claimer_id "
    "LEFT JOIN person_details claimer_in_full ON claimer_in_full.person_id = claimer.id"
)


@cache
def _claim_seen() -> str:
    """SQL: what view_claim needs of a claim `h`, joined with its _CLAIMER."""
    return (
        f"{columns_of(WishClaim, 'h', 'claim_')}, claimer.shown_nickname AS claimer_shown_nickname, "
        "claimer_in_full.real_name AS claimer_sealed_name, "
        "EXISTS (SELECT 1 FROM wish_note n WHERE n.claim_id = h.id) AS claim_has_notes"
    )


async def get_visible_wish(person_id: str, wish_id: str, *, is_claimed: bool = False) -> WishView:
    """The wish as this person may see it. `is_claimed`: there is a claim that is for them to see, which is read at
    once. Raises NotFound where it is not for them."""
    more, claimer = (f", {_claim_seen()}", _CLAIMER) if is_claimed else ("", "")
    row = await fetch_one(f"SELECT {_VIEW}{more} {_FROM} {claimer} WHERE w.id = $1", wish_id, person_id)
    if row is None:
        raise NotFound()
    state, actors = WishState(row["state"]), actors_of(person_id, row)
    # Observers read what staff read, but do nothing.
    concerned = actors - {WishActor.RESIDENT}
    seen_as = concerned
    if not concerned and not set(READERS).isdisjoint(row["roles"]):
        seen_as = {WishActor.STAFF}
    if not may_see(state, seen_as or actors):
        raise NotFound()
    is_staffs = WishActor.STAFF in seen_as
    claim = row if is_claimed else None
    if not is_claimed and row["claim_id"] and seen_as:
        claim = await fetch_one(f"SELECT {_claim_seen()} FROM wish_claim h {_CLAIMER} WHERE h.id = $1", row["claim_id"])
    _, beneficiary_name = shown_name(row)
    return WishView(
        id=row["id"],
        title=row["title"],
        kind=row["kind"],
        audience=row["audience"],
        text=row["text"],
        state=state,
        place=row["place"],
        community_id=row["community_id"],
        community_name=row["community_name"],
        beneficiary_name=beneficiary_name,
        is_on_behalf=row["author_id"] != row["beneficiary_id"],
        quantity=row["quantity"],
        wished_by=row["wished_by"],
        days_left=days_left(row["wished_by"]) if row["wished_by"] else None,
        pictures=in_order(await picture_views(row["picture_ids"]), row["picture_ids"]),
        submitted_at=row["submitted_at"],
        published_at=row["published_at"],
        reason=row["reason"] if seen_as and state in (WishState.RETURNED, WishState.REFUSED) else "",
        version=row["version"],
        actors=sorted(actors),
        actions=offered_actions(state, actors, is_teams=row["team_id"] is not None),
        may_see_contact=may_see_contact(state, actors),
        grid_id=row["grid_id"] if is_staffs else None,
        escalation=row["escalation"] if is_staffs else 0,
        is_with_staff=is_staffs and row["handed_to_staff_at"] is not None,
        claim=await _view_claim(claim, seen_as) if claim else None,
    )


async def _view_claim(row: Any, seen_as: set[WishActor]) -> ClaimView:
    """A claim, a row of _claim_seen, as somebody who is `seen_as` to it may see it."""
    claim = row_as(WishClaim, row, "claim_")
    is_on_claimers_side = bool(seen_as & {WishActor.CLAIMER, WishActor.HELPER, WishActor.STAFF})
    is_on_wishers_side = bool(seen_as & {WishActor.WISHER, WishActor.STAFF})
    shares = await _shares_of(claim.id) if claim.team_id else []
    notes = await _notes_of(claim.id, with_hidden=is_on_claimers_side) if row["claim_has_notes"] else []
    note_shown = claim.note_is_shown or is_on_claimers_side
    words_shown = claim.words_are_shown or is_on_wishers_side
    is_dispute_hidden = claim.dispute_reason and not is_on_wishers_side
    dispute_shown = not is_dispute_hidden or not await hidden_words("wish_dispute", [claim.id])
    note_pictures = claim.picture_ids if note_shown else []
    thanks = claim.thanks_picture_ids if words_shown else []
    told_pictures = [picture_id for note in notes for picture_id in note["picture_ids"]]
    pictures = await picture_views([*note_pictures, *thanks, *told_pictures])
    return ClaimView(
        id=claim.id,
        state=claim.state,
        claimer_name=shown_name(row, "claimer_")[0],
        unit_name=(await describe_organizations([claim.unit_id]))[claim.unit_id]["name"] if claim.unit_id else None,
        team_name=(await describe_teams([claim.team_id]))[claim.team_id]["name"] if claim.team_id else None,
        quantity=claim.quantity,
        pledged=claim.pledged,
        shares=shares,
        claimed_at=claim.created_at,
        due_at=claim.due_at,
        progress=[
            NoteView(
                id=note["id"],
                author_name=shown_name(note)[0],
                written_at=note["created_at"],
                text=note["text"],
                pictures=in_order(pictures, note["picture_ids"]),
                is_shown=note["is_shown"],
            )
            for note in notes
        ],
        reported_at=claim.reported_at,
        handed_over_by=claim.handed_over_by,
        note=claim.note if note_shown else "",
        pictures=in_order(pictures, note_pictures),
        rating=_rating_of(claim, with_text=words_shown),
        thanks_pictures=in_order(pictures, thanks),
        confirmed_at=claim.confirmed_at,
        confirmed_as=claim.confirmed_as,
        dispute_reason=claim.dispute_reason if dispute_shown else "",
        staff_note=claim.staff_note,
        wisher_agrees_to_show=claim.wisher_agreed_at is not None,
        claimer_agrees_to_show=claim.claimer_agreed_at is not None,
        ended_at=claim.ended_at,
        end_reason=claim.end_reason if seen_as & {WishActor.CLAIMER, WishActor.STAFF} else "",
    )


async def _shares_of(claim_id: str) -> list[ShareView]:
    rows = await fetch(
        f"SELECT s.person_id, s.quantity, {NAMED} FROM wish_share s {named('s.person_id')} "
        "WHERE s.claim_id = $1 AND s.ended_at IS NULL ORDER BY s.id",
        claim_id,
    )
    return [
        ShareView(person_id=row["person_id"], nickname=shown_name(row)[0], quantity=row["quantity"]) for row in rows
    ]


async def _notes_of(claim_id: str, *, with_hidden: bool) -> list[Any]:
    return await fetch(
        f"SELECT n.id, n.created_at, n.text, n.picture_ids, n.is_shown, {NAMED} FROM wish_note n "
        f"{named('n.author_id')} WHERE n.claim_id = $1 AND (n.is_shown OR $2) ORDER BY n.id",
        claim_id,
        with_hidden,
    )


def _rating_of(claim: WishClaim, *, with_text: bool) -> Rating | None:
    if claim.rating is None:
        return None
    assert claim.confirmed_at
    return Rating(stars=claim.rating, text=claim.words if with_text else "", rated_at=claim.confirmed_at)


async def list_my_wish_claims(
    person_id: str, page: PageQuery, *, unit_id: str | None = None, team_id: str | None = None
) -> Page[MyClaimView]:
    """What the person claimed or shares in, newest first; or what the unit did whose liaison they are, or the team that
    they are in. The wish is told of as its card, whatever became of it. Raises NotFound."""
    if unit_id:
        if not await acts_for_unit(person_id, unit_id):
            raise NotFound()
        condition, value = "c.unit_id = $1", unit_id
    elif team_id:
        if not await is_in_team(person_id, team_id):
            raise NotFound()
        condition, value = "c.team_id = $1", team_id
    else:
        condition = (
            "c.id IN (SELECT id FROM wish_claim WHERE claimer_id = $1 "
            "UNION SELECT claim_id FROM wish_share WHERE person_id = $1)"
        )
        value = person_id
    rows = await fetch_page(
        f"{_CLAIM} WHERE {condition} AND ($2::uuid IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3",
        value,
        page=page,
    )
    return Page(await _make_my_claims(person_id, rows.items), rows.next_cursor)


async def get_my_wish_claim(person_id: str, claim_id: str) -> MyClaimView:
    """One of that list, for somebody who is known to be on it."""
    (view,) = await _make_my_claims(person_id, await fetch(f"{_CLAIM} WHERE c.id = $1", claim_id))
    return view


async def _make_my_claims(person_id: str, rows: list[Any]) -> list[MyClaimView]:
    wish_rows = await fetch(f"{CARD} WHERE w.id = ANY($1)", [row["wish_id"] for row in rows])
    cards = {row["id"]: make_card(row, person_id) for row in wish_rows}
    return [
        MyClaimView(
            id=row["id"],
            state=ClaimState(row["state"]),
            is_mine=row["claimer_id"] == person_id,
            claimed_at=row["created_at"],
            due_at=row["due_at"],
            ended_at=row["ended_at"],
            # Between the claimer and the staff.
            end_reason=row["end_reason"] if row["claimer_id"] == person_id else "",
            wish=_as_past_claimer_sees(cards[row["wish_id"]], ClaimState(row["state"])),
        )
        for row in rows
    ]


async def list_claims_of_wish(actor_id: str, wish_id: str) -> list[ClaimView]:
    """Everybody who ever took the wish on, the last first, with what became of it. Raises NotFound."""
    wish = await Wish.get_or_none(id=wish_id)
    if wish is None or wish.state is WishState.DRAFT:
        raise NotFound()
    await require_role_or_hide(actor_id, wish.community_id, READERS)
    rows = await fetch(
        f"SELECT {_claim_seen()} FROM wish_claim h {_CLAIMER} WHERE h.wish_id = $1 ORDER BY h.id DESC", wish_id
    )
    return [await _view_claim(row, {WishActor.STAFF}) for row in rows]


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


def _as_past_claimer_sees(card: WishCard, claim: ClaimState) -> WishCard:
    """A wish that left the wall and is no longer theirs may say something by now that nobody has checked."""
    if claim in HOLDING or card.state in PUBLIC:
        return card
    return msgspec.structs.replace(card, title="（心愿已不再公开）", place="", thumbnail_url=None)


async def has_wished_or_claimed(person_id: str, path: str) -> bool:
    """Whether the person wished (and handed it in) or claimed a wish in a community whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM wish w JOIN organization o ON o.id = w.community_id "
        "WHERE (w.author_id = $1 OR w.beneficiary_id = $1) AND w.submitted_at IS NOT NULL AND o.path <@ $2::ltree "
        "UNION ALL SELECT 1 FROM wish_claim c JOIN wish w ON w.id = c.wish_id JOIN organization o "
        "ON o.id = w.community_id WHERE c.claimer_id = $1 AND o.path <@ $2::ltree",
        person_id,
        path,
    )
