"""Reading posts 岗位: what is open, who holds what, and the words for messages."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts.masking import mask_name, mask_phone
from server.accounts.models import ConsentKind
from server.accounts.sharing import SharedCard, find_bar, make_card
from server.check_in.posts.models import HoldingState, PostCategory, PostState
from server.foundation.database import fetch, fetch_one, fetch_structs, get_struct
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page, fetch_struct_page
from server.foundation.phrases import without_place
from server.members.memberships import index_of, membership_of, open_memberships
from server.members.queries import details_of_members
from server.organizations.access import READERS, require_role


class PostCard(msgspec.Struct):
    """A post as anybody in the community sees it."""

    id: Id
    title: str
    category: PostCategory
    category_name: str
    duties: str
    places: int
    free_places: int
    term_starts_on: date
    term_ends_on: date | None
    state: PostState
    version: int


class PostView(PostCard, kw_only=True):
    """The same, with `mine`: how the reader stands in it, None for who neither applied nor holds it."""

    mine: HoldingState | None


class MyHolding(msgspec.Struct, kw_only=True):
    """A post that the member applied for or holds."""

    id: Id
    post_id: Id
    title: str
    community_name: str
    state: HoldingState
    reason: str
    applied_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None


class HoldingCard(MyHolding, kw_only=True):
    """The same in the staff's list: whose it is, masked."""

    membership_id: Id
    name: str
    phone: str


class VisibleHolder(msgspec.Struct):
    """Who holds a post, of those who agreed to be seen; the name is masked."""

    post_id: Id
    title: str
    name: str
    since: datetime


_COLUMNS = (
    "p.id, p.title, p.category, p.category_name, p.duties, a.capacity AS places, "
    "GREATEST(a.capacity - a.taken, 0) AS free_places, p.term_starts_on, p.term_ends_on, p.state, p.version"
)
_POST = f"SELECT {_COLUMNS} FROM post p JOIN allotment a ON a.id = p.allotment_id"
_POST_AND_MINE = (
    f"SELECT {_COLUMNS}, (SELECT h.state FROM post_holding h JOIN membership m ON m.id = h.membership_id "
    "WHERE h.post_id = p.id AND h.state IN ('applied', 'held') AND m.person_index = $1 AND m.ended_at IS NULL) AS mine "
    "FROM post p JOIN allotment a ON a.id = p.allotment_id"
)
"""With how the person of this index stands in it."""
_HOLDING = (
    "SELECT h.id, h.post_id, p.title, h.membership_id, o.name AS community_name, h.state, h.reason, h.applied_at, "
    "h.decided_at, h.ended_at FROM post_holding h JOIN post p ON p.id = h.post_id "
    "JOIN organization o ON o.id = p.community_id"
)


async def list_posts(person_id: str, community_id: str, page: PageQuery) -> Page[PostView]:
    """The posts of a community that are open, for everybody."""
    return await fetch_struct_page(
        PostView,
        f"{_POST_AND_MINE} WHERE p.community_id = $2 AND p.state = 'open' AND ($3::uuid IS NULL OR p.id > $3) "
        "ORDER BY p.id LIMIT $4",
        index_of(person_id),
        community_id,
        page=page,
    )


async def get_post(post_id: str) -> PostCard:
    """One post that exists."""
    return (await fetch_structs(PostCard, f"{_POST} WHERE p.id = $1", post_id))[0]


async def show_post(person_id: str, post_id: str) -> PostView:
    """One post that can be held, for everybody. Raises NotFound for one that has ended."""
    return await get_struct(
        PostView, f"{_POST_AND_MINE} WHERE p.id = $2 AND p.state <> 'ended'", index_of(person_id), post_id
    )


async def list_my_posts(person_id: str) -> list[MyHolding]:
    """The member's applications and posts, newest first."""
    return await list_my_holdings(await membership_of(person_id))


async def list_my_holdings(membership_id: str | None, holding_id: str | None = None) -> list[MyHolding]:
    """A membership's holdings (or one of them) as the member sees them, newest first."""
    rows = await fetch(
        f"{_HOLDING} WHERE h.membership_id = $1 AND ($2::uuid IS NULL OR h.id = $2) ORDER BY h.id DESC LIMIT 100",
        membership_id,
        holding_id,
    )
    return [MyHolding(**{name: row[name] for name in MyHolding.__struct_fields__}) for row in rows]


async def list_community_posts(actor_id: str, community_id: str, state: PostState, page: PageQuery) -> Page[PostCard]:
    """All posts of a community in one state, for those who work there."""
    await require_role(actor_id, community_id, READERS)
    return await fetch_struct_page(
        PostCard,
        f"{_POST} WHERE p.community_id = $1 AND p.state = $2 AND ($3::uuid IS NULL OR p.id > $3) "
        "ORDER BY p.id LIMIT $4",
        community_id,
        str(state),
        page=page,
    )


async def list_post_holdings(
    actor_id: str,
    community_id: str,
    state: HoldingState,
    page: PageQuery,
    post_id: str | None = None,
) -> Page[HoldingCard]:
    """Who applied for, holds or held the community's posts (or one of them), oldest first; names and phones masked."""
    await require_role(actor_id, community_id, READERS)
    rows = await fetch_page(
        f"{_HOLDING} WHERE p.community_id = $1 AND h.state = $2 "
        "AND ($3::uuid IS NULL OR p.id = $3) AND ($4::uuid IS NULL OR h.id > $4) ORDER BY h.id LIMIT $5",
        community_id,
        str(state),
        post_id,
        page=page,
    )
    return Page(await _cards(rows.items), rows.next_cursor)


async def get_holding_card(holding_id: str) -> HoldingCard:
    """What the staff's list shows of one holding."""
    return (await _cards(await fetch(f"{_HOLDING} WHERE h.id = $1", holding_id)))[0]


async def list_visible_holders(community_id: str) -> list[VisibleHolder]:
    """Who holds the community's posts, for everybody: only those who consented to being visible 亮身份."""
    rows = await fetch(
        "SELECT h.membership_id, h.post_id, p.title, h.decided_at FROM post_holding h JOIN post p ON p.id = h.post_id "
        "WHERE p.community_id = $1 AND h.state = 'held' ORDER BY p.id, h.id LIMIT 500",
        community_id,
    )
    facts = await open_memberships({row["membership_id"] for row in rows})
    consented = {
        row["person_id"]
        for row in await fetch(
            "SELECT person_id FROM consent WHERE person_id = ANY($1) AND kind = $2 AND withdrawn_at IS NULL",
            [fact.person_id for fact in facts.values()],
            str(ConsentKind.SHOW_IDENTITY),
        )
    }
    details = await details_of_members({id_: fact for id_, fact in facts.items() if fact.person_id in consented})
    return [
        VisibleHolder(
            row["post_id"], row["title"], mask_name(details[row["membership_id"]].real_name), row["decided_at"]
        )
        for row in rows
        if row["membership_id"] in details
    ]


async def list_posts_held(membership_id: str) -> list[str]:
    """The titles of the posts that a member holds now."""
    rows = await fetch(
        "SELECT p.title FROM post_holding h JOIN post p ON p.id = h.post_id "
        "WHERE h.membership_id = $1 AND h.state = 'held' ORDER BY h.id",
        membership_id,
    )
    return [row["title"] for row in rows]


async def describe_posts(post_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the post and its community."""
    rows = await fetch(
        "SELECT p.id, p.title, o.name AS community FROM post p JOIN organization o ON o.id = p.community_id "
        "WHERE p.id = ANY($1)",
        list(post_ids),
    )
    return {row["id"]: _words(row) for row in rows}


async def describe_holdings(holding_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the post, its community, and the reason that was given."""
    rows = await fetch(
        "SELECT h.id, p.title, p.id AS post_id, o.name AS community, h.reason FROM post_holding h "
        "JOIN post p ON p.id = h.post_id JOIN organization o ON o.id = p.community_id WHERE h.id = ANY($1)",
        list(holding_ids),
    )
    return {row["id"]: _words(row) for row in rows}


def _words(row: Any) -> dict[str, str]:
    return {**row, "title": without_place(row["title"], row["community"])}


async def _cards(rows: list[Any]) -> list[HoldingCard]:
    details = await details_of_members(await open_memberships({row["membership_id"] for row in rows}))
    names = [name for name in HoldingCard.__struct_fields__ if name not in ("name", "phone")]
    return [
        HoldingCard(
            name=mask_name(details[row["membership_id"]].real_name),
            phone=mask_phone(details[row["membership_id"]].phone),
            **{name: row[name] for name in names},
        )
        for row in rows
    ]


async def show_shared_post(person_id: str | None, post_id: str) -> SharedCard:
    """The card of a post, for anyone who has the link; whether they can apply, its actions tell. Raises NotFound."""
    row = await fetch_one(
        "SELECT p.id, p.title, o.name FROM post p JOIN organization o ON o.id = p.community_id "
        "WHERE p.id = $1 AND p.state <> 'ended'",
        post_id,
    )
    if row is None:
        raise NotFound()
    return make_card(row["id"], row["title"], row["name"], await find_bar(person_id))
