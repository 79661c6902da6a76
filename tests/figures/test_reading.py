"""One organization in a month and over time; side by side; among peers; who may read it, and what is not told."""

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from server.figures.cells import Note, cell_of, change
from server.figures.definitions import ALL, BY_CODE
from server.foundation import clock
from server.operations.audit_words import ACTION_WORDS
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_community, create_organization, create_staff, move_clock_to
from tests.clients import Api
from tests.figures.builders import MARCH, put_figure

FIGURES = "/staff/figures"
APRIL, FEBRUARY, YEAR_AGO = date(2031, 4, 1), date(2031, 2, 1), date(2030, 3, 1)
NOW = datetime(2031, 4, 15, 12, tzinfo=clock.SHANGHAI)


@pytest.fixture(autouse=True)
def then(app: object) -> None:
    move_clock_to(NOW)


@pytest.mark.parametrize(
    ("code", "sums", "shown", "note", "told"),
    [
        ("wishes_posted", (3, 0, 0), "3 个", None, (3, 0, 0)),
        ("wishes_posted", (0, 0, 0), "0 个", None, (0, 0, 0)),
        ("service_hours", (95, 0, 0), "1.6 小时", None, (95, 0, 0)),
        ("wish_stars", (44, 10, 2), "4.4 星", None, (44, 10, 2)),
        ("wish_stars", (44, 9, 2), "样本不足", Note.SMALL_SAMPLE, (44, 9, 2)),
        ("no_shows", (1, 10, 0), "10%", None, (1, 10, 0)),
        ("no_shows", (1, 9, 0), "样本不足", Note.SMALL_SAMPLE, (1, 9, 0)),
        # People: no cell under five, and none from which one could be found.
        ("residents", (5, 0, 5), "5 人", None, (5, 0, 5)),
        ("residents", (5, 0, 4), "5 人", None, (5, 0, None)),
        ("residents", (4, 0, 0), "少于 5，不显示", Note.FEW, (None, None, None)),
        ("residents", (0, 0, 0), "0 人", None, (0, 0, 0)),
        ("floating_overdue", (5, 10, 0), "50%", None, (5, 10, 0)),
        ("floating_overdue", (4, 10, 0), "少于 5，不显示", Note.FEW, (None, None, None)),
        ("floating_overdue", (6, 10, 0), "少于 5，不显示", Note.FEW, (None, None, None)),
        ("floating_overdue", (0, 10, 0), "0%", None, (0, 10, 0)),
        ("floating_overdue", (5, 9, 0), "样本不足", Note.SMALL_SAMPLE, (None, None, None)),
        ("check_in_hours", (6000, 10, 0), "10 小时", None, (6000, 10, 0)),
        ("check_in_hours", (6000, 9, 0), "样本不足", Note.SMALL_SAMPLE, (None, None, None)),
        ("residents", None, "尚未统计", Note.NOT_COUNTED, (None, None, None)),
    ],
)
def test_what_is_told_of_a_figure(code: str, sums: Any, shown: str, note: Note | None, told: tuple[Any, ...]) -> None:
    cell = cell_of(BY_CODE[code], sums)
    assert (cell.value_text, cell.why_none, (cell.numerator, cell.denominator, cell.excluded)) == (shown, note, told)
    assert (cell.value is None) == (note is not None)


def test_a_share_changes_by_points_and_all_others_in_a_hundred() -> None:
    def changed(code: str, now: Any, before: Any) -> float | None:
        return change(BY_CODE[code], cell_of(BY_CODE[code], now), cell_of(BY_CODE[code], before))

    assert changed("wishes_posted", (15, 0, 0), (12, 0, 0)) == 25.0
    assert changed("wishes_posted", (15, 0, 0), (0, 0, 0)) is None
    assert changed("no_shows", (3, 20, 0), (1, 20, 0)) == 10.0
    assert changed("no_shows", (3, 20, 0), (0, 20, 0)) == 15.0
    assert changed("no_shows", (3, 20, 0), (1, 9, 0)) is None


async def test_a_month_with_all_its_figures(api: Api) -> None:
    here, there = await create_community(), await create_community()
    staff = await create_staff(api, here, RoleKind.OBSERVER)
    for month, posted, visits in ((MARCH, 15, 40), (FEBRUARY, 12, 50), (YEAR_AGO, 10, 20), (APRIL, 4, 9)):
        await put_figure(here, "wishes_posted", posted, month=month)
        await put_figure(here, "no_shows", 4, visits, month=month)
        await put_figure(there, "wishes_posted", 999, month=month)
    shown = await staff.get(FIGURES, organization_id=here.id, month="2031-03")
    assert [item["code"] for item in shown["items"]] == [each.code for each in ALL]
    by_code = {item["code"]: item for item in shown["items"]}
    wishes, missed = by_code["wishes_posted"], by_code["no_shows"]
    assert (wishes["value"], wishes["month_on_month"], wishes["year_on_year"]) == (15, 25.0, 50.0)
    assert (missed["value_text"], missed["month_on_month"], missed["year_on_year"]) == ("10%", 2.0, -10.0)
    assert by_code["complaints"]["value_text"] == "0 件"
    assert not shown["is_open"]
    # This month is not over: nobody compares it with whole ones.
    now = await staff.get(FIGURES, organization_id=here.id)
    assert (now["month"], now["is_open"]) == ("2031-04", True)
    wishes = {item["code"]: item for item in now["items"]}["wishes_posted"]
    assert (wishes["value"], wishes["month_on_month"], wishes["year_on_year"]) == (4, None, None)
    # Of a month that was never counted nothing is said, not even zero.
    before = await staff.get(FIGURES, organization_id=here.id, month="2029-01")
    assert {item["why_none"] for item in before["items"]} == {"not_counted"}
    assert before["counted_at"] is None


async def test_a_figure_over_time(api: Api) -> None:
    here = await create_community()
    staff = await create_staff(api, here)
    for month, posted in ((MARCH, 15), (FEBRUARY, 12), (YEAR_AGO, 10)):
        await put_figure(here, "wishes_posted", posted, month=month)
    asked: dict[str, Any] = {"organization_id": here.id, "code": "wishes_posted"}
    series = await staff.get(f"{FIGURES}/series", **asked, first_month="2031-02", last_month="2031-04")
    assert [(item["month"], item["value"]) for item in series["items"]] == [
        ("2031-02", 12), ("2031-03", 15), ("2031-04", None)
    ]  # fmt: skip
    assert [item["year_on_year"] for item in series["items"]] == [None, 50.0, None]
    assert series["words"] == "心愿发布"
    usual = await staff.get(f"{FIGURES}/series", **asked)
    assert [item["month"] for item in usual["items"]][::12] == ["2030-04", "2031-04"]
    query = f"{FIGURES}/series?organization_id={here.id}&code="
    await staff.refused("GET", f"{query}nonsense", code="invalid_fields")
    for wrong in ("2031-05&last_month=2031-04", "2028-03&last_month=2031-03", "2031-13", "2031-4"):
        await staff.refused("GET", f"{query}wishes_posted&first_month={wrong}", code="invalid_fields")
    await staff.refused("GET", f"{query}wishes_posted&last_month=2031-05", code="invalid_fields")
    assert len((await staff.get(f"{FIGURES}/series", **asked, first_month="2028-05"))["items"]) == 36


async def create_street(*names: str) -> tuple[Organization, list[Organization]]:
    street = await create_organization(Level.SUBDISTRICT)
    return street, [await create_organization(Level.COMMUNITY, parent=street, name=name) for name in names]


async def test_children_and_what_is_the_parents_own_are_the_total(api: Api) -> None:
    street, (one, two, three) = await create_street("甲社区", "乙社区", "丙社区")
    staff = await create_staff(api, street)
    for where, posted, missed, visits in ((street, 30, 9, 45), (one, 10, 1, 20), (two, 14, 6, 20), (three, 0, 2, 5)):
        await put_figure(where, "wishes_posted", posted)
        await put_figure(where, "no_shows", missed, visits)
    asked: dict[str, Any] = {"organization_id": street.id, "month": "2031-03"}
    wishes = await staff.get(f"{FIGURES}/children", **asked, code="wishes_posted")
    assert [(item["name"], item["value"], item["rank"]) for item in wishes["items"]] == [
        ("甲社区", 10, 2), ("乙社区", 14, 1), ("丙社区", 0, 3)
    ]  # fmt: skip
    assert wishes["own"]["value"] == 6
    assert wishes["total"]["value"] == wishes["own"]["value"] + sum(item["value"] for item in wishes["items"])
    # Fewer are better; who has too few to say anything has no place.
    missed = await staff.get(f"{FIGURES}/children", **asked, code="no_shows")
    assert [(item["value_text"], item["rank"]) for item in missed["items"]] == [
        ("5%", 1),
        ("30%", 2),
        ("样本不足", None),
    ]
    # Nobody is better for having more complaints, or fewer.
    plain = await staff.get(f"{FIGURES}/children", **asked, code="complaints")
    assert {item["rank"] for item in plain["items"]} == {None}


async def test_a_child_stands_where_it_was_when_the_month_was_counted(api: Api) -> None:
    street, (one, two) = await create_street("甲社区", "乙社区")
    other, _ = await create_street()
    staff = await create_staff(api, street)
    newcomer = await create_staff(api, other)
    for where, posted in ((street, 24), (one, 10), (two, 14)):
        await put_figure(where, "wishes_posted", posted)
    two.parent_id, two.path = other.id, f"{other.path}.{two.id}"
    await two.save()
    asked: dict[str, Any] = {"month": "2031-03", "code": "wishes_posted"}
    then = await staff.get(f"{FIGURES}/children", organization_id=street.id, **asked)
    assert [(item["name"], item["value"]) for item in then["items"]] == [("甲社区", 10), ("乙社区", 14)]
    assert then["own"]["value"] == 0
    assert (await newcomer.get(f"{FIGURES}/children", organization_id=other.id, **asked))["items"] == []


async def test_no_cell_of_few_people_can_be_found_from_the_others(api: Api) -> None:
    street, (one, two, three) = await create_street("甲社区", "乙社区", "丙社区")
    staff = await create_staff(api, street)
    for where, number in ((street, 62), (one, 3), (two, 50), (three, 9)):
        await put_figure(where, "residents", number)
    asked: dict[str, Any] = {"organization_id": street.id, "month": "2031-03", "code": "residents"}
    shown = await staff.get(f"{FIGURES}/children", **asked)
    assert [(item["value"], item["numerator"]) for item in shown["items"]] == [(None, None), (50, 50), (None, None)]
    assert [item["rank"] for item in shown["items"]] == [None, None, None]
    assert shown["total"]["value"] == 62


async def test_among_peers_of_like_size_nobody_is_named(api: Api) -> None:
    _, places = await create_street(*(f"社区{number}" for number in range(8)))
    staff = await create_staff(api, places[0])
    for number, place in enumerate(places):
        # The last one is three times as large: no peer.
        await put_figure(place, "residents", 300 if number == 7 else 100)
        await put_figure(place, "wishes_posted", 10 + number)
        await put_figure(place, "no_shows", number, 50 if number else 4)
    asked: dict[str, Any] = {"organization_id": places[0].id, "month": "2031-03"}
    found = await staff.get(f"{FIGURES}/peers", **asked, code="wishes_posted")
    assert (found["peers"], found["standing"]) == (6, 7)
    assert (found["lower_quartile"], found["median"], found["upper_quartile"]) == (12.25, 13.5, 14.75)
    assert not any(name in str(found) for name in ("社区1", places[1].id))
    # Who has too few to say anything has no place among them either.
    missed = await staff.get(f"{FIGURES}/peers", **asked, code="no_shows")
    assert (missed["peers"], missed["standing"], missed["own"]["why_none"]) == (6, None, "small_sample")
    # With fewer than five peers, they could be told apart.
    lonely = await create_staff(api, places[7])
    alone = await lonely.get(f"{FIGURES}/peers", organization_id=places[7].id, month="2031-03", code="wishes_posted")
    assert (alone["peers"], alone["median"], alone["standing"]) == (0, None, None)


async def test_a_leader_reads_only_their_subtree(api: Api) -> None:
    street, (one, two) = await create_street("甲社区", "乙社区")
    staff = await create_staff(api, one)
    await staff.get(FIGURES, organization_id=one.id)
    for where in (street, two):
        for path in ("", "/series", "/children", "/peers", "/rows", "/export"):
            code = "" if path in ("", "/export") else "&code=wishes_posted"
            await staff.refused("GET", f"{FIGURES}{path}?organization_id={where.id}{code}", code="not_allowed")


async def test_what_counts_is_told(api: Api) -> None:
    staff = await create_staff(api, await create_community())
    told = await staff.get(f"{FIGURES}/definitions")
    assert [each["code"] for each in told] == [each.code for each in ALL]
    assert told[0]["what_counts"] == ALL[0].what_counts


async def test_figures_go_out_as_a_file(api: Api) -> None:
    street, (one, two) = await create_street("甲社区", "乙社区")
    staff = await create_staff(api, street)
    for where, number in ((street, 53), (one, 3), (two, 50)):
        await put_figure(where, "residents", number)
        await put_figure(where, "wishes_posted", number)
    answer = await staff.send("GET", f"{FIGURES}/export", params={"organization_id": street.id, "month": "2031-03"})
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)]
    wishes = {row[0]: row[2] for row in rows if row[1] == "心愿发布"}
    assert wishes == {f"{street.name}（合计）": 53, "甲社区": 3, "乙社区": 50, f"{street.name}（本级）": 0}
    # The file tells no more than the screen: what one community lacks could be found from the other.
    assert [row[2] for row in rows if row[1] == "登记居民"] == [53, None, None, 0]
    assert "2031年3月" in sheet["A1"].value
    assert ACTION_WORDS["export_figures"]
