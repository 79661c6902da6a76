"""Reading members' check-ins: one's own, the staff's lists, and the words for messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_name
from server.check_in.models import CheckInState
from server.check_in.residence import Residence, open_residence
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.members.memberships import membership_of, open_memberships
from server.members.models import MemberKind
from server.members.queries import details_of_members, homes_of_members
from server.organizations.access import READERS, require_role, require_role_or_hide
from server.organizations.tree import within


class MyCheckIn(msgspec.Struct, kw_only=True):
    """A check-in as the member sees it."""

    id: Id
    community_id: Id
    community_name: str
    grid_name: str | None
    via_unit_name: str | None
    residence: Residence
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
    """A check-in in the staff's list; the name is masked. Of the home organization the list itself tells nothing: who
    looks at that is audited, or has just decided about it."""

    id: Id
    name: str
    member_kind: MemberKind
    home_organization: str | None
    home_is_matched: bool | None
    community_name: str
    grid_name: str | None
    state: CheckInState
    applied_at: datetime


class CheckInDetail(MyCheckIn, kw_only=True):
    """A check-in as staff decide about it: personal data in clear, so each view is audited."""

    person_id: Id
    real_name: str
    phone: str
    member_kind: MemberKind
    home_organization_id: Id | None
    home_organization: str
    home_text: str
    grid_id: Id | None
    via_unit_id: Id | None


_COLUMNS = (
    "c.id, c.membership_id, c.community_id, o.name AS community_name, c.grid_id, g.name AS grid_name, c.via_unit_id, "
    "u.name AS via_unit_name, c.residence, c.state, c.reason, c.skills, c.willing, c.free_times, c.applied_at, "
    "c.decided_at, c.ended_at, c.version FROM check_in c JOIN organization o ON o.id = c.community_id "
    "LEFT JOIN organization g ON g.id = c.grid_id LEFT JOIN organization u ON u.id = c.via_unit_id"
)


async def get_my_check_ins(person_id: str) -> MyCheckIns:
    """All of the member's check-ins, newest first; empty for somebody who never checked in."""
    views = await list_my_check_ins(await membership_of(person_id))
    active = next((view for view in views if view.state is CheckInState.CONFIRMED), None)
    pending = next((view for view in views if view.state in (CheckInState.APPLIED, CheckInState.RETURNED)), None)
    return MyCheckIns(active, pending, [view for view in views if view is not active and view is not pending])


async def list_my_check_ins(membership_id: str | None, check_in_id: str | None = None) -> list[MyCheckIn]:
    """The check-ins of a membership (or one of them) as the member sees them, newest first."""
    rows = await fetch(
        f"SELECT {_COLUMNS} WHERE c.membership_id = $1 AND ($2::uuid IS NULL OR c.id = $2) ORDER BY c.id DESC",
        membership_id,
        check_in_id,
    )
    return [MyCheckIn(**_shown(MyCheckIn, row)) for row in rows]


async def list_check_ins(
    actor_id: str, organization_id: str, state: CheckInState, page: PageQuery
) -> Page[CheckInCard]:
    """Check-ins of an organization's subtree in one state, oldest first, for its staff and observers."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch_page(
        f"SELECT {_COLUMNS} WHERE {within('o.path', '$1')} AND c.state = $2 "
        "AND ($3::uuid IS NULL OR c.id > $3) ORDER BY c.id LIMIT $4",
        organization_id,
        str(state),
        page=page,
    )
    return Page(await _cards(rows.items, with_homes=False), rows.next_cursor)


async def get_check_in_card(check_in_id: str) -> CheckInCard:
    """What the staff's list shows of one check-in, and the home organization, for who has decided about it."""
    rows = await fetch(f"SELECT {_COLUMNS} WHERE c.id = $1", check_in_id)
    return (await _cards(rows, with_homes=True))[0]


async def view_check_in(actor_id: str, check_in_id: str) -> CheckInDetail:
    """One check-in with personal data, for the community's staff; the view is audited."""
    row = await fetch_one(f"SELECT {_COLUMNS} WHERE c.id = $1", check_in_id)
    if row is None:
        raise NotFound()
    await require_role_or_hide(actor_id, row["community_id"])
    member = (await open_memberships([row["membership_id"]]))[row["membership_id"]]
    await record_audit(
        "view_check_in",
        actor_id=actor_id,
        subject=("check_in", check_in_id),
        person_id=member.person_id,
        organization_id=row["community_id"],
    )
    details = await details_of(member.person_id)
    return CheckInDetail(
        person_id=member.person_id,
        real_name=details.real_name,
        phone=details.phone,
        member_kind=member.kind,
        home_organization_id=member.home_organization_id,
        home_organization=(await homes_of_members([member]))[member.membership_id],
        home_text=member.home_text,
        **_shown(CheckInDetail, row),
    )


async def describe_check_ins(check_in_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the community, and the reason that staff gave."""
    rows = await fetch(
        "SELECT c.id, o.name AS community, c.reason FROM check_in c JOIN organization o ON o.id = c.community_id "
        "WHERE c.id = ANY($1)",
        list(check_in_ids),
    )
    return {row["id"]: dict(row) for row in rows}


async def _cards(rows: list[Any], *, with_homes: bool) -> list[CheckInCard]:
    facts = await open_memberships([row["membership_id"] for row in rows])
    details = await details_of_members(facts)
    homes = await homes_of_members(facts.values()) if with_homes else {}
    return [
        CheckInCard(
            name=mask_name(details[row["membership_id"]].real_name),
            member_kind=facts[row["membership_id"]].kind,
            home_organization=homes.get(row["membership_id"]),
            home_is_matched=facts[row["membership_id"]].home_organization_id is not None if with_homes else None,
            **_shown(CheckInCard, row),
        )
        for row in rows
    ]


def _shown(view: type[msgspec.Struct], row: Any) -> dict[str, Any]:
    """What of a row a view shows as it is, with its lists read and its residence opened."""
    values = {name: row[name] for name in view.__struct_fields__ if name in row}
    values["state"] = CheckInState(row["state"])
    for name in values.keys() & {"skills", "willing", "free_times"}:
        values[name] = msgspec.json.decode(row[name], type=list[str])
    if "residence" in values:
        values["residence"] = open_residence(row["id"], row["residence"])
    return values
