"""What figures give."""

from server.figures import counting, messages
from server.figures.assessments import evaluating, views
from server.figures.warnings import handling, looking
from server.foundation.feature import Feature
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.figures.models", "server.figures.warnings.models", "server.figures.assessments.models"),
    sweeps=(counting.COUNT_MONTHS, looking.LOOK),
    messages=events_in(messages),
    subjects={"figure_warning": handling.describe_warnings, "assessment": views.describe_assessments},
    desk=(handling.QUEUE,),
    mergers=(evaluating.move_evaluations,),
    erasers=(evaluating.erase_evaluations,),
    personal_copy=evaluating.SHEETS,
)
