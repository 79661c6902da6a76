"""What else there is to a venue: pictures, accessibility, documents to bring, who is on duty."""

from datetime import date, timedelta
from typing import Any

from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_resident, create_staff, told
from tests.clients import Api
from tests.media.builders import draw
from tests.neighbor_center.builders import MONDAY, TUESDAY, book, create_service, create_venue, set_clock
from tests.neighbor_center.venues.test_venues import SERVICE, VENUE


async def upload(person: Api) -> str:
    answer = await person.send("POST", "/pictures", headers={"content-type": "image/jpeg"}, content=draw(320, 240))
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def test_pictures_and_accessibility(api: Api, community: Organization) -> None:
    staff, colleague = await create_staff(api, community), await create_staff(api, community)
    pictures = [await upload(staff) for _ in range(2)]
    body = VENUE | {"organization_id": community.id, "picture_ids": pictures, "accessibility": ["ramp", "toilet"]}
    venue = (await staff.post("/staff/venues", body, expect=201))["id"]
    shown = await api.get(f"/venues/{venue}")
    assert [one["id"] for one in shown["pictures"]] == pictures
    assert shown["accessibility"] == ["ramp", "toilet"]
    resident = await create_resident(api, community)
    listed = (await resident.get("/venues"))["items"][0]
    assert listed["thumbnail_url"]
    assert listed["accessibility"] == ["ramp", "toilet"]
    assert (await api.client.get(listed["thumbnail_url"])).status_code == 200
    near = await api.get("/venues/nearby", longitude=122.1, latitude=37.5)
    assert near["items"][0]["thumbnail_url"]
    # A colleague keeps one, takes one away and adds their own.
    path = f"/staff/venues/{venue}"
    theirs = await upload(colleague)
    await colleague.patch(path, {"version": 1, "picture_ids": [theirs, pictures[0]]})
    assert [one["id"] for one in (await api.get(f"/venues/{venue}"))["pictures"]] == [theirs, pictures[0]]
    stranger = await upload(resident)
    for wrong in (stranger, community.id):
        body = {"version": 2, "picture_ids": [wrong]}
        await staff.refused("PATCH", path, body, code="picture_unusable")
    await staff.refused(
        "POST",
        "/staff/venues",
        VENUE | {"organization_id": community.id, "picture_ids": [pictures[0]]},
        code="picture_unusable",
    )
    await staff.refused("PATCH", path, {"version": 2, "accessibility": ["stairs"]}, code="invalid_fields")


async def test_the_terms_of_a_service_are_shown(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue = await create_venue(community)
    terms: dict[str, Any] = {
        "documents": ["身份证", "医保卡"],
        "max_per_month": 4,
        "max_repeats": 8,
        "released_at": "08:00",
        "book_until_minutes": 60,
        "answer_within_hours": 12,
    }
    made = (await staff.post(f"/staff/venues/{venue.id}/services", SERVICE | terms, expect=201))["id"]
    shown = await api.get(f"/services/{made}")
    assert {name: shown[name] for name in terms} == terms
    assert (shown["rating_count"], shown["average_stars"]) == (0, None)
    await staff.patch(f"/staff/services/{made}", {"version": 1, "max_per_month": None, "released_at": "09:30"})
    shown = await api.get(f"/services/{made}")
    assert (shown["max_per_month"], shown["released_at"]) == (None, "09:30")
    hours = {"weekdays": [2], "opens": "09:00", "closes": "12:00", "days": "every_week"}
    await staff.post(f"/staff/services/{made}/opening-rules", {"hours": hours, "valid_from": str(MONDAY)})
    set_clock("10:00")
    from server.neighbor_center.venues.models import Service

    booking = await book(await create_resident(api, community), await Service.get(id=made), "11:00")
    assert booking["documents"] == ["身份证", "医保卡"]


async def test_who_is_on_duty(api: Api, community: Organization) -> None:
    service = await create_service(community)
    staff, doctor = await create_staff(api, community), await create_staff(api, community)
    path = f"/staff/venues/{service.venue_id}/duties"
    body: dict[str, Any] = {
        "person_id": doctor.person_id,
        "shown_as": "王医生，全科",
        "kind": "seated",
        "service_id": service.id,
        "hours": {"weekdays": [1, 2, 3, 4, 5], "opens": "09:00", "closes": "12:00", "days": "workdays"},
        "valid_from": str(MONDAY),
    }
    late = body | {
        "shown_as": "李主任",
        "kind": "extended",
        "service_id": None,
        "hours": body["hours"] | {"weekdays": [2], "opens": "17:30", "closes": "20:00", "days": "every_week"},
        "valid_until": str(TUESDAY + timedelta(days=7)),
    }
    made = await staff.post(path, body, expect=201)
    assert (made["shown_as"], made["opens"], made["person_id"]) == ("王医生，全科", "09:00", doctor.person_id)
    duty = made["id"]
    await staff.post(path, late, expect=201)
    assert await told(doctor) == ["duty_assigned", "duty_assigned"]
    texts = [message["text"] for message in await doctor.inbox()]
    assert "请于每周二 17:30–20:00在阳光邻里中心值班。" in texts[0]
    assert "请于每周一、周二、周三、周四、周五 09:00–12:00在阳光邻里中心值班。" in texts[1]
    days = await api.get(f"/venues/{service.venue_id}/duties", days=3)
    assert [[(one["shown_as"], one["kind"], one["opens"]) for one in day["duties"]] for day in days] == [
        [("王医生，全科", "seated", "09:00")],
        [("王医生，全科", "seated", "09:00"), ("李主任", "extended", "17:30")],
        [("王医生，全科", "seated", "09:00")],
    ]
    assert days[0]["duties"][0]["service_name"] == "家庭医生"
    assert days[0]["duties"][0]["person_id"] is None
    roster = await staff.get(path, days=1)
    assert roster[0]["duties"][0]["person_id"] == doctor.person_id
    board = await api.get(f"/venues/{service.venue_id}/board")
    assert [one["shown_as"] for one in board["duties"]] == ["王医生，全科"]
    assert (await staff.post(f"/staff/duties/{duty}/end", {"last_day": str(MONDAY)}))["id"] == duty
    days = await api.get(f"/venues/{service.venue_id}/duties", first_day=str(TUESDAY), days=8)
    assert [len(day["duties"]) for day in days] == [1, 0, 0, 0, 0, 0, 0, 1]

    resident = await create_resident(api, community)
    elsewhere = await create_staff(api, await create_community())
    other_service = await create_service(community)
    for wrong in (
        {"person_id": resident.person_id},
        {"service_id": other_service.id},
        {"valid_until": "2031-01-01"},
        {"hours": body["hours"] | {"opens": "12:00"}},
    ):
        await staff.refused("POST", path, body | wrong, code="invalid_fields")
    await elsewhere.refused("POST", path, body, code="not_allowed")
    await elsewhere.refused("GET", path, code="not_allowed")
    await elsewhere.refused("POST", f"/staff/duties/{duty}/end", {"last_day": str(MONDAY)}, code="not_allowed")
    await api.refused("GET", f"/venues/{community.id}/duties", code="not_found")


async def test_duties_follow_the_national_calendar(api: Api, community: Organization) -> None:
    set_clock("08:00", date(2026, 9, 28))
    venue = await create_venue(community)
    staff = await create_staff(api, community, RoleKind.MANAGER)
    body = {
        "person_id": staff.person_id,
        "shown_as": "值班员",
        "kind": "on_call",
        "hours": {"weekdays": [1, 2, 3, 4, 5], "opens": "09:00", "closes": "17:00", "days": "workdays"},
        "valid_from": "2026-01-01",
    }
    await staff.post(f"/staff/venues/{venue.id}/duties", body)
    days = await api.get(f"/venues/{venue.id}/duties", first_day="2026-10-05", days=7)
    assert [bool(day["duties"]) for day in days] == [False, False, False, True, True, True, False]
