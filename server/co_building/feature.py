"""What 共建 gives: the three lists."""

from server.co_building import desk, leaving, pairings
from server.co_building.lists import entries, queries
from server.co_building.lists import messages as list_messages
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.co_building.lists.models",),
    sweeps=(entries.LAPSE_ENTRIES,),
    messages=events_in(list_messages),
    subjects={"list_entry": queries.describe_entries},
    organization_closed=(leaving.move_entries_of_closed,),
    takes={"pairings": pairings.PAIRINGS},
    desk=desk.QUEUES,
)
