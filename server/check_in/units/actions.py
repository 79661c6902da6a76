"""What a unit's liaison, and the place's staff, could do with a unit's check-in now, told before the tap."""

from server.check_in.units.models import UnitCheckIn
from server.check_in.units.queries import get_unit_check_in, get_unit_check_in_card
from server.check_in.units.unit_check_in import (
    UnitApplication,
    accept_unit_check_in,
    apply_unit_check_in_again,
    change_unit_contact,
    change_unit_dates,
    end_unit_check_in,
    end_unit_pairing,
    refuse_unit_check_in,
    return_unit_check_in,
    withdraw_unit_check_in,
)
from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.dates import today
from server.foundation.errors import NotFound
from server.organizations.access import LIAISONS, require_role_or_hide

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_unit_check_in_actions(actor_id: str, unit_check_in_id: str) -> list[ActionView]:
    """What the unit's liaison could do. Raises NotFound to all others."""
    await require_role_or_hide(actor_id, (await _get(unit_check_in_id)).unit_id, LIAISONS)
    seen = await get_unit_check_in(unit_check_in_id)
    same = UnitApplication(**{name: getattr(seen, name) for name in UnitApplication.__struct_fields__})
    id_, version = unit_check_in_id, seen.version
    verbs: dict[str, Verb] = {
        "change": lambda: apply_unit_check_in_again(actor_id, id_, version, same),
        "withdraw": lambda: withdraw_unit_check_in(actor_id, id_, _WORDS),
        "change_contact": lambda: change_unit_contact(
            actor_id, id_, version, contact=seen.contact, member_count=seen.member_count
        ),
        "end": lambda: end_unit_check_in(actor_id, id_, _WORDS),
    }
    return await try_each(seen, verbs)


async def list_unit_check_in_actions_of_staff(actor_id: str, unit_check_in_id: str) -> list[ActionView]:
    """What the place's staff could do. Raises NotFound to all others."""
    await require_role_or_hide(actor_id, (await _get(unit_check_in_id)).area_id)
    seen = await get_unit_check_in_card(unit_check_in_id)
    id_ = unit_check_in_id
    verbs: dict[str, Verb] = {
        "accept": lambda: accept_unit_check_in(actor_id, id_, starts_on=today(), ends_on=None),
        "return": lambda: return_unit_check_in(actor_id, id_, _WORDS),
        "refuse": lambda: refuse_unit_check_in(actor_id, id_, _WORDS),
        "change_dates": lambda: change_unit_dates(actor_id, id_, seen.version, ends_on=None),
        "end": lambda: end_unit_pairing(actor_id, id_, _WORDS),
    }
    return await try_each(seen, verbs)


async def _get(unit_check_in_id: str) -> UnitCheckIn:
    found = await UnitCheckIn.get_or_none(id=unit_check_in_id)
    if found is None:
        raise NotFound()
    return found
