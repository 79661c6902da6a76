"""Which feature answers what: the plain lists and dicts that tie features together where an import would make a circle.

Read by `app.py` and `worker.py`; `wire()` fills the registries of the lower layers.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from server.accounts import messages as accounts_messages
from server.accounts import personal_copy as accounts_copy
from server.accounts import personal_data, residents
from server.accounts import queries as accounts_queries
from server.accounts import service as accounts_service
from server.accounts.models import ConsentKind
from server.announcements import jobs as announcement_jobs
from server.announcements import messages as announcement_messages
from server.announcements import queries as announcement_queries
from server.background import audit_retention, outbox, relay, retention, sweeps
from server.background.sweeps import Sweep
from server.calendars import feed as calendar_feed
from server.calendars import personal_copy as calendars_copy
from server.check_in import belonging as check_in_belonging
from server.check_in import community_codes, endings
from server.check_in import jobs as check_in_jobs
from server.check_in import messages as check_in_messages
from server.check_in import personal_copy as check_in_copy
from server.check_in import queries as check_in_queries
from server.check_in.posts import messages as post_messages
from server.check_in.posts import queries as post_queries
from server.check_in.reports import jobs as report_jobs
from server.check_in.reports import messages as report_messages
from server.check_in.reports import queries as report_queries
from server.check_in.reports import reviewing as reports
from server.check_in.units import messages as unit_messages
from server.check_in.units import queries as unit_queries
from server.check_in.units import unit_check_in as units
from server.media import mini_codes
from server.media.uploads import jobs as media_jobs
from server.media.uploads import personal_copy as media_copy
from server.members import jobs as members_jobs
from server.members import messages as members_messages
from server.members import personal_copy as members_copy
from server.members import queries as members_queries
from server.members import service as members_service
from server.moderation import checks as moderation_checks
from server.moderation import jobs as moderation_jobs
from server.moderation import personal_copy as moderation_copy
from server.moderation import service as moderation_service
from server.neighbor_center import jobs as neighbor_center_jobs
from server.neighbor_center import messages as neighbor_center_messages
from server.neighbor_center import personal_copy as neighbor_center_copy
from server.neighbor_center.bookings import feeds as neighbor_center_feeds
from server.neighbor_center.bookings import messages as booking_messages
from server.neighbor_center.bookings import series as booking_series
from server.neighbor_center.bookings import slot_booking as neighbor_center_service
from server.neighbor_center.counters import tickets
from server.neighbor_center.feedback import complaints
from server.neighbor_center.opening import duties
from server.neighbor_center.venues import mini_codes as venue_codes
from server.neighbor_center.venues import queries as neighbor_center_queries
from server.notifications import delivery, events, rendering
from server.notifications import jobs as notifications_jobs
from server.notifications import messages as notifications_messages
from server.notifications import personal_copy as notifications_copy
from server.notifications import service as notifications_service
from server.operations import personal_copy as operations_copy
from server.organizations import messages as organizations_messages
from server.organizations import queries as organizations_queries
from server.organizations import roles
from server.organizations import service as organizations_service
from server.places import jobs as places_jobs
from server.places import messages as places_messages
from server.places import personal_copy as places_copy
from server.places import service as places_service
from server.places.models import Purpose
from server.service_record import messages as service_record_messages
from server.service_record import personal_copy as service_record_copy
from server.service_record import ranking
from server.service_record import service as service_record_service
from server.teams import messages as team_messages
from server.teams import personal_copy as teams_copy
from server.teams import teams
from server.volunteering import activities as volunteering_activities
from server.volunteering import jobs as volunteering_jobs
from server.volunteering import messages as volunteering_messages
from server.volunteering import mini_codes as shift_codes
from server.volunteering import personal_copy as volunteering_copy
from server.volunteering import queries as volunteering_queries
from server.volunteering import reasons, sign_up_queries, signing_up
from server.volunteering.hours import appeals, certificates, ratings
from server.volunteering.hours import confirming as hours
from server.volunteering.hours import messages as hours_messages
from server.volunteering.hours import queries as hours_queries
from server.wechat import connection as wechat_connection
from server.wechat import push, push_storage
from server.wishes import claim_queries as wish_claim_queries
from server.wishes import fulfilling as wish_fulfilling
from server.wishes import jobs as wish_jobs
from server.wishes import leaving as wish_leaving
from server.wishes import messages as wish_messages
from server.wishes import personal_copy as wishes_copy
from server.wishes import posting as wish_posting
from server.wishes import queries as wish_queries
from server.wishes import stories as wish_stories

EFFECTS: dict[str, outbox.Effect] = {
    push_storage.WECHAT_PUSH: outbox.Effect(push_storage.hand_over_push, repeatable=True),
    moderation_service.CHECK_TEXT: outbox.Effect(
        moderation_checks.check_text, repeatable=True, ended=moderation_checks.end_check
    ),
    moderation_service.CHECK_PICTURE: outbox.Effect(
        moderation_checks.check_picture, repeatable=True, ended=moderation_checks.end_check
    ),
    moderation_service.TELL_VERDICT: outbox.Effect(moderation_service.tell_verdict, repeatable=True),
    notifications_service.SUBSCRIBE_MESSAGE: outbox.Effect(
        delivery.send_message, repeatable=False, ended=delivery.end_message
    ),
}
"""Outbox kind → how it is carried out."""

MESSAGES = (
    accounts_messages,
    announcement_messages,
    check_in_messages,
    post_messages,
    report_messages,
    unit_messages,
    members_messages,
    neighbor_center_messages,
    booking_messages,
    notifications_messages,
    organizations_messages,
    places_messages,
    service_record_messages,
    team_messages,
    volunteering_messages,
    hours_messages,
    wish_messages,
)
"""Where the events are that people are told of."""

SUBJECTS: dict[str, rendering.Describe] = {
    "person": accounts_queries.describe_persons,
    "team": teams.describe_teams,
    "organization": organizations_queries.describe_organizations,
    "party_organization": organizations_queries.describe_party_organizations,
    "wish": wish_queries.describe_wishes,
    "wish_claim": wish_claim_queries.describe_wish_claims,
    "check_in": check_in_queries.describe_check_ins,
    "holding": post_queries.describe_holdings,
    "post": post_queries.describe_posts,
    "unit_check_in": unit_queries.describe_unit_check_ins,
    "membership": members_queries.describe_memberships,
    "half_year_report": report_queries.describe_reports,
    "post_month": report_queries.describe_post_months,
    "activity": volunteering_queries.describe_activities,
    "shift": volunteering_queries.describe_shifts,
    "sign_up": volunteering_queries.describe_sign_ups,
    "hours": hours_queries.describe_hours,
    "appeal": appeals.describe_appeals,
    "venue": neighbor_center_queries.describe_venues,
    "slot": neighbor_center_queries.describe_slots,
    "booking": neighbor_center_queries.describe_bookings,
    "room_booking": neighbor_center_queries.describe_room_bookings,
    "booking_series": booking_series.describe_series,
    "ticket": tickets.describe_tickets,
    "duty": duties.describe_duties,
    "complaint": complaints.describe_complaints,
    "announcement": announcement_queries.describe_announcements,
}
"""Kind of thing that messages tell of → its words, for many ids at once (see notifications/rendering.py)."""

TEXTS: dict[str, Callable[[str], Awaitable[list[str]]]] = {
    "nickname": accounts_queries.nickname_texts,
    "wish": wish_posting.wish_texts,
    "wish_note": wish_fulfilling.note_texts,
    "wish_report": wish_fulfilling.report_texts,
    "wish_thanks": wish_fulfilling.thanks_texts,
    "wish_dispute": wish_fulfilling.dispute_texts,
    "team": teams.team_texts,
    "activity": volunteering_activities.activity_texts,
    ratings.CHECKED: ratings.rating_texts,
    units.CHECKED_OFFERS: units.offer_texts,
    **reasons.TEXTS,
}
"""Kind of thing that content checks look at → its texts now."""

VERDICTS: dict[str, Callable[[str], Awaitable[None]]] = {
    "nickname": accounts_service.show_checked_profile,
    "wish": wish_posting.settle_wish_check,
    "wish_note": wish_fulfilling.settle_note_check,
    "wish_report": wish_fulfilling.settle_report_check,
    "wish_thanks": wish_fulfilling.settle_thanks_check,
    "team": teams.settle_team_check,
    "activity": volunteering_activities.settle_activity_check,
    ratings.CHECKED: ratings.settle_rating_check,
}
"""The same kind → told of its verdict (see moderation/service.py)."""

MERGERS: list[Callable[[str, str], Awaitable[None]]] = [
    roles.move_roles,
    notifications_service.move_messages,
    moderation_service.move_checks,
    endings.merge_members,
    reports.move_reports,
    members_service.take_over_membership,
    service_record_service.move_service_record,
    places_service.move_places,
    signing_up.move_sign_ups,
    hours.move_hours,
    certificates.move_certificates,
    calendar_feed.move_feed,
    wish_posting.move_wishes,
    teams.move_teams,
    neighbor_center_service.merge_bookings,
]
"""What moves along when two persons turn out to be one: each is given (from, into)."""

LEAVERS: list[Callable[[str], Awaitable[None]]] = [
    wish_leaving.settle_wishes_of_leaver,
    teams.leave_all_teams,
    signing_up.leave_shifts_of_leaver,
]
"""What becomes of what is open when a person is blocked, withdraws or is no longer spoken for."""

CONSENT_WITHDRAWN: dict[ConsentKind, Callable[[str], Awaitable[None]]] = {
    ConsentKind.MEMBERSHIP_DATA: endings.leave_everything,
    ConsentKind.PRIVACY: endings.leave_everything,
    ConsentKind.SHOW_IN_RANKING: ranking.forget_places,
    ConsentKind.VOLUNTEER_TERMS: signing_up.leave_shifts_of_leaver,
}
"""What ends with one consent: each is given the person."""

PLACES_MOVED: dict[Purpose, places_service.OnPlaces] = {
    Purpose.SHIFT_ROLE: signing_up.tell_moved_up,
    Purpose.SLOT: neighbor_center_service.tell_moved_up,
}
"""What places are for → told of those that moved up a waiting list (see places/service.py)."""

PLACES_LAPSED: dict[Purpose, places_service.OnPlaces] = {
    Purpose.SHIFT_ROLE: signing_up.tell_lapsed,
    Purpose.SLOT: neighbor_center_service.tell_lapsed,
}
"""The same → told of those that time has ended."""

CODE_TARGETS: dict[mini_codes.CodeKind, Callable[[str], Awaitable[mini_codes.CodeTarget | None]]] = {
    mini_codes.CodeKind.SHIFT: shift_codes.shift_target,
    mini_codes.CodeKind.VENUE: venue_codes.venue_target,
    mini_codes.CodeKind.COMMUNITY: community_codes.community_target,
    mini_codes.CodeKind.WISH: wish_stories.wish_target,
}
"""What mini-program codes are about → what a scanned one stands for."""

CALENDAR_SOURCES: list[calendar_feed.Source] = [
    sign_up_queries.calendar_of_sign_ups,
    neighbor_center_feeds.calendar_of_bookings,
]
"""What each feature puts into people's calendars."""

PERSONAL_DATA = (
    *accounts_copy.SHEETS,
    *teams_copy.SHEETS,
    *members_copy.SHEETS,
    *check_in_copy.SHEETS,
    *wishes_copy.SHEETS,
    *volunteering_copy.SHEETS,
    *neighbor_center_copy.SHEETS,
    *places_copy.SHEETS,
    *service_record_copy.SHEETS,
    *notifications_copy.SHEETS,
    *media_copy.SHEETS,
    *moderation_copy.SHEETS,
    *calendars_copy.SHEETS,
    *operations_copy.SHEETS,
)
"""What is in a person's copy of their data."""

SWEEPS: list[Sweep] = [
    Sweep("expired_leases", timedelta(seconds=5), relay.settle_expired_leases),
    *media_jobs.SWEEPS,
    *moderation_jobs.SWEEPS,
    *notifications_jobs.SWEEPS,
    *announcement_jobs.SWEEPS,
    *retention.SWEEPS,
    Sweep("old_audit_entries", timedelta(hours=1), audit_retention.purge_old_entries, audit_retention.purge_lag),
    *places_jobs.SWEEPS,
    *neighbor_center_jobs.SWEEPS,
    *members_jobs.SWEEPS,
    *check_in_jobs.SWEEPS,
    *report_jobs.SWEEPS,
    *volunteering_jobs.SWEEPS,
    *wish_jobs.SWEEPS,
]


def wire() -> None:
    """Fill the registries; harmless to repeat."""
    outbox.EFFECTS.update(EFFECTS)
    sweeps.SWEEPS[:] = SWEEPS
    wechat_connection.use_identities(accounts_queries.find_openids, accounts_queries.find_person_by_openid)
    push_storage.PUSH_HANDLERS.update(
        {
            push.SubscribeAnswer: delivery.count_answer,
            push.SubscribeChange: delivery.count_answer,
            push.SubscribeSent: delivery.note_delivery,
            push.PictureVerdict: moderation_checks.take_picture_verdict,
        }
    )
    moderation_service.TEXTS.update(TEXTS)
    moderation_service.VERDICTS.update(VERDICTS)
    events.EVENTS.update(events.events_in(*MESSAGES))
    rendering.SUBJECTS.update(SUBJECTS)
    mini_codes.TARGETS.update(CODE_TARGETS)
    service_record_service.BELONGING[:] = [check_in_belonging.belonging_of, ranking.belonging_of]
    accounts_service.MERGERS[:] = MERGERS
    accounts_service.LEAVERS[:] = LEAVERS
    accounts_service.CONSENT_WITHDRAWN.update(CONSENT_WITHDRAWN)
    organizations_service.CLOSED[:] = [residents.follow_successor, endings.follow_successor]
    calendar_feed.SOURCES[:] = CALENDAR_SOURCES
    personal_data.SHEETS[:] = PERSONAL_DATA
    places_service.MOVED.update(PLACES_MOVED)
    places_service.LAPSED.update(PLACES_LAPSED)
