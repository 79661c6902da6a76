"""Making shifts 场次, one or a series of them."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from server.accounts.power import require_may_name
from server.foundation import clock
from server.foundation.bounds import Moment, RequiredText
from server.foundation.database import fetch, transaction
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id, new_id
from server.organizations.access import holds_role
from server.places.models import Purpose
from server.places.rules import OFFER_LASTS
from server.places.taking import open_allotment
from server.teams.teams import is_in_team
from server.volunteering.access import ORGANIZERS
from server.volunteering.models import Activity, ActivityState, Shift, ShiftRole
from server.volunteering.queries import ActivityView
from server.volunteering.shifts.reminders import plan_reminders
from server.volunteering.shifts.series import Repeat, occurrences, problem_of
from server.volunteering.staff_queries import get_staff_activity
from server.volunteering.steps import audit, ensure_not_over, lock_activity, save_activity

DEFAULT_CANCEL_BEFORE = timedelta(hours=2)
LONGEST_SHIFT = timedelta(hours=24)
FARTHEST = timedelta(days=731)
"""How far ahead a shift may lie."""
MOST_SHIFTS = 200
"""Shifts of one activity."""


class NewRole(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part in a shift; with `may_wait` the full list is followed by a waiting list. `needed_skill`: who has it."""

    name: Annotated[RequiredText, msgspec.Meta(max_length=30)]
    capacity: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    may_wait: bool = True
    needed_skill: Annotated[str, msgspec.Meta(max_length=20)] = ""


class NewShift(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One time span. Sign-up runs from now to the start unless said otherwise; cancelling is free until `cancel_until`
    (2 h before the start). `leader_id` is a volunteer who may confirm attendance besides staff.

    With fewer than `minimum` people when sign-up closes it is called off. An offer to the waiting list lasts
    `offer_minutes`. `repeat` makes a series, in which every shift is one of its own.
    """

    starts_at: Moment
    ends_at: Moment
    roles: Annotated[list[NewRole], msgspec.Meta(min_length=1, max_length=20)]
    sign_up_opens_at: Moment | None = None
    sign_up_closes_at: Moment | None = None
    cancel_until: Moment | None = None
    leader_id: Id | None = None
    minimum: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    offer_minutes: Annotated[int, msgspec.Meta(ge=10, le=24 * 60)] = int(OFFER_LASTS.total_seconds()) // 60
    repeat: Repeat | None = None


async def expand_series(shifts: list[NewShift], now: datetime) -> list[NewShift]:
    """Every single shift that is meant, in the order of time. Raises InvalidFields."""
    single: list[NewShift] = []
    for number, shift in enumerate(shifts):
        field = f"shifts.{number}"
        await _check_shift(field, shift, now)
        if shift.repeat is None:
            single.append(shift)
            continue
        if problem := problem_of(shift.starts_at, shift.repeat):
            raise InvalidFields.of(f"{field}.repeat", problem)
        for begin in occurrences(shift.starts_at, shift.repeat):
            if begin - now > FARTHEST:
                raise InvalidFields.of(f"{field}.repeat", "场次最远只能安排到两年内")
            single.append(moved_by(shift, begin - shift.starts_at))
    if len(single) > MOST_SHIFTS:
        raise InvalidFields.of("shifts", f"一个活动最多 {MOST_SHIFTS} 场")
    return sorted(single, key=lambda shift: shift.starts_at)


def moved_by(shift: NewShift, distance: timedelta) -> NewShift:
    """The same shift at another time, its deadlines with it, and no series."""

    def move(moment: datetime | None) -> datetime | None:
        return moment and moment + distance

    return msgspec.structs.replace(
        shift,
        starts_at=shift.starts_at + distance,
        ends_at=shift.ends_at + distance,
        sign_up_opens_at=move(shift.sign_up_opens_at),
        sign_up_closes_at=move(shift.sign_up_closes_at),
        cancel_until=move(shift.cancel_until),
        repeat=None,
    )


async def add_shifts(actor_id: str, activity_id: str, shifts: list[NewShift]) -> ActivityView:
    """More shifts, before or after publication. Raises NotFound, InvalidFields, WrongState once it has ended.

    A team's leader, whose words the content check has read when it was submitted, adds no new words after that.
    """
    now = clock.now()
    single = await expand_series(shifts, now)
    async with transaction():
        activity = await lock_activity(actor_id, activity_id)
        ensure_not_over(activity)
        if activity.state is not ActivityState.DRAFT and not await holds_role(
            actor_id, activity.organizer_id, ORGANIZERS
        ):
            await _require_known_words(activity_id, shifts)
        if await Shift.filter(activity_id=activity_id).count() + len(single) > MOST_SHIFTS:
            raise InvalidFields.of("shifts", f"一个活动最多 {MOST_SHIFTS} 场")
        await check_leaders(actor_id, activity, shifts)
        made = [await insert_shift(activity, shift, now) for shift in single]
        if activity.state is ActivityState.PUBLISHED:
            await plan_reminders(made)
        activity.edited_by_id = actor_id
        await span_shifts(activity)
        await audit("add_shifts", actor_id, activity, shifts=len(made))
        return await get_staff_activity(actor_id, activity_id)


async def _require_known_words(activity_id: str, shifts: list[NewShift]) -> None:
    """Raises InvalidFields for a role that the activity does not have yet."""
    roles = await ShiftRole.filter(shift__activity_id=activity_id)
    known = {(role.name, role.needed_skill) for role in roles}
    for position, shift in enumerate(shifts):
        for number, role in enumerate(shift.roles):
            if (role.name, role.needed_skill.strip()) not in known:
                raise InvalidFields.of(f"shifts.{position}.roles.{number}.name", "新岗位请联系社区添加")


async def insert_shift(activity: Activity, shift: NewShift, now: datetime) -> Shift:
    """Write one checked shift with its roles and their places. The leader of a team leads its shifts, unless said
    otherwise."""
    opens, closes, cancel_until = _deadlines(shift, now)
    row = await Shift.create(
        activity_id=activity.id,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        sign_up_opens_at=opens,
        sign_up_closes_at=closes,
        cancel_until=cancel_until,
        leader_id=shift.leader_id or (activity.created_by_id if activity.team_id else None),
        minimum=shift.minimum,
    )
    for role in shift.roles:
        role_id = new_id()
        allotment = await open_allotment(
            Purpose.SHIFT_ROLE,
            role_id,
            role.capacity,
            starts_at=shift.starts_at,
            may_wait=role.may_wait,
            offer_lasts=timedelta(minutes=shift.offer_minutes),
        )
        await ShiftRole.create(
            id=role_id,
            shift_id=row.id,
            name=role.name,
            needed_skill=role.needed_skill.strip(),
            allotment_id=allotment.id,
        )
    return row


async def _check_shift(field: str, shift: NewShift, now: datetime) -> None:
    """Raises InvalidFields for times that do not fit together, or roles twice."""
    check_start(f"{field}.", shift.starts_at, now)
    deadlines = _deadlines(shift, now)
    check_times(f"{field}.", shift.starts_at, shift.ends_at, deadlines)
    if len({role.name for role in shift.roles}) < len(shift.roles):
        raise InvalidFields.of(f"{field}.roles", "岗位名称不能重复")
    check_minimum(f"{field}.", shift.minimum, sum(role.capacity for role in shift.roles), deadlines[1], shift.starts_at)


def check_start(prefix: str, starts_at: datetime, now: datetime) -> None:
    """Raises InvalidFields. Before any arithmetic with the time: it could overflow."""
    if not now < starts_at <= now + FARTHEST:
        raise InvalidFields.of(f"{prefix}starts_at", "开始时间应晚于现在，且在两年内")


def check_times(
    prefix: str, starts_at: datetime, ends_at: datetime, deadlines: tuple[datetime, datetime, datetime]
) -> None:
    """Raises InvalidFields for times that do not fit together."""
    opens, closes, cancel_until = deadlines
    wrong = {
        "ends_at": (
            "结束时间必须晚于开始时间，且一场不超过 24 小时",
            not timedelta() < ends_at - starts_at <= LONGEST_SHIFT,
        ),
        "sign_up_closes_at": (
            "报名截止应晚于报名开始，且不晚于活动开始",
            not opens < closes <= starts_at or starts_at - opens > FARTHEST,
        ),
        "cancel_until": ("取消截止不能晚于活动开始", not timedelta() <= starts_at - cancel_until <= FARTHEST),
    }
    for name, (text, is_wrong) in wrong.items():
        if is_wrong:
            raise InvalidFields.of(f"{prefix}{name}", text)


def check_minimum(prefix: str, minimum: int, capacity: int, closes: datetime, starts_at: datetime) -> None:
    """Raises InvalidFields for a minimum that cannot be reached, or about which nothing can be decided in time."""
    if minimum > capacity:
        raise InvalidFields.of(f"{prefix}minimum", "最低人数不能超过总名额")
    if minimum and closes >= starts_at:
        raise InvalidFields.of(f"{prefix}sign_up_closes_at", "设有最低人数时，报名截止应早于活动开始")


async def check_leaders(actor_id: str, activity: Activity, shifts: list[NewShift]) -> None:
    """Raises InvalidFields where somebody is to lead who cannot be named (see check_leader)."""
    for number, shift in enumerate(shifts):
        await check_leader(f"shifts.{number}.", actor_id, activity, shift.leader_id)


async def check_leader(prefix: str, actor_id: str, activity: Activity, leader_id: str | None) -> None:
    """A shift may be led by who plans it, by one of the activity's team, and by who has business with the actor's
    organization. Raises InvalidFields for all others."""
    if leader_id in (None, actor_id) or (activity.team_id and await is_in_team(leader_id, activity.team_id)):
        return
    await require_may_name(f"{prefix}leader_id", actor_id, leader_id, ORGANIZERS)


def _deadlines(shift: NewShift, now: datetime) -> tuple[datetime, datetime, datetime]:
    """Sign-up opens, sign-up closes, cancelling is free until."""
    return (
        shift.sign_up_opens_at or now,
        shift.sign_up_closes_at or shift.starts_at,
        shift.cancel_until or shift.starts_at - DEFAULT_CANCEL_BEFORE,
    )


async def span_shifts(activity: Activity) -> None:
    """The activity lasts from its first shift to its last; cancelled ones count only where there is no other."""
    row = await fetch(
        "SELECT COALESCE(min(starts_at) FILTER (WHERE state = 'scheduled'), min(starts_at)) AS begins, "
        "COALESCE(max(ends_at) FILTER (WHERE state = 'scheduled'), max(ends_at)) AS ends FROM shift "
        "WHERE activity_id = $1",
        activity.id,
    )
    activity.starts_at, activity.ends_at = row[0]["begins"], row[0]["ends"]
    await save_activity(activity, "starts_at", "ends_at", "edited_by_id")
