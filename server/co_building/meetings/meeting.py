"""A meeting's way: planned, invited with notice, topics, opened with a quorum, minutes, closed."""

from typing import Annotated

import msgspec

from server.co_building.meetings import messages
from server.co_building.meetings.members import IN_TERM, INVITED_AS, people_of, require_holds_meetings
from server.co_building.meetings.models import (
    JointMeeting,
    MeetingInvitation,
    MeetingMinutes,
    MeetingState,
    MeetingTopic,
    TopicState,
)
from server.co_building.meetings.views import MeetingView, get_meeting, overdue_items, quorum_of
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import Moment, RequiredText
from server.foundation.database import execute, exists, fetch, fetch_one, fetch_value, transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.rows import lock_row
from server.notifications.telling import notify
from server.organizations.access import WORKERS, holds_role, require_another, require_role, role_holders


class NewMeeting(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`notice_days`: how many days ahead members are invited at least."""

    organization_id: Id
    title: Annotated[RequiredText, msgspec.Meta(max_length=60)]
    place: Annotated[RequiredText, msgspec.Meta(max_length=100)]
    starts_at: Moment
    topics_until: Moment
    notice_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 3


async def plan_meeting(actor_id: str, new: NewMeeting) -> MeetingView:
    """Raises NotFound, NotAllowed, InvalidFields."""
    await require_holds_meetings(actor_id, new.organization_id)
    if new.starts_at <= clock.now():
        raise InvalidFields.of("starts_at", "会议时间已过")
    if new.topics_until > new.starts_at:
        raise InvalidFields.of("topics_until", "征集议题须在开会前截止")
    async with transaction():
        meeting = await JointMeeting.create(changed_at=clock.now(), **msgspec.structs.asdict(new))
        return await _conclude("plan_meeting", actor_id, meeting)


async def invite_to_meeting(actor_id: str, meeting_id: str) -> MeetingView:
    """All whose term has the day are invited and told. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.PLANNED)
        day = clock.shanghai(meeting.starts_at).date()
        if (day - today()).days < meeting.notice_days:
            raise WrongState(f"须提前 {meeting.notice_days} 天通知，请另定时间")
        rows = await fetch(
            f"SELECT m.id FROM meeting_member m WHERE m.organization_id = $1 AND {IN_TERM.format(day='$2')} "
            "ORDER BY m.id",
            meeting.organization_id,
            day,
        )
        if not rows:
            raise WrongState("还没有联席会议成员")
        for row in rows:
            await MeetingInvitation.create(meeting_id=meeting.id, member_id=row["id"])
        meeting.state = MeetingState.INVITED
        await notify(
            await people_of(row["id"] for row in rows),
            messages.INVITED,
            joint_meeting=meeting.id,
            at=meeting.starts_at,
            until=meeting.topics_until,
        )
        return await _conclude("invite_to_meeting", actor_id, meeting)


async def cancel_meeting(actor_id: str, meeting_id: str, reason: str) -> MeetingView:
    """Whoever was invited is told. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.PLANNED, MeetingState.INVITED)
        meeting.state, meeting.reason = MeetingState.CANCELLED, reason
        await notify(await _invited(meeting.id), messages.CANCELLED, joint_meeting=meeting.id)
        return await _conclude("cancel_meeting", actor_id, meeting)


async def answer_invitation(person_id: str, meeting_id: str, *, is_coming: bool, reason: str) -> MeetingView:
    """For oneself, or for one's unit; it may be changed until it begins. Raises NotFound, WrongState."""
    async with transaction():
        meeting = await lock_row(JointMeeting, meeting_id)
        member_ids = await _seats(person_id, meeting_id)
        if meeting is None or not member_ids:
            raise NotFound()
        if meeting.state != MeetingState.INVITED:
            raise WrongState()
        await execute(
            "UPDATE meeting_invitation SET is_coming = $3, reason = $4 WHERE meeting_id = $1 "
            "AND member_id = ANY($2::uuid[])",
            meeting_id,
            member_ids,
            is_coming,
            reason,
        )
        return await get_meeting(person_id, meeting_id)


async def propose_topic(person_id: str, meeting_id: str, title: str, text: str) -> MeetingView:
    """By who is invited, until the day for it; by staff until it begins, which needs no decision. Raises NotFound,
    WrongState."""
    async with transaction():
        meeting = await lock_row(JointMeeting, meeting_id)
        if meeting is None:
            raise NotFound()
        is_staff, seats = await holds_role(person_id, meeting.organization_id, WORKERS), list[str]()
        if not is_staff:
            seats = await _seats(person_id, meeting_id)
            if not seats:
                raise NotFound()
            if meeting.state != MeetingState.INVITED:
                raise WrongState()
            if clock.now() > meeting.topics_until:
                raise WrongState("征集议题已截止")
        elif meeting.state not in (MeetingState.PLANNED, MeetingState.INVITED):
            raise WrongState()
        await MeetingTopic.create(
            meeting_id=meeting_id,
            member_id=seats[0] if seats else None,
            title=title,
            text=text,
            state=TopicState.ACCEPTED if is_staff else TopicState.PROPOSED,
        )
        if not is_staff:
            await notify(await role_holders(meeting.organization_id), messages.TOPIC_PROPOSED, joint_meeting=meeting_id)
        return await get_meeting(person_id, meeting_id)


async def decide_topic(actor_id: str, topic_id: str, *, accepted: bool, reason: str) -> MeetingView:
    """Whether a member's topic stands on the agenda; where not, with a reason. Raises NotFound, NotAllowed,
    InvalidFields, WrongState."""
    meeting_id = await fetch_value(
        "SELECT meeting_id FROM meeting_topic WHERE id = $1 AND resolution_id IS NULL", topic_id
    )
    if meeting_id is None:
        raise NotFound()
    if not accepted and not reason.strip():
        raise InvalidFields.of("reason", "请写明理由")
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.INVITED)
        state = TopicState.ACCEPTED if accepted else TopicState.DECLINED
        row = await fetch_one(
            "UPDATE meeting_topic SET state = $2, reason = $3 WHERE id = $1 AND state = 'proposed' RETURNING member_id",
            topic_id,
            str(state),
            reason,
        )
        if row is None:
            raise WrongState()
        await notify(
            await people_of([row["member_id"]]),
            messages.TOPIC_DECIDED,
            joint_meeting=meeting_id,
            outcome=str(state),
        )
        return await _conclude("decide_topic", actor_id, meeting)


async def mark_meeting_attendance(actor_id: str, meeting_id: str, member_ids: list[str]) -> MeetingView:
    """These are there, all others are not. Raises NotFound, NotAllowed, InvalidFields, WrongState."""
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.INVITED, MeetingState.OPEN)
        known = await fetch("SELECT member_id FROM meeting_invitation WHERE meeting_id = $1", meeting_id)
        if not set(member_ids) <= {row["member_id"] for row in known}:
            raise InvalidFields.of("member_ids", "不在受邀成员之中")
        if meeting.state == MeetingState.OPEN and len(set(member_ids)) < quorum_of(len(known)):
            raise WrongState("会议已开，到会人数不能少于法定人数")
        await execute(
            "UPDATE meeting_invitation SET attended = member_id = ANY($2::uuid[]) WHERE meeting_id = $1",
            meeting_id,
            member_ids,
        )
        return await _conclude("mark_meeting_attendance", actor_id, meeting)


async def open_meeting(actor_id: str, meeting_id: str) -> MeetingView:
    """It begins, with a quorum; every overdue resolution stands on top of its agenda from now on. Raises NotFound,
    NotAllowed, WrongState."""
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.INVITED)
        if today() < clock.shanghai(meeting.starts_at).date():
            raise WrongState("还没到开会的日子")
        here = await fetch_one(
            "SELECT count(*)::int AS invited, count(*) FILTER (WHERE attended)::int AS attended "
            "FROM meeting_invitation WHERE meeting_id = $1",
            meeting_id,
        )
        assert here
        if here["attended"] < quorum_of(here["invited"]):
            raise WrongState(f"到会 {here['attended']} 人，须有 {quorum_of(here['invited'])} 人")
        if await exists("SELECT 1 FROM meeting_topic WHERE meeting_id = $1 AND state = 'proposed'", meeting_id):
            raise WrongState("还有议题没有决定是否列入")
        for item in await overdue_items(meeting.organization_id, today()):
            await MeetingTopic.create(
                meeting_id=meeting_id,
                resolution_id=item.resolution_id,
                title=item.title,
                text=item.text,
                state=item.state,
            )
        meeting.state = MeetingState.OPEN
        return await _conclude("open_meeting", actor_id, meeting)


async def write_minutes(actor_id: str, meeting_id: str, text: str) -> MeetingView:
    """A new version. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.OPEN)
        last = await fetch_value("SELECT max(number) FROM meeting_minutes WHERE meeting_id = $1", meeting_id)
        await MeetingMinutes.create(meeting_id=meeting_id, number=(last or 0) + 1, text=text, by_id=actor_id)
        return await _conclude("write_minutes", actor_id, meeting)


async def approve_minutes(actor_id: str, meeting_id: str, number: int) -> MeetingView:
    """The latest version, by somebody else than who wrote it; the meeting is closed. What was overdue must have got a
    new date or a result. Raises NotFound, NotAllowed, OwnMatter, EditedMeanwhile, WrongState."""
    async with transaction():
        meeting = await _lock(actor_id, meeting_id, MeetingState.OPEN)
        minutes = await MeetingMinutes.filter(meeting_id=meeting_id).order_by("-number").first()
        if minutes is None:
            raise WrongState("还没有会议纪要")
        if minutes.number != number:
            raise EditedMeanwhile()
        require_another(actor_id, minutes.by_id)
        if await exists(
            "SELECT 1 FROM meeting_topic t JOIN meeting_resolution r ON r.id = t.resolution_id "
            "WHERE t.meeting_id = $1 AND r.state = 'open' AND r.due_on < $2",
            meeting_id,
            today(),
        ):
            raise WrongState("到期的决议须报告结果，或写明理由改期")
        minutes.approved_at, minutes.decided_by_id = clock.now(), actor_id
        await minutes.save()
        meeting.state = MeetingState.CLOSED
        await notify(await _invited(meeting_id), messages.CLOSED, joint_meeting=meeting_id)
        return await _conclude("approve_minutes", actor_id, meeting)


async def _lock(actor_id: str, meeting_id: str, *states: MeetingState) -> JointMeeting:
    # Two of the staff at once: the second sees what the first made of it.
    meeting = await lock_row(JointMeeting, meeting_id)
    if meeting is None:
        raise NotFound()
    await require_role(actor_id, meeting.organization_id)
    if meeting.state not in states:
        raise WrongState()
    return meeting


async def _conclude(action: str, actor_id: str, meeting: JointMeeting) -> MeetingView:
    meeting.changed_at = clock.now()
    await meeting.save()
    await record_audit(
        action, actor_id=actor_id, subject=("joint_meeting", meeting.id), organization_id=meeting.organization_id
    )
    return await get_meeting(actor_id, meeting.id)


async def _invited(meeting_id: str) -> list[str]:
    rows = await fetch("SELECT member_id FROM meeting_invitation WHERE meeting_id = $1", meeting_id)
    return await people_of(row["member_id"] for row in rows)


async def _seats(person_id: str, meeting_id: str) -> list[str]:
    """As whom somebody may act there: seats that are not ended."""
    invited = INVITED_AS.format(meeting="$2", person="$1")
    rows = await fetch(f"{invited} AND m.ended_at IS NULL ORDER BY m.id", person_id, meeting_id)
    return [row["id"] for row in rows]
