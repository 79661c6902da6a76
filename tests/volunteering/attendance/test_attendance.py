"""Being there by the shift's code, and the hours that follow."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.exceptions import IntegrityError

from server.accounts.details import save_details
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import violates
from server.foundation.ids import new_id
from server.places.models import NoShow
from server.service_record.models import ServiceEntry
from server.volunteering.attendance.codes import SHIFT_CODE
from server.volunteering.attendance.models import Attendance, AttendanceMethod, Direction, ShiftScan
from server.volunteering.hours.models import Hours
from server.volunteering.hours.rules import credit
from server.volunteering.models import Shift
from tests.builders import create_community, create_resident, create_staff, told
from tests.clients import Api
from tests.volunteering.attendance.builders import DAYS, attended_shift, confirm
from tests.volunteering.builders import code_of, create_people, publish_shift, sign_up


async def test_the_main_job(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, capacity=2)
    first, second, third = [await sign_up(person, shift_id) for person in (people.first, people.second, people.third)]
    assert third["sign_up"]["state"] == "waiting"
    await people.first.post(f"/sign-ups/{first['sign_up']['id']}/cancel")
    clock.move_clock(DAYS - timedelta(minutes=10))
    for person in (people.second, people.third):
        arrived = await person.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.staff, shift_id)})
        assert arrived["sign_up"]["sign_in_at"]
    clock.move_clock(DAYS + timedelta(hours=2, minutes=1))
    for person in (people.second, people.third):
        code = await code_of(people.staff, shift_id, "out")
        await person.post(f"/shifts/{shift_id}/sign-out", {"code": code})
    ids = [second["sign_up"]["id"], third["sign_up"]["id"]]
    rows = await confirm(people.staff, shift_id, *({"sign_up_id": sign_up_id} for sign_up_id in ids))
    assert [(row["id"], row["state"], row["confirmed_minutes"]) for row in rows] == [
        (id_, "attended", 120) for id_ in ids
    ]
    for person in (people.second, people.third):
        totals = await person.get("/me/service-record/totals")
        assert (totals["minutes"], totals["points"]) == (120, 20)
        assert (await told(person))[-1] == "hours_credited"
        [entry] = (await person.get("/me/service-record"))["items"]
        assert (entry["source_kind"], entry["source_title"]) == ("hours", "清洁家园")
        assert entry["organization_name"] == "望海社区"
    assert (await people.first.get("/me/service-record/totals"))["minutes"] == 0
    mine = (await people.third.get("/me/sign-ups", past=True))["items"][0]["sign_up"]
    assert (mine["state"], mine["confirmed_minutes"]) == ("attended", 120)
    actions = await AuditEntry.filter(action="confirm_attendance").values_list("person_id", flat=True)
    assert sorted(actions) == sorted([people.second.person_id, people.third.person_id])


async def test_the_code_changes_every_thirty_seconds(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people)
    shown = await people.staff.get(f"/staff/shifts/{shift_id}/code")
    assert base64.b64decode(shown["picture"]).startswith(b"\x89PNG")
    left = (datetime.fromisoformat(shown["shown_until"]) - clock.now()).total_seconds()
    assert -1 < left <= SHIFT_CODE.seconds
    clock.move_clock(timedelta(seconds=SHIFT_CODE.seconds))
    texts = {shown["code"], await code_of(people.staff, shift_id), await code_of(people.staff, shift_id, "out")}
    assert len(texts) == 3


async def test_only_staff_and_the_leader_show_the_code(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, leader_id=people.third.person_id)
    assert await code_of(people.third, shift_id)
    stranger = await create_staff(api, await create_community())
    for caller in (people.first, stranger):
        await caller.refused("GET", f"/staff/shifts/{shift_id}/code", code="not_found")
    await api.refused("GET", f"/staff/shifts/{shift_id}/code", code="not_signed_in")
    await people.staff.refused("GET", f"/staff/shifts/{new_id()}/code", code="not_found")


async def test_a_late_phone_is_taken_within_the_next_window_and_not_later(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=1))
    await sign_up(people.first, shift_id)
    path, window = f"/shifts/{shift_id}/sign-in", SHIFT_CODE.window_at(clock.now())
    for other in (window - 2, window + 5):
        await people.first.refused(
            "POST", path, {"code": SHIFT_CODE.write(other, shift_id, Direction.IN)}, code="code_expired"
        )
    # Scanned, and then sent 30 s later.
    code = await code_of(people.staff, shift_id)
    clock.move_clock(timedelta(seconds=SHIFT_CODE.seconds - 1))
    await people.first.post(path, {"code": code})
    now = datetime(2026, 5, 1, 9, 0, 29, tzinfo=UTC)
    assert SHIFT_CODE.is_current(SHIFT_CODE.window_at(now), now)
    assert SHIFT_CODE.is_current(SHIFT_CODE.window_at(now), now + timedelta(seconds=30))
    assert not SHIFT_CODE.is_current(SHIFT_CODE.window_at(now), now + timedelta(seconds=31))
    # Two servers whose clocks are half a minute apart.
    assert SHIFT_CODE.is_current(SHIFT_CODE.window_at(now) + 1, now)
    assert not SHIFT_CODE.is_current(SHIFT_CODE.window_at(now) + 2, now)


async def test_a_code_is_useless_elsewhere(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=1), minutes=30)
    other = await publish_shift(people, timedelta(hours=2), minutes=30)
    for one in (shift_id, other):
        await sign_up(people.first, one)
    code, out = await code_of(people.staff, shift_id), await code_of(people.staff, shift_id, "out")
    path = f"/shifts/{shift_id}/sign-in"
    await people.first.refused("POST", f"/shifts/{other}/sign-in", {"code": code}, code="code_invalid")
    await people.first.refused("POST", path, {"code": out}, code="code_invalid")
    await people.first.refused("POST", path, {"code": code[:-3] + "abc"}, code="code_invalid")
    await people.first.refused("POST", path, {"code": "hello"}, code="code_invalid")
    await people.first.refused("POST", f"/shifts/{new_id()}/sign-in", {"code": code}, code="not_found")
    assert await Attendance.all().count() == 0


async def test_every_refused_scan_is_kept_with_its_reason(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, capacity=1)
    await sign_up(people.first, shift_id)
    await sign_up(people.second, shift_id)
    path = f"/shifts/{shift_id}/sign-in"

    async def code(direction: str = "in") -> dict[str, str]:
        return {"code": await code_of(people.staff, shift_id, direction)}

    await people.first.refused("POST", path, await code(), code="outside_hours")
    clock.move_clock(DAYS)
    await people.second.refused("POST", path, await code(), code="not_signed_up")
    await people.third.refused("POST", path, await code(), code="not_signed_up")
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-out", await code("out"), code="not_signed_in_yet")
    # With a key, too: a refusal must not take the row with it.
    refused = await people.first.send("POST", path, {"code": "x"}, headers={"idempotency-key": "scan-key-1"})
    assert refused.json()["code"] == "code_invalid"
    await people.first.post(path, await code())
    clock.move_clock(DAYS + timedelta(hours=4, minutes=1))
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-out", await code("out"), code="outside_hours")
    scans = await ShiftScan.all().order_by("id").values_list("refusal", flat=True)
    assert scans == [
        "outside_hours",
        "not_signed_up",
        "not_signed_up",
        "not_signed_in_yet",
        "code_invalid",
        "",
        "outside_hours",
    ]
    shown = await people.staff.get(f"/staff/shifts/{shift_id}/scans", limit=4)
    rest = await people.staff.get(f"/staff/shifts/{shift_id}/scans", limit=4, cursor=shown["next_cursor"])
    assert [item["refusal"] for item in shown["items"] + rest["items"]] == scans[::-1]
    await people.first.refused("GET", f"/staff/shifts/{shift_id}/scans", code="not_found")


async def test_scanning_twice_changes_nothing(api: Api) -> None:
    people = await create_people(api)
    shift_id, mine = await attended_shift(api, people)
    before = await Attendance.get(sign_up_id=mine)
    clock.move_clock(DAYS + timedelta(hours=3))
    for verb, direction in (("sign-in", "in"), ("sign-out", "out")):
        code = await code_of(people.staff, shift_id, direction)
        await asyncio.gather(*(people.first.post(f"/shifts/{shift_id}/{verb}", {"code": code}) for _ in range(3)))
    after = await Attendance.get(sign_up_id=mine)
    assert (after.sign_in_at, after.sign_out_at) == (before.sign_in_at, before.sign_out_at)
    assert await Attendance.all().count() == 1


async def test_confirming_twice_credits_once(api: Api) -> None:
    people = await create_people(api)
    shift_id, mine = await attended_shift(api, people)
    body = {"persons": [{"sign_up_id": mine}]}
    answers = await asyncio.gather(
        *(people.staff.send("POST", f"/staff/shifts/{shift_id}/attendance", body) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {200}
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 30})
    assert await ServiceEntry.all().values_list("minutes", flat=True) == [120]
    assert (await told(people.first)).count("hours_credited") == 1


async def test_partial_attendance_counts_in_part_and_the_leader_may_correct_it(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, leader_id=people.third.person_id)
    mine = [(await sign_up(person, shift_id))["sign_up"]["id"] for person in (people.first, people.second)]
    clock.move_clock(DAYS + timedelta(minutes=30))
    for person in (people.first, people.second):
        await person.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.third, shift_id)})
    clock.move_clock(DAYS + timedelta(minutes=76))
    await people.first.post(f"/shifts/{shift_id}/sign-out", {"code": await code_of(people.third, shift_id, "out")})
    # Anyone who has clocked out can be confirmed; the others not before the end, nor can minutes be stated.
    path = f"/staff/shifts/{shift_id}/attendance"
    for early in ({"sign_up_id": mine[1]}, {"sign_up_id": mine[0], "minutes": 90}):
        await people.third.refused("POST", path, {"persons": [early]}, code="too_early_to_confirm")
    absent = {"persons": [{"sign_up_id": mine[1], "is_absent": True}]}
    await people.third.refused("POST", path, absent, code="too_early_to_confirm")
    await confirm(people.third, shift_id, {"sign_up_id": mine[0]})
    assert (await people.first.get("/me/service-record/totals"))["minutes"] in (45, 46)
    clock.move_clock(DAYS + timedelta(hours=2, minutes=1))
    await people.third.refused("POST", path, {"persons": [{"sign_up_id": mine[1]}]}, code="invalid_fields")
    # More than the shift's two hours is never credited.
    await confirm(people.third, shift_id, {"sign_up_id": mine[1], "minutes": 600})
    assert (await people.second.get("/me/service-record/totals"))["minutes"] == 120


async def test_the_leaders_list_alone_is_enough(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(hours=3))
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 100})
    hours = await Hours.get(sign_up_id=mine)
    assert (hours.minutes, hours.state, hours.stated_by_id) == (100, "effective", people.staff.person_id)
    assert await Attendance.all().count() == 0


async def test_absence_counts_and_can_be_corrected(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(hours=3))
    for _ in range(2):
        await confirm(people.staff, shift_id, {"sign_up_id": mine, "is_absent": True})
    assert await NoShow.filter(forgiven_at=None).count() == 1
    assert (await told(people.first))[-1] == "shift_missed"
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 60})
    assert await NoShow.filter(forgiven_at=None).count() == 0
    path = f"/staff/shifts/{shift_id}/attendance"
    absent = {"persons": [{"sign_up_id": mine, "is_absent": True}]}
    await people.staff.refused("POST", path, absent, code="wrong_state")


async def test_who_may_confirm(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, leader_id=people.first.person_id, capacity=1)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    waiting = (await sign_up(people.second, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(hours=3))
    path, body = f"/staff/shifts/{shift_id}/attendance", {"persons": [{"sign_up_id": mine, "minutes": 60}]}
    await people.first.refused("POST", path, body, code="own_matter")
    await people.second.refused("POST", path, body, code="not_found")
    unknown = {"persons": [{"sign_up_id": new_id(), "minutes": 60}]}
    await people.staff.refused("POST", path, unknown, code="not_found")
    not_there = {"persons": [{"sign_up_id": waiting, "minutes": 60}]}
    await people.staff.refused("POST", path, not_there, code="wrong_state")
    assert await ServiceEntry.all().count() == 0


async def test_nothing_is_confirmed_of_what_did_not_happen(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=1))
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    code = await code_of(people.staff, shift_id)
    activity = (await people.first.get("/me/sign-ups"))["items"][0]["activity_id"]
    await people.staff.post(f"/staff/activities/{activity}/cancel", {"reason": "下雨"})
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-in", {"code": code}, code="shift_off")
    await people.staff.refused("GET", f"/staff/shifts/{shift_id}/code", code="shift_off")
    body = {"persons": [{"sign_up_id": mine, "minutes": 60}]}
    await people.staff.refused("POST", f"/staff/shifts/{shift_id}/attendance", body, code="shift_off")


async def test_no_minute_is_credited_twice(api: Api) -> None:
    people = await create_people(api)
    shift_id, mine = await attended_shift(api, people)
    await confirm(people.staff, shift_id, {"sign_up_id": mine})
    # A shift whose time was changed after the sign-up may overlap; the service refuses, and so does the database.
    clock.move_clock(timedelta())
    other = await publish_shift(people, timedelta(days=5))
    overlapping = (await sign_up(people.first, other))["sign_up"]["id"]
    credited = await Hours.get(sign_up_id=mine)
    await Shift.filter(id=other).update(
        starts_at=credited.starts_at + timedelta(minutes=60),
        ends_at=credited.ends_at + timedelta(minutes=60),
        sign_up_closes_at=credited.starts_at,
        cancel_until=credited.starts_at,
    )
    clock.move_clock(timedelta(days=6))
    body = {"persons": [{"sign_up_id": overlapping, "minutes": 120}]}
    problem = await people.staff.refused(
        "POST", f"/staff/shifts/{other}/attendance", body, code="minutes_credited_already"
    )
    assert problem["sign_up_id"] == overlapping
    assert (await people.first.get("/me/service-record/totals"))["minutes"] == 120
    # What lies beyond the credited minutes can be confirmed: the hour after the person came over.
    await Attendance.create(sign_up_id=overlapping, sign_in_method=AttendanceMethod.CODE, sign_in_at=credited.ends_at)
    await confirm(people.staff, other, {"sign_up_id": overlapping, "minutes": 60})
    assert (await people.first.get("/me/service-record/totals"))["minutes"] == 180


async def test_lists_are_masked_and_the_roster_is_audited(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=2)
    await save_details(people.first.person_id, real_name="王秀英", phone="13800001111")
    residents = [people.first, people.second, people.third]
    for person in residents:
        await sign_up(person, shift_id)
    page = await people.staff.get(f"/staff/shifts/{shift_id}/sign-ups", limit=2)
    rest = await people.staff.get(f"/staff/shifts/{shift_id}/sign-ups", limit=2, cursor=page["next_cursor"])
    rows = page["items"] + rest["items"]
    assert [row["state"] for row in rows] == ["confirmed", "confirmed", "waiting"]
    assert rows[0]["name"].startswith("王*")
    assert rows[0]["phone"] == ""
    assert await AuditEntry.filter(action="view_shift_roster").count() == 0
    roster = (await people.staff.get(f"/staff/shifts/{shift_id}/roster"))["items"]
    assert [(row["name"], row["phone"]) for row in roster] == [("王秀英", "13800001111"), ("", "")]
    audited = await AuditEntry.filter(action="view_shift_roster").values_list("person_id", flat=True)
    assert sorted(audited) == sorted([people.first.person_id, people.second.person_id])
    for path in ("sign-ups", "roster"):
        await people.third.refused("GET", f"/staff/shifts/{shift_id}/{path}", code="not_found")
    stranger = await create_resident(api, people.community)
    await stranger.refused("GET", f"/staff/shifts/{shift_id}/roster", code="not_found")


async def test_the_database_refuses_what_the_code_might_forget(app: Any, api: Api) -> None:
    people = await create_people(api)
    ids = [await publish_shift(people, timedelta(hours=hours), minutes=30) for hours in (5, 6)]
    ups = [(await sign_up(people.first, shift_id))["sign_up"]["id"] for shift_id in ids]
    start = (await Shift.get(id=ids[0])).starts_at
    times = {"starts_at": start, "ends_at": start + timedelta(minutes=60)}
    await Shift.filter(id=ids[1]).update(**times, sign_up_closes_at=start, cancel_until=start)

    async def add(index: int, begin: datetime, minutes: int = 10) -> None:
        await Hours.create(
            sign_up_id=ups[index],
            shift_id=ids[index],
            person_id=people.first.person_id,
            organization_id=people.community.id,
            starts_at=begin,
            ends_at=begin + timedelta(minutes=minutes),
            minutes=minutes,
            state="effective",
            stated_by_id=people.staff.person_id,
            effective_at=start,
        )

    async def refused(constraint: str, index: int, begin: datetime, minutes: int = 10) -> None:
        with pytest.raises(IntegrityError) as refusal:
            await add(index, begin, minutes)
        assert violates(refusal.value, constraint)

    await refused("hours_within_shift", 0, start - timedelta(minutes=1))
    await refused("hours_within_shift", 0, start + timedelta(minutes=21))
    await refused("hours_within_shift", 0, start, 31)
    await add(0, start)
    await refused("hours_no_minute_twice", 1, start + timedelta(minutes=9))
    await refused("hours_counting", 0, start + timedelta(minutes=10))
    await add(1, start + timedelta(minutes=10))
    with pytest.raises(IntegrityError):
        await Hours.filter(sign_up_id=ups[0]).update(minutes=5)
    with pytest.raises(IntegrityError):
        await Hours.filter(sign_up_id=ups[0]).delete()


def test_codes_cannot_be_made_up(settings: Any) -> None:
    shift_id = new_id()
    code = SHIFT_CODE.write(57, shift_id, Direction.IN)
    assert SHIFT_CODE.read(code) == ([shift_id, Direction.IN], 57)
    assert len(code) < 128
    for changed in (
        code.replace(".in.", ".out."),
        code.replace(".57.", ".58."),
        code.replace(shift_id, new_id()),
        "LS1.x",
        code + "x",
        f"LS1.{shift_id}.in.-1.{code.rsplit('.')[-1]}",
    ):
        assert SHIFT_CODE.read(changed) is None


MINUTE = timedelta(minutes=1)
START = datetime(2026, 5, 1, 23, 0, tzinfo=UTC)


@given(
    length=st.integers(1, 24 * 60),
    seconds_in=st.none() | st.integers(-7200, 24 * 3600),
    seconds_there=st.none() | st.integers(0, 26 * 3600),
    stated=st.none() | st.integers(0, 2000),
)
def test_credit_never_exceeds_the_shift_nor_the_presence(
    length: int, seconds_in: int | None, seconds_there: int | None, stated: int | None
) -> None:
    """Compared with counting the minutes one by one."""
    end = START + length * MINUTE
    came = None if seconds_in is None else START + timedelta(seconds=seconds_in)
    left = None if came is None or seconds_there is None else came + timedelta(seconds=seconds_there)
    result = credit(START, end, came, left, stated)
    if result is None:
        assert stated is None
        assert left is None
        return
    assert START <= result.starts_at <= result.ends_at <= end
    assert result.ends_at - result.starts_at == result.minutes * MINUTE
    if stated is not None:
        assert result.minutes == min(stated, length)
    else:
        assert came
        assert left
        present = max(timedelta(), min(left, end) - max(came, START))
        assert result.minutes == present // MINUTE
