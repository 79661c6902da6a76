"""What announcements give."""

from server.announcements import messages, queries, service
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.announcements.models",),
    sweeps=(service.TELL_NEXT_PERSONS,),
    messages=events_in(messages),
    subjects={"announcement": queries.describe_announcements},
)
