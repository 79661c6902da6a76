"""A case from the photo to the rating, over HTTP, with WeChat's content check."""

from datetime import timedelta

from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch, fetch_value
from server.grid_cases.models import GridCase
from tests.builders import move_clock_to, told
from tests.clients import Api
from tests.grid_cases.builders import HERE, at, create_scene, wall
from tests.simulator import Simulator
from tests.wishes.builders import create_picture


async def test_a_manhole_cover_is_put_back(api: Api, simulator: Simulator) -> None:
    move_clock_to(at(6, 9))  # a Tuesday
    scene = await create_scene(api)
    await simulator.accept(scene.reporter, "service_report", times=4)
    picture_id = await create_picture(scene.reporter)
    assert await scene.reporter.get("/grid-cases/nearby", category_id=scene.category.id, **HERE) == []
    case = await scene.case(picture_ids=[picture_id], community_id=None)
    path = f"/grid-cases/{case['id']}"
    assert (case["state"], case["community_name"], case["actors"]) == ("reported", "幸福社区", ["reporter"])
    assert (case["is_shown"], case["actions"]) == (False, [])
    assert wall(case["stage_due_at"]) == "05-06 09:15", "to be filed within fifteen working minutes"
    assert wall(case["answer_due_at"]) == "05-14 00:00", "answered within seven days"
    await scene.neighbor.refused("GET", path, code="not_found")
    await simulator.settle()
    assert (await scene.neighbor.get(path))["text"] == "路口的井盖不见了，夜里很危险。"
    assert (await told(scene.dispatcher))[-1] == "case_reported"

    (near,) = await scene.neighbor.get("/grid-cases/nearby", category_id=scene.category.id, **HERE)
    assert (near["id"], near["meters"], near["is_following"]) == (case["id"], 0, False)
    joined = await scene.neighbor.post(f"{path}/followers")
    assert (joined["followers"], joined["actors"]) == (1, ["follower"])

    filed = await scene.dispatcher.post(f"/staff{path}/file")
    assert (filed["state"], wall(filed["due_at"])) == ("filed", "05-08 17:30"), "two working days"
    dispatched = await scene.dispatcher.post(f"/staff{path}/dispatch", {"organization_id": scene.grid.id})
    assert (dispatched["state"], dispatched["holder_name"]) == ("dispatched", "第一网格")
    assert (await told(scene.grid_worker))[-1] == "case_dispatched"
    held = await scene.grid_worker.get("/staff/grid-cases/held", organization_id=scene.grid.id)
    assert [(card["id"], card["overdue"]) for card in held["items"]] == [(case["id"], False)]

    accepted = await scene.grid_worker.post(f"/staff{path}/accept")
    assert (accepted["state"], accepted["responsible_name"]) == ("handling", "第一网格")
    clock.move_clock(clock.now() - clock.real_now() + timedelta(hours=2))
    on_the_way = await create_picture(scene.grid_worker)
    await scene.grid_worker.post(f"/staff{path}/notes", {"words": "已围挡", "picture_ids": [on_the_way]})
    after = await create_picture(scene.grid_worker)
    answered = await scene.grid_worker.post(
        f"/staff{path}/answer",
        {"outcome": "fixed", "answer": "已换上新的井盖。", "picture_ids": [after], "minutes": 90},
    )
    assert (answered["state"], answered["holder_name"]) == ("answered", "幸福社区")
    seen = await scene.reporter.get(path)
    assert (seen["answer"], seen["outcome"], seen["answer_pictures"]) == ("", None, []), (
        "not before somebody has looked"
    )
    await scene.grid_worker.refused("POST", f"/staff{path}/pass", {}, code="not_allowed")

    passed = await scene.checker.post(f"/staff{path}/pass", {"note": "现场看过"})
    assert passed["state"] == "checked"
    seen = await scene.reporter.get(path)
    assert (seen["answer"], seen["outcome"]) == ("已换上新的井盖。", "fixed")
    assert [picture["id"] for picture in seen["answer_pictures"]] == [after]
    assert [(step["action"], step["in_time"], step["words"]) for step in seen["steps"]] == [
        ("file", True, ""),
        ("dispatch", True, ""),
        ("accept", True, ""),
        ("add_note", True, "已围挡"),
        ("answer", True, ""),
        ("pass", True, "现场看过"),
    ]
    assert (await told(scene.neighbor)) == ["case_followed_answered"]
    home = await scene.reporter.get("/me/home")
    assert [(item["kind"], item["id"]) for item in home["to_rate"]] == [("grid_case", case["id"])]

    rated = await scene.reporter.post(f"{path}/rating", {"reached": True, "solved": True, "stars": 5, "text": "很快"})
    assert (rated["state"], rated["rating"]["stars"]) == ("closed", 5)
    assert (await told(scene.reporter)) == ["case_filed", "case_accepted", "case_progressed", "case_answered"]
    record = (await scene.grid_worker.get("/me/service-record"))["items"]
    assert [(entry["rule"], entry["minutes"], entry["points"]) for entry in record] == [("grid_case_handled", 90, 17)]
    mine = (await scene.reporter.get("/grid-cases/mine"))["items"]
    assert [(card["id"], card["is_mine"], card["followers"]) for card in mine] == [(case["id"], True, 1)]
    followed = (await scene.neighbor.get("/grid-cases/followed"))["items"]
    assert [(card["id"], card["is_following"]) for card in followed] == [(case["id"], True)]
    actions = [entry.action for entry in await AuditEntry.filter(subject_id=case["id"]).order_by("id")]
    assert actions == ["file_case", "dispatch_case", "accept_case", "add_case_note", "answer_case", "pass_case"]
    bystander = await GridCase.get(id=scene.bystander)
    assert (
        bystander.state,
        await fetch_value("SELECT count(*) FROM grid_case_follower WHERE case_id <> $1", case["id"]),
    ) == (
        "handling",
        0,
    )
    assert await fetch("SELECT 1 FROM audit_entry WHERE person_id = $1", scene.reporter.person_id) == []
