"""Who may organize activities, lead a shift, and look at either."""

from server.organizations.access import GRID_WORKERS, READERS, holds_role, require_role_or_hide
from server.organizations.models import RoleKind
from server.teams.teams import leads_team
from server.volunteering.models import Activity, Shift

ORGANIZERS = (*GRID_WORKERS, RoleKind.LIAISON)
"""Roles that organize, each at its own level: a grid's worker, a unit's liaison, an area's staff."""

LOOKERS = (*READERS, RoleKind.GRID_WORKER, RoleKind.LIAISON)
"""Roles that see activities of their area in every state."""


async def require_leader_or_staff(person_id: str, shift: Shift, kinds: tuple[RoleKind, ...] = ORGANIZERS) -> None:
    """Raises NotFound unless the person leads the shift or its team, or holds one of the roles at its organizer."""
    activity = shift.activity
    if person_id == shift.leader_id or (activity.team_id and await leads_team(person_id, activity.team_id)):
        return
    await require_role_or_hide(person_id, activity.organizer_id, kinds)


async def require_organizer(actor_id: str, activity: Activity) -> None:
    """Raises NotFound unless the person works for the activity's organizer or leads its team."""
    if activity.team_id is None or not await leads_team(actor_id, activity.team_id):
        await require_role_or_hide(actor_id, activity.organizer_id, ORGANIZERS)


async def may_look(person_id: str, activity: Activity) -> bool:
    """Whether the person sees the activity in any state: works for its organizer or for the area it is seen in, or
    leads its team or a shift of it."""
    return (
        await holds_role(person_id, activity.organizer_id, LOOKERS)
        or await holds_role(person_id, activity.area_id, LOOKERS)
        or bool(activity.team_id and await leads_team(person_id, activity.team_id))
        or await Shift.exists(activity_id=activity.id, leader_id=person_id)
    )
