"""Which feature answers what: the plain lists and dicts that tie features together where an import would make a circle.

Read by `app.py` and `worker.py`; `wire()` fills the registries of the lower layers.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from server import audit_retention, outbox, relay
from server.accounts import queries as accounts_queries
from server.accounts import residents
from server.accounts import service as accounts_service
from server.check_in import queries as check_in_queries
from server.jobs import Sweep
from server.media import jobs as media_jobs
from server.members import service as members_service
from server.moderation import checks as moderation_checks
from server.moderation import jobs as moderation_jobs
from server.moderation import queue as moderation_queue
from server.moderation import service as moderation_service
from server.neighbor_center import queries as neighbor_center_queries
from server.neighbor_center import service as neighbor_center_service
from server.notifications import delivery, rendering
from server.notifications import jobs as notifications_jobs
from server.notifications import service as notifications_service
from server.organizations import access
from server.organizations import queries as organizations_queries
from server.organizations import service as organizations_service
from server.places import jobs as places_jobs
from server.places import service as places_service
from server.places.models import Purpose
from server.service_record import service as service_record_service
from server.volunteering import jobs as volunteering_jobs
from server.volunteering import queries as volunteering_queries
from server.volunteering import signing_up
from server.wechat import connection as wechat_connection
from server.wechat import push, push_storage
from server.wishes import claiming as wish_claiming
from server.wishes import jobs as wish_jobs
from server.wishes import posting as wish_posting
from server.wishes import queries as wish_queries

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

SUBJECTS: dict[str, rendering.Describe] = {
    "person": accounts_queries.describe_persons,
    "organization": organizations_queries.describe_organizations,
    "party_organization": organizations_queries.describe_party_organizations,
    "wish": wish_queries.describe_wishes,
    "wish_claim": wish_queries.describe_wish_claims,
    "check_in": check_in_queries.describe_check_ins,
    "holding": check_in_queries.describe_holdings,
    "activity": volunteering_queries.describe_activities,
    "shift": volunteering_queries.describe_shifts,
    "sign_up": volunteering_queries.describe_sign_ups,
    "venue": neighbor_center_queries.describe_venues,
    "slot": neighbor_center_queries.describe_slots,
    "booking": neighbor_center_queries.describe_bookings,
    "room_booking": neighbor_center_queries.describe_room_bookings,
}
"""Kind of thing that messages tell of → its words, for many ids at once (see notifications/rendering.py)."""

TEXTS: dict[str, Callable[[str], Awaitable[list[str]]]] = {
    "nickname": accounts_queries.nickname_texts,
    "wish": wish_posting.wish_texts,
    "wish_report": wish_claiming.report_texts,
    "wish_thanks": wish_claiming.thanks_texts,
}
"""Kind of thing that content checks look at → its texts now."""

VERDICTS: dict[str, Callable[[str], Awaitable[None]]] = {
    "nickname": accounts_service.show_checked_profile,
    "wish": wish_posting.settle_wish_check,
    "wish_report": wish_claiming.settle_report_check,
    "wish_thanks": wish_claiming.settle_thanks_check,
}
"""The same kind → told of its verdict (see moderation/service.py)."""

MERGERS: list[Callable[[str, str], Awaitable[None]]] = [
    notifications_service.move_messages,
    members_service.take_over_membership,
    service_record_service.move_service_record,
    places_service.move_places,
    signing_up.move_sign_ups,
    wish_posting.move_wishes,
    neighbor_center_service.merge_bookings,
]
"""What moves along when two persons turn out to be one: each is given (from, into)."""

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

SWEEPS: list[Sweep] = [
    Sweep("expired_leases", timedelta(seconds=5), relay.settle_expired_leases),
    *media_jobs.SWEEPS,
    *moderation_jobs.SWEEPS,
    *notifications_jobs.SWEEPS,
    Sweep("old_audit_entries", timedelta(hours=1), audit_retention.purge_old_entries),
    Sweep("old_pushes", timedelta(hours=1), push_storage.purge_old_pushes),
    *places_jobs.SWEEPS,
    *volunteering_jobs.SWEEPS,
    *wish_jobs.SWEEPS,
]


def wire() -> None:
    """Fill the registries; harmless to repeat."""
    outbox.EFFECTS.update(EFFECTS)
    wechat_connection.use_identities(accounts_queries.find_openids, accounts_queries.find_person_by_openid)
    push_storage.PUSH_HANDLERS.update(
        {
            push.SubscribeAnswer: delivery.count_answer,
            push.SubscribeChange: delivery.count_answer,
            push.SubscribeSent: delivery.note_delivery,
            push.PictureVerdict: moderation_checks.take_picture_verdict,
        }
    )
    moderation_queue.use_reviewers(lambda person, where: access.holds_role(person, where, access.WORKERS))
    moderation_service.TEXTS.update(TEXTS)
    moderation_service.VERDICTS.update(VERDICTS)
    rendering.SUBJECTS.update(SUBJECTS)
    accounts_service.MERGERS[:] = MERGERS
    organizations_service.CLOSED[:] = [residents.follow_successor]
    places_service.MOVED.update(PLACES_MOVED)
    places_service.LAPSED.update(PLACES_LAPSED)
