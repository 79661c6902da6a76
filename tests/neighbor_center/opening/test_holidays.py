"""Public holidays, make-up working days and seasons, from the library and as loaded."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.calendars.holidays import kind_of_day, read_loaded_years, special_days
from server.calendars.models import DayKind
from server.foundation.database import fetch_value
from server.neighbor_center.changes import holiday_years
from server.neighbor_center.opening.models import OpeningRule, RuleDays
from server.neighbor_center.opening.rules import Calendar, WeeklyHours, holds_on, slots_of_day
from server.organizations.models import Organization, RoleKind
from tests.builders import create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, TUESDAY, at, book, create_service, set_clock

# National Day 2026 was announced as 1–7 October off, 20 September (a Sunday) and 10 October (a Saturday) worked.
HOLIDAY = date(2026, 10, 6)
MAKE_UP_SATURDAY = date(2026, 10, 10)
PLAIN_SATURDAY = date(2026, 10, 17)
PLAIN_TUESDAY = date(2026, 10, 13)


def hours(days: RuleDays, weekdays: int = 0b0011111, **more: Any) -> WeeklyHours:
    return WeeklyHours(weekdays=weekdays, opens=540, closes=600, valid_from=date(2026, 1, 1), days=days, **more)


@pytest.mark.parametrize(
    ("days", "holiday", "make_up", "saturday", "tuesday"),
    [
        (RuleDays.EVERY_WEEK, True, False, False, True),
        (RuleDays.NOT_HOLIDAYS, False, False, False, True),
        (RuleDays.WORKDAYS, False, True, False, True),
        (RuleDays.HOLIDAYS, True, False, False, False),
    ],
)
def test_what_weekday_hours_mean_around_national_day(
    days: RuleDays, holiday: bool, make_up: bool, saturday: bool, tuesday: bool
) -> None:
    calendar = Calendar(minutes=60, buffer_minutes=0, rules=[hours(days)], exceptions=[])
    shown = [bool(slots_of_day(calendar, day)) for day in (HOLIDAY, MAKE_UP_SATURDAY, PLAIN_SATURDAY, PLAIN_TUESDAY)]
    assert shown == [holiday, make_up, saturday, tuesday]


def test_the_library_knows_names_and_a_loaded_year_stands_in_for_it() -> None:
    named = {special.day: special.name for special in special_days(2026)}
    assert named[HOLIDAY] == "国庆节"
    assert kind_of_day(HOLIDAY, {}) is DayKind.HOLIDAY
    assert kind_of_day(HOLIDAY, {2026: {MAKE_UP_SATURDAY: DayKind.WORKDAY}}) is None
    assert kind_of_day(date(2031, 10, 1), {}) is None
    assert special_days(2031) == []


def test_seasons_come_every_year_and_may_pass_over_new_year() -> None:
    summer = hours(RuleDays.EVERY_WEEK, 127, season_from=601, season_until=930)
    winter = hours(RuleDays.EVERY_WEEK, 127, season_from=1001, season_until=531)
    for year in (2026, 2027, 2028):
        day = date(year, 1, 1)
        while day.year == year:
            assert holds_on(summer, day, None) is (6 <= day.month <= 9)
            assert holds_on(winter, day, None) is not holds_on(summer, day, None)
            day += timedelta(days=1)


async def test_holidays_are_not_offered_and_make_up_days_are(api: Api, community: Organization) -> None:
    set_clock("08:00", date(2026, 9, 28))
    service = await create_service(community, hours=(), days_ahead=30)
    await OpeningRule.create(
        service=service, weekdays=0b0011111, opens=540, closes=600, valid_from=date(2026, 1, 1), days=RuleDays.WORKDAYS
    )
    resident = await create_resident(api, community)
    path = f"/services/{service.id}/bookings"
    await resident.refused("POST", path, {"starts_at": at("09:00", HOLIDAY)}, code="slot_not_offered")
    await book(resident, service, "09:00", MAKE_UP_SATURDAY)
    answer = await resident.get(f"/services/{service.id}/availability", first_day="2026-09-28", days=14)
    open_days = [day["day"] for day in answer["days"] if day["slots"]]
    assert open_days == ["2026-09-28", "2026-09-29", "2026-09-30", "2026-10-08", "2026-10-09", "2026-10-10"]
    year = await api.get("/holidays", year=2026)
    assert year["source"] == "library"
    assert {"day": "2026-10-10", "kind": "workday", "name": "国庆节"} in year["days"]


async def test_a_year_that_is_unknown_is_loaded_as_a_change_like_any_other(api: Api, community: Organization) -> None:
    city = await Organization.get(level="city")
    manager = await create_staff(api, city, RoleKind.MANAGER)
    staff = await create_staff(api, community)
    for_workdays = await create_service(community, hours=())
    await OpeningRule.create(
        service=for_workdays,
        weekdays=127,
        opens=540,
        closes=720,
        valid_from=date(2031, 1, 1),
        days=RuleDays.NOT_HOLIDAYS,
    )
    every_day = await create_service(community)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    falls = await book(resident, for_workdays)
    await book(other, every_day)
    await book(other, for_workdays, day=TUESDAY + timedelta(days=1))
    assert (await api.get("/holidays", year=2031)) == {"year": 2031, "source": "unknown", "days": []}

    days = [{"day": str(TUESDAY), "kind": "holiday", "name": "市民日"}]
    body: dict[str, Any] = {"year": 2031, "days": days, "reason": "节假日休息"}
    await staff.refused("PUT", "/staff/holidays", body, code="not_allowed")
    await manager.refused("PUT", "/staff/holidays", body | {"year": 2032}, code="invalid_fields")
    await manager.refused("PUT", "/staff/holidays", body | {"days": days * 2}, code="invalid_fields")
    listed = await manager.put("/staff/holidays", body)
    assert not listed["applied"]
    assert [one["booking_id"] for one in listed["affected"]] == [falls["id"]]
    assert (await api.get("/holidays", year=2031))["source"] == "unknown"
    done = await manager.put("/staff/holidays", body | {"cancel_bookings": [falls["id"]]})
    assert done["applied"]
    assert (await resident.get(f"/bookings/{falls['id']}"))["staff_reason"] == "节假日休息"
    assert await told(other) == ["slot_booked", "slot_booked"]
    assert (await api.get("/holidays", year=2031))["days"] == days
    path = f"/services/{for_workdays.id}/bookings"
    await resident.refused("POST", path, {"starts_at": at("09:00")}, code="slot_not_offered")
    # Loaded again the other way, the day is an ordinary one again.
    moved = [{"day": str(TUESDAY + timedelta(days=7)), "kind": "holiday", "name": "市民日"}]
    assert (await manager.put("/staff/holidays", body | {"days": moved}))["applied"]
    await book(resident, for_workdays)
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'load_holiday_year'") == 2


async def test_the_command_lists_first_and_cancels_when_told_to(
    api: Api, community: Organization, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = await create_service(community, hours=())
    await OpeningRule.create(
        service=service, weekdays=127, opens=540, closes=720, valid_from=MONDAY, days=RuleDays.WORKDAYS
    )
    resident = await create_resident(api, community)
    booking = await book(resident, service)
    file = tmp_path / "2031.json"
    days = [{"name": "市民日", "date": str(TUESDAY), "isOffDay": True}]
    file.write_text(json.dumps({"year": 2031, "days": days}))
    assert await holiday_years.load_holiday_file(file, cancel_affected="") == 1
    assert booking["id"] in capsys.readouterr().out
    assert await holiday_years.load_holiday_file(file, cancel_affected="节假日休息") == 0
    assert "1 bookings cancelled" in capsys.readouterr().out
    assert (await resident.get(f"/bookings/{booking['id']}"))["state"] == "cancelled"


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"days": []}', '{"year": 2031, "days": [{"name": "元旦", "date": "x", "isOffDay": true}]}'],
)
async def test_a_broken_file_is_one_sentence(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = tmp_path / "2031.json"
    file.write_text(content)
    for path in (file, tmp_path / "none.json"):
        assert await holiday_years.load_holiday_file(path, cancel_affected="") == 1
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n"), str(path) in told.err) == ("", 1, True)
    assert (await api.get("/holidays", year=2031))["source"] == "unknown"


async def test_an_announcement_may_begin_in_december(api: Api, community: Organization, tmp_path: Path) -> None:
    """holiday-cn goes by the year of the announcement: its 2019 begins on 29 December 2018."""
    manager = await create_staff(api, await Organization.get(level="city"), RoleKind.MANAGER)
    file = tmp_path / "2030.json"
    days = [("2029-12-29", False), ("2029-12-31", True), ("2030-01-01", True)]
    named = [{"name": "元旦", "date": day, "isOffDay": is_off} for day, is_off in days]
    file.write_text(json.dumps({"year": 2030, "days": named}))
    body: dict[str, Any] = {
        "year": 2029,
        "days": [{"day": "2029-10-01", "kind": "holiday", "name": "国庆节"}],
        "reason": "公布",
    }
    await manager.put("/staff/holidays", body)
    assert await holiday_years.load_holiday_file(file, cancel_affected="") == 0

    async def kinds(year: int) -> dict[str, str]:
        return {each["day"]: each["kind"] for each in (await api.get("/holidays", year=year))["days"]}

    december = {"2029-12-29": "workday", "2029-12-31": "holiday"}
    assert await kinds(2029) == {"2029-10-01": "holiday"} | december
    assert await kinds(2030) == {"2030-01-01": "holiday"}
    # The year itself announced anew leaves what the next one says of it.
    body["days"] = [{"day": "2029-05-01", "kind": "holiday", "name": "劳动节"}]
    await manager.put("/staff/holidays", body)
    assert await kinds(2029) == {"2029-05-01": "holiday"} | december
    loaded = await read_loaded_years(date(2029, 12, 29), date(2029, 12, 31))
    shown = [kind_of_day(date(2029, 12, day), loaded) for day in (29, 30, 31)]
    assert shown == [DayKind.WORKDAY, None, DayKind.HOLIDAY]
    for far in ("2028-11-30", "2030-02-01"):
        wrong = body | {"days": [*body["days"], {"day": far, "kind": "holiday", "name": "元旦"}]}
        await manager.refused("PUT", "/staff/holidays", wrong, code="invalid_fields")


async def test_hours_of_a_service_follow_the_next_years_announcement(api: Api, community: Organization) -> None:
    set_clock("08:00", date(2029, 12, 20))
    manager = await create_staff(api, await Organization.get(level="city"), RoleKind.MANAGER)
    service = await create_service(community, hours=(), days_ahead=30)
    await OpeningRule.create(
        service=service, weekdays=0b0011111, opens=540, closes=600, valid_from=date(2026, 1, 1), days=RuleDays.WORKDAYS
    )
    days = [("2029-12-29", "workday"), ("2029-12-31", "holiday"), ("2030-01-01", "holiday")]
    body = {"year": 2030, "days": [{"day": day, "kind": kind, "name": "元旦"} for day, kind in days], "reason": "公布"}
    await manager.put("/staff/holidays", body)
    resident = await create_resident(api, community)
    answer = await resident.get(f"/services/{service.id}/availability", first_day="2029-12-27", days=7)
    open_days = [day["day"][5:] for day in answer["days"] if day["slots"]]
    assert open_days == ["12-27", "12-28", "12-29", "01-02"]
