"""What could be done with a membership, and with moving it here, told before the tap: by the member, and by staff."""

from server.check_in.contacts import assign_contact
from server.check_in.member_queries import get_member_card, get_my_membership
from server.check_in.registering import MemberContent, change_member, end_member
from server.check_in.transfers import answer_transfer, lock_accepted, offer_transfer
from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.errors import NotFound
from server.members.memberships import open_membership
from server.members.models import MemberKind, Membership
from server.organizations.access import require_role_or_hide

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_transfer_actions(person_id: str) -> list[ActionView]:
    """What one could answer to the invitation to move the membership. Raises NotFound for who is no member."""
    verbs: dict[str, Verb] = {
        "accept": lambda: answer_transfer(person_id, accept=True),
        "decline": lambda: answer_transfer(person_id, accept=False),
    }
    return await try_each(await get_my_membership(person_id), verbs)


async def list_member_actions(actor_id: str, membership_id: str) -> list[ActionView]:
    """What the community's staff could do with a member there. Raises NotFound to all others."""
    membership = await Membership.get_or_none(id=membership_id, ended_at=None)
    if membership is None or membership.community_id is None:
        raise NotFound()
    await require_role_or_hide(actor_id, membership.community_id)
    seen, facts = await get_member_card(membership_id), open_membership(membership)
    same = MemberContent(
        kind=facts.kind,
        home_organization_id=facts.home_organization_id,
        home_text=facts.home_text,
        note=facts.note,
    )

    async def assign() -> None:
        # Who is not chosen yet: the one that there is stands for another.
        await assign_contact(actor_id, membership_id, facts.contact_person_id)

    verbs: dict[str, Verb] = {
        "change": lambda: change_member(actor_id, membership_id, membership.version, same),
        "assign_contact": assign,
        "offer_transfer": lambda: offer_transfer(actor_id, membership_id),
        # To which Party organization is not chosen yet.
        "complete_transfer": lambda: lock_accepted(actor_id, membership_id),
        "end": lambda: end_member(actor_id, membership_id, _WORDS),
    }
    # What is only for another kind of member needs no words.
    for kind, name in ((MemberKind.FLOATING, "assign_contact"), (MemberKind.RETIRED, "offer_transfer")):
        if facts.kind is not kind:
            del verbs[name]
    return await try_each(seen, verbs)
