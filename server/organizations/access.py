"""Who may do what where: roles are held at an organization and reach its whole subtree."""

from collections.abc import Iterable

from server.foundation.database import exists, fetch
from server.foundation.errors import NotAllowed, NotFound
from server.organizations.models import RoleKind
from server.organizations.tree import reaching

WORKERS = (RoleKind.STAFF, RoleKind.MANAGER)
"""Who does the daily work of an organization: its staff, and its manager."""
READERS = (RoleKind.STAFF, RoleKind.MANAGER, RoleKind.OBSERVER)
"""Who may look at an organization's work."""
GRID_WORKERS = (RoleKind.GRID_WORKER, RoleKind.STAFF, RoleKind.MANAGER)
LIAISONS = (RoleKind.LIAISON,)
"""Who acts for a unit."""


async def holds_role(person_id: str, organization_id: str, kinds: Iterable[RoleKind]) -> bool:
    """Whether the person holds one of the roles at this organization or above it."""
    return await exists(
        "SELECT 1 FROM role_grant g JOIN organization held ON held.id = g.organization_id "
        f"WHERE g.person_id = $1 AND g.ended_at IS NULL AND g.kind = ANY($3) AND {reaching('held.path', '$2')}",
        person_id,
        organization_id,
        [str(kind) for kind in kinds],
    )


async def holds_role_at(person_id: str, organization_id: str, kinds: Iterable[RoleKind] = RoleKind) -> bool:
    """Whether the person holds one of the roles at this very organization."""
    return await exists(
        "SELECT 1 FROM role_grant WHERE person_id = $1 AND organization_id = $2 "
        "AND ended_at IS NULL AND kind = ANY($3)",
        person_id,
        organization_id,
        [str(kind) for kind in kinds],
    )


async def holds_role_anywhere(person_id: str, kinds: Iterable[RoleKind] = WORKERS) -> bool:
    """Whether the person holds one of the roles at any organization."""
    return await exists(
        "SELECT 1 FROM role_grant WHERE person_id = $1 AND ended_at IS NULL AND kind = ANY($2)",
        person_id,
        [str(kind) for kind in kinds],
    )


async def require_role(person_id: str, organization_id: str, kinds: Iterable[RoleKind] = WORKERS) -> None:
    """Raises NotAllowed when the person holds none of the roles over this organization."""
    if not await holds_role(person_id, organization_id, kinds):
        raise NotAllowed("您在该组织没有相应的工作权限")


async def require_role_or_hide(person_id: str, organization_id: str, kinds: Iterable[RoleKind] = WORKERS) -> None:
    """The same for private things: to those without the role they do not exist (NotFound)."""
    if not await holds_role(person_id, organization_id, kinds):
        raise NotFound()


async def require_power_over(actor_id: str, person_id: str, organization_id: str) -> None:
    """For acts upon the account of somebody who belongs to an organization: raises NotFound to those who do not manage
    it, and NotAllowed for one's own, and where they hold a role outside the areas that the actor manages, or above."""
    await require_role_or_hide(actor_id, organization_id, (RoleKind.MANAGER,))
    if actor_id == person_id:
        raise NotAllowed("与自己有关的事项须由另一位管理员处理")
    if await exists(
        "SELECT 1 FROM role_grant g JOIN organization o ON o.id = g.organization_id "
        "WHERE g.person_id = $2 AND g.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM role_grant mine "
        "JOIN organization held ON held.id = mine.organization_id WHERE mine.person_id = $1 "
        "AND mine.ended_at IS NULL AND mine.kind = 'manager' AND held.path @> o.path)",
        actor_id,
        person_id,
    ):
        raise NotAllowed("该人员在您的管理范围之外任职，请联系上级管理员")


async def role_holders(
    organization_id: str, kinds: Iterable[RoleKind] = WORKERS, *, besides: str | None = None
) -> list[str]:
    """The persons to tell about something at this organization: those who hold a role exactly there, or, where nobody
    does, at the nearest organization above. `besides` is somebody who does not count."""
    rows = await fetch(
        "SELECT g.person_id, nlevel(held.path) AS depth FROM role_grant g "
        "JOIN organization held ON held.id = g.organization_id "
        f"WHERE g.ended_at IS NULL AND g.kind = ANY($2) AND {reaching('held.path', '$1')} "
        "AND g.person_id IS DISTINCT FROM $3::uuid ORDER BY depth DESC",
        organization_id,
        [str(kind) for kind in kinds],
        besides,
    )
    return sorted({row["person_id"] for row in rows if row["depth"] == rows[0]["depth"]})
