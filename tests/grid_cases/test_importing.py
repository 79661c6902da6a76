"""Categories and their standards from a table: all of it or nothing, again and again, each change a new version."""

from typing import Any

import pytest

from server.calendars.working_time import Pace
from server.foundation.audit import AuditEntry
from server.grid_cases.importing import (
    HEADINGS,
    CategoriesRefused,
    import_categories,
    import_file,
    read_categories,
    starting_set,
)
from server.grid_cases.models import CaseCategory, CaseStandard
from tests.builders import create_community, create_resident
from tests.clients import Api

HEAD = ",".join(HEADINGS)


def table(*rows: str) -> bytes:
    return "\n".join((HEAD, *rows)).encode()


async def standard(code: str) -> Any:
    return await CaseStandard.filter(category__code=code).order_by("-number").first()


async def test_the_set_that_is_brought_along_says_what_a_city_needs(app: object, api: Api) -> None:
    beside = await CaseCategory.create(code="eigen", name="本市自定", kind="event")
    count = await import_categories(starting_set())
    assert count == await CaseCategory.all().count() - 1
    missing, sunken, danger = [await standard(code) for code in ("B0101", "B0103", "S0401")]
    assert (missing.amount, missing.pace) == (120, Pace.RUNNING), "two hours, through the night"
    assert (await standard("B0102")).amount == 240
    assert (sunken.amount, sunken.pace) == (5, Pace.WORKING_DAYS)
    assert (danger.answer_amount, danger.answer_pace) == (120, Pace.RUNNING), "life is at risk"
    assert (await standard("F0101")).answer_amount == 24 * 60
    assert (await standard("F0104")).answer_amount == 15
    for one in await CaseStandard.all():
        assert (one.file_minutes, one.dispatch_minutes) == (15, 15)
        assert all((one.file_when, one.close_when, one.responsible))
    assert (await AuditEntry.get(action="import_case_categories")).details == {"categories": count}
    resident = await create_resident(api, await create_community())
    listed = await resident.get("/case-categories")
    assert {each["kind"] for each in listed} == {"thing", "event", "service"}
    assert (await CaseCategory.get(id=beside.id)).version == 1, "what is not in the table stays"


async def test_again_changes_nothing_and_another_limit_is_a_new_version(app: object) -> None:
    rows = ("S01,市容环境,事件,,,,,,,,,,,,", "S0101,暴露垃圾,事件,S01,4,工作日,7,自然日,15,15,60,,,,是")
    await import_categories(table(*rows))
    first = await standard("S0101")
    assert (first.number, first.accept_minutes, first.needs_photos) == (1, 60, True)
    await import_categories(table(*reversed(rows)))
    assert await CaseStandard.all().count() == 1
    await import_categories(table(rows[0], rows[1].replace("4,工作日", "2,小时")))
    second = await standard("S0101")
    assert (second.number, second.amount, second.pace) == (2, 120, Pace.RUNNING)
    assert (await CaseStandard.get(id=first.id)).amount == 4


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (("S01,市容环境,东西,,,,,,,,,,,,",), "第 2 行：类型"),
        (("S01,,事件,,,,,,,,,,,,",), "第 2 行：名称"),
        (("S 1,市容,事件,,,,,,,,,,,,",), "第 2 行：编码"),
        (("S01,市容,事件,,,,,,,,,,,,", "S0101,垃圾,事件,S01,4,天,,,,,,,,,"), "第 3 行：计时应为连续计时"),
        (("S01,市容,事件,,,,,,,,,,,,", "S0101,垃圾,事件,S01,四,工作日,,,,,,,,,"), "第 3 行：时限应为整数"),
        (("S01,市容,事件,,,,,,,,,,,,", "S0101,垃圾,事件,S01,0,工作日,,,,,,,,,"), "第 3 行：处置时限"),
        (("S01,市容,事件,,,,,,,,,,,,", "S0101,垃圾,事件,S01,,,7,自然日,,,,,,,"), "第 3 行：处置时限"),
        (("S01,市容,事件,,,,,,,,,,,,", "S01,市容,事件,,,,,,,,,,,,"), "S01 出现了不止一次"),
        (("S0101,垃圾,事件,S01,4,工作日,,,,,,,,,",), "S0101 垃圾"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_taken(app: object, rows: tuple[str, ...], told: str) -> None:
    with pytest.raises(CategoriesRefused, match=told):
        await import_categories(table(*rows))
    assert not await CaseCategory.exists()
    assert not await AuditEntry.filter(action="import_case_categories").exists()


@pytest.mark.parametrize("data", [b"", "编码,名称\n1,2".encode(), b"\xd0\xcf\x11\xe0old"])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(CategoriesRefused):
        read_categories(data)


async def test_the_command_says_what_it_did(app: object, tmp_path: Any, capsys: Any) -> None:
    assert await import_file(tmp_path / "none.csv") == 1
    (tmp_path / "wrong.csv").write_bytes(table("S01,,事件,,,,,,,,,,,,"))
    assert await import_file(tmp_path / "wrong.csv") == 1
    assert "第 2 行" in capsys.readouterr().out
    assert await import_file(None) == 0
    assert "in force" in capsys.readouterr().out
