"""Reading joint meetings and resolutions: as members and staff see them, and what is everybody's."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.co_building.meetings.members import INVITED_AS
from server.co_building.meetings.models import MeetingMemberKind, MeetingState, ResolutionState, TopicState
from server.foundation import clock
from server.foundation.database import fetch, fetch_one
from server.foundation.dates import render_date, today
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page, fetch_struct_page
from server.organizations.access import READERS, holds_role, require_role
from server.organizations.tree import within


class MeetingCard(msgspec.Struct, kw_only=True):
    id: Id
    organization_id: Id
    organization_name: str
    title: str
    place: str
    starts_at: datetime
    topics_until: datetime
    state: MeetingState


class InvitedMember(msgspec.Struct, kw_only=True):
    """`is_coming` is null until they have said so; why somebody does not come is told to staff and to
    them alone."""

    member_id: Id
    kind: MeetingMemberKind
    title: str
    is_coming: bool | None
    reason: str
    attended: bool


class AgendaItem(msgspec.Struct, kw_only=True):
    """A topic, or a resolution that is overdue (`resolution_id`): those come first. Until staff have put it on the
    agenda, a topic is shown to them and to the member who proposed it (`member_id`) alone."""

    topic_id: Id | None
    member_id: Id | None
    resolution_id: Id | None
    title: str
    text: str
    state: TopicState
    reason: str
    proposed_by: str


class MinutesView(msgspec.Struct, kw_only=True):
    number: int
    text: str
    written_at: datetime
    approved_at: datetime | None


class ResolutionCard(msgspec.Struct, kw_only=True):
    """`owner_name`: who does it."""

    id: Id
    meeting_id: Id
    organization_name: str
    text: str
    owner_name: str
    due_on: date
    overdue: bool
    state: ResolutionState
    result: str


class ResolutionStepView(msgspec.Struct, kw_only=True):
    action: str
    words: str
    due_from: date | None
    due_to: date
    at: datetime


class ResolutionView(ResolutionCard, kw_only=True):
    """With its whole history. Until it is public, what was reported is told to staff and to its owner alone."""

    steps: list[ResolutionStepView]


class MeetingView(MeetingCard, kw_only=True):
    """`quorum`: how many have to be there. Minutes that are not approved are shown to staff alone."""

    notice_days: int
    reason: str
    quorum: int
    attending: int
    members: list[InvitedMember]
    agenda: list[AgendaItem]
    minutes_versions: list[MinutesView]
    resolutions: list[ResolutionCard]


_CARD = (
    "SELECT j.id, j.organization_id, o.name AS organization_name, j.title, j.place, j.starts_at, j.topics_until, "
    "j.state"
)
_FROM = "FROM joint_meeting j JOIN organization o ON o.id = j.organization_id"
_RESOLUTION = (
    "SELECT r.id, r.meeting_id, r.organization_id, r.owner_id, o.name AS organization_name, r.text, "
    "COALESCE(m.title, o.name) AS owner_name, r.due_on, r.state, r.result FROM meeting_resolution r "
    "JOIN organization o ON o.id = r.organization_id LEFT JOIN meeting_member m ON m.id = r.owner_id"
)


async def list_my_meetings(person_id: str, page: PageQuery) -> Page[MeetingCard]:
    """Those to which one is invited, oneself or for a unit, the latest first."""
    invited = INVITED_AS.format(meeting="j.id", person="$1")
    return await fetch_struct_page(
        MeetingCard,
        f"{_CARD} {_FROM} WHERE EXISTS ({invited}) AND ($2::uuid IS NULL OR j.id < $2) ORDER BY j.id DESC LIMIT $3",
        person_id,
        page=page,
    )


async def list_meetings(actor_id: str, organization_id: str, page: PageQuery) -> Page[MeetingCard]:
    """Of an organization and all below it, the latest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    return await fetch_struct_page(
        MeetingCard,
        f"{_CARD} {_FROM} WHERE {within('o.path', '$1')} AND ($2::uuid IS NULL OR j.id < $2) "
        "ORDER BY j.id DESC LIMIT $3",
        organization_id,
        page=page,
    )


async def get_meeting(person_id: str, meeting_id: str) -> MeetingView:
    """For those who are invited and for staff. Raises NotFound."""
    row = await fetch_one(f"{_CARD}, j.notice_days, j.reason {_FROM} WHERE j.id = $1", meeting_id)
    if row is None:
        raise NotFound()
    is_staff = await holds_role(person_id, row["organization_id"], READERS)
    seats = await _seats(person_id, meeting_id)
    if not is_staff and not seats:
        raise NotFound()
    members = await fetch(
        "SELECT i.member_id, m.kind, m.title, i.is_coming, "
        "CASE WHEN $2 OR i.member_id = ANY($3::uuid[]) THEN i.reason ELSE '' END AS reason, i.attended "
        "FROM meeting_invitation i JOIN meeting_member m ON m.id = i.member_id "
        "WHERE i.meeting_id = $1 ORDER BY i.id",
        meeting_id,
        is_staff,
        list(seats),
    )
    minutes = await fetch(
        "SELECT number, text, created_at AS written_at, approved_at FROM meeting_minutes "
        "WHERE meeting_id = $1 AND ($2 OR approved_at IS NOT NULL) ORDER BY number DESC",
        meeting_id,
        is_staff,
    )
    resolutions = await fetch(f"{_RESOLUTION} WHERE r.meeting_id = $1 ORDER BY r.id", meeting_id)
    return MeetingView(
        quorum=quorum_of(len(members)),
        attending=sum(each["attended"] for each in members),
        members=[InvitedMember(**dict(each)) for each in members],
        agenda=[
            item
            for item in await _agenda(row)
            if is_staff or item.state == TopicState.ACCEPTED or item.member_id in seats
        ],
        minutes_versions=[MinutesView(**dict(each)) for each in minutes],
        resolutions=[_resolution(each, may_read=is_staff or each["owner_id"] in seats) for each in resolutions],
        **dict(row),
    )


def quorum_of(invited: int) -> int:
    """More than half of those who were invited."""
    return invited // 2 + 1


async def _agenda(meeting: Any) -> list[AgendaItem]:
    rows = await fetch(
        "SELECT t.id AS topic_id, t.member_id, t.resolution_id, t.title, t.text, t.state, t.reason, "
        "COALESCE(m.title, '') AS proposed_by FROM meeting_topic t LEFT JOIN meeting_member m ON m.id = t.member_id "
        "WHERE t.meeting_id = $1 ORDER BY t.resolution_id IS NULL, t.id",
        meeting["id"],
    )
    items = [AgendaItem(**dict(row)) for row in rows]
    if meeting["state"] not in (MeetingState.PLANNED, MeetingState.INVITED):
        return items
    # Until it begins, what will be overdue then is looked up; from then on it stands there.
    return await overdue_items(meeting["organization_id"], clock.shanghai(meeting["starts_at"]).date()) + items


async def overdue_items(organization_id: str, day: date) -> list[AgendaItem]:
    """What stands on top of an agenda: resolutions that are overdue on that day, the longest first."""
    rows = await fetch(
        "SELECT r.id, r.text FROM meeting_resolution r WHERE r.organization_id = $1 AND r.state <> 'public' "
        "AND r.due_on < $2 ORDER BY r.due_on, r.id",
        organization_id,
        day,
    )
    return [
        AgendaItem(
            topic_id=None,
            member_id=None,
            resolution_id=row["id"],
            title="到期未公开的决议",
            text=row["text"],
            state=TopicState.ACCEPTED,
            reason="",
            proposed_by="",
        )
        for row in rows
    ]


async def list_resolutions(
    actor_id: str, organization_id: str, state: ResolutionState, page: PageQuery
) -> Page[ResolutionCard]:
    """In one state, of an organization and all below it. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    return await _page(f"{within('o.path', '$1')} AND r.state = $2", organization_id, str(state), page=page)


async def list_public_resolutions(organization_id: str, page: PageQuery) -> Page[ResolutionCard]:
    """What became of resolutions, for everybody, the latest first."""
    return await _page("r.organization_id = $1 AND r.state = 'public'", organization_id, page=page)


async def _page(condition: str, *values: Any, page: PageQuery) -> Page[ResolutionCard]:
    last, most = f"${len(values) + 1}", f"${len(values) + 2}"
    rows = await fetch_page(
        f"{_RESOLUTION} WHERE {condition} AND ({last}::uuid IS NULL OR r.id < {last}) ORDER BY r.id DESC LIMIT {most}",
        *values,
        page=page,
    )
    return Page([_resolution(row, may_read=True) for row in rows.items], rows.next_cursor)


async def get_resolution(person_id: str, resolution_id: str) -> ResolutionView:
    """A public one is everybody's; others are for staff and for those who were invited. Raises NotFound."""
    row = await fetch_one(f"{_RESOLUTION} WHERE r.id = $1", resolution_id)
    if row is None:
        raise NotFound()
    may_read = row["state"] == ResolutionState.PUBLIC or await holds_role(person_id, row["organization_id"], READERS)
    if not may_read:
        seats = await _seats(person_id, row["meeting_id"])
        if not seats:
            raise NotFound()
        may_read = row["owner_id"] in seats
    steps = await fetch(
        "SELECT action, words, due_from, due_to, created_at AS at FROM meeting_resolution_step "
        "WHERE resolution_id = $1 ORDER BY id",
        resolution_id,
    )
    return ResolutionView(
        steps=[ResolutionStepView(**dict(step) | ({} if may_read else {"words": ""})) for step in steps],
        **msgspec.structs.asdict(_resolution(row, may_read=may_read)),
    )


async def _seats(person_id: str, meeting_id: str) -> set[str]:
    """The members as whom, or for whose unit, somebody is invited."""
    rows = await fetch(INVITED_AS.format(meeting="$2", person="$1"), person_id, meeting_id)
    return {row["id"] for row in rows}


def _resolution(row: Any, *, may_read: bool) -> ResolutionCard:
    is_public = row["state"] == ResolutionState.PUBLIC
    told = {name: row[name] for name in ResolutionCard.__struct_fields__ if name != "overdue"}
    if not may_read and not is_public:
        told["result"] = ""
    return ResolutionCard(overdue=not is_public and row["due_on"] < today(), **told)


async def describe_meetings(meeting_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    rows = await fetch("SELECT id, title, reason FROM joint_meeting WHERE id = ANY($1::uuid[])", list(meeting_ids))
    return {row["id"]: {"id": row["id"], "title": row["title"], "reason": row["reason"]} for row in rows}


async def describe_resolutions(resolution_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    rows = await fetch(
        "SELECT id, meeting_id, text, due_on FROM meeting_resolution WHERE id = ANY($1::uuid[])", list(resolution_ids)
    )
    return {
        row["id"]: {
            "id": row["id"],
            "meeting": row["meeting_id"],
            "title": row["text"],
            "due": render_date(row["due_on"]),
        }
        for row in rows
    }
