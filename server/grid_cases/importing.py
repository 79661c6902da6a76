"""A city's categories and standards as one table, read from a file: the whole set at once, again whenever it changes.

`categories.csv` beside this is a set to begin with: the classes of GB/T 30428 (部件 B, 事件 S, with the city's own
numbers below them), services F, and limits as in cities' handbooks. A city writes its own over it."""

import asyncio
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from server.calendars.working_time import Pace
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.errors import InvalidFields, Refusal
from server.grid_cases.categories import CategoryContent, Standard, write_category
from server.grid_cases.models import CaseKind
from server.media.spreadsheets import read_rows

MAX_ROWS = 1000
HEADINGS = {
    "编码": "code",
    "名称": "name",
    "类型": "kind",
    "上级编码": "parent_code",
    "处置时限": "amount",
    "处置计时": "pace",
    "答复时限": "answer_amount",
    "答复计时": "answer_pace",
    "立案分钟": "file_minutes",
    "派遣分钟": "dispatch_minutes",
    "接件分钟": "accept_minutes",
    "立案条件": "file_when",
    "结案条件": "close_when",
    "责任单位": "responsible",
    "须传照片": "needs_photos",
}
_PACES = {
    "连续计时": (Pace.RUNNING, 1),
    "小时": (Pace.RUNNING, 60),
    "工作时间": (Pace.WORKING_HOURS, 1),
    "工作日": (Pace.WORKING_DAYS, 1),
    "自然日": (Pace.CALENDAR_DAYS, 1),
}
"""Word → pace, and its minutes or days."""
_KINDS = {kind.word: str(kind) for kind in CaseKind}
_OF_CATEGORY = ("code", "name", "kind", "parent_code")


class CategoriesRefused(Exception):
    """The file cannot be taken in; its words are for whoever has written it, a line for each row that is wrong."""


def starting_set() -> bytes:
    """The table that the software brings along."""
    return resources.files("server.grid_cases").joinpath("categories.csv").read_bytes()


def read_categories(data: bytes) -> list[CategoryContent]:
    """Headings first, whatever the order of their rows. Raises CategoriesRefused with all that is wrong."""
    try:
        heads, *rows = read_rows(data, MAX_ROWS)
    except Refusal as refusal:
        raise CategoriesRefused(refusal.detail or refusal.title) from None
    except ValueError:
        raise CategoriesRefused("文件是空的") from None
    if heads != list(HEADINGS):
        raise CategoriesRefused(f"第一行应为：{','.join(HEADINGS)}")
    contents, wrong = [], []
    for line, row in enumerate(rows, 2):
        try:
            contents.append(_content(row))
        except (KeyError, ValueError) as error:
            wrong.append(f"第 {line} 行：{_why(error)}")
    codes = [content.code for content in contents]
    wrong += [f"编码 {code} 出现了不止一次" for code in sorted({code for code in codes if codes.count(code) > 1})]
    if wrong:
        raise CategoriesRefused("\n".join(wrong))
    return sorted(contents, key=lambda content: (content.parent_code is not None, content.code))


def _content(row: Sequence[str]) -> CategoryContent:
    cells = dict(zip(HEADINGS.values(), [*row, *[""] * len(HEADINGS)], strict=False))
    cells["kind"] = _KINDS.get(cells["kind"], "")
    values: dict[str, Any] = {name: cells[name] or None for name in _OF_CATEGORY}
    told: dict[str, Any] = {name: cells[name] for name in cells if name not in _OF_CATEGORY and cells[name]}
    if told:
        for amount, pace in (("amount", "pace"), ("answer_amount", "answer_pace")):
            if pace in told:
                found, unit = _PACES[told[pace]]
                told[pace], told[amount] = str(found), int(told.get(amount, 0)) * unit
        told["needs_photos"] = told.get("needs_photos") == "是"
        values["standard"] = msgspec.convert(told, Standard, strict=False)
    return msgspec.convert(values, CategoryContent)


def _why(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"计时应为{'、'.join(_PACES)}之一，不是“{error.args[0]}”"
    if not isinstance(error, msgspec.ValidationError):
        return "时限应为整数"
    said = str(error)
    return next(
        (f"{head}缺失或有误" for head, name in HEADINGS.items() if f"`{name}`" in said or f".{name}`" in said), said
    )


async def import_categories(data: bytes) -> int:
    """Make or change each category of the file, all or none; what is not in it stays. Another standard is a new
    version, which counts for what is reported from now on. How many. Raises CategoriesRefused."""
    contents = await asyncio.to_thread(read_categories, data)
    async with transaction():
        for content in contents:
            try:
                await write_category(content, None, None)
            except InvalidFields as refusal:
                raise CategoriesRefused(f"{content.code} {content.name}：{refusal.errors[0].problem}") from None
        await record_audit(
            "import_case_categories", actor_id=None, subject=("case_category", None), categories=len(contents)
        )
    return len(contents)


async def import_file(path: Path | None) -> int:
    """What the command does; without a file, the set that is brought along. Its exit code."""
    try:
        count = await import_categories(await asyncio.to_thread(path.read_bytes) if path else starting_set())
    except OSError as error:
        sys.stdout.write(f"{path}: {error.strerror}\n")
        return 1
    except CategoriesRefused as refused:
        sys.stdout.write(f"{refused}\n")
        return 1
    sys.stdout.write(f"{count} categories are in force\n")
    return 0
