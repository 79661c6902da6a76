"""Changing hours: what is affected is listed with where it could go, and is moved or cancelled."""

from datetime import timedelta
from typing import Any

from server.foundation.database import execute, fetch, fetch_value
from server.organizations.models import Organization
from tests.builders import create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, TUESDAY, at, book, create_room, create_service, set_clock

WEDNESDAY = TUESDAY + timedelta(days=1)
MORNING = {"weekdays": [1, 2, 3, 4, 5], "opens": "09:00", "closes": "12:00", "days": "workdays"}


async def test_affected_bookings_are_moved_where_they_are_told_to(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 720),))
    staff = await create_staff(api, community)
    first, second, third = [await create_resident(api, community) for _ in range(3)]
    bookings = [await book(first, service, "09:00"), await book(second, service, "09:30")]
    blocker = await book(third, service, "09:30", WEDNESDAY)
    closing: dict[str, Any] = {"day": str(TUESDAY), "kind": "closed", "reason": "设备检修"}
    path = f"/staff/venues/{service.venue_id}/opening-exceptions"
    listed = await staff.post(path, closing)
    # The next day from its beginning, around what is taken there.
    suggested = [one["suggested_starts_at"] for one in listed["affected"]]
    assert sorted(suggested) == ["2031-03-05T01:00:00Z", "2031-03-05T02:00:00Z"]
    moves = [{"booking_id": one["booking_id"], "starts_at": one["suggested_starts_at"]} for one in listed["affected"]]
    # A move that cannot be made leaves everything as it was, and says which one it was.
    taken = [moves[0] | {"starts_at": blocker["starts_at"]}, moves[1]]
    problem = await staff.refused("POST", path, closing | {"move_bookings": taken}, code="places_full")
    assert problem["booking_id"] == moves[0]["booking_id"]
    nowhere = [moves[0] | {"starts_at": at("12:10", WEDNESDAY)}, moves[1]]
    await staff.refused("POST", path, closing | {"move_bookings": nowhere}, code="slot_not_offered")
    assert (await first.get(f"/bookings/{bookings[0]['id']}"))["starts_at"] == bookings[0]["starts_at"]
    assert not (await staff.post(path, closing | {"move_bookings": moves[:1]}))["applied"]

    done = await staff.post(path, closing | {"move_bookings": moves})
    assert done["applied"]
    shown = await api.get(f"/venues/{service.venue_id}/opening-exceptions")
    assert [(one["id"], one["day"], one["opens"], one["closes"], one["reason"]) for one in shown] == [
        (done["id"], str(TUESDAY), "00:00", "24:00", "设备检修")
    ]
    for person, booking in ((first, bookings[0]), (second, bookings[1])):
        moved = await person.get(f"/bookings/{booking['id']}")
        assert (moved["state"], moved["starts_at"][:10]) == ("booked", "2031-03-05")
        assert await told(person) == ["slot_booked", "slot_moved_by_staff"]
    text = (await first.inbox())[0]["text"]
    assert text.startswith("因“设备检修”，您的预约“家庭医生”已由3月4日 09:00改到3月5日")
    assert await fetch_value("SELECT count(*) FROM booking_move WHERE moved_by_id = $1", staff.person_id) == 2
    audited = await fetch(
        "SELECT person_id FROM audit_entry WHERE action = 'move_booking_for_change' ORDER BY person_id"
    )
    assert [row["person_id"] for row in audited] == sorted([first.person_id, second.person_id])


async def test_one_is_moved_and_one_cancelled(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 720),), capacity=2)
    staff = await create_staff(api, community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    moved, cancelled = await book(first, service, "09:00"), await book(second, service, "09:00")
    body = {
        "day": str(TUESDAY),
        "kind": "closed",
        "opens": "09:00",
        "closes": "09:30",
        "reason": "晨会",
        "cancel_bookings": [cancelled["id"]],
        "move_bookings": [{"booking_id": moved["id"], "starts_at": at("09:30")}],
    }
    assert (await staff.post(f"/staff/venues/{service.venue_id}/opening-exceptions", body))["applied"]
    assert (await first.get(f"/bookings/{moved['id']}"))["starts_at"] == "2031-03-04T01:30:00Z"
    assert (await second.get(f"/bookings/{cancelled['id']}"))["state"] == "cancelled"


async def test_another_length_keeps_who_begins_at_the_same_time(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 720),))
    staff = await create_staff(api, community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    bookings = [await book(first, service, "09:00"), await book(second, service, "09:30")]
    longer: dict[str, Any] = {"version": 1, "minutes": 60, "reason": "每次时间延长"}
    listed = (await staff.patch(f"/staff/services/{service.id}", longer))["affected"]
    suggested = {one["booking_id"]: one["suggested_starts_at"] for one in listed}
    assert suggested == {bookings[0]["id"]: "2031-03-04T01:00:00Z", bookings[1]["id"]: "2031-03-04T02:00:00Z"}
    moves = [{"booking_id": key, "starts_at": value} for key, value in suggested.items()]
    assert (await staff.patch(f"/staff/services/{service.id}", longer | {"move_bookings": moves}))["applied"]
    same = await first.get(f"/bookings/{bookings[0]['id']}")
    assert (same["starts_at"], same["ends_at"]) == ("2031-03-04T01:00:00Z", "2031-03-04T02:00:00Z")
    assert await fetch_value("SELECT count(*) FROM booking_move") == 1
    assert await fetch("SELECT sum(taken) FROM allotment") == [(2,)]


async def test_a_change_without_a_reason_does_not_repeat_an_earlier_one(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 720),))
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    booking = await book(resident, service, "09:30")
    await execute("UPDATE booking SET staff_reason = '设备检修' WHERE id = $1", booking["id"])
    longer = {"version": 1, "minutes": 60, "cancel_bookings": [booking["id"]]}
    assert (await staff.patch(f"/staff/services/{service.id}", longer))["applied"]
    assert (await resident.get(f"/bookings/{booking['id']}"))["staff_reason"] == ""
    assert "设备检修" not in (await resident.inbox())[0]["text"]


async def test_a_rooms_bookings_are_moved_too(api: Api, community: Organization) -> None:
    room = await create_room(community)
    staff = await create_staff(api, community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    span = {"starts_at": at("10:00"), "ends_at": at("11:00")}
    booking = await first.post(f"/services/{room.id}/room-bookings", span)
    other = {"starts_at": at("09:00", WEDNESDAY), "ends_at": at("11:30", WEDNESDAY)}
    await second.post(f"/services/{room.id}/room-bookings", other)
    body: dict[str, Any] = {"day": str(TUESDAY), "kind": "closed", "reason": "布展"}
    path = f"/staff/venues/{room.venue_id}/opening-exceptions"
    listed = (await staff.post(path, body))["affected"]
    # Nearest to ten o'clock the next day, once the room is ready again.
    assert listed[0]["suggested_starts_at"] == "2031-03-05T03:45:00Z"
    for starts_at, code in (
        (at("10:00", WEDNESDAY), "room_taken"),
        (at("11:50", WEDNESDAY), "slot_not_offered"),
        (at("16:30", WEDNESDAY), "slot_not_offered"),
    ):
        moves = [{"booking_id": booking["id"], "starts_at": starts_at}]
        await staff.refused("POST", path, body | {"move_bookings": moves}, code=code)
    moves = [{"booking_id": booking["id"], "starts_at": listed[0]["suggested_starts_at"]}]
    assert (await staff.post(path, body | {"move_bookings": moves}))["applied"]
    moved = await first.get(f"/room-bookings/{booking['id']}")
    assert (moved["starts_at"], moved["ends_at"]) == ("2031-03-05T03:45:00Z", "2031-03-05T04:45:00Z")
    assert await told(first) == ["room_booked", "room_moved_by_staff"]


async def test_all_weekly_hours_change_from_a_day_on(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 720), (840, 1020)))
    staff = await create_staff(api, community)
    resident, late = await create_resident(api, community), await create_resident(api, community)
    kept = await book(resident, service, "09:00", WEDNESDAY)
    lost = await book(late, service, "16:00", WEDNESDAY)
    before = await book(late, service, "16:00")
    path = f"/staff/services/{service.id}/weekly-hours"
    body: dict[str, Any] = {"from_day": str(WEDNESDAY), "hours": [MORNING], "reason": "下午停诊"}
    await staff.refused("PUT", path, body | {"from_day": "2031-03-02"}, code="invalid_fields")
    listed = await staff.put(path, body)
    assert [one["booking_id"] for one in listed["affected"]] == [lost["id"]]
    done = await staff.put(path, body | {"cancel_bookings": [lost["id"]]})
    assert done["applied"]
    for person, booking in ((resident, kept), (late, before)):
        assert (await person.get(f"/bookings/{booking['id']}"))["state"] == "booked"
    rows = await fetch("SELECT valid_from, valid_until FROM opening_rule ORDER BY id")
    assert [str(row["valid_until"]) for row in rows] == ["2031-03-04", "2031-03-04", "None"]


async def test_summer_hours_are_given_once_for_all_years(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=(), days_ahead=365)
    staff = await create_staff(api, community)
    summer = MORNING | {"opens": "08:00", "season_from": "06-01", "season_until": "09-30"}
    winter = MORNING | {"season_from": "10-01", "season_until": "05-31"}
    path = f"/staff/services/{service.id}/weekly-hours"
    await staff.put(path, {"from_day": str(MONDAY), "hours": [summer, winter]})
    shown = (await api.get(f"/services/{service.id}"))["hours"]
    assert {(one["opens"], one["season_from"], one["season_until"]) for one in shown} == {
        ("08:00", "06-01", "09-30"),
        ("09:00", "10-01", "05-31"),
    }
    resident = await create_resident(api, community)
    # In UTC, as the API has it: nine o'clock in winter, eight in summer.
    for day, first in (("2031-03-04", "01:00"), ("2031-06-02", "00:00"), ("2031-10-01", "01:00")):
        answer = await resident.get(f"/services/{service.id}/availability", first_day=day, days=1)
        assert answer["days"][0]["slots"][0]["starts_at"][11:16] == first
    for wrong in ({"season_until": None}, {"season_from": "02-30"}, {"season_from": "13-01"}):
        await staff.refused("PUT", path, {"from_day": str(MONDAY), "hours": [summer | wrong]}, code="invalid_fields")


async def test_a_move_past_the_present_is_no_move(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 720),))
    staff = await create_staff(api, community)
    booking = await book(await create_resident(api, community), service, "11:30")
    set_clock("10:00", TUESDAY)
    body = {
        "day": str(TUESDAY),
        "kind": "closed",
        "opens": "11:00",
        "reason": "停电",
        "move_bookings": [{"booking_id": booking["id"], "starts_at": at("09:00")}],
    }
    path = f"/staff/venues/{service.venue_id}/opening-exceptions"
    await staff.refused("POST", path, body, code="slot_not_offered")
    listed = await staff.post(path, body | {"move_bookings": []})
    # Later the same day is nearer than what has passed.
    assert listed["affected"][0]["suggested_starts_at"] == "2031-03-04T02:30:00Z"
