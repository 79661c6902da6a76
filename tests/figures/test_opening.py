"""A number opens to the rows that it was counted from; people only before those who work there, and noted."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.settings import Settings
from server.notifications.rendering import SUBJECTS
from server.organizations.models import RoleKind
from tests.builders import create_community, create_person, create_staff, move_clock_to
from tests.clients import Api
from tests.figures.builders import count, put_rows, writing
from tests.figures.cases import CASES

ROWS = "/staff/figures/rows"
NOW = datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI)


@pytest.fixture(autouse=True)
def then(app: object) -> None:
    move_clock_to(NOW)


async def test_every_figure_opens_to_what_it_is(api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows' parts of the sums are the sums, whatever the figure."""

    async def no_words(_: list[str]) -> dict[str, dict[str, str]]:
        return {}

    # What these rows have sealed can't be opened.
    for kind in list(SUBJECTS):
        monkeypatch.setitem(SUBJECTS, kind, no_words)
    for code, case in CASES.items():
        here = await create_community()
        staff = await create_staff(api, here)
        async with writing(settings) as connection:
            await put_rows(connection, case.rows, here=here.id)
            rows = (await staff.get(ROWS, organization_id=here.id, code=code, limit=100))["items"]
            sums = [sum(row[part] for row in rows) for part in ("numerator", "denominator", "excluded")]
            assert sums == [case.numerator, case.denominator, case.excluded], code
            assert {row["organization_id"] for row in rows} <= {here.id}
            # The next case begins without these.
            for table in {table for table, _ in case.rows} - {"organization", "person", "consent"}:
                await connection.execute(f'DELETE FROM "{table}"')
            await connection.execute("DELETE FROM organization WHERE level = 'building'")
            await connection.execute("UPDATE person SET community_id = NULL")


async def test_rows_come_in_pages_with_their_words(api: Api, settings: Settings) -> None:
    here = await create_community(name="幸福社区")
    staff = await create_staff(api, here, RoleKind.OBSERVER)
    async with writing(settings) as connection:
        for day in (3, 1, 2):
            at = f"2031-03-0{day}T04:00:00Z"
            values = {"community_id": here.id, "title": f"第 {day} 天", "first_published_at": at, "picture_ids": []}
            kind = {"kind": "thing", "wished_by": "2031-06-01", "escalate_at": None}
            await put_rows(connection, [("wish", values | kind)])
    asked: dict[str, Any] = {"organization_id": here.id, "code": "wishes_posted"}
    first = await staff.get(ROWS, **asked, limit=2)
    rest = await staff.get(ROWS, **asked, limit=2, cursor=first["next_cursor"])
    rows = first["items"] + rest["items"]
    assert [(row["title"], row["kind"], row["organization_name"]) for row in rows] == [
        ("第 1 天", "wish", "幸福社区"), ("第 2 天", "wish", "幸福社区"), ("第 3 天", "wish", "幸福社区")
    ]  # fmt: skip
    assert not await AuditEntry.filter(action="open_figure").exists()
    assert (await staff.get(ROWS, **asked, month="2031-02"))["items"] == []


async def test_people_are_opened_by_those_who_work_there_alone(api: Api) -> None:
    here = await create_community()
    observer, staff = await create_staff(api, here, RoleKind.OBSERVER), await create_staff(api, here)
    person = await create_person(community=here)
    await create_person(community=await create_community())
    move_clock_to(NOW + timedelta(minutes=1))
    await observer.refused("GET", f"{ROWS}?organization_id={here.id}&code=residents", code="not_allowed")
    rows = (await staff.get(ROWS, organization_id=here.id, code="residents"))["items"]
    assert [row["id"] for row in rows] == [person.id]
    noted = await AuditEntry.get(action="open_figure")
    assert (noted.actor_id, noted.organization_id, noted.details) == (staff.person_id, here.id, {"figure": "residents"})


async def test_the_number_on_the_page_is_the_rows_behind_it(api: Api) -> None:
    here = await create_community()
    staff = await create_staff(api, here)
    for _ in range(6):
        await create_person(community=here)
    move_clock_to(NOW + timedelta(minutes=1))
    await count(clock.shanghai(clock.now()).date().replace(day=1))
    items = (await staff.get("/staff/figures", organization_id=here.id))["items"]
    assert {item["code"]: item["value_text"] for item in items}["residents"] == "6 人"
    assert len((await staff.get(ROWS, organization_id=here.id, code="residents"))["items"]) == 6
