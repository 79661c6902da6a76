"""A day and two hours before a shift, once each, by the time that it has now."""

import asyncio
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.background import sweeps
from server.background.sweeps import SWEEPS, RowsFailed
from server.foundation import clock
from server.notifications.reminders import next_reminder
from server.volunteering.models import Shift
from server.volunteering.shifts import reminders
from server.volunteering.shifts.reminders import REMIND_OF_SHIFTS
from tests.breaking import break_once
from tests.builders import create_staff, told
from tests.clients import Api
from tests.simulator import Simulator
from tests.volunteering.builders import (
    create_family,
    create_people,
    draft,
    publish,
    publish_shift,
    shift,
    sign_up,
)

HOUR = timedelta(hours=1)


@given(left=st.timedeltas(timedelta(minutes=-90), timedelta(days=3)))
def test_the_next_reminder_lies_ahead(left: timedelta) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=clock.SHANGHAI)
    planned = next_reminder(now, now + left)
    if left > 24 * HOUR:
        assert planned == now + left - 24 * HOUR
    elif left > 2 * HOUR:
        assert planned == now + left - 2 * HOUR
    else:
        assert planned is None


async def test_a_day_before_and_two_hours_before(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    await simulator.accept(people.first, "activity_reminder", times=3)
    shift_id = await publish_shift(people, timedelta(days=3), capacity=1, activity={"words": {"meeting_point": "南门"}})
    await sign_up(people.first, shift_id)
    await sign_up(people.second, shift_id)
    assert await REMIND_OF_SHIFTS.run() == 0
    clock.move_clock(timedelta(days=2, minutes=1))
    assert await REMIND_OF_SHIFTS.lag() > 0
    assert sum(await asyncio.gather(*(REMIND_OF_SHIFTS.run() for _ in range(4)))) == 1
    assert await REMIND_OF_SHIFTS.run() == 0
    await simulator.settle()
    clock.move_clock(timedelta(days=3) - 2 * HOUR + timedelta(minutes=1))
    assert await REMIND_OF_SHIFTS.run() == 1
    assert await REMIND_OF_SHIFTS.run() == 0
    assert await told(people.first) == ["shift_confirmed", "shift_tomorrow", "shift_soon"]
    assert await told(people.second) == ["shift_waiting"], "who waits has nothing to come to"
    await simulator.settle()
    sent = await simulator.outbox(people.first)
    assert [(message["data"]["thing3"], message["data"]["thing4"]) for message in sent] == [
        ("南门", "不能参加请尽早取消"),
        ("南门", "即将开始，请准时到场"),
    ]


async def test_a_shift_whose_people_cannot_be_told_does_not_keep_the_others_waiting(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await create_people(api)
    for _ in range(2):
        await sign_up(people.first, await publish_shift(people, timedelta(days=3)))
        clock.move_clock(clock.offset() + 3 * HOUR)
    clock.move_clock(timedelta(days=2, hours=4))
    break_once(monkeypatch, reminders, "notify")
    with pytest.raises(RowsFailed) as failed:
        await REMIND_OF_SHIFTS.run()
    assert failed.value.done == 1
    assert (await told(people.first)).count("shift_tomorrow") == 1
    sweeps.FAILURES.clear()
    assert await REMIND_OF_SHIFTS.run() == 1
    assert (await told(people.first)).count("shift_tomorrow") == 2


async def test_of_late_reminders_only_the_nearest_is_told_and_none_after_the_start(api: Api) -> None:
    people = await create_people(api)
    missed, begun = await publish_shift(people, timedelta(days=3)), await publish_shift(people, timedelta(days=2))
    for shift_id in (missed, begun):
        await sign_up(people.first, shift_id)
    clock.move_clock(timedelta(days=3) - HOUR)
    assert await REMIND_OF_SHIFTS.run() == 2
    assert await REMIND_OF_SHIFTS.run() == 0
    assert (await told(people.first))[2:] == ["shift_soon"]


async def test_a_moved_shift_is_planned_anew(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(days=3))
    await sign_up(people.first, shift_id)
    clock.move_clock(timedelta(days=2, minutes=1))
    await REMIND_OF_SHIFTS.run()
    later = clock.now() + timedelta(days=2)
    version = (await Shift.get(id=shift_id)).version
    await people.staff.patch(f"/staff/shifts/{shift_id}", {"version": version, "starts_at": later.isoformat()})
    clock.move_clock(timedelta(days=3) - HOUR)
    assert await REMIND_OF_SHIFTS.run() == 0, "not by the old time"
    clock.move_clock(timedelta(days=3, minutes=2))
    assert await REMIND_OF_SHIFTS.run() == 1
    assert await told(people.first) == [
        "shift_confirmed",
        "shift_tomorrow",
        "shift_moved",
        "shift_tomorrow",
    ]


async def test_only_what_is_published_and_goes_ahead_is_reminded_of(api: Api) -> None:
    people = await create_people(api)
    second = await create_staff(api, people.community)
    made = await draft(people.staff, people.community.id, shift(timedelta(days=2)))
    await publish(people.staff, people.community.id, shift(timedelta(days=2)))
    cancelled = await publish_shift(people, timedelta(days=2))
    await people.staff.post(f"/staff/shifts/{cancelled}/cancel", {"reason": "雨"})
    path = f"/staff/activities/{made['id']}"
    called_off = await publish(people.staff, people.community.id, shift(timedelta(days=2)))
    await people.staff.post(f"/staff/activities/{called_off['id']}/cancel", {"reason": "雨"})
    clock.move_clock(timedelta(days=1, minutes=1))
    assert await REMIND_OF_SHIFTS.run() == 1
    # Published late: the reminder of two hours before is left.
    submitted = await people.staff.post(f"{path}/submit")
    published = await second.post(f"{path}/publish", {"version": submitted["version"]})
    await sign_up(people.first, published["shifts"][0]["id"])
    more = await people.staff.post(f"{path}/shifts", {"shifts": [shift(timedelta(hours=30))]}, expect=201)
    assert await Shift.filter(activity_id=made["id"], remind_at=None).count() == 0
    assert len(more["shifts"]) == 2
    clock.move_clock(timedelta(days=2) - HOUR)
    await REMIND_OF_SHIFTS.run()
    assert await told(people.first) == ["shift_confirmed", "shift_soon"]


async def test_a_guardian_is_reminded_once_for_the_whole_family(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(days=2), capacity=5)
    await sign_up(people.first, shift_id, *await create_family(people.first, None, None))
    clock.move_clock(timedelta(days=1, minutes=1))
    await REMIND_OF_SHIFTS.run()
    assert await told(people.first) == ["shift_confirmed", "shift_tomorrow"]


async def test_the_worker_does_what_time_brings_about() -> None:
    names = {sweep.name for sweep in SWEEPS}
    assert {"remind_of_shifts", "call_off_small_shifts", "finish_activities", "places_due"} <= names


@pytest.fixture(autouse=True)
def _app(app: object) -> None:
    """Every test here needs the database."""
