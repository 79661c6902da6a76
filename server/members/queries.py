"""Members in words: their names, and where their memberships are kept."""

from collections.abc import Iterable

from server.accounts.details import Details, read_details
from server.accounts.masking import mask_name
from server.members.homes import describe_homes
from server.members.memberships import MemberFacts, open_memberships


async def details_of_members(facts: dict[str, MemberFacts]) -> dict[str, Details]:
    """Membership → personal data in clear, empty where unknown; the caller masks them or audits the view."""
    details = await read_details([fact.person_id for fact in facts.values()])
    return {membership_id: details.get(fact.person_id, Details()) for membership_id, fact in facts.items()}


async def homes_of_members(members: Iterable[MemberFacts]) -> dict[str, str]:
    """Membership → the home organization's name: ours where it is matched, or else the member's own words."""
    facts = list(members)
    names = await describe_homes({fact.home_organization_id for fact in facts if fact.home_organization_id})
    return {fact.membership_id: names.get(fact.home_organization_id or "") or fact.home_text for fact in facts}


async def describe_memberships(membership_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The masked name; messages that use it go only to staff and to the member's contact person."""
    details = await details_of_members(await open_memberships(membership_ids))
    return {id_: {"id": id_, "name": mask_name(known.real_name)} for id_, known in details.items()}
