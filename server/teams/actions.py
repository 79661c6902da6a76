"""What somebody could do in a team now, told before the tap."""

from functools import partial

from server.foundation.actions import ActionView, Verb, try_each
from server.teams.teams import end_team, get_team, leave_team, remove_from_team, rename_team


async def list_team_actions(person_id: str, team_id: str) -> list[ActionView]:
    """What one could do with a team that one is in; `remove` says whom (`of`). Raises NotFound."""
    team = await get_team(person_id, team_id)
    verbs: dict[str, Verb] = {
        "rename": lambda: rename_team(person_id, team_id, team.version, team.own_name),
        "leave": lambda: leave_team(person_id, team_id),
        "end": lambda: end_team(person_id, team_id),
    }
    found = await try_each(team, verbs)
    for member in team.members:
        if not member.is_leader:
            removing = {"remove": partial(remove_from_team, person_id, team_id, member.person_id)}
            found += await try_each(team, removing, of=member.person_id)
    return found
