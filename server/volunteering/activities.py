"""Activities from draft to end: what staff do with them."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from server import clock
from server.accounts.models import Person
from server.audit import record_audit
from server.database import fetch, transaction
from server.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.ids import Id, new_id
from server.notifications.service import notify
from server.organizations.access import GRID_WORKERS, WORKERS, require_role, require_role_or_hide, role_holders
from server.organizations.models import LEVEL_RANK, Level, Organization
from server.organizations.queries import list_ancestors
from server.places.models import Place, Purpose
from server.places.service import change_capacity, close_allotment, open_allotment
from server.volunteering.models import (
    Activity,
    ActivityKind,
    ActivityState,
    Shift,
    ShiftRole,
    ShiftState,
    Visibility,
)
from server.volunteering.rules import SCAN_AFTER

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
DEFAULT_CANCEL_BEFORE = timedelta(hours=2)
LONGEST_SHIFT = timedelta(hours=24)


class NewRole(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part in a shift; with `may_wait` the full list is followed by a waiting list."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=30)]
    capacity: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    may_wait: bool = True


class NewShift(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One time span. Sign-up runs from publication to the start unless said otherwise; cancelling is free until
    `cancel_until` (2 h before the start). `leader_id` is a volunteer who may confirm attendance besides staff."""

    starts_at: Moment
    ends_at: Moment
    roles: Annotated[list[NewRole], msgspec.Meta(min_length=1, max_length=20)]
    sign_up_opens_at: Moment | None = None
    sign_up_closes_at: Moment | None = None
    cancel_until: Moment | None = None
    leader_id: Id | None = None


class ActivityText(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What people read of an activity; `location` is (longitude, latitude) in gcj02."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    place_name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    location: tuple[float, float] | None = None
    contact: Annotated[str, msgspec.Meta(max_length=60)] = ""


async def create_activity(
    actor_id: str,
    organizer_id: str,
    kind: ActivityKind,
    words: ActivityText,
    shifts: list[NewShift],
    visibility: Visibility = Visibility.COMMUNITY,
) -> str:
    """A draft with its shifts and their places; its id. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organizer_id, GRID_WORKERS)
    _check_location(words.location)
    now = clock.now()
    for number, shift in enumerate(shifts):
        await _check_shift(f"shifts.{number}", shift, now)
    async with transaction():
        organizer = await Organization.get(id=organizer_id)
        if organizer.closed_at:
            raise InvalidFields.of("organizer_id", "该组织已停用")
        activity = await Activity.create(
            organizer_id=organizer_id,
            area_id=await _area_of(organizer, visibility),
            kind=kind,
            visibility=visibility,
            starts_at=min(shift.starts_at for shift in shifts),
            ends_at=max(shift.ends_at for shift in shifts),
            created_by_id=actor_id,
            **msgspec.structs.asdict(words),
        )
        for shift in shifts:
            await _add_shift(activity, shift, now)
        await _audit("create_activity", actor_id, activity)
    return activity.id


async def change_activity(actor_id: str, activity_id: str, version: int, words: ActivityText) -> None:
    """Other words, before or after publication. Raises EditedMeanwhile, WrongState once it has ended."""
    _check_location(words.location)
    async with transaction():
        activity = await _lock(actor_id, activity_id)
        _check_version(activity, version)
        if activity.state in (ActivityState.FINISHED, ActivityState.CANCELLED):
            raise WrongState()
        activity.update_from_dict(msgspec.structs.asdict(words))
        await _save(activity, *ActivityText.__struct_fields__)
        await _audit("change_activity", actor_id, activity)


async def submit_activity(actor_id: str, activity_id: str) -> None:
    """Ask those who work for the area in which it will be seen to publish it. Raises WrongState unless a draft."""
    async with transaction():
        activity = await _lock(actor_id, activity_id)
        if activity.state is not ActivityState.DRAFT:
            raise WrongState()
        activity.state, activity.reason = ActivityState.IN_REVIEW, ""
        await _save(activity, "state", "reason")
        await _audit("submit_activity", actor_id, activity)
        reviewers = await role_holders(activity.area_id)
        await notify([id_ for id_ in reviewers if id_ != actor_id], "activity_to_review", activity=activity.id)


async def return_activity(actor_id: str, activity_id: str, reason: str) -> None:
    """Back to its author with a reason. Raises WrongState unless in review."""
    async with transaction():
        activity = await _lock_for_review(actor_id, activity_id)
        if activity.state is not ActivityState.IN_REVIEW:
            raise WrongState()
        activity.state, activity.reason = ActivityState.DRAFT, reason
        await _save(activity, "state", "reason")
        await _audit("return_activity", actor_id, activity)
        await notify(activity.created_by_id, "activity_returned", activity=activity.id, at=clock.now())


async def publish_activity(actor_id: str, activity_id: str, version: int) -> None:
    """Residents of its area see it and can sign up. Raises EditedMeanwhile, WrongState unless in review and ahead.

    Who publishes must work for the whole area: what a community shows to its subdistrict, the subdistrict publishes.
    """
    async with transaction():
        activity = await _lock_for_review(actor_id, activity_id)
        if activity.state is not ActivityState.IN_REVIEW:
            raise WrongState()
        _check_version(activity, version)
        now = clock.now()
        if activity.ends_at <= now:
            raise WrongState("活动时间已过")
        activity.state, activity.published_at, activity.published_by_id = ActivityState.PUBLISHED, now, actor_id
        await _save(activity, "state", "published_at", "published_by_id")
        await _audit("publish_activity", actor_id, activity)
        if activity.created_by_id != actor_id:
            await notify(activity.created_by_id, "activity_published", activity=activity.id, at=now)


async def cancel_activity(actor_id: str, activity_id: str, reason: str) -> None:
    """Call it off and tell everyone who signed up why. Raises WrongState when it has ended."""
    async with transaction():
        activity = await _lock(actor_id, activity_id)
        if activity.state in (ActivityState.FINISHED, ActivityState.CANCELLED):
            raise WrongState()
        activity.state, activity.ended_at, activity.reason = ActivityState.CANCELLED, clock.now(), reason
        await _save(activity, "state", "ended_at", "reason")
        await Shift.filter(activity_id=activity_id).update(state=ShiftState.CANCELLED)
        roles = await ShiftRole.filter(shift__activity_id=activity_id)
        ended: list[Place] = []
        # Several allotments are always locked in the order of their ids.
        for allotment_id in sorted(role.allotment_id for role in roles):
            ended += await close_allotment(allotment_id, "activity_cancelled", remove_all=True)
        await _audit("cancel_activity", actor_id, activity, sign_ups=len(ended))
        await notify([place.person_id for place in ended], "activity_cancelled", activity=activity.id, at=clock.now())


async def change_role_capacity(actor_id: str, shift_role_id: str, capacity: int) -> str:
    """Another quota: raised, the waiting list moves up; lowered, nobody is thrown out. The activity's id."""
    async with transaction():
        role = await ShiftRole.get_or_none(id=shift_role_id).select_related("shift__activity")
        if role is None:
            raise NotFound()
        activity: Activity = role.shift.activity
        await require_role_or_hide(actor_id, activity.organizer_id, GRID_WORKERS)
        if activity.state in (ActivityState.FINISHED, ActivityState.CANCELLED):
            raise WrongState()
        await change_capacity(role.allotment_id, capacity)
        await _audit("change_role_capacity", actor_id, activity, shift_role=shift_role_id, capacity=capacity)
    return activity.id


async def finish_activities(limit: int = 100) -> int:
    """The sweep: published activities whose last codes have run out are finished; how many."""
    now = clock.now()
    rows = await fetch(
        "UPDATE activity SET state = 'finished', ended_at = $1, version = version + 1 WHERE id IN (SELECT id FROM "
        "activity WHERE state = 'published' AND ends_at <= $2 ORDER BY ends_at LIMIT $3 FOR UPDATE SKIP LOCKED) "
        "RETURNING id",
        now,
        now - SCAN_AFTER,
        limit,
    )
    return len(rows)


async def _check_shift(field: str, shift: NewShift, now: datetime) -> None:
    """Raises InvalidFields for times that do not fit together, or a leader who does not exist."""
    opens, closes, cancel_until = _deadlines(shift, now)
    wrong = {
        "starts_at": ("开始时间必须晚于现在", shift.starts_at <= now),
        "ends_at": (
            "结束时间必须晚于开始时间，且一场不超过 24 小时",
            not shift.starts_at < shift.ends_at <= shift.starts_at + LONGEST_SHIFT,
        ),
        "sign_up_closes_at": ("报名截止应晚于报名开始，且不晚于活动开始", not opens < closes <= shift.starts_at),
        "cancel_until": ("取消截止不能晚于活动开始", cancel_until > shift.starts_at),
        "roles": ("岗位名称不能重复", len({role.name for role in shift.roles}) < len(shift.roles)),
    }
    for name, (text, is_wrong) in wrong.items():
        if is_wrong:
            raise InvalidFields.of(f"{field}.{name}", text)
    if shift.leader_id and not await Person.exists(id=shift.leader_id):
        raise InvalidFields.of(f"{field}.leader_id", "找不到该负责人")


def _deadlines(shift: NewShift, now: datetime) -> tuple[datetime, datetime, datetime]:
    """Sign-up opens, sign-up closes, cancelling is free until."""
    return (
        shift.sign_up_opens_at or now,
        shift.sign_up_closes_at or shift.starts_at,
        shift.cancel_until or shift.starts_at - DEFAULT_CANCEL_BEFORE,
    )


async def _add_shift(activity: Activity, shift: NewShift, now: datetime) -> None:
    opens, closes, cancel_until = _deadlines(shift, now)
    row = await Shift.create(
        activity_id=activity.id,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        sign_up_opens_at=opens,
        sign_up_closes_at=closes,
        cancel_until=cancel_until,
        leader_id=shift.leader_id,
    )
    for role in shift.roles:
        role_id = new_id()
        allotment = await open_allotment(
            Purpose.SHIFT_ROLE, role_id, role.capacity, starts_at=shift.starts_at, may_wait=role.may_wait
        )
        await ShiftRole.create(id=role_id, shift_id=row.id, name=role.name, allotment_id=allotment.id)


async def _area_of(organizer: Organization, visibility: Visibility) -> str:
    """The organization in whose subtree the activity is seen: the organizer's ancestor of that level, or the nearest
    one above it where the level was skipped; the organizer itself where it stands higher."""
    ancestors = await list_ancestors(organizer.id)
    wanted = LEVEL_RANK[Level(visibility)]
    high_enough = [ancestor for ancestor in ancestors if LEVEL_RANK[Level(ancestor.level)] <= wanted]
    return high_enough[-1].id if high_enough else organizer.id


async def _lock(actor_id: str, activity_id: str) -> Activity:
    """The activity, its row locked, for somebody who works for its organizer. Raises NotFound."""
    activity = await Activity.filter(id=activity_id).select_for_update().get_or_none()
    if activity is None:
        raise NotFound()
    await require_role_or_hide(actor_id, activity.organizer_id, GRID_WORKERS)
    return activity


async def _lock_for_review(actor_id: str, activity_id: str) -> Activity:
    """The activity, its row locked, for somebody who works for its whole area. Raises NotFound, NotAllowed."""
    activity = await Activity.filter(id=activity_id).select_for_update().get_or_none()
    if activity is None:
        raise NotFound()
    await require_role(actor_id, activity.area_id, WORKERS)
    return activity


def _check_version(activity: Activity, version: int) -> None:
    if activity.version != version:
        raise EditedMeanwhile()


def _check_location(location: tuple[float, float] | None) -> None:
    if location and not (-180 <= location[0] <= 180 and -90 <= location[1] <= 90):
        raise InvalidFields.of("location", "坐标不正确")


async def _save(activity: Activity, *fields: str) -> None:
    activity.version += 1
    await activity.save(update_fields=[*fields, "version"])


async def _audit(action: str, actor_id: str, activity: Activity, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("activity", activity.id),
        organization_id=activity.organizer_id,
        state=str(activity.state),
        **details,
    )
