"""For whom a member serves: the grid of the active check-in, the unit of the home organization."""

from server.foundation.database import fetch_one, fetch_value
from server.members.homes import host_of_home
from server.members.memberships import MemberFacts, index_of, open_memberships
from server.service_record.recording import Belonging


async def belonging_of(person_id: str) -> Belonging:
    """What the service record stamps on a member's entries; nothing for those who are not checked in.

    (For others it stamps what they said of themselves, see service_record/ranking.py: a stamp alone tells no member.)
    """
    active = await fetch_one(
        "SELECT c.membership_id, c.grid_id FROM membership m JOIN check_in c ON c.membership_id = m.id "
        "WHERE m.person_index = $1 AND m.ended_at IS NULL AND c.state = 'confirmed'",
        index_of(person_id),
    )
    if active is None:
        return Belonging()
    facts = (await open_memberships([active["membership_id"]]))[active["membership_id"]]
    return Belonging(active["grid_id"], await unit_of(facts))


async def unit_of(facts: MemberFacts) -> str | None:
    """The open unit here that the member's home organization belongs to."""
    if facts.home_organization_id is None:
        return None
    unit_id: str | None = await fetch_value(
        "SELECT id FROM organization WHERE id = $1 AND level = 'unit' AND closed_at IS NULL",
        await host_of_home(facts.home_organization_id),
    )
    return unit_id
