"""活动回顾: what was, told afterwards in words and photos."""

from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.volunteering.models import Activity, Shift
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.plans import listening
from tests.simulator import Simulator
from tests.volunteering.attendance.builders import confirm
from tests.volunteering.builders import People, create_people, publish, publish_shift, shift, sign_up
from tests.wishes.builders import create_picture

AFTER = timedelta(days=4)


async def held(people: People, **more: Any) -> str:
    """An activity that was held yesterday; its id."""
    shift_id = await publish_shift(people, **more)
    clock.move_clock(AFTER)
    return (await Shift.get(id=shift_id)).activity_id


def recap(version: int = 0, text: str = "来了二十位邻居，清出三车杂物。", *pictures: str) -> dict[str, Any]:
    return {"version": version, "text": text, "picture_ids": list(pictures)}


async def test_staff_tell_with_photos_and_residents_see_them(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    stranger = await create_resident(api, await create_community())
    shift_id = await publish_shift(people, activity={"words": {"title": "清洁家园"}})
    signed_up = await sign_up(people.first, shift_id)
    activity_id = (await Shift.get(id=shift_id)).activity_id
    path = f"/staff/activities/{activity_id}/recap"
    await people.staff.refused("PUT", path, recap(), code="wrong_state")
    clock.move_clock(timedelta(days=3, hours=1))
    mark = {"sign_up_id": signed_up["sign_up"]["id"], "direction": "in"}
    await people.staff.post(f"/staff/shifts/{shift_id}/marks", {"marks": [mark]})
    clock.move_clock(AFTER)
    await confirm(people.staff, shift_id, {"sign_up_id": signed_up["sign_up"]["id"], "minutes": 120})
    [past] = (await people.first.get("/activities/past"))["items"]
    assert (past["title"], past["has_recap"], past["text"], past["thumbnail_urls"]) == ("清洁家园", False, "", [])
    assert (await people.staff.get(path))["version"] == 0
    await people.first.refused("GET", f"/activities/{activity_id}/recap", code="not_found")

    pictures = [await create_picture(people.staff) for _ in range(4)]
    written = await people.staff.put(path, recap(0, "来了二十位邻居。", *pictures))
    assert (written["version"], written["is_shown"], len(written["pictures"])) == (1, False, 4)
    await people.first.refused("GET", f"/activities/{activity_id}/recap", code="not_found")
    await simulator.settle()
    seen = await people.second.get(f"/activities/{activity_id}/recap")
    assert (seen["title"], seen["text"], seen["is_shown"]) == ("清洁家园", "来了二十位邻居。", True)
    assert [picture["id"] for picture in seen["pictures"]] == pictures
    assert (await api.client.get(seen["pictures"][0]["url"])).status_code == 200
    [past] = (await people.second.get("/activities/past"))["items"]
    assert (past["id"], past["has_recap"], past["text"]) == (activity_id, True, "来了二十位邻居。")
    assert (len(past["thumbnail_urls"]), past["people"], past["organizer_name"]) == (3, 1, "望海社区")

    assert (await stranger.get("/activities/past"))["items"] == []
    await stranger.refused("GET", f"/activities/{activity_id}/recap", code="not_found")
    await api.refused("GET", "/activities/past", code="not_signed_in")


async def test_who_led_a_shift_tells_and_nobody_else(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    elsewhere = await create_staff(api, await create_community())
    activity_id = await held(people, leader_id=people.third.person_id)
    path = f"/staff/activities/{activity_id}/recap"
    for nobody in (people.first, elsewhere):
        await nobody.refused("PUT", path, recap(), code="not_found")
        await nobody.refused("GET", path, code="not_found")
    await api.refused("PUT", path, recap(), code="not_signed_in")
    theirs = await create_picture(people.first)
    await people.third.refused("PUT", path, recap(0, "好", theirs), code="picture_unusable")
    await people.third.refused("PUT", path, {"version": 0}, code="invalid_fields")
    await people.third.refused("PUT", path, recap(0, "长" * 2001), code="invalid_fields")
    mine = await create_picture(people.third)
    await people.third.put(path, recap(0, "好", mine))
    # Staff add to it; what was there stays the leader's.
    added = await create_picture(people.staff)
    await people.staff.refused("PUT", path, recap(0, "好", mine, added), code="edited_meanwhile")
    assert (await people.staff.put(path, recap(1, "好", mine, added)))["version"] == 2
    await simulator.settle()
    assert len((await people.first.get(f"/activities/{activity_id}/recap"))["pictures"]) == 2


async def test_what_the_check_refuses_is_not_shown(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    activity_id = await held(people)
    path = f"/staff/activities/{activity_id}/recap"
    await people.staff.put(path, recap(0, "【违规】"))
    await simulator.settle()
    await people.first.refused("GET", f"/activities/{activity_id}/recap", code="not_found")
    assert (await people.first.get("/activities/past", only_recaps="true"))["items"] == []
    assert (await people.staff.get(path))["is_shown"] is False
    await people.staff.put(path, recap(1, "好", await create_picture(people.staff, "red")))
    await simulator.settle()
    await people.first.refused("GET", f"/activities/{activity_id}/recap", code="not_found")
    await people.staff.put(path, recap(2, "大家辛苦了"))
    await simulator.settle()
    assert (await people.first.get(f"/activities/{activity_id}/recap"))["text"] == "大家辛苦了"
    # Taken down again: nothing is left to be shown.
    assert (await people.staff.put(path, recap(3, "")))["is_shown"] is False
    await simulator.settle()
    await people.first.refused("GET", f"/activities/{activity_id}/recap", code="not_found")


async def test_what_was_called_off_has_none(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift())
    await people.staff.post(f"/staff/activities/{made['id']}/cancel", {"reason": "下雨"})
    clock.move_clock(AFTER)
    await people.staff.refused("PUT", f"/staff/activities/{made['id']}/recap", recap(), code="wrong_state")
    assert (await people.first.get("/activities/past"))["items"] == []


async def test_past_activities_page_by_page(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    for title, kind, days in (("甲", "volunteer", 1), ("乙", "lecture", 2), ("丙", "volunteer", 3)):
        await publish(people.staff, people.community.id, shift(timedelta(days=days)), words={"title": title}, kind=kind)
    await publish(people.staff, people.community.id, shift(timedelta(days=9)), words={"title": "还没开始"})
    clock.move_clock(AFTER)
    first = await people.first.get("/activities/past", limit=2)
    rest = await people.first.get("/activities/past", limit=2, cursor=first["next_cursor"])
    assert [[one["title"] for one in page["items"]] for page in (first, rest)] == [["丙", "乙"], ["甲"]]
    assert [one["title"] for one in (await people.first.get("/activities/past", kind="lecture"))["items"]] == ["乙"]
    own = await people.first.get("/activities/past", organization_id=people.community.id)
    other = await people.first.get("/activities/past", organization_id=(await create_community()).id)
    assert (len(own["items"]), other["items"]) == (3, [])
    activity_id = (await Activity.get(title="甲", organizer_id=people.community.id)).id
    await people.staff.put(f"/staff/activities/{activity_id}/recap", recap())
    await simulator.settle()
    told = await people.first.get("/activities/past", only_recaps="true")
    assert [one["title"] for one in told["items"]] == ["甲"]
    await people.first.refused("GET", "/activities/past?cursor=x", code="invalid_fields")
    await people.first.get("/me")
    with listening() as asked:
        await people.first.get("/activities/past")
    assert len(asked) <= 1
