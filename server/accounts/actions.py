"""What could be done with two entries that may be one person, told before the tap: by the two, and by staff."""

from server.accounts.merges import MyMerges, confirm_merge, decline_merge, list_my_merges
from server.accounts.models import LinkState, RosterLink
from server.accounts.roster_links import confirm_roster_link, refuse_roster_link
from server.foundation.actions import ActionView, Verb, try_each
from server.foundation.errors import NotFound
from server.organizations.access import require_role_or_hide


async def list_merge_actions(person_id: str, proposal_id: str) -> list[ActionView]:
    """What one could answer to being held for somebody else. Raises NotFound, also for what is answered or over."""
    seen = await list_my_merges(person_id)
    if proposal_id not in {merge.id for merge in seen.items}:
        raise NotFound()

    async def confirm() -> MyMerges:
        await confirm_merge(person_id, proposal_id)
        # Who has said so once, and waits for the other, has nothing more to say.
        return await list_my_merges(person_id)

    return await try_each(seen, {"confirm": confirm, "decline": lambda: decline_merge(person_id, proposal_id)})


async def list_roster_link_actions(actor_id: str, link_id: str) -> list[ActionView]:
    """What staff could decide about somebody who would be a member of a roster. Raises NotFound to all others."""
    link = await RosterLink.get_or_none(id=link_id)
    if link is None:
        raise NotFound()
    await require_role_or_hide(actor_id, link.organization_id)
    if link.state is not LinkState.WAITING:
        return []
    verbs: dict[str, Verb] = {
        "confirm": lambda: confirm_roster_link(actor_id, link_id),
        "refuse": lambda: refuse_roster_link(actor_id, link_id),
    }
    return await try_each(link, verbs)
