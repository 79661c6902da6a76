"""Two at once: one holder, nobody lost, nothing done twice. Each test commits for real."""

import asyncio

from server.foundation.database import execute, fetch_value
from server.foundation.errors import WrongState
from server.grid_cases import checking, delays, dispatching, handling, reporting
from server.grid_cases.models import CaseOutcome, CaseState, GridCase, GridCaseFollower, GridCaseStep
from tests.builders import create_staff
from tests.clients import Api
from tests.grid_cases.builders import create_scene, put_case
from tests.held import waits_at, while_held


async def test_two_accept_and_one_has_it(api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.DISPATCHED)
    second = await create_staff(api, scene.community)

    async def late() -> str:
        try:
            await handling.accept_case(second.person_id, case_id)
        except WrongState as refused:
            return refused.code
        return "accepted"

    told = await while_held(lambda: handling.accept_case(scene.grid_worker.person_id, case_id), late)
    assert told == "wrong_state"
    (step,) = await GridCaseStep.filter(case_id=case_id, action="accept")
    assert step.by_id == scene.grid_worker.person_id


async def test_many_at_once_and_one_of_them_has_it(api: Api) -> None:
    """Thirty taps: given to a grid, to a unit, or refused, and exactly one of them happens."""
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.FILED)
    tries = [
        ("dispatch", {"organization_id": scene.grid.id}),
        ("dispatch", {"organization_id": scene.unit.id}),
        ("refuse", {"reason": "不属受理范围"}),
    ]
    answers = await asyncio.gather(
        *(
            (scene.dispatcher, scene.checker)[number % 2].send(
                "POST", f"/staff/grid-cases/{case_id}/{tries[number % 3][0]}", tries[number % 3][1]
            )
            for number in range(30)
        )
    )
    assert sorted({answer.status_code for answer in answers}) == [200, 409]
    assert [answer.status_code for answer in answers].count(200) == 1
    case = await GridCase.get(id=case_id)
    assert await GridCaseStep.filter(case_id=case_id).count() == 1
    holder = case.handler_id if case.state is CaseState.DISPATCHED else None
    assert case.holder_id == holder


async def test_a_case_that_is_taken_back_is_not_answered(api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.HANDLING)

    async def answer() -> str:
        try:
            await handling.answer_case(scene.grid_worker.person_id, case_id, CaseOutcome.FIXED, "好了", [])
        except Exception as refused:
            return type(refused).__name__
        return "answered"

    told = await while_held(lambda: handling.take_back_case(scene.dispatcher.person_id, case_id, "久无进展"), answer)
    # It is no longer theirs, and still everybody's to see.
    assert told == "NotAllowed"
    assert (await GridCase.get(id=case_id)).answer == ""


async def test_who_joins_while_it_is_merged_is_not_lost(api: Api) -> None:
    scene = await create_scene(api)
    case_id, into_id = await put_case(scene, CaseState.FILED), await put_case(scene, CaseState.FILED)
    await execute("UPDATE grid_case SET reporter_id = $2 WHERE id = $1", into_id, scene.stranger.person_id)

    await while_held(
        lambda: reporting.join_case(scene.neighbor.person_id, case_id),
        lambda: dispatching.merge_case(scene.dispatcher.person_id, case_id, into_id, "同一件"),
    )
    assert await followers_of(into_id) == {scene.neighbor.person_id, scene.reporter.person_id}
    assert await followers_of(case_id) == set()


async def test_merging_crosswise_leaves_one(api: Api) -> None:
    scene = await create_scene(api)
    one, two = await put_case(scene, CaseState.FILED), await put_case(scene, CaseState.FILED)
    answers = await asyncio.gather(
        *(
            scene.dispatcher.send("POST", f"/staff/grid-cases/{a}/merge", {"reason": "同一件", "into_id": b})
            for a, b in ((one, two), (two, one)) * 5
        )
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    states = sorted([str((await GridCase.get(id=each)).state) for each in (one, two)])
    assert states == ["filed", "merged"]


async def test_following_twice_at_once_is_once(api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.HANDLING)
    await asyncio.gather(*(scene.neighbor.post(f"/grid-cases/{case_id}/followers") for _ in range(8)))
    assert await GridCaseFollower.filter(case_id=case_id).count() == 1


async def test_followers_are_told_once_and_points_given_once(api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.ANSWERED)
    await reporting.join_case(scene.neighbor.person_id, case_id)
    answers = await asyncio.gather(
        *(who.send("POST", f"/staff/grid-cases/{case_id}/pass", {}) for who in (scene.dispatcher, scene.checker) * 5)
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    event = "SELECT count(*) FROM inbox_message WHERE event = $1"
    assert await fetch_value(event, "case_followed_answered") == 1
    assert await fetch_value(event, "case_answered") == 1
    entries = "SELECT count(*) FROM service_entry WHERE person_id = $1"
    assert await fetch_value(entries, scene.grid_worker.person_id) == 1


async def test_granting_waits_for_the_case(api: Api) -> None:
    """What decides is looked at under the lock: not before it, where an answer might come in between."""
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.HANDLING)
    await delays.ask_extension(scene.grid_worker.person_id, case_id, 1, "等配件")
    at = await waits_at("grid_case", case_id, lambda: delays.grant_delay(scene.checker.person_id, case_id))
    assert at.startswith("SELECT")
    assert " FOR NO KEY UPDATE" in at
    for verb in (
        lambda: checking.rate_case(
            scene.reporter.person_id, case_id, checking.NewCaseRating(reached=True, solved=True, stars=5)
        ),
        lambda: dispatching.escalate_case(scene.dispatcher.person_id, case_id, "上报"),
        lambda: handling.return_case(scene.grid_worker.person_id, case_id, "不属"),
    ):
        assert " FOR NO KEY UPDATE" in await waits_at("grid_case", case_id, verb)


async def followers_of(case_id: str) -> set[str]:
    rows = await GridCaseFollower.filter(case_id=case_id, ended_at=None)
    return {row.person_id for row in rows}
