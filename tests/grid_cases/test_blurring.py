"""Faces and plates are blurred by staff before others see a picture; the picture as it came is for those alone who may
blur it."""

from typing import Any

import pytest

from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.foundation.ids import new_id
from server.media import storage
from server.media.uploads.models import STORED, Picture
from server.media.uploads.uploading import REMOVE_UNUSED_PICTURES, key_of, remove_pictures_of
from tests.clients import Api
from tests.grid_cases.builders import Scene, create_scene
from tests.media.builders import draw, read, upload

LEFT = {"left": 0, "top": 0, "right": 0.8, "bottom": 1}
"""Of a picture that is blue in its left quarter, and red: blurred, one square has of both."""


@pytest.fixture
async def scene(api: Api) -> Scene:
    return await create_scene(api)


async def reported(scene: Scene, **other: Any) -> tuple[str, str]:
    """A case with one picture of 600 × 400: their ids."""
    picture = await upload(scene.reporter, draw(600, 400))
    case = await scene.case(picture_ids=[picture["id"]], **other)
    await execute("UPDATE grid_case SET is_shown = TRUE WHERE id = $1", case["id"])
    return case["id"], picture["id"]


async def look(api: Api, url: str) -> Any:
    response = await api.send("GET", url.partition("/api/v1")[2])
    assert response.status_code == 200
    return read(response.content)


def is_blurred(image: Any) -> bool:
    """Whether left of the middle, where the picture is red, there is no pure red."""
    red = image.getpixel((image.width * 3 // 10, image.height // 2))
    return bool(red[2] > 40)


async def blur(scene: Scene, case_id: str, picture_id: str, *areas: dict[str, float]) -> Any:
    return await scene.dispatcher.put(f"/staff/grid-cases/{case_id}/pictures/{picture_id}/blur", {"areas": list(areas)})


async def test_others_see_a_picture_once_the_case_is_filed_and_blurred(scene: Scene) -> None:
    case_id, _ = await reported(scene)
    seen = await scene.neighbor.get(f"/grid-cases/{case_id}")
    assert seen["pictures"] == []
    listed = await scene.neighbor.get("/grid-cases", community_id=scene.community.id)
    assert [each["thumbnail_url"] for each in listed["items"] if each["id"] == case_id] == [None]
    own = await scene.reporter.get(f"/grid-cases/{case_id}")
    assert len(own["pictures"]) == 1
    await scene.dispatcher.post(f"/staff/grid-cases/{case_id}/file")
    seen = await scene.neighbor.get(f"/grid-cases/{case_id}")
    assert [each["id"] for each in seen["pictures"]] == [own["pictures"][0]["id"]]
    listed = await scene.neighbor.get("/grid-cases", community_id=scene.community.id)
    assert listed["items"][0]["thumbnail_url"]


async def test_everybody_sees_it_blurred_under_old_addresses_too(scene: Scene) -> None:
    case_id, picture_id = await reported(scene)
    other_id, _ = await reported(scene)
    old = (await scene.reporter.get(f"/grid-cases/{case_id}"))["pictures"][0]
    assert not is_blurred(await look(scene.neighbor, old["url"]))
    (original,) = await blur(scene, case_id, picture_id, LEFT)
    assert original["areas"] == [LEFT]
    await scene.dispatcher.post(f"/staff/grid-cases/{case_id}/file")
    for who in (scene.reporter, scene.neighbor, scene.dispatcher):
        new = (await who.get(f"/grid-cases/{case_id}"))["pictures"][0]
        assert new["url"] != old["url"], "a phone would show what it has"
        for url in (new["url"], new["thumbnail_url"], old["url"], old["thumbnail_url"]):
            shown = await look(who, url)
            assert is_blurred(shown)
            assert shown.getpixel((shown.width * 9 // 10, 5))[2] < 40, "what was not named stays"
    beside = (await scene.reporter.get(f"/grid-cases/{other_id}"))["pictures"][0]
    assert not is_blurred(await look(scene.reporter, beside["url"]))


async def test_the_original_is_for_those_who_may_blur_it_and_each_look_is_noted(scene: Scene) -> None:
    case_id, picture_id = await reported(scene)
    await blur(scene, case_id, picture_id, LEFT)
    (original,) = await scene.checker.get(f"/staff/grid-cases/{case_id}/originals")
    assert original["id"] == picture_id
    assert original["areas"] == [LEFT]
    assert not is_blurred(await look(scene.checker, original["url"]))
    assert not is_blurred(await look(scene.checker, original["thumbnail_url"]))
    entry = await AuditEntry.get(action="view_case_originals")
    assert (entry.actor_id, entry.subject_id) == (scene.checker.person_id, case_id)
    assert (await AuditEntry.get(action="blur_case_picture")).actor_id == scene.dispatcher.person_id


async def test_a_mistake_is_taken_back(scene: Scene) -> None:
    case_id, picture_id = await reported(scene)
    await blur(scene, case_id, picture_id, LEFT)
    (original,) = await blur(scene, case_id, picture_id)
    assert original["areas"] == []
    shown = (await scene.reporter.get(f"/grid-cases/{case_id}"))["pictures"][0]
    assert not is_blurred(await look(scene.reporter, shown["url"]))


async def test_pictures_of_how_it_was_handled_are_blurred_too(scene: Scene) -> None:
    case_id, _ = await reported(scene)
    path = f"/staff/grid-cases/{case_id}"
    await scene.dispatcher.post(f"{path}/file")
    await scene.dispatcher.post(f"{path}/dispatch", {"organization_id": scene.grid.id})
    await scene.grid_worker.post(f"{path}/accept")
    picture = await upload(scene.grid_worker, draw(600, 400))
    await scene.grid_worker.post(f"{path}/notes", {"words": "围挡", "picture_ids": [picture["id"]]})
    originals = await blur(scene, case_id, picture["id"], LEFT)
    assert [len(each["areas"]) for each in originals] == [0, 1]
    seen = await scene.grid_worker.get(f"/grid-cases/{case_id}")
    (noted,) = [step["pictures"][0] for step in seen["steps"] if step["pictures"]]
    assert is_blurred(await look(scene.grid_worker, noted["url"]))


async def test_nobody_else_blurs_or_sees_the_original(scene: Scene) -> None:
    case_id, picture_id = await reported(scene, is_private=True)
    path, body = f"/staff/grid-cases/{case_id}", {"areas": [LEFT]}
    await scene.elsewhere.refused("GET", f"{path}/originals", code="not_found")
    await scene.elsewhere.refused("PUT", f"{path}/pictures/{picture_id}/blur", body, code="not_found")
    await scene.dispatcher.post(f"{path}/file")
    await scene.dispatcher.post(f"{path}/dispatch", {"organization_id": scene.grid.id})
    await scene.grid_worker.refused("GET", f"{path}/originals", code="not_allowed")
    await scene.grid_worker.refused("PUT", f"{path}/pictures/{picture_id}/blur", body, code="not_allowed")
    assert not await AuditEntry.filter(action__in=("blur_case_picture", "view_case_originals")).exists()


async def test_what_cannot_be_blurred_is_refused(scene: Scene) -> None:
    case_id, picture_id = await reported(scene)
    other = await upload(scene.reporter)
    path = f"/staff/grid-cases/{case_id}/pictures"
    await scene.dispatcher.refused("PUT", f"{path}/{other['id']}/blur", {"areas": [LEFT]}, code="not_found")
    await scene.dispatcher.refused("PUT", f"{path}/{new_id()}/blur", {"areas": []}, code="not_found")
    for wrong in ({**LEFT, "right": 0}, {**LEFT, "bottom": 1.2}, {**LEFT, "left": -0.1}):
        await scene.dispatcher.refused("PUT", f"{path}/{picture_id}/blur", {"areas": [wrong]}, code="invalid_fields")


async def test_all_its_bytes_are_gone_with_a_picture(scene: Scene) -> None:
    case_id, picture_id = await reported(scene)
    await blur(scene, case_id, picture_id, LEFT)
    kept = (await Picture.get(id=picture_id)).format
    await remove_pictures_of(scene.reporter.person_id)
    assert await REMOVE_UNUSED_PICTURES.run() == 1
    for variant in STORED:
        with pytest.raises(FileNotFoundError):
            await storage.get(key_of(picture_id, variant, kept))
