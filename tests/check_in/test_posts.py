"""Posts over HTTP: apply, approve, refuse, leave, end; never more holders than places."""

import asyncio

from server.database import fetch_value
from tests.builders import create_community, create_resident, create_staff
from tests.check_in.builders import create_checked_in, create_member, create_post
from tests.clients import Api


async def test_a_member_takes_a_post_and_leaves_it(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    (card,) = (await member.get(f"/communities/{community.id}/posts"))["items"]
    assert (card["id"], card["places"], card["free_places"]) == (post, 1, 1)

    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await member.refused("POST", f"/posts/{post}/apply", code="post_held")
    (waiting,) = (await staff.get("/staff/post-holdings", community_id=community.id))["items"]
    assert (waiting["id"], waiting["name"]) == (holding, "王**")
    await staff.post(f"/staff/post-holdings/{holding}/approve", expect=204)
    await staff.post(f"/staff/post-holdings/{holding}/approve", expect=204)
    (mine,) = await member.get("/me/posts")
    assert mine["state"] == "held"
    assert (await member.get(f"/communities/{community.id}/posts"))["items"][0]["free_places"] == 0

    await member.post(f"/post-holdings/{holding}/leave", {"reason": "工作调动"}, expect=204)
    await member.refused("POST", f"/post-holdings/{holding}/leave", {"reason": "再次"}, code="wrong_state")
    (mine,) = await member.get("/me/posts")
    assert (mine["state"], mine["reason"]) == ("left", "工作调动")
    assert mine["ended_at"]
    assert (await member.get(f"/communities/{community.id}/posts"))["items"][0]["free_places"] == 1
    titles = [message["title"] for message in (await member.get("/me/inbox"))["items"]]
    assert "岗位申请已通过" in titles


async def test_refusing_ending_and_withdrawing(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    first = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/post-holdings/{first}/refuse", {"reason": "名额已定"}, expect=204)
    await staff.refused("POST", f"/staff/post-holdings/{first}/approve", code="wrong_state")
    await staff.refused("POST", f"/staff/post-holdings/{first}/end", {"reason": "x"}, code="wrong_state")
    second = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await member.post(f"/post-holdings/{second}/leave", {"reason": "改主意"}, expect=204)
    await staff.refused("POST", f"/staff/post-holdings/{second}/refuse", {"reason": "x"}, code="wrong_state")
    third = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/post-holdings/{third}/approve", expect=204)
    await staff.post(f"/staff/post-holdings/{third}/end", {"reason": "任期届满"}, expect=204)
    states = [mine["state"] for mine in await member.get("/me/posts")]
    assert states == ["ended", "withdrawn", "refused"]


async def test_more_applicants_than_places(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, places=2)
    holdings = []
    for _ in range(6):
        member = await create_checked_in(api, staff, community)
        holdings.append((await member.post(f"/posts/{post}/apply", expect=201))["id"])
    answers = await asyncio.gather(
        *(staff.send("POST", f"/staff/post-holdings/{holding}/approve") for holding in holdings)
    )
    assert sorted(answer.status_code for answer in answers) == [204, 204, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"places_full"}
    assert await fetch_value("SELECT count(*) FROM post_holding WHERE state = 'held'") == 2


async def test_who_may_apply(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, other_staff = await create_staff(api, community), await create_staff(api, other)
    post = await create_post(staff, community)
    for caller in (
        await create_resident(api, community),
        await create_member(api),
        await create_checked_in(api, other_staff, other),
    ):
        await caller.refused("POST", f"/posts/{post}/apply", code="not_checked_in")
    member = await create_checked_in(api, staff, community)
    await member.refused("POST", f"/posts/{community.id}/apply", code="not_found")
    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    stranger = await create_resident(api, community)
    await stranger.refused("POST", f"/post-holdings/{holding}/leave", {"reason": "x"}, code="not_found")
    await other_staff.refused("POST", f"/staff/post-holdings/{holding}/approve", code="not_found")


async def test_closing_and_changing_a_post(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    outsider = await create_staff(api, await create_community())
    post = await create_post(staff, community)
    change = {"title": "楼道长", "duties": "巡查", "places": 3, "version": 1}
    await outsider.refused("PUT", f"/staff/posts/{post}", change, code="not_allowed")
    await staff.put(f"/staff/posts/{post}", change, expect=204)
    await staff.refused("PUT", f"/staff/posts/{post}", change, code="edited_meanwhile")
    member = await create_checked_in(api, staff, community)
    (card,) = (await member.get(f"/communities/{community.id}/posts"))["items"]
    assert (card["title"], card["places"]) == ("楼道长", 3)
    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/posts/{post}/close", expect=204)
    assert (await member.get("/me/posts"))[0]["state"] == "refused"
    late = await create_checked_in(api, staff, community)
    await late.refused("POST", f"/posts/{post}/apply", code="post_closed")
    await staff.refused("POST", f"/staff/post-holdings/{holding}/approve", code="wrong_state")


async def test_what_a_post_needs(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    body = {
        "community_id": community.id,
        "title": "监督员",
        "category": "community_supervision",
        "duties": "巡查",
        "places": 1,
        "term_starts_on": "2026-06-01",
    }
    for change, field in (
        ({"places": 0}, "places"),
        ({"title": ""}, "title"),
        ({"term_ends_on": "2026-05-01"}, "term_ends_on"),
        ({"category": "x"}, "category"),
    ):
        problem = await staff.refused("POST", "/staff/posts", body | change, code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    await (await create_staff(api, await create_community())).refused("POST", "/staff/posts", body, code="not_allowed")
