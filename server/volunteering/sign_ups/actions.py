"""What a person could do with a shift now, told before the tap."""

from collections.abc import Awaitable, Callable
from functools import partial

from server.foundation.actions import ActionView, try_out
from server.places.models import PlaceState
from server.volunteering.models import ShiftRole, SignUp
from server.volunteering.queries import require_visible_shift
from server.volunteering.sign_ups.queries import SignUpView
from server.volunteering.sign_ups.signing_up import accept_shift_offer, cancel_sign_up, decline_shift_offer, sign_up


async def list_shift_actions(person_id: str, shift_id: str) -> list[ActionView]:
    """Whether one could sign up, for each role (`of`); or what one can do with the place that one has or waits for.
    Raises NotFound."""
    await require_visible_shift(person_id, shift_id)
    mine = await SignUp.get_or_none(shift_id=shift_id, person_id=person_id, place__ended_at=None).select_related(
        "place"
    )
    if mine is None:
        return [
            await try_out("sign_up", partial(sign_up, person_id, shift_id, role.id), of=role.id)
            for role in await ShiftRole.filter(shift_id=shift_id).order_by("id")
        ]
    verbs: dict[str, Callable[[str, str], Awaitable[SignUpView]]] = {"cancel": cancel_sign_up}
    if mine.place.state is PlaceState.OFFERED:
        verbs = {"accept": accept_shift_offer, "decline": decline_shift_offer}
    return [
        await try_out(action, partial(verb, person_id, mine.id), of=mine.shift_role_id)
        for action, verb in verbs.items()
    ]
