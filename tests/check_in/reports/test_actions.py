"""What one could do with a half-year report is told before the tap, and comes true: every state, everybody."""

import pytest

from server.check_in.reports.models import ReportState
from server.check_in.reports.rules import REPORT_TABLE, may_see
from tests.actions import Tries, try_actions
from tests.builders import move_clock_to
from tests.check_in.reports.builders import WEEK, create_cast, put_state, shanghai
from tests.check_in.reports.test_state_table import BODIES, PATHS, callers
from tests.clients import Api

LATE = {"ask_correction": "correction_closed", "release": "correction_open"}
"""Why not, where the table would let them: the week for an answer is over, or is not."""


def tries(report_id: str) -> Tries:
    return {
        str(action): ("PUT" if path.endswith("assessment") else "POST", path.format(report_id), BODIES.get(action))
        for action, path in PATHS.items()
    }


@pytest.mark.parametrize("state", ReportState)
async def test_in_every_state(api: Api, state: ReportState) -> None:
    cast = await create_cast(api)
    everybody = await callers(api, cast)
    path = f"/reports/{cast.report_id}"
    for is_week_over in (False, True):
        move_clock_to(shanghai(7, 1, 1))
        await put_state(cast.report_id, state)
        if is_week_over:
            move_clock_to(shanghai(7, 1, 1) + WEEK)
        not_now = "ask_correction" if is_week_over else "release"
        for who, (caller, actors) in everybody.items():
            if not may_see(state, actors):
                await caller.refused("GET", f"{path}/actions", code="not_found")
                continue
            expected = [
                f"{action}:{LATE[action]}" if state is ReportState.ASSESSED and action == not_now else str(action)
                for action in REPORT_TABLE.possible_actions(state, actors)
            ]
            assert (await try_actions(caller, path, tries(cast.report_id))).split() == expected, (state, who)
