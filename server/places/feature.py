"""What the engine for scarce places gives, and whom it tells."""

from server.foundation.feature import Feature
from server.notifications.events import events_in
from server.places import line, messages, personal_copy, service

FEATURE = Feature(
    models=("server.places.models",),
    sweeps=(service.SETTLE_DUE_PLACES,),
    messages=events_in(messages),
    mergers=(service.move_places,),
    personal_copy=personal_copy.SHEETS,
    takes={"places_moved": line.MOVED, "places_lapsed": line.LAPSED},
)
