"""Granting and ending roles. Only managers grant, only within what they manage, and some manager always remains."""

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, exists, fetch, fetch_one, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.notifications.telling import notify
from server.organizations import messages
from server.organizations.access import holds_role, require_role
from server.organizations.models import AREA_LEVELS, Level, RoleGrant, RoleKind
from server.organizations.tree import reaching

ROLE_LEVELS: dict[RoleKind, tuple[Level, ...]] = {
    RoleKind.MANAGER: AREA_LEVELS,
    RoleKind.STAFF: AREA_LEVELS,
    RoleKind.OBSERVER: AREA_LEVELS,
    RoleKind.GRID_WORKER: (Level.GRID,),
    RoleKind.LIAISON: (Level.UNIT,),
}
"""Where each role can be held."""


class RoleHeld(Refusal):
    code, title, status = "role_held", "该人员已担任此角色", 409


class LastManager(Refusal):
    code, title, status = "last_manager", "请先指定其他管理员，再撤销最后一位管理员", 409


async def grant_role(actor_id: str | None, person_id: str, organization_id: str, kind: RoleKind) -> str:
    """Give the person a role at an organization; the grant's id. The actor manages it (None: the operator).

    A manager holds the whole work of a subtree, so may pass on every role within it, and none outside or above it.
    Raises InvalidFields (the kind does not fit the level), NotAllowed, NotFound, RoleHeld, WrongState (closed).
    """
    async with transaction():
        # The row is held so that the organization cannot be closed, and its roles ended, meanwhile.
        organization = await fetch_one(
            "SELECT level, closed_at FROM organization WHERE id = $1 FOR SHARE", organization_id
        )
        if organization is None:
            raise NotFound()
        if actor_id is not None:
            await require_role(actor_id, organization_id, (RoleKind.MANAGER,))
        if organization["closed_at"]:
            raise WrongState("该组织已撤销")
        if organization["level"] not in ROLE_LEVELS[kind]:
            raise InvalidFields.of("kind", "该角色不能设在这一级组织")
        async with transaction(role_grant_active=RoleHeld):
            grant = await RoleGrant.create(
                person_id=person_id,
                organization_id=organization_id,
                kind=kind,
                granted_by_id=actor_id,
                granted_at=clock.now(),
            )
        await _record_and_tell("grant_role", actor_id, grant.id, person_id, organization_id, str(kind))
    return grant.id


async def end_role(actor_id: str, role_id: str) -> None:
    """End a role, for managers of its organization and for its holder.

    Raises LastManager when nobody would be left to manage the organization, NotAllowed, NotFound, WrongState (ended).
    """
    async with transaction():
        found = await fetch_one("SELECT organization_id FROM role_grant WHERE id = $1", role_id)
        if found is None:
            raise NotFound()
        organization_id = found["organization_id"]
        # Two managers who end each other's role at once must not both succeed: one organization, one at a time.
        await fetch("SELECT 1 FROM organization WHERE id = $1 FOR NO KEY UPDATE", organization_id)
        grant = await RoleGrant.get(id=role_id)
        if grant.person_id != actor_id and not await holds_role(actor_id, organization_id, (RoleKind.MANAGER,)):
            # Who holds what is told to those who work there only.
            raise NotAllowed() if await holds_role(actor_id, organization_id, RoleKind) else NotFound()
        if grant.ended_at:
            raise WrongState("该角色已结束")
        if grant.kind is RoleKind.MANAGER and not await _has_other_manager(organization_id, role_id):
            raise LastManager()
        grant.ended_at, grant.ended_by_id = clock.now(), actor_id
        await grant.save(update_fields=["ended_at", "ended_by_id"])
        await _record_and_tell("end_role", actor_id, role_id, grant.person_id, organization_id, str(grant.kind))


async def end_roles_at(organization_id: str, actor_id: str) -> None:
    """End every role held exactly at an organization that is being closed, in the caller's transaction."""
    rows = await fetch(
        "UPDATE role_grant SET ended_at = $2, ended_by_id = $3 WHERE organization_id = $1 AND ended_at IS NULL "
        "RETURNING id, person_id, kind",
        organization_id,
        clock.now(),
        actor_id,
    )
    for row in rows:
        await _record_and_tell("end_role", actor_id, row["id"], row["person_id"], organization_id, row["kind"])


async def move_roles(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one: roles become those of `into_id`, in the caller's transaction; what both hold
    stays with each."""
    await execute(
        "UPDATE role_grant SET person_id = $2 WHERE person_id = $1 AND ended_at IS NULL AND NOT EXISTS (SELECT 1 "
        "FROM role_grant o WHERE o.person_id = $2 AND o.organization_id = role_grant.organization_id "
        "AND o.kind = role_grant.kind AND o.ended_at IS NULL)",
        from_id,
        into_id,
    )


async def _has_other_manager(organization_id: str, role_id: str) -> bool:
    """Whether somebody else manages it. Managers above count; theirs cannot be the last when it ends, so one stays."""
    return await exists(
        "SELECT 1 FROM role_grant g JOIN organization held ON held.id = g.organization_id "
        f"WHERE {reaching('held.path', '$1')} AND g.kind = 'manager' "
        "AND g.ended_at IS NULL AND g.id <> $2",
        organization_id,
        role_id,
    )


async def _record_and_tell(
    action: str, actor_id: str | None, role_id: str, person_id: str, organization_id: str, kind: str
) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("role", role_id),
        person_id=person_id,
        organization_id=organization_id,
        kind=kind,
    )
    event = messages.ROLE_GRANTED if action == "grant_role" else messages.ROLE_ENDED
    await notify([person_id], event, organization=organization_id, kind=kind)
