"""Repeating bookings: checked as a whole, all or nothing, each occurrence its own."""

import asyncio
from datetime import timedelta
from typing import Any

from server.foundation.database import fetch_value
from server.neighbor_center.venues.models import Service
from server.organizations.models import Organization
from tests.builders import create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import (
    MONDAY,
    TUESDAY,
    at,
    book,
    create_dependant,
    create_room,
    create_service,
    set_clock,
)


async def weekly(community: Organization, **columns: Any) -> Service:
    terms: dict[str, Any] = {"max_repeats": 8, "max_open_per_person": 1}
    return await create_service(community, **(terms | columns))


def path(service: Service) -> str:
    return f"/services/{service.id}/booking-series"


async def test_every_tuesday_for_eight_weeks(api: Api, community: Organization) -> None:
    service = await weekly(community)
    resident = await create_resident(api, community)
    series = await resident.post(path(service), {"starts_at": at("09:00"), "times": 8}, expect=201)
    days = [booking["starts_at"] for booking in series["bookings"]]
    assert days == [f"{TUESDAY + timedelta(weeks=number)}T01:00:00Z" for number in range(8)]
    assert {booking["series_id"] for booking in series["bookings"]} == {series["id"]}
    assert await told(resident) == ["series_booked"]
    text = (await resident.inbox())[0]["text"]
    assert text.startswith("您已预约“家庭医生”共8次，自3月4日 09:00起")
    # As an open booking the series counts once: there is no room for another.
    other_day = {"starts_at": at("09:00", TUESDAY + timedelta(days=1))}
    problem = await resident.refused("POST", f"/services/{service.id}/bookings", other_day, code="too_many_bookings")
    assert problem["limit"] == "max_open_per_person"
    assert (await resident.get(f"/services/{service.id}/availability"))["limits"]["open_now"] == 1
    # Each is moved and cancelled by itself.
    third = series["bookings"][2]["id"]
    day = TUESDAY + timedelta(weeks=1, days=2)
    set_clock("08:00", MONDAY + timedelta(weeks=1))
    assert (await resident.post(f"/bookings/{third}/move", {"starts_at": at("10:00", day)}))["state"] == "booked"
    await resident.post(f"/bookings/{series['bookings'][3]['id']}/cancel", {})
    states = [one["state"] for one in (await resident.get(f"/booking-series/{series['id']}"))["bookings"]]
    assert states.count("cancelled") == 1
    assert states.count("booked") == 7


async def test_one_day_that_cannot_be_had_stops_all(api: Api, community: Organization) -> None:
    service = await weekly(community, days_ahead=60)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    staff = await create_staff(api, community)
    second, third, fourth = (TUESDAY + timedelta(weeks=number) for number in (1, 2, 3))
    await book(other, service, "09:00", second)
    closing = {"day": str(third), "kind": "closed", "reason": "义诊外出"}
    await staff.post(f"/staff/venues/{service.venue_id}/opening-exceptions", closing)
    elsewhere = await create_service(community, days_ahead=60)
    await book(resident, elsewhere, "09:00", fourth)
    body: dict[str, Any] = {"starts_at": at("09:00"), "times": 5}
    problem = await resident.refused("POST", path(service), body, code="series_not_possible")
    assert [(one["starts_at"][:10], one["code"]) for one in problem["occurrences"]] == [
        (str(second), "places_full"),
        (str(third), "slot_not_offered"),
        (str(fourth), "booking_overlaps"),
    ]
    assert problem["detail"] == "3月11日、3月18日、3月25日不能预约"
    assert await fetch_value("SELECT count(*) FROM booking WHERE person_id = $1", resident.person_id) == 1
    assert await fetch_value("SELECT count(*) FROM booking_series") == 0
    # Without those days it is two.
    left_out = body | {"leave_out": [str(second), str(third), str(fourth)]}
    series = await resident.post(path(service), left_out, expect=201)
    assert len(series["bookings"]) == 2


async def test_what_no_series_can_be(api: Api, community: Organization) -> None:
    service, single = await weekly(community), await create_service(community)
    resident, stranger = await create_resident(api, community), await create_resident(api, community)
    body: dict[str, Any] = {"starts_at": at("09:00"), "times": 2}
    await resident.refused("POST", path(single), body, code="invalid_fields")
    await resident.refused("POST", path(service), body | {"times": 9}, code="invalid_fields")
    await resident.refused("POST", path(service), body | {"leave_out": [str(TUESDAY)]}, code="invalid_fields")
    await resident.refused("POST", path(service), body | {"starts_at": at("09:10")}, code="slot_not_offered")
    far = body | {"starts_at": at("09:00", TUESDAY + timedelta(weeks=3))}
    await resident.refused("POST", path(service), far, code="too_far_ahead")
    elder = await create_dependant(stranger)
    await resident.refused("POST", path(service), body | {"person_id": elder.id}, code="not_found")
    series = await stranger.post(path(service), body | {"person_id": elder.id}, expect=201)
    await resident.refused("GET", f"/booking-series/{series['id']}", code="not_found")
    await resident.refused("POST", f"/booking-series/{series['id']}/cancel", code="not_found")


async def test_the_months_limit_holds_for_each_occurrence(api: Api, community: Organization) -> None:
    service = await weekly(community, max_per_month=3)
    resident = await create_resident(api, community)
    body = {"starts_at": at("09:00"), "times": 5}
    problem = await resident.refused("POST", path(service), body, code="series_not_possible")
    assert [one["starts_at"][:10] for one in problem["occurrences"]] == ["2031-03-25"]
    await resident.post(path(service), body | {"every_weeks": 2}, expect=201)


async def test_the_rest_of_a_series_is_cancelled_at_once(api: Api, community: Organization) -> None:
    service = await weekly(community)
    resident, waiting = await create_resident(api, community), await create_resident(api, community)
    series = await resident.post(path(service), {"starts_at": at("09:00"), "times": 4}, expect=201)
    second = TUESDAY + timedelta(weeks=1)
    behind = await book(waiting, service, "09:00", second, wait=True)
    # The first is past its deadline and stays.
    set_clock("08:00", TUESDAY)
    rest = await resident.post(f"/booking-series/{series['id']}/cancel")
    assert [one["state"] for one in rest["bookings"]] == ["booked", "cancelled", "cancelled", "cancelled"]
    assert (await waiting.get(f"/bookings/{behind['id']}"))["state"] == "booked"


async def test_a_room_every_week(api: Api, community: Organization) -> None:
    room = await create_room(community, max_repeats=8, needs_approval=True)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    staff = await create_staff(api, community)
    rooms = f"/services/{room.id}/room-booking-series"
    body = {"starts_at": at("10:00"), "ends_at": at("12:00"), "times": 3, "party_size": 12, "note": "舞蹈队"}
    series = await resident.post(rooms, body, expect=201)
    assert [one["state"] for one in series["room_bookings"]] == ["requested"] * 3
    assert await told(resident) == ["series_requested"]
    await staff.post(f"/staff/room-bookings/{series['room_bookings'][1]['id']}/approve")
    problem = await other.refused("POST", rooms, body, code="series_not_possible")
    assert [(one["starts_at"][:10], one["code"]) for one in problem["occurrences"]] == [("2031-03-11", "room_taken")]
    await other.refused("POST", rooms, body | {"party_size": 21}, code="invalid_fields")
    await other.refused("POST", rooms, body | {"ends_at": at("10:10")}, code="invalid_fields")
    rest = await resident.post(f"/booking-series/{series['id']}/cancel")
    assert {one["state"] for one in rest["room_bookings"]} == {"cancelled"}


async def test_many_series_that_meet_in_the_same_slots(api: Api, community: Organization) -> None:
    service = await weekly(community, capacity=2, max_open_per_person=3)
    people = [await create_resident(api, community) for _ in range(8)]
    # Somebody made the later slots first, so that the order of time is not the order of ids.
    early = await create_resident(api, community)
    for weeks in (1, 0):
        await book(early, service, "09:00", TUESDAY + timedelta(weeks=weeks))
    movers = [await create_resident(api, community) for _ in range(4)]
    moving = [await book(mover, service, "10:00", TUESDAY + timedelta(weeks=1)) for mover in movers[:2]]
    calls = [person.send("POST", path(service), {"starts_at": at("09:00"), "times": 4}) for person in people] + [
        mover.send("POST", f"/bookings/{booking['id']}/move", {"starts_at": at("09:00", TUESDAY + timedelta(weeks=1))})
        for mover, booking in zip(movers, moving, strict=False)
    ]
    responses = await asyncio.gather(*calls)
    assert all(response.status_code < 500 for response in responses), [response.text for response in responses]
    assert await fetch_value("SELECT max(taken) FROM allotment") == 2
    whole = await fetch_value("SELECT count(DISTINCT series_id) FROM booking WHERE series_id IS NOT NULL")
    assert await fetch_value("SELECT count(*) FROM booking WHERE series_id IS NOT NULL") == 4 * whole
