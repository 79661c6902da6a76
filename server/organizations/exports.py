"""Lists that go out as .xlsx, for people of an organization: each sheet and each file says of what, where and when it
is, and that it went out is in the audit log."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import Moment
from server.foundation.database import transaction
from server.foundation.dates import render_date, render_time
from server.foundation.errors import InvalidFields
from server.media.files import File
from server.media.spreadsheets import Cell, Column, Sheet, write_workbook
from server.organizations.queries import describe_organizations

MOST = 10_000
"""Rows of a file at most."""
LONGEST_DAYS = 366
"""Days of an export at most."""


async def export_list(
    actor_id: str,
    organization_id: str,
    action: str,
    what: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    at: str = "",
    period: str = "",
    is_cut: bool = False,
) -> File:
    """The rows as a file, which `action` in the audit log tells of. `what` they are, `at` which venue of the
    organization's, and of which `period`, in words; `is_cut`: there were more."""
    shown = list(rows)
    async with transaction():
        await record_audit(
            action,
            actor_id=actor_id,
            subject=("organization", organization_id),
            organization_id=organization_id,
            rows=len(shown),
        )
    place, now = (await describe_organizations([organization_id]))[organization_id], clock.now()
    title = "，".join(
        part
        for part in (
            " ".join(part for part in (place["full_name"], at, what) if part),
            period,
            f"{render_time(now)} 导出",
            f"仅含 {len(shown)} 条" if is_cut else f"共 {len(shown)} 条",
        )
        if part
    )
    content = await asyncio.to_thread(write_workbook, [Sheet(what, columns, shown, title)])
    name = " ".join(part for part in (place["name"], at, what, period) if part)
    return File(f"{name} {clock.shanghai(now):%Y-%m-%d %H%M}.xlsx", content)


def days_in_words(first_day: date, last_day: date) -> str:
    """Raises InvalidFields for what is no span of days, or one longer than a year."""
    if not 0 <= (last_day - first_day).days < LONGEST_DAYS:
        raise InvalidFields.of("last_day", f"起止日期应先后有序，最多 {LONGEST_DAYS} 天")
    return render_date(first_day) if first_day == last_day else f"{render_date(first_day)}至{render_date(last_day)}"


def times_in_words(since: Moment | None, until: Moment | None) -> str:
    parts = (f"{render_time(since)} 起" if since else "", f"{render_time(until)} 前" if until else "")
    return "、".join(part for part in parts if part)


def yes(value: object) -> str:
    """是, or nothing."""
    return "是" if value else ""
