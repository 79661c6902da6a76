"""Dispatching and checking cases in the console."""

import json
from typing import Any

from server.grid_cases.models import CaseState, GridCase
from server.media.uploads.models import Picture
from tests.clients import Api
from tests.console.visiting import Browser
from tests.grid_cases.builders import create_scene, put_case
from tests.media.builders import draw, upload


async def test_a_case_is_filed_dispatched_and_checked(app: Any, api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.REPORTED)
    browser = await Browser(app).sign_in(scene.dispatcher)
    assert "网格事项待受理" in browser.text, "it waits on the desk"
    await browser.open("/console/pages/cases-held")
    assert case_id in browser.text
    assert scene.bystander not in browser.text
    await browser.open(f"/console/pages/cases/{case_id}")
    await browser.open(browser.link("file_case"))
    await browser.send(browser.url.path, {})
    await browser.open(f"/console/pages/cases/{case_id}")
    await browser.open(browser.link("dispatch_case"))
    for name in ("第一网格", "海风物业", "幸福社区"):
        assert name in browser.text, "whom it can be given to"
    await browser.send(browser.url.path, {"organization_id": scene.grid.id})
    case = await GridCase.get(id=case_id)
    assert (case.state, case.holder_id) == (CaseState.DISPATCHED, scene.grid.id)
    await browser.open(f"/console/pages/cases/{case_id}")
    assert "pass_case" not in browser.text, "not before it is answered"
    assert scene.reporter.person_id not in browser.text


async def test_a_case_is_taken_down_and_put_together_with_another(app: Any, api: Api) -> None:
    scene = await create_scene(api)
    into = await put_case(scene, CaseState.FILED)
    browser = await Browser(app).sign_in(scene.dispatcher)
    await browser.open("/console/pages/cases-held")
    await browser.open(browser.link("report_case_for"))
    assert scene.category.name in browser.text
    form = {
        "category_id": scene.category.id,
        "text": "井盖松动",
        "place": "幸福路",
        "source": "phone",
        "community_id": scene.community.id,
        "phone": "13911112222",
    }
    await browser.send(browser.url.path, form)
    case = await GridCase.get(source="phone")
    await browser.open(f"/console/pages/cases/{case.id}")
    await browser.open(browser.link("merge_case"))
    assert into in browser.text
    await browser.send(browser.url.path, {"into_id": into, "reason": "同一件"})
    assert (await GridCase.get(id=case.id)).merged_into_id == into


async def test_pictures_are_shown_and_blurred(app: Any, api: Api) -> None:
    scene = await create_scene(api)
    picture = await upload(scene.reporter, draw(600, 400))
    case_id = (await scene.case(picture_ids=[picture["id"]]))["id"]
    browser = await Browser(app).sign_in(scene.dispatcher)
    await browser.open(f"/console/pages/cases/{case_id}")
    assert f"{picture['id']}.thumbnail" in browser.text
    path = f"/console/cases/{case_id}/pictures"
    assert path in browser.text
    await browser.open(path)
    assert f"{picture['id']}.original" in browser.text
    area = {"left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.5}
    await browser.send(path, {"picture_id": picture["id"], "areas": json.dumps([area])})
    assert "已打码" in browser.text
    assert (await Picture.get(id=picture["id"])).blurred_areas == [area]
    await browser.open(f"/console/pages/cases/{case_id}")
    assert f"{picture['id']}.blurred_thumbnail" in browser.text
    for areas in ("[", json.dumps([area | {"right": 0}])):
        await browser.send(path, {"picture_id": picture["id"], "areas": areas})
        assert browser.status == 422
    await browser.open(path)
    await browser.send(path, {"picture_id": picture["id"], "areas": json.dumps([area]), "none": "1"})
    assert (await Picture.get(id=picture["id"])).blurred_areas is None


async def test_a_handler_is_not_shown_the_pictures_as_they_came(app: Any, api: Api) -> None:
    scene = await create_scene(api)
    case_id = await put_case(scene, CaseState.HANDLING)
    browser = await Browser(app).sign_in(scene.grid_worker)
    await browser.open(f"/console/pages/cases-held/{case_id}")
    assert "给图片打码" not in browser.text
    await browser.open(f"/console/cases/{case_id}/pictures")
    assert browser.status == 403
