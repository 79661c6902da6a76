"""个人信息副本: a person's copy of all that is kept about them, as a workbook. (个人信息保护法 art. 45.)

Each feature gives its own sheets (`personal_copy.py` in its folder); tests/accounts/test_personal_data.py fails for a
new table about persons until it is in one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from server.accounts.models import Person
from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, snapshot, transaction
from server.foundation.errors import TooManyRequests
from server.media.files import File
from server.media.spreadsheets import MOST_ROWS, Column, Sheet, write_workbook
from server.wechat.message_fields import render_time

COPIES = 3
"""How many copies one gets within PERIOD: each reads everything about the person."""
PERIOD = timedelta(days=1)
ACTION = "copy_personal_data"

Source = Callable[[str], Awaitable[list[Sheet]]]

SOURCES: list[Source] = []
"""What each feature has about a person, in the order of the sheets; filled by wiring.py."""

_one_at_a_time = asyncio.Semaphore(1)


async def copy_personal_data(person_id: str) -> File:
    """Everything that is kept about the person, for the person alone; audited.

    Raises TooManyRequests (`retry_at`) after COPIES within a day.
    """
    await _count_copy(person_id)
    # Of several large ones at once, the process builds one after the other: the threads are everybody's.
    async with _one_at_a_time:
        async with snapshot():
            sheets = [sheet for source in SOURCES for sheet in await source(person_id)]
        content = await asyncio.to_thread(write_workbook, [_about(sheets), *sheets])
    return File(f"个人信息副本 {clock.shanghai(clock.now()):%Y-%m-%d %H%M}.xlsx", content)


async def name_family(person_id: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of a person's and of those they look after, with `who` they are of: the family's names are masked."""
    people = await describe_persons({row["person_id"] for row in rows} - {person_id})
    return [{**row, "who": people[row["person_id"]]["name"] if row["person_id"] in people else "本人"} for row in rows]


async def _count_copy(person_id: str) -> None:
    """The audit entry is what counts: written before anything is read, and there whatever becomes of the rest."""
    now = clock.now()
    async with transaction():
        # Asked for several times at once, each would count the others as not yet there.
        person = await Person.filter(id=person_id).select_for_update(no_key=True).get()
        rows = await fetch(
            "SELECT created_at FROM audit_entry WHERE actor_id = $1 AND action = $2 AND created_at > $3 "
            "ORDER BY created_at DESC LIMIT $4",
            person_id,
            ACTION,
            now - PERIOD,
            COPIES,
        )
        if len(rows) == COPIES:
            retry_at = rows[-1]["created_at"] + PERIOD
            raise TooManyRequests(
                f"每天最多下载 {COPIES} 次个人信息副本，请于 {render_time(retry_at)} 之后再试",
                retry_at=retry_at.isoformat(),
            )
        await record_audit(
            ACTION,
            actor_id=person_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=person.community_id,
        )


def _about(sheets: list[Sheet]) -> Sheet:
    lines: list[tuple[str, int | str, str]] = [
        ("个人信息副本", "", f"生成于 {render_time(clock.now())}，时间均为北京时间，最新的在前"),
        ("", "", "内容为您的个人信息，请妥善保管，不要转发；他人的姓名、电话不在其中，或已隐去"),
    ]
    for sheet in sheets:
        count = len(list(sheet.rows))
        lines.append((sheet.name, count, f"只含最近 {MOST_ROWS} 行" if count >= MOST_ROWS else ""))
    return Sheet("说明", (Column("工作表", 24), Column("行数", 10), Column("说明", 60)), lines)
