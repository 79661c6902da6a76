"""What teams give."""

from server.foundation.feature import Feature
from server.moderation.verdicts import texts_from
from server.notifications.events import events_in
from server.teams import messages, personal_copy, teams

FEATURE = Feature(
    models=("server.teams.models",),
    messages=events_in(messages),
    subjects={"team": teams.describe_teams},
    texts={"team": texts_from("SELECT name FROM team WHERE id = $1")},
    verdicts={"team": teams.settle_team_check},
    mergers=(teams.move_teams,),
    leavers=(teams.leave_all_teams,),
    open_matters=(teams.open_teams_of,),
    business=(teams.is_in_team_of,),
    personal_copy=personal_copy.SHEETS,
)
