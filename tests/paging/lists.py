"""What the rows of each list are made of."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from server.check_in.reports.freezing import ReportWords, seal_words
from server.check_in.units.contact import UnitContact, seal_contact
from server.foundation.crypto import keyring
from server.foundation.ids import new_id
from server.members.memberships import MemberFacts, home_index_of, seal_facts
from server.members.models import MemberKind
from server.neighbor_center.feedback.models import COMPLAINT_CONTEXT
from tests.neighbor_center.builders import TUESDAY

PARTY = new_id()
"""The Party organization of the scene's unit."""
_place_numbers = itertools.count(1000)
Made = tuple[str, dict[str, Any]]


class List(NamedTuple):
    """Who asks and with which query; of which tables' rows a line is made, its own first; whether it is sorted by more
    than the id, and whether the greatest come first.

    A value may name something of the scene, or the line's row of another table (`@table`), or be a function of the
    line's number and its row's id. What is not told is as in the first row of the table.
    """

    who: str
    rows: tuple[Made, ...]
    by: str
    query: dict[str, Any]


def of(who: str, *rows: Made, by: str = "id", **query: Any) -> List:
    return List(who, rows, by, query)


def group_of(number: int) -> int:
    """Lines are sorted by pairs, otherwise than by their ids; within a pair the id decides."""
    return (number // 2 + 1) % 3


def day_of(number: int, _: str) -> str:
    return f"2031-05-{group_of(number) + 1:02}"


def hour_in(month: int, hour: int) -> Callable[[int, str], str]:
    return lambda number, _: f"2031-{month:02}-{group_of(number) + 1:02}T{hour:02}:00:00Z"


hour_of, later, past_hour_of = hour_in(5, 1), hour_in(5, 2), hour_in(1, 2)


def published(number: int, _: str) -> str:
    return f"2026-01-{group_of(number) + 1:02}T01:00:00Z"


def point_of(number: int, _: str) -> str:
    return f"(122.1,{37.5 + group_of(number) / 1000})"


def sorted_code(number: int, _: str) -> str:
    return f"zz{group_of(number)}{number}{new_id()[-7:]}"


def code(_: int, __: str) -> str:
    return new_id()[-7:]


def new(_: int, __: str) -> str:
    return new_id()


def place_number(_: int, __: str) -> int:
    return next(_place_numbers)


def sealed_member(_: int, id_: str) -> str:
    return in_hex(seal_facts(MemberFacts(id_, new_id(), MemberKind.IN_SERVICE)))


def sealed_contact(_: int, id_: str) -> str:
    return in_hex(seal_contact(id_, UnitContact("王敏", "13900001234")))


def sealed_words(_: int, id_: str) -> str:
    return in_hex(seal_words(id_, ReportWords()))


def sealed_complaint(_: int, __: str) -> str:
    return in_hex(keyring().encrypt("等得太久", COMPLAINT_CONTEXT))


def home_of_member(_: int, __: str) -> str:
    return in_hex(home_index_of(PARTY))


def in_hex(value: bytes) -> str:
    return "\\x" + value.hex()


AREA = {"level": "community", "parent_id": "street", "name": "翻页", "path": new, "code": code}
BRANCH = {"name": "翻页支部", "path": new}
HERE = {"organization_id": "community"}
MEETING: dict[str, Any] = HERE | {"state": "invited", "topics_until": "2031-04-01T00:00:00Z", "starts_at": hour_of}
RESOLUTION: tuple[Made, ...] = (
    ("meeting_resolution", HERE | {"meeting_id": "@joint_meeting", "state": "open"}),
    ("joint_meeting", MEETING),
)
CHECK_IN = {"membership_id": "@membership", "community_id": "community", "state": "confirmed"}
MEMBER = {"sealed": sealed_member, "home_index": home_of_member}
UNIT_CHECK_IN = {
    "unit_id": "unit",
    "area_id": "community",
    "party_organization_id": "party_organization",
    "state": "ended",
    "ended_at": hour_of,
    "starts_on": "2031-01-01",
    "ends_on": "2031-02-01",
    "offers": [],
    "unit_kind": "agency",
    "contact": sealed_contact,
}
REPORT = {
    "community_id": "community",
    "period": "2031H1",
    "state": "released",
    "unit_id": "unit",
    "membership_id": "@membership",
    "released_at": hour_of,
    "grade": "qualified",
    "words": sealed_words,
    "assessed_at": hour_of,
    "starts_on": "2031-01-01",
}
ENTRY = {
    "owner_id": "community",
    "reviewer_id": "community",
    "kind": "need",
    "category": "health",
    "state": "open",
    "title": "急救培训",
    "text": "讲急救",
    "quantity": 3,
    "measure": "场",
    "contact": sealed_contact,
    "period": "2031H1",
    "expires_on": "2031-06-30",
}
WISH = {"community_id": "community", "author_id": "me", "beneficiary_id": "me"}
ACTIVITY = {"organizer_id": "community", "area_id": "community"}
SIGN_UP = (
    (
        "sign_up",
        {"place_id": "@place", "shift_id": "shift", "person_id": new},
    ),
    ("place", {"person_id": new, "state": "confirmed", "number": place_number}),
)
RATING = "shift_rating", {"shift_id": "shift", "sign_up_id": "@sign_up", "by_id": "me", "text": "", "stars": 5}
COMPLAINT = {"person_id": "me", "venue_id": "venue", "service_id": None, "text": sealed_complaint, "state": "open"}
HOURS = {
    "sign_up_id": new,
    "shift_id": "shift",
    "person_id": "me",
    "organization_id": "community",
    "state": "replaced",
    "starts_at": hour_of,
    "ends_at": later,
    "minutes": 60,
    "effective_at": later,
    "stated_by_id": "staff",
}
VENUE = {"organization_id": "community", "name": "中心", "kind": "neighbor_center", "state": "open"}
ROOM = {"venue_id": "venue", "kind": "room", "longest_minutes": 60, "mode": "at_venue"}

CASE = {
    "community_id": "community",
    "keeper_id": "community",
    "holder_id": "community",
    "category_id": "@case_category",
    "standard_id": new,
    "state": "reported",
    "source": "app",
    "is_shown": True,
    "stage_due_at": hour_of,
}
CATEGORY = {"name": "井盖", "kind": "thing", "code": code}

LISTS = {
    # 组织
    "search_communities": of("me", ("organization", AREA), name="翻页"),
    "search_units": of("me", ("organization", AREA | {"level": "unit"}), name="翻页"),
    "list_children": of(
        "me", ("organization", AREA | {"parent_id": "community", "level": "grid", "code": sorted_code}), by="code"
    ),
    "list_descendants": of(
        "manager",
        ("organization", AREA | {"level": "grid", "path": "below", "code": sorted_code}),
        by="code",
        level="grid",
    ),
    "search_party_organizations": of("me", ("party_organization", BRANCH), name="翻页支部"),
    "list_party_children": of("me", ("party_organization", BRANCH | {"parent_id": "party_organization"})),
    "list_party_organizations": of(
        "manager", ("party_organization", BRANCH | {"host_id": "community"}), host_id="community"
    ),
    "list_roles": of(
        "manager", ("role_grant", HERE | {"person_id": "@person", "kind": "staff"}), ("person", {}), **HERE
    ),
    # 双报到
    "list_posts": of("me", ("post", {"community_id": "community", "allotment_id": "@allotment"}), ("allotment", {})),
    "list_community_posts": of(
        "staff",
        ("post", {"community_id": "community", "allotment_id": "@allotment"}),
        ("allotment", {}),
        community_id="community",
    ),
    "list_post_holdings": of(
        "staff",
        (
            "post_holding",
            {
                "post_id": "@post",
                "membership_id": "membership",
                "place_id": new,
                "state": "held",
                "decided_at": hour_of,
            },
        ),
        ("post", {"community_id": "community"}),
        community_id="community",
        state="held",
    ),
    "list_check_ins": of("staff", ("check_in", CHECK_IN), ("membership", MEMBER), state="confirmed", **HERE),
    "list_members": of("staff", ("membership", MEMBER), ("check_in", CHECK_IN), **HERE),
    "list_unit_members": of("liaison", ("membership", MEMBER), ("check_in", CHECK_IN)),
    "list_unit_check_ins": of("liaison", ("unit_check_in", UNIT_CHECK_IN), by="-id"),
    "list_unit_check_ins_of_area": of("staff", ("unit_check_in", UNIT_CHECK_IN), state="ended", **HERE),
    "list_reports": of("staff", ("half_year_report", REPORT), ("membership", MEMBER), period="2031H1", **HERE),
    "list_unit_reports": of("liaison", ("half_year_report", REPORT), ("membership", MEMBER), period="2031H1"),
    # 微心愿
    "list_published_wishes": of("bystander", ("wish", WISH | {"wished_by": day_of}), by="wished_by"),
    "list_fulfilled_wishes": of(
        "me",
        ("wish", WISH | {"state": "fulfilled", "fulfilled_at": hour_of}),
        ("wish_claim", {"wish_id": "@wish", "state": "fulfilled", "claimer_id": "rival"}),
        by="-fulfilled_at",
    ),
    "list_my_wishes": of("me", ("wish", WISH), by="-id"),
    "list_my_wish_claims": of(
        "rival",
        ("wish_claim", {"wish_id": "wish", "state": "released", "claimer_id": "rival", "ended_at": hour_of}),
        by="-id",
    ),
    "list_desk": of(
        "staff",
        ("wish", WISH | {"state": "submitted", "submitted_at": hour_of}),
        by="submitted_at",
        kind="wish_review",
    ),
    "list_wishes_to_review": of(
        "staff", ("wish", WISH | {"state": "submitted", "submitted_at": hour_of}), by="submitted_at", **HERE
    ),
    "list_wishes_of_area": of("staff", ("wish", WISH | {"state": "published"}), by="-id", state="published", **HERE),
    "list_unclaimed_wishes": of(
        "staff", ("wish", WISH | {"state": "published", "wished_by": day_of}), by="wished_by", **HERE
    ),
    "list_figure_rows": of(
        "staff",
        ("wish", WISH | {"first_published_at": published}),
        by="first_published_at",
        code="wishes_posted",
        month="2026-01",
        **HERE,
    ),
    "list_assessments": of(
        "staff",
        (
            "assessment",
            {
                "organization_id": "@organization",
                "period": "2031H1",
                "scheme_id": "@assessment_scheme",
                "lines": [],
                "state": "self",
            },
        ),
        ("organization", AREA | {"path": "below"}),
        ("assessment_scheme", HERE | {"indicators": [], "residents_weight": 20}),
        period="2031H1",
        **HERE,
    ),
    "list_my_meetings": of(
        "me",
        ("joint_meeting", MEETING),
        ("meeting_invitation", {"meeting_id": "@joint_meeting", "member_id": "@meeting_member"}),
        ("meeting_member", HERE | {"person_id": "me", "kind": "resident", "ended_at": hour_of}),
        by="-id",
    ),
    "list_meetings": of("staff", ("joint_meeting", MEETING), by="-id", **HERE),
    "list_resolutions": of("staff", *RESOLUTION, by="-id", state="open", **HERE),
    "list_public_resolutions": of(
        "bystander",
        ("meeting_resolution", RESOLUTION[0][1] | {"state": "public", "result": "已装好"}),
        *RESOLUTION[1:],
        by="-id",
        **HERE,
    ),
    "list_warnings": of(
        "staff",
        (
            "figure_warning",
            HERE
            | {
                "rule": "complaints_late",
                "state": "cleared",
                "over_at": hour_of,
                "raised_at": hour_of,
                "acting_words": "",
                "dismissal": "",
            },
        ),
        by="-id",
        state="cleared",
        **HERE,
    ),
    "list_wish_figures": of(
        "manager", ("organization", AREA | {"path": "below", "code": sorted_code}), by="code", organization_id="street"
    ),
    # 志愿服务
    "list_activities": of(
        "bystander",
        ("activity", ACTIVITY | {"ends_at": "2031-06-01T00:00:00Z"}),
        ("shift", {"activity_id": "@activity", "starts_at": hour_of, "ends_at": later}),
        by="starts_at",
    ),
    "list_past_activities": of(
        "bystander",
        ("activity", ACTIVITY | {"starts_at": "2031-01-01T00:00:00Z", "ends_at": past_hour_of}),
        by="-ends_at",
    ),
    "list_activities_of_area": of(
        "staff",
        ("activity", ACTIVITY | {"starts_at": hour_of, "ends_at": "2031-06-01T00:00:00Z"}),
        by="-starts_at",
        **HERE,
    ),
    "list_led_activities": of(
        "me",
        ("activity", ACTIVITY | {"starts_at": hour_of, "ends_at": "2031-06-01T00:00:00Z"}),
        ("shift", {"activity_id": "@activity", "leader_id": "me"}),
        by="-starts_at",
    ),
    "list_my_sign_ups": of(
        "me",
        ("sign_up", {"person_id": "me", "shift_id": "@shift", "place_id": "@place"}),
        ("place", {"number": place_number}),
        ("shift", {"starts_at": hour_of, "ends_at": later}),
        by="starts_at",
    ),
    "list_my_hours": of("me", ("hours", HOURS), by="-starts_at"),
    "list_hours": of("staff", ("hours", HOURS), state="replaced", **HERE),
    "list_shift_sign_ups": of("staff", *SIGN_UP),
    "list_shift_roster": of("staff", *SIGN_UP),
    "list_shift_scans": of(
        "staff",
        (
            "shift_scan",
            {"shift_id": "shift", "person_id": "me", "by_id": "me", "method": "code", "direction": "in", "refusal": ""},
        ),
        by="-id",
    ),
    "list_shift_ratings": of(
        "me",
        (RATING[0], RATING[1] | {"side": "volunteer"}),
        ("sign_up", {"person_id": "me", "shift_id": "shift"}),
        by="-id",
    ),
    "list_volunteer_ratings": of(
        "staff",
        (RATING[0], RATING[1] | {"side": "leader"}),
        ("sign_up", {"person_id": "me", "shift_id": "shift"}),
        by="-id",
    ),
    "list_my_ratings": of(
        "me",
        (RATING[0], RATING[1] | {"side": "leader"}),
        ("sign_up", {"person_id": "me", "shift_id": "shift"}),
        by="-id",
    ),
    "list_my_no_shows": of(
        "me",
        ("no_show", {"person_id": "me", "reason": "absent", "purpose": "shift_role", "place_id": "@place"}),
        ("sign_up", {"person_id": "me", "shift_id": "shift", "place_id": "@place"}),
        ("place", {"number": place_number}),
        by="-id",
    ),
    "list_no_show_appeals": of(
        "staff",
        (
            "no_show_appeal",
            {"no_show_id": "@no_show", "sign_up_id": "sign_up", "organizer_id": "community", "state": "submitted"},
        ),
        ("no_show", {"person_id": "me", "reason": "absent", "place_id": new}),
        **HERE,
    ),
    "list_my_certificates": of(
        "me",
        (
            "certificate",
            {"person_id": "me", "number": code, "code": code, "issuer_id": "community", "rows": [], "items": []},
        ),
        by="-id",
    ),
    # 邻里中心
    "list_venues": of("me", ("venue", VENUE), by="-id"),
    "list_nearby_venues": of(
        "me", ("venue", VENUE | {"location": point_of}), by="distance", longitude=122.1, latitude=37.5
    ),
    "list_my_complaints": of("me", ("complaint", COMPLAINT), by="-id"),
    "list_complaints": of("staff", ("complaint", COMPLAINT), by="-id"),
    "list_my_bookings": of(
        "rival",
        ("booking", {"person_id": "rival", "starts_at": hour_of, "place_id": "@place", "slot_id": "@slot"}),
        ("place", {}),
        ("slot", {"service_id": "@service", "starts_at": hour_of, "ends_at": later}),
        ("service", {"venue_id": "venue"}),
        by="starts_at",
    ),
    "list_my_appointments": of(
        "rival",
        ("booking", {"person_id": "rival", "starts_at": hour_of, "place_id": "@place", "slot_id": "@slot"}),
        ("place", {}),
        ("slot", {"service_id": "@service", "starts_at": hour_of, "ends_at": later}),
        ("service", {"venue_id": "venue"}),
        by="starts_at",
    ),
    "list_my_room_bookings": of(
        "rival",
        (
            "room_booking",
            {
                "person_id": "rival",
                "service_id": "@service",
                "starts_at": hour_of,
                "ends_at": later,
                "busy_until": later,
            },
        ),
        ("service", ROOM),
        by="starts_at",
    ),
    "list_day_bookings": of(
        "staff", ("booking", {"person_id": "rival", "place_id": "@place"}), ("place", {}), day=str(TUESDAY)
    ),
    "list_day_room_bookings": of(
        "staff", ("room_booking", {"person_id": "rival", "service_id": "@service"}), ("service", ROOM), day=str(TUESDAY)
    ),
    "list_requests": of(
        "staff",
        (
            "room_booking",
            {
                "person_id": "rival",
                "service_id": "@service",
                "answer_due_at": hour_of,
                "answer_by": hour_of,
                "state": "requested",
            },
        ),
        ("service", ROOM),
        by="answer_by",
    ),
    "list_service_ratings": of(
        "staff", ("booking_rating", {"service_id": "service", "booking_id": new, "stars": 5, "comment": None}), by="-id"
    ),
    # 其余
    "list_my_service": of("me", ("service_entry", {"person_id": "me", "occurred_at": hour_of}), by="-occurred_at"),
    "view_service_record": of(
        "staff", ("service_entry", HERE | {"person_id": "me", "occurred_at": hour_of}), by="-occurred_at", **HERE
    ),
    "list_inbox": of("me", ("inbox_message", {"person_id": "me"}), by="-id"),
    "list_board": of(
        "me",
        ("announcement", HERE | {"state": "sent", "sent_at": hour_of, "finished_at": later, "audience": "residents"}),
        by="-sent_at",
    ),
    "list_claims": of(
        "staff",
        (
            "list_claim",
            {"entry_id": "@list_entry", "claimant_id": "unit", "pairing_id": new, "quantity": 1}
            | {"state": "declined", "proposed_by_id": new, "decided_at": hour_of, "lapses_at": hour_of},
        ),
        ("list_entry", ENTRY),
        by="-id",
        **HERE,
    ),
    "list_open_entries": of("me", ("list_entry", ENTRY), by="-id", **HERE),
    "list_entries_of_area": of("staff", ("list_entry", ENTRY), by="-id", **HERE),
    "list_public_cases": of("me", ("grid_case", CASE), ("case_category", CATEGORY), by="-id", community_id="community"),
    "list_my_cases": of("me", ("grid_case", CASE | {"reporter_id": "me"}), ("case_category", CATEGORY), by="-id"),
    "list_followed_cases": of(
        "me",
        ("grid_case", CASE),
        ("case_category", CATEGORY),
        ("grid_case_follower", {"case_id": "@grid_case", "person_id": "me"}),
        by="-id",
    ),
    "list_cases_held": of("staff", ("grid_case", CASE), ("case_category", CATEGORY), by="stage_due_at", **HERE),
    "list_cases_of_area": of("staff", ("grid_case", CASE), ("case_category", CATEGORY), by="-id", **HERE),
    "list_announcements": of("staff", ("announcement", HERE), by="-id", **HERE),
    "list_audit_entries": of("manager", ("audit_entry", HERE | {"action": "grant_role"}), by="-id", **HERE),
    "list_held_checks": of(
        "staff",
        ("content_check", {"subject_id": "@checked_subject", "state": "held", "part": "text", "picture_id": None}),
        ("checked_subject", HERE | {"subject_id": new, "kind": "wish", "verdict": "pending"}),
        **HERE,
    ),
    "list_roster_links": of(
        "manager", ("roster_link", HERE | {"person_id": "me", "state": "waiting", "decided_at": None}), **HERE
    ),
    "list_failed_messages": of(
        "manager",
        ("outbox", {"lane": "me", "state": "failed", "finished_at": hour_of}),
        by="-id",
        organization_id="community",
    ),
}
