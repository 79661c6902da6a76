"""What one could do with a case is told before the tap, and comes true: in every state, for everybody."""

from datetime import timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import execute
from server.grid_cases.models import CaseState, GridCase
from tests.actions import Tries, try_actions
from tests.clients import Api
from tests.grid_cases.builders import create_scene, put_case
from tests.grid_cases.test_state_table import REASON, put_for_all

KEEPERS = {
    CaseState.REPORTED: "file refuse escalate merge join",
    CaseState.FILED: "refuse dispatch escalate merge join",
    CaseState.DISPATCHED: "merge take_back join",
    CaseState.HANDLING: "merge take_back join",
    CaseState.SUSPENDED: "resume join",
    CaseState.ANSWERED: "pass send_back join",
    CaseState.CHECKED: "file_again",
    CaseState.CLOSED: "file_again",
    CaseState.REFUSED: "file_again",
}
HANDLERS = {
    CaseState.DISPATCHED: "accept return join",
    CaseState.HANDLING: "add_note hand_over answer ask_extension ask_suspension join",
    CaseState.SUSPENDED: "add_note resume join",
    CaseState.REPORTED: "join",
    CaseState.FILED: "join",
    CaseState.ANSWERED: "join",
}
REPORTERS = {CaseState.CHECKED: "rate reopen", CaseState.CLOSED: "reopen"}


@pytest.mark.parametrize("state", CaseState)
async def test_what_is_told_comes_true(api: Api, state: CaseState) -> None:
    scene = await create_scene(api)
    case, other = await put_for_all(scene, state), await put_case(scene, CaseState.FILED)
    path = f"/grid-cases/{case}"
    staff = f"/staff{path}"
    until = (clock.now() + timedelta(days=7)).isoformat()
    tries: Tries = {
        "file": ("POST", f"{staff}/file", None),
        "refuse": ("POST", f"{staff}/refuse", REASON),
        "dispatch": ("POST", f"{staff}/dispatch", {"organization_id": scene.grid.id}),
        "escalate": ("POST", f"{staff}/escalate", REASON),
        "merge": ("POST", f"{staff}/merge", {**REASON, "into_id": other}),
        "take_back": ("POST", f"{staff}/take-back", REASON),
        "accept": ("POST", f"{staff}/accept", None),
        "return": ("POST", f"{staff}/return", REASON),
        "add_note": ("POST", f"{staff}/notes", {"words": "在办"}),
        "hand_over": ("POST", f"{staff}/hand-over", {**REASON, "whose": "市政公司"}),
        "answer": ("POST", f"{staff}/answer", {"outcome": "explained", "answer": "已说明"}),
        "ask_extension": ("POST", f"{staff}/extension", {**REASON, "amount": 1}),
        "ask_suspension": ("POST", f"{staff}/suspension", {**REASON, "until": until}),
        "grant_delay": ("POST", f"{staff}/delay/grant", {}),
        "deny_delay": ("POST", f"{staff}/delay/deny", REASON),
        "resume": ("POST", f"{staff}/resume", REASON),
        "pass": ("POST", f"{staff}/pass", {}),
        "send_back": ("POST", f"{staff}/send-back", REASON),
        "file_again": ("POST", f"{staff}/file-again", REASON),
        "rate": ("POST", "rating", {"reached": True, "solved": True, "stars": 5}),
        "reopen": ("POST", "reopen", REASON),
        "join": ("POST", "followers", None),
        "leave": ("DELETE", "followers/me", None),
    }
    callers: dict[str, tuple[Any, dict[CaseState, str]]] = {
        "keeper": (scene.dispatcher, KEEPERS),
        "handler": (scene.liaison, HANDLERS),
        "reporter": (scene.reporter, REPORTERS),
    }
    for name, (who, expected) in callers.items():
        if (await who.send("GET", path)).status_code == 404:
            assert state not in expected, name
            continue
        assert await try_actions(who, path, tries) == expected.get(state, ""), name


async def test_what_stands_in_the_way_is_said(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.HANDLING, handler=scene.unit, handled_by=scene.liaison)
    path = f"/grid-cases/{case}"

    async def told(who: Api) -> dict[str, str]:
        return {each["action"]: each["why"] for each in await who.get(f"{path}/actions")}

    await scene.liaison.post(f"/staff{path}/extension", {"reason": "等配件", "amount": 1})
    decisions = {name: why for name, why in (await told(scene.checker)).items() if name.endswith("_delay")}
    assert decisions == {"grant_delay": "", "deny_delay": ""}
    await execute("UPDATE grid_case SET due_at = $2, asked = NULL WHERE id = $1", case, clock.now())
    assert (await told(scene.liaison))["ask_extension"] == "delay_too_late"
    await execute(
        "UPDATE grid_case SET state = 'filed', keeper_id = $2, holder_id = $2, handler_id = NULL WHERE id = $1",
        case,
        scene.district.id,
    )
    assert (await told(scene.district_staff))["escalate"] == "last_must_take"
    await execute("UPDATE grid_case SET reopenings = 2 WHERE id = $1", case)
    await execute(
        "UPDATE grid_case SET state = 'checked', holder_id = NULL, stage_due_at = NULL, outcome = 'fixed', "
        "answer = '好', checked_at = $2 WHERE id = $1",
        case,
        clock.now(),
    )
    assert (await told(scene.reporter))["reopen"] == "reopened_too_often"
    assert (await GridCase.get(id=case)).state is CaseState.CHECKED
