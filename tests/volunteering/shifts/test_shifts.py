"""Shifts: series, another time, called off by staff or because too few signed up."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.foundation import clock
from server.places.models import Allotment, NoShow, Place
from server.volunteering.models import Activity, Shift
from server.volunteering.shifts.changing import CALL_OFF_SMALL_SHIFTS
from server.volunteering.shifts.series import MOST, Every, Repeat, occurrences, problem_of
from tests.builders import create_resident, told
from tests.clients import Api
from tests.volunteering.builders import (
    activity,
    create_family,
    create_people,
    draft,
    publish,
    publish_shift,
    shift,
    sign_up,
)

HOUR = timedelta(hours=1)


def at(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment by people's clocks."""
    return datetime(year, month, day, hour, minute, tzinfo=clock.SHANGHAI)


def tomorrow(hour: int) -> datetime:
    """In three days, at that hour of people's clocks."""
    local = clock.shanghai(clock.now()) + timedelta(days=3)
    return local.replace(hour=hour, minute=0, second=0, microsecond=0)


def days_of(first: datetime, **rule: Any) -> list[str]:
    return [f"{clock.shanghai(begin):%m-%d %H:%M}" for begin in occurrences(first, Repeat(**rule))]


def test_weekly_and_monthly_rules() -> None:
    assert days_of(at(2026, 1, 5, 0, 30), every=Every.WEEK, count=3) == ["01-05 00:30", "01-12 00:30", "01-19 00:30"]
    # Half past midnight on Monday is still Sunday in UTC.
    assert days_of(at(2026, 1, 5, 0, 30), every=Every.WEEK, weekdays=[1, 3], count=4) == [
        "01-05 00:30",
        "01-07 00:30",
        "01-12 00:30",
        "01-14 00:30",
    ]
    assert days_of(at(2026, 1, 5), every=Every.WEEK, interval=2, until=date(2026, 2, 2)) == [
        "01-05 09:00",
        "01-19 09:00",
        "02-02 09:00",
    ]
    assert days_of(at(2026, 1, 31), every=Every.MONTH, count=4) == [
        "01-31 09:00",
        "02-28 09:00",
        "03-31 09:00",
        "04-30 09:00",
    ]
    assert days_of(at(2026, 1, 10), every=Every.MONTH, by_weekday=True, count=3) == [
        "01-10 09:00",
        "02-14 09:00",
        "03-14 09:00",
    ]
    assert days_of(at(2026, 1, 31), every=Every.MONTH, by_weekday=True, count=3) == [
        "01-31 09:00",
        "02-28 09:00",
        "03-28 09:00",
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"every": "week"}, "二选一"),
        ({"every": "week", "count": 3, "until": date(2026, 3, 1)}, "二选一"),
        ({"every": "month", "count": 3, "weekdays": [1]}, "星期几"),
        ({"every": "week", "count": 3, "by_weekday": True}, "星期几"),
        ({"every": "week", "count": 3, "weekdays": [2]}, "首场"),
        ({"every": "week", "until": date(2026, 1, 6)}, "2 至"),
        ({"every": "week", "until": date(9999, 12, 31)}, "2 至"),
    ],
)
def test_rules_that_mean_nothing(rule: dict[str, Any], problem: str) -> None:
    assert problem in problem_of(at(2026, 1, 5), Repeat(**rule | {"every": Every(rule["every"])}))


@given(
    first=st.datetimes(datetime(2026, 1, 1), datetime(2035, 12, 31)),
    every=st.sampled_from(Every),
    interval=st.integers(1, 12),
    by_weekday=st.booleans(),
    count=st.integers(2, MOST),
)
def test_a_series_keeps_its_hour_and_its_distance(
    first: datetime, every: Every, interval: int, by_weekday: bool, count: int
) -> None:
    begin = first.replace(tzinfo=UTC)
    monthly = every is Every.MONTH
    rule = Repeat(every=every, interval=interval, by_weekday=by_weekday and monthly, count=count)
    found = occurrences(begin, rule)
    local = [clock.shanghai(moment) for moment in found]
    assert found[0] == begin
    assert len(found) == count
    assert len({moment.time() for moment in local}) == 1
    months = [moment.year * 12 + moment.month for moment in local]
    for number, moment in enumerate(local):
        if not monthly:
            assert moment.date() == local[0].date() + timedelta(weeks=interval * number)
            continue
        assert months[number] == months[0] + interval * number
        if by_weekday:
            assert moment.weekday() == local[0].weekday()
        else:
            assert moment.day == local[0].day or (moment + timedelta(days=1)).day == 1


async def test_a_series_is_many_shifts_each_of_its_own(api: Api) -> None:
    people = await create_people(api)
    begins = tomorrow(9)
    one = shift() | {
        "starts_at": begins.isoformat(),
        "ends_at": (begins + 2 * HOUR).isoformat(),
        "sign_up_opens_at": (begins - timedelta(days=2)).isoformat(),
        "sign_up_closes_at": (begins - HOUR).isoformat(),
        "repeat": {"every": "week", "count": 4},
    }
    made = await draft(people.staff, people.community.id, one)
    starts = [datetime.fromisoformat(each["starts_at"]) for each in made["shifts"]]
    assert starts == [begins + timedelta(weeks=number) for number in range(4)]
    opens = [datetime.fromisoformat(each["sign_up_opens_at"]) for each in made["shifts"]]
    assert opens == [start - timedelta(days=2) for start in starts], "each opens two days before"
    closes = [datetime.fromisoformat(each["sign_up_closes_at"]) for each in made["shifts"]]
    assert closes == [start - HOUR for start in starts]

    path = f"/staff/activities/{made['id']}/shifts"
    monthly = shift(timedelta(days=60)) | {"repeat": {"every": "month", "count": 2}}
    more = await people.staff.post(path, {"shifts": [monthly]}, expect=201)
    assert len(more["shifts"]) == 6
    # One is moved, one is cancelled, and the rest stay.
    second, third = more["shifts"][1:3]
    later = starts[1] + 3 * HOUR
    changed = await people.staff.patch(
        f"/staff/shifts/{second['id']}", {"version": second["version"], "starts_at": later.isoformat()}
    )
    await people.staff.post(f"/staff/shifts/{third['id']}/cancel", {"reason": "场地维修"})
    shown = await people.staff.get(f"/staff/activities/{made['id']}")
    moved = [datetime.fromisoformat(each["starts_at"]) for each in shown["shifts"][:4]]
    assert moved == [starts[0], later, starts[2], starts[3]]
    assert [each["state"] for each in shown["shifts"]] == ["scheduled"] * 2 + ["cancelled"] + ["scheduled"] * 3
    assert datetime.fromisoformat(changed["shifts"][1]["ends_at"]) == later + 2 * HOUR
    assert datetime.fromisoformat(changed["shifts"][1]["sign_up_closes_at"]) == later - HOUR
    far = shift() | {"repeat": {"every": "month", "count": 30}}
    await people.staff.refused("POST", path, {"shifts": [far]}, code="invalid_fields")
    # Two hundred shifts are the most, however they are asked for.
    weekly = shift() | {"repeat": {"every": "week", "count": 60}}
    await people.staff.refused("POST", path, {"shifts": [weekly] * 4}, code="invalid_fields")
    body = activity(people.community.id, *([weekly] * 4))
    await people.staff.refused("POST", "/staff/activities", body, code="invalid_fields")


async def test_the_list_shows_the_next_shift_of_a_series(api: Api) -> None:
    people = await create_people(api)
    weekly = shift(timedelta(days=3), capacity=1) | {"repeat": {"every": "week", "count": 3}}
    made = await publish(people.staff, people.community.id, weekly, words={"title": "每周"})
    await publish(people.staff, people.community.id, shift(timedelta(days=5)), words={"title": "一次"})

    async def listed(**query: Any) -> list[str]:
        return [card["title"] for card in (await people.first.get("/activities", **query))["items"]]

    assert await listed() == ["每周", "一次"]
    [card] = (await people.first.get("/activities", limit=1))["items"]
    assert (card["starts_at"], card["free"]) == (made["shifts"][0]["starts_at"], 1)
    clock.move_clock(timedelta(days=4))
    assert await listed() == ["一次", "每周"]
    page = await people.first.get("/activities", limit=1)
    assert await listed(cursor=page["next_cursor"]) == ["每周"]
    # By time, and where there is room.
    since, until = clock.now() + timedelta(days=5), clock.now() + timedelta(days=7)
    assert await listed(since=since.isoformat(), until=until.isoformat()) == ["每周"]
    assert await listed(until=(clock.now() + timedelta(days=3)).isoformat()) == ["一次"]
    await sign_up(people.first, made["shifts"][1]["id"])
    await sign_up(people.first, made["shifts"][2]["id"])
    assert await listed(only_free=True) == ["一次"]
    await people.staff.post(f"/staff/shifts/{made['shifts'][1]['id']}/cancel", {"reason": "雨"})
    await people.staff.post(f"/staff/shifts/{made['shifts'][2]['id']}/cancel", {"reason": "雨"})
    assert await listed() == ["一次"]


async def test_another_time_is_told_and_people_may_leave_freely(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=30), capacity=1)
    mine, waiting = await sign_up(people.first, shift_id), await sign_up(people.second, shift_id)
    row = await Shift.get(id=shift_id)
    # From the evening to the next morning: across midnight, and nearer than a day.
    new = clock.now() + timedelta(hours=20)
    path = f"/staff/shifts/{shift_id}"
    shown = await people.staff.patch(path, {"version": row.version, "starts_at": new.isoformat()})
    assert datetime.fromisoformat(shown["shifts"][0]["ends_at"]) == new + 2 * HOUR
    assert datetime.fromisoformat(shown["shifts"][0]["cancel_until"]) == new - 2 * HOUR
    assert [allotment.starts_at for allotment in await Allotment.all()] == [new]
    for person in (people.first, people.second):
        assert (await told(person))[-1] == "shift_moved"
    [message] = [item for item in await people.first.inbox() if "时间有变动" in item["title"]]
    assert f"{clock.shanghai(row.starts_at):%H:%M}" in message["text"]
    assert f"{clock.shanghai(new):%H:%M}" in message["text"]
    await people.staff.refused("PATCH", path, {"version": row.version, "minimum": 1}, code="edited_meanwhile")

    # After the deadline, but the time had changed: it costs nothing. What is freed is offered now, not given.
    late = await create_resident(api, people.community)
    clock.move_clock(timedelta(hours=19))
    await people.first.post(f"/sign-ups/{mine['sign_up']['id']}/cancel")
    assert await NoShow.all().count() == 0
    assert (await people.second.get(f"/sign-ups/{waiting['sign_up']['id']}"))["sign_up"]["state"] == "offered"
    await people.second.post(f"/sign-ups/{waiting['sign_up']['id']}/decline")
    hers = await sign_up(late, shift_id)
    await late.post(f"/sign-ups/{hers['sign_up']['id']}/cancel")
    assert await NoShow.all().count() == 1, "she signed up for the time that it is"


async def test_a_new_time_may_overlap_with_another_shift(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(days=3))
    other = await publish_shift(people, timedelta(days=4))
    for one in (shift_id, other):
        await sign_up(people.first, one)
    await sign_up(people.second, shift_id)
    begins = (await Shift.get(id=other)).starts_at + HOUR
    version = (await Shift.get(id=shift_id)).version
    await people.staff.patch(f"/staff/shifts/{shift_id}", {"version": version, "starts_at": begins.isoformat()})
    assert (await told(people.first))[-1] == "shift_moved_overlapping"
    assert (await told(people.second))[-1] == "shift_moved"
    # What overlaps is asked by the times that hold now.
    await people.second.refused("POST", f"/shifts/{other}/sign-ups", {}, code="shifts_overlap")
    before = await publish_shift(people, timedelta(days=3))
    await sign_up(people.second, before)


async def test_overlaps_across_midnight(api: Api) -> None:
    people = await create_people(api)
    night = tomorrow(23)

    def between(begin: datetime, end: datetime) -> dict[str, Any]:
        return shift() | {"starts_at": begin.isoformat(), "ends_at": end.isoformat()}

    made = await publish(
        people.staff,
        people.community.id,
        between(night, night + 2 * HOUR),
        between(night + HOUR, night + 3 * HOUR),
        between(night + 2 * HOUR, night + 4 * HOUR),
    )
    over_midnight, at_midnight, after = [one["id"] for one in made["shifts"]]
    await sign_up(people.first, over_midnight)
    problem = await people.first.refused("POST", f"/shifts/{at_midnight}/sign-ups", {}, code="shifts_overlap")
    assert "23:00" in problem["detail"]
    assert "01:00" in problem["detail"]
    await sign_up(people.first, after)


async def test_what_a_change_may_not_do(api: Api) -> None:
    people = await create_people(api)
    made = await publish(people.staff, people.community.id, shift(timedelta(days=3), capacity=2))
    one = made["shifts"][0]
    path, begins = f"/staff/shifts/{one['id']}", datetime.fromisoformat(one["starts_at"])
    wrong = {
        "starts_at": clock.now() - HOUR,
        "ends_at": begins,
        "sign_up_closes_at": begins + HOUR,
        "cancel_until": begins + HOUR,
        "leader_id": people.community.id,
        "minimum": 3,
    }
    for field, value in wrong.items():
        body = {"version": one["version"], field: value.isoformat() if isinstance(value, datetime) else value}
        problem = await people.staff.refused("PATCH", path, body, code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    body = {"version": one["version"], "leader_id": people.third.person_id}
    shown = await people.staff.patch(path, body)
    assert shown["shifts"][0]["leader_id"] == people.third.person_id
    shown = await people.staff.patch(path, {"version": shown["shifts"][0]["version"], "leader_id": None})
    assert shown["shifts"][0]["leader_id"] is None
    clock.move_clock(timedelta(days=3, minutes=1))
    body = {"version": shown["shifts"][0]["version"], "minimum": 0}
    await people.staff.refused("PATCH", path, body, code="wrong_state")
    clock.move_clock(timedelta(days=3, hours=2, minutes=1))
    await people.staff.refused("POST", f"{path}/cancel", {"reason": "x"}, code="wrong_state")


async def test_cancelling_one_shift(api: Api) -> None:
    people = await create_people(api)
    made = await publish(
        people.staff, people.community.id, shift(timedelta(days=3), capacity=1), shift(timedelta(days=4))
    )
    first, second = [one["id"] for one in made["shifts"]]
    mine = await sign_up(people.first, first)
    await sign_up(people.second, first)
    await sign_up(people.first, second)
    path = f"/staff/shifts/{first}/cancel"
    shown = await people.staff.post(path, {"reason": "场地维修"})
    assert (shown["state"], [one["state"] for one in shown["shifts"]]) == ("published", ["cancelled", "scheduled"])
    for person in (people.first, people.second):
        assert (await told(person))[-1] == "shift_cancelled"
    seen = await people.first.get(f"/sign-ups/{mine['sign_up']['id']}")
    assert (seen["sign_up"]["state"], seen["shift_state"]) == ("removed", "cancelled")
    assert seen["sign_up"]["why"] == "该场次已取消：场地维修"
    await people.third.refused("POST", f"/shifts/{first}/sign-ups", {}, code="shift_off")
    await people.staff.refused("POST", path, {"reason": "again"}, code="wrong_state")
    # It does not last longer than what is left of it.
    assert (await Activity.get(id=made["id"])).starts_at == (await Shift.get(id=second)).starts_at
    # Its time is free again.
    await sign_up(people.first, await publish_shift(people, timedelta(days=3)))


async def test_too_few_people_when_sign_up_closes(api: Api) -> None:
    people = await create_people(api)
    closes = clock.now() + timedelta(days=2)
    ids = [
        await publish_shift(people, timedelta(days=3, hours=3 * number), minimum=2, sign_up_closes_at=closes)
        for number in range(3)
    ]
    small, enough, moved = ids
    await sign_up(people.first, small)
    for person in (people.first, people.second):
        await sign_up(person, enough)
    assert await CALL_OFF_SMALL_SHIFTS.run() == 0
    version = (await Shift.get(id=moved)).version
    later = (closes + timedelta(hours=10)).isoformat()
    await people.staff.patch(f"/staff/shifts/{moved}", {"version": version, "sign_up_closes_at": later})
    clock.move_clock(timedelta(days=2, minutes=1))
    assert await CALL_OFF_SMALL_SHIFTS.lag() > 0
    assert await CALL_OFF_SMALL_SHIFTS.run() == 2
    assert await CALL_OFF_SMALL_SHIFTS.run() == 0
    states = {str(row.id): row.state for row in await Shift.all()}
    assert [states[one] for one in ids] == ["cancelled", "scheduled", "scheduled"]
    assert (await told(people.first))[-1] == "shift_called_off"
    assert "shift_called_off" not in await told(people.second)
    assert (await told(people.staff))[-1] == "own_shift_called_off"
    [item] = [item for item in await people.staff.inbox() if "未能成行" in item["title"]]
    assert "有 1 人" in item["text"]
    mine = (await people.first.get("/me/sign-ups"))["items"]
    assert [view["sign_up"]["why"] for view in mine] == ["该场次未能成行：报名人数未达到最低人数", ""]
    clock.move_clock(timedelta(days=2, hours=11))
    assert await CALL_OFF_SMALL_SHIFTS.run() == 1


async def test_families_count_by_heads_for_the_minimum(api: Api) -> None:
    people = await create_people(api)
    closes = clock.now() + timedelta(days=2)
    shift_id = await publish_shift(people, timedelta(days=3), capacity=5, minimum=3, sign_up_closes_at=closes)
    await sign_up(people.first, shift_id, *await create_family(people.first, None, None))
    clock.move_clock(timedelta(days=2, minutes=1))
    assert await CALL_OFF_SMALL_SHIFTS.run() == 1
    assert (await Shift.get(id=shift_id)).state == "scheduled"
    assert await Place.filter(state="confirmed").count() == 3
