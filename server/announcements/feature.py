"""What announcements give."""

from server.announcements import messages, queries, reading, sending
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.announcements.models",),
    sweeps=(sending.TELL_NEXT_PERSONS,),
    messages=events_in(messages),
    mergers=(reading.move_reads,),
    erasers=(reading.erase_reads,),
    personal_copy=reading.SHEETS,
    home=(queries.NOTICES,),
    subjects={"announcement": queries.describe_announcements},
)
