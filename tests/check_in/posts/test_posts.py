"""Posts over HTTP: apply, approve, refuse, leave, end; never more holders than places."""

import asyncio
from datetime import timedelta
from typing import Any

from server.check_in.posts.holding import END_TERMS
from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.organizations.models import Organization
from tests.builders import create_community, create_resident, create_staff, told
from tests.check_in.builders import (
    application,
    audited,
    create_checked_in,
    create_holder,
    create_member,
    create_post,
    today,
)
from tests.clients import Api


async def test_a_member_takes_a_post_and_leaves_it(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    (card,) = (await member.get(f"/communities/{community.id}/posts"))["items"]
    assert await member.get(f"/posts/{card['id']}") == card
    assert (card["id"], card["places"], card["free_places"]) == (post, 1, 1)

    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await member.refused("POST", f"/posts/{post}/apply", code="post_held")
    (waiting,) = (await staff.get("/staff/post-holdings", community_id=community.id))["items"]
    assert (waiting["id"], waiting["name"]) == (holding, "王**")
    await staff.post(f"/staff/post-holdings/{holding}/approve", expect=200)
    await staff.post(f"/staff/post-holdings/{holding}/approve", expect=200)
    (mine,) = await member.get("/me/posts")
    assert mine["state"] == "held"
    assert (await member.get(f"/communities/{community.id}/posts"))["items"][0]["free_places"] == 0

    await member.post(f"/post-holdings/{holding}/leave", {"reason": "工作调动"}, expect=200)
    await member.refused("POST", f"/post-holdings/{holding}/leave", {"reason": "再次"}, code="wrong_state")
    (mine,) = await member.get("/me/posts")
    assert (mine["state"], mine["reason"]) == ("left", "工作调动")
    assert mine["ended_at"]
    assert (await member.get(f"/communities/{community.id}/posts"))["items"][0]["free_places"] == 1
    titles = [message["title"] for message in await member.inbox()]
    assert "岗位申请已通过" in titles


async def test_refusing_ending_and_withdrawing(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    first = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/post-holdings/{first}/refuse", {"reason": "名额已定"}, expect=200)
    await staff.refused("POST", f"/staff/post-holdings/{first}/approve", code="wrong_state")
    await staff.refused("POST", f"/staff/post-holdings/{first}/end", {"reason": "x"}, code="wrong_state")
    second = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await member.post(f"/post-holdings/{second}/leave", {"reason": "改主意"}, expect=200)
    await staff.refused("POST", f"/staff/post-holdings/{second}/refuse", {"reason": "x"}, code="wrong_state")
    third = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/post-holdings/{third}/approve", expect=200)
    await staff.post(f"/staff/post-holdings/{third}/end", {"reason": "任期届满"}, expect=200)
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
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
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
    await member.refused("GET", f"/posts/{community.id}", code="not_found")
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
    await staff.put(f"/staff/posts/{post}", change, expect=200)
    await staff.refused("PUT", f"/staff/posts/{post}", change, code="edited_meanwhile")
    member = await create_checked_in(api, staff, community)
    (card,) = (await member.get(f"/communities/{community.id}/posts"))["items"]
    assert await member.get(f"/posts/{card['id']}") == card
    assert (card["title"], card["places"]) == ("楼道长", 3)
    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/posts/{post}/close", expect=200)
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


async def test_a_communitys_own_category(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    await create_post(staff, community, category="other", category_name="文化传承", title="非遗讲解员")
    (card,) = (await staff.get(f"/communities/{community.id}/posts"))["items"]
    assert (card["category"], card["category_name"]) == ("other", "文化传承")
    for wrong in ({"category": "other"}, {"category": "public_affairs", "category_name": "文化传承"}):
        response = await staff.send("POST", "/staff/posts", post_body(community, **wrong))
        assert response.json()["errors"][0]["field"] == "category_name"


def post_body(community: Organization, **changes: Any) -> dict[str, Any]:
    return {
        "community_id": community.id,
        "title": "监督员",
        "category": "community_supervision",
        "duties": "巡查",
        "places": 1,
        "term_starts_on": "2026-06-01",
    } | changes


async def test_a_term_ends_with_its_last_day(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, places=2, term_ends_on=today(2))
    lasting = await create_post(staff, community, title="长期岗位")
    members = [await create_checked_in(api, staff, community) for _ in range(3)]
    held = await create_holder(staff, members[0], post)
    await create_holder(staff, members[2], lasting)
    asked = (await members[1].post(f"/posts/{post}/apply", expect=201))["id"]
    clock.move_clock(timedelta(days=2))
    assert (await END_TERMS.run(), await END_TERMS.lag()) == (0, 0.0)
    clock.move_clock(timedelta(days=3))
    assert await END_TERMS.lag() >= 0.0
    assert await END_TERMS.run() == 1
    assert await END_TERMS.run() == 0
    for member, holding, state in ((members[0], held, "ended"), (members[1], asked, "refused")):
        (mine,) = await member.get("/me/posts")
        assert (mine["id"], mine["state"], mine["reason"]) == (holding, state, "岗位任期已满")
    assert (await members[2].get("/me/posts"))[0]["state"] == "held"
    assert "post_ended" in await told(members[0])
    assert "post_refused" in await told(members[1])
    assert "post_term_over" in await told(staff)
    assert await audited("end_post", subject_id=post, actor_id=None)
    assert await audited("end_holding", subject_id=held, actor_id=None)
    assert await fetch_value("SELECT taken FROM allotment WHERE subject_id = $1", post) == 0
    ended = await staff.get("/staff/posts", community_id=community.id, state="ended")
    assert [card["id"] for card in ended["items"]] == [post]
    await members[0].refused("POST", f"/posts/{post}/apply", code="post_closed")
    history = await staff.get("/staff/post-holdings", community_id=community.id, state="ended", post_id=post)
    assert [(card["id"], card["reason"]) for card in history["items"]] == [(held, "岗位任期已满")]
    assert history["items"][0]["ended_at"] > history["items"][0]["decided_at"]


async def test_a_closed_post_keeps_its_holders_to_the_end_of_its_term(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, term_ends_on=today(10))
    member = await create_checked_in(api, staff, community)
    await create_holder(staff, member, post)
    await staff.post(f"/staff/posts/{post}/close", expect=200)
    await staff.post(f"/staff/posts/{post}/close", expect=200)
    assert (await member.get("/me/posts"))[0]["state"] == "held"
    clock.move_clock(timedelta(days=11))
    assert await END_TERMS.run() == 1
    assert (await member.get("/me/posts"))[0]["state"] == "ended"
    change = {"title": "x", "duties": "x", "places": 1, "version": 3}
    await staff.refused("PUT", f"/staff/posts/{post}", change, code="wrong_state")
    outsider = await create_staff(api, await create_community())
    response = await outsider.send("GET", "/staff/posts", params={"community_id": community.id})
    assert response.status_code == 403


async def test_posts_end_with_the_check_in(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, other_staff = await create_staff(api, community), await create_staff(api, other)
    posts = [await create_post(staff, community) for _ in range(2)]
    member = await create_checked_in(api, staff, community)
    await create_holder(staff, member, posts[0])
    await member.post(f"/posts/{posts[1]}/apply", expect=201)
    moving = (await member.post("/check-ins", application(other), expect=201))["id"]
    await other_staff.post(f"/staff/check-ins/{moving}/confirm", {}, expect=200)
    assert [(mine["state"], mine["reason"]) for mine in await member.get("/me/posts")] == [
        ("refused", "报到已结束"),
        ("ended", "报到已结束"),
    ]
    assert await fetch_value("SELECT sum(taken) FROM allotment") == 0
    assert "check_in_moved_away" in await told(staff)
    await member.refused("POST", f"/posts/{posts[0]}/apply", code="not_checked_in")


async def test_approving_while_the_check_in_ends(api: Api) -> None:
    """Either the post is held and then ends with the check-in, or it is not approved: never held without one."""
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, places=20)
    members = [await create_checked_in(api, staff, community) for _ in range(8)]
    holdings = [(await member.post(f"/posts/{post}/apply", expect=201))["id"] for member in members]
    active = [(await member.get("/me/check-ins"))["active"]["id"] for member in members]
    answers = await asyncio.gather(
        *(staff.send("POST", f"/staff/post-holdings/{holding}/approve") for holding in holdings),
        *(
            member.send("POST", f"/check-ins/{check_in}/withdraw", {"reason": "搬走"})
            for member, check_in in zip(members, active, strict=True)
        ),
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert all(answer.status_code == 200 for answer in answers[8:])
    assert await fetch_value("SELECT count(*) FROM post_holding WHERE state IN ('held', 'applied')") == 0
    assert await fetch_value("SELECT taken FROM allotment") == 0


async def test_applying_and_approving_while_a_post_closes(api: Api) -> None:
    community = await create_community()
    staff = [await create_staff(api, community) for _ in range(2)]
    post = await create_post(staff[0], community, places=20)
    members = [await create_checked_in(api, staff[0], community) for _ in range(8)]
    early = [(await member.post(f"/posts/{post}/apply", expect=201))["id"] for member in members[:4]]
    answers = await asyncio.gather(
        *(staff[0].send("POST", f"/staff/post-holdings/{holding}/approve") for holding in early),
        staff[1].send("POST", f"/staff/posts/{post}/close"),
        *(member.send("POST", f"/posts/{post}/apply") for member in members[4:]),
    )
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert await fetch_value("SELECT count(*) FROM post_holding WHERE state = 'applied'") == 0
    held = await fetch_value("SELECT count(*) FROM post_holding WHERE state = 'held'")
    assert await fetch_value("SELECT taken FROM allotment") == held


async def test_every_step_of_a_post_is_audited_and_told(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await staff.post(f"/staff/post-holdings/{holding}/approve", expect=200)
    await member.post(f"/post-holdings/{holding}/leave", {"reason": "工作调动"}, expect=200)
    entries = await fetch("SELECT action, actor_id FROM audit_entry WHERE subject_id = $1 ORDER BY id", holding)
    assert [(row["action"], row["actor_id"]) for row in entries] == [
        ("apply_for_post", member.person_id),
        ("approve_post", staff.person_id),
        ("leave_post", member.person_id),
    ]
    assert (await told(member))[-2:] == ["post_applied", "post_approved"]
    assert (await told(staff))[-2:] == ["post_to_review", "post_left"]
