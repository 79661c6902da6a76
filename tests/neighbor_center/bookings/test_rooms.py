"""Rooms: ranges of time that one party has to itself."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import IntegrityError, fetch_value, violates
from server.neighbor_center.bookings.models import BookingState, RoomBooking
from server.neighbor_center.venues.models import Service
from server.organizations.models import Organization
from tests.builders import create_community, create_person, create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import (
    MONDAY,
    TUESDAY,
    at,
    create_dependant,
    create_room,
    create_service,
    moment,
    set_clock,
)

NEXT = TUESDAY + timedelta(days=7)


def span(begin: str, end: str) -> dict[str, Any]:
    return {"starts_at": at(begin), "ends_at": at(end)}


async def book_room(api: Api, room: Service, begin: str, end: str, **options: Any) -> Any:
    return await api.post(f"/services/{room.id}/room-bookings", span(begin, end) | options, expect=201)


async def test_a_room_is_booked_shown_and_cancelled(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident = await create_resident(api, community)
    booking = await book_room(resident, room, "10:15", "11:00", note="楼组议事", party_size=12)
    assert (booking["state"], booking["note"], booking["party_size"]) == ("booked", "楼组议事", 12)
    assert (await book_room(resident, room, "10:15", "11:00"))["id"] == booking["id"]
    day = await resident.get(f"/services/{room.id}/room-day", day=str(TUESDAY))
    free = [(one["starts_at"][11:16], one["ends_at"][11:16]) for one in day["free"]]
    # 9:00–10:15, and from 11:15, when it is made ready again.
    assert free == [("01:00", "02:15"), ("03:15", "09:00")]
    assert (day["limits"]["open_now"], day["limits"]["max_per_day"], day["limits"]["used_by_month"]) == (
        1,
        1,
        [{"month": "2031-03", "used": 1}],
    )
    await resident.refused("GET", f"/services/{room.id}/availability", code="not_found")
    assert [one["id"] for one in (await resident.get("/room-bookings"))["items"]] == [booking["id"]]
    cancelled = await resident.post(f"/room-bookings/{booking['id']}/cancel", {})
    assert cancelled["state"] == "cancelled"
    assert await resident.post(f"/room-bookings/{booking['id']}/cancel", {}) == cancelled
    assert await told(resident) == ["room_booked", "room_cancelled"]


async def test_a_second_party_is_kept_out_of_the_range_and_its_buffer(api: Api, community: Organization) -> None:
    room = await create_room(community)
    first, second = await create_resident(api, community), await create_resident(api, community)
    await book_room(first, room, "10:00", "11:00")
    path = f"/services/{room.id}/room-bookings"
    for begin, end in (
        ("10:00", "11:00"),
        ("09:00", "10:15"),
        ("10:30", "10:45"),
        ("11:00", "12:00"),
        ("09:15", "10:00"),
    ):
        code = "invalid_fields" if (begin, end) == ("10:30", "10:45") else "room_taken"
        await second.refused("POST", path, span(begin, end), code=code)
    await book_room(second, room, "11:15", "12:00")


async def test_what_no_room_can_be_booked_for(api: Api, community: Organization) -> None:
    room, clinic = await create_room(community), await create_service(community)
    resident = await create_resident(api, community)
    path = f"/services/{room.id}/room-bookings"
    for body, code in (
        (span("10:05", "11:00"), "invalid_fields"),
        (span("10:00", "10:50"), "invalid_fields"),
        (span("10:00", "10:15"), "invalid_fields"),
        (span("09:00", "13:15"), "invalid_fields"),
        (span("11:00", "10:00"), "invalid_fields"),
        (span("10:00", "11:00") | {"party_size": 21}, "invalid_fields"),
        (span("08:30", "09:30"), "slot_not_offered"),
        (span("16:30", "17:30"), "slot_not_offered"),
    ):
        await resident.refused("POST", path, body, code=code)
    set_clock("10:30", TUESDAY)
    await resident.refused("POST", path, span("10:30", "11:30"), code="slot_not_offered")
    # A room has no slots, and a clinic no ranges.
    body = {"starts_at": at("11:00")}
    await resident.refused("POST", f"/services/{room.id}/bookings", body, code="invalid_fields")
    clinic_path = f"/services/{clinic.id}/room-bookings"
    await resident.refused("POST", clinic_path, span("14:00", "15:00"), code="invalid_fields")
    await resident.refused("GET", f"/services/{clinic.id}/room-day?day={TUESDAY}", code="not_found")


async def test_limits_hold_for_rooms_too(api: Api, community: Organization) -> None:
    room = await create_room(community, days_ahead=1, max_per_day=2)
    resident = await create_resident(api, community)
    await book_room(resident, room, "09:00", "10:00")
    path = f"/services/{room.id}/room-bookings"
    await resident.refused("POST", path, span("09:30", "10:30"), code="booking_overlaps")
    await book_room(resident, room, "10:15", "11:00")
    await resident.refused("POST", path, span("12:00", "13:00"), code="too_many_bookings")
    wednesday = TUESDAY + timedelta(days=1)
    far = {"starts_at": at("09:00", wednesday), "ends_at": at("10:00", wednesday)}
    await resident.refused("POST", path, far, code="too_far_ahead")
    short = await resident.refused("POST", path, span("12:00", "12:15"), code="invalid_fields")
    assert short["errors"][0]["problem"].startswith("每次可预约 30 分钟至 4 小时"), short


async def test_a_room_is_not_moved_past_the_limit(api: Api, community: Organization) -> None:
    room = await create_room(community, max_per_day=1)
    resident, wednesday = await create_resident(api, community), TUESDAY + timedelta(days=1)
    await book_room(resident, room, "09:00", "10:00")
    later = {"starts_at": at("09:00", wednesday), "ends_at": at("10:00", wednesday)}
    booking = await resident.post(f"/services/{room.id}/room-bookings", later, expect=201)
    path = f"/room-bookings/{booking['id']}/move"
    await resident.refused("POST", path, span("12:00", "13:00"), code="too_many_bookings")
    noon = {"starts_at": at("12:00", wednesday), "ends_at": at("13:00", wednesday)}
    assert (await resident.post(path, noon))["state"] == "booked", "the one that is moved is not counted"


async def test_the_deadline_of_a_room(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident = await create_resident(api, community)
    booking = await book_room(resident, room, "10:00", "11:00")
    set_clock("08:01", TUESDAY)
    await resident.refused("POST", f"/room-bookings/{booking['id']}/cancel", code="change_too_late")


async def test_agreeing_to_one_request_answers_the_others(api: Api, community: Organization) -> None:
    room, other = [await create_room(community, needs_approval=True, buffer_minutes=0) for _ in range(2)]
    staff = await create_staff(api, community)
    asked = (
        *((room, "10:00", "11:00"), (room, "10:30", "11:30"), (room, "13:00", "14:00")),
        *((room, "09:00", "10:00"), (room, "11:00", "12:00"), (other, "10:30", "11:30")),
    )
    people = [await create_resident(api, community) for _ in asked]
    requests = [await book_room(person, *what) for person, what in zip(people, asked, strict=True)]
    assert [request["state"] for request in requests] == ["requested"] * 6
    listed = await staff.get(f"/staff/venues/{room.venue_id}/room-bookings", day=str(TUESDAY))
    assert [one["id"] for one in listed["items"]] == [requests[n]["id"] for n in (3, 0, 1, 4, 2)]
    for _ in range(2):
        await staff.post(f"/staff/room-bookings/{requests[0]['id']}/approve")
    states = [
        (await person.get(f"/room-bookings/{request['id']}"))["state"]
        for person, request in zip(people, requests, strict=True)
    ]
    assert states == ["booked", "refused", "requested", "requested", "requested", "requested"]
    assert await told(people[1]) == ["room_requested", "room_refused"]
    await staff.refused("POST", f"/staff/room-bookings/{requests[1]['id']}/approve", code="wrong_state")
    await staff.post(f"/staff/room-bookings/{requests[2]['id']}/refuse", {"reason": "该日有社区活动"})
    refused = await people[2].get(f"/room-bookings/{requests[2]['id']}")
    assert (refused["state"], refused["staff_reason"]) == ("refused", "该日有社区活动")
    await people[2].refused("POST", f"/room-bookings/{requests[2]['id']}/cancel", code="wrong_state")


async def test_a_request_for_what_is_booked_meanwhile(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    request = await book_room(resident, room, "10:00", "11:00")
    await RoomBooking.create(
        service=room,
        person_id=staff.person_id,
        booked_by_id=staff.person_id,
        starts_at=moment("09:00"),
        ends_at=moment("10:00"),
        busy_until=moment("10:15"),
        state=BookingState.BOOKED,
    )
    await staff.refused("POST", f"/staff/room-bookings/{request['id']}/approve", code="room_taken")


async def test_someone_elses_room_booking_does_not_exist(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    resident, stranger = await create_resident(api, community), await create_resident(api, community)
    elsewhere = await create_staff(api, await create_community())
    elder = await create_dependant(resident)
    booking = await book_room(resident, room, "10:00", "11:00", person_id=elder.id)
    await stranger.refused("GET", f"/room-bookings/{booking['id']}", code="not_found")
    await stranger.refused("POST", f"/room-bookings/{booking['id']}/cancel", code="not_found")
    await elsewhere.refused("POST", f"/staff/room-bookings/{booking['id']}/approve", code="not_found")
    body = {"reason": "无"}
    await elsewhere.refused("POST", f"/staff/room-bookings/{booking['id']}/refuse", body, code="not_found")
    await elsewhere.refused("GET", f"/staff/venues/{room.venue_id}/room-bookings?day={TUESDAY}", code="not_allowed")


async def test_the_database_itself_refuses_an_overlap(api: Api, community: Organization) -> None:
    room = await create_room(community)

    async def insert(begin: str, end: str) -> None:
        await RoomBooking.create(
            service=room,
            person_id=room.id,
            booked_by_id=room.id,
            starts_at=moment(begin),
            ends_at=moment(end),
            busy_until=moment(end) + timedelta(minutes=15),
            state=BookingState.BOOKED,
        )

    await insert("10:00", "11:00")
    for begin, end, constraint in (
        ("11:00", "12:00", "room_booking_no_overlap"),
        ("12:10", "13:00", "room_booking_on_grid"),
        ("13:00", "13:00", "room_booking_has_length"),
    ):
        with pytest.raises(IntegrityError) as refused:
            await insert(begin, end)
        assert violates(refused.value, constraint)
    await insert("11:15", "12:00")


async def test_many_who_want_the_room_at_once(api: Api, community: Organization) -> None:
    room = await create_room(community)
    people = [await create_resident(api, community) for _ in range(20)]
    begins = [f"{10 + number // 4}:{number % 4 * 15:02}" for number in range(20)]

    async def attempt(person: Api, begin: str) -> int:
        end = (moment(begin) + timedelta(hours=3)).astimezone(clock.SHANGHAI).strftime("%H:%M")
        response = await person.send("POST", f"/services/{room.id}/room-bookings", span(begin, end))
        assert response.status_code == 201 or response.json()["code"] in ("room_taken", "slot_not_offered")
        return response.status_code

    statuses = await asyncio.gather(*(attempt(*one) for one in zip(people, begins, strict=True)))
    assert 1 <= statuses.count(201) <= 2
    assert (
        await fetch_value(
            "SELECT count(*) FROM room_booking a JOIN room_booking b ON a.id < b.id "
            "AND tstzrange(a.starts_at, a.busy_until) && tstzrange(b.starts_at, b.busy_until)"
        )
        == 0
    )


async def test_who_came_and_who_did_not(api: Api, community: Organization) -> None:
    room = await create_room(community, max_per_day=3)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    elsewhere = await create_staff(api, await create_community())
    booking = await book_room(resident, room, "10:00", "11:00")
    path = f"/staff/room-bookings/{booking['id']}"
    set_clock("09:29", TUESDAY)
    await staff.refused("POST", f"{path}/attended", code="wrong_state")
    await staff.refused("POST", f"{path}/no-show", code="wrong_state")
    set_clock("10:20", TUESDAY)
    for _ in range(2):
        assert (await staff.post(f"{path}/no-show"))["state"] == "no_show"
    assert (await resident.get(f"/room-bookings/{booking['id']}"))["state"] == "no_show"
    assert await fetch_value("SELECT count(*) FROM no_show WHERE subject_id = $1", booking["id"]) == 1
    assert (await told(resident))[-1] == "room_no_show"
    # They were late: it no longer counts.
    for _ in range(2):
        assert (await staff.post(f"{path}/attended"))["state"] == "attended"
    came = await resident.get(f"/room-bookings/{booking['id']}")
    assert (came["state"], bool(came["arrived_at"])) == ("attended", True)
    assert await fetch_value("SELECT count(*) FROM no_show WHERE forgiven_at IS NULL") == 0
    await staff.refused("POST", f"{path}/no-show", code="wrong_state")
    await staff.refused("POST", f"{path}/cancel", {"reason": "无"}, code="wrong_state")
    for action, body in (("attended", None), ("no-show", None), ("cancel", {"reason": "无"})):
        await elsewhere.refused("POST", f"{path}/{action}", body, code="not_found")


async def test_rooms_and_slots_are_missed_together(api: Api, community: Organization) -> None:
    room, clinic = await create_room(community), await create_service(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    for days in range(3):
        day = TUESDAY + timedelta(days=days)
        body = {"starts_at": at("10:00", day), "ends_at": at("11:00", day)}
        booking = await resident.post(f"/services/{room.id}/room-bookings", body)
        set_clock("10:30", day)
        await staff.post(f"/staff/room-bookings/{booking['id']}/no-show")
    far = TUESDAY + timedelta(days=4)
    body = {"starts_at": at("10:00", far), "ends_at": at("11:00", far)}
    await resident.refused("POST", f"/services/{room.id}/room-bookings", body, code="blocked")
    await resident.refused("POST", f"/services/{clinic.id}/bookings", {"starts_at": at("09:00", far)}, code="blocked")


async def test_giving_a_room_up_late_counts_as_not_coming(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident = await create_resident(api, community)
    booking = await book_room(resident, room, "10:00", "11:00")
    set_clock("08:30", TUESDAY)
    path = f"/room-bookings/{booking['id']}/cancel"
    await resident.refused("POST", path, {}, code="change_too_late")
    assert (await resident.post(path, {"accept_no_show": True}))["state"] == "cancelled"
    assert await fetch_value("SELECT reason FROM no_show") == "cancelled_late"
    other = await book_room(resident, room, "14:00", "15:00")
    set_clock("14:00", TUESDAY)
    path = f"/room-bookings/{other['id']}/cancel"
    await resident.refused("POST", path, {"accept_no_show": True}, code="change_too_late")


async def test_staff_take_a_room_back(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book_room(resident, room, "10:00", "11:00")
    for _ in range(2):
        await staff.post(f"/staff/room-bookings/{booking['id']}/cancel", {"reason": "上级检查"})
    ended = await resident.get(f"/room-bookings/{booking['id']}")
    assert (ended["state"], ended["staff_reason"]) == ("cancelled", "上级检查")
    assert await told(resident) == ["room_booked", "room_closed"]
    # Free again.
    await book_room(await create_resident(api, community), room, "10:00", "11:00")


async def test_two_who_agree_to_overlapping_requests_at_once(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    staff = await create_staff(api, community)
    people = [await create_resident(api, community) for _ in range(4)]
    requests = [
        await book_room(person, room, f"10:{number * 15:02}", "12:00") for number, person in enumerate(people[:3])
    ] + [await book_room(people[3], room, "12:30", "13:00")]
    answers = await asyncio.gather(
        *(staff.send("POST", f"/staff/room-bookings/{request['id']}/approve") for request in requests)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    states = [
        (await person.get(f"/room-bookings/{request['id']}"))["state"]
        for person, request in zip(people, requests, strict=True)
    ]
    assert sorted(states) == ["booked", "booked", "refused", "refused"]


async def test_a_room_is_moved_in_one_step(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    booking = await book_room(resident, room, "10:00", "11:00")
    await book_room(other, room, "14:00", "15:00")
    path = f"/room-bookings/{booking['id']}/move"
    await resident.refused("POST", path, span("13:30", "14:30"), code="room_taken")
    await resident.refused("POST", path, span("16:30", "17:30"), code="slot_not_offered")
    await resident.refused("POST", path, span("10:00", "10:20"), code="invalid_fields")
    far = {"starts_at": at("10:00", TUESDAY + timedelta(days=60)), "ends_at": at("11:00", TUESDAY + timedelta(days=60))}
    await resident.refused("POST", path, far, code="too_far_ahead")
    await other.refused("POST", path, span("12:00", "13:00"), code="not_found")
    assert (await resident.get(f"/room-bookings/{booking['id']}"))["starts_at"] == booking["starts_at"]
    # Over its own old time, too.
    moved = await resident.post(path, span("10:30", "12:00"))
    assert (moved["id"], moved["state"], moved["starts_at"]) == (booking["id"], "booked", "2031-03-04T02:30:00Z")
    assert await resident.post(path, span("10:30", "12:00")) == moved
    assert await told(resident) == ["room_booked", "room_moved"]
    await book_room(await create_resident(api, community), room, "09:00", "10:15")
    set_clock("09:00", TUESDAY)
    await resident.refused("POST", path, span("12:00", "13:00"), code="change_too_late")


async def test_what_staff_agreed_to_is_not_moved(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    request = await book_room(resident, room, "10:00", "11:00")
    path = f"/room-bookings/{request['id']}/move"
    assert (await resident.post(path, span("11:00", "12:00")))["state"] == "requested"
    await staff.post(f"/staff/room-bookings/{request['id']}/approve")
    await resident.refused("POST", path, span("12:00", "13:00"), code="wrong_state")
    await resident.post(f"/room-bookings/{request['id']}/cancel", {})
    await resident.refused("POST", path, span("12:00", "13:00"), code="wrong_state")


async def test_everybody_moves_their_room_at_once(api: Api, community: Organization) -> None:
    room = await create_room(community, buffer_minutes=0)
    people = [await create_resident(api, community) for _ in range(4)]
    begins = ["09:00", "10:00", "11:00", "12:00"]
    made = [
        await book_room(person, room, begin, f"{int(begin[:2]) + 1:02}:00")
        for person, begin in zip(people, begins, strict=True)
    ]
    for round_number in range(1, 4):
        targets = [f"{9 + (number + round_number) % 7:02}" for number in range(4)]
        answers = await asyncio.gather(
            *(
                person.send(
                    "POST", f"/room-bookings/{one['id']}/move", span(f"{target}:00", f"{int(target) + 1:02}:00")
                )
                for person, one, target in zip(people, made, targets, strict=True)
            )
        )
        assert {answer.status_code for answer in answers} <= {200, 409}
    assert await fetch_value("SELECT count(*) FROM room_booking WHERE state = 'booked'") == 4


async def test_a_fortnight_is_one_call(api: Api) -> None:
    """And says of each day what that day's own page says."""
    set_clock("10:20")
    community = await create_community()
    resident, room = await create_resident(api, community), await create_room(community)
    for day, begin, end in ((MONDAY, "13:00", "14:00"), (TUESDAY, "10:00", "11:00"), (NEXT, "09:00", "10:00")):
        times = {"starts_at": at(begin, day), "ends_at": at(end, day)}
        await resident.post(f"/services/{room.id}/room-bookings", times, expect=201)
    found = await resident.get(f"/services/{room.id}/room-days", days=14)
    assert [each["day"] for each in found["days"]] == [str(MONDAY + timedelta(days=n)) for n in range(14)]
    for each in found["days"][1:]:
        alone = await resident.get(f"/services/{room.id}/room-day", day=each["day"])
        assert each["free"] == alone["free"]
    assert found["days"][0]["free"][0]["starts_at"].startswith(f"{MONDAY}T02:20"), "not what is over"
    assert found["limits"]["open_now"] == 3
    clinic = await create_service(community)
    await resident.refused("GET", f"/services/{clinic.id}/room-days", code="not_found")
    stranger_child = (await create_person()).id
    await resident.refused("GET", f"/services/{room.id}/room-days?person_id={stranger_child}", code="not_found")
