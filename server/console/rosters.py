"""A roster of members 党员名册: looked through row by row, each problem at its cell, and then imported as a whole."""

import asyncio
from typing import Any

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.uploads import read_form
from server.check_in.roster import COLUMNS, MAX_ROWS, column_of, find_headings
from server.console.rendering import render
from server.console.visits import Visit
from server.foundation.errors import Refusal
from server.media.spreadsheets import MAX_BYTES, read_rows


class RosterRow(msgspec.Struct):
    """A row of the file: what stands in each cell, and what is wrong with it."""

    number: int
    cells: list[tuple[str, str]]
    problems: list[str] = []

    @property
    def is_wrong(self) -> bool:
        return bool(self.problems) or any(problem for _, problem in self.cells)


async def show_roster(visit: Visit) -> HTTPResponse:
    """Where a roster is chosen."""
    return await _show(visit)


async def upload_roster(visit: Visit) -> HTTPResponse:
    """Look through a roster, or import it."""
    data, fields = await read_form(visit.request, (), MAX_BYTES, f"文件不能超过 {MAX_BYTES // 1024 // 1024} MB")
    visit.require_own_form(fields)
    only_look = not fields.get("sure")
    query = {
        "community_id": visit.area_id,
        "members_agreed": "true" if fields.get("members_agreed") else "false",
        "check_only": "true" if only_look else "false",
    }
    refusal, result = None, None
    try:
        result = await visit.perform("import_roster", {}, query)
    except Refusal as error:
        refusal = error
    headings, rows = await _rows(data, refusal)
    return await _show(
        visit, refusal=refusal, result=result, headings=headings, rows=rows, agreed=fields.get("members_agreed")
    )


async def _rows(data: bytes, refusal: Refusal | None) -> tuple[list[str], list[RosterRow]]:
    try:
        rows = await asyncio.to_thread(read_rows, data, MAX_ROWS)
    except Refusal:
        return [], []
    if not rows:
        return [], []
    top = find_headings(rows)
    keys = [column_of(text) for text in rows[top]]
    wrong = {problem.field: problem.problem for problem in refusal.errors} if refusal else {}
    found = []
    for number, row in enumerate(rows[top + 1 :], top + 2):
        if any(row):
            cells = [
                (row[place] if place < len(row) else "", wrong.get(f"rows.{number}.{key}", ""))
                for place, key in enumerate(keys)
            ]
            found.append(RosterRow(number, cells))
    at_cells = {f"rows.{row.number}.{key}" for row in found for key in keys}
    other = [problem for field, problem in wrong.items() if field not in at_cells]
    if other:
        found.insert(0, RosterRow(top + 1, [(text, "") for text in rows[top]], other))
    return [COLUMNS[key].heading if key else text for key, text in zip(keys, rows[top], strict=True)], found


async def _show(visit: Visit, **more: Any) -> HTTPResponse:
    refusal = more.get("refusal")
    shown = {"refusal": None, "result": None, "headings": [], "rows": [], "agreed": None} | more
    here = await visit.area()
    return render(
        visit.request, "roster.html", status=refusal.status if refusal else 200, visit=visit, here=here, **shown
    )
