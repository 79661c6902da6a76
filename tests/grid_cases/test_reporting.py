"""How a case comes in: categories and their standards, places, who takes it down, and what is refused."""

from typing import Any

from server.calendars.working_time import Pace
from server.foundation.database import execute, fetch_value
from server.grid_cases.models import CaseStandard, GridCase
from server.moderation.models import CheckState, ContentCheck
from server.organizations.models import Level
from tests.builders import create_organization, create_person, create_resident, move_clock_to, sign_in
from tests.clients import Api
from tests.grid_cases.builders import HERE, at, create_manager_of_city, create_scene, put_category, wall
from tests.simulator import Simulator
from tests.wishes.builders import put_picture

HEADING = {"version": 0, "code": "01", "name": "公用设施", "kind": "thing"}
STANDARD = {"amount": 120, "pace": "running", "file_when": "井盖缺失", "close_when": "恢复原状", "needs_photos": True}
LEAF = {"version": 0, "code": "0101", "name": "井盖", "kind": "thing", "parent_code": "01", "standard": STANDARD}


async def test_standards_are_data_and_the_one_of_its_time_counts(api: Api) -> None:
    move_clock_to(at(6, 22))
    scene = await create_scene(api)
    manager = await create_manager_of_city(api, scene)
    await manager.put("/staff/case-categories", HEADING)
    leaf = await manager.put("/staff/case-categories", LEAF)
    assert (leaf["parent_code"], leaf["standard"]["number"], leaf["standard"]["pace"]) == ("01", 1, "running")
    case = await scene.case(category_id=leaf["id"])
    assert wall(case["stage_due_at"]) == "05-06 22:15", "through the night"
    changed = {**LEAF, "version": 1, "standard": {**STANDARD, "amount": 240}}
    assert (await manager.put("/staff/case-categories", changed))["standard"]["number"] == 2
    same = await manager.put("/staff/case-categories", {**changed, "version": 2, "name": "井盖缺失"})
    assert (same["standard"]["number"], same["name"]) == (2, "井盖缺失"), "the same standard is no new version"
    await scene.dispatcher.post(f"/staff/grid-cases/{case['id']}/file")
    assert wall((await scene.reporter.get(f"/grid-cases/{case['id']}"))["due_at"]) == "05-07 00:00", "frozen"
    later = await scene.case(category_id=leaf["id"])
    await scene.dispatcher.post(f"/staff/grid-cases/{later['id']}/file")
    assert wall((await scene.reporter.get(f"/grid-cases/{later['id']}"))["due_at"]) == "05-07 02:00"
    versions = await scene.liaison.get(f"/staff/case-categories/{leaf['id']}/standards")
    assert [(each["number"], each["amount"]) for each in versions] == [(2, 240), (1, 120)]
    codes = [each["code"] for each in await scene.reporter.get("/case-categories")]
    assert codes[:2] == ["01", "0101"]
    await manager.put("/staff/case-categories", {**changed, "version": 3, "is_ended": True})
    assert "0101" not in [each["code"] for each in await scene.reporter.get("/case-categories")]
    body = scene.content(category_id=leaf["id"])
    await scene.reporter.refused("POST", "/grid-cases", body, code="invalid_fields")


async def test_categories_are_the_citys_managers(api: Api) -> None:
    scene = await create_scene(api)
    manager = await create_manager_of_city(api, scene)
    for who in (scene.dispatcher, scene.district_staff):
        await who.refused("PUT", "/staff/case-categories", HEADING, code="not_allowed")
    await manager.put("/staff/case-categories", HEADING)
    await manager.refused("PUT", "/staff/case-categories", HEADING, code="edited_meanwhile")
    wrong: list[dict[str, Any]] = [
        {**LEAF, "parent_code": "99"},
        {**LEAF, "parent_code": None},
        {**LEAF, "code": "0101", "parent_code": scene.category.code},
    ]
    for body in wrong:
        await manager.refused("PUT", "/staff/case-categories", body, code="invalid_fields")
    await scene.liaison.refused("GET", f"/staff/case-categories/{'0' * 22}/standards", code="not_found")
    heading = (await scene.reporter.get("/case-categories"))[0]
    await scene.reporter.refused("POST", "/grid-cases", scene.content(category_id=heading["id"]), code="invalid_fields")


async def test_the_community_is_that_of_the_place(api: Api) -> None:
    scene = await create_scene(api)
    building = await create_organization(Level.BUILDING, parent=scene.grid, name="3 号楼")
    near = await create_organization(
        Level.COMMUNITY, parent=scene.subdistrict, name="海边社区", location=(122.11, 37.51)
    )
    case = await scene.case(building_id=building.id, community_id=None, location=None, place="")
    assert (case["community_id"], case["grid_id"]) == (scene.community.id, scene.grid.id)
    case = await scene.case(community_id=None)
    assert case["community_id"] == near.id, "the nearest"
    case = await scene.case(community_id=None, location={"longitude": 100, "latitude": 30})
    assert case["community_id"] == scene.community.id, "too far from any: one's own"
    case = await scene.case(grid_id=scene.grid.id)
    assert case["grid_id"] == scene.grid.id
    for wrong in ({"building_id": scene.unit.id}, {"community_id": scene.unit.id}, {"grid_id": scene.unit.id}):
        await scene.reporter.refused("POST", "/grid-cases", scene.content(**wrong), code="invalid_fields")
    nowhere = scene.content(location=None, place=" ")
    await scene.reporter.refused("POST", "/grid-cases", nowhere, code="place_needed")
    homeless = await sign_in(api, await create_person())
    body = scene.content(community_id=None, location=None)
    await homeless.refused("POST", "/grid-cases", body, code="outside_city")


async def test_what_others_read_holds_no_number(api: Api) -> None:
    scene = await create_scene(api)
    words: dict[str, Any] = {"text": "联系我 13812345678"}
    await scene.reporter.refused("POST", "/grid-cases", scene.content(**words), code="invalid_fields")
    case = await scene.case(**words, is_private=True)
    assert case["text"] == "联系我 13812345678"


async def test_without_consent_or_with_anothers_picture_nothing_is_reported(api: Api) -> None:
    scene = await create_scene(api)
    theirs = await put_picture(scene.neighbor)
    body = scene.content(picture_ids=[theirs])
    await scene.reporter.refused("POST", "/grid-cases", body, code="picture_unusable")
    await execute("DELETE FROM consent WHERE person_id = $1", scene.reporter.person_id)
    await scene.reporter.refused("POST", "/grid-cases", scene.content(), code="consent_needed")


async def test_staff_and_grid_workers_take_down_what_is_said_and_found(api: Api) -> None:
    scene = await create_scene(api)
    body = scene.content(source="counter", person_id=scene.neighbor.person_id)
    case = await scene.dispatcher.post("/staff/grid-cases", body, expect=201)
    assert (await scene.neighbor.get(f"/grid-cases/{case['id']}"))["actors"] == ["reporter"]
    found = await scene.grid_worker.post(
        "/staff/grid-cases", scene.content(source="round", grid_id=scene.grid.id), expect=201
    )
    assert found["source"] == "round"
    assert (await scene.grid_worker.get(f"/grid-cases/{found['id']}"))["state"] == "reported"
    listed = await scene.grid_worker.get("/staff/grid-cases", organization_id=scene.grid.id)
    assert [card["id"] for card in listed["items"]] == [found["id"]]
    assert await fetch_value("SELECT count(*) FROM content_check") == 0, "what staff write needs no check"
    unknown = await create_resident(api, await create_organization(Level.COMMUNITY, parent=scene.subdistrict))
    for who, wrong, code in (
        (scene.grid_worker, scene.content(source="round"), "not_allowed"),
        (scene.elsewhere, scene.content(source="phone"), "not_allowed"),
        (scene.dispatcher, scene.content(source="app"), "invalid_fields"),
        (scene.dispatcher, scene.content(source="phone", person_id=unknown.person_id), "invalid_fields"),
        (scene.dispatcher, scene.content(source="phone", phone="12"), "invalid_fields"),
    ):
        await who.refused("POST", "/staff/grid-cases", wrong, code=code)


async def test_a_case_whose_words_are_refused_is_handled_all_the_same(api: Api, simulator: Simulator) -> None:
    scene = await create_scene(api)
    case = await scene.case(text="这里有违规词")
    check = await ContentCheck.get()
    check.state = CheckState.REFUSED
    await check.save()
    await simulator.settle()
    await scene.neighbor.refused("GET", f"/grid-cases/{case['id']}", code="not_found")
    await scene.dispatcher.post(f"/staff/grid-cases/{case['id']}/file")


async def test_likely_the_same_is_near_and_of_its_kind(api: Api) -> None:
    scene = await create_scene(api)
    other, _ = await put_category("路灯")
    case = await scene.case()
    await scene.case(category_id=other.id)
    await scene.case(location={"longitude": 122.1 + 0.003, "latitude": 37.5})
    await execute("UPDATE grid_case SET is_shown = TRUE")
    found = await scene.neighbor.get("/grid-cases/nearby", category_id=scene.category.id, **HERE)
    assert [(each["id"], each["meters"]) for each in found] == [(case["id"], 0)]
    mine = await scene.reporter.get("/grid-cases/nearby", category_id=scene.category.id, **HERE)
    assert mine[0]["is_mine"] is True


async def test_water_and_power_are_answered_within_a_day(api: Api) -> None:
    move_clock_to(at(9, 22))
    scene = await create_scene(api)
    category, _ = await put_category("停水", answer_amount=1440, answer_pace=Pace.RUNNING)
    case = await scene.case(category_id=category.id)
    assert wall(case["answer_due_at"]) == "05-10 22:00"
    assert (await GridCase.get(id=case["id"])).standard_id == (await CaseStandard.get(category_id=category.id)).id
