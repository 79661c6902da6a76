"""More time, and a clock that stands still: who may, how often, until when; and that no due time moves in silence."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import IntegrityError, execute, fetch
from server.foundation.ids import new_id
from server.grid_cases.delays import RESUME_CASES
from server.grid_cases.models import CaseState, GridCase
from tests.builders import move_clock_to, told
from tests.clients import Api
from tests.grid_cases.builders import Scene, at, create_scene, put_case, wall

WHY = {"reason": "等配件到货"}


async def handled(scene: Scene, who: Api | None = None) -> str:
    """A case that the grid worker handles, over HTTP; its path below /staff."""
    case = await scene.case()
    path = f"/staff/grid-cases/{case['id']}"
    await scene.dispatcher.post(f"{path}/file")
    await scene.dispatcher.post(f"{path}/dispatch", {"organization_id": scene.grid.id})
    await (who or scene.grid_worker).post(f"{path}/accept")
    return path


async def test_more_time_twice_and_by_a_second_person(api: Api) -> None:
    move_clock_to(at(6, 9))
    scene = await create_scene(api)
    path = await handled(scene)
    await scene.grid_worker.refused("POST", f"{path}/extension", {**WHY, "amount": 3}, code="invalid_fields")
    await scene.dispatcher.refused("POST", f"{path}/delay/grant", {}, code="wrong_state")
    asked = await scene.grid_worker.post(f"{path}/extension", {**WHY, "amount": 2})
    assert (asked["asked"], wall(asked["due_at"])) == (
        {"kind": "extension", "amount": 2, "until": None, "reason": "等配件到货"},
        "05-08 17:30",
    )
    assert (await told(scene.checker))[-1] == "case_delay_asked"
    await scene.grid_worker.refused("POST", f"{path}/extension", {**WHY, "amount": 1}, code="delay_asked")
    await scene.grid_worker.refused("POST", f"{path}/delay/grant", {}, code="not_allowed")
    granted = await scene.checker.post(f"{path}/delay/grant", {"note": "同意"})
    assert (granted["asked"], wall(granted["due_at"]), granted["extensions"]) == (None, "05-12 17:30", 1)
    line = (await scene.reporter.get(path.removeprefix("/staff")))["steps"][-1]
    assert (line["action"], line["words"], wall(line["due_to"])) == ("extend", "等配件到货（同意）", "05-12 17:30")
    assert (await told(scene.reporter))[-1] == "case_delayed"
    assert (await told(scene.grid_worker))[-1] == "case_delay_granted"

    await scene.grid_worker.post(f"{path}/extension", {**WHY, "amount": 1})
    denied = await scene.checker.post(f"{path}/delay/deny", {"reason": "可以先做围挡"})
    assert (denied["asked"], wall(denied["due_at"])) == (None, "05-12 17:30")
    await scene.checker.refused("POST", f"{path}/delay/deny", {"reason": "再说一次"}, code="wrong_state")
    await scene.grid_worker.post(f"{path}/extension", {**WHY, "amount": 1})
    await scene.checker.post(f"{path}/delay/grant", {})
    await scene.grid_worker.refused("POST", f"{path}/extension", {**WHY, "amount": 1}, code="delayed_too_often")
    await check_due_times()


async def test_not_once_it_is_late(api: Api) -> None:
    move_clock_to(at(6, 9))
    scene = await create_scene(api)
    path = await handled(scene)
    await scene.grid_worker.post(f"{path}/extension", {**WHY, "amount": 1})
    move_clock_to(at(8, 17, 31))
    await scene.checker.refused("POST", f"{path}/delay/grant", {}, code="delay_too_late")
    await scene.checker.post(f"{path}/delay/deny", {"reason": "已超时"})
    await scene.grid_worker.refused("POST", f"{path}/extension", {**WHY, "amount": 1}, code="delay_too_late")
    until = {**WHY, "until": at(20, 9).isoformat()}
    await scene.grid_worker.refused("POST", f"{path}/suspension", until, code="delay_too_late")
    card = (await scene.grid_worker.get("/staff/grid-cases/held", organization_id=scene.grid.id))["items"][0]
    assert card["overdue"] is True


async def test_the_clock_stands_still_once(api: Api) -> None:
    move_clock_to(at(6, 9))
    scene = await create_scene(api)
    path = await handled(scene)
    for until in (at(6, 8), at(6, 9) + timedelta(days=366)):
        body = {**WHY, "until": until.isoformat()}
        await scene.grid_worker.refused("POST", f"{path}/suspension", body, code="invalid_fields")
    await scene.grid_worker.post(f"{path}/suspension", {**WHY, "until": at(20, 9).isoformat()})
    suspended = await scene.checker.post(f"{path}/delay/grant", {})
    assert (suspended["state"], wall(suspended["resume_at"])) == ("suspended", "05-20 09:00")
    await scene.grid_worker.refused("POST", f"{path}/answer", {"outcome": "fixed", "answer": "好"}, code="wrong_state")
    await scene.grid_worker.post(f"{path}/notes", {"words": "还在等"})
    move_clock_to(at(20, 8, 59))
    assert await RESUME_CASES.run() == 0
    move_clock_to(at(20, 9, 1))
    assert await RESUME_CASES.run() == 1
    resumed = await scene.grid_worker.get(path.removeprefix("/staff"))
    assert (resumed["state"], wall(resumed["due_at"])) == ("handling", "05-22 17:30"), "two working days were left"
    assert (resumed["steps"][-1]["words"], resumed["steps"][-1]["by_name"]) == ("挂账期满，恢复处置", "")
    again = {**WHY, "until": at(21, 9).isoformat()}
    await scene.grid_worker.refused("POST", f"{path}/suspension", again, code="delayed_too_often")
    assert (await told(scene.grid_worker))[-1] == "case_resumed"
    await check_due_times()


async def test_it_is_resumed_before_its_time(api: Api) -> None:
    move_clock_to(at(6, 9))
    scene = await create_scene(api)
    path = await handled(scene)
    await scene.grid_worker.post(f"{path}/suspension", {**WHY, "until": at(20, 9).isoformat()})
    await scene.checker.post(f"{path}/delay/grant", {})
    move_clock_to(at(13, 10))
    resumed = await scene.dispatcher.post(f"{path}/resume", {"reason": "配件已到"})
    assert (resumed["state"], wall(resumed["due_at"])) == ("handling", "05-15 17:30")
    await check_due_times()


async def test_what_was_asked_for_ends_with_the_answer(api: Api) -> None:
    scene = await create_scene(api)
    path = await handled(scene)
    await scene.grid_worker.post(f"{path}/extension", {**WHY, "amount": 1})
    answered = await scene.grid_worker.post(f"{path}/answer", {"outcome": "fixed", "answer": "好了"})
    assert answered["asked"] is None


async def test_a_redo_a_return_and_a_way_up_leave_the_time_as_it_is(api: Api) -> None:
    move_clock_to(at(6, 9))
    scene = await create_scene(api)
    path = await handled(scene)
    await scene.grid_worker.post(f"{path}/answer", {"outcome": "fixed", "answer": "好了"})
    move_clock_to(at(7, 9))
    back = await scene.checker.post(f"{path}/send-back", {"reason": "没有盖牢"})
    assert (back["state"], wall(back["due_at"]), back["holder_name"]) == ("handling", "05-08 17:30", "第一网格")
    assert (await told(scene.grid_worker))[-1] == "case_sent_back"
    over = await scene.grid_worker.post(f"{path}/hand-over", {"reason": "属市政管网", "whose": "市政公司"})
    assert (over["state"], over["responsible_name"], wall(over["due_at"])) == ("filed", "第一网格", "05-08 17:30")
    up = await scene.dispatcher.post(f"{path}/escalate", {"reason": "社区没有权限"})
    assert wall(up["due_at"]) == "05-08 17:30"
    await check_due_times()


async def test_it_is_due_anew_when_it_is_done_again(api: Api) -> None:
    move_clock_to(at(6, 9))
    scene = await create_scene(api)
    path = await handled(scene)
    await scene.grid_worker.post(f"{path}/answer", {"outcome": "fixed", "answer": "好了"})
    await scene.checker.post(f"{path}/pass", {})
    move_clock_to(at(13, 9))
    again = await scene.reporter.post(f"{path.removeprefix('/staff')}/reopen", {"reason": "又掉了"})
    assert (again["state"], wall(again["due_at"]), again["reopenings"]) == ("filed", "05-15 17:30", 1)
    await check_due_times()


async def check_due_times() -> None:
    """Each case is due when the last line that said so says; and each that moved it says who and why."""
    for case in await GridCase.all():
        rows: list[Any] = await fetch(
            "SELECT action, by_id, due_from, due_to, words FROM grid_case_step WHERE case_id = $1 "
            "AND due_to IS NOT NULL ORDER BY id",
            case.id,
        )
        if not rows:
            continue  # put there by the scene
        assert case.due_at == rows[-1]["due_to"]
        was: datetime | None = None
        for row in rows:
            assert row["due_from"] == was
            assert row["due_from"] is None or row["words"]
            assert row["by_id"] or row["action"] == "resume"
            was = row["due_to"]


async def test_the_database_refuses_a_due_time_that_moves_in_silence(api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.HANDLING)
    sql = (
        "INSERT INTO grid_case_step (id, created_at, case_id, action, from_state, to_state, due_from, due_to, words, "
        "picture_ids) VALUES ($1, $2, $3, 'extend', 'handling', 'handling', $2, $4, $5, '{}')"
    )
    now = clock.now()
    await execute(sql, new_id(), now, case_id, now + timedelta(days=1), "等配件")
    with pytest.raises(IntegrityError, match="grid_case_step_says_why"):
        await execute(sql, new_id(), now, case_id, now + timedelta(days=1), "")
