"""Who may do what where: roles are held at an organization and reach its whole subtree."""

from collections.abc import Iterable

from server.foundation.database import exists, fetch
from server.foundation.errors import NotAllowed, NotFound, Refusal
from server.organizations.models import RoleKind
from server.organizations.tree import reaching

WORKERS = (RoleKind.STAFF, RoleKind.MANAGER)
"""Who does the daily work of an organization: its staff, and its manager."""
READERS = (RoleKind.STAFF, RoleKind.MANAGER, RoleKind.OBSERVER)
"""Who may look at an organization's work."""
GRID_WORKERS = (RoleKind.GRID_WORKER, RoleKind.STAFF, RoleKind.MANAGER)
LIAISONS = (RoleKind.LIAISON,)
"""Who acts for a unit."""


class OwnMatter(Refusal):
    """Nobody decides about themselves: another one has to."""

    code, title, status = "own_matter", "与自己有关的事项须由另一位工作人员处理", 403


def require_another(actor_id: str | None, *concerned: str | None) -> None:
    """Raises OwnMatter where the actor is one of those whom the decision concerns."""
    if actor_id is not None and actor_id in concerned:
        raise OwnMatter()


def kinds_held(person: str, organization: str, *, own_liaisons: bool = False) -> str:
    """SQL: the kinds of the roles that a person holds at an organization or above it, where they are asked for together
    with something else. `own_liaisons`: a liaison's is of their own unit alone."""
    of_kind = f" AND (g.kind <> 'liaison' OR g.organization_id = {organization})" if own_liaisons else ""
    return (
        "ARRAY(SELECT g.kind FROM role_grant g JOIN organization held ON held.id = g.organization_id "
        f"WHERE g.person_id = {person} AND g.ended_at IS NULL AND {reaching('held.path', organization)}{of_kind})"
    )


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


def require_one_of(held: Iterable[str], kinds: Iterable[RoleKind]) -> None:
    """The same where `kinds_held` has told already."""
    if {str(kind) for kind in kinds}.isdisjoint(held):
        raise NotAllowed("您在该组织没有相应的工作权限")


async def require_role_or_hide(person_id: str, organization_id: str, kinds: Iterable[RoleKind] = WORKERS) -> None:
    """The same for private things: to those without the role they do not exist (NotFound)."""
    if not await holds_role(person_id, organization_id, kinds):
        raise NotFound()


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
