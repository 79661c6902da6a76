"""What announcements give."""

from server.announcements import jobs, messages, queries
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.announcements.models",),
    sweeps=jobs.SWEEPS,
    messages=events_in(messages),
    subjects={"announcement": queries.describe_announcements},
)
