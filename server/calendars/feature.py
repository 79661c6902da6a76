"""What calendars give, and what comes into them."""

from server.calendars import appointments, feed, home, personal_copy
from server.foundation.feature import Feature

FEATURE = Feature(
    models=("server.calendars.models",),
    mergers=(feed.move_feed,),
    erasers=(feed.end_feed,),
    personal_copy=personal_copy.SHEETS,
    takes={"calendar": feed.SOURCES, "home": home.LINES, "appointments": appointments.LINES},
)
