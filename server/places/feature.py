"""What the engine for scarce places gives, and whom it tells."""

from server.foundation.feature import Feature
from server.notifications.events import events_in
from server.places import line, messages, personal_copy, taking

FEATURE = Feature(
    models=("server.places.models",),
    sweeps=(taking.SETTLE_DUE_PLACES,),
    messages=events_in(messages),
    mergers=(taking.move_places,),
    personal_copy=personal_copy.SHEETS,
    takes={"places_moved": line.MOVED, "places_lapsed": line.LAPSED},
)
