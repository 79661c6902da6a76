"""Home visits 预约上门: where they go, who goes, and how the way there counts."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.foundation.database import IntegrityError, execute, fetch_value, violates
from server.neighbor_center.venues.models import Service, ServiceMode
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_community, create_organization, create_resident, create_staff, told
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

ADDRESS = "和平路 5 号 2 单元 301"


async def visits(community: Organization, **columns: Any) -> Service:
    terms: dict[str, Any] = {"mode": ServiceMode.HOME_VISIT, "capacity": 3}
    return await create_service(community, **(terms | columns))


async def test_visits_go_to_some_grids_alone(api: Api, community: Organization) -> None:
    near = await create_organization(Level.GRID, parent=community)
    far = await create_organization(Level.GRID, parent=community)
    building = await create_organization(Level.BUILDING, parent=near)
    service = await visits(community, area_ids=[near.id])
    resident = await create_resident(api, community)
    path = f"/services/{service.id}/bookings"
    body = {"starts_at": at("09:00"), "address": ADDRESS}
    await resident.refused("POST", path, body, code="invalid_fields")
    await resident.refused("POST", path, body | {"area_id": service.id}, code="invalid_fields")
    for outside in (far, community, await create_organization(Level.GRID, parent=await create_community())):
        await resident.refused("POST", path, body | {"area_id": outside.id}, code="outside_area")
    district = await Organization.get(id=community.parent_id)
    await resident.refused("POST", path, body | {"area_id": district.id}, code="invalid_fields")
    # A building stands for its grid; only that is kept.
    assert (await resident.post(path, body | {"area_id": building.id}))["area_id"] == near.id


async def test_the_way_lies_between_two_visits(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue = await create_venue(community)
    body = {
        "kind": "family_medicine",
        "name": "家庭医生上门",
        "mode": "home_visit",
        "minutes": 30,
        "buffer_minutes": 10,
        "travel_minutes": 20,
    }
    made = (await staff.post(f"/staff/venues/{venue.id}/services", body, expect=201))["id"]
    hours = {"weekdays": [2], "opens": "09:00", "closes": "12:00", "days": "workdays"}
    await staff.post(f"/staff/services/{made}/opening-rules", {"hours": hours, "valid_from": str(MONDAY)})
    resident = await create_resident(api, community)
    answer = await resident.get(f"/services/{made}/availability", first_day=str(TUESDAY), days=1)
    assert [slot["starts_at"][11:16] for slot in answer["days"][0]["slots"]] == ["01:00", "02:00", "03:00"]


async def test_what_only_home_visits_have(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue = await create_venue(community)
    elsewhere = await create_community()
    path = f"/staff/venues/{venue.id}/services"
    body: dict[str, Any] = {"kind": "mending", "name": "裁缝", "minutes": 30}
    await staff.refused("POST", path, body | {"travel_minutes": 10}, code="invalid_fields")
    await staff.refused("POST", path, body | {"area_ids": [community.id]}, code="invalid_fields")
    at_home = body | {"mode": "home_visit"}
    room = at_home | {"kind": "room", "longest_minutes": 60}
    problem = await staff.refused("POST", path, room, code="invalid_fields")
    assert problem["errors"] == [{"field": "mode", "problem": "活动室只能在场所内使用"}]
    above = community.parent_id  # whose homes are not the community's to visit
    for wrong in (elsewhere.id, above):
        await staff.refused("POST", path, at_home | {"area_ids": [wrong]}, code="invalid_fields")
    await staff.post(path, at_home | {"area_ids": [community.id]}, expect=201)


async def test_nobody_is_sent_to_two_homes_at_a_time(api: Api, community: Organization) -> None:
    service = await visits(community, travel_minutes=30)
    nursing = await visits(community, hours=((540, 1020),), travel_minutes=0, minutes=15)
    staff, visitor = await create_staff(api, community), await create_staff(api, community)
    people = [await create_resident(api, community) for _ in range(4)]
    same = [await book(person, service, address=ADDRESS, area_id=community.id) for person in people[:2]]
    on_the_way = await book(people[2], nursing, "09:45", address=ADDRESS, area_id=community.id)
    after = await book(people[3], nursing, "10:00", address=ADDRESS, area_id=community.id)

    async def send(booking: Any, expect: str = "") -> None:
        path, body = f"/staff/bookings/{booking['id']}/visitor", {"visitor_id": visitor.person_id}
        if expect:
            await staff.refused("POST", path, body, code=expect)
        else:
            await staff.post(path, body)

    await send(same[0])
    await send(same[0])
    assert await told(visitor) == ["visit_assigned"]
    await send(same[1], "visitor_busy")
    await send(on_the_way, "visitor_busy")
    await send(after)
    day = await visitor.get("/staff/visits", day=str(TUESDAY))
    assert [(one["booking_id"], one["free_again_at"]) for one in day] == [
        (same[0]["id"], "2031-03-04T02:00:00Z"),
        (after["id"], "2031-03-04T02:15:00Z"),
    ]
    assert day[0]["area_name"] == community.name
    assert "address" not in day[0]
    assert await staff.get("/staff/visits", day=str(TUESDAY)) == []
    # Cancelled, the visitor is told and free.
    await people[0].post(f"/bookings/{same[0]['id']}/cancel", {})
    assert (await told(visitor))[-1] == "visit_cancelled"
    await send(same[1])
    # Somebody else goes: the first one is told.
    other = await create_staff(api, community)
    body = {"visitor_id": other.person_id}
    await staff.post(f"/staff/bookings/{same[1]['id']}/visitor", body)
    assert (await told(visitor))[-1] == "visit_cancelled"
    # Moved, nobody goes yet.
    await people[1].post(f"/bookings/{same[1]['id']}/move", {"starts_at": at("14:00")})
    assert (await told(other)) == ["visit_assigned", "visit_cancelled"]
    assert await other.get("/staff/visits", day=str(TUESDAY)) == []


async def test_two_who_send_the_same_visitor_at_once(api: Api, community: Organization) -> None:
    service = await visits(community)
    staff, visitor = await create_staff(api, community), await create_staff(api, community)
    people = [await create_resident(api, community) for _ in range(3)]
    made = [await book(person, service, address=ADDRESS, area_id=community.id) for person in people]
    body = {"visitor_id": visitor.person_id}
    responses = await asyncio.gather(
        *(staff.send("POST", f"/staff/bookings/{one['id']}/visitor", body) for one in made)
    )
    assert sorted(response.status_code for response in responses) == [200, 409, 409]
    with pytest.raises(IntegrityError) as refused:
        await execute(
            "UPDATE booking SET visitor_id = $1, visit_until = starts_at + interval '30 minutes'", visitor.person_id
        )
    assert violates(refused.value, "booking_visitor_no_overlap")


async def test_staff_book_a_visit_for_who_calls(api: Api, community: Organization) -> None:
    service = await visits(community)
    staff = await create_staff(api, community)
    path = f"/staff/services/{service.id}/walk-ins"
    body = {"starts_at": at("14:00", MONDAY), "real_name": "李奶奶", "phone": "13800000009"}
    await staff.refused("POST", path, body, code="invalid_fields")
    made = await staff.post(path, body | {"address": ADDRESS, "area_id": community.id}, expect=201)
    await staff.post(f"/staff/bookings/{made['id']}/visitor", {"visitor_id": staff.person_id})
    set_clock("13:00", MONDAY)
    details = await staff.get(f"/staff/bookings/{made['id']}/visit")
    assert (details["name"], details["phone"], details["address"]) == ("李奶奶", "13800000009", ADDRESS)
    stored = await fetch_value("SELECT address FROM booking WHERE id = $1", made["id"])
    assert ADDRESS.encode() not in bytes(stored)


async def test_merged_visitors_are_never_in_two_homes(api: Api, community: Organization) -> None:
    from server.neighbor_center.bookings.merging import merge_bookings

    service = await visits(community)
    staff = await create_staff(api, community)
    old, kept = await create_staff(api, community), await create_staff(api, community)
    people = [await create_resident(api, community) for _ in range(3)]
    times = ("09:00", "09:00", "10:00")
    for person, visitor, time in zip(people, (old, kept, old), times, strict=True):
        booking = await book(person, service, time, address=ADDRESS, area_id=community.id)
        await staff.post(f"/staff/bookings/{booking['id']}/visitor", {"visitor_id": visitor.person_id})
    await merge_bookings(old.person_id, kept.person_id)
    assert len(await kept.get("/staff/visits", day=str(TUESDAY))) == 2
    assert await fetch_value("SELECT count(*) FROM booking WHERE visitor_id IS NULL") == 1


async def test_a_visit_needs_a_day_of_reason(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    await staff.refused("GET", "/staff/visits?day=0001-01-01", code="invalid_fields")
    assert await staff.get("/staff/visits", day=str(TUESDAY + timedelta(days=1))) == []


async def test_a_home_visit_needs_an_address_that_only_the_visitor_sees(api: Api, community: Organization) -> None:
    service = await create_service(community, mode=ServiceMode.HOME_VISIT)
    resident = await create_resident(api, community)
    staff, visitor = await create_staff(api, community), await create_staff(api, community)
    body = {"starts_at": at("09:00")}
    await resident.refused("POST", f"/services/{service.id}/bookings", body, code="invalid_fields")
    booking = await book(resident, service, address="和平路 5 号 2 单元 301", area_id=community.id)
    path = f"/staff/bookings/{booking['id']}"
    await staff.refused("POST", f"{path}/visitor", {"visitor_id": resident.person_id}, code="invalid_fields")
    await staff.post(f"{path}/visitor", {"visitor_id": visitor.person_id})
    assert await told(visitor) == ["visit_assigned"]
    await visitor.refused("GET", f"{path}/visit", code="not_found")
    set_clock("07:00", TUESDAY)
    await staff.refused("GET", f"{path}/visit", code="not_found")
    assert (await visitor.get(f"{path}/visit"))["address"] == "和平路 5 号 2 单元 301"
    assert await fetch_value(
        "SELECT count(*) FROM audit_entry WHERE action = 'view_visit_details' AND person_id = $1", resident.person_id
    )
    day = await staff.get(f"/staff/venues/{service.venue_id}/bookings", day=str(TUESDAY))
    assert "address" not in day["items"][0]
    set_clock("07:00", TUESDAY + timedelta(days=1))
    await visitor.refused("GET", f"{path}/visit", code="not_found")


async def test_a_service_visited_at_the_venue_has_no_visitor(api: Api, community: Organization) -> None:
    service = await create_service(community)
    booking = await book(await create_resident(api, community), service)
    staff = await create_staff(api, community)
    body = {"visitor_id": staff.person_id}
    await staff.refused("POST", f"/staff/bookings/{booking['id']}/visitor", body, code="wrong_state")


async def test_a_request_tells_its_note_and_its_grid(api: Api, community: Organization) -> None:
    set_clock("08:00")
    near, far = [
        await create_organization(Level.GRID, parent=community, name=name) for name in ("第一网格", "第二网格")
    ]
    venue = await create_venue(community)
    service = await create_service(
        venue=venue, mode=ServiceMode.HOME_VISIT, capacity=3, needs_approval=True, area_ids=[near.id, far.id]
    )
    room = await create_room(community, venue=venue, needs_approval=True)
    path = f"/services/{service.id}/bookings"
    asked = {}
    for time, grid, note in (("09:00", near, "卧床，请带血压计"), ("09:30", far, "")):
        resident = await create_resident(api, community)
        body = {"starts_at": at(time), "address": ADDRESS, "area_id": grid.id, "note": note}
        asked[grid.name] = (await resident.post(path, body, expect=201))["id"]
    span = {"starts_at": at("15:00"), "ends_at": at("16:00"), "note": "读书会"}
    in_room = await (await create_resident(api, community)).post(f"/services/{room.id}/room-bookings", span, expect=201)
    staff, observer = await create_staff(api, community), await create_staff(api, community, RoleKind.OBSERVER)
    requests = f"/staff/venues/{venue.id}/requests"

    def told_of(page: Any) -> list[tuple[str, str, str | None, str | None]]:
        return sorted((one["booking_id"], one["note"], one["area_id"], one["area_name"]) for one in page["items"])

    everything = sorted(
        [
            (asked["第一网格"], "卧床，请带血压计", near.id, "第一网格"),
            (asked["第二网格"], "", far.id, "第二网格"),
            (in_room["id"], "读书会", None, None),
        ]
    )
    assert told_of(await staff.get(requests)) == everything
    assert told_of(await staff.get(requests, area_id=near.id)) == [
        (asked["第一网格"], "卧床，请带血压计", near.id, "第一网格")
    ]
    assert (await staff.get(requests, area_id=community.id))["items"] == []
    # What somebody wrote of their health is for those who work there.
    assert {one["note"] for one in (await observer.get(requests))["items"]} == {""}
    await staff.refused("GET", f"{requests}?area_id=x", code="invalid_fields")
