"""Minutes that count, minutes that wait for somebody, and corrections."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from server.accounts.merging import merge_persons
from server.accounts.models import Person
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.organizations.models import Organization, RoleKind
from server.places.models import NoShow
from server.service_record.models import ServiceEntry
from server.service_record.recording import reverse_entry
from server.volunteering.attendance.rules import CONFIRM_WITHIN
from server.volunteering.hours import confirming
from server.volunteering.hours.models import Hours
from server.volunteering.hours.rules import approver_of, credit, seconds_by_day
from server.volunteering.models import Shift
from tests.builders import create_community, create_staff, move_clock_to, told
from tests.clients import Api
from tests.volunteering.attendance.builders import (
    confirm,
    minutes_of,
    served,
    shanghai_time,
    sign_up_for,
)
from tests.volunteering.builders import People, create_people, sign_up


async def managers(api: Api, people: People) -> tuple[Api, Api]:
    """The community's, and the subdistrict's."""
    subdistrict = await Organization.get(id=people.community.parent_id)
    return (
        await create_staff(api, people.community, RoleKind.MANAGER),
        await create_staff(api, subdistrict, RoleKind.MANAGER),
    )


# A day's limits


async def test_up_to_eight_hours_a_day_count_at_once(api: Api) -> None:
    people = await create_people(api)
    first = await served(people, people.first, shanghai_time(2, 8), 240)
    second = await served(people, people.first, shanghai_time(0, 13), 240)
    assert [(row.state, row.needs) for row in (first, second)] == [("effective", None)] * 2
    assert await minutes_of(people.first) == 480


async def test_hours_that_count_already_are_nobodys_to_decide(api: Api) -> None:
    people = await create_people(api)
    manager, _ = await managers(api, people)
    stranger = await create_staff(api, await create_community(), RoleKind.MANAGER)
    counted = await served(people, people.first, shanghai_time(2, 8), 240)
    for step, body in (("approve", None), ("refuse", {"reason": "时间不对"})):
        path = f"/staff/hours/{counted.id}/{step}"
        await manager.refused("POST", path, body, code="wrong_state")
        await stranger.refused("POST", path, body, code="not_found")
    assert await minutes_of(people.first) == 240


async def test_more_than_eight_hours_wait_for_the_communitys_manager(api: Api) -> None:
    people = await create_people(api)
    manager, _ = await managers(api, people)
    await served(people, people.first, shanghai_time(2, 8), 240)
    waiting = await served(people, people.first, shanghai_time(0, 13), 241)
    assert (waiting.state, waiting.needs) == ("waiting", "community")
    assert await minutes_of(people.first) == 240
    assert (await told(people.first))[-1] == "hours_waiting"
    assert await told(manager) == ["hours_to_approve"]
    # They were there, whatever becomes of the minutes.
    assert (await people.first.get("/me/sign-ups", past=True))["items"][0]["sign_up"]["state"] == "attended"
    [listed] = (await manager.get("/staff/hours", organization_id=people.community.id))["items"]
    assert (listed["id"], listed["minutes"], listed["title"]) == (waiting.id, 241, "清洁家园")
    for _ in range(2):
        approved = await manager.post(f"/staff/hours/{waiting.id}/approve")
        assert approved["state"] == "effective"
    assert await minutes_of(people.first) == 481
    assert (await told(people.first)).count("hours_credited") == 2
    assert await AuditEntry.filter(action="approve_hours", person_id=people.first.person_id).count() == 1
    assert (await manager.get("/staff/hours", organization_id=people.community.id))["items"] == []


async def test_more_than_twelve_hours_wait_for_the_subdistricts_manager(api: Api) -> None:
    people = await create_people(api)
    manager, higher = await managers(api, people)
    twelve = await served(people, people.first, shanghai_time(2, 8), 720)
    more = await served(people, people.second, shanghai_time(1, 8), 721)
    assert (twelve.needs, more.needs) == ("community", "subdistrict")
    refused = await manager.refused("POST", f"/staff/hours/{more.id}/approve", code="wrong_approver")
    assert refused["needs"] == "subdistrict"
    await higher.post(f"/staff/hours/{more.id}/approve")
    # Anyone who works above may approve what the community's manager could.
    await higher.post(f"/staff/hours/{twelve.id}/approve")
    assert (await minutes_of(people.first), await minutes_of(people.second)) == (720, 721)


async def test_managers_need_not_ask_themselves(api: Api) -> None:
    people = await create_people(api)
    manager, higher = await managers(api, people)
    ten = await served(people, people.first, shanghai_time(2, 8), 600, by=manager)
    thirteen = await served(people, people.second, shanghai_time(1, 8), 780, by=manager)
    also = await served(people, people.third, shanghai_time(1, 8), 780, by=higher)
    assert (ten.state, thirteen.state, also.state) == ("effective", "waiting", "effective")


async def test_who_may_approve(api: Api) -> None:
    people = await create_people(api)
    manager, _ = await managers(api, people)
    waiting = await served(people, people.first, shanghai_time(2, 8), 600)
    path = f"/staff/hours/{waiting.id}"
    stranger = await create_staff(api, await create_community(), RoleKind.MANAGER)
    await people.first.refused("POST", f"{path}/approve", code="not_allowed")
    for verb, body in (("approve", None), ("refuse", {"reason": "x"})):
        await people.staff.refused("POST", f"{path}/{verb}", body, code="wrong_approver")
        await stranger.refused("POST", f"{path}/{verb}", body, code="not_found")
        await manager.refused("POST", f"/staff/hours/{new_id()}/{verb}", body, code="not_found")
    listing = f"/staff/hours?organization_id={people.community.id}"
    await stranger.refused("GET", listing, code="not_allowed")
    await manager.post(f"{path}/approve")
    await manager.refused("POST", f"{path}/refuse", {"reason": "x"}, code="wrong_state")


async def test_refused_minutes_do_not_count_and_can_be_stated_anew(api: Api) -> None:
    people = await create_people(api)
    manager, _ = await managers(api, people)
    waiting = await served(people, people.first, shanghai_time(2, 8), 600)
    answer = await manager.post(f"/staff/hours/{waiting.id}/refuse", {"reason": "中午休息未扣除"})
    assert (answer["state"], answer["decision_reason"]) == ("refused", "中午休息未扣除")
    assert await minutes_of(people.first) == 0
    assert (await told(people.first))[-1] == "hours_refused"
    assert (await told(people.staff))[-1] == "hours_refused"
    inbox = await people.first.inbox()
    assert any("中午休息未扣除" in message["text"] for message in inbox)
    await manager.refused("POST", f"/staff/hours/{waiting.id}/approve", code="wrong_state")
    await confirm(people.staff, waiting.shift_id, {"sign_up_id": waiting.sign_up_id, "minutes": 480})
    assert await minutes_of(people.first) == 480
    mine = (await people.first.get("/me/hours"))["items"]
    assert [(row["state"], row["minutes"]) for row in mine] == [("effective", 480), ("refused", 600)]


async def test_a_night_is_two_days(api: Api) -> None:
    """20:00 to 06:00 are 4 hours of one day and 6 of the next, which has room for 2 more."""
    people = await create_people(api)
    night = await served(people, people.first, shanghai_time(2, 20), 600)
    assert (night.state, night.minutes) == ("effective", 600)
    morning = await served(people, people.first, shanghai_time(0, 7), 120)
    assert morning.state == "effective"
    noon = await served(people, people.first, shanghai_time(0, 12), 1)
    assert (noon.state, noon.needs) == ("waiting", "community")
    assert await minutes_of(people.first) == 720


def test_days_are_those_of_shanghai() -> None:
    begin = datetime.fromisoformat("2026-05-01T23:30:00+08:00")
    assert seconds_by_day(begin, begin + timedelta(hours=25)) == {
        begin.date(): 1800,
        begin.date() + timedelta(days=1): 86400,
        begin.date() + timedelta(days=2): 1800,
    }
    assert seconds_by_day(begin, begin) == {}
    span = (begin, begin + timedelta(hours=8, minutes=30))
    assert approver_of(span, []) is None
    assert approver_of(span, [(span[1], span[1] + timedelta(minutes=1))]) == "community"
    assert approver_of(span, [(begin - timedelta(hours=7, minutes=31), begin)]) == "community"
    assert approver_of(span, [(span[1], span[1] + timedelta(hours=4, seconds=1))]) == "subdistrict"


# Late additions


async def test_late_additions_need_a_reason_and_a_second_person(api: Api) -> None:
    people = await create_people(api)
    second = await create_staff(api, people.community)
    shift_id, mine = await sign_up_for(people, people.first, shanghai_time(1, 9), 120)
    clock.move_clock(timedelta(days=2))
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "is_absent": True})
    clock.move_clock(timedelta(days=2) + CONFIRM_WITHIN)
    path, late = f"/staff/shifts/{shift_id}/attendance", {"sign_up_id": mine, "minutes": 90}
    problem = await people.staff.refused("POST", path, {"persons": [late]}, code="invalid_fields")
    assert problem["errors"][0]["field"] == "persons.0.reason"
    await confirm(people.staff, shift_id, late | {"reason": "现场未带手机，有照片为证"})
    row = await Hours.get(sign_up_id=mine)
    assert (row.state, row.needs, row.is_late) == ("waiting", "second_person", True)
    assert await NoShow.filter(forgiven_at=None).count() == 1
    await people.staff.refused("POST", f"/staff/hours/{row.id}/approve", code="wrong_approver")
    assert (await told(second))[-1] == "hours_to_approve"
    await second.post(f"/staff/hours/{row.id}/approve")
    assert await minutes_of(people.first) == 90
    assert await NoShow.filter(forgiven_at=None).count() == 0


async def test_a_late_addition_to_a_long_day_needs_the_manager_who_is_the_second_person(api: Api) -> None:
    people = await create_people(api)
    manager, higher = await managers(api, people)
    shift_id, mine = await sign_up_for(people, people.first, shanghai_time(1, 8), 600)
    clock.move_clock(timedelta(days=2) + CONFIRM_WITHIN)
    await confirm(manager, shift_id, {"sign_up_id": mine, "minutes": 600, "reason": "补录"})
    row = await Hours.get(sign_up_id=mine)
    # Their own word is enough for the day's length, not for being late.
    assert row.needs == "second_person"
    await manager.refused("POST", f"/staff/hours/{row.id}/approve", code="wrong_approver")
    await higher.post(f"/staff/hours/{row.id}/approve")
    other_shift, other = await sign_up_for(people, people.second, shanghai_time(1, 8), 600)
    clock.move_clock(clock.offset() + timedelta(days=2) + CONFIRM_WITHIN)
    await confirm(people.staff, other_shift, {"sign_up_id": other, "minutes": 600, "reason": "补录"})
    assert (await Hours.get(sign_up_id=other)).needs == "community"


async def test_nobody_approves_their_own(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    await Person.filter(id=manager.person_id).update(community_id=people.community.id)
    row = await served(people, manager, shanghai_time(1, 8), 600)
    assert row.state == "waiting"
    await manager.refused("POST", f"/staff/hours/{row.id}/approve", code="wrong_approver")
    path = f"/staff/shifts/{row.shift_id}/attendance"
    body = {"persons": [{"sign_up_id": row.sign_up_id, "minutes": 10}]}
    await manager.refused("POST", path, body, code="own_matter")


# Corrections


async def test_a_correction_is_a_new_row(api: Api) -> None:
    people = await create_people(api)
    old = await served(people, people.first, shanghai_time(1, 9), 120)
    path = f"/staff/hours/{old.id}/correct"
    stranger = await create_staff(api, await create_community())
    await stranger.refused("POST", path, {"minutes": 60, "reason": "提前离开"}, code="not_found")
    await people.staff.refused("POST", path, {"minutes": 60, "reason": ""}, code="invalid_fields")
    made = await people.staff.post(path, {"minutes": 60, "reason": "提前离开"}, expect=201)
    assert (made["state"], made["minutes"], made["replaces_id"]) == ("effective", 60, old.id)
    assert (await Hours.get(id=old.id)).state == "replaced"
    assert (await Hours.get(id=old.id)).minutes == 120
    assert await minutes_of(people.first) == 60
    entries = await ServiceEntry.all().order_by("id").values_list("minutes", "points")
    assert entries == [(120, 20), (-120, -20), (60, 10)]
    inbox = await people.first.inbox()
    assert "由 2 小时更正为 1 小时：提前离开" in inbox[0]["text"]
    await people.staff.refused("POST", path, {"minutes": 30, "reason": "x"}, code="wrong_state")
    # Up again, more than the shift has: never beyond it. And away.
    again = await people.staff.post(f"/staff/hours/{made['id']}/correct", {"minutes": 600, "reason": "有误"})
    assert again["minutes"] == 120
    gone = await people.staff.post(f"/staff/hours/{again['id']}/correct", {"minutes": 0, "reason": "并未参加"})
    assert (gone["minutes"], gone["state"]) == (0, "effective")
    assert await minutes_of(people.first) == 0
    assert await AuditEntry.filter(action="correct_hours").count() == 3
    assert len(await ServiceEntry.all()) == 6


async def test_a_late_correction_upwards_waits_and_the_old_minutes_count_meanwhile(api: Api) -> None:
    people = await create_people(api)
    second = await create_staff(api, people.community)
    old = await served(people, people.first, shanghai_time(1, 9), 120)
    less = await people.staff.post(f"/staff/hours/{old.id}/correct", {"minutes": 60, "reason": "提前离开"})
    clock.move_clock(timedelta(days=3) + CONFIRM_WITHIN)
    path = f"/staff/hours/{less['id']}/correct"
    more = await people.staff.post(path, {"minutes": 100, "reason": "核对照片"}, expect=201)
    assert (more["state"], more["needs"], more["is_late"]) == ("waiting", "second_person", True)
    assert await minutes_of(people.first) == 60
    await people.staff.refused("POST", path, {"minutes": 110, "reason": "x"}, code="correction_waiting")
    await second.post(f"/staff/hours/{more['id']}/approve")
    assert await minutes_of(people.first) == 100
    states = await Hours.all().order_by("id").values_list("minutes", "state")
    assert states == [(120, "replaced"), (60, "replaced"), (100, "effective")]
    # Less is less at once, however late.
    await people.staff.post(f"/staff/hours/{more['id']}/correct", {"minutes": 90, "reason": "y"})
    assert await minutes_of(people.first) == 90


async def test_a_correction_upwards_follows_the_days_limits(api: Api) -> None:
    people = await create_people(api)
    manager, _ = await managers(api, people)
    row = await served(people, people.first, shanghai_time(1, 8), 600, by=manager)
    less = await people.staff.post(f"/staff/hours/{row.id}/correct", {"minutes": 480, "reason": "x"})
    more = await people.staff.post(f"/staff/hours/{less['id']}/correct", {"minutes": 540, "reason": "y"})
    assert (more["state"], more["needs"]) == ("waiting", "community")
    # Fewer minutes than before are no new ones, even where they are more than eight hours.
    await manager.post(f"/staff/hours/{more['id']}/approve")
    fewer = await people.staff.post(f"/staff/hours/{more['id']}/correct", {"minutes": 500, "reason": "z"})
    assert fewer["state"] == "effective"
    await manager.post(f"/staff/hours/{fewer['id']}/correct", {"minutes": 600, "reason": "经理更正"})
    assert await minutes_of(people.first) == 600


async def test_nobody_corrects_their_own(api: Api) -> None:
    people = await create_people(api)
    shift_id, mine = await sign_up_for(people, people.first, shanghai_time(1, 9), 60, leader_id=people.first.person_id)
    move_clock_to(shanghai_time(1, 11))
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 30})
    row = await Hours.get(sign_up_id=mine)
    # Though they lead the shift.
    await people.first.refused(
        "POST", f"/staff/hours/{row.id}/correct", {"minutes": 60, "reason": "x"}, code="own_matter"
    )


async def test_taken_out_of_the_record_by_hand_it_can_still_be_corrected(api: Api) -> None:
    people = await create_people(api)
    row = await served(people, people.first, shanghai_time(1, 9), 120)
    entry = await ServiceEntry.get(source_id=row.id)
    await reverse_entry(entry.id, "mistake")
    await people.staff.post(f"/staff/hours/{row.id}/correct", {"minutes": 30, "reason": "x"})
    assert await minutes_of(people.first) == 30


# At the same time


async def two_shifts(people: People, person: Api, minutes: int) -> list[tuple[str, str]]:
    """Of one day, one after the other, both over."""
    both = [await sign_up_for(people, person, shanghai_time(1, hour), minutes) for hour in (8, 14)]
    move_clock_to(shanghai_time(1, 23))
    return both


async def test_two_shifts_of_one_day_confirmed_at_once_see_each_other(api: Api) -> None:
    people = await create_people(api)
    both = await two_shifts(people, people.first, 300)
    await asyncio.gather(
        *(confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 300}) for shift_id, mine in both)
    )
    assert sorted(await Hours.all().values_list("state", flat=True)) == ["effective", "waiting"]
    assert await minutes_of(people.first) == 300


async def test_without_the_lock_they_would_not(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    people = await create_people(api)
    both = await two_shifts(people, people.first, 300)
    together = asyncio.Barrier(2)

    async def wait_for_the_other(_: str) -> None:
        await together.wait()

    monkeypatch.setattr(confirming, "lock_hours_of", wait_for_the_other)
    await asyncio.gather(
        *(confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 300}) for shift_id, mine in both)
    )
    assert await Hours.all().values_list("state", flat=True) == ["effective", "effective"]


async def overlapping_shifts(people: People, person: Api) -> list[tuple[str, str]]:
    """Two whose times were changed after the sign-up, so that they overlap by an hour; both over."""
    both = await two_shifts(people, person, 120)
    begin = (await Shift.get(id=both[0][0])).starts_at + timedelta(hours=1)
    times = {"starts_at": begin, "ends_at": begin + timedelta(hours=2)}
    await Shift.filter(id=both[1][0]).update(**times, sign_up_closes_at=begin, cancel_until=begin)
    return both


async def test_the_same_minutes_confirmed_at_once_are_credited_once(api: Api) -> None:
    people = await create_people(api)
    both = await overlapping_shifts(people, people.first)
    answers = await asyncio.gather(
        *(
            people.staff.send(
                "POST",
                f"/staff/shifts/{shift_id}/attendance",
                {"persons": [{"sign_up_id": mine, "minutes": 120}]},
            )
            for shift_id, mine in both
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert next(a for a in answers if a.status_code == 409).json()["code"] == "minutes_credited_already"
    assert await minutes_of(people.first) == 120


async def test_without_the_lock_the_database_still_refuses_the_same_minutes(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await create_people(api)
    both = await overlapping_shifts(people, people.first)
    together = asyncio.Barrier(2)

    async def wait_for_the_other(_: str) -> None:
        await together.wait()

    monkeypatch.setattr(confirming, "lock_hours_of", wait_for_the_other)
    answers = await asyncio.gather(
        *(
            people.staff.send(
                "POST",
                f"/staff/shifts/{shift_id}/attendance",
                {"persons": [{"sign_up_id": mine, "minutes": 120}]},
            )
            for shift_id, mine in both
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await minutes_of(people.first) == 120


async def test_approving_refusing_and_correcting_at_once(api: Api) -> None:
    people = await create_people(api)
    manager, higher = await managers(api, people)
    waiting = await served(people, people.first, shanghai_time(1, 8), 600)
    path = f"/staff/hours/{waiting.id}"
    answers = await asyncio.gather(
        manager.send("POST", f"{path}/approve"),
        higher.send("POST", f"{path}/approve"),
        manager.send("POST", f"{path}/refuse", {"reason": "x"}),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409, 409], [200, 200, 409])
    state = (await Hours.get(id=waiting.id)).state
    assert await minutes_of(people.first) == (600 if state == "effective" else 0)
    row = await served(people, people.second, shanghai_time(1, 9), 120)
    corrected = await asyncio.gather(
        *(
            people.staff.send("POST", f"/staff/hours/{row.id}/correct", {"minutes": minutes, "reason": "x"})
            for minutes in (30, 40, 50)
        )
    )
    assert sorted(answer.status_code for answer in corrected) == [201, 409, 409]
    assert await Hours.filter(sign_up_id=row.sign_up_id, state="effective").count() == 1
    assert await minutes_of(people.second) in (30, 40, 50)


# Persons who turn out to be one


async def test_merged_persons_are_credited_once_for_the_same_minutes(api: Api) -> None:
    people = await create_people(api)
    shift_id, first = await sign_up_for(people, people.first, shanghai_time(1, 9), 120)
    second = (await sign_up(people.second, shift_id))["sign_up"]["id"]
    other_shift, other = await sign_up_for(people, people.first, shanghai_time(1, 14), 60)
    move_clock_to(shanghai_time(1, 20))
    for one in (first, second):
        await confirm(people.staff, shift_id, {"sign_up_id": one, "minutes": 120})
    await confirm(people.staff, other_shift, {"sign_up_id": other, "minutes": 60})
    await merge_persons(people.first.person_id, people.second.person_id, actor_id=None)
    assert await minutes_of(people.second) == 180
    rows = await Hours.filter(person_id=people.second.person_id).order_by("id").values_list("minutes", "state")
    assert sorted(rows) == [(60, "effective"), (120, "effective"), (120, "replaced")]


# When the start is moved after people have clocked in


def test_minutes_follow_the_shift_as_it_is_when_they_are_confirmed() -> None:
    begin = datetime.fromisoformat("2026-05-01T23:00:00+08:00")
    hour = timedelta(hours=1)
    # Clocked in at half past ten for eleven; then it was moved to half past midnight.
    moved = credit(begin + 1.5 * hour, begin + 3.5 * hour, begin - 0.5 * hour, begin + 3 * hour)
    assert moved
    assert (moved.starts_at, moved.minutes) == (begin + 1.5 * hour, 90)
    assert credit(begin, begin + hour, begin + 2 * hour, begin + 3 * hour) == (begin + hour, begin + hour, 0)


async def test_many_people_of_a_shift_at_once(api: Api) -> None:
    """One confirmation of all; the answer is one transaction: a wrong one takes back the others."""
    people = await create_people(api)
    shift_id, first = await sign_up_for(people, people.first, shanghai_time(1, 9), 120, capacity=3)
    ids = [first] + [(await sign_up(person, shift_id))["sign_up"]["id"] for person in (people.second, people.third)]
    move_clock_to(shanghai_time(1, 20))
    persons: list[dict[str, Any]] = [{"sign_up_id": id_, "minutes": 60} for id_ in ids]
    body = {"persons": [*persons[:2], {"sign_up_id": ids[2]}]}
    problem = await people.staff.refused("POST", f"/staff/shifts/{shift_id}/attendance", body, code="invalid_fields")
    assert problem["errors"][0]["field"] == "persons.2.minutes"
    assert await Hours.all().count() == 0
    await confirm(people.staff, shift_id, *persons)
    assert await Hours.filter(state="effective").count() == 3
