"""Resolutions: each with an owner and a day, followed until what became of it is public. No step drops one."""

from datetime import date

from server.co_building.meetings import messages
from server.co_building.meetings.members import ACTS_FOR, people_of
from server.co_building.meetings.models import (
    JointMeeting,
    MeetingResolution,
    MeetingResolutionStep,
    MeetingState,
    ResolutionState,
)
from server.co_building.meetings.views import ResolutionView, get_resolution
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import exists, transaction
from server.foundation.dates import today
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.rows import lock_row
from server.notifications.telling import notify
from server.organizations.access import require_role, require_role_or_hide, role_holders


async def pass_resolution(
    actor_id: str, meeting_id: str, text: str, due_on: date, owner_id: str | None
) -> ResolutionView:
    """While the meeting is open. `owner_id` is a member who was invited; without one it is the organization's own.
    Raises NotFound, NotAllowed, InvalidFields, WrongState."""
    async with transaction():
        meeting = await lock_row(JointMeeting, meeting_id)
        if meeting is None:
            raise NotFound()
        await require_role(actor_id, meeting.organization_id)
        if meeting.state != MeetingState.OPEN:
            raise WrongState()
        if due_on < today():
            raise InvalidFields.of("due_on", "办结日期已过")
        if owner_id and not await exists(
            "SELECT 1 FROM meeting_invitation WHERE meeting_id = $1 AND member_id = $2", meeting_id, owner_id
        ):
            raise InvalidFields.of("owner_id", "不在受邀成员之中")
        resolution = await MeetingResolution.create(
            meeting_id=meeting_id,
            organization_id=meeting.organization_id,
            owner_id=owner_id,
            text=text,
            due_on=due_on,
            changed_at=clock.now(),
        )
        await notify(await _owners(resolution), messages.RESOLVED, meeting_resolution=resolution.id)
        return await _step("pass_resolution", actor_id, resolution, due_from=None)


async def report_resolution(person_id: str, resolution_id: str, result: str) -> ResolutionView:
    """What became of it, by its owner: the member, or staff where it is the organization's own. Raises NotFound,
    WrongState."""
    async with transaction():
        resolution = await _lock(resolution_id)
        if resolution.owner_id is None:
            await require_role_or_hide(person_id, resolution.organization_id)
        elif not await exists(
            f"SELECT 1 FROM meeting_member m WHERE m.id = $2 AND {ACTS_FOR.format(person='$1')}",
            person_id,
            resolution.owner_id,
        ):
            raise NotFound()
        _require(resolution, ResolutionState.OPEN)
        resolution.state, resolution.result = ResolutionState.REPORTED, result
        await notify(
            await role_holders(resolution.organization_id), messages.REPORTED, meeting_resolution=resolution.id
        )
        return await _step("report_resolution", person_id, resolution, result)


async def extend_resolution(actor_id: str, resolution_id: str, due_on: date, reason: str) -> ResolutionView:
    """A later day, with the reason. Raises NotFound, NotAllowed, InvalidFields, WrongState."""
    async with transaction():
        resolution = await _begin(actor_id, resolution_id, ResolutionState.OPEN)
        if due_on <= resolution.due_on or due_on < today():
            raise InvalidFields.of("due_on", "须晚于原定日期和今天")
        due_from, resolution.due_on = resolution.due_on, due_on
        await notify(await _owners(resolution), messages.EXTENDED, meeting_resolution=resolution.id)
        return await _step("extend_resolution", actor_id, resolution, reason, due_from=due_from)


async def send_back_resolution(actor_id: str, resolution_id: str, reason: str) -> ResolutionView:
    """It is not so: it goes on, and the day stays. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        resolution = await _begin(actor_id, resolution_id, ResolutionState.REPORTED)
        resolution.state = ResolutionState.OPEN
        await notify(await _owners(resolution), messages.SENT_BACK, meeting_resolution=resolution.id)
        return await _step("send_back_resolution", actor_id, resolution, reason)


async def publish_resolution(actor_id: str, resolution_id: str) -> ResolutionView:
    """Everybody reads what became of it. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        resolution = await _begin(actor_id, resolution_id, ResolutionState.REPORTED)
        resolution.state = ResolutionState.PUBLIC
        return await _step("publish_resolution", actor_id, resolution)


async def _begin(actor_id: str, resolution_id: str, state: ResolutionState) -> MeetingResolution:
    """For staff, in this state. Raises NotFound, NotAllowed, WrongState."""
    resolution = await _lock(resolution_id)
    await require_role(actor_id, resolution.organization_id)
    _require(resolution, state)
    return resolution


async def _lock(resolution_id: str) -> MeetingResolution:
    # The owner reports while staff move the day: each sees what the other made of it.
    resolution = await lock_row(MeetingResolution, resolution_id)
    if resolution is None:
        raise NotFound()
    return resolution


def _require(resolution: MeetingResolution, state: ResolutionState) -> None:
    if resolution.state != state:
        raise WrongState()


async def _owners(resolution: MeetingResolution) -> list[str]:
    if resolution.owner_id is None:
        return await role_holders(resolution.organization_id)
    return await people_of([resolution.owner_id])


async def _step(
    action: str, actor_id: str, resolution: MeetingResolution, words: str = "", *, due_from: date | None = None
) -> ResolutionView:
    """Write it and the line of its history."""
    resolution.changed_at = clock.now()
    await resolution.save()
    await MeetingResolutionStep.create(
        resolution_id=resolution.id,
        action=action,
        by_id=actor_id,
        words=words,
        due_from=due_from,
        due_to=resolution.due_on,
    )
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("meeting_resolution", resolution.id),
        organization_id=resolution.organization_id,
    )
    return await get_resolution(actor_id, resolution.id)
