"""What 网格事项 gives."""

from server.foundation.feature import Feature
from server.grid_cases import (
    checking,
    contact,
    delays,
    desk,
    home,
    leaving,
    messages,
    partners,
    person_page,
    personal_copy,
    queries,
    reporting,
)
from server.moderation.verdicts import texts_from
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.grid_cases.models",),
    sweeps=(checking.CLOSE_CASES, delays.RESUME_CASES, contact.FORGET_CASE_CONTACTS),
    effects={partners.CASE_WEBHOOK: partners.WEBHOOKS},
    texts={"grid_case": texts_from("SELECT text, place FROM grid_case WHERE id = $1")},
    verdicts={"grid_case": reporting.settle_case_check},
    messages=events_in(messages),
    subjects={"grid_case": queries.describe_cases},
    organization_closed=(leaving.move_cases_of_closed,),
    mergers=(leaving.move_cases,),
    leavers=(leaving.end_following_of,),
    open_matters=(leaving.open_cases_of,),
    erasers=(leaving.erase_cases_of,),
    business=(queries.has_reported,),
    personal_copy=personal_copy.SHEETS,
    home=home.LINES,
    person_page=person_page.SECTIONS,
    desk=desk.QUEUES,
)
