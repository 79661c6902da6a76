"""Periods and limits of the rules right before they are reached, when they are, and right after; said here in figures,
so that a changed one is noticed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pkgutil import resolve_name
from typing import Any, NamedTuple

import pytest

from server.check_in.reports.models import ReportState
from server.check_in.reports.rules import ReportAction, ReportActor, possible_actions
from server.foundation import clock
from server.foundation.dates import end_of
from server.notifications.reminders import next_reminder
from server.places.models import Purpose
from server.places.rules import NO_SHOW_RULES, hold_until, offer_until
from server.volunteering.attendance.rules import is_open_for_scans, is_plausible
from server.volunteering.hours.models import Approver
from server.volunteering.hours.rules import approver_of
from server.wishes.models import Escalation
from server.wishes.rules import claim_due_at, days_left, escalate_at, longest_due_at, shortest_due_at

NOW = datetime(2026, 5, 1, 12, tzinfo=clock.SHANGHAI)
DAY = timedelta(days=1)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
END = NOW + 2 * HOUR
TODAY = NOW.date()


class Boundary(NamedTuple):
    """Whether something holds a `step` before `at`, at it, and a step after: "yes yes no"."""

    holds: Callable[[Any], bool]
    at: Any
    step: Any
    told: str


def _served(span: timedelta) -> Approver | None:
    return approver_of((NOW.replace(hour=0), NOW.replace(hour=0) + span), [])


def _can(action: ReportAction, actor: ReportActor, later: timedelta) -> bool:
    return action in possible_actions(ReportState.ASSESSED, [actor], NOW, NOW + later)


BOUNDARIES = {
    "reminded a day before": Boundary(
        lambda left: next_reminder(NOW, NOW + left) == NOW + left - DAY, DAY, HOUR, "no no yes"
    ),
    "reminded two hours before": Boundary(
        lambda left: bool(next_reminder(NOW, NOW + left)), 2 * HOUR, SECOND, "no no yes"
    ),
    "a place far ahead is given": Boundary(lambda left: offer_until(NOW, NOW + left) is None, DAY, SECOND, "no no yes"),
    "an offer stands two hours": Boundary(
        lambda time: (offer_until(NOW, NOW + DAY) or NOW) >= NOW + time, 2 * HOUR, SECOND, "yes yes no"
    ),
    "never past the start": Boundary(
        lambda left: offer_until(NOW, NOW + left) == NOW + left, 2 * HOUR, SECOND, "yes yes no"
    ),
    "held for a group": Boundary(lambda time: hold_until(NOW, None) >= NOW + time, 12 * HOUR, SECOND, "yes yes no"),
    "nor held past the start": Boundary(
        lambda left: hold_until(NOW, NOW + left) == NOW + left, 12 * HOUR, SECOND, "yes yes no"
    ),
    "no-shows count 90 days": Boundary(
        lambda time: NO_SHOW_RULES[Purpose.SLOT].within >= time, 90 * DAY, SECOND, "yes yes no"
    ),
    "and block for 30": Boundary(
        lambda time: NO_SHOW_RULES[Purpose.SHIFT_ROLE].lasts >= time, 30 * DAY, SECOND, "yes yes no"
    ),
    "scanned before": Boundary(lambda time: is_open_for_scans(NOW - time, NOW, END), 2 * HOUR, SECOND, "yes yes no"),
    "scanned after": Boundary(lambda time: is_open_for_scans(END + time, NOW, END), 2 * HOUR, SECOND, "yes yes no"),
    "a scanner's clock ahead": Boundary(
        lambda time: is_plausible(NOW + time, NOW, NOW, END), 2 * MINUTE, SECOND, "yes yes no"
    ),
    "a scan before the sign-up": Boundary(
        lambda time: is_plausible(NOW - time, NOW, NOW, END), 2 * MINUTE, SECOND, "yes yes no"
    ),
    "a scan told late": Boundary(lambda time: is_plausible(END, END + time, NOW, END), 7 * DAY, SECOND, "yes yes no"),
    "hours that nobody approves": Boundary(lambda time: _served(time) is None, 8 * HOUR, SECOND, "yes yes no"),
    "hours for the community": Boundary(
        lambda time: _served(time) is Approver.COMMUNITY, 12 * HOUR, SECOND, "yes yes no"
    ),
    "a correction of a report": Boundary(
        lambda time: _can(ReportAction.ASK_CORRECTION, ReportActor.MEMBER, time), 7 * DAY, SECOND, "yes no no"
    ),
    "a report without an answer": Boundary(
        lambda time: _can(ReportAction.RELEASE, ReportActor.MANAGER, time), 7 * DAY, SECOND, "no yes yes"
    ),
    "days of a claim": Boundary(
        lambda days: claim_due_at(NOW, TODAY + 180 * DAY) > NOW + days * DAY, 14, 1, "yes yes no"
    ),
    "a claim ends by the day wished for": Boundary(
        lambda days: claim_due_at(NOW, TODAY + days * DAY) == end_of(TODAY + days * DAY), 14, 1, "yes yes no"
    ),
    "days of a claim at least": Boundary(lambda days: shortest_due_at(NOW) > NOW + days * DAY, 3, 1, "yes yes no"),
    "days of a claim with notes": Boundary(
        lambda days: longest_due_at(NOW, 14) > NOW + days * DAY, 28, 1, "yes yes no"
    ),
    "days that are left": Boundary(lambda days: days_left(TODAY + days * DAY, TODAY) > 0, 0, 1, "no no yes"),
    "the grid is asked": Boundary(
        lambda days: escalate_at(TODAY + days * DAY, Escalation.GRID).date() > TODAY, 5, 1, "no no yes"
    ),
    "the subdistrict is asked": Boundary(
        lambda days: escalate_at(TODAY + days * DAY, Escalation.SUBDISTRICT).date() > TODAY, 1, 1, "no no yes"
    ),
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_before_at_and_after(name: str) -> None:
    holds, at, step, told = BOUNDARIES[name]
    assert " ".join("yes" if holds(value) else "no" for value in (at - step, at, at + step)) == told


FIGURES = {
    # Their tests measure by them, so they stand here as people were told.
    "check_in.identity.VALID_FOR": 5 * MINUTE,
    "check_in.reports.making.HELD_AT_LEAST": 15 * DAY,
    "check_in.reports.rules.CORRECTION_TIME": 7 * DAY,
    "members.memberships.CONTACT_EVERY": 30 * DAY,
    "moderation.overdue.OVERDUE": 40 * MINUTE,
    "media.uploads.uploading.UNUSED_FOR": DAY,
    "neighbor_center.bookings.settling.SETTLED_AFTER": DAY,
    "neighbor_center.counters.tickets.DRAWN_BEFORE": HOUR,
    "neighbor_center.feedback.complaints.ANSWERED_WITHIN": 3 * DAY,
    "neighbor_center.feedback.ratings.RATED_WITHIN": 30 * DAY,
    "neighbor_center.opening.rules.ARRIVES_BEFORE": 30 * MINUTE,
    "notifications.grants.PAIRING_WINDOW": 10 * MINUTE,
    "notifications.queries.ASK_BANNED_AGAIN": 30 * DAY,
    "places.rules.MAX_PASSES": 3,
    "teams.teams.MAX_LED": 3,
    "teams.teams.MAX_SIZE": 10,
    "volunteering.hours.rules.APPEAL_WITHIN": 30 * DAY,
    "volunteering.hours.rules.RATE_WITHIN": 30 * DAY,
    "volunteering.shifts.adding.LONGEST_SHIFT": DAY,
    "volunteering.sign_ups.party.MOST_FAMILY": 4,
    "wishes.rules.ANSWER_DAYS": 7,
    "wishes.rules.DISPUTE_DAYS": 30,
    "wishes.rules.LONGEST_WAIT_DAYS": 180,
    "wishes.rules.MAX_HELPERS": 9,
    "wishes.rules.MAX_NOTES": 20,
    "wishes.rules.MAX_OPEN_CLAIMS": 3,
    "wishes.rules.MAX_OPEN_CLAIMS_OF_UNIT": 20,
    "wishes.rules.MAX_PICTURES": 6,
    "wishes.rules.REMIND_BEFORE": DAY,
}


def test_the_figures_are_those_that_were_told() -> None:
    found = {name: resolve_name(f"server.{name}") for name in FIGURES}
    assert found == FIGURES
