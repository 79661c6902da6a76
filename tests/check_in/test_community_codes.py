"""A community's code: a sheet to print, made by WeChat where it can be, and what a scanned one opens."""

import io

import zxingcpp
from PIL import Image

from server.foundation import clock
from server.foundation.database import execute
from server.organizations.models import Level, RoleKind
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.clients import Api
from tests.simulator import Simulator

CODE_PATH = "/wxa/getwxacodeunlimit"


def scan(picture: bytes) -> str:
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    return str(code.text)


async def test_a_sheet_with_wechats_code(api: Api, simulator: Simulator) -> None:
    community = await create_community(name="竹岛社区")
    staff = await create_staff(api, community)
    before = await simulator.calls(CODE_PATH)
    for _ in range(2):
        response = await staff.send("GET", f"/staff/communities/{community.id}/code")
        assert (response.headers["content-type"], response.headers["x-linli-code"]) == ("image/png", "mini-program")
    assert await simulator.calls(CODE_PATH) == before + 1, "asked for once, then kept"
    assert Image.open(io.BytesIO(response.content)).size == (2480, 3508)
    scanned = scan(response.content)
    assert "pages/check-in/apply?scene=" in scanned
    scene = scanned.partition("scene=")[2]
    assert len(scene) <= 32
    opened = await api.get("/scene", scene=scene)
    assert (opened["kind"], opened["id"], opened["title"]) == ("community", community.id, "竹岛社区")
    assert opened["page"] == f"pages/check-in/apply?id={community.id}"


async def test_a_plain_code_where_wechat_refuses_or_is_away(api: Api, simulator: Simulator) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    path = f"/staff/communities/{community.id}/code"
    for fault in ({"errcode": 45009}, {"disconnect": True}):
        await simulator.fault(CODE_PATH, **fault)
        response = await staff.send("GET", path)
        assert response.headers["x-linli-code"] == "plain"
        opened = await api.get("/scene", scene=scan(response.content))
        assert opened["id"] == community.id
    response = await staff.send("GET", path)
    assert response.headers["x-linli-code"] == "mini-program", "the plain one was not kept"


async def test_wechat_unreachable(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    response = await staff.send("GET", f"/staff/communities/{community.id}/code")
    assert (response.status_code, response.headers["x-linli-code"]) == (200, "plain")


async def test_whose_code_it_is(api: Api) -> None:
    community, other = await create_community(), await create_community()
    path = f"/staff/communities/{community.id}/code"
    await (await create_staff(api, other)).refused("GET", path, code="not_found")
    await (await create_resident(api, community)).refused("GET", path, code="not_allowed")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    assert (await observer.send("GET", path)).status_code == 200
    grid = await create_organization(Level.GRID, parent=community)
    staff = await create_staff(api, community)
    await staff.refused("GET", f"/staff/communities/{grid.id}/code", code="not_found")


async def test_a_printed_code_leads_to_the_successor(api: Api) -> None:
    old, new = await create_community(), await create_community(name="新社区")
    gone = await create_community()
    now = clock.now()
    await execute("UPDATE organization SET closed_at = $2, successor_id = $3 WHERE id = $1", old.id, now, new.id)
    await execute("UPDATE organization SET closed_at = $2 WHERE id = $1", gone.id, now)
    opened = await api.get("/scene", scene=f"c={old.id}")
    assert (opened["id"], opened["title"]) == (new.id, "新社区")
    for scene in (f"c={gone.id}", f"c={gone.id[::-1]}", "c=x", "x"):
        response = await api.send("GET", "/scene", params={"scene": scene})
        assert response.status_code == 404, scene


async def test_residents_join_by_a_code_of_their_own(api: Api, simulator: Simulator) -> None:
    community, other = await create_community(name="竹岛社区"), await create_community()
    staff = await create_staff(api, community)
    path = f"/staff/communities/{community.id}/join-code"
    drawn = await staff.send("GET", path, params={"format": "png"})
    assert (drawn.headers["content-type"], drawn.headers["x-linli-code"]) == ("image/png", "mini-program")
    scanned = scan(drawn.content)
    assert "pages/community/join?scene=" in scanned
    opened = await api.get("/scene", scene=scanned.partition("scene=")[2])
    assert (opened["kind"], opened["page"]) == ("join", f"pages/community/join?id={community.id}")
    assert (await staff.send("GET", path)).headers["content-type"] == "application/pdf"
    resident = await create_resident(api, other)
    await resident.refused("GET", path, code="not_allowed")
    await (await create_staff(api, other)).refused("GET", path, code="not_found")
    grid = await create_organization(Level.GRID, parent=community)
    await staff.refused("GET", f"/staff/communities/{grid.id}/join-code", code="not_found")
    # A closed one's sheets on the walls lead to its successor.
    await execute(
        "UPDATE organization SET closed_at = $2, successor_id = $3 WHERE id = $1", community.id, clock.now(), other.id
    )
    assert (await api.get("/scene", scene=f"j={community.id}"))["id"] == other.id
    assert (await api.send("GET", "/scene", params={"scene": f"j={grid.id}"})).status_code == 404
