"""What 共建 gives: the three lists, and claiming of them both ways."""

from server.co_building import desk, leaving, pairings
from server.co_building.claims import claiming
from server.co_building.claims import messages as claim_messages
from server.co_building.claims import queries as claim_queries
from server.co_building.lists import entries, queries
from server.co_building.lists import messages as list_messages
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.co_building.lists.models", "server.co_building.claims.models"),
    sweeps=(entries.LAPSE_ENTRIES, claiming.LAPSE_CLAIMS),
    messages=events_in(list_messages, claim_messages),
    subjects={"list_entry": queries.describe_entries, "list_claim": claim_queries.describe_claims},
    organization_closed=(leaving.move_entries_of_closed,),
    pairing_ended=(claiming.end_claims_of_pairing,),
    takes={"pairings": pairings.PAIRINGS},
    desk=desk.QUEUES,
)
