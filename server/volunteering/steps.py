"""What every step of an organizer begins and ends with: locks, what stands against it, the audit row."""

from typing import Any

from server.foundation.audit import record_audit
from server.foundation.database import fetch_one
from server.foundation.errors import EditedMeanwhile, NotAllowed, NotFound, WrongState
from server.foundation.rows import columns_of, row_as
from server.moderation.verdicts import submit_for_check
from server.organizations.access import WORKERS, holds_role
from server.places.line import lock_allotment
from server.places.models import Allotment
from server.volunteering.access import may_look, require_organizer
from server.volunteering.models import Activity, ActivityState, Shift, ShiftRole, ShiftState, SignUp
from server.volunteering.sign_ups.errors import ShiftOff


async def get_shift(shift_id: str) -> Shift:
    """The shift with its activity. Raises NotFound."""
    row = await fetch_one(
        f"SELECT {columns_of(Shift, 'sh', 'shift_')}, {columns_of(Activity, 'a', 'activity_')} FROM shift sh "
        "JOIN activity a ON a.id = sh.activity_id WHERE sh.id = $1",
        shift_id,
    )
    if row is None:
        raise NotFound()
    shift = row_as(Shift, row, "shift_")
    shift.activity = row_as(Activity, row, "activity_")
    return shift


def ensure_on(shift: Shift) -> None:
    """Raises ShiftOff for what is not published, or was called off."""
    activity = shift.activity
    if shift.state is not ShiftState.SCHEDULED or activity.state not in (
        ActivityState.PUBLISHED,
        ActivityState.FINISHED,
    ):
        raise ShiftOff("该场次未举行")


async def lock_activity(actor_id: str, activity_id: str) -> Activity:
    """The activity, its row locked, for somebody who works for its organizer or leads its team. Raises NotFound."""
    activity = await _lock(activity_id)
    await require_organizer(actor_id, activity)
    return activity


async def lock_for_review(actor_id: str, activity_id: str) -> Activity:
    """The activity in review, its row locked, for somebody who works for its whole area. Raises NotFound to those who
    may not look at it either, NotAllowed, WrongState."""
    activity = await _lock(activity_id)
    if not await holds_role(actor_id, activity.area_id, WORKERS):
        raise NotAllowed() if await may_look(actor_id, activity) else NotFound()
    if activity.state is not ActivityState.IN_REVIEW:
        raise WrongState()
    return activity


async def lock_shift(actor_id: str, shift_id: str, version: int | None = None) -> tuple[Activity, Shift]:
    """A shift that is on and its activity, both rows locked, the activity's first. Raises NotFound, EditedMeanwhile
    where another `version` of the shift was read, WrongState once the activity is over or the shift cancelled."""
    found = await Shift.get_or_none(id=shift_id)
    if found is None:
        raise NotFound()
    activity = await lock_activity(actor_id, found.activity_id)
    # Without the key: a sign-up refers to the shift while it holds the allotment that the next step here waits for.
    shift = await Shift.filter(id=shift_id).select_for_update(no_key=True).get()
    if version is not None:
        check_version(shift, version)
    ensure_not_over(activity)
    if shift.state is not ShiftState.SCHEDULED:
        raise WrongState("该场次已取消")
    return activity, shift


async def lock_allotments(*shift_ids: str) -> list[Allotment]:
    """The allotments of these shifts' roles, locked in the order of their ids."""
    roles = await ShiftRole.filter(shift_id__in=shift_ids)
    return [await lock_allotment(allotment_id) for allotment_id in sorted(role.allotment_id for role in roles)]


def check_version(thing: Activity | Shift, version: int) -> None:
    """Raises EditedMeanwhile."""
    if thing.version != version:
        raise EditedMeanwhile()


def ensure_not_over(activity: Activity) -> None:
    """Raises WrongState when the activity is finished or cancelled."""
    if activity.state in (ActivityState.FINISHED, ActivityState.CANCELLED):
        raise WrongState("活动已结束或已取消")


async def save_activity(activity: Activity, *fields: str) -> None:
    """Write these columns, and that there is a new version."""
    activity.version += 1
    await activity.save(update_fields=[*fields, "version"])


async def submit_texts(activity: Activity) -> None:
    """Have what a team's leader wrote checked; what staff write, another of them reads instead."""
    if activity.team_id:
        await submit_for_check(
            "activity",
            activity.id,
            author_id=activity.created_by_id,
            organization_id=activity.organizer_id,
            picture_ids=activity.picture_ids,
        )


async def audit(action: str, actor_id: str | None, activity: Activity, **details: Any) -> None:
    """The audit row of a step; `actor_id` None: time took it."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("activity", activity.id),
        organization_id=activity.organizer_id,
        state=str(activity.state),
        **details,
    )


async def audit_sign_up(action: str, actor_id: str | None, shift: Shift, sign_up: SignUp, **details: Any) -> None:
    """The audit row of a step that concerns somebody's sign-up; `actor_id` None: time took it."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("sign_up", sign_up.id),
        person_id=sign_up.person_id,
        organization_id=shift.activity.organizer_id,
        **details,
    )


async def _lock(activity_id: str) -> Activity:
    activity = await Activity.filter(id=activity_id).select_for_update(no_key=True).get_or_none()
    if activity is None:
        raise NotFound()
    return activity
