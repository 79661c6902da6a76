"""What the trees of organizations give, and who follows when one is closed."""

from server.foundation.feature import Feature
from server.notifications.events import events_in
from server.organizations import changing, desk, messages, queries, roles

FEATURE = Feature(
    models=("server.organizations.models",),
    messages=events_in(messages),
    subjects={
        "organization": queries.describe_organizations,
        "party_organization": queries.describe_party_organizations,
    },
    mergers=(roles.move_roles,),
    takes={"organization_closed": changing.CLOSED, "desk": desk.QUEUES},
)
