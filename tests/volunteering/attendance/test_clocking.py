"""Coming and leaving by place, by pass and scanner, by the leader's list; for family; and what time settles."""

import asyncio
import base64
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.foundation.location import Location
from server.places.models import NoShow, Place, PlaceState
from server.volunteering.attendance.codes import read_pass, write_pass
from server.volunteering.attendance.models import Attendance, AttendanceMethod, ShiftScan
from server.volunteering.attendance.rules import CONFIRM_WITHIN, assumed_clock_out, is_plausible
from server.volunteering.attendance.settling import CLOSE_SHIFTS, SETTLE_ABSENCES
from server.volunteering.hours.models import Hours
from server.volunteering.models import Shift
from tests.builders import create_community, create_resident, create_staff, told
from tests.clients import Api
from tests.volunteering.attendance.builders import DAYS, confirm
from tests.volunteering.builders import (
    People,
    code_of,
    create_family,
    create_people,
    publish,
    publish_shift,
    shift,
    sign_up,
)

BEACH = {"longitude": 122.1, "latitude": 37.5}
AT_300_METERS = BEACH | {"latitude": 37.5027}
AT_700_METERS = BEACH | {"latitude": 37.5063}


async def at_the_beach(people: People, **more: Any) -> str:
    """A shift that begins in 3 days at a place with coordinates."""
    return await publish_shift(people, DAYS, activity={"words": {"location": BEACH}}, **more)


def scan(text: str, direction: str = "in", at: datetime | None = None) -> dict[str, Any]:
    return {
        "code": text,
        "direction": direction,
        "scanned_at": (at or clock.now()).isoformat(),
        "nonce": new_id(),
    }


async def upload(scanner: Api, shift_id: str, *scans: dict[str, Any]) -> Any:
    return (await scanner.post(f"/staff/shifts/{shift_id}/scans", {"scans": list(scans)}))["results"]


async def mark(leader: Api, shift_id: str, *marks: dict[str, Any]) -> Any:
    return (await leader.post(f"/staff/shifts/{shift_id}/marks", {"marks": list(marks)}))["results"]


async def pass_of(person: Api, sign_up_id: str) -> str:
    text: str = (await person.get(f"/sign-ups/{sign_up_id}/pass"))["code"]
    return text


# By place


async def test_by_place_within_the_radius(api: Api) -> None:
    people = await create_people(api)
    shift_id = await at_the_beach(people)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS)
    path = f"/shifts/{shift_id}/sign-in"
    problem = await people.first.refused("POST", path, {"location": AT_700_METERS}, code="too_far_away")
    assert (problem["meters"], problem["allowed_meters"]) == (701, 500)
    assert "701 米" in problem["detail"]
    await people.first.post(path, {"location": AT_300_METERS})
    clock.move_clock(DAYS + timedelta(hours=2))
    await people.first.post(f"/shifts/{shift_id}/sign-out", {"location": BEACH})
    there = await Attendance.get(sign_up_id=mine)
    assert (there.sign_in_method, there.sign_out_method) == (AttendanceMethod.PLACE, AttendanceMethod.PLACE)
    kept = await ShiftScan.all().order_by("id").values_list("refusal", "meters", "method")
    assert kept == [("too_far_away", 701, "place"), ("", 300, "place"), ("", 0, "place")]
    await confirm(people.staff, shift_id, {"sign_up_id": mine})
    assert (await people.first.get("/me/service-record/totals"))["minutes"] in (119, 120)


async def test_the_radius_is_the_organizers_to_set(api: Api) -> None:
    people = await create_people(api)
    shift_id = await at_the_beach(people)
    await sign_up(people.first, shift_id)
    path = f"/staff/activities/{(await Shift.get(id=shift_id)).activity_id}/sign-in-radius"
    stranger = await create_staff(api, await create_community())
    await stranger.refused("PUT", path, {"meters": 800}, code="not_found")
    await people.staff.refused("PUT", path, {"meters": -1}, code="invalid_fields")
    clock.move_clock(DAYS)
    body = {"location": AT_700_METERS}
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-in", body, code="too_far_away")
    await people.staff.put(path, {"meters": 0})
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-in", body, code="place_unknown")
    changed = await people.staff.put(path, {"meters": 800})
    assert changed["sign_in_meters"] == 800
    await people.first.post(f"/shifts/{shift_id}/sign-in", body)
    assert await AuditEntry.filter(action="set_sign_in_radius").count() == 2


async def test_by_place_needs_a_place_and_the_hours(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    await sign_up(people.first, shift_id)
    path = f"/shifts/{shift_id}/sign-in"
    clock.move_clock(DAYS)
    await people.first.refused("POST", path, {"location": BEACH}, code="place_unknown")
    for neither in ({}, {"location": BEACH, "code": "x"}, {"location": {"longitude": 200, "latitude": 37}}):
        await people.first.refused("POST", path, neither, code="invalid_fields")
    clock.move_clock(timedelta())
    beach = await at_the_beach(people, capacity=1)
    await sign_up(people.second, beach)
    await people.second.refused("POST", f"/shifts/{beach}/sign-in", {"location": BEACH}, code="outside_hours")


@given(east=st.floats(-0.01, 0.01), north=st.floats(-0.01, 0.01))
def test_distances_are_those_of_a_plane_nearby(east: float, north: float) -> None:
    """Within a kilometre the earth is flat: 111.19 km a degree, times the cosine from east to west."""
    flat = ((east * 111_195 * 0.79335) ** 2 + (north * 111_195) ** 2) ** 0.5
    assert abs(Location(122.1, 37.5).meters_to(Location(122.1 + east, 37.5 + north)) - flat) < 2


# By pass and scanner


async def test_a_scanner_reads_passes(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, leader_id=people.third.person_id)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    shown = await people.first.get(f"/sign-ups/{mine}/pass")
    picture = Image.open(io.BytesIO(base64.b64decode(shown["picture"])))
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [shown["code"]]
    clock.move_clock(DAYS)
    [result] = await upload(people.third, shift_id, scan(shown["code"]))
    assert (result["refusal"], result["sign_up_id"]) == ("", mine)
    assert result["sign_in_at"]
    assert not result["sign_out_at"]
    assert (await Attendance.get(sign_up_id=mine)).sign_in_method is AttendanceMethod.SCANNER
    assert await AuditEntry.filter(action="mark_attendance", actor_id=people.third.person_id).count() == 1
    for stranger in (people.second, await create_staff(api, await create_community())):
        body = {"scans": [scan(shown["code"])]}
        await stranger.refused("POST", f"/staff/shifts/{shift_id}/scans", body, code="not_found")
    assert await ShiftScan.all().count() == 1


async def test_the_same_scan_sent_again_changes_nothing(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS)
    good, bad = scan(await pass_of(people.first, mine)), scan("LP1.nonsense")
    answers = await asyncio.gather(*(upload(people.staff, shift_id, good, bad) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert [result["refusal"] for result in answers[0]] == ["", "code_invalid"]
    assert await ShiftScan.all().count() == 2
    # Another scan of the same pass later, with its own nonce: the first coming still counts.
    clock.move_clock(DAYS + timedelta(minutes=20))
    [later] = await upload(people.staff, shift_id, scan(await pass_of(people.first, mine)))
    assert later["sign_in_at"] == answers[0][0]["sign_in_at"]


async def test_offline_scans_come_later_with_their_own_time(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    text = await pass_of(people.first, mine)
    clock.move_clock(DAYS)
    begin = clock.now()
    # Sent the day after, the leaving before the coming.
    clock.move_clock(DAYS + timedelta(days=1))
    left, came = scan(text, "out", begin + timedelta(hours=2)), scan(text, "in", begin + timedelta(minutes=3))
    results = await upload(people.staff, shift_id, left, came)
    assert [result["refusal"] for result in results] == ["", ""]
    there = await Attendance.get(sign_up_id=mine)
    assert (there.sign_in_at, there.sign_out_at) == (begin + timedelta(minutes=3), begin + timedelta(hours=2))
    kept = await ShiftScan.all().order_by("scanned_at").first()
    assert kept
    assert kept.created_at - kept.scanned_at > timedelta(hours=23)
    # An earlier coming, told by another scanner, counts instead; a later one does not.
    await upload(people.staff, shift_id, scan(text, "in", begin), scan(text, "in", begin + timedelta(hours=1)))
    assert (await Attendance.get(sign_up_id=mine)).sign_in_at == begin


async def test_implausible_scans_are_refused_and_kept(api: Api) -> None:
    people = await create_people(api)
    shift_id, other = await publish_shift(people, DAYS), await publish_shift(people, DAYS + timedelta(hours=2))
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    elsewhere = (await sign_up(people.first, other))["sign_up"]["id"]
    waiting = [(await sign_up(person, other))["sign_up"]["id"] for person in (people.second, people.third)][1]
    await people.third.refused("GET", f"/sign-ups/{waiting}/pass", code="not_signed_up")
    await people.second.refused("GET", f"/sign-ups/{mine}/pass", code="not_found")
    text = await pass_of(people.first, mine)
    clock.move_clock(DAYS)
    begin = clock.now()
    cases = {
        "scan_implausible": scan(text, at=begin + timedelta(minutes=30)),
        "outside_hours": scan(text, at=begin - timedelta(hours=2, minutes=5)),
        "not_signed_in_yet": scan(text, "out"),
        "code_invalid": scan(await pass_of(people.first, elsewhere)),
    }
    for refusal, bad in cases.items():
        [result] = await upload(people.staff, shift_id, bad)
        assert result["refusal"] == refusal
        assert result["problem"]
    [result] = await upload(people.staff, shift_id, scan(write_pass(new_id())))
    assert result["refusal"] == "not_signed_up"
    [result] = await upload(people.staff, other, scan(write_pass(waiting)))
    assert result["refusal"] == "not_signed_up"
    assert await Attendance.all().count() == 0
    assert await ShiftScan.exclude(refusal="").count() == 6
    # Leaving before coming, and what is told a week later.
    await upload(people.staff, shift_id, scan(text))
    [result] = await upload(people.staff, shift_id, scan(text, "out", begin - timedelta(minutes=30)))
    assert result["refusal"] == "not_signed_in_yet"
    clock.move_clock(DAYS + timedelta(hours=2) + CONFIRM_WITHIN + timedelta(minutes=1))
    [result] = await upload(people.staff, shift_id, scan(text, "out", begin + timedelta(hours=1)))
    assert result["refusal"] == "scan_implausible"


def test_what_a_scanner_may_say() -> None:
    now = clock.now()
    minute, end = timedelta(minutes=1), now + timedelta(hours=1)
    assert is_plausible(now + 2 * minute, now, now - DAYS, end)
    assert not is_plausible(now + 3 * minute, now, now - DAYS, end)
    assert is_plausible(now - 2 * minute, now, now, end)
    assert not is_plausible(now - 3 * minute, now, now, end)
    assert is_plausible(now, end + CONFIRM_WITHIN, now - DAYS, end)
    assert not is_plausible(now, end + CONFIRM_WITHIN + minute, now - DAYS, end)


def test_passes_cannot_be_made_up(settings: Any) -> None:
    mine = new_id()
    text = write_pass(mine)
    assert read_pass(text) == mine
    for changed in (text.replace(mine, new_id()), text + "x", text[:-1], "LP1.", "LP2" + text[3:], f"LP1.{mine}."):
        assert read_pass(changed) is None


# By the leader's list


async def test_the_leader_ticks_a_list(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, capacity=3, leader_id=people.third.person_id)
    persons = (people.first, people.second, people.third)
    ids = [(await sign_up(person, shift_id))["sign_up"]["id"] for person in persons]
    clock.move_clock(DAYS + timedelta(minutes=20))
    begin = clock.now() - timedelta(minutes=20)
    results = await mark(
        people.third,
        shift_id,
        {"sign_up_id": ids[0], "direction": "in", "at": begin.isoformat()},
        {"sign_up_id": ids[1], "direction": "in"},
        {"sign_up_id": ids[2], "direction": "in"},
        {"sign_up_id": new_id(), "direction": "in"},
        {"sign_up_id": ids[1], "direction": "out", "at": (begin + timedelta(hours=3)).isoformat()},
    )
    assert [row["refusal"] for row in results] == ["", "", "own_attendance", "not_signed_up", "scan_implausible"]
    there = await Attendance.get(sign_up_id=ids[0])
    assert (there.sign_in_at, there.sign_in_method) == (begin, AttendanceMethod.LEADER)
    assert await AuditEntry.filter(action="mark_attendance").count() == 2
    body = {"marks": [{"sign_up_id": ids[0], "direction": "out"}]}
    await people.second.refused("POST", f"/staff/shifts/{shift_id}/marks", body, code="not_found")


async def test_once_confirmed_nothing_is_signed_any_more(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(minutes=100))
    await people.first.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.staff, shift_id)})
    clock.move_clock(DAYS + timedelta(minutes=130))
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 120})
    code = {"code": await code_of(people.staff, shift_id, "out")}
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-out", code, code="attendance_confirmed")
    [result] = await mark(people.staff, shift_id, {"sign_up_id": mine, "direction": "out"})
    assert result["refusal"] == "attendance_confirmed"


# For family


async def test_for_somebody_one_looks_after(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    [child] = await create_family(people.first, None)
    signed = await sign_up(people.first, shift_id, child)
    [family] = signed["sign_up"]["family"]
    clock.move_clock(DAYS)
    path, code = f"/shifts/{shift_id}/sign-in", await code_of(people.staff, shift_id)
    answer = await people.first.post(path, {"code": code, "person_id": child})
    assert (answer["sign_up"]["id"], answer["sign_up"]["person_id"]) == (family["sign_up_id"], child)
    assert await Attendance.all().values_list("sign_up_id", flat=True) == [family["sign_up_id"]]
    await people.second.refused("POST", path, {"code": code, "person_id": child}, code="not_found")
    await people.first.refused("POST", path, {"code": code, "person_id": people.second.person_id}, code="not_found")
    await people.first.get(f"/sign-ups/{family['sign_up_id']}/pass")
    # Each has hours of their own.
    clock.move_clock(DAYS + timedelta(hours=2))
    await confirm(people.staff, shift_id, {"sign_up_id": family["sign_up_id"], "minutes": 90})
    assert (await people.first.get("/me/service-record/totals"))["minutes"] == 0
    [row] = (await people.first.get("/me/hours", person_id=child))["items"]
    assert (row["minutes"], row["state"], row["person_id"]) == (90, "effective", child)
    response = await people.second.send("GET", f"/me/hours?person_id={child}")
    assert response.status_code == 404


# What time settles


async def test_forgotten_sign_outs_are_settled_by_rule_and_flagged(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, leader_id=people.third.person_id)
    ids = [(await sign_up(person, shift_id))["sign_up"]["id"] for person in (people.first, people.second)]
    clock.move_clock(DAYS + timedelta(minutes=30))
    for person in (people.first, people.second):
        await person.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.staff, shift_id)})
    clock.move_clock(DAYS + timedelta(hours=2))
    await people.second.post(f"/shifts/{shift_id}/sign-out", {"code": await code_of(people.staff, shift_id, "out")})
    clock.move_clock(DAYS + timedelta(hours=3, minutes=59))
    assert await CLOSE_SHIFTS.run() == 0
    assert await CLOSE_SHIFTS.lag() == 0
    clock.move_clock(DAYS + timedelta(hours=4, minutes=1))
    assert await CLOSE_SHIFTS.lag() > 30
    assert await CLOSE_SHIFTS.run() == 1
    assert await CLOSE_SHIFTS.run() == 0
    ends_at = (await Shift.get(id=shift_id)).ends_at
    forgot = await Attendance.get(sign_up_id=ids[0])
    assert (forgot.sign_out_at, forgot.sign_out_method) == (ends_at, AttendanceMethod.RULE)
    rows = (await people.third.get(f"/staff/shifts/{shift_id}/sign-ups"))["items"]
    assert [row["sign_out_method"] for row in rows] == ["rule", "code"]
    assert (await told(people.first))[-1] == "sign_out_assumed"
    assert "sign_out_assumed" not in await told(people.second)
    assert (await told(people.third))[-1] == "shift_to_confirm"
    # A real clocking out that comes late replaces the rule's; and the leader may say otherwise.
    text = await pass_of(people.first, ids[0])
    [result] = await upload(people.staff, shift_id, scan(text, "out", ends_at - timedelta(minutes=45)))
    assert result["refusal"] == ""
    await confirm(people.third, shift_id, {"sign_up_id": ids[0]}, {"sign_up_id": ids[1]})
    assert await Hours.get(sign_up_id=ids[0]).values_list("minutes", flat=True) in (44, 45)


def test_who_comes_after_the_end_is_taken_to_leave_at_once() -> None:
    end = clock.now()
    assert assumed_clock_out(end - timedelta(hours=1), end) == end
    assert assumed_clock_out(end + timedelta(hours=1), end) == end + timedelta(hours=1)


async def shift_of_four(api: Api) -> tuple[People, str, list[str]]:
    """One clocked in, two did not come, one cancelled."""
    people = await create_people(api)
    fourth = await create_resident(api, people.community)
    shift_id = await publish_shift(people, DAYS, capacity=4)
    persons = (people.first, people.second, people.third, fourth)
    ids = [(await sign_up(person, shift_id))["sign_up"]["id"] for person in persons]
    await fourth.post(f"/sign-ups/{ids[3]}/cancel", {})
    clock.move_clock(DAYS)
    await people.first.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.staff, shift_id)})
    return people, shift_id, ids


async def test_who_did_not_come_is_settled_once_the_leader_has_confirmed(api: Api) -> None:
    people, shift_id, ids = await shift_of_four(api)
    clock.move_clock(DAYS + timedelta(hours=2, minutes=1))
    # Confirmed at once; the codes still count for two hours, so nobody is absent yet.
    await confirm(people.staff, shift_id, {"sign_up_id": ids[0], "minutes": 120})
    await CLOSE_SHIFTS.run()
    assert await SETTLE_ABSENCES.run() == 0
    clock.move_clock(DAYS + timedelta(hours=4, minutes=1))
    await CLOSE_SHIFTS.run()
    assert await SETTLE_ABSENCES.run() == 1
    states = await Place.all().order_by("number").values_list("state", flat=True)
    assert states == ["attended", "no_show", "no_show", "cancelled"]
    for person in (people.second, people.third):
        assert (await told(person))[-1] == "shift_missed"
    audited = await AuditEntry.filter(action="mark_absent").values_list("actor_id", flat=True)
    assert audited == [None, None]
    assert await SETTLE_ABSENCES.run() == 0
    # The leader may still say that somebody was there.
    await confirm(people.staff, shift_id, {"sign_up_id": ids[1], "minutes": 60})
    assert await NoShow.filter(forgiven_at=None).count() == 1


async def test_a_leader_who_never_confirms_does_not_keep_absences_open(api: Api) -> None:
    await shift_of_four(api)
    clock.move_clock(DAYS + timedelta(hours=5))
    await CLOSE_SHIFTS.run()
    assert await SETTLE_ABSENCES.run() == 0
    clock.move_clock(DAYS + timedelta(hours=2, minutes=1) + CONFIRM_WITHIN)
    assert await SETTLE_ABSENCES.lag() > 30
    assert await SETTLE_ABSENCES.run() == 1
    states = await Place.all().order_by("number").values_list("state", flat=True)
    # Anyone who clocked in was there, and waits for the leader's word.
    assert states == ["confirmed", "no_show", "no_show", "cancelled"]


async def test_where_attendance_was_not_kept_nobody_is_absent(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    await sign_up(people.first, shift_id)
    cancelled = await publish(people.staff, people.community.id, shift(DAYS))
    await people.staff.post(f"/staff/activities/{cancelled['id']}/cancel", {"reason": "下雨"})
    clock.move_clock(DAYS + timedelta(hours=3) + CONFIRM_WITHIN)
    assert await CLOSE_SHIFTS.run() == 1
    assert await SETTLE_ABSENCES.run() == 1
    assert await NoShow.all().count() == 0
    assert (await Place.all().first()).state is PlaceState.CONFIRMED  # type: ignore[union-attr]


async def test_sweeps_and_confirmation_at_the_same_time(api: Api) -> None:
    """Several workers sweep while the leader confirms: each person is settled once, one way or the other."""
    people, shift_id, ids = await shift_of_four(api)
    clock.move_clock(DAYS + timedelta(hours=4, minutes=1))
    await confirm(people.staff, shift_id, {"sign_up_id": ids[0], "minutes": 100})
    body = {"persons": [{"sign_up_id": ids[1], "minutes": 60}, {"sign_up_id": ids[2], "is_absent": True}]}
    await asyncio.gather(
        *(CLOSE_SHIFTS.run() for _ in range(2)),
        *(people.staff.post(f"/staff/shifts/{shift_id}/attendance", body) for _ in range(2)),
        *(SETTLE_ABSENCES.run() for _ in range(2)),
    )
    await SETTLE_ABSENCES.run()
    states = await Place.all().order_by("number").values_list("state", flat=True)
    assert states == ["attended", "attended", "no_show", "cancelled"]
    assert await NoShow.filter(forgiven_at=None).count() == 1
    assert (await told(people.third)).count("shift_missed") == 1
    assert await Hours.filter(state="effective").count() == 2


@pytest.mark.parametrize("hours", [-3, 6])
async def test_a_changed_time_moves_the_hours_in_which_codes_count(api: Api, hours: int) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    begin = clock.now() + DAYS + timedelta(hours=hours)
    await people.staff.patch(f"/staff/shifts/{shift_id}", {"version": 1, "starts_at": begin.isoformat()})
    path = f"/shifts/{shift_id}/sign-in"
    clock.move_clock(DAYS + timedelta(hours=hours) - timedelta(hours=2, minutes=1))
    code = {"code": await code_of(people.staff, shift_id)}
    await people.first.refused("POST", path, code, code="outside_hours")
    clock.move_clock(DAYS + timedelta(hours=hours) - timedelta(hours=1, minutes=55))
    await people.first.post(path, {"code": await code_of(people.staff, shift_id)})
    clock.move_clock(DAYS + timedelta(hours=hours + 3))
    code = {"code": await code_of(people.staff, shift_id, "out")}
    await people.first.post(f"/shifts/{shift_id}/sign-out", code)
    await confirm(people.staff, shift_id, {"sign_up_id": mine})
    hours_row = await Hours.get(sign_up_id=mine)
    assert (hours_row.minutes, abs(hours_row.starts_at - begin) < timedelta(seconds=2)) == (120, True)
