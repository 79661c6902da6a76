"""Somebody comes to a shift without having signed up: whoever runs it adds them at the door."""

import msgspec

from server.accounts.registry import find_or_register
from server.foundation import clock
from server.foundation.database import transaction
from server.foundation.ids import Id
from server.notifications.telling import notify
from server.organizations.access import GRID_WORKERS, require_another
from server.places.line import lock_allotment
from server.places.models import PlaceState
from server.volunteering import messages
from server.volunteering.access import require_organizer
from server.volunteering.attendance.roster import SignUpRow, show_sign_ups
from server.volunteering.models import SignUp
from server.volunteering.sign_ups.deciding import ensure_free_time, hold_times
from server.volunteering.sign_ups.errors import ShiftFull, ShiftStarted
from server.volunteering.sign_ups.signing_up import role_of, take_for
from server.volunteering.steps import audit_sign_up, get_shift, lock_shift


class Newcomer(msgspec.Struct, kw_only=True):
    """Who it is: somebody known, or a name and, where they have one, a phone."""

    person_id: Id | None = None
    real_name: str = ""
    phone: str = ""


async def add_at_the_door(
    actor_id: str, shift_id: str, newcomer: Newcomer, shift_role_id: str | None = None
) -> SignUpRow:
    """A place for them, now: until the shift is over, whatever its deadlines and rules about who may come. Capacity
    holds, and nobody is in two places at one time. Who is in already stays as they are.

    Raises NotFound, OwnMatter, WrongState, ShiftStarted (it is over), InvalidFields, RoleNeeded, ShiftFull, ShiftOff,
    ShiftsOverlap.
    """
    async with transaction():
        found = await get_shift(shift_id)
        await require_organizer(actor_id, found.activity)
        person_id = await find_or_register(
            actor_id,
            found.activity.organizer_id,
            newcomer.person_id,
            real_name=newcomer.real_name,
            phone=newcomer.phone,
            kinds=GRID_WORKERS,
        )
        require_another(actor_id, person_id)
        await hold_times(shift_id, [person_id])
        activity, shift = await lock_shift(actor_id, shift_id)
        if shift.ends_at <= clock.now():
            raise ShiftStarted("该场次已结束，请在出勤中登记")
        role = await role_of(shift_id, shift_role_id)
        mine = await SignUp.get_or_none(shift_role_id=role.id, person_id=person_id, place__ended_at=None)
        if mine is None:
            await ensure_free_time(person_id, shift)
            place = await take_for(await lock_allotment(role.allotment_id), [person_id])
            if place.state is not PlaceState.CONFIRMED:
                raise ShiftFull("名额已满，可先调整名额")
            mine = await SignUp.create(
                place_id=place.id,
                shift_role_id=role.id,
                shift_id=shift_id,
                person_id=person_id,
                signed_up_by_id=actor_id,
            )
            shift.activity = activity
            await audit_sign_up("add_sign_up", actor_id, shift, mine)
            await notify([person_id], messages.SHIFT_CONFIRMED, shift=shift_id)
        return (await show_sign_ups(shift_id, [mine.id])).items[0]
