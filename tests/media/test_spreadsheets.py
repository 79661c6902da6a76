"""Spreadsheets that come in are hostile until they are read; those that go out never compute anything."""

import contextlib
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.foundation.errors import TooLarge
from server.media.spreadsheets import MAX_BYTES, Column, Sheet, SheetUnreadable, read_rows, write_workbook

FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", '=HYPERLINK("http://evil","点我")', "\t=1", "=cmd|'/c calc'!A1"]


def workbook(*rows: Sequence[object]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


def repack(data: bytes, part: str, content: bytes) -> bytes:
    """The same workbook with another content of one part."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as parts, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in parts.namelist():
            packed.writestr(name, content if name == part else parts.read(name))
    return written.getvalue()


def test_cells_are_read_as_people_see_them() -> None:
    data = workbook(
        ["姓名", "手机号", "日期", "数", "空"],
        [" 王 小明 ", 13812345678.0, date(2026, 3, 5), 4.5, None],
        ["换\n行", 13812345678, datetime(2026, 3, 5, 8), True, ""],
        [],
        [None, None],
    )
    assert read_rows(data, 10) == [
        ["姓名", "手机号", "日期", "数", "空"],
        ["王 小明", "13812345678", "2026-03-05", "4.5"],
        ["换 行", "13812345678", "2026-03-05", "是"],
    ]


def test_formulas_are_not_computed() -> None:
    data = workbook(["a"], ["=1+1"])
    assert read_rows(data, 10) == [["a"]], "there is no value that anybody computed"
    assert read_rows(b"a,b\r\n'=1+1,x\r\n", 10) == [["a", "b"], ["=1+1", "x"]]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_goes_out_is_text(text: str) -> None:
    data = write_workbook([Sheet("名单", [Column("姓名")], [[text]])])
    cell = openpyxl.load_workbook(io.BytesIO(data))["名单"]["A2"]
    assert (cell.data_type, cell.value, cell.number_format) == ("s", text, "@")
    assert cell.quotePrefix is True
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=5), max_size=8))
def test_texts_come_back_as_they_went(rows: list[list[str]]) -> None:
    data = write_workbook([Sheet("名单", [Column("栏")] * 5, rows)])
    read = read_rows(data, 20)[1:]
    wanted = [[_plain(cell) for cell in row] for row in rows]
    while wanted and not any(wanted[-1]):
        wanted.pop()
    assert [" ".join(row).rstrip() for row in read] == [" ".join(row).rstrip() for row in wanted]


def _plain(text: str) -> str:
    """What reading makes of a text: no control characters, single spaces, no quoting apostrophe."""
    kept = " ".join("".join(letter for letter in text if letter >= " " or letter in "\n\t").split())
    return kept[1:] if kept.startswith("'") and kept[1:].startswith(("=", "+", "-", "@")) else kept


def test_numbers_and_days_stay_what_they_are() -> None:
    data = write_workbook(
        [Sheet("表", [Column("a"), Column("b", 10, ("是", "否"))], [[3, date(2026, 1, 2)], [1.5, None]])]
    )
    page = openpyxl.load_workbook(io.BytesIO(data))["表"]
    assert (page["A2"].value, page["A3"].value) == (3, 1.5)
    assert page["B2"].value == datetime(2026, 1, 2)
    assert page.freeze_panes == "A2"


def test_too_large() -> None:
    for data in (
        b"x" * (MAX_BYTES + 1),
        workbook(*[["x"]] * 12),
        workbook(["x"] * 51),
        workbook(["x" * 1001]),
        b"\r\n" * 200,
    ):
        with pytest.raises(TooLarge):
            read_rows(data, 10)
    assert len(read_rows(workbook(*[["x"]] * 11), 10)) == 11, "ten rows and the heading"


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = repack(workbook(["x"]), "xl/worksheets/sheet1.xml", b"<worksheet>" + b" " * 40_000_000 + b"</worksheet>")
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        read_rows(bomb, 10)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for number in range(300):
            packed.writestr(f"{number}.xml", b"")
    with pytest.raises(TooLarge):
        read_rows(written.getvalue(), 10)


def test_a_sheet_that_claims_a_million_rows_is_read_for_what_is_there() -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/>'
        b'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>'
    )
    assert read_rows(repack(workbook(["x"]), "xl/worksheets/sheet1.xml", sheet), 10) == [["x"]]
    far = sheet.replace(b'<row r="1"><c r="A1"', b'<row r="1048576"><c r="A1048576"')
    with pytest.raises(TooLarge):
        read_rows(repack(workbook(["x"]), "xl/worksheets/sheet1.xml", far), 10)


def test_entities_are_refused() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"):
        data = workbook(["x"])
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            content = parts.read(part)
        head, mark, tail = content.partition(b"?>") if content.startswith(b"<?xml") else (b"", b"", content)
        with pytest.raises(SheetUnreadable):
            read_rows(repack(data, part, head + mark + laughs + tail), 10)


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 100, b"\xd0\xcf\x11\xe0\xa1", b"\xff\xff\xff", b'"x', b"a\x00b"]
)
def test_what_is_no_sheet(data: bytes) -> None:
    with pytest.raises(SheetUnreadable):
        read_rows(data, 10)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_do_harm(data: bytes) -> None:
    for attempt in (data, b"PK\x03\x04" + data):
        with contextlib.suppress(SheetUnreadable, TooLarge):
            read_rows(attempt, 10)
