"""Rosters 党员名册: a spreadsheet of members, all of it checked first, imported as a whole or not at all.

Anyone on it who has not signed in yet is known as a roster entry, and becomes the person who signs in with the same
phone number AND name (accounts.merging.link_roster_entries). The same roster again changes nothing.
"""

import asyncio

import msgspec

from server.accounts.details import lock_phones, phone_index
from server.check_in.registering import (
    Outcome,
    OwnApplicationNeeded,
    Registration,
    place_member,
    require_registering,
    tell_registered,
)
from server.check_in.residence import Residence
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.errors import FieldProblem, InvalidFields, Refusal
from server.foundation.typed import name_key, person_name, phone_number, seen_text
from server.media.spreadsheets import Column, DateCell, Sheet, read_rows, write_workbook
from server.members.homes import find_home_by_name
from server.members.models import MemberKind
from server.organizations.access import OwnMatter
from server.organizations.queries import require_community

MAX_ROWS = 500
"""Members on one roster."""
_MAX_PROBLEMS = 200
"""Problems that are told at once; how many there are is told too."""

COLUMNS = {
    "name": Column("姓名", 12),
    "phone": Column("手机号", 16),
    "kind": Column("党员类别", 14, tuple(kind.word for kind in MemberKind)),
    "home": Column("所属党组织", 36),
    "estate": Column("小区", 20),
    "building": Column("楼栋", 14),
    "note": Column("备注", 30),
}
"""What a roster has, by the names that problems are told with."""
_BY_HEADING = {column.heading: key for key, column in COLUMNS.items()}
_MAX_TITLES = 5
_NEEDED = ("name", "phone", "kind", "home", "estate")
_LIMITS = {"name": 40, "home": 100, "estate": 50, "building": 50, "note": 200}
_KINDS = {kind.word: kind for kind in MemberKind} | {kind.word.removesuffix("党员"): kind for kind in MemberKind}
_ONE_OF_KINDS = f"{'、'.join(kind.word for kind in MemberKind)}之一"


class RosterInvalid(Refusal):
    """Nothing was imported. `errors` tells row (as the spreadsheet counts them) and column; `problems` is how many."""

    code, title, status = "roster_invalid", "名册中有错误，没有导入任何内容", 422

    @classmethod
    def of_problems(cls, problems: list[FieldProblem]) -> "RosterInvalid":
        told = f"共 {len(problems)} 处错误，请修改后重新上传"
        return cls(told, errors=problems[:_MAX_PROBLEMS], problems=len(problems))


class RosterResult(msgspec.Struct):
    """What an import did, or would do: members registered, members about whom something changed, and all the others."""

    rows: int
    created: int
    updated: int
    unchanged: int
    imported: bool


class _CheckedOnly(Exception):
    """Takes the import back after a trial."""


async def import_roster(
    actor_id: str, community_id: str, data: bytes, *, agreed: bool, check_only: bool = False
) -> RosterResult:
    """Staff register all members on a spreadsheet, their check-ins confirmed; with `check_only`, see what it would do.

    Raises NotAllowed, InvalidFields (the members were not asked), TooLarge, SheetUnreadable, RosterInvalid.
    """
    await require_registering(actor_id, community_id, agreed)
    rows = await asyncio.to_thread(read_rows, data, MAX_ROWS)
    registrations, problems = await _read_registrations(rows)
    counts = dict.fromkeys(Outcome, 0)
    try:
        if problems:
            raise RosterInvalid.of_problems(problems)
        async with transaction():
            await require_community(community_id)
            counts = await _place_all(actor_id, community_id, registrations)
            if check_only:
                raise _CheckedOnly
            await record_audit(
                "import_roster",
                actor_id=actor_id,
                subject=("organization", community_id),
                organization_id=community_id,
                created=counts[Outcome.CREATED],
                updated=counts[Outcome.UPDATED],
                unchanged=counts[Outcome.UNCHANGED],
            )
    except _CheckedOnly:
        pass
    except RosterInvalid as refused:
        # That it was tried stays on record: a roster is also a way to ask who is known.
        await record_audit(
            "refuse_roster",
            actor_id=actor_id,
            subject=("organization", community_id),
            organization_id=community_id,
            rows=len(rows),
            problems=refused.facts["problems"],
        )
        raise
    return RosterResult(
        len(registrations),
        counts[Outcome.CREATED],
        counts[Outcome.UPDATED],
        counts[Outcome.UNCHANGED],
        imported=not check_only,
    )


async def write_template() -> bytes:
    """The .xlsx to fill in, with a sheet that explains it."""
    explained = [
        ["姓名", "必填，与身份证一致。"],
        ["手机号", "必填，党员本人的手机号。本人用同一手机号和姓名登录后，自动与名册对应。"],
        ["党员类别", f"必填，{_ONE_OF_KINDS}。"],
        ["所属党组织", "必填，党员组织关系所在的党组织全称；与系统名单中的名称一致时自动对应，否则由工作人员匹配。"],
        ["小区", "必填，居住的小区，如：阳光花园。"],
        ["楼栋", "如：3号楼。"],
        ["备注", "仅工作人员可见。"],
        ["说明", f"标题行请勿修改，上方可以有表名；每行一名党员，一次最多 {MAX_ROWS} 行。任何一行有误，都不会导入。"],
        ["示例", "王小明 | 13800000000 | 在职党员 | 市教育局机关党委第二支部 | 阳光花园 | 3号楼 |"],
    ]
    sheets = [
        Sheet("党员名册", list(COLUMNS.values())),
        Sheet("填写说明", [Column("栏目", 14), Column("怎么填", 90)], explained),
    ]
    return await asyncio.to_thread(write_workbook, sheets)


async def _place_all(actor_id: str, community_id: str, rows: dict[int, Registration]) -> dict[Outcome, int]:
    """Everybody on the roster, in the caller's transaction. Raises RosterInvalid."""
    # The race: somebody signs in with a number on this roster while it is imported. Either they find the entry, or the
    # import finds them; without the lock both could look before the other is there, and the entry would stay unlinked.
    await lock_phones(phone_index(registration.phone) for registration in rows.values())
    counts = dict.fromkeys(Outcome, 0)
    problems: list[FieldProblem] = []
    registered = []
    for number, registration in rows.items():
        try:
            placed = await place_member(actor_id, community_id, registration)
        except (OwnApplicationNeeded, OwnMatter) as refused:
            problems.append(FieldProblem(f"rows.{number}.phone", refused.title))
            continue
        counts[placed.outcome] += 1
        if placed.outcome is not Outcome.UNCHANGED:
            registered.append(placed.person_id)
    if problems:
        raise RosterInvalid.of_problems(problems)
    await tell_registered(community_id, registered)
    return counts


async def _read_registrations(rows: list[list[str]]) -> tuple[dict[int, Registration], list[FieldProblem]]:
    """Row number → member, and everything that is wrong."""
    if not rows:
        return {}, [FieldProblem("rows.1", "表格是空的")]
    top = find_headings(rows)
    places, problems = _find_columns(rows[top], top + 1)
    if problems:
        return {}, problems
    found: dict[int, Registration] = {}
    seen: dict[tuple[str, str], int] = {}
    homes: dict[str, str | None] = {}
    for number, row in enumerate(rows[top + 1 :], top + 2):
        if not any(row):
            continue
        cells = {key: row[place] if place < len(row) else "" for key, place in places.items()}
        wrong = _check_cells(cells)
        problems += [FieldProblem(f"rows.{number}.{key}", problem) for key, problem in wrong.items()]
        if wrong:
            continue
        who = (phone_number(cells["phone"]), name_key(cells["name"]))
        if who in seen:
            problems.append(FieldProblem(f"rows.{number}.phone", f"与第 {seen[who]} 行重复"))
            continue
        seen[who] = number
        if cells["home"] not in homes:
            homes[cells["home"]] = await find_home_by_name(cells["home"])
        found[number] = Registration(
            real_name=cells["name"],
            phone=cells["phone"],
            kind=_KINDS[cells["kind"]],
            home_organization_id=homes[cells["home"]],
            home_text=cells["home"],
            residence=Residence(seen_text(cells["estate"]), seen_text(cells.get("building", ""))),
            note=cells.get("note", ""),
        )
    if not found and not problems:
        problems.append(FieldProblem(f"rows.{top + 2}", "没有可以导入的党员"))
    return found, problems


def find_headings(rows: list[list[str]]) -> int:
    """At which row the headings stand: a title or a note may be above."""
    return next((number for number, row in enumerate(rows[:_MAX_TITLES]) if len(_known_headings(row)) > 1), 0)


def column_of(heading: str) -> str | None:
    """The column that a heading names."""
    return _BY_HEADING.get(seen_text(heading).replace(" ", "").rstrip("*"))


def _known_headings(row: list[str]) -> set[str]:
    return {key for text in row if (key := column_of(text))}


def _find_columns(heading: list[str], number: int) -> tuple[dict[str, int], list[FieldProblem]]:
    """Column → its place; in whatever order they stand. `number` is the row's."""
    places: dict[str, int] = {}
    problems = []
    for place, text in enumerate(heading):
        key = column_of(text)
        if key is None:
            problems.append(FieldProblem(f"rows.{number}.{place + 1}", f"不认识的列“{text[:20]}”，请使用下载的模板"))
        elif key in places:
            problems.append(FieldProblem(f"rows.{number}.{key}", "这一列出现了两次"))
        else:
            places[key] = place
    problems += [
        FieldProblem(f"rows.{number}.{key}", f"缺少“{COLUMNS[key].heading}”列") for key in _NEEDED if key not in places
    ]
    return places, problems


def _check_cells(cells: dict[str, str]) -> dict[str, str]:
    """Column → what is wrong with it."""
    wrong = {key: "必填" for key in _NEEDED if not seen_text(cells[key])}
    wrong |= {
        key: "单元格是日期，3-2 之类的内容会被改成日期：请把单元格格式设为“文本”后重新填写"
        for key, cell in cells.items()
        if isinstance(cell, DateCell)
    }
    for key, limit in _LIMITS.items():
        if len(cells.get(key, "")) > limit:
            wrong[key] = f"长度不能超过 {limit}"
    for key, check in (("phone", phone_number), ("name", person_name)):
        if key not in wrong:
            try:
                check(cells[key])
            except InvalidFields as invalid:
                wrong[key] = invalid.errors[0].problem
    if "kind" not in wrong and cells["kind"] not in _KINDS:
        wrong["kind"] = f"应为{_ONE_OF_KINDS}"
    return wrong
