"""The table of states is what happens: every (state, action, actor) does what it says, or is refused."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.foundation.database import execute, fetch_value, transaction, undone
from server.grid_cases.checking import CLOSE_CASES
from server.grid_cases.delays import RESUME_CASES
from server.grid_cases.handling import take_back_from_closed
from server.grid_cases.models import CaseState, GridCase, GridCaseFollower, GridCaseStep
from server.grid_cases.rules import CASE_TABLE, CaseAction, CaseActor
from tests.clients import Api
from tests.grid_cases.builders import Scene, create_scene, put_case
from tests.state_tables import Outcome, check_shown, check_table, outcome, try_every_combination

_A, _B = CaseAction, CaseActor
REASON = {"reason": "原因"}
STEPS: dict[CaseAction, tuple[str, str, Any]] = {
    _A.FILE: ("POST", "/staff{}/file", None),
    _A.REFUSE: ("POST", "/staff{}/refuse", REASON),
    _A.DISPATCH: ("POST", "/staff{}/dispatch", {"organization_id": "unit"}),
    _A.ESCALATE: ("POST", "/staff{}/escalate", REASON),
    _A.MERGE: ("POST", "/staff{}/merge", {**REASON, "into_id": "other"}),
    _A.TAKE_BACK: ("POST", "/staff{}/take-back", REASON),
    _A.ACCEPT: ("POST", "/staff{}/accept", None),
    _A.RETURN: ("POST", "/staff{}/return", REASON),
    _A.ADD_NOTE: ("POST", "/staff{}/notes", {"words": "在办"}),
    _A.HAND_OVER: ("POST", "/staff{}/hand-over", {**REASON, "whose": "市政公司"}),
    _A.ANSWER: ("POST", "/staff{}/answer", {"outcome": "fixed", "answer": "修好了"}),
    _A.ASK_DELAY: ("POST", "/staff{}/extension", {**REASON, "amount": 1}),
    _A.EXTEND: ("POST", "/staff{}/delay/grant", {}),
    _A.SUSPEND: ("POST", "/staff{}/delay/grant", {}),
    _A.DENY_DELAY: ("POST", "/staff{}/delay/deny", REASON),
    _A.RESUME: ("POST", "/staff{}/resume", REASON),
    _A.PASS: ("POST", "/staff{}/pass", {}),
    _A.SEND_BACK: ("POST", "/staff{}/send-back", REASON),
    _A.RATE: ("POST", "{}/rating", {"reached": True, "solved": True, "stars": 4}),
    _A.REOPEN: ("POST", "{}/reopen", REASON),
    _A.FILE_AGAIN: ("POST", "/staff{}/file-again", REASON),
    _A.JOIN: ("POST", "{}/followers", None),
    _A.LEAVE: ("DELETE", "{}/followers/me", None),
}
"""What people do; the rest is the system's."""
ASKED = {
    _A.EXTEND: "asked = 'extension', asked_amount = 1, asked_reason = '等配件'",
    _A.SUSPEND: "asked = 'suspension', asked_until = due_at + interval '9 days', asked_reason = '等雨季过去'",
    _A.DENY_DELAY: "asked = 'extension', asked_amount = 1, asked_reason = '等配件'",
}


def refusals(_: Any, action: Any, actors: Collection[Any]) -> Collection[str]:
    ever = any((action, actor) in CASE_TABLE.moves for actor in actors)
    # Refused and merged cases are nobody's whom they do not concern.
    return ("wrong_state", "not_found") if ever else ("not_found", "not_allowed")


async def test_every_combination(api: Api) -> None:
    scene = await create_scene(api)
    people: dict[str, tuple[Api, set[CaseActor]]] = {
        "reporter": (scene.reporter, {_B.REPORTER}),
        "neighbor": (scene.neighbor, {_B.FOLLOWER}),
        "stranger": (scene.stranger, {_B.RESIDENT}),
        "dispatcher": (scene.dispatcher, {_B.KEEPER, _B.CHECKER, _B.RESIDENT}),
        "had a hand": (scene.checker, {_B.KEEPER, _B.RESIDENT}),
        "liaison": (scene.liaison, {_B.HANDLER, _B.RESIDENT}),
        "staff elsewhere": (scene.elsewhere, {_B.RESIDENT}),
    }
    tried = 0
    for state in CaseState:
        case_id, other_id = await put_for_all(scene, state), await put_case(scene, CaseState.FILED)

        async def attempt(
            _: CaseState, action: CaseAction, caller: str, case: str = case_id, other: str = other_id
        ) -> Outcome:
            return await try_step(scene, people[caller][0], case, other, action)

        has_handler = (await GridCase.get(id=case_id)).handler_id is not None
        callers = {who: actors - (set() if has_handler else {_B.HANDLER}) for who, (_, actors) in people.items()}
        tried += await try_every_combination(CASE_TABLE, STEPS, callers, attempt, states=[state], refusals=refusals)
    assert tried == len(CaseState) * len(STEPS) * len(people)


async def put_for_all(scene: Scene, state: CaseState) -> str:
    """A case that the unit has or had, that a neighbor follows and in which one of the staff had a hand."""
    into = await put_case(scene, CaseState.FILED) if state is CaseState.MERGED else None
    case_id = await put_case(scene, state, handler=scene.unit, handled_by=scene.liaison, merged_into_id=into)
    await GridCaseFollower.create(case_id=case_id, person_id=scene.neighbor.person_id)
    await GridCaseStep.create(
        case_id=case_id, action="add_note", from_state=state, to_state=state, by_id=scene.checker.person_id
    )
    return case_id


async def try_step(scene: Scene, who: Api, case_id: str, other_id: str, action: CaseAction) -> Outcome:
    method, path, body = STEPS[action]
    named = {"unit": scene.unit.id, "other": other_id}
    if isinstance(body, dict):
        body = {name: named.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    async with undone():
        if action in ASKED:
            await execute(
                f"UPDATE grid_case SET asked_by_id = $2, {ASKED[action]} WHERE id = $1",
                case_id,
                scene.liaison.person_id,
            )
        response = await who.send(method, path.format(f"/grid-cases/{case_id}"), body)
        case = await GridCase.get(id=case_id)
        if response.is_success:
            await check_holder(case)
    return outcome(response, case.state)


async def check_holder(case: GridCase) -> None:
    """One holder while it is open, who is the handler's or the keeper's, and nobody afterwards."""
    keepers = (CaseState.REPORTED, CaseState.FILED, CaseState.ANSWERED)
    handlers = (CaseState.DISPATCHED, CaseState.HANDLING, CaseState.SUSPENDED)
    expected = case.keeper_id if case.state in keepers else case.handler_id if case.state in handlers else None
    assert case.holder_id == expected, case.state


async def test_what_the_system_does_in_every_state(api: Api) -> None:
    scene = await create_scene(api)
    for state in CaseState:
        async with undone():
            case_id = await put_for_all(scene, state)
            clock.move_clock(timedelta(days=40))
            await CLOSE_CASES.run()
            await RESUME_CASES.run()
            expected = {CaseState.CHECKED: CaseState.CLOSED, CaseState.SUSPENDED: CaseState.HANDLING}.get(state, state)
            case = await GridCase.get(id=case_id)
            assert case.state is expected
            await check_holder(case)
            async with transaction():
                await take_back_from_closed(scene.unit.id)
            is_back = (expected, _A.TAKE_BACK, _B.SYSTEM) in CASE_TABLE.transitions
            case = await GridCase.get(id=case_id)
            assert case.state is (CaseState.FILED if is_back else expected)
            await check_holder(case)
        clock.move_clock(timedelta())
    assert await fetch_value("SELECT state FROM grid_case WHERE id = $1", scene.bystander) == "handling"


def test_the_table_is_whole() -> None:
    check_table(CASE_TABLE, first=CaseState.REPORTED, final={CaseState.MERGED})
    assert set(STEPS) == {action for action, actor in CASE_TABLE.moves if actor is not _B.SYSTEM}


def test_the_readme_shows_it() -> None:
    check_shown(CASE_TABLE, "case")
