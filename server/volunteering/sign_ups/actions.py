"""What a person could do with a shift now, told before the tap."""

from functools import partial

from server.foundation.actions import ActionView, try_each, try_out
from server.volunteering.models import ShiftRole, SignUp
from server.volunteering.queries import require_visible_shift
from server.volunteering.sign_ups.queries import get_sign_up
from server.volunteering.sign_ups.signing_up import accept_shift_offer, cancel_sign_up, decline_shift_offer, sign_up


async def list_shift_actions(person_id: str, shift_id: str) -> list[ActionView]:
    """Whether one could sign up, for each role (`of`); or what one can do with the place that one has or waits for.
    Raises NotFound."""
    await require_visible_shift(person_id, shift_id)
    mine = await SignUp.get_or_none(shift_id=shift_id, person_id=person_id, place__ended_at=None)
    if mine is None:
        return [
            await try_out("sign_up", partial(sign_up, person_id, shift_id, role.id), of=role.id)
            for role in await ShiftRole.filter(shift_id=shift_id).order_by("id")
        ]
    return await try_each(
        await get_sign_up(person_id, mine.id),
        {
            "accept": lambda: accept_shift_offer(person_id, mine.id),
            "decline": lambda: decline_shift_offer(person_id, mine.id),
            "cancel": lambda: cancel_sign_up(person_id, mine.id),
        },
        of=mine.shift_role_id,
    )
