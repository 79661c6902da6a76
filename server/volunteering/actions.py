"""What could be done with sign-ups, activities and shifts now, told before the tap."""

from datetime import timedelta
from functools import partial

from server.foundation import clock
from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.errors import NotFound
from server.foundation.rating import NewRating
from server.volunteering.access import ORGANIZERS, require_leader_or_staff
from server.volunteering.activities import (
    ActivityText,
    cancel_activity,
    change_activity,
    publish_activity,
    return_activity,
    submit_activity,
)
from server.volunteering.attendance.door import Newcomer, add_at_the_door
from server.volunteering.hours.ratings import rate_shift, rate_volunteer
from server.volunteering.models import Activity, ShiftRole, SignUp
from server.volunteering.queries import ActivityView
from server.volunteering.shifts.adding import NewRole, NewShift, add_shifts
from server.volunteering.shifts.changing import ShiftChange, cancel_shift, change_role_capacity, change_shift
from server.volunteering.sign_ups.queries import get_sign_up
from server.volunteering.sign_ups.signing_up import (
    accept_shift_offer,
    cancel_sign_up,
    decline_shift_offer,
    remove_sign_up,
)
from server.volunteering.staff_queries import get_staff_activity
from server.volunteering.steps import get_shift

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_sign_up_actions(person_id: str, sign_up_id: str) -> list[ActionView]:
    """What one could do with one's own sign-up, or that of somebody one looks after. Raises NotFound."""
    seen = await get_sign_up(person_id, sign_up_id)
    return await try_each(
        seen,
        {
            "accept": lambda: accept_shift_offer(person_id, sign_up_id),
            "decline": lambda: decline_shift_offer(person_id, sign_up_id),
            "cancel": lambda: cancel_sign_up(person_id, sign_up_id),
            "rate": lambda: rate_shift(person_id, sign_up_id, NewRating(stars=5, text=_WORDS)),
        },
    )


async def list_sign_up_actions_of_staff(actor_id: str, sign_up_id: str) -> list[ActionView]:
    """What those who run the shift could do with somebody's sign-up. Raises NotFound."""
    sign_up = await SignUp.get_or_none(id=sign_up_id)
    if sign_up is None:
        raise NotFound()
    shift = await get_shift(sign_up.shift_id)
    await require_leader_or_staff(actor_id, shift, ORGANIZERS)
    return await try_each(
        await get_staff_activity(actor_id, shift.activity_id),
        {
            "remove": lambda: remove_sign_up(actor_id, sign_up_id, _WORDS),
            "rate": lambda: rate_volunteer(actor_id, sign_up_id, NewRating(stars=5, text=_WORDS)),
        },
    )


async def list_activity_actions_of_staff(actor_id: str, activity_id: str) -> list[ActionView]:
    """What its organizer, the leader of its team or a reviewer could do. Raises NotFound."""
    seen = await get_staff_activity(actor_id, activity_id)
    activity = await Activity.get(id=activity_id)
    words = ActivityText(**{name: getattr(activity, name) for name in ActivityText.__struct_fields__})
    verbs: dict[str, Verb] = {
        "change": lambda: change_activity(actor_id, activity_id, seen.version, words),
        "submit": lambda: submit_activity(actor_id, activity_id),
        "return": lambda: return_activity(actor_id, activity_id, _WORDS),
        "publish": lambda: publish_activity(actor_id, activity_id, seen.version),
        "add_shifts": lambda: _try_to_add_shifts(actor_id, seen),
        "cancel": lambda: cancel_activity(actor_id, activity_id, _WORDS),
    }
    return await try_each(seen, verbs)


async def list_shift_actions_of_staff(actor_id: str, shift_id: str) -> list[ActionView]:
    """What those who run a shift could do with it, and with each of its roles (`of`). Raises NotFound."""
    shift = await get_shift(shift_id)
    seen = await get_staff_activity(actor_id, shift.activity_id)
    found = await try_each(
        seen,
        {
            "change": lambda: change_shift(actor_id, shift_id, shift.version, ShiftChange()),
            "cancel": lambda: cancel_shift(actor_id, shift_id, _WORDS),
        },
    )
    for role in await ShiftRole.filter(shift_id=shift_id).select_related("allotment").order_by("id"):
        more = role.allotment.capacity + 1
        verbs: dict[str, Verb] = {
            "change_capacity": partial(change_role_capacity, actor_id, role.id, more),
            # Somebody new, who is nobody once it is undone.
            "add_sign_up": partial(add_at_the_door, actor_id, shift_id, Newcomer(real_name=_WORDS), role.id),
        }
        found += await try_each(seen, verbs, of=role.id)
    return found


async def _try_to_add_shifts(actor_id: str, seen: ActivityView) -> ActivityView:
    """One more like what is there: a team's leader brings no new roles."""
    role = await ShiftRole.filter(shift__activity_id=seen.id).order_by("id").first()
    assert role, "an activity has a shift, and a shift a role"
    tomorrow = clock.now() + timedelta(days=1)
    like = NewRole(name=role.name, capacity=1, needed_skill=role.needed_skill)
    one = NewShift(starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1), roles=[like])
    return await add_shifts(actor_id, seen.id, [one])
