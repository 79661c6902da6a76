"""Who acts for a unit, and for a place."""

from server.foundation.database import fetch_value
from server.foundation.errors import NotAllowed
from server.organizations.access import (
    LIAISONS,
    READERS,
    WORKERS,
    holds_role,
    holds_role_at,
    require_role,
    role_holders,
)
from server.organizations.models import Level


async def level_of(organization_id: str) -> Level | None:
    found = await fetch_value("SELECT level FROM organization WHERE id = $1", organization_id)
    return Level(found) if found else None


async def works_for(person_id: str, organization_id: str) -> bool:
    """Whether the person acts for it: a liaison for their unit, staff for a place and all below it."""
    if await level_of(organization_id) is Level.UNIT:
        return await holds_role_at(person_id, organization_id, LIAISONS)
    return await holds_role(person_id, organization_id, WORKERS)


async def require_works_for(person_id: str, organization_id: str) -> None:
    """Raises NotAllowed for somebody else."""
    if not await works_for(person_id, organization_id):
        raise NotAllowed("您在该组织没有相应的工作权限")


async def require_may_read(person_id: str, organization_id: str) -> None:
    """For those who act for it, and for the readers of a place. Raises NotAllowed."""
    if not await works_for(person_id, organization_id):
        await require_role(person_id, organization_id, READERS)


async def people_of(organization_id: str) -> list[str]:
    """Who is told of what concerns it."""
    kinds = LIAISONS if await level_of(organization_id) is Level.UNIT else WORKERS
    return await role_holders(organization_id, kinds)
