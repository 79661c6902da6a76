"""Grid cases: what a hand counts (see cases.py)."""

from typing import Any

from server.foundation.ids import new_id
from tests.figures.rows import AFTER, BEFORE, FIRST_INSTANT, IN, LAST_INSTANT, LATE_IN, Case, Row


def case(name: str, state: str = "closed", **values: Any) -> Row:
    held = state not in ("refused", "checked", "closed", "merged")
    return "grid_case", {
        "id": f"${name}",
        "community_id": "$here",
        "state": state,
        "holder_id": "$here" if held else None,
        "keeper_id": "$here",
        "handler_id": "$here" if state in ("dispatched", "handling", "suspended") else None,
        "stage_due_at": AFTER if held else None,
        "outcome": "fixed",
        "answer": "好了",
        "merged_into_id": new_id() if state == "merged" else None,
        "resume_at": AFTER if state == "suspended" else None,
        "answer_due_at": AFTER,
        "rated_at": None,
        "checked_at": None,
        "location": None,
        "picture_ids": [],
        "answer_picture_ids": [],
        "extensions": 0,
        "suspensions": 0,
        "reached": None,
        "solved": None,
        "stars": None,
        "created_at": BEFORE,
        **values,
    }


def step(action: str, at: str, due: str | None = None, **values: Any) -> Row:
    return "grid_case_step", {
        "case_id": "$a",
        "action": action,
        "from_state": "handling",
        "to_state": "handling",
        "created_at": at,
        "due_at": due,
        "due_from": None,
        "due_to": None,
        "picture_ids": [],
        **values,
    }


def in_time(action: str, other: str) -> Case:
    """One on the dot, one a second late; others' steps, those of another month and those without a limit beside."""
    return Case(
        [
            case("a"),
            step(action, IN, IN),
            step(action, "2031-03-05T04:00:01Z", IN),
            step(action, FIRST_INSTANT, AFTER),
            step(action, LAST_INSTANT, AFTER),
            step(action, AFTER, AFTER),
            step(action, IN, None),
            step(other, IN, IN),
        ],
        2,
        3,
    )


def rated(**values: Any) -> list[Row]:
    """One who says yes, two who do not; one of the month before, and one who has not said anything."""
    (name, (yes, no)), *_ = values.items()
    return [
        case("a", rated_at=IN, **{name: yes}),
        case("b", rated_at=LATE_IN, **{name: no}),
        case("c", rated_at=IN),
        case("d", rated_at=LAST_INSTANT, **{name: yes}),
        case("e", "checked", checked_at=IN),
    ]


CASES: dict[str, Case] = {
    "cases_reported": Case(
        [
            case("a", created_at=IN),
            case("b", "reported", created_at=FIRST_INSTANT),
            case("c", "refused", created_at=IN),
            case("d", "merged", created_at=LATE_IN),
            case("e", created_at=LAST_INSTANT),
        ],
        2,
        0,
        2,
    ),
    "cases_filed_in_time": in_time("file", "dispatch"),
    "cases_accepted_in_time": in_time("accept", "return"),
    "cases_handled_in_time": in_time("answer", "pass"),
    "cases_answered_in_time": Case(
        [
            case("a", answer_due_at=IN, checked_at=IN),
            case("b", answer_due_at=IN, checked_at=LATE_IN),
            case("c", "handling", answer_due_at=IN),
            case("d", "handling", answer_due_at=AFTER),
            case("e", "refused", answer_due_at=IN),
            case("f", "merged", answer_due_at=LATE_IN),
            case("g", answer_due_at=LAST_INSTANT, checked_at=BEFORE),
        ],
        1,
        3,
        2,
    ),
    "case_hours_to_answer": Case(
        [
            case("a", created_at="2031-03-04T04:00:00Z", checked_at=IN),
            case("b", created_at="2031-03-05T02:29:30Z", checked_at=IN),
            case("c", created_at=BEFORE, checked_at=BEFORE),
            case("d", "handling", created_at=IN),
        ],
        24 * 60 + 90,
        2,
    ),
    "cases_sent_back": Case(
        [
            case("a"),
            step("pass", IN),
            step("pass", LATE_IN),
            step("send_back", IN),
            step("send_back", BEFORE),
            step("answer", IN),
        ],
        1,
        3,
    ),
    "cases_reopened": Case(
        [
            case("a"),
            step("reopen", IN, from_state="closed"),
            step("file_again", IN, from_state="checked"),
            step("file_again", IN, from_state="refused"),
            step("reopen", BEFORE, from_state="closed"),
        ],
        2,
    ),
    "cases_delayed": Case(
        [
            case("a"),
            step("extend", IN),
            step("suspend", LATE_IN),
            step("ask_delay", IN),
            step("deny_delay", IN),
            step("extend", BEFORE),
        ],
        2,
    ),
    "cases_overdue": Case(
        [
            case("a", "handling", stage_due_at=IN),
            case("b", "reported", stage_due_at=BEFORE),
            case("c", "handling", stage_due_at=AFTER),
            case("d", "suspended", stage_due_at=IN),
            case("e", "closed"),
        ],
        2,
    ),
    "cases_reached": Case(rated(reached=(True, False)), 1, 3),
    "cases_solved": Case(rated(solved=(True, False)), 1, 3),
    "cases_satisfied": Case(rated(stars=(4, 3)), 1, 3),
}
