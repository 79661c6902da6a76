"""Activities from draft to end, and who sees them."""

from datetime import timedelta
from typing import Any

from server import clock
from server.audit import AuditEntry
from server.organizations.models import Level, Organization, RoleKind
from server.volunteering.activities import finish_activities
from server.volunteering.models import Activity, ActivityState
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.clients import Api
from tests.volunteering.builders import WORDS, create_people, draft, events_of, publish, shift, sign_up


async def test_from_draft_to_published(api: Api) -> None:
    people = await create_people(api)
    made = await draft(people.staff, people.community.id, shift())
    assert (made["state"], made["version"], made["shifts"][0]["roles"][0]["free"]) == ("draft", 1, 2)
    assert (await people.first.get("/activities"))["items"] == []
    await people.first.refused("GET", f"/activities/{made['id']}", code="not_found")

    made = await people.staff.post(f"/staff/activities/{made['id']}/submit")
    assert made["state"] == "in_review"
    made = await people.staff.post(f"/staff/activities/{made['id']}/publish", {"version": made["version"]})
    assert made["state"] == "published"
    [card] = (await people.first.get("/activities"))["items"]
    assert (card["title"], card["free"], card["organizer_name"]) == ("清洁家园", 2, "望海社区")
    seen = await people.first.get(f"/activities/{made['id']}")
    assert (seen["shifts"][0]["mine"], seen["contact"]) == (None, WORDS["contact"])
    actions = [entry.action for entry in await AuditEntry.filter(subject_id=made["id"]).order_by("id")]
    assert actions == ["create_activity", "submit_activity", "publish_activity"]


async def test_review_by_somebody_else(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    made = await draft(people.staff, people.community.id, shift())
    path = f"/staff/activities/{made['id']}"
    await people.staff.post(f"{path}/submit")
    assert await events_of(manager.person_id) == ["activity_to_review"]
    returned = await manager.post(f"{path}/return", {"reason": "请补充集合地点"})
    assert (returned["state"], returned["reason"]) == ("draft", "请补充集合地点")
    await people.staff.put(path, {"version": returned["version"], "words": {**WORDS, "text": "南门集合。"}})
    resubmitted = await people.staff.post(f"{path}/submit")
    assert resubmitted["reason"] == ""
    await manager.post(f"{path}/publish", {"version": resubmitted["version"]})
    assert await events_of(people.staff.person_id) == ["activity_returned", "activity_published"]


async def test_states_allow_only_their_steps(api: Api) -> None:
    people = await create_people(api)
    made = await draft(people.staff, people.community.id, shift())
    path = f"/staff/activities/{made['id']}"
    await people.staff.refused("POST", f"{path}/publish", {"version": 1}, code="wrong_state")
    await people.staff.refused("POST", f"{path}/return", {"reason": "x"}, code="wrong_state")
    submitted = await people.staff.post(f"{path}/submit")
    await people.staff.refused("POST", f"{path}/submit", code="wrong_state")
    await people.staff.refused("POST", f"{path}/publish", {"version": 1}, code="edited_meanwhile")
    await people.staff.post(f"{path}/publish", {"version": submitted["version"]})
    await people.staff.refused("PUT", path, {"version": 1, "words": WORDS}, code="edited_meanwhile")
    await people.staff.post(f"{path}/cancel", {"reason": "台风"})
    await people.staff.refused("POST", f"{path}/cancel", {"reason": "台风"}, code="wrong_state")
    await people.staff.refused("PUT", path, {"version": 4, "words": WORDS}, code="wrong_state")
    role_id = made["shifts"][0]["roles"][0]["id"]
    await people.staff.refused("PUT", f"/staff/shift-roles/{role_id}/capacity", {"capacity": 5}, code="wrong_state")


async def test_what_is_over_cannot_be_published(api: Api) -> None:
    people = await create_people(api)
    made = await draft(people.staff, people.community.id, shift(timedelta(hours=1)))
    made = await people.staff.post(f"/staff/activities/{made['id']}/submit")
    clock.move_clock(timedelta(hours=5))
    path = f"/staff/activities/{made['id']}/publish"
    await people.staff.refused("POST", path, {"version": made["version"]}, code="wrong_state")


async def test_cancelling_tells_everyone_and_frees_them(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(capacity=1))
    shift_id = made["shifts"][0]["id"]
    mine, waiting = await sign_up(people.first, shift_id), await sign_up(people.second, shift_id)
    await people.staff.post(f"/staff/activities/{made['id']}/cancel", {"reason": "台风预警"})
    for person, sign_up_id in ((people.first, mine), (people.second, waiting)):
        assert (await events_of(person.person_id))[-1] == "activity_cancelled"
        shown = await person.get(f"/sign-ups/{sign_up_id['sign_up']['id']}")
        assert (shown["sign_up"]["state"], shown["activity_state"]) == ("removed", "cancelled")
    assert await events_of(people.third.person_id) == []
    [message] = [item for item in (await people.first.get("/me/inbox"))["items"] if "取消" in item["title"]]
    assert "台风预警" in message["text"]
    await people.third.refused("POST", f"/shifts/{shift_id}/sign-ups", {}, code="shift_off")


async def test_who_may_do_what(api: Api) -> None:
    people = await create_people(api)
    elsewhere = await create_staff(api, await create_community())
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    body = {"organizer_id": people.community.id, "kind": "volunteer", "words": WORDS, "shifts": [shift()]}
    for caller in (elsewhere, observer, people.first):
        await caller.refused("POST", "/staff/activities", body, code="not_allowed")
    made = await draft(people.staff, people.community.id, shift())
    path = f"/staff/activities/{made['id']}"
    assert (await observer.get(path))["state"] == "draft"
    await elsewhere.refused("GET", path, code="not_found")
    for caller in (elsewhere, observer):
        await caller.refused("POST", f"{path}/submit", code="not_found")
        await caller.refused("POST", f"{path}/cancel", {"reason": "x"}, code="not_found")
        await caller.refused("PUT", path, {"version": 1, "words": WORDS}, code="not_found")
        await caller.refused("POST", f"{path}/publish", {"version": 1}, code="not_allowed")
        await caller.refused("POST", f"{path}/return", {"reason": "x"}, code="not_allowed")
        role_id = made["shifts"][0]["roles"][0]["id"]
        await caller.refused("PUT", f"/staff/shift-roles/{role_id}/capacity", {"capacity": 5}, code="not_found")
    await elsewhere.refused("GET", f"/staff/activities?organization_id={people.community.id}", code="not_allowed")


async def test_what_is_shown_wider_is_published_by_those_who_work_there(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)  # type: ignore[attr-defined]
    neighbour = await create_resident(api, await create_community(parent=subdistrict))
    stranger = await create_resident(api, await create_community())
    made = await draft(people.staff, people.community.id, shift(), visibility="subdistrict")
    made = await people.staff.post(f"/staff/activities/{made['id']}/submit")
    path, version = f"/staff/activities/{made['id']}/publish", {"version": made["version"]}
    await people.staff.refused("POST", path, version, code="not_allowed")
    higher = await create_staff(api, subdistrict)
    await higher.post(path, version)
    assert len((await neighbour.get("/activities"))["items"]) == 1
    assert len((await people.first.get("/activities"))["items"]) == 1
    assert (await stranger.get("/activities"))["items"] == []
    await stranger.refused("GET", f"/activities/{made['id']}", code="not_found")
    await stranger.refused("POST", f"/shifts/{made['shifts'][0]['id']}/sign-ups", {}, code="not_found")


async def test_a_grid_shows_its_activities_to_the_whole_community(api: Api) -> None:
    people = await create_people(api)
    grid = await create_organization(Level.GRID, parent=people.community)
    worker = await create_staff(api, grid, RoleKind.GRID_WORKER)
    made = await draft(worker, grid.id, shift())
    made = await worker.post(f"/staff/activities/{made['id']}/submit")
    await worker.refused("POST", f"/staff/activities/{made['id']}/publish", {"version": 2}, code="not_allowed")
    await people.staff.post(f"/staff/activities/{made['id']}/publish", {"version": made["version"]})
    assert len((await people.first.get("/activities"))["items"]) == 1


async def test_times_must_fit_together(api: Api) -> None:
    people = await create_people(api)
    good = shift()
    late = (clock.now() + timedelta(days=4)).isoformat()
    wrong = {
        "starts_at": shift(timedelta(hours=-1)),
        "ends_at": good | {"ends_at": good["starts_at"]},
        "sign_up_closes_at": good | {"sign_up_closes_at": late},
        "cancel_until": good | {"cancel_until": late},
        "roles": good | {"roles": [{"name": "护士", "capacity": 1}] * 2},
        "leader_id": good | {"leader_id": people.community.id},
    }
    for field, bad in wrong.items():
        body = {"organizer_id": people.community.id, "kind": "lecture", "words": WORDS, "shifts": [good, bad]}
        problem = await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == f"shifts.1.{field}"
    nowhere: dict[str, Any] = {**WORDS, "location": [200.0, 37.5]}
    body = {"organizer_id": people.community.id, "kind": "lecture", "words": nowhere, "shifts": [good]}
    await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")
    made = await draft(people.staff, people.community.id, good, words={"location": [122.1, 37.5]})
    assert made["location"] == [122.1, 37.5]


async def test_the_list_is_read_page_by_page_and_by_kind(api: Api) -> None:
    people = await create_people(api)
    for day in (5, 3, 4):
        await publish(people.staff, people.community.id, shift(timedelta(days=day)), words={"title": f"第{day}天"})
    await publish(people.staff, people.community.id, shift(timedelta(days=1)), kind="lecture", words={"title": "党课"})
    page = await people.first.get("/activities", limit=3)
    rest = await people.first.get("/activities", limit=3, cursor=page["next_cursor"])
    assert [card["title"] for card in page["items"] + rest["items"]] == ["党课", "第3天", "第4天", "第5天"]
    assert rest["next_cursor"] is None
    assert [card["title"] for card in (await people.first.get("/activities", kind="lecture"))["items"]] == ["党课"]
    listed = await people.staff.get("/staff/activities", organization_id=people.community.id, limit=2)
    assert [card["title"] for card in listed["items"]] == ["第5天", "第4天"]
    drafts = await people.staff.get("/staff/activities", organization_id=people.community.id, state="draft")
    assert drafts["items"] == []


async def test_a_raised_quota_moves_the_list_up(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(capacity=1))
    shift_id, role = made["shifts"][0]["id"], made["shifts"][0]["roles"][0]
    await sign_up(people.first, shift_id)
    waiting = await sign_up(people.second, shift_id)
    changed = await people.staff.put(f"/staff/shift-roles/{role['id']}/capacity", {"capacity": 2})
    assert changed["shifts"][0]["roles"][0]["taken"] == 2
    assert (await people.second.get(f"/sign-ups/{waiting['sign_up']['id']}"))["sign_up"]["state"] == "confirmed"
    assert (await events_of(people.second.person_id)) == ["shift_waiting", "shift_moved_up"]
    await people.staff.put(f"/staff/shift-roles/{role['id']}/capacity", {"capacity": 0})
    assert (await people.second.get(f"/sign-ups/{waiting['sign_up']['id']}"))["sign_up"]["state"] == "confirmed"


async def test_activities_finish_by_themselves(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(timedelta(hours=1), minutes=60))
    await publish(people.staff, people.community.id, shift(timedelta(days=3)))
    clock.move_clock(timedelta(hours=3, minutes=30))
    assert await finish_activities() == 0
    clock.move_clock(timedelta(hours=4, minutes=1))
    assert await finish_activities() == 1
    assert (await Activity.get(id=made["id"])).state is ActivityState.FINISHED
    assert (await people.first.get(f"/activities/{made['id']}"))["state"] == "finished"
    assert len((await people.first.get("/activities"))["items"]) == 1
