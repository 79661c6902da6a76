"""What announcements give."""

from server.announcements import messages, queries, sending
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.announcements.models",),
    sweeps=(sending.TELL_NEXT_PERSONS,),
    messages=events_in(messages),
    home=(queries.NOTICES,),
    subjects={"announcement": queries.describe_announcements},
)
