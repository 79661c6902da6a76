"""Spreadsheets in and out: .xlsx and .csv that people fill in, and .xlsx that they download.

What comes in is hostile until it is read: its size is bounded before and after it is unpacked, XML entities are refused
(openpyxl uses defusedxml where it is installed, and it is), and formulas are never computed. What goes out holds texts
and numbers alone: a name such as `=HYPERLINK(…)` stays a text, in Excel, in WPS and after saving it as CSV.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties

from server.foundation.errors import Refusal, TooLarge

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"

MAX_BYTES = 2 * 1024 * 1024
"""Of a file that comes in."""

_MAX_UNPACKED = 30 * 1024 * 1024
_MAX_PARTS = 200
_MAX_COLUMNS = 50
_MAX_CELL = 1000
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# What Excel or WPS would compute when the text stood in a CSV file.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_TOP = Alignment(vertical="top", wrap_text=True)


class SheetUnreadable(Refusal):
    code, title, status = "sheet_unreadable", "无法读取该表格，请使用下载的模板，保存为 .xlsx 或 .csv 后上传", 422


class Column(NamedTuple):
    """A column of a sheet that goes out: its heading, its width in characters, and what may be chosen in it."""

    heading: str
    width: int = 16
    choices: Sequence[str] = ()


Cell = str | int | float | date | None


class Sheet(NamedTuple):
    """One sheet of a workbook that goes out. `title` stands above the headings: of what, where and when it is."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]] = ()
    title: str = ""


class DateCell(str):
    """The text of a cell that holds a date. In a column of texts that is Excel's doing: a typed 3-2 cannot be got
    back."""


def read_rows(data: bytes, max_rows: int) -> list[list[str]]:
    """The rows of the first sheet (or of a CSV file in UTF-8 or GB18030) as texts, the heading first.

    Row n of the file is entry n - 1; trailing empty rows are dropped. Takes up to a second: run it in a thread. Raises
    TooLarge (bytes, unpacked bytes, rows, columns, a cell) or SheetUnreadable.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"文件不能超过 {MAX_BYTES // 1024 // 1024} MB")
    if data.startswith(_OLD_EXCEL):
        raise SheetUnreadable("不支持旧版 .xls 文件，请另存为 .xlsx 后上传")
    rows: list[list[str]] = []
    for row in _read_xlsx(data) if data.startswith(_ZIP) else _read_csv(data):
        while row and not row[-1]:
            row.pop()
        if len(row) > _MAX_COLUMNS or any(len(cell) > _MAX_CELL for cell in row):
            raise TooLarge("表格列数过多，或单元格内容过长")
        rows.append(row)
        # Empty rows far below the last entry do not count, but are not read for ever either.
        if len(rows) > max_rows + 1 and row:
            raise TooLarge(f"一次最多 {max_rows} 行")
        if len(rows) > 10 * max_rows:
            raise TooLarge(f"一次最多 {max_rows} 行")
    while rows and not rows[-1]:
        rows.pop()
    return rows


def write_workbook(sheets: Sequence[Sheet]) -> bytes:
    """An .xlsx file. Takes a while for thousands of rows: run it in a thread."""
    workbook = openpyxl.Workbook(write_only=True)
    for sheet in sheets:
        page = workbook.create_sheet(sheet.name)
        page.freeze_panes = "A3" if sheet.title else "A2"
        # On paper: as wide as the page, and every page has the headings.
        page.page_setup.orientation, page.page_setup.fitToHeight = "landscape", 0
        page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        page.print_title_rows = "1:2" if sheet.title else "1:1"
        for number, column in enumerate(sheet.columns, 1):
            letter = get_column_letter(number)
            page.column_dimensions[letter].width = column.width
            if not sheet.rows:
                # To be filled in: a typed 3-2 stays a building, and does not become the second of March.
                page.column_dimensions[letter].number_format = "@"
            if column.choices:
                listed = DataValidation(type="list", formula1=f'"{",".join(column.choices)}"', allow_blank=True)
                listed.error, listed.errorTitle, listed.showErrorMessage = "请从列表中选择", "内容有误", True
                listed.add(f"{letter}2:{letter}5000")
                page.data_validations.append(listed)
        if sheet.title:
            page.append([_title(page, sheet.title)])
        page.append([_heading(page, column.heading) for column in sheet.columns])
        for row in sheet.rows:
            page.append([_cell(page, value) for value in row])
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def _read_xlsx(data: bytes) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            # zipfile never unpacks more of a part than the size that it declares.
            sizes = [part.file_size for part in parts.infolist()]
        if len(sizes) > _MAX_PARTS or sum(sizes) > _MAX_UNPACKED:
            raise TooLarge("表格内容过大")
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            page = workbook.worksheets[0]
            # A file may claim a million rows; what counts is what is there.
            page.reset_dimensions()
            for row in page.iter_rows(values_only=True):
                yield [_text(value) for value in row]
        finally:
            workbook.close()
    except Refusal:
        raise
    except Exception:
        # Broken or hostile files make the reader raise nearly anything; whatever it is, the file is to blame.
        raise SheetUnreadable() from None


def _read_csv(data: bytes) -> Iterator[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise SheetUnreadable()
    if "\x00" in text:
        raise SheetUnreadable()
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            yield [_text(cell) for cell in row]
    except csv.Error:
        raise SheetUnreadable() from None


def _text(value: Any) -> str:
    """A cell as a person reads it. Excel keeps a phone number as 13812345678.0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return DateCell(value.strftime("%Y-%m-%d"))
    # A CSV of ours, or Excel's, quotes what would be a formula with a leading apostrophe.
    text = " ".join(str(value).split())
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text


def _heading(page: Any, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(page, text)
    cell.font = Font(bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor="B8312F")
    cell.alignment = Alignment(horizontal="center", vertical="center")
    return cell


def _title(page: Any, text: str) -> WriteOnlyCell:
    cell = _cell(page, text)
    cell.font = Font(bold=True, size=13)
    # Over the columns to its right, not in ten lines above the first.
    cell.alignment = Alignment(vertical="center")
    return cell


def _cell(page: Any, value: Cell) -> WriteOnlyCell:
    cell = WriteOnlyCell(page)
    if isinstance(value, str):
        # Told to be a text, whatever it starts with; the quote keeps it one when somebody edits the cell.
        cell.value = _clean(value)
        cell.data_type = "s"
        cell.number_format = "@"
        if value.startswith(_FORMULA_STARTS):
            cell.quotePrefix = True
    else:
        cell.value = value
    cell.alignment = _TOP
    return cell


def _clean(text: str) -> str:
    """Without the control characters that no .xlsx may hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")[:32767]
