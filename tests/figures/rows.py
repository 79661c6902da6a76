"""Rows from which figures are counted, as short as the cases need them."""

import itertools
from typing import Any, NamedTuple

from server.foundation.ids import new_id

EARLIER, BEFORE, IN, LATE_IN = (
    "2031-02-01T04:00:00Z",
    "2031-02-27T04:00:00Z",
    "2031-03-05T04:00:00Z",
    "2031-03-14T04:00:00Z",
)
AFTER = "2031-03-20T04:00:00Z"
LAST_INSTANT, FIRST_INSTANT = "2031-02-28T15:59:59Z", "2031-02-28T16:00:00Z"
"""Of February and of March, on people's clocks."""
FROZEN_THEN = "2031-02-15T04:00:00Z"
"""After January was frozen."""
Row = tuple[str, dict[str, Any]]


numbers = itertools.count(1)


class Case(NamedTuple):
    """Rows as they stand, and the two sums and what was left out. `$name` in a value is an id of this name."""

    rows: list[Row]
    numerator: int
    denominator: int = 0
    excluded: int = 0


def person(name: str, **values: Any) -> Row:
    return "person", {"id": f"${name}", "community_id": "$here", "merged_into_id": None, "created_at": BEFORE, **values}


def check_in(**values: Any) -> Row:
    return "check_in", {"community_id": "$here", "membership_id": new_id(), "offers": [], "ended_at": None, **values}


def wish(**values: Any) -> Row:
    return "wish", {
        "community_id": "$here",
        "picture_ids": [],
        "kind": "thing",
        "wished_by": "2031-06-01",
        "escalate_at": None,
        **values,
    }


def claim(of: str, **values: Any) -> Row:
    return "wish_claim", {
        "wish_id": f"${of}",
        "state": "fulfilled",
        "ended_at": None,
        "unit_id": None,
        "team_id": None,
        "picture_ids": [],
        "thanks_picture_ids": [],
        "rating": 5,
        **values,
    }


def activity(name: str, **values: Any) -> Row:
    return "activity", {
        "id": f"${name}",
        "organizer_id": "$here",
        "kind": "volunteer",
        "state": "published",
        "published_at": EARLIER,
        "starts_at": EARLIER,
        "ends_at": AFTER,
        "audience": "everyone",
        **values,
    }


TIMES = {
    "sign_up_opens_at": "2031-01-01T00:00:00Z",
    "sign_up_closes_at": "2031-01-02T00:00:00Z",
    "cancel_until": "2031-01-02T00:00:00Z",
    "starts_at": "2031-01-03T00:00:00Z",
}


def shift(of: str, **values: Any) -> Row:
    return "shift", {"activity_id": f"${of}", "state": "scheduled", **TIMES, **values}


def entry(**values: Any) -> Row:
    return "service_entry", {
        "organization_id": "$here",
        "minutes": 60,
        "source_id": new_id(),
        "reversal_of_id": None,
        **values,
    }


def venue() -> Row:
    return "venue", {"id": "$venue", "organization_id": "$here", "location": "(122.1,37.5)", "state": "open"}


def service() -> Row:
    return "service", {
        "id": "$service",
        "venue_id": "$venue",
        "area_ids": [],
        "documents": [],
        "minutes": 30,
        "mode": "at_venue",
        "kind": "counter",
        "travel_minutes": 0,
    }


def slot(name: str, starts_at: str, **values: Any) -> Row:
    return "slot", {
        "id": f"${name}",
        "service_id": "$service",
        "starts_at": starts_at,
        "ends_at": "2031-12-31T00:00:00Z",
        **values,
    }


def booking(of: str, state: str, starts_at: str, **values: Any) -> list[Row]:
    place = new_id()
    ended = {"ended_at": IN} if state in ("cancelled", "expired", "removed") else {"ended_at": None}
    return [
        (
            "place",
            {
                "id": place,
                "state": state,
                "person_id": new_id(),
                "allotment_id": new_id(),
                "held_until": None,
                "offered_until": None,
                **ended,
            },
        ),
        (
            "booking",
            {
                "slot_id": f"${of}",
                "place_id": place,
                "starts_at": starts_at,
                "visitor_id": None,
                "visit_until": None,
                "party_size": 1,
                **values,
            },
        ),
    ]


def room_booking(state: str, starts_at: str, **values: Any) -> Row:
    ended = {"ended_at": IN} if state in ("cancelled", "refused") else {"ended_at": None}
    return "room_booking", {
        "service_id": "$service",
        "state": state,
        "starts_at": starts_at,
        "ends_at": "2031-03-05T05:00:00Z",
        "busy_until": "2031-03-05T05:00:00Z",
        "party_size": 1,
        **ended,
        **values,
    }


def complaint(**values: Any) -> Row:
    state = "answered" if values.get("answered_at") else "open"
    return "complaint", {
        "venue_id": "$venue",
        "service_id": None,
        "state": state,
        "created_at": BEFORE,
        "answer_by": AFTER,
        "is_upheld": None,
        "answered_at": None,
        "answer": None,
        **values,
    }


def report(**values: Any) -> Row:
    return "half_year_report", {
        "community_id": "$here",
        "period": "2031H1",
        "membership_id": new_id(),
        "unit_id": None,
        **values,
    }


CENTER = [venue(), service()]
SLOTS = [*CENTER, slot("slot", IN, allotment_id="$allotment"), slot("old", BEFORE, allotment_id=new_id())]
