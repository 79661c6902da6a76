"""Reading members' check-ins: one's own, the staff's lists, and the words for messages."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.accounts.details import read_details
from server.accounts.masking import mask_name
from server.check_in.checking_in import Residence, open_residence
from server.check_in.models import CheckInState
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, fetch_structs, transaction
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, cut_page, decode_cursor
from server.members.memberships import membership_of, open_memberships
from server.members.models import MemberKind
from server.organizations.access import READERS, require_role, require_role_or_hide
from server.organizations.tree import within


class MyCheckIn(msgspec.Struct):
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
    home_text: str
    residence: Residence
    community_id: Id
    community_name: str
    grid_id: Id | None
    via_unit_id: Id | None
    via_unit_name: str | None
    state: CheckInState
    reason: str
    skills: list[str]
    willing: list[str]
    free_times: list[str]
    applied_at: datetime
    decided_at: datetime | None
    version: int


async def get_my_check_ins(person_id: str) -> MyCheckIns:
    """All of the member's check-ins, newest first; empty for somebody who never checked in."""
    membership_id = await membership_of(person_id)
    rows = await fetch_structs(
        _MyCheckInRow,
        "SELECT c.id, c.community_id, o.name AS community_name, g.name AS grid_name, u.name AS via_unit_name, "
        "c.residence, c.state, c.reason, c.skills, c.willing, c.free_times, c.applied_at, c.decided_at, c.ended_at, "
        "c.version FROM check_in c JOIN organization o ON o.id = c.community_id "
        "LEFT JOIN organization g ON g.id = c.grid_id LEFT JOIN organization u ON u.id = c.via_unit_id "
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
        f"WHERE {within('o.path', '$1')} AND c.state = $2 "
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
        "SELECT c.*, o.name AS community_name, u.name AS via_unit_name FROM check_in c "
        "JOIN organization o ON o.id = c.community_id LEFT JOIN organization u ON u.id = c.via_unit_id "
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
        home_text=member.home_text,
        residence=open_residence(row["id"], bytes(row["residence"])),
        community_id=row["community_id"],
        community_name=row["community_name"],
        grid_id=row["grid_id"],
        via_unit_id=row["via_unit_id"],
        via_unit_name=row["via_unit_name"],
        state=CheckInState(row["state"]),
        reason=row["reason"],
        skills=_words(row["skills"]),
        willing=_words(row["willing"]),
        free_times=_words(row["free_times"]),
        applied_at=row["applied_at"],
        decided_at=row["decided_at"],
        version=row["version"],
    )


async def describe_check_ins(check_in_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the community, and the reason that staff gave."""
    rows = await fetch(
        "SELECT c.id, o.name AS community, c.reason FROM check_in c JOIN organization o ON o.id = c.community_id "
        "WHERE c.id = ANY($1)",
        list(check_in_ids),
    )
    return {row["id"]: dict(row) for row in rows}


class _MyCheckInRow(msgspec.Struct):
    """A row of get_my_check_ins, before its JSON lists are read."""

    id: str
    community_id: str
    community_name: str
    grid_name: str | None
    via_unit_name: str | None
    residence: bytes
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
        values["residence"] = open_residence(self.id, bytes(self.residence))
        return MyCheckIn(**values | {"state": CheckInState(self.state)})


def _words(stored: str | list[str]) -> list[str]:
    return msgspec.json.decode(stored, type=list[str]) if isinstance(stored, str) else stored
