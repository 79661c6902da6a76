"""Whoever signs in may be known already, from a counter or a roster, and what rests on a name.

A number and a name are not enough for what is somebody's membership: a daughter with her father's phone would have it
by calling herself like him. There, staff ask the person first.
"""

from collections.abc import Awaitable, Callable

from server.accounts import messages
from server.accounts.details import details_of
from server.accounts.merging import merge_persons
from server.accounts.models import RosterLink
from server.foundation.database import exists, fetch
from server.foundation.errors import Refusal
from server.notifications.telling import notify
from server.organizations.access import role_holders

RESTS_ON_NAME: list[Callable[[str], Awaitable[bool]]] = []
"""Whether something that a feature keeps of a person rests on who they are. Filled by wiring.py."""

_SAME = (
    "FROM person_details mine JOIN person_details other ON other.phone_index = mine.phone_index "
    "AND other.real_name_index = mine.real_name_index AND other.person_id <> mine.person_id "
    "JOIN person p ON p.id = other.person_id WHERE mine.person_id = $1 AND mine.phone_verified_at IS NOT NULL "
    "AND p.merged_into_id IS NULL AND p.origin IN ('roster', 'walk_in') "
    "AND NOT EXISTS (SELECT 1 FROM wechat_identity w WHERE w.person_id = other.person_id)"
)
"""SQL: entries with the number that the person $1 verified AND the same name. The name must agree because numbers are
reassigned: a stranger's new number must not inherit someone's past."""


class NameFixed(Refusal):
    code, title, status = "name_fixed", "您的姓名已经核实，或已用于党员登记、证书，如需更正请联系社区工作人员", 409


async def rests_on_name(person_id: str) -> bool:
    """Whether a membership, or a document, rests on the person's name."""
    for rests in RESTS_ON_NAME:
        if await rests(person_id):
            return True
    return False


async def require_free_name(person_id: str) -> None:
    """Raises NameFixed for a name that was verified, or on which something rests: only staff change it."""
    if (await details_of(person_id)).name_is_verified or await rests_on_name(person_id):
        raise NameFixed()


async def link_roster_entries(person_id: str) -> int:
    """Merge entries known by the same phone and name into the person who verified that phone; how many there were. One
    on which a membership rests waits for its staff's word."""
    linked = 0
    # Whom a manager made a colleague before they belonged to any community is known to those colleagues.
    asked = (
        "COALESCE(p.community_id, (SELECT g.organization_id FROM role_grant g WHERE g.person_id = p.id "
        "AND g.ended_at IS NULL ORDER BY g.id LIMIT 1)) AS asked_id"
    )
    for row in await fetch(f"SELECT other.person_id, {asked} {_SAME} ORDER BY other.person_id", person_id):
        if await rests_on_name(row["person_id"]):
            await ask_staff(row["person_id"], person_id, row["asked_id"])
        else:
            await merge_persons(row["person_id"], person_id, actor_id=None)
            linked += 1
    return linked


async def is_same(entry_id: str, person_id: str) -> bool:
    """Whether the entry still has the number that the person verified, and the same name."""
    return await exists(f"SELECT 1 {_SAME} AND other.person_id = $2", person_id, entry_id)


async def ask_staff(entry_id: str, person_id: str, organization_id: str | None) -> None:
    """Staff are asked, once, whether the person is the one on their roster; the person is told to expect it."""
    if organization_id is None or await RosterLink.exists(entry_id=entry_id, person_id=person_id):
        return
    await RosterLink.create(entry_id=entry_id, person_id=person_id, organization_id=organization_id)
    await notify(await role_holders(organization_id), messages.LINK_TO_CONFIRM, person=person_id)
    await notify([person_id], messages.LINK_WAITS, organization=organization_id)
