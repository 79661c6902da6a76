"""Ratings, complaints, utilization and the three zeros."""

from datetime import timedelta
from typing import Any

from server.accounts.models import Person
from server.foundation.database import fetch_value
from server.neighbor_center.venues.models import Venue
from server.organizations.models import Level, Organization, RoleKind
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_organization, create_resident, create_staff, sign_in, told
from tests.clients import Api
from tests.neighbor_center.builders import (
    MONDAY,
    TUESDAY,
    at,
    book,
    create_room,
    create_service,
    create_venue,
    set_clock,
)

DAYS: dict[str, Any] = {"first_day": str(MONDAY), "last_day": str(TUESDAY)}


async def test_what_was_attended_is_rated_once(api: Api, community: Organization) -> None:
    service = await create_service(community, capacity=2)
    first, second, staff = [await create_resident(api, community) for _ in range(2)] + [
        await create_staff(api, community)
    ]
    bookings = [await book(person, service) for person in (first, second)]
    path = f"/bookings/{bookings[0]['id']}/rating"
    await first.refused("POST", path, {"stars": 5}, code="wrong_state")
    set_clock("09:05", TUESDAY)
    for booking in bookings:
        await staff.post(f"/staff/bookings/{booking['id']}/attended")
    await second.refused("POST", path, {"stars": 5}, code="not_found")
    await first.refused("POST", path, {"stars": 6}, code="invalid_fields")
    assert (await first.post(path, {"stars": 5, "text": "医生很耐心"}))["rating"]["stars"] == 5
    await first.refused("POST", path, {"stars": 1}, code="wrong_state")
    await second.post(f"/bookings/{bookings[1]['id']}/rating", {"stars": 4})
    assert (await first.get(f"/bookings/{bookings[0]['id']}"))["rating"]["text"] == "医生很耐心"
    shown = await api.get(f"/services/{service.id}")
    assert (shown["rating_count"], shown["average_stars"]) == (2, 4.5)
    listed = (await staff.get(f"/staff/services/{service.id}/ratings"))["items"]
    assert [(one["stars"], one["text"]) for one in listed] == [(4, ""), (5, "医生很耐心")]
    assert first.person_id not in str(listed)
    stored = await fetch_value("SELECT comment FROM booking_rating WHERE comment IS NOT NULL")
    assert "耐心".encode() not in bytes(stored)
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("GET", f"/staff/services/{service.id}/ratings", code="not_allowed")
    await staff.refused("GET", f"/staff/services/{community.id}/ratings", code="not_found")


async def test_a_room_is_rated_within_thirty_days(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    span = {"starts_at": at("10:00"), "ends_at": at("11:00")}
    booking = await resident.post(f"/services/{room.id}/room-bookings", span)
    set_clock("10:00", TUESDAY)
    await staff.post(f"/staff/room-bookings/{booking['id']}/attended")
    path = f"/room-bookings/{booking['id']}/rating"
    set_clock("11:01", TUESDAY + timedelta(days=30))
    resident = await sign_in(api, await Person.get(id=resident.person_id))
    await resident.refused("POST", path, {"stars": 3}, code="wrong_state")
    set_clock("10:59", TUESDAY + timedelta(days=30))
    await resident.post(path, {"stars": 3})
    assert (await resident.get(f"/room-bookings/{booking['id']}"))["rating"]["stars"] == 3
    await resident.refused("POST", f"/room-bookings/{room.id}/rating", {"stars": 3}, code="not_found")


async def test_a_complaint_is_answered(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    path = f"/venues/{service.venue_id}/complaints"
    await resident.refused("POST", path, {"text": "无人接待", "service_id": community.id}, code="invalid_fields")
    await resident.refused("POST", f"/venues/{community.id}/complaints", {"text": "无人接待"}, code="not_found")
    made = await resident.post(path, {"text": "预约了无人接待", "service_id": service.id}, expect=201)
    assert (made["state"], made["service_name"], made["answer_by"]) == ("open", "家庭医生", made["answer_by"])
    assert made["answer_by"][:10] == "2031-03-06"
    assert await told(staff) == ["complaint_received"]
    await other.refused("GET", f"/complaints/{made['id']}", code="not_found")
    stored = bytes(await fetch_value("SELECT text FROM complaint"))
    assert "无人接待".encode() not in stored
    listing = f"/staff/venues/{service.venue_id}/complaints"
    await elsewhere.refused("GET", listing, code="not_allowed")
    listed = (await staff.get(listing))["items"]
    assert [(one["text"], one["person_id"]) for one in listed] == [("预约了无人接待", resident.person_id)]
    one = await staff.get(f"/staff/complaints/{made['id']}")
    assert (one["id"], one["text"]) == (made["id"], made["text"])
    await (await create_staff(api, await create_community())).refused(
        "GET", f"/staff/complaints/{made['id']}", code="not_found"
    )
    await staff.refused("GET", f"/staff/complaints/{community.id}", code="not_found")
    answer = f"/staff/complaints/{made['id']}/answer"
    body = {"answer": "值班人员临时外出，已改正。", "is_upheld": True}
    await elsewhere.refused("POST", answer, body, code="not_found")
    answered = await staff.post(answer, body)
    assert (answered["state"], answered["answer"], answered["is_upheld"]) == ("answered", body["answer"], True)
    assert (answered["person_id"], answered["name"]) == (listed[0]["person_id"], listed[0]["name"])
    await staff.refused("POST", answer, body, code="wrong_state")
    assert await told(resident) == ["complaint_answered"]
    assert (await resident.inbox())[0]["text"].endswith("的投诉已有答复：值班人员临时外出，已改正。")
    assert (await resident.get(f"/complaints/{made['id']}"))["answer"] == "值班人员临时外出，已改正。"
    assert [one["id"] for one in (await resident.get("/complaints"))["items"]] == [made["id"]]
    assert (await staff.get(listing))["items"] == []
    shown = (await staff.get(listing, shown="all"))["items"]
    assert [one["is_upheld"] for one in shown] == [True]


async def test_how_well_services_are_used_hour_by_hour(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 660),), capacity=2, max_party_size=2)
    room = await create_service(
        venue=await Venue.get(id=service.venue_id),
        kind="room",
        name="议事厅",
        minutes=30,
        longest_minutes=240,
        hours=((540, 720),),
    )
    first, second, third = [await create_resident(api, community) for _ in range(3)]
    staff = await create_staff(api, community)
    came = await book(first, service, "09:00", party_size=2)
    missed = await book(second, service, "10:30")
    cancelled = await book(third, service, "10:00")
    await third.post(f"/bookings/{cancelled['id']}/cancel", {})
    span = {"starts_at": at("09:30"), "ends_at": at("11:15")}
    party = await third.post(f"/services/{room.id}/room-bookings", span)
    set_clock("11:20", TUESDAY)
    await staff.post(f"/staff/bookings/{came['id']}/attended")
    await staff.post(f"/staff/bookings/{missed['id']}/no-show")
    await staff.post(f"/staff/room-bookings/{party['id']}/attended")
    path = f"/staff/venues/{service.venue_id}/utilization"
    clinic, hall = (await staff.get(path, **DAYS))["services"]
    assert (clinic["unit"], clinic["offered"], clinic["booked"]) == ("places", 16, 3)
    assert (clinic["attended"], clinic["no_shows"], clinic["share"]) == (2, 1, 0.1875)
    hours = {one["hour"]: (one["offered"], one["booked"], one["attended"]) for one in clinic["hours"]}
    assert hours == {9: (8, 2, 2), 10: (8, 1, 0)}
    assert (hall["unit"], hall["offered"], hall["booked"]) == ("minutes", 360, 105)
    hours = {one["hour"]: (one["offered"], one["booked"], one["attended"]) for one in hall["hours"]}
    assert hours == {9: (120, 30, 30), 10: (120, 60, 60), 11: (120, 15, 15)}
    far = {"first_day": "2031-01-01", "last_day": "2031-04-03"}
    for wrong in (far, {"first_day": str(TUESDAY), "last_day": str(MONDAY)}):
        query = "&".join(f"{name}={value}" for name, value in wrong.items())
        await staff.refused("GET", f"{path}?{query}", code="invalid_fields")
    elsewhere = await create_staff(api, await create_community())
    query = "&".join(f"{name}={value}" for name, value in DAYS.items())
    await elsewhere.refused("GET", f"{path}?{query}", code="not_allowed")


async def test_the_three_zeros(api: Api, community: Organization) -> None:
    district = await Organization.get(id=community.parent_id)
    observer = await create_staff(api, district, RoleKind.OBSERVER)
    staff = await create_staff(api, community)
    service = await create_service(community, needs_approval=True, answer_within_hours=1, capacity=2)
    room = await create_room(community, needs_approval=True, answer_within_hours=100)
    await create_building(community, (122.12, 37.51))
    await create_building(community, (122.20, 37.51))
    await create_building(community, None)
    first, second = await create_resident(api, community), await create_resident(api, community)
    await book(first, service, "09:00", MONDAY)
    came = await book(second, service, "09:00", MONDAY)
    await staff.post(f"/staff/bookings/{came['id']}/approve")
    span = {"starts_at": at("10:00"), "ends_at": at("11:00")}
    await second.post(f"/services/{room.id}/room-bookings", span)
    complaint = await first.post(f"/venues/{service.venue_id}/complaints", {"text": "一直没人审核"})
    await second.post(f"/venues/{room.venue_id}/complaints", {"text": "没有热水"})
    await staff.post(f"/staff/complaints/{complaint['id']}/answer", {"answer": "已处理", "is_upheld": True})
    set_clock("09:10")
    await staff.post(f"/staff/bookings/{came['id']}/attended")
    path = f"/staff/organizations/{district.id}/three-zeros"
    zeros: Any = await observer.get(path, **DAYS)
    backlog = zeros["backlog"]
    assert (backlog["requests"], backlog["overdue_requests"]) == (2, 1)
    assert (backlog["complaints"], backlog["overdue_complaints"], backlog["oldest"][:10]) == (1, 0, "2031-03-03")
    assert zeros["distance"] == {"buildings": 3, "located": 2, "covered": 1, "share": 0.5}
    mistakes = zeros["mistakes"]
    assert (mistakes["complaints"], mistakes["upheld"], mistakes["attended"]) == (2, 1, 1)
    assert mistakes["upheld_per_thousand"] == 1000
    set_clock("09:10", MONDAY + timedelta(days=4))
    assert (await observer.get(path, **DAYS))["backlog"]["overdue_complaints"] == 1
    other = await create_community()
    elsewhere = await create_staff(api, other)
    query = "&".join(f"{name}={value}" for name, value in DAYS.items())
    await elsewhere.refused("GET", f"{path}?{query}", code="not_allowed")
    empty = await elsewhere.get(f"/staff/organizations/{other.id}/three-zeros", **DAYS)
    assert empty["distance"]["share"] is None
    assert empty["mistakes"]["upheld_per_thousand"] is None
    await staff.refused("GET", f"{path}?first_day=2030-01-01&last_day=2031-03-01", code="invalid_fields")


async def create_building(community: Organization, location: tuple[float, float] | None) -> Organization:
    return await create_organization(Level.BUILDING, parent=community, location=location)


async def test_the_circle_of_a_community(api: Api, community: Organization) -> None:
    near = await create_building(community, (122.12, 37.51))
    # 1.2 km to the east is 0.01359 degrees of longitude up here.
    edge = await create_building(community, (122.12 + 0.0135, 37.51))
    outside = await create_building(community, (122.12 + 0.0137, 37.51))
    far = await create_building(community, (122.30, 37.51))
    await create_building(community, None)
    await create_venue(community)
    await create_venue(community, state="closed", location=(122.30, 37.51))
    coverage = await api.get(f"/organizations/{community.id}/circle-coverage")
    assert (coverage["buildings"], coverage["located"], coverage["covered"], coverage["share"]) == (5, 4, 2, 0.5)
    assert [(one["id"], one["nearest_meters"]) for one in coverage["uncovered"]] == [
        (far.id, 15895),
        (outside.id, 1210),
    ]
    assert not {near.id, edge.id} & {one["id"] for one in coverage["uncovered"]}
    wider = await api.get(f"/organizations/{community.id}/circle-coverage", meters=1300)
    assert wider["covered"] == 3
    stations = await api.get(f"/organizations/{community.id}/circle-coverage", kind="station")
    assert (stations["covered"], stations["uncovered"][0]["nearest_meters"]) == (0, None)
    venue = await create_venue(community)
    await api.refused("GET", f"/organizations/{venue.id}/circle-coverage", code="not_found")


async def test_whether_a_complaint_can_be_answered_is_told(api: Api, community: Organization) -> None:
    venue = await create_venue(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    observer, elsewhere = (
        await create_staff(api, community, RoleKind.OBSERVER),
        await create_staff(api, await create_community()),
    )
    made = await resident.post(f"/venues/{venue.id}/complaints", {"text": "空调坏了"}, expect=201)
    path = f"/staff/complaints/{made['id']}"
    answer = {"answer": "已修好", "is_upheld": True}
    tries: Tries = {"answer": ("POST", "answer", answer)}
    assert await try_actions(staff, path, tries) == "answer"
    assert await try_actions(observer, path, tries) == ""
    await elsewhere.refused("GET", f"{path}/actions", code="not_found")
    await resident.refused("GET", f"{path}/actions", code="not_allowed")
    await staff.post(f"{path}/answer", answer)
    assert await try_actions(staff, path, tries) == "answer:wrong_state"
