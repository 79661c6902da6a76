"""Activities from draft to end, and who sees them."""

from datetime import datetime, timedelta
from typing import Any

from server.accounts.models import ConsentKind, Person
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.foundation.ids import new_id
from server.media.uploads.models import Picture
from server.organizations.models import Level, Organization, RoleKind
from server.teams.models import Team
from server.volunteering.activities import FINISH_ACTIVITIES
from server.volunteering.models import Activity, ActivityState, Shift
from tests.builders import agree, create_community, create_organization, create_resident, create_staff, told
from tests.clients import Api
from tests.media.builders import upload
from tests.plans import listening, read_by, refresh
from tests.simulator import Simulator
from tests.volunteering.builders import WORDS, activity, create_people, draft, publish, publish_shift, shift, sign_up

SPOT = {"longitude": 122.1, "latitude": 37.5}


async def test_from_draft_to_published(api: Api) -> None:
    people = await create_people(api)
    made = await draft(people.staff, people.community.id, shift())
    assert (made["state"], made["version"], made["shifts"][0]["roles"][0]["free"]) == ("draft", 1, 2)
    assert (await people.first.get("/activities"))["items"] == []
    await people.first.refused("GET", f"/activities/{made['id']}", code="not_found")

    made = await people.staff.post(f"/staff/activities/{made['id']}/submit")
    assert made["state"] == "in_review"
    path, version = f"/staff/activities/{made['id']}/publish", {"version": made["version"]}
    # What staff wrote, another of them reads before people do.
    problem = await people.staff.refused("POST", path, version, code="own_matter")
    assert "另一位" in problem["title"]
    second = await create_staff(api, people.community)
    assert (await second.post(path, version))["state"] == "published"
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
    assert await told(manager) == ["activity_to_review"]
    returned = await manager.post(f"{path}/return", {"reason": "请补充集合地点"})
    assert (returned["state"], returned["reason"]) == ("draft", "请补充集合地点")
    await people.staff.put(path, {"version": returned["version"], "words": {**WORDS, "text": "南门集合。"}})
    resubmitted = await people.staff.post(f"{path}/submit")
    assert resubmitted["reason"] == ""
    await manager.post(f"{path}/publish", {"version": resubmitted["version"]})
    assert await told(people.staff) == ["activity_returned", "activity_published"]


async def test_states_allow_only_their_steps(api: Api) -> None:
    people = await create_people(api)
    second = await create_staff(api, people.community)
    made = await draft(people.staff, people.community.id, shift())
    path = f"/staff/activities/{made['id']}"
    await people.staff.refused("POST", f"{path}/publish", {"version": 1}, code="wrong_state")
    await people.staff.refused("POST", f"{path}/return", {"reason": "x"}, code="wrong_state")
    submitted = await people.staff.post(f"{path}/submit")
    await people.staff.refused("POST", f"{path}/submit", code="wrong_state")
    await second.refused("POST", f"{path}/publish", {"version": 1}, code="edited_meanwhile")
    await second.post(f"{path}/publish", {"version": submitted["version"]})
    await people.staff.refused("PUT", path, {"version": 1, "words": WORDS}, code="edited_meanwhile")
    await people.staff.post(f"{path}/cancel", {"reason": "台风"})
    await people.staff.refused("POST", f"{path}/cancel", {"reason": "台风"}, code="wrong_state")
    await people.staff.refused("PUT", path, {"version": 4, "words": WORDS}, code="wrong_state")
    one = made["shifts"][0]
    role_id = one["roles"][0]["id"]
    await people.staff.refused("PUT", f"/staff/shift-roles/{role_id}/capacity", {"capacity": 5}, code="wrong_state")
    await people.staff.refused("PATCH", f"/staff/shifts/{one['id']}", {"version": 2}, code="wrong_state")
    await people.staff.refused("POST", f"/staff/shifts/{one['id']}/cancel", {"reason": "x"}, code="wrong_state")
    await people.staff.refused("POST", f"{path}/shifts", {"shifts": [shift()]}, code="wrong_state")


async def test_what_is_over_cannot_be_published(api: Api) -> None:
    people = await create_people(api)
    made = await draft(people.staff, people.community.id, shift(timedelta(hours=1)))
    made = await people.staff.post(f"/staff/activities/{made['id']}/submit")
    clock.move_clock(timedelta(hours=5))
    path = f"/staff/activities/{made['id']}/publish"
    second = await create_staff(api, people.community)
    await second.refused("POST", path, {"version": made["version"]}, code="wrong_state")


async def test_cancelling_tells_everyone_and_frees_them(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(capacity=1))
    shift_id = made["shifts"][0]["id"]
    mine, waiting = await sign_up(people.first, shift_id), await sign_up(people.second, shift_id)
    await people.staff.post(f"/staff/activities/{made['id']}/cancel", {"reason": "台风预警"})
    for person, sign_up_id in ((people.first, mine), (people.second, waiting)):
        assert (await told(person))[-1] == "activity_cancelled"
        shown = await person.get(f"/sign-ups/{sign_up_id['sign_up']['id']}")
        assert (shown["sign_up"]["state"], shown["activity_state"]) == ("removed", "cancelled")
    assert await told(people.third) == []
    [message] = [item for item in await people.first.inbox() if "取消" in item["title"]]
    assert "台风预警" in message["text"]
    await people.third.refused("POST", f"/shifts/{shift_id}/sign-ups", {}, code="shift_off")


async def test_who_may_do_what(api: Api) -> None:
    people = await create_people(api)
    elsewhere = await create_staff(api, await create_community())
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    body = activity(people.community.id, shift())
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
        # To those who may look at it, that it is there is no secret.
        hidden = "not_found" if caller is elsewhere else "not_allowed"
        await caller.refused("POST", f"{path}/publish", {"version": 1}, code=hidden)
        await caller.refused("POST", f"{path}/return", {"reason": "x"}, code=hidden)
        one = made["shifts"][0]
        role_id = one["roles"][0]["id"]
        await caller.refused("PUT", f"/staff/shift-roles/{role_id}/capacity", {"capacity": 5}, code="not_found")
        await caller.refused("PATCH", f"/staff/shifts/{one['id']}", {"version": 1}, code="not_found")
        await caller.refused("POST", f"/staff/shifts/{one['id']}/cancel", {"reason": "x"}, code="not_found")
        await caller.refused("POST", f"{path}/shifts", {"shifts": [shift()]}, code="not_found")
        await caller.refused("POST", f"{path}/copy", {"starts_at": one["starts_at"]}, code="not_found")
    await elsewhere.refused("GET", f"/staff/activities?organization_id={people.community.id}", code="not_allowed")


async def test_what_is_shown_wider_is_published_by_those_who_work_there(api: Api) -> None:
    people = await create_people(api)
    subdistrict = await Organization.get(id=people.community.parent_id)
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
        "minimum": good | {"minimum": 3},
        "repeat": good | {"repeat": {"every": "week"}},
    }
    for field, bad in wrong.items():
        body = activity(people.community.id, good, bad)
        problem = await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == f"shifts.1.{field}"
    far: list[tuple[str, dict[str, Any]]] = [
        ("shifts.0.starts_at", {"shifts": [good | {"starts_at": "9999-12-31T00:00:00Z"}]}),
        ("shifts.0.cancel_until", {"shifts": [good | {"cancel_until": "0001-01-01T00:00:00Z"}]}),
        ("shifts.0.sign_up_closes_at", {"shifts": [good | {"minimum": 1}]}),
        ("words.location.longitude", {"words": WORDS | {"location": {"longitude": 200.0, "latitude": 37.5}}}),
        ("organizer_id", {"organizer_id": None}),
    ]
    for field, more in far:
        body = activity(people.community.id, good) | more
        problem = await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    made = await draft(people.staff, people.community.id, good, words={"location": SPOT})
    assert made["location"] == SPOT


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
    assert (await told(people.second)) == ["shift_waiting", "shift_moved_up"]
    await people.staff.put(f"/staff/shift-roles/{role['id']}/capacity", {"capacity": 0})
    assert (await people.second.get(f"/sign-ups/{waiting['sign_up']['id']}"))["sign_up"]["state"] == "confirmed"


async def test_activities_finish_by_themselves(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(timedelta(hours=1), minutes=60))
    await publish(people.staff, people.community.id, shift(timedelta(days=3)))
    clock.move_clock(timedelta(hours=3, minutes=30))
    assert await FINISH_ACTIVITIES.run() == 0
    clock.move_clock(timedelta(hours=4, minutes=1))
    assert await FINISH_ACTIVITIES.run() == 1
    assert (await Activity.get(id=made["id"])).state is ActivityState.FINISHED
    assert (await people.first.get(f"/activities/{made['id']}"))["state"] == "finished"
    assert len((await people.first.get("/activities"))["items"]) == 1


async def test_everything_there_is_to_know_about_an_activity(api: Api) -> None:
    people = await create_people(api)
    picture = await upload(people.staff)
    words = {
        "meeting_point": "南门岗亭",
        "what_to_bring": "水杯、帽子",
        "location": SPOT,
    }
    who = {"audience": "volunteers", "min_age": 16, "max_age": 70, "needed_skill": "急救", "min_minutes": 120}
    made = await draft(people.staff, people.community.id, shift(), words=words, who=who, picture_ids=[picture["id"]])
    await Activity.filter(id=made["id"]).update(state=ActivityState.PUBLISHED, published_at=clock.now())
    seen = await people.first.get(f"/activities/{made['id']}")
    assert {name: seen[name] for name in words} == words
    assert seen["who"] == {**who, "unit_id": None}
    assert [shown["id"] for shown in seen["pictures"]] == [picture["id"]]
    [card] = (await people.first.get("/activities"))["items"]
    assert card["thumbnail_url"]
    assert card["audience"] == "volunteers"
    # A picture belongs to one thing, and to the one who uploaded it.
    for taken in (picture["id"], (await upload(people.first))["id"]):
        body = activity(people.community.id, shift(), picture_ids=[taken])
        await people.staff.refused("POST", "/staff/activities", body, code="picture_unusable")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("who.unit_id", {"audience": "unit"}),
        ("who.unit_id", {"unit_id": people.community.id}),
        ("who.unit_id", {"audience": "unit", "unit_id": people.community.id}),
        ("who.max_age", {"min_age": 60, "max_age": 50}),
    ]
    for field, rules in wrong:
        body = activity(people.community.id, shift(), who=rules)
        problem = await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == field


async def test_editing_after_publication(api: Api) -> None:
    people = await create_people(api)
    second = await create_staff(api, people.community)
    first_picture = await upload(people.staff)
    made = await publish(people.staff, people.community.id, shift(), picture_ids=[first_picture["id"]])
    shift_id, path = made["shifts"][0]["id"], f"/staff/activities/{made['id']}"
    await sign_up(people.first, shift_id)
    # A colleague may change the words and exchange the pictures.
    other = await upload(second)
    body = {"version": made["version"], "words": WORDS | {"text": "记得带水。"}, "picture_ids": [other["id"]]}
    changed = await second.put(path, body)
    assert [shown["id"] for shown in changed["pictures"]] == [other["id"]]
    assert (await Picture.get(id=first_picture["id"])).subject_id is None
    assert await told(people.staff) == ["activity_edited"]
    assert await told(people.first) == ["shift_confirmed"]
    # Where to go is something that people have to be told.
    words = WORDS | {"meeting_point": "北门"}
    changed = await people.staff.put(path, {"version": changed["version"], "words": words})
    assert [shown["id"] for shown in changed["pictures"]] == [other["id"]]
    assert await told(people.first) == ["shift_confirmed", "activity_place_changed"]
    assert (await told(second))[-1] == "activity_edited"
    [message] = [item for item in await people.first.inbox() if "地点" in item["title"]]
    assert "北门" in message["text"]


async def test_copying(api: Api) -> None:
    people = await create_people(api)
    second = await create_staff(api, people.community)
    picture = await upload(people.staff)
    roles = [
        {"name": "护士", "capacity": 2, "needed_skill": "护理"},
        {"name": "帮手", "capacity": 3, "may_wait": False},
    ]
    made = await publish(
        people.staff,
        people.community.id,
        shift(timedelta(days=3), roles=roles, offer_minutes=30, leader_id=people.third.person_id),
        shift(timedelta(days=5)),
        shift(timedelta(days=6)),
        who={"min_age": 18},
        words={"meeting_point": "南门"},
        picture_ids=[picture["id"]],
    )
    await people.staff.post(f"/staff/shifts/{made['shifts'][1]['id']}/cancel", {"reason": "雨"})
    await people.staff.put(f"/staff/shift-roles/{made['shifts'][0]['roles'][0]['id']}/capacity", {"capacity": 0})
    path = f"/staff/activities/{made['id']}/copy"
    begins = clock.now() + timedelta(days=40)
    copy = await second.post(path, {"starts_at": begins.isoformat()}, expect=201)
    assert (copy["state"], copy["who"]["min_age"], copy["meeting_point"]) == ("draft", 18, "南门")
    assert len(copy["shifts"]) == 2, "the cancelled one is left out"
    starts, before = [
        [datetime.fromisoformat(view["shifts"][number]["starts_at"]) for number in numbers]
        for view, numbers in ((copy, (0, 1)), (made, (0, 2)))
    ]
    assert starts == [begins, begins + (before[1] - before[0])]
    first = copy["shifts"][0]
    assert [(role["name"], role["capacity"], role["needed_skill"], role["may_wait"]) for role in first["roles"]] == [
        ("护士", 1, "护理", True),
        ("帮手", 3, "", False),
    ]
    assert first["leader_id"] == people.third.person_id
    assert datetime.fromisoformat(first["cancel_until"]) == begins - timedelta(hours=2)
    [shown] = copy["pictures"]
    assert shown["id"] != picture["id"]
    bytes_of = [
        (await api.client.get(view["url"].replace("http://localhost", ""))).content
        for view in (shown, (await people.staff.get(f"/staff/activities/{made['id']}"))["pictures"][0])
    ]
    assert bytes_of[0] == bytes_of[1] != b""
    for wrong in (clock.now() - timedelta(days=1), "9999-12-31T00:00:00Z"):
        body = {"starts_at": wrong if isinstance(wrong, str) else wrong.isoformat()}
        await second.refused("POST", path, body, code="invalid_fields")
    await second.refused(
        "POST", f"/staff/activities/{new_id()}/copy", {"starts_at": begins.isoformat()}, code="not_found"
    )


async def test_a_units_liaison_organizes_and_the_community_publishes(api: Api) -> None:
    people = await create_people(api)
    unit = await create_organization(Level.UNIT, parent=people.community, name="威海市中医院")
    liaison = await create_staff(api, unit, RoleKind.LIAISON)
    made = await draft(liaison, unit.id, shift())
    submitted = await liaison.post(f"/staff/activities/{made['id']}/submit")
    await people.staff.post(f"/staff/activities/{made['id']}/publish", {"version": submitted["version"]})
    [card] = (await people.first.get("/activities"))["items"]
    assert card["organizer_name"] == "威海市中医院"
    await sign_up(people.first, made["shifts"][0]["id"])
    body = activity(people.community.id, shift())
    await liaison.refused("POST", "/staff/activities", body, code="not_allowed")
    building = await create_organization(Level.BUILDING, parent=people.community)
    body = activity(building.id, shift())
    await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")


async def test_a_teams_leader_writes_the_check_reads_and_the_community_publishes(
    api: Api, simulator: Simulator
) -> None:
    people = await create_people(api)
    leader = people.first
    await agree(leader.person_id, ConsentKind.VOLUNTEER_TERMS)
    team = await leader.post("/teams", {"name": "海鸥志愿队"}, expect=201)
    await Team.filter(id=team["id"]).update(shown_name="海鸥志愿队")
    body = activity("", shift(), team_id=team["id"]) | {"organizer_id": None}
    for caller in (people.second, people.staff):
        await caller.refused("POST", "/staff/activities", body, code="not_found")
    made = await leader.post("/staff/activities", body, expect=201)
    path = f"/staff/activities/{made['id']}"
    assert (made["organizer_name"], made["team_name"]) == ("望海社区", "海鸥志愿队")
    assert made["shifts"][0]["leader_id"] == leader.person_id

    # The content check comes first, and sends back what must not be shown.
    bad = await leader.put(path, {"version": made["version"], "words": WORDS | {"text": "【违规】"}})
    submitted = await leader.post(f"{path}/submit")
    await people.staff.refused("POST", f"{path}/publish", {"version": submitted["version"]}, code="wrong_state")
    assert await told(people.staff) == []
    await simulator.settle()
    returned = await leader.get(path)
    assert (returned["state"], bool(returned["reason"])) == ("draft", True)
    assert (await told(leader))[-1] == "activity_returned"
    await leader.put(path, {"version": returned["version"], "words": WORDS})
    submitted = await leader.post(f"{path}/submit")
    await simulator.settle()
    assert await told(people.staff) == ["activity_to_review"]
    # Nothing is added that nobody has read.
    unread = shift(timedelta(days=5), roles=[{"name": "【违规】", "capacity": 1}])
    await leader.refused("POST", f"{path}/shifts", {"shifts": [unread]}, code="invalid_fields")
    await leader.refused("POST", f"{path}/publish", {"version": submitted["version"]}, code="not_allowed")
    published = await people.staff.post(f"{path}/publish", {"version": submitted["version"]})

    [card] = (await people.second.get("/activities"))["items"]
    assert card["team_name"] == "海鸥志愿队"
    assert [item["id"] for item in (await leader.get("/staff/activities/led"))["items"]] == [made["id"]]
    assert (await people.second.get("/staff/activities/led"))["items"] == []
    # Published words are handled by the community; shifts and people by the leader.
    body = {"version": published["version"], "words": WORDS}
    await leader.refused("PUT", path, body, code="not_allowed")
    await leader.post(f"{path}/shifts", {"shifts": [shift(timedelta(days=4))]}, expect=201)
    await leader.refused("POST", f"{path}/shifts", {"shifts": [unread]}, code="invalid_fields")
    copy = await leader.post(f"{path}/copy", {"starts_at": shift(timedelta(days=9))["starts_at"]}, expect=201)
    assert copy["team_name"] == "海鸥志愿队"
    await people.second.refused("POST", f"{path}/cancel", {"reason": "x"}, code="not_found")
    await leader.post(f"{path}/cancel", {"reason": "台风"})
    assert bad["version"] == 2


async def test_nearby(api: Api) -> None:
    people = await create_people(api)
    stranger = await create_resident(api, await create_community())
    here = (122.12, 37.50)
    for title, longitude, days in (("近", 122.121, 9), ("远", 122.20, 3), ("中", 122.14, 5)):
        await publish(
            people.staff,
            people.community.id,
            shift(timedelta(days=days)),
            words={"title": title, "location": {"longitude": longitude, "latitude": 37.50}},
        )
    await publish(people.staff, people.community.id, shift(), words={"title": "没有坐标"})
    where: dict[str, Any] = {"longitude": here[0], "latitude": here[1]}
    await draft(
        people.staff,
        people.community.id,
        shift(),
        words={"title": "草稿", "location": where},
    )
    found = (await people.first.get("/activities/nearby", **where))["items"]
    assert [item["title"] for item in found] == ["近", "中", "远"]
    # A thousandth of a degree of longitude is 88 m at this latitude.
    assert [round(item["meters"], -1) for item in found] == [90, 1760, 7060]
    close = (await people.first.get("/activities/nearby", **where, meters=2000, limit=1))["items"]
    assert [item["title"] for item in close] == ["近"]
    assert (await stranger.get("/activities/nearby", **where))["items"] == []
    clock.move_clock(timedelta(days=6))
    left = (await people.first.get("/activities/nearby", **where))["items"]
    assert [item["title"] for item in left] == ["近"]
    await people.first.refused("GET", "/activities/nearby?longitude=200&latitude=1", code="invalid_fields")


async def test_nearby_is_found_by_index(api: Api) -> None:
    """Among thousands of the same area those nearby are read, and a few more."""
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(), words={"location": SPOT})
    an_id = "overlay(gen_random_uuid()::text PLACING '0' FROM 1)"
    await execute(
        f"INSERT INTO activity SELECT (jsonb_populate_record(a, jsonb_build_object('id', {an_id}, "
        "'location', point(120 + n % 50 * 0.1, 36 + n / 50 * 0.1)))).* FROM activity a, generate_series(1, 3000) AS n"
    )
    await execute(
        f"INSERT INTO shift SELECT (jsonb_populate_record(s, jsonb_build_object('id', {an_id}, "
        "'activity_id', a.id))).* FROM shift s, activity a WHERE a.id <> $1",
        made["id"],
    )
    await refresh("activity", "shift", "shift_role", "allotment", "picture", "team", "organization", "person")
    with listening() as asked:
        found = await people.first.get("/activities/nearby", longitude=122.1, latitude=37.5, limit=10)
    assert len(found["items"]) == 10
    [reading] = [await read_by(sql, *values) for sql, values in asked if "<->" in sql]
    reading.check(spare=100)


async def test_the_shift_that_a_message_opens(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people)
    path = f"/staff/shifts/{shift_id}"
    seen = await people.staff.get(path)
    assert (seen["title"], seen["shift"]["id"]) == ("清洁家园", shift_id)
    await people.first.refused("GET", path, code="not_found")
    await Shift.filter(id=shift_id).update(leader_id=people.first.person_id)
    assert (await people.first.get(path))["activity_id"] == seen["activity_id"]
    await people.second.refused("GET", path, code="not_found")
    await people.staff.refused("GET", f"/staff/shifts/{people.community.id}", code="not_found")


async def test_activities_are_found_by_words_and_organizer(api: Api) -> None:
    people = await create_people(api)
    garden = await publish(people.staff, people.community.id, words={**WORDS, "title": "社区花园", "text": "浇水除草"})
    reading = await publish(people.staff, people.community.id, words={**WORDS, "title": "Reading 读书会"})

    async def found(**query: str) -> set[str]:
        return {card["id"] for card in (await people.first.get("/activities", **query))["items"]}  # type: ignore[arg-type]

    assert await found(search="花园 除草") == {garden["id"]}
    assert await found(search="reading") == {reading["id"]}
    assert await found(search="花园 读书") == await found(search="__") == set()
    assert await found(organization_id=people.community.id) == await found() == {garden["id"], reading["id"]}
    assert await found(organization_id=(await create_community()).id) == set()
    await people.first.refused("GET", "/activities?search=书", code="invalid_fields")


async def test_a_shared_link_tells_everybody_what_to_do(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id)
    path = f"/activities/{made['id']}/shared"
    neighbor, newcomer = await create_resident(api, await create_community()), await create_resident(api, None)  # type: ignore[arg-type]
    for caller, why in (
        (api, "not_signed_in"),
        (newcomer, "community_needed"),
        (neighbor, "other_area"),
        (people.first, None),
    ):
        card = await caller.get(path)
        assert (card["title"], card["why"], bool(card["advice"])) == (made["title"], why, why is not None)
        assert datetime.fromisoformat(card["starts_at"]) == datetime.fromisoformat(made["shifts"][0]["starts_at"])
    # Who signed up and moved away sees it all the same, as the activity itself does.
    await sign_up(people.first, made["shifts"][0]["id"])
    await Person.filter(id=people.first.person_id).update(community_id=(await create_community()).id)
    assert (await people.first.get(path))["why"] is None
    assert (await people.first.get(f"/activities/{made['id']}"))["id"] == made["id"]
    hidden = await draft(people.staff, people.community.id, shift())
    await api.refused("GET", f"/activities/{hidden['id']}/shared", code="not_found")
