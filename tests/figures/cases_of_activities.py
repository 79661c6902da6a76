"""Activities, neighbor centers and messages: what a hand counts (see cases.py)."""

from server.foundation.ids import new_id
from tests.figures.rows import (
    AFTER,
    BEFORE,
    CENTER,
    IN,
    LATE_IN,
    SLOTS,
    Case,
    activity,
    booking,
    complaint,
    entry,
    numbers,
    person,
    room_booking,
    shift,
    venue,
)

CASES: dict[str, Case] = {
    "shifts": Case(
        [
            activity("a"),
            activity("off", state="cancelled", ended_at=IN),
            activity("draft", published_at=None, state="draft"),
            shift("a", ends_at=IN),
            shift("a", ends_at=BEFORE),
            shift("a", ends_at=AFTER),
            shift("a", ends_at=IN, state="cancelled"),
            shift("off", ends_at=IN),
            shift("draft", ends_at=IN),
        ],
        1,
        0,
        2,
    ),
    "party_days": Case(
        [activity("a", kind="party_day"), activity("b"), shift("a", ends_at=IN), shift("b", ends_at=IN)], 1
    ),
    "attendances": Case(
        [
            activity("a"),
            shift("a", id="$shift", ends_at=IN),
            ("sign_up", {"id": "$u", "shift_id": "$shift"}),
            ("sign_up", {"id": "$w", "shift_id": "$shift"}),
            (
                "attendance",
                {
                    "sign_up_id": "$u",
                    "sign_in_at": IN,
                    "created_at": IN,
                    "sign_in_method": "code",
                    "sign_out_at": None,
                    "sign_out_method": None,
                },
            ),
            (
                "attendance",
                {
                    "sign_up_id": "$w",
                    "sign_in_at": BEFORE,
                    "created_at": BEFORE,
                    "sign_in_method": "code",
                    "sign_out_at": None,
                    "sign_out_method": None,
                },
            ),
        ],
        1,
    ),
    "shift_use": Case(
        [
            activity("a"),
            shift("a", id="$shift", ends_at=IN, closed_at=IN),
            shift("a", id="$other", ends_at=IN, closed_at=None),
            ("allotment", {"id": "$al", "purpose": "shift_role", "capacity": 4, "taken": 2, "offer_minutes": 60}),
            ("shift_role", {"id": "$role", "shift_id": "$shift", "allotment_id": "$al"}),
            ("sign_up", {"id": "$u", "shift_id": "$shift"}),
            ("sign_up", {"id": "$w", "shift_id": "$shift"}),
            (
                "attendance",
                {
                    "sign_up_id": "$u",
                    "sign_in_at": IN,
                    "created_at": IN,
                    "sign_in_method": "code",
                    "sign_out_at": None,
                    "sign_out_method": None,
                },
            ),
        ],
        1,
        4,
    ),
    "service_hours": Case(
        [
            entry(id="$first", minutes=90, occurred_at=IN, created_at=IN),
            entry(minutes=-30, occurred_at=IN, created_at=LATE_IN, reversal_of_id="$first"),
            entry(minutes=60, occurred_at=BEFORE, created_at=BEFORE),
            # Stated after January was frozen, in March.
            entry(minutes=20, occurred_at="2031-01-20T04:00:00Z", created_at=IN),
            entry(minutes=0, occurred_at=IN, created_at=IN),
            entry(organization_id=None, occurred_at=IN, created_at=IN),
        ],
        80,
    ),
    "hours_waiting": Case(
        [
            (
                "hours",
                {
                    "organization_id": "$here",
                    "sign_up_id": new_id(),
                    "state": state,
                    "created_at": at,
                    "minutes": 60,
                    "starts_at": BEFORE,
                    "ends_at": "2031-02-27T05:00:00Z",
                    "needs": "community",
                    "effective_at": None,
                    "decided_at": None,
                    "decided_by_id": None,
                },
            )
            for state, at in (("waiting", IN), ("waiting", LATE_IN), ("refused", IN))
        ],
        1,
        2,
    ),
    "bookings": Case(
        [
            *SLOTS,
            *booking("slot", "confirmed", IN),
            *booking("slot", "no_show", IN),
            *booking("slot", "cancelled", IN),
            *booking("old", "attended", BEFORE),
            room_booking("attended", IN),
            room_booking("cancelled", IN),
        ],
        3,
        0,
        2,
    ),
    "visits": Case(
        [
            *SLOTS,
            *booking("slot", "attended", IN, party_size=2, settled_at=IN),
            *booking("slot", "no_show", IN, settled_at=IN),
            room_booking("attended", IN, party_size=5, settled_at=IN),
        ],
        7,
    ),
    "no_shows": Case(
        [
            *SLOTS,
            *booking("slot", "attended", IN, settled_at=IN),
            *booking("slot", "no_show", IN, settled_at=LATE_IN),
            *booking("slot", "cancelled", IN),
            room_booking("no_show", IN, settled_at=IN),
        ],
        2,
        3,
    ),
    "walk_ins": Case(
        [
            *SLOTS,
            *booking("slot", "attended", IN, walk_in=True, settled_at=IN),
            *booking("slot", "attended", IN, walk_in=False, settled_at=IN),
            room_booking("attended", IN, walk_in=True, settled_at=IN),
        ],
        2,
        3,
    ),
    "slot_use": Case(
        [
            ("allotment", {"id": "$allotment", "purpose": "slot", "capacity": 5, "taken": 3, "offer_minutes": 60}),
            *SLOTS,
        ],
        3,
        5,
    ),
    "counter_minutes": Case(
        [
            *CENTER,
            *(
                (
                    "queue_ticket",
                    {
                        "service_id": "$service",
                        "day": "2031-03-05",
                        "number": next(numbers),
                        "state": state,
                        "created_at": "2031-03-05T03:40:00Z",
                        "called_at": called,
                        "finished_at": done,
                        "person_id": None,
                        "booking_id": None,
                    },
                )
                for state, called, done in (("served", IN, IN), ("left", None, IN))
            ),
        ],
        20,
        1,
    ),
    "booking_stars": Case(
        [
            *CENTER,
            (
                "booking_rating",
                {
                    "service_id": "$service",
                    "stars": 4,
                    "created_at": IN,
                    "booking_id": new_id(),
                    "room_booking_id": None,
                },
            ),
            (
                "booking_rating",
                {
                    "service_id": "$service",
                    "stars": 1,
                    "created_at": BEFORE,
                    "booking_id": new_id(),
                    "room_booking_id": None,
                },
            ),
        ],
        4,
        1,
    ),
    "complaints": Case([*CENTER, complaint(created_at=IN), complaint(created_at=BEFORE)], 1),
    "complaints_in_time": Case(
        [
            *CENTER,
            complaint(answer_by=IN, answered_at=BEFORE, is_upheld=True, answer="\\x00"),
            complaint(answer_by=IN, answered_at=LATE_IN, is_upheld=True, answer="\\x00"),
            complaint(answer_by=IN),
            complaint(answer_by=AFTER),
        ],
        1,
        3,
    ),
    "complaints_upheld": Case(
        [
            *CENTER,
            complaint(answered_at=IN, is_upheld=True, answer="\\x00"),
            complaint(answered_at=IN, is_upheld=False, answer="\\x00"),
            complaint(answered_at=BEFORE, is_upheld=True, answer="\\x00"),
            complaint(),
        ],
        1,
        0,
        1,
    ),
    "complaints_overdue": Case(
        [
            *CENTER,
            complaint(answer_by=IN),
            complaint(answer_by=AFTER),
            complaint(answer_by=IN, answered_at=LATE_IN, is_upheld=True, answer="\\x00"),
        ],
        1,
    ),
    "coverage": Case(
        [
            venue(),
            *(
                (
                    "organization",
                    {
                        "level": "building",
                        "parent_id": "$here",
                        "path": new_id(),
                        "code": new_id()[-7:],
                        "location": location,
                        "created_at": BEFORE,
                        "closed_at": closed,
                    },
                )
                for location, closed in (
                    ("(122.101,37.5)", None),
                    ("(122.2,37.5)", None),
                    (None, None),
                    ("(122.1,37.5)", IN),
                )
            ),
        ],
        1,
        2,
        1,
    ),
    "announcements": Case(
        [
            (
                "announcement",
                {
                    "organization_id": "$here",
                    "picture_ids": [],
                    "state": state,
                    "sent_at": at,
                    "finished_at": at,
                    "withdrawn_at": withdrawn,
                },
            )
            for state, at, withdrawn in (
                ("sent", IN, None),
                ("sent", BEFORE, None),
                ("withdrawn", IN, LATE_IN),
                ("draft", None, None),
            )
        ],
        1,
        0,
        1,
    ),
    "messages_delivered": Case(
        [
            person("a"),
            *(
                ("inbox_message", {"person_id": "$a", "delivery": delivery, "created_at": IN, "facts": {}})
                for delivery in ("sent", "delivered", "failed", "inbox_only", "queued")
            ),
        ],
        2,
        3,
        2,
    ),
}
