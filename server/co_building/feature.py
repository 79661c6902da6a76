"""What 共建 gives: the three lists, claiming of them both ways, and joint meetings."""

from server.co_building import desk, leaving, pairings
from server.co_building.claims import claiming
from server.co_building.claims import messages as claim_messages
from server.co_building.claims import queries as claim_queries
from server.co_building.lists import entries, queries
from server.co_building.lists import messages as list_messages
from server.co_building.meetings import desk as meetings_desk
from server.co_building.meetings import members, views
from server.co_building.meetings import messages as meeting_messages
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=tuple(f"server.co_building.{part}.models" for part in ("lists", "claims", "meetings")),
    sweeps=(entries.LAPSE_ENTRIES, claiming.LAPSE_CLAIMS),
    messages=events_in(list_messages, claim_messages, meeting_messages),
    subjects={
        "list_entry": queries.describe_entries,
        "list_claim": claim_queries.describe_claims,
        "joint_meeting": views.describe_meetings,
        "meeting_resolution": views.describe_resolutions,
    },
    organization_closed=(leaving.move_entries_of_closed, members.move_meetings_of_closed),
    pairing_ended=(claiming.end_claims_of_pairing,),
    mergers=(members.move_meeting_members,),
    leavers=(members.end_meeting_members_of,),
    erasers=(members.erase_meeting_members_of,),
    personal_copy=members.SHEETS,
    takes={"pairings": pairings.PAIRINGS},
    desk=(*desk.QUEUES, *meetings_desk.QUEUES),
)
