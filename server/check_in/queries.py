"""Reading check-ins and posts: the member's own, the staff's lists, and the words for messages."""

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from server.accounts.details import read_details
from server.accounts.masking import mask_name, mask_phone
from server.audit import record_audit
from server.check_in.models import CheckInState, HoldingState, PostCategory, PostState
from server.check_in.service import Residence, open_residence
from server.database import fetch, fetch_one, fetch_structs, transaction
from server.errors import NotFound
from server.ids import Id
from server.members.models import MemberKind
from server.members.service import membership_of, open_memberships
from server.organizations.access import READERS, require_role, require_role_or_hide
from server.pages import Page, cut_page, decode_cursor


class MyCheckIn(msgspec.Struct):
    """A check-in as the member sees it."""

    id: Id
    community_id: Id
    community_name: str
    grid_name: str | None
    state: CheckInState
    reason: str
    skills: list[str]
    willing: list[str]
    free_times: list[str]
    applied_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    version: int


class MyCheckIns(msgspec.Struct):
    """The active check-in, the application that is under way, and what was before."""

    active: MyCheckIn | None
    pending: MyCheckIn | None
    history: list[MyCheckIn]


class CheckInCard(msgspec.Struct):
    """A check-in in the staff's list; the name is masked."""

    id: Id
    name: str
    member_kind: MemberKind
    community_name: str
    state: CheckInState
    applied_at: datetime


class CheckInDetail(msgspec.Struct):
    """A check-in as staff decide about it: personal data in clear, so each view is audited."""

    id: Id
    person_id: Id
    real_name: str
    phone: str
    member_kind: MemberKind
    home_organization_id: Id | None
    home_organization: str
    residence: Residence
    community_id: Id
    community_name: str
    grid_id: Id | None
    state: CheckInState
    reason: str
    skills: list[str]
    willing: list[str]
    free_times: list[str]
    applied_at: datetime
    decided_at: datetime | None
    version: int


class PostCard(msgspec.Struct):
    """A post as anybody in the community sees it."""

    id: Id
    title: str
    category: PostCategory
    duties: str
    places: int
    free_places: int
    term_starts_on: date
    term_ends_on: date | None
    state: PostState
    version: int


class MyHolding(msgspec.Struct):
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


class HoldingCard(msgspec.Struct):
    """An application for a post, or a holding of one, in the staff's list."""

    id: Id
    post_id: Id
    title: str
    name: str
    phone: str
    state: HoldingState
    applied_at: datetime


async def get_my_check_ins(person_id: str) -> MyCheckIns:
    """All of the member's check-ins, newest first; empty for somebody who never checked in."""
    membership_id = await membership_of(person_id)
    rows = await fetch_structs(
        _MyCheckInRow,
        "SELECT c.id, c.community_id, o.name AS community_name, g.name AS grid_name, c.state, c.reason, c.skills, "
        "c.willing, c.free_times, c.applied_at, c.decided_at, c.ended_at, c.version FROM check_in c "
        "JOIN organization o ON o.id = c.community_id LEFT JOIN organization g ON g.id = c.grid_id "
        "WHERE c.membership_id = $1 ORDER BY c.id DESC",
        membership_id,
    )
    views = [row.view() for row in rows]
    active = next((view for view in views if view.state is CheckInState.CONFIRMED), None)
    pending = next((view for view in views if view.state in (CheckInState.APPLIED, CheckInState.RETURNED)), None)
    return MyCheckIns(active, pending, [view for view in views if view is not active and view is not pending])


async def list_check_ins(
    actor_id: str, organization_id: str, state: CheckInState, cursor: str | None, limit: int
) -> Page[CheckInCard]:
    """Check-ins of an organization's subtree in one state, oldest first, for its staff and observers."""
    await require_role(actor_id, organization_id, READERS)
    after = decode_cursor(cursor, tuple[Id])[0] if cursor else None
    rows = await fetch(
        "SELECT c.id, c.membership_id, o.name AS community_name, c.state, c.applied_at FROM check_in c "
        "JOIN organization o ON o.id = c.community_id "
        "WHERE o.path <@ (SELECT path FROM organization WHERE id = $1) AND c.state = $2 "
        "AND ($3::uuid IS NULL OR c.id > $3) ORDER BY c.id LIMIT $4",
        organization_id,
        str(state),
        after,
        limit + 1,
    )
    facts = await open_memberships([row["membership_id"] for row in rows])
    details = await read_details([fact.person_id for fact in facts.values()])
    cards = []
    for row in rows:
        member = facts[row["membership_id"]]
        name = mask_name(details[member.person_id].real_name) if member.person_id in details else ""
        cards.append(
            CheckInCard(
                row["id"], name, member.kind, row["community_name"], CheckInState(row["state"]), row["applied_at"]
            )
        )
    return cut_page(cards, limit, lambda card: (card.id,))


async def view_check_in(actor_id: str, check_in_id: str) -> CheckInDetail:
    """One check-in with personal data, for the community's staff; the view is audited."""
    row = await fetch_one(
        "SELECT c.*, o.name AS community_name FROM check_in c JOIN organization o ON o.id = c.community_id "
        "WHERE c.id = $1",
        check_in_id,
    )
    if row is None:
        raise NotFound()
    await require_role_or_hide(actor_id, row["community_id"])
    member = (await open_memberships([row["membership_id"]]))[row["membership_id"]]
    async with transaction():
        await record_audit(
            "view_check_in",
            actor_id=actor_id,
            subject=("check_in", check_in_id),
            person_id=member.person_id,
            organization_id=row["community_id"],
        )
    details = (await read_details([member.person_id])).get(member.person_id)
    home = member.home_text
    if member.home_organization_id:
        found = await fetch_one("SELECT name FROM party_organization WHERE id = $1", member.home_organization_id)
        home = found["name"] if found else home
    return CheckInDetail(
        id=row["id"],
        person_id=member.person_id,
        real_name=details.real_name if details else "",
        phone=details.phone if details else "",
        member_kind=member.kind,
        home_organization_id=member.home_organization_id,
        home_organization=home,
        residence=open_residence(row["id"], bytes(row["residence"])),
        community_id=row["community_id"],
        community_name=row["community_name"],
        grid_id=row["grid_id"],
        state=CheckInState(row["state"]),
        reason=row["reason"],
        skills=_words(row["skills"]),
        willing=_words(row["willing"]),
        free_times=_words(row["free_times"]),
        applied_at=row["applied_at"],
        decided_at=row["decided_at"],
        version=row["version"],
    )


async def list_posts(community_id: str, cursor: str | None, limit: int) -> Page[PostCard]:
    """The open posts of a community."""
    after = decode_cursor(cursor, tuple[Id])[0] if cursor else None
    rows = await fetch_structs(
        PostCard,
        "SELECT p.id, p.title, p.category, p.duties, a.capacity AS places, GREATEST(a.capacity - a.taken, 0) "
        "AS free_places, p.term_starts_on, p.term_ends_on, p.state, p.version FROM post p "
        "JOIN allotment a ON a.id = p.allotment_id WHERE p.community_id = $1 AND p.state = 'open' "
        "AND ($2::uuid IS NULL OR p.id > $2) ORDER BY p.id LIMIT $3",
        community_id,
        after,
        limit + 1,
    )
    return cut_page(rows, limit, lambda post: (post.id,))


async def list_my_posts(person_id: str) -> list[MyHolding]:
    """The member's applications and posts, newest first."""
    return await fetch_structs(
        MyHolding,
        "SELECT h.id, h.post_id, p.title, o.name AS community_name, h.state, h.reason, h.applied_at, h.decided_at, "
        "h.ended_at FROM post_holding h JOIN post p ON p.id = h.post_id JOIN organization o ON o.id = p.community_id "
        "WHERE h.membership_id = $1 ORDER BY h.id DESC LIMIT 100",
        await membership_of(person_id),
    )


async def list_post_holdings(
    actor_id: str, community_id: str, state: HoldingState, cursor: str | None, limit: int
) -> Page[HoldingCard]:
    """Who applied for, or holds, the community's posts, oldest first; names and phones are masked."""
    await require_role(actor_id, community_id, READERS)
    after = decode_cursor(cursor, tuple[Id])[0] if cursor else None
    rows = await fetch(
        "SELECT h.id, h.post_id, p.title, h.membership_id, h.state, h.applied_at FROM post_holding h "
        "JOIN post p ON p.id = h.post_id WHERE p.community_id = $1 AND h.state = $2 "
        "AND ($3::uuid IS NULL OR h.id > $3) ORDER BY h.id LIMIT $4",
        community_id,
        str(state),
        after,
        limit + 1,
    )
    facts = await open_memberships([row["membership_id"] for row in rows])
    details = await read_details([fact.person_id for fact in facts.values()])
    cards = []
    for row in rows:
        person = details.get(facts[row["membership_id"]].person_id)
        cards.append(
            HoldingCard(
                row["id"],
                row["post_id"],
                row["title"],
                mask_name(person.real_name) if person else "",
                mask_phone(person.phone) if person else "",
                HoldingState(row["state"]),
                row["applied_at"],
            )
        )
    return cut_page(cards, limit, lambda card: (card.id,))


async def describe_check_ins(check_in_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the community, and the reason that staff gave."""
    rows = await fetch(
        "SELECT c.id, o.name AS community, c.reason FROM check_in c JOIN organization o ON o.id = c.community_id "
        "WHERE c.id = ANY($1)",
        list(check_in_ids),
    )
    return {row["id"]: dict(row) for row in rows}


async def describe_holdings(holding_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the post, its community, and the reason that was given."""
    rows = await fetch(
        "SELECT h.id, p.title, p.id AS post_id, o.name AS community, h.reason FROM post_holding h "
        "JOIN post p ON p.id = h.post_id JOIN organization o ON o.id = p.community_id WHERE h.id = ANY($1)",
        list(holding_ids),
    )
    return {row["id"]: dict(row) for row in rows}


class _MyCheckInRow(msgspec.Struct):
    """A row of get_my_check_ins, before its JSON lists are read."""

    id: str
    community_id: str
    community_name: str
    grid_name: str | None
    state: str
    reason: str
    skills: str
    willing: str
    free_times: str
    applied_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    version: int

    def view(self) -> MyCheckIn:
        values = msgspec.structs.asdict(self)
        values |= {name: _words(values[name]) for name in ("skills", "willing", "free_times")}
        return MyCheckIn(**values | {"state": CheckInState(self.state)})


def _words(stored: str | list[str]) -> list[str]:
    return msgspec.json.decode(stored, type=list[str]) if isinstance(stored, str) else stored
