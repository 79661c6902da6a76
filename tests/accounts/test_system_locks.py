"""What the system does by itself holds its row before it decides, as requests do (tests/writes.py)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.accounts.persons import show_checked_profile
from server.check_in.endings import follow_successor
from server.check_in.posts.holding import end_holdings_of
from server.foundation.database import fetch_one
from server.foundation.ids import new_id
from server.notifications.grants import lock_balance
from server.places.taking import move_places
from server.teams.teams import leave_all_teams, settle_team_check
from server.volunteering.activities import settle_activity_check
from server.volunteering.hours.ratings import settle_rating_check
from server.wishes.contact import empty_lost_number
from server.wishes.fulfilling import settle_report_check, settle_thanks_check
from server.wishes.posting import settle_wish_check
from tests.accounts.test_personal_data import cast  # noqa: F401  (a fixture)
from tests.clients import Api
from tests.held import waits_at
from tests.statements import locks_of

CASES: dict[str, tuple[str, str, Callable[[Any], Awaitable[Any]]]] = {
    "nickname": ("person", "id AS row FROM person WHERE id = $1", lambda of: show_checked_profile(of["row"])),
    "team's name": ("team", "id AS row FROM team", lambda of: settle_team_check(of["row"])),
    "wish": ("wish", "id AS row FROM wish", lambda of: settle_wish_check(of["row"])),
    "report": ("wish", "wish_id AS row, id FROM wish_claim", lambda of: settle_report_check(of["id"])),
    "thanks": ("wish", "wish_id AS row, id FROM wish_claim", lambda of: settle_thanks_check(of["id"])),
    "activity": ("activity", "id AS row FROM activity", lambda of: settle_activity_check(of["row"])),
    "rating": ("shift_rating", "id AS row FROM shift_rating", lambda of: settle_rating_check(of["row"])),
    "leaves teams": (
        "team",
        "team_id AS row, person_id FROM team_member WHERE person_id = $1",
        lambda of: leave_all_teams(of["person_id"]),
    ),
    "leaves posts": (
        "post_holding",
        "h.id AS row, h.membership_id, p.community_id FROM post_holding h JOIN post p ON p.id = h.post_id",
        lambda of: end_holdings_of(of["membership_id"], of["community_id"], "离开"),
    ),
    "community goes on as another": (
        "membership",
        "id AS row, community_id FROM membership WHERE community_id IS NOT NULL",
        lambda of: follow_successor(of["community_id"], of["community_id"]),
    ),
    "somebody else turns out to hold the place": (
        "allotment",
        "allotment_id AS row, person_id FROM place WHERE person_id = $1 AND ended_at IS NULL",
        lambda of: move_places(of["person_id"], new_id()),
    ),
    "number lost": (
        "wish",
        "id AS row, author_id FROM wish WHERE author_id = $1 AND phone IS NOT NULL",
        lambda of: empty_lost_number(of["author_id"], "13800000000"),
    ),
    "balance": (
        "grant_balance",
        "id AS row, person_id, template FROM grant_balance WHERE person_id = $1",
        lambda of: lock_balance(of["person_id"], of["template"]),
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_system_waits_at_its_lock(cast: tuple[Api, Api, Api], case: str) -> None:  # noqa: F811
    table, found, act = CASES[case]
    of = await fetch_one(f"SELECT {found}", *([cast[0].person_id] if "$1" in found else []))
    assert of
    assert table in locks_of(await waits_at(table, of["row"], lambda: act(of)))
