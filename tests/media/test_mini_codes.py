"""The codes on posters and doors: they open the right page, are made once, and work when WeChat is away."""

import io
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import zxingcpp
from PIL import Image

from server.foundation.errors import Unavailable
from server.foundation.ids import new_id
from server.foundation.settings import Settings
from server.media import storage
from server.media.mini_codes import CODES, TARGETS, CodeKind, draw_mini_code, read_scene, scene_of
from server.organizations.models import Organization, RoleKind
from server.wechat.api import SCENE_PATTERN
from server.wechat.message_fields import check_page
from server.wechat.simulator.pictures import read_code
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import create_venue
from tests.simulator import Simulator
from tests.volunteering.builders import People, create_people, draft, publish, shift

PATH = "/wxa/getwxacodeunlimit"
REFUSALS = [-1, 40001, 40014, 40097, 40129, 40169, 41001, 41030, 42001, 45011, 48001, 50002, 99999]


@pytest.fixture
async def people(api: Api) -> People:
    return await create_people(api)


async def published(people: People) -> tuple[str, str]:
    """An activity with one shift; both ids."""
    made = await publish(people.staff, people.community.id, shift())
    return made["id"], made["shifts"][0]["id"]


async def code_for(who: Api, path: str, **query: int | str) -> httpx.Response:
    answer = await who.send("GET", path, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer


def scanned(answer: httpx.Response) -> str:
    """What a scanner reads from a plain code."""
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    text: str = found.text
    return text


def test_scenes_and_pages_are_what_wechat_takes() -> None:
    assert set(CODES) == set(CodeKind) == set(TARGETS)
    assert len({code.letter for code in CODES.values()}) == len(CODES)
    for kind, code in CODES.items():
        thing = new_id()
        scene = scene_of(kind, thing)
        assert SCENE_PATTERN.fullmatch(scene), "32 characters at most, of those allowed"
        assert read_scene(scene) == (kind, thing)
        assert check_page(code.page) == code.page
        assert "?" not in code.page


async def test_a_shifts_code_opens_its_activity(api: Api, simulator: Simulator, people: People) -> None:
    activity_id, shift_id = await published(people)
    answer = await code_for(people.staff, f"/staff/shifts/{shift_id}/mini-code")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-linli-code"] == "mini-program"
    page, scene = read_code(answer.content).split("?scene=")
    assert page == "pages/activity/detail"
    opened = await api.get("/scene", scene=scene)
    assert opened == {
        "kind": "shift",
        "id": shift_id,
        "title": "清洁家园",
        "page": f"pages/activity/detail?id={activity_id}&shift={shift_id}",
        "why": "not_signed_in",
        "advice": "请先登录",
        "consent": None,
    }
    assert opened == await api.get("/scene", scene=quote(scene, safe="")), "as the phone gets it, still encoded"


async def test_a_venues_code_opens_the_venue(api: Api, simulator: Simulator, people: People) -> None:
    venue = await create_venue(people.community)
    answer = await code_for(people.staff, f"/staff/venues/{venue.id}/mini-code")
    page, scene = read_code(answer.content).split("?scene=")
    opened = await api.get("/scene", scene=scene)
    assert page == "pages/venue/detail"
    assert opened["page"] == f"pages/venue/detail?id={venue.id}"
    assert (opened["kind"], opened["id"], opened["title"]) == ("venue", venue.id, venue.name)
    venue.state = "closed"  # type: ignore[assignment]
    await venue.save()
    await api.refused("GET", f"/scene?scene={quote(scene)}", code="not_found")


async def test_a_communitys_code_opens_the_page_to_check_in(api: Api, simulator: Simulator, people: People) -> None:
    code = await draw_mini_code(CodeKind.COMMUNITY, people.community.id)
    page, scene = read_code(code.content).split("?scene=")
    opened = await api.get("/scene", scene=scene)
    assert page == "pages/check-in/apply"
    assert opened["page"] == f"pages/check-in/apply?id={people.community.id}"
    assert (opened["kind"], opened["title"]) == ("community", "望海社区")


async def test_a_code_is_made_once_and_kept(api: Api, simulator: Simulator, people: People) -> None:
    _, shift_id = await published(people)
    path = f"/staff/shifts/{shift_id}/mini-code"
    first = await code_for(people.staff, path)
    assert (await code_for(people.staff, path)).content == first.content
    assert await simulator.calls(PATH) == 1
    wide = await code_for(people.staff, path, width=1280)
    assert await simulator.calls(PATH) == 2
    assert Image.open(io.BytesIO(wide.content)).width > Image.open(io.BytesIO(first.content)).width
    assert "max-age" in first.headers["cache-control"]


@pytest.mark.parametrize("errcode", REFUSALS)
async def test_where_wechat_refuses_a_plain_code_stands_in(
    api: Api, simulator: Simulator, people: People, settings: Settings, errcode: int
) -> None:
    activity_id, shift_id = await published(people)
    path = f"/staff/shifts/{shift_id}/mini-code"
    await simulator.fault(PATH, errcode=errcode, times=2)
    answer = await code_for(people.staff, path)
    if errcode in (40001, 40014, 42001):
        assert await simulator.calls(PATH) == 2, "a stale token is replaced once"
    assert answer.headers["x-linli-code"] == "plain"
    assert answer.headers["cache-control"] == "no-store"
    address = scanned(answer)
    assert address == f"{settings.public_base}/open/s={shift_id}"
    opened = await api.get("/scene", scene=address)
    assert opened["page"] == f"pages/activity/detail?id={activity_id}&shift={shift_id}"
    await simulator.app.ctx.pushes.drain()
    simulator.app.ctx.state.faults.clear()
    assert (await code_for(people.staff, path)).headers["x-linli-code"] == "mini-program", "it was not kept"


@pytest.mark.parametrize("fault", [{"disconnect": True}, {"status": 502}, {"garbage": True}])
async def test_where_wechat_does_not_answer_too(
    api: Api, simulator: Simulator, people: People, fault: dict[str, Any]
) -> None:
    _, shift_id = await published(people)
    await simulator.fault(PATH, **fault)
    answer = await code_for(people.staff, f"/staff/shifts/{shift_id}/mini-code", width=600)
    assert answer.headers["x-linli-code"] == "plain"
    assert 400 <= Image.open(io.BytesIO(answer.content)).width <= 600


async def test_without_wechat_there_are_codes(api: Api, people: People) -> None:
    _, shift_id = await published(people)
    answer = await code_for(people.staff, f"/staff/shifts/{shift_id}/mini-code")
    assert answer.headers["x-linli-code"] == "plain"


async def test_without_the_store_there_are_codes(
    api: Api, simulator: Simulator, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shift_id = await published(people)

    async def be_away(*_arguments: object) -> None:
        raise Unavailable()

    monkeypatch.setattr(storage, "get", be_away)
    monkeypatch.setattr(storage, "put", be_away)
    answer = await code_for(people.staff, f"/staff/shifts/{shift_id}/mini-code")
    assert answer.headers["x-linli-code"] == "mini-program"


async def test_codes_are_for_those_who_put_them_up(api: Api, simulator: Simulator, people: People) -> None:
    _, shift_id = await published(people)
    venue = await create_venue(people.community)
    shift_path, venue_path = f"/staff/shifts/{shift_id}/mini-code", f"/staff/venues/{venue.id}/mini-code"
    elsewhere = await create_staff(api, await create_community())
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    await people.first.refused("GET", shift_path, code="not_found")
    await elsewhere.refused("GET", shift_path, code="not_found")
    await api.refused("GET", shift_path, code="not_signed_in")
    await people.first.refused("GET", venue_path, code="not_allowed")
    await elsewhere.refused("GET", venue_path, code="not_allowed")
    await code_for(observer, venue_path)
    await people.staff.refused("GET", f"/staff/shifts/{new_id()}/mini-code", code="not_found")
    await people.staff.refused("GET", f"/staff/venues/{new_id()}/mini-code", code="not_found")
    for width in ("279", "1281", "wide"):
        await people.staff.refused("GET", f"{shift_path}?width={width}", code="invalid_fields")
    assert await simulator.calls(PATH) == 1


async def test_what_nobody_may_see_a_scene_does_not_tell(api: Api, simulator: Simulator, people: People) -> None:
    made = await draft(people.staff, people.community.id, shift())
    shift_id = made["shifts"][0]["id"]
    await code_for(people.staff, f"/staff/shifts/{shift_id}/mini-code")
    await api.refused("GET", f"/scene?scene=s%3D{shift_id}", code="not_found")
    missing = new_id()
    for scene in (f"s={missing}", f"v={missing}", f"c={missing}", f"x={missing}", "s=", "s", "=", "%", "s=1", "中"):
        await api.refused("GET", f"/scene?scene={quote(scene)}", code="not_found")
    await api.refused("GET", f"/scene?scene={'s' * 513}", code="invalid_fields")
    await api.refused("GET", "/scene", code="invalid_fields")


async def test_a_plain_code_shows_a_phone_what_to_do(api: Api, simulator: Simulator, people: People) -> None:
    await Organization.filter(id=people.community.id).update(name="<b>望海</b>社区")
    page = await api.client.get(f"/open/c={people.community.id}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;望海&lt;/b&gt;社区" in page.text
    assert "扫一扫" in page.text
    assert "党员向社区报到" in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    for kind in CodeKind:
        letter = CODES[kind].letter
        assert (await api.client.get(f"/open/{letter}={new_id()}")).status_code == 200, "of every kind"
    gone = await api.client.get(f"/open/s={new_id()}")
    assert (gone.status_code, "不存在" in gone.text) == (200, True)
    nonsense = await api.client.get("/open/<script>")
    assert (nonsense.status_code, "无法识别" in nonsense.text, "<script>" in nonsense.text) == (404, True, False)


async def test_a_resident_needs_no_role_to_follow_a_poster(api: Api, simulator: Simulator, people: People) -> None:
    _, shift_id = await published(people)
    resident = await create_resident(api, people.community)
    assert (await resident.get("/scene", scene=f"s={shift_id}"))["id"] == shift_id


async def test_sheets_of_shifts_and_venues(api: Api, simulator: Simulator, people: People) -> None:
    """To print and to post: with a title, and the same code as the bare one."""
    activity_id, shift_id = await published(people)
    venue = await create_venue(people.community)
    resident = await create_resident(api, people.community)
    for path, page, refusal in (
        (f"/staff/shifts/{shift_id}/sheet", f"pages/activity/detail?id={activity_id}&shift={shift_id}", "not_found"),
        (f"/staff/venues/{venue.id}/sheet", f"pages/venue/detail?id={venue.id}", "not_allowed"),
    ):
        picture = await code_for(people.staff, path, format="png")
        assert Image.open(io.BytesIO(picture.content)).size == (2480, 3508)
        scene = scanned(picture).partition("scene=")[2]
        assert (await api.get("/scene", scene=scene))["page"] == page
        printed = await code_for(people.staff, path)
        assert printed.headers["content-type"] == "application/pdf"
        assert printed.content.startswith(b"%PDF-")
        assert len(printed.content) < 200_000
        await resident.refused("GET", path, code=refusal)
        await people.staff.refused("GET", path + "?format=docx", code="invalid_fields")
    await people.staff.refused("GET", f"/staff/shifts/{new_id()}/sheet", code="not_found")
    await people.staff.refused("GET", f"/staff/venues/{new_id()}/sheet", code="not_found")
