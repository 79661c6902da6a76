"""What 志愿服务 gives: activities, sign-ups, attendance and hours."""

from datetime import timedelta

from server.accounts.models import ConsentKind
from server.background.retention import Rule
from server.foundation.feature import Feature
from server.media.mini_codes import CodeKind
from server.moderation.verdicts import texts_from
from server.notifications.events import events_in
from server.places.models import Purpose
from server.volunteering import activities, desk, messages, person_page, personal_copy, queries, reasons, recaps
from server.volunteering.attendance import settling
from server.volunteering.hours import appeals, certificates, confirming, ratings
from server.volunteering.hours import messages as hours_messages
from server.volunteering.hours import queries as hours_queries
from server.volunteering.shifts import changing, mini_codes, reminders
from server.volunteering.sign_ups import appointments, signing_up
from server.volunteering.sign_ups import queries as sign_up_queries

FEATURE = Feature(
    models=(
        "server.volunteering.models",
        "server.volunteering.attendance.models",
        "server.volunteering.hours.models",
    ),
    sweeps=(
        activities.FINISH_ACTIVITIES,
        reminders.REMIND_OF_SHIFTS,
        changing.CALL_OFF_SMALL_SHIFTS,
        settling.CLOSE_SHIFTS,
        settling.SETTLE_ABSENCES,
    ),
    # Who tried to clock in where, and how far the phone was: as long as anybody may ask about a shift.
    retention=(Rule("old_shift_scans", "shift_scan", "created_at", timedelta(days=365)),),
    code_targets={CodeKind.SHIFT: mini_codes.shift_target},
    texts={
        "activity": activities.activity_texts,
        ratings.CHECKED: texts_from("SELECT text FROM shift_rating WHERE id = $1"),
        **reasons.TEXTS,
        **recaps.TEXTS,
    },
    verdicts={
        "activity": activities.settle_activity_check,
        ratings.CHECKED: ratings.settle_rating_check,
        recaps.CHECKED: recaps.settle_recap_check,
    },
    messages=events_in(messages, hours_messages),
    subjects={
        "activity": queries.describe_activities,
        "shift": queries.describe_shifts,
        "sign_up": queries.describe_sign_ups,
        "hours": hours_queries.describe_hours,
        "appeal": appeals.describe_appeals,
    },
    mergers=(signing_up.move_sign_ups, confirming.move_hours, certificates.move_certificates),
    leavers=(signing_up.leave_shifts_of_leaver,),
    consent_withdrawn=((ConsentKind.VOLUNTEER_TERMS, signing_up.leave_shifts_of_leaver),),
    rests_on_name=(certificates.has_certificate,),
    open_matters=(signing_up.open_sign_ups_of,),
    erasers=(signing_up.erase_volunteer,),
    business=(sign_up_queries.has_signed_up,),
    personal_copy=personal_copy.SHEETS,
    places_moved={Purpose.SHIFT_ROLE: signing_up.tell_moved_up},
    places_lapsed={Purpose.SHIFT_ROLE: signing_up.tell_lapsed},
    calendar=(sign_up_queries.calendar_of_sign_ups,),
    home=sign_up_queries.HOME,
    person_page=person_page.SECTIONS,
    appointments=appointments.LINES,
    desk=desk.QUEUES,
)
