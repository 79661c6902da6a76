"""What the ledger of minutes and points gives, and who tells to which grid and unit they count."""

from server.accounts.models import ConsentKind
from server.foundation.feature import Feature
from server.notifications.events import events_in
from server.service_record import messages, person_page, personal_copy, queries, ranking, recording

FEATURE = Feature(
    models=("server.service_record.models",),
    messages=events_in(messages),
    mergers=(recording.move_service_record,),
    consent_withdrawn=((ConsentKind.SHOW_IN_RANKING, ranking.forget_places),),
    business=(queries.has_served,),
    personal_copy=personal_copy.SHEETS,
    person_page=person_page.SECTIONS,
    belonging=(ranking.belonging_of,),
    takes={"belonging": recording.BELONGING},
)
