"""What becomes of shifts: another time, another quota, called off by staff or because too few signed up."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.bounds import Moment
from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.notifications.events import Event
from server.notifications.telling import notify
from server.places.models import Place
from server.places.taking import change_capacity, change_start, close_allotment
from server.volunteering import messages
from server.volunteering.models import Activity, ActivityState, Shift, ShiftRole, ShiftState
from server.volunteering.queries import ActivityView
from server.volunteering.reasons import SHIFT, submit_reason
from server.volunteering.shifts.adding import check_leader, check_minimum, check_start, check_times, span_shifts
from server.volunteering.shifts.reminders import plan_reminders
from server.volunteering.sign_ups.party import people_of, tell_all
from server.volunteering.staff_queries import get_staff_activity
from server.volunteering.steps import audit, lock_allotments, lock_shift

TOO_FEW = "报名人数未达到最低人数"


class ShiftChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays; with another start, the end and the deadlines that are left out move along with it."""

    starts_at: Moment | UnsetType = UNSET
    ends_at: Moment | UnsetType = UNSET
    sign_up_opens_at: Moment | UnsetType = UNSET
    sign_up_closes_at: Moment | UnsetType = UNSET
    cancel_until: Moment | UnsetType = UNSET
    leader_id: Id | UnsetType | None = UNSET
    minimum: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | UnsetType = UNSET


async def change_shift(actor_id: str, shift_id: str, version: int, change: ShiftChange) -> ActivityView:
    """Another time, other deadlines, another leader or minimum for one shift.

    Those who have or wait for a place are told of a new time, and may then cancel freely. Raises NotFound,
    EditedMeanwhile, InvalidFields, WrongState once it has begun or is cancelled.
    """
    now = clock.now()
    async with transaction():
        activity, shift = await lock_shift(actor_id, shift_id, version)
        if shift.starts_at <= now:
            raise WrongState("该场次已开始")
        was_at, was_until = shift.starts_at, shift.ends_at
        if isinstance(change.starts_at, datetime):
            check_start("", change.starts_at, now)
        _apply(shift, change)
        capacity = await fetch_value(
            "SELECT sum(a.capacity) FROM shift_role r JOIN allotment a ON a.id = r.allotment_id WHERE r.shift_id = $1",
            shift_id,
        )
        deadlines = (shift.sign_up_opens_at, shift.sign_up_closes_at, shift.cancel_until)
        check_times("", shift.starts_at, shift.ends_at, deadlines)
        check_minimum("", shift.minimum, capacity, shift.sign_up_closes_at, shift.starts_at)
        if not isinstance(change.leader_id, UnsetType):
            await check_leader("", actor_id, activity, change.leader_id)
        if shift.sign_up_closes_at > now:
            shift.minimum_checked_at = None
        is_moved = (shift.starts_at, shift.ends_at) != (was_at, was_until)
        if is_moved:
            shift.moved_at = now
        shift.version += 1
        await shift.save()
        if shift.starts_at != was_at:
            for allotment_id in await _allotments_of(shift_id):
                await change_start(allotment_id, shift.starts_at)
        if is_moved and activity.state is ActivityState.PUBLISHED:
            await plan_reminders([shift])
            await _tell_moved(shift, was_at)
        await span_shifts(activity)
        await audit("change_shift", actor_id, activity, shift=shift_id)
        return await get_staff_activity(actor_id, activity.id)


async def cancel_shift(actor_id: str, shift_id: str, reason: str) -> ActivityView:
    """Call one shift off and tell everyone who signed up; the others stay.

    Raises NotFound, WrongState once it is over or cancelled.
    """
    async with transaction():
        activity, shift = await lock_shift(actor_id, shift_id)
        if shift.ends_at <= clock.now():
            raise WrongState("该场次已结束")
        ended = await _call_off(shift, messages.SHIFT_CANCELLED, "shift_cancelled", reason)
        await submit_reason(SHIFT, shift_id, actor_id, activity)
        await span_shifts(activity)
        await audit("cancel_shift", actor_id, activity, shift=shift_id, sign_ups=ended)
        return await get_staff_activity(actor_id, activity.id)


async def change_role_capacity(actor_id: str, shift_role_id: str, capacity: int) -> ActivityView:
    """Another quota: raised, the waiting list moves up; lowered, nobody is thrown out. Raises NotFound, WrongState."""
    async with transaction():
        role = await ShiftRole.get_or_none(id=shift_role_id)
        if role is None:
            raise NotFound()
        activity, _ = await lock_shift(actor_id, role.shift_id)
        await change_capacity(role.allotment_id, capacity)
        await audit("change_role_capacity", actor_id, activity, shift_role=shift_role_id, capacity=capacity)
        return await get_staff_activity(actor_id, activity.id)


async def _check_minimum(row: Any) -> None:
    activity, shift = await Activity.get(id=row["activity_id"]), await Shift.get(id=row["id"])
    taken = sum(allotment.taken for allotment in await lock_allotments(shift.id))
    shift.minimum_checked_at = clock.now()
    await shift.save(update_fields=["minimum_checked_at"])
    if taken >= shift.minimum or shift.starts_at <= clock.now():
        return
    ended = await _call_off(shift, messages.SHIFT_CALLED_OFF, "shift_called_off", TOO_FEW)
    await span_shifts(activity)
    await notify(activity.created_by_id, messages.OWN_SHIFT_CALLED_OFF, shift=shift.id, people=taken)
    await audit("call_off_shift", None, activity, shift=shift.id, sign_ups=ended)


CALL_OFF_SMALL_SHIFTS = due_sweep(
    "call_off_small_shifts",
    timedelta(minutes=1),
    rows="shift sh JOIN activity a ON a.id = sh.activity_id",
    where="sh.minimum > 0 AND sh.minimum_checked_at IS NULL AND sh.state = 'scheduled' AND a.state = 'published'",
    due="sh.sign_up_closes_at",
    row_id="sh.id",
    columns="sh.activity_id",
    lock="NO KEY UPDATE OF a, sh",
    do=_check_minimum,
)
"""When sign-up closes, shifts with fewer people than their minimum are called off."""


async def close_shifts(shifts: list[Shift], end_reason: str, reason: str) -> list[Place]:
    """Call shifts off, in the caller's transaction, which holds their activity; the places that ended with them."""
    places: list[Place] = []
    # Several allotments are always locked in the order of their ids.
    for allotment_id in await _allotments_of(*(shift.id for shift in shifts)):
        places += await close_allotment(allotment_id, end_reason, remove_all=True)
    for shift in shifts:
        shift.state, shift.reason, shift.remind_at = ShiftState.CANCELLED, reason, None
        shift.version += 1
        await shift.save(update_fields=["state", "reason", "remind_at", "version"])
    return places


async def _call_off(shift: Shift, event: Event, end_reason: str, reason: str) -> int:
    places = await close_shifts([shift], end_reason, reason)
    await tell_all(places, event, shift=shift.id)
    return len(places)


async def _tell_moved(shift: Shift, was_at: datetime) -> None:
    """Tell of the new time; those for whom it now overlaps with another shift of theirs, that they have to choose."""
    rows = await fetch(
        "SELECT s.place_id, EXISTS (SELECT 1 FROM sign_up o JOIN place op ON op.id = o.place_id "
        "JOIN shift osh ON osh.id = o.shift_id WHERE o.person_id = s.person_id AND o.shift_id <> s.shift_id "
        "AND op.state IN ('waiting', 'offered', 'confirmed') AND osh.state = 'scheduled' "
        "AND osh.starts_at < $3 AND $2 < osh.ends_at) AS overlaps FROM sign_up s JOIN place p ON p.id = s.place_id "
        "WHERE s.shift_id = $1 AND p.ended_at IS NULL",
        shift.id,
        shift.starts_at,
        shift.ends_at,
    )
    people = await people_of(row["place_id"] for row in rows)
    everyone = {id_ for concerned in people.values() for id_ in concerned}
    overlapping = {id_ for row in rows if row["overlaps"] for id_ in people[row["place_id"]]}
    await notify(overlapping, messages.SHIFT_MOVED_OVERLAPPING, shift=shift.id, was=was_at)
    await notify(everyone - overlapping, messages.SHIFT_MOVED, shift=shift.id, was=was_at)


def _apply(shift: Shift, change: ShiftChange) -> None:
    """The change in the row, not saved yet."""
    moved = change.starts_at - shift.starts_at if isinstance(change.starts_at, datetime) else timedelta()
    for name in ("starts_at", "ends_at", "sign_up_closes_at", "cancel_until"):
        given = getattr(change, name)
        setattr(shift, name, getattr(shift, name) + moved if given is UNSET else given)
    for name in ("sign_up_opens_at", "leader_id", "minimum"):
        if (given := getattr(change, name)) is not UNSET:
            setattr(shift, name, given)


async def _allotments_of(*shift_ids: str) -> list[str]:
    """The allotments of these shifts' roles, in the order in which they are locked."""
    rows = await fetch(
        "SELECT allotment_id FROM shift_role WHERE shift_id = ANY($1::uuid[]) ORDER BY allotment_id", list(shift_ids)
    )
    return [row["allotment_id"] for row in rows]
