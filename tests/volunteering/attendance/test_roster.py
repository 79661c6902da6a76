"""The roster: its export, and how long and to whom phone numbers are shown."""

import io
import re
from datetime import timedelta
from urllib.parse import unquote

import openpyxl

from server.accounts.details import save_details
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.volunteering.attendance.rules import CONFIRM_WITHIN
from server.volunteering.attendance.settling import CLOSE_SHIFTS
from tests.builders import create_community, create_staff
from tests.clients import Api
from tests.volunteering.attendance.builders import DAYS, confirm
from tests.volunteering.builders import code_of, create_people, publish_shift, sign_up

TITLED = {"words": {"title": "清洁家园 / 东门"}}


async def export(caller: Api, shift_id: str) -> list[list[object]]:
    """The rows of the exported file below its title."""
    response = await caller.send("GET", f"/staff/shifts/{shift_id}/roster/export")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].endswith("spreadsheetml.sheet")
    name = unquote(response.headers["content-disposition"]).removeprefix("attachment; filename*=UTF-8''")
    # Without the slash of its title: no name of Windows' has one.
    assert re.fullmatch(r"清洁家园(  东门)? 花名册 \d{4}-\d\d-\d\d \d{4}\.xlsx", name), name
    page = openpyxl.load_workbook(io.BytesIO(response.content)).active
    assert page is not None
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)
    assert (page.print_title_rows, page.page_setup.orientation) == ("$1:$2", "landscape")
    title, *rows = [list(row) for row in page.iter_rows(values_only=True)]
    said = r"\S+ “清洁家园( / 东门)?”花名册，\S+日（周.）[\d:–]+，[^，]+，\S+ [\d:]+ 导出，共 \d 人"
    assert re.fullmatch(said, str(title[0])), title
    return rows


async def test_the_leader_exports_the_roster_and_it_is_audited(api: Api) -> None:
    people = await create_people(api)
    role = {"name": '=HYPERLINK("http://x","领奖")', "capacity": 2}
    shift_id = await publish_shift(people, DAYS, roles=[role], leader_id=people.third.person_id, activity=TITLED)
    await save_details(people.first.person_id, real_name="王秀英", phone="13800001111")
    await save_details(people.second.person_id, real_name="=1+1", phone="13900002222")
    ids = [(await sign_up(person, shift_id))["sign_up"]["id"] for person in (people.first, people.second)]
    head, *rows = await export(people.third, shift_id)
    assert head[:3] == ["序号", "姓名", "手机号"]
    # What people wrote stays what they wrote, and is no formula.
    assert [row[:4] for row in rows] == [
        [1, "王秀英", "13800001111", role["name"]],
        [2, "=1+1", "13900002222", role["name"]],
    ]
    audited = await AuditEntry.filter(action="export_shift_roster").values_list("person_id", "actor_id")
    expected = [(person.person_id, people.third.person_id) for person in (people.first, people.second)]
    assert sorted(audited) == sorted(expected)
    for stranger in (people.first, await create_staff(api, await create_community())):
        await stranger.refused("GET", f"/staff/shifts/{shift_id}/roster/export", code="not_found")
    # After the shift: what was settled by rule is flagged, what was confirmed is there.
    clock.move_clock(DAYS)
    for person in (people.first, people.second):
        await person.post(f"/shifts/{shift_id}/sign-in", {"code": await code_of(people.staff, shift_id)})
    clock.move_clock(DAYS + timedelta(hours=5))
    await CLOSE_SHIFTS.run()
    await confirm(people.staff, shift_id, {"sign_up_id": ids[0], "minutes": 100})
    _, first, second = await export(people.staff, shift_id)
    assert (first[6], second[6]) == (100, None)
    assert (first[7], second[7]) == ("忘记签退，按结束时间计",) * 2
    assert "年" in str(first[4])
    assert "年" in str(first[5])


async def test_phone_numbers_are_shown_as_long_as_they_are_needed(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    await save_details(people.first.person_id, real_name="王秀英", phone="13800001111")
    await sign_up(people.first, shift_id)
    path = f"/staff/shifts/{shift_id}/roster"
    clock.move_clock(DAYS + timedelta(hours=2) + CONFIRM_WITHIN - timedelta(minutes=1))
    assert (await people.staff.get(path))["items"][0]["phone"] == "13800001111"
    clock.move_clock(DAYS + timedelta(hours=2) + CONFIRM_WITHIN + timedelta(minutes=1))
    [row] = (await people.staff.get(path))["items"]
    assert (row["name"], row["phone"]) == ("王秀英", "")
    assert (await export(people.staff, shift_id))[1][2] in (None, "")
