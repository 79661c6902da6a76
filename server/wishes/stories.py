"""Wishes that came true, for everybody to see: the public page, and a poster where both sides agreed to be shown."""

import hashlib
from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.accounts.sharing import SharedCard, find_bar, make_card
from server.foundation import cache, clock
from server.foundation.database import fetch, fetch_one
from server.foundation.dates import day_of
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, decode_cursor
from server.foundation.rating import Rating
from server.media.drawing.threads import draw_in_thread
from server.media.drawing.wish_poster import WishPoster, draw_wish_poster
from server.media.mini_codes import CodeKind, CodeTarget, draw_mini_code
from server.media.uploads.queries import PictureView, in_order, picture_views
from server.media.uploads.uploading import read_picture
from server.organizations.queries import describe_organizations
from server.teams.teams import describe_teams
from server.wishes.errors import PosterNotAgreed
from server.wishes.lists import SUBTREE, Where
from server.wishes.models import WishAudience, WishKind, WishState
from server.wishes.rules import PUBLIC, WishActor
from server.wishes.steps import find_wish

_KEPT_SECONDS = 3600


class WishStory(msgspec.Struct, kw_only=True):
    """What both sides agreed to show. `helper_name` is a person's nickname, or a unit's or team's name; words and
    pictures are those that passed the content check."""

    beneficiary_name: str
    helper_name: str
    rating: Rating | None
    note: str
    pictures: list[PictureView]


class FulfilledWish(msgspec.Struct, kw_only=True):
    """A wish that came true, as anybody may see it. `days` is from its publication on; `story` is there where both
    sides agreed."""

    id: Id
    title: str
    kind: WishKind
    audience: WishAudience
    community_id: Id
    community_name: str
    fulfilled_on: date
    days: int
    by_unit: bool
    by_team: bool
    story: WishStory | None


_FULFILLED = (
    "SELECT w.id, w.title, w.kind, w.audience, w.community_id, o.name AS community_name, w.beneficiary_id, "
    "w.first_published_at, w.fulfilled_at, c.id AS claim_id, c.claimer_id, c.unit_id, c.team_id, c.rating, "
    "c.confirmed_at, c.wisher_agreed_at IS NOT NULL AND c.claimer_agreed_at IS NOT NULL AS is_agreed, "
    "CASE WHEN c.note_is_shown THEN c.note ELSE '' END AS note, "
    "CASE WHEN c.words_are_shown THEN c.words ELSE '' END AS words, "
    "(CASE WHEN c.words_are_shown THEN c.thanks_picture_ids ELSE '{}'::uuid[] END "
    "|| CASE WHEN c.note_is_shown THEN c.picture_ids ELSE '{}'::uuid[] END) AS picture_ids "
    "FROM wish w JOIN organization o ON o.id = w.community_id "
    "JOIN wish_claim c ON c.wish_id = w.id AND c.state = 'fulfilled' "
)


async def list_fulfilled_wishes(organization_id: str | None, page: PageQuery) -> Page[FulfilledWish]:
    """The public page: what came true in an organization's subtree, or everywhere, the latest first."""
    where = Where("w.state = 'fulfilled'")
    if organization_id:
        where.add(SUBTREE, organization_id)
    if page.cursor:
        where.add("(w.fulfilled_at, w.id) < ({}, {})", *decode_cursor(page.cursor, tuple[datetime, Id]))
    rows = await fetch(
        f"{_FULFILLED} WHERE {where} ORDER BY w.fulfilled_at DESC, w.id DESC LIMIT {page.limit + 1}", *where.values
    )
    cut = cut_page(rows, page.limit, lambda row: (row["fulfilled_at"], row["id"]))
    stories = await _stories([row for row in cut.items if row["is_agreed"]])
    return Page(
        [
            FulfilledWish(
                id=row["id"],
                title=row["title"],
                kind=WishKind(row["kind"]),
                audience=WishAudience(row["audience"]),
                community_id=row["community_id"],
                community_name=row["community_name"],
                fulfilled_on=day_of(row["fulfilled_at"]),
                days=_days(row),
                by_unit=row["unit_id"] is not None,
                by_team=row["team_id"] is not None,
                story=stories.get(row["id"]),
            )
            for row in cut.items
        ],
        cut.next_cursor,
    )


async def draw_poster_of_wish(person_id: str | None, wish_id: str) -> bytes:
    """The poster as JPEG, for anybody (`person_id` None: not signed in) once both sides have agreed.

    Raises PosterNotAgreed to those concerned while one has not, NotFound to all others.
    """
    row = await fetch_one(f"{_FULFILLED} WHERE w.id = $1 AND w.state = 'fulfilled'", wish_id)
    if row is None:
        raise NotFound()
    if not row["is_agreed"]:
        await _refuse_poster(person_id, wish_id)
    story = (await _stories([row]))[row["id"]]
    code = await draw_mini_code(CodeKind.WISH, wish_id)
    poster = WishPoster(
        title=row["title"],
        tags=(WishKind(row["kind"]).word, WishAudience(row["audience"]).word),
        community=row["community_name"],
        month=f"{clock.shanghai(row['fulfilled_at']):%Y 年 %-m 月}",
        wisher=story.beneficiary_name,
        helper=story.helper_name,
        helper_role="圆梦单位" if row["unit_id"] else "圆梦团队" if row["team_id"] else "圆梦人",
        took=f"{_days(row)} 天实现" if _days(row) else "当天实现",
        rating=story.rating.stars if story.rating else None,
        words=story.rating.text if story.rating else "",
        picture=await read_picture(row["picture_ids"][0]) if row["picture_ids"] else None,
        code=code.content,
        code_hint="打开“邻里”小程序扫一扫，看看还有哪些心愿" if code.is_plain else "微信扫一扫，看看还有哪些心愿",
    )
    # Named by all that is on it, so a kept one is never out of date.
    key = f"wish_poster:{hashlib.sha256(repr(poster).encode()).hexdigest()}"
    if kept := await cache.get(key):
        return kept
    picture = await draw_in_thread(draw_wish_poster, poster)
    await cache.put(key, picture, _KEPT_SECONDS)
    return picture


async def wish_target(wish_id: str) -> CodeTarget | None:
    """What a wish's code opens; None once nobody may see it any longer."""
    row = await fetch_one("SELECT id, title, state FROM wish WHERE id = $1", wish_id)
    if row is None or row["state"] not in PUBLIC:
        return None
    return CodeTarget(row["id"], row["title"], f"id={row['id']}")


async def show_shared_wish(person_id: str | None, wish_id: str) -> SharedCard:
    """The card of a wish, for anyone who has the link. Raises NotFound unless it is public."""
    row = await fetch_one(
        "SELECT w.id, w.title, w.state, o.name FROM wish w JOIN organization o ON o.id = w.community_id "
        "WHERE w.id = $1",
        wish_id,
    )
    if row is None or row["state"] not in PUBLIC:
        raise NotFound()
    return make_card(row["id"], row["title"], row["name"], await find_bar(person_id))


async def _refuse_poster(person_id: str | None, wish_id: str) -> None:
    if person_id is None:
        raise NotFound()
    wish, claim, actors = await find_wish(wish_id, person_id)
    if claim is None or wish.state is not WishState.FULFILLED or not actors - {WishActor.RESIDENT}:
        raise NotFound()
    sides = {"wisher": claim.wisher_agreed_at, "claimer": claim.claimer_agreed_at}
    raise PosterNotAgreed(missing=[side for side, agreed_at in sides.items() if agreed_at is None])


async def _stories(rows: list[Any]) -> dict[str, WishStory]:
    """Wish → its story, of those that both sides agreed to show."""
    people = await describe_persons({row[name] for row in rows for name in ("beneficiary_id", "claimer_id")})
    units = await describe_organizations({row["unit_id"] for row in rows if row["unit_id"]})
    teams = await describe_teams({row["team_id"] for row in rows if row["team_id"]})
    pictures = await picture_views([picture_id for row in rows for picture_id in row["picture_ids"]])
    stories = {}
    for row in rows:
        helper = people[row["claimer_id"]]["nickname"]
        if row["unit_id"]:
            helper = units[row["unit_id"]]["name"]
        elif row["team_id"]:
            helper = teams[row["team_id"]]["name"]
        stories[row["id"]] = WishStory(
            beneficiary_name=people[row["beneficiary_id"]]["name"],
            helper_name=helper,
            rating=row["rating"] and Rating(stars=row["rating"], text=row["words"], rated_at=row["confirmed_at"]),
            note=row["note"],
            pictures=in_order(pictures, row["picture_ids"]),
        )
    return stories


def _days(row: Any) -> int:
    days: int = (row["fulfilled_at"] - row["first_published_at"]).days if row["first_published_at"] else 0
    return max(days, 0)
