"""Words for messages about members."""

from collections.abc import Iterable

from server.accounts.details import read_details
from server.accounts.masking import mask_name
from server.members.memberships import open_memberships


async def describe_memberships(membership_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The masked name; messages that use it go only to staff and to the member's contact person."""
    facts = await open_memberships(membership_ids)
    details = await read_details([fact.person_id for fact in facts.values()])
    return {
        membership_id: {
            "id": membership_id,
            "name": mask_name(details[fact.person_id].real_name) if fact.person_id in details else "",
        }
        for membership_id, fact in facts.items()
    }
