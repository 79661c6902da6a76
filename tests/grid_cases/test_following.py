"""Following, merging, going up, and the resident's last word."""

from datetime import timedelta

from server.foundation import clock
from server.foundation.database import fetch_value
from server.grid_cases.checking import CLOSE_CASES
from server.grid_cases.models import CaseState, GridCase, GridCaseFollower
from server.organizations.models import Level, RoleKind
from tests.builders import create_organization, create_staff, told
from tests.clients import Api
from tests.grid_cases.builders import Scene, create_scene, put_case, put_category

WHY = {"reason": "同一件"}


async def test_one_follows_and_follows_no_more(api: Api) -> None:
    scene = await create_scene(api)
    path = f"/grid-cases/{await put_case(scene, CaseState.HANDLING)}"
    for _ in range(2):
        assert (await scene.neighbor.post(f"{path}/followers"))["followers"] == 1
    await scene.reporter.refused("POST", f"{path}/followers", code="not_allowed")
    await scene.neighbor.delete(f"{path}/followers/me")
    assert (await scene.neighbor.get(path))["followers"] == 0
    await scene.neighbor.refused("DELETE", f"{path}/followers/me", code="not_allowed")
    assert (await scene.neighbor.get("/grid-cases/followed"))["items"] == []


async def test_a_merge_loses_no_follower(api: Api) -> None:
    scene = await create_scene(api)
    into = await put_case(scene, CaseState.HANDLING, reporter_id=scene.stranger.person_id)
    case = await put_case(scene, CaseState.DISPATCHED)
    for who, followed in ((scene.neighbor, case), (scene.neighbor, into), (scene.stranger, case)):
        await who.post(f"/grid-cases/{followed}/followers")
    merged = await scene.dispatcher.post(f"/staff/grid-cases/{case}/merge", {**WHY, "into_id": into})
    assert (merged["state"], merged["merged_into_id"], merged["holder_name"]) == ("merged", into, "")
    rows = await GridCaseFollower.filter(case_id=into, ended_at=None)
    assert sorted(row.person_id for row in rows) == sorted([scene.neighbor.person_id, scene.reporter.person_id])
    assert (await told(scene.grid_worker))[-1] == "case_called_off"
    message = (await scene.reporter.inbox())[0]
    assert (message["event"], message["page"]) == ("case_merged", f"pages/case/detail?id={into}")
    assert (await scene.reporter.get(f"/grid-cases/{into}"))["actors"] == ["follower"]


async def test_what_cannot_be_merged(api: Api) -> None:
    scene = await create_scene(api)
    other, standard = await put_category("路灯")
    case = await put_case(scene, CaseState.FILED)
    wrong = [
        case,
        scene.bystander,
        await put_case(scene, CaseState.FILED, category_id=other.id, standard_id=standard.id),
        await put_case(scene, CaseState.CLOSED),
        await put_case(scene, CaseState.FILED, is_private=True),
        "0" * 22,
    ]
    for into in wrong:
        body = {**WHY, "into_id": into}
        await scene.dispatcher.refused("POST", f"/staff/grid-cases/{case}/merge", body, code="invalid_fields")


async def test_what_fits_nobody_goes_up_and_the_district_must_find_somebody(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.FILED)
    path = f"/staff/grid-cases/{case}"
    up = await scene.dispatcher.post(f"{path}/escalate", {"reason": "不在社区权限内"})
    assert (up["state"], up["holder_name"]) == ("filed", scene.subdistrict.name)
    assert (await told(scene.above))[-1] == "case_escalated"
    await scene.dispatcher.refused("POST", f"{path}/escalate", {"reason": "再上报"}, code="not_allowed")
    await scene.above.post(f"{path}/escalate", {"reason": "街道也没有"})
    await scene.district_staff.refused("POST", f"{path}/escalate", {"reason": "推给市里"}, code="last_must_take")
    sewer = await create_organization(Level.UNIT, parent=scene.district, name="市政公司")
    body = {"organization_id": sewer.id}
    await scene.district_staff.refused("POST", f"{path}/dispatch", body, code="nobody_handles")
    liaison = await create_staff(api, sewer, RoleKind.LIAISON)
    await scene.district_staff.post(f"{path}/dispatch", body)
    await liaison.refused("POST", f"{path}/return", {"reason": "不归我们"}, code="last_must_take")
    await liaison.post(f"{path}/accept")
    held = await liaison.get("/staff/grid-cases/held", organization_id=sewer.id)
    assert [card["id"] for card in held["items"]] == [case]


async def test_a_return_has_a_reason_and_goes_to_who_dispatched_it(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.DISPATCHED, handler=scene.unit, is_private=True)
    path = f"/staff/grid-cases/{case}"
    await scene.liaison.refused("POST", f"{path}/return", {"reason": " "}, code="invalid_fields")
    await scene.liaison.refused("POST", f"{path}/dispatch", {"organization_id": scene.grid.id}, code="not_allowed")
    assert await scene.liaison.post(f"{path}/return", {"reason": "不属物业"}) is None
    await scene.liaison.refused("GET", f"/grid-cases/{case}", code="not_found")
    seen = await scene.dispatcher.get(f"/grid-cases/{case}")
    assert (seen["state"], seen["handler_id"], seen["steps"][-1]["words"]) == ("filed", None, "不属物业")
    assert (await told(scene.dispatcher))[-1] == "case_returned"


async def test_what_nobody_moves_on_is_taken_back(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.HANDLING, handler=scene.unit)
    other = await put_case(scene, CaseState.HANDLING, handler=scene.unit)
    path = f"/staff/grid-cases/{case}"
    await scene.dispatcher.refused("POST", f"{path}/take-back", {"reason": " "}, code="invalid_fields")
    await scene.liaison.refused("POST", f"{path}/take-back", {"reason": "久无进展"}, code="not_allowed")
    taken = await scene.dispatcher.post(f"{path}/take-back", {"reason": "久无进展"})
    assert (taken["state"], taken["handler_id"], taken["steps"][-1]["words"]) == ("filed", None, "久无进展")
    assert (await told(scene.liaison))[-1] == "case_taken_back"
    await scene.dispatcher.refused("POST", f"{path}/take-back", {"reason": "久无进展"}, code="wrong_state")
    assert (await GridCase.get(id=other)).state == CaseState.HANDLING


async def test_only_to_somebody_in_the_area(api: Api) -> None:
    scene = await create_scene(api)
    path = f"/staff/grid-cases/{await put_case(scene, CaseState.FILED)}"
    building = await create_organization(Level.BUILDING, parent=scene.grid)
    for wrong in (scene.subdistrict.id, building.id, "0" * 22):
        body = {"organization_id": wrong}
        await scene.dispatcher.refused("POST", f"{path}/dispatch", body, code="invalid_fields")
    empty = await create_organization(Level.UNIT, parent=scene.community)
    await scene.dispatcher.refused("POST", f"{path}/dispatch", {"organization_id": empty.id}, code="nobody_handles")
    given = await scene.dispatcher.post(f"{path}/dispatch", {"organization_id": scene.community.id, "note": "自办"})
    assert given["steps"][-1]["words"] == "自办"


async def test_photos_where_the_standard_asks_for_them(api: Api) -> None:
    scene = await create_scene(api)
    category, standard = await put_category("路面破损", needs_photos=True)
    case = await put_case(scene, CaseState.HANDLING, category_id=category.id, standard_id=standard.id)
    path = f"/staff/grid-cases/{case}"
    fixed = {"outcome": "fixed", "answer": "已修补"}
    await scene.grid_worker.refused("POST", f"{path}/answer", fixed, code="photos_needed")
    await scene.grid_worker.refused("POST", f"{path}/notes", {"words": " "}, code="invalid_fields")
    await scene.grid_worker.post(f"{path}/answer", {"outcome": "cannot", "answer": "产权单位不同意"})


async def test_who_follows_reads_the_stars_of_a_rating_alone(api: Api) -> None:
    """No content check has read its words: they are for those at work."""
    scene = await create_scene(api)
    path = await answered(scene)
    await GridCaseFollower.create(case_id=path.split("/")[-1], person_id=scene.neighbor.person_id)
    said = {"reached": True, "solved": True, "stars": 4, "text": "电话 13800001111 的师傅很好"}
    await scene.reporter.post(f"{path}/rating", said)
    for who, text in ((scene.reporter, said["text"]), (scene.dispatcher, said["text"]), (scene.neighbor, "")):
        rating = (await who.get(path))["rating"]
        assert (rating["stars"], rating["text"]) == (4, text)


async def test_not_solved_twice_and_then_staff_decide(api: Api) -> None:
    scene = await create_scene(api)
    path = await answered(scene)
    for _ in range(2):
        await scene.reporter.post(f"{path}/reopen", {"reason": "没有解决"})
        assert await points_of(scene.grid_worker) == 0, "what was not so earns nothing"
        await handled_again(scene, path)
    await scene.reporter.refused("POST", f"{path}/reopen", {"reason": "还是没有"}, code="reopened_too_often")
    rated = await scene.reporter.post(f"{path}/rating", {"reached": True, "solved": False, "stars": 1})
    assert (rated["state"], rated["solved"]) == ("closed", False)
    await scene.reporter.refused(
        "POST", f"{path}/rating", {"reached": True, "solved": True, "stars": 5}, code="wrong_state"
    )
    again = await scene.dispatcher.post(f"/staff{path}/file-again", {"reason": "现场看过，确实没有修好"})
    assert (again["state"], again["rating"], again["answer"]) == ("filed", None, "")
    assert (await told(scene.reporter))[-1] == "case_filed_again"


async def test_fifteen_days_after_the_answer_it_is_another_matter(api: Api) -> None:
    scene = await create_scene(api)
    path = await answered(scene)
    clock.move_clock(timedelta(days=7, minutes=1))
    assert await CLOSE_CASES.run() == 1
    seen = await scene.reporter.get(path)
    assert (seen["state"], seen["rating"]) == ("closed", None)
    clock.move_clock(timedelta(days=15, minutes=1))
    await scene.reporter.refused("POST", f"{path}/reopen", {"reason": "又坏了"}, code="reopened_too_late")
    await scene.dispatcher.post(f"/staff{path}/file-again", {"reason": "又坏了"})


async def test_where_nobody_can_be_asked_it_is_closed_at_once(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.ANSWERED, reporter_id=None)
    await scene.checker.post(f"/staff/grid-cases/{case}/pass", {})
    clock.move_clock(timedelta(minutes=1))
    assert await CLOSE_CASES.run() == 1
    assert (await GridCase.get(id=case)).state is CaseState.CLOSED


async def test_what_is_refused_can_be_taken_up_after_all(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.REFUSED)
    seen = await scene.dispatcher.post(f"/staff/grid-cases/{case}/file-again", {"reason": "核实后属于受理范围"})
    assert (seen["state"], seen["due_at"] is not None) == ("filed", True)


async def answered(scene: Scene) -> str:
    case = await put_case(scene, CaseState.ANSWERED)
    await scene.checker.post(f"/staff/grid-cases/{case}/pass", {})
    assert await points_of(scene.grid_worker) > 0
    return f"/grid-cases/{case}"


async def handled_again(scene: Scene, path: str) -> None:
    await scene.dispatcher.post(f"/staff{path}/dispatch", {"organization_id": scene.grid.id})
    await scene.grid_worker.post(f"/staff{path}/accept")
    await scene.grid_worker.post(f"/staff{path}/answer", {"outcome": "fixed", "answer": "重新处置", "minutes": 30})
    await scene.checker.post(f"/staff{path}/pass", {})


async def points_of(who: Api) -> int:
    sql = "SELECT COALESCE(sum(points), 0)::int FROM service_entry WHERE person_id = $1"
    return int(await fetch_value(sql, who.person_id))
