"""All pages that are declared: each shows what an operation of the API lists or gives, and offers what can be done.

A new page is a few lines in `declared/`. Whoever may not call the operation gets the operation's own refusal.
"""

from server.console.declared import (
    check_in,
    co_building,
    figures,
    grid_cases,
    meetings,
    neighbor_center,
    organization,
    volunteering,
    wishes,
)

PAGES = (
    *check_in.PAGES,
    *wishes.PAGES,
    *grid_cases.PAGES,
    *co_building.PAGES,
    *meetings.PAGES,
    *volunteering.PAGES,
    *neighbor_center.PAGES,
    *organization.PAGES,
    *figures.PAGES,
)

BY_SLUG = {page.slug: page for page in PAGES}
SECTIONS = list(dict.fromkeys(page.section for page in PAGES))

WHERE = {
    "check_in": "check-ins",
    "unit_check_in": "unit-check-ins",
    "post_holding": "post-holdings",
    "transfer": "members",
    "report_to_assess": "reports",
    "report_correction": "reports",
    "report_to_release": "reports",
    "roster_link": "roster-links",
    "wish_review": "wish-review",
    "wish_dispute": "wishes",
    "wish_to_confirm": "wishes",
    "wish_unclaimed": "wishes-unclaimed",
    "held_check": "moderation",
    "activity_review": "activities",
    "shift_to_confirm": "shifts",
    "hours": "hours",
    "no_show_appeal": "appeals",
    "booking_request": "bookings",
    "visit_to_assign": "bookings",
    "complaint": "complaints",
    "figure_warning": "warnings",
    "meeting_topic": "meetings",
    "meeting_resolution_reported": "meeting-resolutions",
    "meeting_resolution_overdue": "meeting-resolutions",
    "case_to_file": "cases",
    "case_to_dispatch": "cases",
    "case_to_check": "cases",
    "case_delay": "cases",
    "case_to_handle": "cases",
    "case_of_office": "cases",
    "case_of_unit": "cases",
    "list_entry_to_review": "list-entries",
    "list_claim_to_answer": "list-claims",
}
"""Kind of what waits on the desk → the page where it is dealt with."""
