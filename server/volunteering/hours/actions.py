"""What could be done with minutes of service, and with a no-show, now, told before the tap."""

from server.accounts.queries import require_dependant
from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.database import fetch_value
from server.foundation.errors import NotFound
from server.organizations.access import READERS, holds_role, require_role_or_hide
from server.volunteering.access import LOOKERS, ORGANIZERS, require_leader_or_staff
from server.volunteering.hours.appeals import appeal_no_show, decide_no_show_appeal
from server.volunteering.hours.confirming import approve_hours, correct_hours, refuse_hours
from server.volunteering.hours.models import AppealState, Hours, HoursState, NoShowAppeal
from server.volunteering.hours.queries import show_hours
from server.volunteering.steps import get_shift

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_hours_actions_of_staff(actor_id: str, hours_id: str) -> list[ActionView]:
    """What those who run the shift, or work where its minutes are approved, could do. Raises NotFound."""
    hours = await Hours.get_or_none(id=hours_id)
    if hours is None:
        raise NotFound()
    if not await holds_role(actor_id, hours.organization_id, LOOKERS):
        await require_leader_or_staff(actor_id, await get_shift(hours.shift_id), (*READERS, *ORGANIZERS))
    verbs: dict[str, Verb] = {
        "approve": lambda: approve_hours(actor_id, hours_id),
        "refuse": lambda: refuse_hours(actor_id, hours_id, _WORDS),
        # Fewer minutes need nobody's approval: the least that can be asked.
        "correct": lambda: correct_hours(actor_id, hours_id, 0, _WORDS),
    }
    if hours.state is not HoursState.WAITING:
        del verbs["approve"], verbs["refuse"]
    return await try_each(await show_hours(hours_id), verbs)


async def list_no_show_actions(person_id: str, no_show_id: str) -> list[ActionView]:
    """Whether one could appeal against a no-show of one's own, or of somebody one looks after. Raises NotFound."""
    owner = await fetch_value("SELECT person_id FROM no_show WHERE id = $1 AND purpose = 'shift_role'", no_show_id)
    if owner is None:
        raise NotFound()
    await require_dependant(person_id, owner)
    return await try_each(None, {"appeal": lambda: appeal_no_show(person_id, no_show_id, _WORDS)})


async def list_appeal_actions_of_staff(actor_id: str, appeal_id: str) -> list[ActionView]:
    """Whether the organizer's staff could still decide about an appeal. Raises NotFound to all others."""
    appeal = await NoShowAppeal.get_or_none(id=appeal_id)
    if appeal is None:
        raise NotFound()
    await require_role_or_hide(actor_id, appeal.organizer_id, READERS)
    if appeal.state is not AppealState.SUBMITTED:
        return []
    verbs: dict[str, Verb] = {
        "accept": lambda: decide_no_show_appeal(actor_id, appeal_id, accept=True, decision=_WORDS),
        "refuse": lambda: decide_no_show_appeal(actor_id, appeal_id, accept=False, decision=_WORDS),
    }
    return await try_each(None, verbs)
