"""What 邻里中心 gives: venues, bookings, counters, duties and complaints."""

from datetime import timedelta
from functools import partial

from server.accounts.models import ConsentKind
from server.background.retention import Rule
from server.foundation.feature import Feature
from server.media.mini_codes import CodeKind
from server.neighbor_center import appointments, desk, home, messages, person_page, personal_copy
from server.neighbor_center.bookings import (
    feeds,
    leaving,
    merging,
    reminders,
    requests,
    series,
    settling,
    visitors,
    waiting,
    words,
)
from server.neighbor_center.bookings import messages as booking_messages
from server.neighbor_center.bookings import queries as booking_queries
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.neighbor_center.counters import queries as counter_queries
from server.neighbor_center.feedback import complaints
from server.neighbor_center.opening import duties
from server.neighbor_center.venues import mini_codes, queries
from server.notifications.events import events_in
from server.places.models import Purpose

FEATURE = Feature(
    models=(
        "server.neighbor_center.venues.models",
        "server.neighbor_center.opening.models",
        "server.neighbor_center.bookings.models",
        "server.neighbor_center.counters.models",
        "server.neighbor_center.feedback.models",
    ),
    sweeps=(
        reminders.REMIND_OF_BOOKINGS,
        reminders.REMIND_OF_ROOM_BOOKINGS,
        requests.SETTLE_REQUESTS,
        requests.SETTLE_ROOM_REQUESTS,
        settling.SETTLE_BOOKINGS,
        settling.SETTLE_ROOM_BOOKINGS,
    ),
    retention=(
        Rule("old_queue_tickets", "queue_ticket", "created_at", timedelta(days=180)),
        Rule("old_queue_days", "queue_day", "created_at", timedelta(days=180)),
    ),
    code_targets={CodeKind.VENUE: mini_codes.venue_target},
    messages=events_in(messages, booking_messages),
    subjects={
        "venue": queries.describe_venues,
        "slot": words.describe_slots,
        "booking": partial(words.describe_bookings, SLOTS),
        "room_booking": partial(words.describe_bookings, ROOMS),
        "booking_series": series.describe_series,
        "ticket": counter_queries.describe_tickets,
        "duty": duties.describe_duties,
        "complaint": complaints.describe_complaints,
    },
    mergers=(merging.merge_bookings, visitors.move_visitor),
    leavers=(leaving.give_up_bookings_of_leaver, visitors.end_visitor_of_leaver),
    consent_withdrawn=((ConsentKind.SENSITIVE_DATA, leaving.give_up_home_visits),),
    open_matters=(leaving.open_bookings_of,),
    erasers=(leaving.erase_bookings_of, visitors.end_visitor_of_leaver, complaints.erase_complaints_of),
    business=(booking_queries.has_booked, complaints.has_complained),
    personal_copy=personal_copy.SHEETS,
    places_moved={Purpose.SLOT: waiting.tell_moved_up},
    places_lapsed={Purpose.SLOT: waiting.tell_lapsed},
    calendar=(feeds.calendar_of_bookings,),
    home=home.LINES,
    person_page=person_page.SECTIONS,
    appointments=appointments.LINES,
    desk=desk.QUEUES,
)
