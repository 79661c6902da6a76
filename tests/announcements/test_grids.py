"""Announcements of a grid, to those who said that they live in it; pictures, and how many have read."""

from typing import Any

import pytest

from server.accounts.merging import merge_persons
from server.accounts.models import Person
from server.announcements.models import AnnouncementRead
from server.foundation.database import fetch_value
from server.foundation.ids import new_id
from server.organizations.models import Level, Organization, RoleKind
from tests.announcements.builders import PATH, WORDS, Office, open_office, tell_everybody
from tests.builders import create_community, create_organization, create_person, create_resident, create_staff, sign_in
from tests.clients import Api
from tests.media.builders import upload


@pytest.fixture
async def office(api: Api) -> Office:
    return await open_office(api)


async def create_grid(community: Organization, name: str = "第一网格") -> Organization:
    return await create_organization(Level.GRID, parent=community, name=name)


async def live_in(resident: Api, grid: Organization) -> Any:
    return await resident.put("/me/community", {"community_id": grid.parent_id, "grid_id": grid.id})


async def draft(writer: Api, grid: Organization, **words: Any) -> Any:
    return await writer.post(PATH, {"organization_id": grid.id, "words": WORDS | words}, expect=201)


async def test_saying_in_which_grid_one_lives(api: Api) -> None:
    community, elsewhere = await create_community(), await create_community()
    grid, theirs = await create_grid(community), await create_grid(elsewhere)
    me = await create_resident(api, community)
    assert (await live_in(me, grid))["grid"] == {"id": grid.id, "name": "第一网格"}
    for wrong in (theirs.id, community.id, new_id()):
        body = {"community_id": community.id, "grid_id": wrong}
        problem = await me.refused("PUT", "/me/community", body, code="invalid_fields")
        assert problem["errors"] == [{"field": "grid_id", "problem": "请选择所在社区的网格"}]
    assert (await me.get("/me"))["grid"]["id"] == grid.id
    # Who moves is no longer there.
    moved = await me.put("/me/community", {"community_id": elsewhere.id})
    assert (moved["community"]["id"], moved["grid"]) == (elsewhere.id, None)


async def test_a_grid_that_is_closed(api: Api) -> None:
    street = await create_organization(Level.SUBDISTRICT)
    community = await create_community(parent=street)
    manager = await create_staff(api, street, RoleKind.MANAGER)
    first, second, third = [await create_grid(community, f"网格{number}") for number in range(3)]
    residents = [await create_resident(api, community) for _ in range(3)]
    for resident, grid in zip(residents, (first, second, third), strict=True):
        await live_in(resident, grid)
    await manager.post(f"/staff/organizations/{first.id}/close", {"version": 1, "successor_id": second.id})
    await manager.post(f"/staff/organizations/{third.id}/close", {"version": 1})
    grids = [(await resident.get("/me"))["grid"] for resident in residents]
    assert [grid and grid["id"] for grid in grids] == [second.id, second.id, None]


async def test_those_who_live_in_the_grid_are_told(api: Api, office: Office) -> None:
    grid, other = await create_grid(office.community), await create_grid(office.community, "第二网格")
    inside, next_door, somewhere = [await create_resident(api, office.community) for _ in range(3)]
    await live_in(inside, grid)
    await live_in(next_door, other)
    audience = await office.writer.get(f"{PATH}/audience", organization_id=grid.id)
    assert audience == {"people": 1, "on_wechat": 0}
    made = await draft(office.writer, grid)
    await office.send(made)
    await tell_everybody()
    assert [message["title"] for message in await inside.inbox()] == [WORDS["title"]]
    assert await next_door.inbox() == await somewhere.inbox() == []
    assert [item["id"] for item in (await inside.get("/announcements"))["items"]] == [made["id"]]
    path = f"/announcements/{made['id']}"
    assert (await inside.get(path))["organization_name"] == "第一网格"
    shown = await somewhere.get(f"{path}/shared")
    assert (shown["why"], shown["advice"]) == ("grid_needed", "请先选择所在网格")
    assert (await next_door.get(f"{path}/shared"))["why"] == "other_area"
    for who in (next_door, somewhere):
        assert (await who.get("/announcements"))["items"] == []
        await who.refused("GET", path, code="not_found")
    # Who lives in a grid still reads what the community announces, and so does everybody else in it.
    whole = await office.send(await office.draft(title="全社区"))
    await tell_everybody()
    for who in (inside, next_door, somewhere):
        assert (await who.get("/announcements"))["items"][0]["id"] == whole["id"]
    assert whole["expected"] == 3
    # Who says so later finds it on the board.
    await live_in(somewhere, grid)
    assert (await somewhere.get(path))["id"] == made["id"]


async def test_a_grid_worker_writes_and_the_community_sends(api: Api, office: Office) -> None:
    grid, other = await create_grid(office.community), await create_grid(office.community, "第二网格")
    worker = await create_staff(api, grid, RoleKind.GRID_WORKER)
    await live_in(await create_resident(api, office.community), grid)
    made = await draft(worker, grid)
    assert (await office.sender.inbox())[0]["event"] == "announcement_to_send", "the nearest who may"
    path = f"{PATH}/{made['id']}"
    made = await worker.put(path, {"version": 1, "words": WORDS | {"title": "改过的"}})
    assert [item["title"] for item in (await worker.get(PATH, organization_id=grid.id))["items"]] == ["改过的"]
    assert (await worker.get(path))["title"] == "改过的"
    await worker.refused("POST", f"{path}/send", {"version": 2}, code="not_found")
    await worker.refused("POST", f"{path}/withdraw", code="not_found")
    for place in (other, office.community):
        body = {"organization_id": place.id, "words": WORDS}
        await worker.refused("POST", PATH, body, code="not_allowed")
    assert (await office.send(made))["expected"] == 1
    # Those who work in the grid are an audience of its own.
    assert (await office.writer.get(f"{PATH}/audience", organization_id=grid.id, audience="workers"))["people"] == 1


async def test_pictures(api: Api, office: Office) -> None:
    me = await create_resident(api, office.community)
    first, second, third = [(await upload(office.writer))["id"] for _ in range(3)]
    theirs = (await upload(me))["id"]
    body = {"organization_id": office.community.id, "words": WORDS | {"picture_ids": [theirs]}}
    await office.writer.refused("POST", PATH, body, code="picture_unusable")
    many = {"organization_id": office.community.id, "words": WORDS | {"picture_ids": [new_id()] * 10}}
    await office.writer.refused("POST", PATH, many, code="invalid_fields")
    made = await office.draft(picture_ids=[first, second])
    assert [picture["id"] for picture in made["pictures"]] == [first, second]
    # Another one takes over what is there, and adds what is their own.
    added = (await upload(office.manager))["id"]
    path = f"{PATH}/{made['id']}"
    foreign = {"version": 1, "words": WORDS | {"picture_ids": [third]}}
    await office.manager.refused("PUT", path, foreign, code="picture_unusable")
    made = await office.manager.put(path, {"version": 1, "words": WORDS | {"picture_ids": [second, added]}})
    assert [picture["id"] for picture in made["pictures"]] == [second, added]
    assert await fetch_value("SELECT subject_id FROM picture WHERE id = $1", first) is None
    await office.send(made)
    await tell_everybody()
    read = await me.get(f"/announcements/{made['id']}")
    assert [picture["id"] for picture in read["pictures"]] == [second, added]
    [card] = (await me.get("/announcements"))["items"]
    assert second in card["thumbnail_url"]
    assert (await me.client.get(read["pictures"][0]["url"])).status_code == 200
    plain = await office.send(await office.draft())
    assert (await me.get("/announcements"))["items"][0]["id"] == plain["id"]
    assert (await me.get("/announcements"))["items"][0]["thumbnail_url"] is None


async def test_how_many_have_read(api: Api, office: Office) -> None:
    first, second, third = [await create_resident(api, office.community) for _ in range(3)]
    made = await office.send(await office.draft())
    other = await office.send(await office.draft())
    await tell_everybody()
    path = f"{PATH}/{made['id']}"
    assert (await office.writer.get(path))["read"] == 0
    for who in (first, first, second):
        await who.get(f"/announcements/{made['id']}")
    await third.get("/announcements")
    await office.writer.refused("GET", f"/announcements/{made['id']}", code="not_found")
    assert (await office.writer.get(path))["read"] == 2
    shown = (await office.writer.get(PATH, organization_id=office.community.id))["items"]
    assert {item["id"]: item["read"] for item in shown} == {made["id"]: 2, other["id"]: 0}
    # Two who turn out to be one have read it once; who leaves has read nothing that anybody remembers.
    kept = await create_person(community=office.community)
    one = await sign_in(api, kept)
    await one.get(f"/announcements/{made['id']}")
    await merge_persons(first.person_id, kept.id, actor_id=None)
    assert (await Person.get(id=first.person_id)).merged_into_id == kept.id
    assert (await office.writer.get(path))["read"] == 2
    assert not await AnnouncementRead.exists(person_id=first.person_id)
    await one.post("/me/cancellation")
    assert (await office.writer.get(path))["read"] == 1
