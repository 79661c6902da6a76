"""Who belongs to a joint meeting, and in whose name somebody acts there."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated

import msgspec

from server.accounts.power import require_may_name
from server.co_building.meetings.models import MeetingMember, MeetingMemberKind
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import execute, fetch, fetch_structs, transaction
from server.foundation.dates import today
from server.foundation.errors import InvalidFields, NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.foundation.personal_copy import Copied, Shown
from server.foundation.rows import lock_row
from server.foundation.words import words_of
from server.organizations.access import LIAISONS, READERS, require_role, role_holders
from server.organizations.models import Level
from server.organizations.queries import get_organization

_HOLD = (Level.SUBDISTRICT, Level.COMMUNITY)
_OF_UNITS = (MeetingMemberKind.UNIT, MeetingMemberKind.PROPERTY_COMPANY)

ACTS_FOR = (
    "(m.person_id = {person} OR EXISTS (SELECT 1 FROM role_grant g WHERE g.organization_id = m.unit_id "
    "AND g.person_id = {person} AND g.kind = 'liaison' AND g.ended_at IS NULL))"
)
"""SQL: whether a person acts for the member `m`."""
INVITED_AS = (
    "SELECT m.id FROM meeting_invitation i JOIN meeting_member m ON m.id = i.member_id "
    f"WHERE i.meeting_id = {{meeting}} AND {ACTS_FOR}"
)
"""SQL: the members `m` as whom, or for whose unit, a person is invited."""
IN_TERM = "m.ended_at IS NULL AND m.starts_on <= {day} AND (m.ends_on IS NULL OR m.ends_on >= {day})"
"""SQL: whether the term of the member `m` has that day."""


class AlreadyMember(Refusal):
    code, title, status = "already_meeting_member", "已是联席会议成员", 409


class NewMeetingMember(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A unit or a property company by its `unit_id`; all others by their `person_id`."""

    organization_id: Id
    kind: MeetingMemberKind
    title: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    unit_id: Id | None = None
    person_id: Id | None = None
    starts_on: date
    ends_on: date | None = None


class MeetingMemberView(msgspec.Struct, kw_only=True):
    id: Id
    organization_id: Id
    kind: MeetingMemberKind
    title: str
    unit_name: str | None
    starts_on: date
    ends_on: date | None
    in_term: bool


_SELECT = (
    "SELECT m.id, m.organization_id, m.kind, m.title, u.name AS unit_name, m.starts_on, m.ends_on, "
    f"({IN_TERM.format(day='$2')}) AS in_term FROM meeting_member m LEFT JOIN organization u ON u.id = m.unit_id "
)


async def require_holds_meetings(actor_id: str, organization_id: str) -> None:
    """Of a subdistrict or a community, for its staff. Raises NotFound, NotAllowed, InvalidFields."""
    organization = await get_organization(organization_id)
    await require_role(actor_id, organization.id)
    if organization.level not in _HOLD:
        raise InvalidFields.of("organization_id", "联席会议由街道或社区召开")


async def list_meeting_members(actor_id: str, organization_id: str) -> list[MeetingMemberView]:
    """All that have not been ended, in the order in which they came. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    return await fetch_structs(
        MeetingMemberView,
        f"{_SELECT} WHERE m.organization_id = $1 AND m.ended_at IS NULL ORDER BY m.id",
        organization_id,
        today(),
    )


async def add_meeting_member(actor_id: str, new: NewMeetingMember) -> MeetingMemberView:
    """Raises NotFound, NotAllowed, InvalidFields, AlreadyMember."""
    await require_holds_meetings(actor_id, new.organization_id)
    if new.ends_on and new.ends_on < new.starts_on:
        raise InvalidFields.of("ends_on", "任期结束不能早于开始")
    if new.kind in _OF_UNITS:
        if new.unit_id is None or new.person_id:
            raise InvalidFields.of("unit_id", "请选择单位")
        if (await get_organization(new.unit_id)).level != Level.UNIT:
            raise InvalidFields.of("unit_id", "请选择单位")
    elif new.person_id is None or new.unit_id:
        raise InvalidFields.of("person_id", "请选择人员")
    else:
        await require_may_name("person_id", actor_id, new.person_id)
    async with transaction(meeting_member_unit=AlreadyMember, meeting_member_person=AlreadyMember):
        member = await MeetingMember.create(**msgspec.structs.asdict(new))
        await record_audit(
            "add_meeting_member",
            actor_id=actor_id,
            subject=("meeting_member", member.id),
            person_id=new.person_id,
            organization_id=new.organization_id,
        )
        return await _get(member.id)


async def end_meeting_member(actor_id: str, member_id: str) -> None:
    """They are invited no more; what they own stays theirs until it is public. Raises NotFound, NotAllowed,
    WrongState."""
    async with transaction():
        member = await lock_row(MeetingMember, member_id)
        if member is None:
            raise NotFound()
        await require_role(actor_id, member.organization_id)
        if member.ended_at:
            raise WrongState()
        member.ended_at = clock.now()
        await member.save()
        await record_audit(
            "end_meeting_member",
            actor_id=actor_id,
            subject=("meeting_member", member.id),
            person_id=member.person_id,
            organization_id=member.organization_id,
        )


async def _get(member_id: str) -> MeetingMemberView:
    return (await fetch_structs(MeetingMemberView, f"{_SELECT} WHERE m.id = $1", member_id, today()))[0]


async def people_of(member_ids: Iterable[str]) -> list[str]:
    """Whom to tell: the persons themselves, and the units' liaisons."""
    rows = await fetch(
        "SELECT person_id, unit_id FROM meeting_member WHERE id = ANY($1::uuid[]) ORDER BY id", list(member_ids)
    )
    people = {row["person_id"] for row in rows if row["person_id"]}
    for unit_id in sorted({row["unit_id"] for row in rows if row["unit_id"]}):
        people.update(await role_holders(unit_id, LIAISONS))
    return sorted(people)


async def move_meeting_members(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one, who is a member once."""
    await execute(
        "UPDATE meeting_member m SET ended_at = $3 WHERE person_id = $1 AND ended_at IS NULL AND EXISTS (SELECT 1 "
        "FROM meeting_member o WHERE o.organization_id = m.organization_id AND o.person_id = $2 "
        "AND o.ended_at IS NULL)",
        from_id,
        into_id,
        clock.now(),
    )
    await execute("UPDATE meeting_member SET person_id = $2 WHERE person_id = $1", from_id, into_id)


async def end_meeting_members_of(person_id: str) -> None:
    """The person is blocked or withdraws."""
    await execute(
        "UPDATE meeting_member SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL", person_id, clock.now()
    )


async def erase_meeting_members_of(person_id: str) -> None:
    """What they were called, and that it was they, is forgotten."""
    await end_meeting_members_of(person_id)
    await execute("UPDATE meeting_member SET person_id = NULL, title = '（已注销）' WHERE person_id = $1", person_id)


async def move_meetings_of_closed(organization_id: str, successor_id: str | None) -> None:
    """Who takes over a place has its meetings and resolutions; a unit's seat is its successor's, or ends."""
    now = clock.now()
    if successor_id:
        await execute(
            "UPDATE joint_meeting SET organization_id = $2 WHERE organization_id = $1", organization_id, successor_id
        )
        await execute(
            "UPDATE meeting_resolution SET organization_id = $2 WHERE organization_id = $1",
            organization_id,
            successor_id,
        )
        for column, same in (
            ("unit_id", "o.organization_id = m.organization_id"),
            ("organization_id", "(o.unit_id = m.unit_id OR o.person_id = m.person_id)"),
        ):
            # Where the successor has a seat already, there is one.
            await execute(
                f"UPDATE meeting_member m SET ended_at = $3 WHERE m.{column} = $1 AND m.ended_at IS NULL "
                f"AND EXISTS (SELECT 1 FROM meeting_member o WHERE o.{column} = $2 AND {same} AND o.ended_at IS NULL)",
                organization_id,
                successor_id,
                now,
            )
            await execute(f"UPDATE meeting_member SET {column} = $2 WHERE {column} = $1", organization_id, successor_id)
        return
    await execute(
        "UPDATE meeting_member SET ended_at = $2 WHERE unit_id = $1 AND ended_at IS NULL", organization_id, now
    )


SHEETS = (
    Copied(
        "联席会议",
        "SELECT o.name, m.kind, m.title, m.starts_on, m.ends_on, m.ended_at FROM meeting_member m "
        "JOIN organization o ON o.id = m.organization_id WHERE m.person_id = $1 ORDER BY m.id DESC",
        Shown("召开单位", "name", 24),
        Shown("身份", "kind", 16, words_of(MeetingMemberKind)),
        Shown("称呼", "title", 20),
        Shown("任期开始", "starts_on", 14),
        Shown("任期结束", "ends_on", 14),
        Shown("退出时间", "ended_at", 22),
    ),
)
