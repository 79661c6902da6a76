"""What time brings about: reminders, and requests that nobody answers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.background import sweeps
from server.background.sweeps import RowsFailed
from server.foundation.database import fetch_value
from server.neighbor_center.bookings import reminders
from server.neighbor_center.bookings.reminders import REMIND_OF_BOOKINGS, REMIND_OF_ROOM_BOOKINGS
from server.neighbor_center.bookings.requests import SETTLE_REQUESTS, SETTLE_ROOM_REQUESTS
from server.neighbor_center.feature import FEATURE
from server.organizations.models import Organization, RoleKind
from server.worker import run_sweep
from tests.breaking import break_once
from tests.builders import create_community, create_resident, create_staff, told
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

WEDNESDAY = TUESDAY + timedelta(days=1)


async def reminders_of(person: Api) -> int:
    return (await told(person)).count("slot_reminder")


async def send_reminders() -> int:
    return await REMIND_OF_BOOKINGS.run() + await REMIND_OF_ROOM_BOOKINGS.run()


async def reminder_lag() -> float:
    return max(await REMIND_OF_BOOKINGS.lag(), await REMIND_OF_ROOM_BOOKINGS.lag())


async def settle_requests() -> int:
    return await SETTLE_REQUESTS.run() + await SETTLE_ROOM_REQUESTS.run()


async def request_lag() -> float:
    return max(await SETTLE_REQUESTS.lag(), await SETTLE_ROOM_REQUESTS.lag())


async def test_a_day_and_two_hours_before_once_each(api: Api, community: Organization) -> None:
    service = await create_service(community, documents=["身份证", "医保卡"])
    resident = await create_resident(api, community)
    await book(resident, service, "09:00", WEDNESDAY)
    for wall_clock, day, sent in (
        ("08:59", TUESDAY, 0),
        ("09:00", TUESDAY, 1),
        ("09:01", TUESDAY, 1),
        ("06:59", WEDNESDAY, 1),
        ("07:00", WEDNESDAY, 2),
        ("08:00", WEDNESDAY, 2),
        ("10:00", WEDNESDAY, 2),
    ):
        set_clock(wall_clock, day)
        await asyncio.gather(send_reminders(), send_reminders())
        assert await reminders_of(resident) == sent, wall_clock
    text = (await resident.inbox())[0]["text"]
    assert text.endswith("阳光邻里中心（和平路 1 号）。请携带：身份证、医保卡。")
    assert await fetch_value("SELECT count(*) FROM booking WHERE remind_at IS NOT NULL") == 0


async def test_one_that_cannot_be_reminded_does_not_keep_the_others_waiting(
    api: Api, community: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await create_service(community, capacity=3)
    residents = [await create_resident(api, community) for _ in range(3)]
    for resident in residents:
        await book(resident, service, "09:00", WEDNESDAY)
    set_clock("09:00", TUESDAY)
    break_once(monkeypatch, reminders, "tell")
    with pytest.raises(RowsFailed) as failed:
        await send_reminders()
    assert failed.value.done == 2
    sweeps.FAILURES.clear()
    assert await send_reminders() == 1
    assert [await reminders_of(resident) for resident in residents] == [1, 1, 1]


async def test_a_moved_booking_is_planned_anew(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    booking = await book(resident, service, "09:00", WEDNESDAY)
    set_clock("09:00", TUESDAY)
    await send_reminders()
    friday = WEDNESDAY + timedelta(days=2)
    await resident.post(f"/bookings/{booking['id']}/move", {"starts_at": at("14:00", friday)})
    set_clock("07:30", WEDNESDAY)
    await send_reminders()
    assert await reminders_of(resident) == 1
    set_clock("14:00", friday - timedelta(days=1))
    await send_reminders()
    assert await reminders_of(resident) == 2


async def test_whom_nobody_reminds(api: Api, community: Organization) -> None:
    service, asked = await create_service(community), await create_service(community, needs_approval=True)
    holder, waiting, asking, cancelled, soon = [await create_resident(api, community) for _ in range(5)]
    await book(holder, service, "09:00", WEDNESDAY)
    await book(waiting, service, "09:00", WEDNESDAY, wait=True)
    await book(asking, asked, "09:00", WEDNESDAY)
    gone = await book(cancelled, service, "09:30", WEDNESDAY)
    await cancelled.post(f"/bookings/{gone['id']}/cancel", {})
    set_clock("07:30", WEDNESDAY)
    # Booked an hour and a half before: they have just been told.
    await book(soon, service, "10:00", WEDNESDAY)
    # The sweep was down for a day: one reminder, not two.
    await send_reminders()
    assert [await reminders_of(one) for one in (holder, waiting, asking, cancelled, soon)] == [1, 0, 0, 0, 0]
    set_clock("08:00", WEDNESDAY)
    await send_reminders()
    assert [await reminders_of(one) for one in (holder, soon)] == [1, 1]


async def test_who_moved_up_meanwhile_is_reminded_at_the_next(api: Api, community: Organization) -> None:
    service = await create_service(community)
    holder, waiting = await create_resident(api, community), await create_resident(api, community)
    held = await book(holder, service, "14:00", WEDNESDAY)
    await book(waiting, service, "14:00", WEDNESDAY, wait=True)
    set_clock("14:00", TUESDAY)
    await send_reminders()
    await holder.post(f"/bookings/{held['id']}/cancel", {})
    booking = (await waiting.get("/bookings"))["items"][0]
    await waiting.post(f"/bookings/{booking['id']}/accept")
    set_clock("12:00", WEDNESDAY)
    await send_reminders()
    assert [await reminders_of(one) for one in (holder, waiting)] == [1, 1]


async def test_a_room_and_a_family_member_are_reminded_of_too(api: Api, community: Organization) -> None:
    service, room = await create_service(community), await create_room(community)
    guardian = await create_resident(api, community)
    elder = await create_dependant(guardian)
    await book(guardian, service, "09:00", WEDNESDAY, person_id=elder.id)
    span = {"starts_at": at("10:00", WEDNESDAY), "ends_at": at("11:00", WEDNESDAY)}
    await guardian.post(f"/services/{room.id}/room-bookings", span)
    set_clock("10:00", TUESDAY)
    assert 3600 <= await reminder_lag() < 3660
    assert await send_reminders() == 2
    assert await reminder_lag() == 0
    assert (await told(guardian))[-2:] == ["slot_reminder", "room_reminder"]
    set_clock("08:00", WEDNESDAY)
    for sweep in FEATURE.sweeps:
        await run_sweep(sweep)
    assert (await told(guardian)).count("room_reminder") == 2


async def test_staff_are_reminded_of_what_they_promised(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True, answer_within_hours=2)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book(resident, service, "09:00", WEDNESDAY)
    assert booking["answer_by"][:16] == "2031-03-03T02:00"
    requests = f"/staff/venues/{service.venue_id}/requests"
    set_clock("09:59")
    assert (await settle_requests(), await request_lag()) == (0, 0)
    assert (await staff.get(requests, order="overdue"))["items"] == []
    assert [one["booking_id"] for one in (await staff.get(requests))["items"]] == [booking["id"]]
    set_clock("10:30")
    assert 1790 <= await request_lag() < 1860
    await asyncio.gather(settle_requests(), settle_requests())
    await settle_requests()
    assert await told(staff) == ["slot_to_approve", "slot_overdue"]
    listed = (await staff.get(requests, order="overdue"))["items"]
    assert [(one["kind"], one["person_id"]) for one in listed] == [("slot", resident.person_id)]
    await staff.post(f"/staff/bookings/{booking['id']}/approve")
    assert (await staff.get(requests))["items"] == []
    set_clock("09:00", WEDNESDAY)
    assert await settle_requests() == 0
    assert (await resident.get(f"/bookings/{booking['id']}"))["state"] == "booked"


async def test_what_nobody_answers_is_refused_when_it_begins(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True)
    room = await create_room(community, needs_approval=True)
    first, second = await create_resident(api, community), await create_resident(api, community)
    staff = await create_staff(api, community)
    booking = await book(first, service, "09:00", MONDAY)
    waiting = await book(second, service, "09:00", MONDAY, wait=True)
    span = {"starts_at": at("09:00", MONDAY), "ends_at": at("10:00", MONDAY)}
    asked = await first.post(f"/services/{room.id}/room-bookings", span)
    set_clock("09:00")
    await settle_requests()
    ended = await first.get(f"/bookings/{booking['id']}")
    assert (ended["state"], ended["end_reason"]) == ("cancelled", "unanswered")
    assert "未能在开始前答复" in ended["staff_reason"]
    assert (await first.get(f"/room-bookings/{asked['id']}"))["state"] == "refused"
    assert (await told(first))[-2:] == ["slot_refused", "room_refused"]
    # Who waited is told by the list itself that it was not reached.
    assert (await second.get(f"/bookings/{waiting['id']}"))["state"] == "waiting"
    assert await fetch_value("SELECT count(*) FROM booking WHERE answer_due_at IS NOT NULL") == 0
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'refuse_unanswered_booking'") == 2
    await staff.refused("POST", f"/staff/bookings/{booking['id']}/approve", code="wrong_state")


async def test_a_request_given_up_is_no_longer_waited_for(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True, answer_within_hours=1)
    room = await create_room(community, needs_approval=True, answer_within_hours=1)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book(resident, service, "09:00", WEDNESDAY)
    span: dict[str, Any] = {"starts_at": at("10:00", WEDNESDAY), "ends_at": at("11:00", WEDNESDAY)}
    asked = await resident.post(f"/services/{room.id}/room-bookings", span)
    await resident.post(f"/bookings/{booking['id']}/cancel", {})
    set_clock("10:00")
    await settle_requests()
    assert (await told(staff)).count("room_overdue") == 1
    assert "slot_overdue" not in await told(staff)
    await resident.post(f"/room-bookings/{asked['id']}/cancel", {})
    assert await fetch_value("SELECT count(*) FROM room_booking WHERE answer_due_at IS NOT NULL") == 0


async def test_who_may_see_the_requests(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True, max_open_per_person=9)
    resident = await create_resident(api, community)
    for days in range(3):
        await book(resident, service, "09:00", WEDNESDAY + timedelta(days=days))
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    path = f"/staff/venues/{service.venue_id}/requests"
    page = await observer.get(path, limit=2)
    rest = await observer.get(path, limit=2, cursor=page["next_cursor"])
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("GET", path, code="not_allowed")
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'view_day_booking'") == 3
