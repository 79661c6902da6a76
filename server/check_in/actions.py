"""What a member, and the community's staff, could do with a check-in now, told before the tap."""

from server.check_in.checking_in import (
    CheckInApplication,
    Talents,
    apply_check_in_again,
    assign_grid,
    change_talents,
    confirm_check_in,
    end_check_in,
    refuse_check_in,
    require_matchable,
    return_check_in,
    withdraw_check_in,
)
from server.check_in.models import CheckIn
from server.check_in.queries import get_check_in_card, get_my_check_ins, list_my_check_ins
from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.errors import NotFound
from server.members.memberships import membership_of, open_memberships
from server.organizations.access import require_role_or_hide

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_check_in_actions(person_id: str, check_in_id: str) -> list[ActionView]:
    """What the member could do with a check-in of their own. Raises NotFound."""
    membership_id = await membership_of(person_id)
    check_in = await CheckIn.get_or_none(id=check_in_id, membership_id=membership_id) if membership_id else None
    if membership_id is None or check_in is None:
        raise NotFound()
    member = (await open_memberships([membership_id]))[membership_id]
    (shown,) = await list_my_check_ins(membership_id, check_in_id)
    talents = {name: getattr(shown, name) for name in Talents.__struct_fields__}
    same = CheckInApplication(
        community_id=check_in.community_id,
        kind=member.kind,
        home_organization_id=member.home_organization_id,
        home_text=member.home_text,
        via_unit_id=check_in.via_unit_id,
        **talents,
    )
    verbs: dict[str, Verb] = {
        "change": lambda: apply_check_in_again(person_id, check_in_id, check_in.version, same),
        "change_talents": lambda: change_talents(person_id, check_in_id, check_in.version, Talents(**talents)),
        "withdraw": lambda: withdraw_check_in(person_id, check_in_id, _WORDS),
    }
    return await try_each(await get_my_check_ins(person_id), verbs)


async def list_check_in_actions_of_staff(actor_id: str, check_in_id: str) -> list[ActionView]:
    """What the community's staff could do with a member's check-in. Raises NotFound to all others."""
    check_in = await CheckIn.get_or_none(id=check_in_id)
    if check_in is None:
        raise NotFound()
    await require_role_or_hide(actor_id, check_in.community_id)

    async def assign() -> None:
        # Which grid is not chosen yet: the one that it has stands for another.
        await assign_grid(actor_id, check_in_id, check_in.grid_id)

    verbs: dict[str, Verb] = {
        "confirm": lambda: confirm_check_in(actor_id, check_in_id, grid_id=check_in.grid_id),
        "return": lambda: return_check_in(actor_id, check_in_id, _WORDS),
        "refuse": lambda: refuse_check_in(actor_id, check_in_id, _WORDS),
        "assign_grid": assign,
        "match_home": lambda: require_matchable(actor_id, check_in_id),
        "end": lambda: end_check_in(actor_id, check_in_id, _WORDS),
    }
    return await try_each(await get_check_in_card(check_in_id), verbs)
