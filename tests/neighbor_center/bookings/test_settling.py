"""Those who did not come, once a day has passed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.background import sweeps
from server.background.sweeps import RowsFailed
from server.foundation.database import fetch, fetch_value
from server.neighbor_center.bookings import outcomes
from server.neighbor_center.bookings.settling import SETTLE_BOOKINGS, SETTLE_ROOM_BOOKINGS
from server.neighbor_center.venues.models import Service, ServiceMode, Venue
from server.organizations.models import Level, Organization
from server.places.models import Purpose
from server.places.rules import NO_SHOW_RULES
from tests.breaking import break_once
from tests.builders import create_organization, create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, TUESDAY, at, book, create_room, create_service, set_clock

WEDNESDAY = TUESDAY + timedelta(days=1)


async def settle_bookings() -> int:
    return await SETTLE_BOOKINGS.run() + await SETTLE_ROOM_BOOKINGS.run()


async def settling_lag() -> float:
    return max(await SETTLE_BOOKINGS.lag(), await SETTLE_ROOM_BOOKINGS.lag())


async def come(staff: Api, booking: Any, kind: str = "bookings") -> None:
    await staff.post(f"/staff/{kind}/{booking['id']}/attended")


async def state_of(person: Api, booking: Any) -> str:
    return str((await person.get(f"/bookings/{booking['id']}"))["state"])


async def test_who_did_not_come_is_noted_a_day_later_where_others_were(api: Api, community: Organization) -> None:
    service = await create_service(community)
    staff = await create_staff(api, community)
    came, absent = [await create_resident(api, community) for _ in range(2)]
    noted, missed = await book(came, service, "09:00"), await book(absent, service, "10:00")
    set_clock("09:00", TUESDAY)
    await come(staff, noted)
    set_clock("09:29", WEDNESDAY)
    assert await settle_bookings() == 0, "staff may still note who came"
    set_clock("10:31", WEDNESDAY)
    assert int(await settling_lag()) == 61 * 60
    assert await settle_bookings() == 2
    assert await state_of(came, noted) == "attended"
    assert await state_of(absent, missed) == "no_show"
    assert await told(absent) == ["slot_booked", "slot_no_show"]
    assert await settle_bookings() == 0
    assert await settling_lag() == 0
    (entry,) = await fetch("SELECT actor_id, person_id FROM audit_entry WHERE action = 'mark_absent'")
    assert (entry["actor_id"], entry["person_id"]) == (None, absent.person_id)
    # Staff know better: it no longer counts.
    await come(staff, missed)
    assert await state_of(absent, missed) == "attended"
    assert await fetch_value("SELECT count(*) FROM no_show WHERE forgiven_at IS NULL") == 0


async def test_where_nobody_noted_who_came_nobody_is_punished(api: Api, community: Organization) -> None:
    service = await create_service(community)
    other = await create_service(venue=await Venue.get(id=service.venue_id))
    staff = await create_staff(api, community)
    resident, neighbor = [await create_resident(api, community) for _ in range(2)]
    booking = await book(resident, service, "09:00")
    # Of another service, and on another day.
    elsewhere = await book(neighbor, other, "09:00")
    before = await book(neighbor, service, "14:00", MONDAY)
    set_clock("14:00", MONDAY)
    await come(staff, before)
    set_clock("09:00", TUESDAY)
    await come(staff, elsewhere)
    set_clock("10:00", WEDNESDAY)
    assert await settle_bookings() == 3
    assert await state_of(resident, booking) == "booked"
    assert await fetch_value("SELECT count(*) FROM no_show") == 0


async def test_who_was_not_expected_at_the_venue_is_not_missed(api: Api, community: Organization) -> None:
    grid = await create_organization(Level.GRID, parent=community)
    visits = await create_service(community, mode=ServiceMode.HOME_VISIT, capacity=3)
    asked = await create_service(venue=await Venue.get(id=visits.venue_id), capacity=3, needs_approval=True)
    counter = await create_service(venue=await Venue.get(id=visits.venue_id), capacity=3)
    staff = await create_staff(api, community)
    resident = await create_resident(api, community)
    others = [await create_resident(api, community) for _ in range(3)]
    home: dict[str, Any] = {"address": "3 号楼 2 单元", "area_id": grid.id}
    at_home = await book(resident, visits, "09:00", **home)
    pending = await book(resident, asked, "10:00")
    cancelled = await book(resident, counter, "11:00")
    await resident.post(f"/bookings/{cancelled['id']}/cancel", {})
    noted = [await book(others[0], visits, "09:00", **home), await book(others[2], counter, "10:00")]
    granted = await book(others[1], asked, "09:00")
    await staff.post(f"/staff/bookings/{granted['id']}/approve")
    set_clock("09:10", TUESDAY)
    walk_in = {"starts_at": at("09:00"), "real_name": "王小明", "phone": "13800000001"}
    await staff.post(f"/staff/services/{counter.id}/walk-ins", walk_in, expect=201)
    set_clock("10:00", TUESDAY)
    for booking in (*noted, granted):
        await come(staff, booking)
    set_clock("12:00", WEDNESDAY)
    assert await settle_bookings() == 7
    assert await state_of(resident, at_home) == "booked"
    assert await state_of(resident, pending) in ("requested", "cancelled")
    assert await state_of(resident, cancelled) == "cancelled"
    assert await fetch_value("SELECT count(*) FROM no_show") == 0


async def test_rooms_too(api: Api, community: Organization) -> None:
    room = await create_room(community)
    other = await create_room(community, venue=await Venue.get(id=room.venue_id), name="书画室")
    staff = await create_staff(api, community)
    came, absent, alone = [await create_resident(api, community) for _ in range(3)]

    async def book_room(person: Api, room: Service, day: Any = TUESDAY) -> Any:
        span = {"starts_at": at("10:00", day), "ends_at": at("11:00", day)}
        return await person.post(f"/services/{room.id}/room-bookings", span, expect=201)

    noted, missed = await book_room(came, room), await book_room(absent, other)
    on_a_day_without_anybody = await book_room(alone, room, WEDNESDAY)
    set_clock("10:00", TUESDAY)
    await come(staff, noted, "room-bookings")
    set_clock("10:59", WEDNESDAY + timedelta(days=1))
    assert int(await settling_lag()) == 24 * 3600 - 60
    assert await settle_bookings() == 2
    set_clock("11:01", WEDNESDAY + timedelta(days=1))
    assert await settle_bookings() == 1
    states = [
        (await person.get(f"/room-bookings/{booking['id']}"))["state"]
        for person, booking in ((came, noted), (absent, missed), (alone, on_a_day_without_anybody))
    ]
    assert states == ["attended", "no_show", "booked"]
    assert await told(absent) == ["room_booked", "room_no_show"]
    assert await fetch_value("SELECT count(*) FROM no_show WHERE person_id = $1", absent.person_id) == 1
    await come(staff, missed, "room-bookings")
    assert await fetch_value("SELECT count(*) FROM no_show WHERE forgiven_at IS NULL") == 0


async def test_many_blocks_and_two_workers_count_each_once(api: Api, community: Organization) -> None:
    needed = NO_SHOW_RULES[Purpose.SLOT].to_block
    service = await create_service(community, capacity=2, max_active=99, max_per_day=99)
    staff = await create_staff(api, community)
    came, absent = [await create_resident(api, community) for _ in range(2)]
    times = ["09:00", "09:30", "10:00", "10:30"][:needed]
    noted = await book(came, service, "11:00")
    for time in times:
        await book(absent, service, time)
    set_clock("11:00", TUESDAY)
    await come(staff, noted)
    set_clock("12:00", WEDNESDAY)
    done = await asyncio.gather(*(settle_bookings() for _ in range(4)))
    assert sum(done) == needed + 1
    assert await fetch_value("SELECT count(*) FROM no_show") == needed
    assert (await told(absent)).count("slot_no_show") == needed
    body = {"starts_at": at("14:00", WEDNESDAY + timedelta(days=1))}
    await absent.refused("POST", f"/services/{service.id}/bookings", body, code="blocked")


async def test_one_that_cannot_be_settled_does_not_hold_up_the_others(
    api: Api, community: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await create_service(community)
    staff = await create_staff(api, community)
    people = [await create_resident(api, community) for _ in range(3)]
    times = ("09:00", "09:30", "10:00")
    bookings = [await book(person, service, time) for person, time in zip(people, times, strict=True)]
    set_clock("10:00", TUESDAY)
    await come(staff, bookings[2])
    set_clock("12:00", WEDNESDAY)
    break_once(monkeypatch, outcomes, "tell")
    with pytest.raises(RowsFailed) as failed:
        await settle_bookings()
    assert failed.value.done == 2
    states = [await state_of(person, booking) for person, booking in zip(people, bookings, strict=True)]
    assert states == ["booked", "no_show", "attended"], "what had been done for it is undone"
    sweeps.FAILURES.clear()
    assert await settle_bookings() == 1
    assert await state_of(people[0], bookings[0]) == "no_show"


async def test_who_walked_into_a_room_is_not_missed(api: Api, community: Organization) -> None:
    room = await create_room(community)
    staff, booker = await create_staff(api, community), await create_resident(api, community)
    span = {"starts_at": at("10:00"), "ends_at": at("11:00")}
    booked = await booker.post(f"/services/{room.id}/room-bookings", span)
    walk_in = {"starts_at": at("12:00"), "ends_at": at("13:00"), "real_name": "王小明", "phone": "13800000001"}
    made = await staff.post(f"/staff/services/{room.id}/room-walk-ins", walk_in, expect=201)
    set_clock("12:30", TUESDAY)
    await come(staff, booked, "room-bookings")
    set_clock("13:01", WEDNESDAY)
    assert await settle_bookings() == 2
    assert (await staff.get(f"/staff/room-bookings/{made['id']}"))["state"] == "booked"
