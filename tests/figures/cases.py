"""For each figure rows around March 2031, seen from the 15th at noon, and what somebody comes to who counts by hand.

Each case stands beside a bystander: the same in another community is not counted here.
"""

from server.foundation.ids import new_id
from tests.figures import cases_of_activities, cases_of_grid_cases
from tests.figures.rows import (
    AFTER,
    BEFORE,
    EARLIER,
    FIRST_INSTANT,
    FROZEN_THEN,
    IN,
    LAST_INSTANT,
    LATE_IN,
    Case,
    check_in,
    claim,
    entry,
    person,
    report,
    wish,
)

CASES: dict[str, Case] = {
    "residents": Case(
        [
            person("a"),
            person("b"),
            person("late", created_at=AFTER),
            person("gone", cancelled_at=IN),
            person("merged", merged_into_id="$a"),
            person("shut", closed_at=IN),
            person("nowhere", community_id=None),
        ],
        2,
    ),
    "residents_active": Case(
        [
            person("a"),
            person("b"),
            person("c"),
            ("sign_up", {"person_id": "$a", "created_at": IN}),
            ("sign_up", {"person_id": "$a", "created_at": LATE_IN}),
            ("booking", {"person_id": "$a", "created_at": IN, "visitor_id": None, "visit_until": None}),
            wish(author_id="$b", submitted_at=IN),
            ("sign_up", {"person_id": "$c", "created_at": BEFORE}),
        ],
        2,
    ),
    "volunteers": Case(
        [
            person("a"),
            person("b"),
            person("c"),
            *(
                ("consent", {"person_id": f"${name}", "kind": kind, "given_at": BEFORE, "withdrawn_at": withdrawn})
                for name, kind, withdrawn in (
                    ("a", "volunteer_terms", None),
                    ("b", "privacy", None),
                    ("c", "volunteer_terms", IN),
                )
            ),
        ],
        1,
    ),
    "volunteers_active": Case(
        [
            person("a"),
            person("b"),
            person("c"),
            entry(person_id="$a", occurred_at=IN, created_at=IN),
            entry(person_id="$a", occurred_at=LATE_IN, created_at=LATE_IN),
            entry(id="$wrong", person_id="$b", occurred_at=IN, created_at=IN),
            entry(person_id="$b", occurred_at=IN, created_at=IN, minutes=-60, reversal_of_id="$wrong"),
            entry(person_id="$c", occurred_at=BEFORE, created_at=BEFORE),
        ],
        1,
    ),
    "check_ins": Case(
        [
            check_in(state="applied", applied_at=IN),
            check_in(state="withdrawn", applied_at=IN),
            check_in(state="refused", applied_at=IN),
            check_in(state="confirmed", applied_at=FIRST_INSTANT),
            check_in(state="applied", applied_at=LAST_INSTANT),
        ],
        2,
        0,
        2,
    ),
    "check_ins_confirmed": Case(
        [
            check_in(state="confirmed", applied_at=BEFORE, decided_at=IN),
            check_in(state="ended", ended_at=LATE_IN, applied_at=BEFORE, decided_at=IN),
            check_in(state="refused", applied_at=BEFORE, decided_at=IN),
            check_in(state="confirmed", applied_at=BEFORE, decided_at=BEFORE),
        ],
        2,
    ),
    "check_in_hours": Case(
        [
            check_in(state="confirmed", applied_at="2031-03-04T02:00:00Z", decided_at=IN),
            check_in(state="confirmed", applied_at="2031-03-05T03:30:30Z", decided_at=IN),
        ],
        26 * 60 + 29,
        2,
    ),
    "check_ins_overdue": Case(
        [
            check_in(state="applied", applied_at=IN, decided_at=None),
            check_in(state="applied", applied_at=LATE_IN, decided_at=None),
            check_in(state="confirmed", applied_at=IN, decided_at=IN),
        ],
        1,
        2,
    ),
    "units_paired": Case(
        [
            ("unit_check_in", {"area_id": "$here", "unit_id": new_id(), "member_count": 1, "offers": [], **values})
            for values in (
                {"state": "accepted", "starts_on": "2031-01-01", "ends_on": None, "ended_at": None},
                {"state": "accepted", "starts_on": "2031-04-01", "ends_on": None, "ended_at": None},
                {"state": "ended", "starts_on": "2031-01-01", "ends_on": None, "ended_at": IN},
                {"state": "applied", "starts_on": None, "ends_on": None, "ended_at": None},
            )
        ],
        1,
    ),
    "posts_filled": Case(
        [
            ("allotment", {"id": "$allotment", "purpose": "post", "capacity": 3, "taken": 2, "offer_minutes": 60}),
            (
                "post",
                {
                    "id": "$post",
                    "community_id": "$here",
                    "allotment_id": "$allotment",
                    "state": "open",
                    "term_starts_on": "2031-01-01",
                    "term_ends_on": None,
                    "category": "public_affairs",
                    "category_name": "",
                },
            ),
            *(
                (
                    "post_holding",
                    {
                        "post_id": "$post",
                        "membership_id": new_id(),
                        "place_id": new_id(),
                        "decided_at": BEFORE,
                        "state": state,
                        "ended_at": ended,
                    },
                )
                for state, ended in (("held", None), ("held", None), ("left", IN), ("applied", None))
            ),
        ],
        2,
        3,
    ),
    "posts_served": Case(
        [
            (
                "post",
                {
                    "id": "$post",
                    "community_id": "$here",
                    "category": "public_affairs",
                    "category_name": "",
                    "term_ends_on": None,
                },
            ),
            ("post_holding", {"id": "$holding", "post_id": "$post", "state": "held", "place_id": new_id()}),
            # February's is known in March and before February is frozen, so that it is February's.
            ("post_month", {"holding_id": "$holding", "month": "2031-02", "credited_at": IN}),
            # January's came after that month was frozen, yet before March: it is February's too.
            ("post_month", {"holding_id": "$holding", "month": "2031-01", "credited_at": FROZEN_THEN}),
            # December's came in March: it is March's.
            ("post_month", {"holding_id": "$holding", "month": "2030-12", "credited_at": IN}),
            ("post_month", {"holding_id": "$holding", "month": "2030-11", "credited_at": None}),
        ],
        1,
    ),
    "floating_overdue": Case(
        [
            ("membership", {"community_id": "$here", "created_at": BEFORE, **values})
            for values in (
                {"kind": "floating", "ended_at": None, "contact_due_at": IN},
                {"kind": "floating", "ended_at": None, "contact_due_at": AFTER},
                {"kind": "floating", "ended_at": IN, "contact_due_at": None},
                {"kind": "retired", "ended_at": None, "contact_due_at": None},
            )
        ],
        1,
        2,
    ),
    "reports_sent": Case(
        [
            report(state="released", released_at=IN, grade="qualified", assessed_at=IN),
            report(state="released", released_at=BEFORE, grade="qualified", assessed_at=BEFORE),
        ],
        1,
    ),
    "reports_acknowledged": Case(
        [
            report(state="acknowledged", released_at=BEFORE, acknowledged_at=IN, grade="qualified", assessed_at=BEFORE),
            report(state="released", released_at=IN, acknowledged_at=None, grade="qualified", assessed_at=IN),
        ],
        1,
    ),
    "reports_overdue": Case(
        [
            report(
                state="draft", frozen_at=EARLIER, released_at=None, assessed_at=None, grade=None, acknowledged_at=None
            ),
            report(state="draft", frozen_at=IN, released_at=None, assessed_at=None, grade=None, acknowledged_at=None),
            report(
                state="released",
                frozen_at=EARLIER,
                released_at=IN,
                grade="qualified",
                assessed_at=IN,
                acknowledged_at=None,
            ),
        ],
        1,
        2,
    ),
    "wishes_posted": Case(
        [
            wish(first_published_at=IN),
            wish(first_published_at=FIRST_INSTANT),
            wish(first_published_at=LAST_INSTANT),
            wish(first_published_at=None),
        ],
        2,
    ),
    "wishes_claimed": Case([wish(first_claimed_at=IN), wish(first_claimed_at=BEFORE), wish(first_claimed_at=None)], 1),
    "wishes_fulfilled": Case(
        [
            wish(id="$a", state="fulfilled", fulfilled_at=IN),
            claim("a", confirmed_at=LATE_IN),
            # Done in February, confirmed in time: February's. Done in January, confirmed in March: March's.
            wish(id="$b", state="fulfilled", fulfilled_at=BEFORE),
            claim("b", confirmed_at=IN),
            wish(id="$c", state="fulfilled", fulfilled_at="2031-01-05T04:00:00Z"),
            claim("c", confirmed_at=IN),
            wish(id="$d", state="reported", fulfilled_at=None),
            claim("d", state="reported", confirmed_at=None),
        ],
        2,
    ),
    "wish_days_to_claim": Case(
        [wish(first_published_at=BEFORE, first_claimed_at=IN), wish(first_published_at=IN, first_claimed_at=None)],
        6 * 1440,
        1,
    ),
    "wish_days_to_fulfil": Case(
        [wish(id="$a", state="fulfilled", first_published_at=BEFORE, fulfilled_at=IN), claim("a", confirmed_at=IN)],
        6 * 1440,
        1,
    ),
    "wishes_unclaimed": Case(
        [
            wish(state="published", published_at=IN),
            wish(state="published", published_at=LATE_IN),
            wish(state="claimed", published_at=BEFORE),
        ],
        1,
        2,
    ),
    "wish_stars": Case(
        [
            wish(id="$a", state="fulfilled", fulfilled_at=BEFORE),
            claim("a", confirmed_at=IN, rating=4),
            wish(id="$b", state="fulfilled", fulfilled_at=IN),
            claim("b", confirmed_at=IN, rating=None),
        ],
        4,
        1,
        1,
    ),
    **cases_of_activities.CASES,
    **cases_of_grid_cases.CASES,
}
