"""个人信息副本: a person's copy of all that is kept about them, as a workbook. (个人信息保护法 art. 45.)

Each package declares its sheets (`personal_copy.py` in its folder); tests/accounts/test_personal_data.py fails for a
new table about persons until it is in one of them.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from server.accounts.models import Person
from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import fetch, snapshot, transaction
from server.foundation.dates import render_time
from server.foundation.errors import TooManyRequests
from server.foundation.personal_copy import Copied, Named, Sealed, Shown
from server.media.files import File
from server.media.spreadsheets import Cell, Column, Sheet, write_workbook

COPIES = 3
"""How many copies one gets within PERIOD: each reads everything about the person."""
PERIOD = timedelta(days=1)
ACTION = "copy_personal_data"

MOST_ROWS = 5000
"""Of one sheet: the latest ones, so that no copy ever takes minutes to make."""

SHEETS: list[Copied] = []
"""What each package has about a person; filled by wiring.py."""

ORDER = (
    *("基本信息", "同意记录", "家人", "志愿团队", "工作角色", "名册核对", "现场登记"),
    *("党员信息", "联系流动党员", "转入组织关系", "报到", "岗位", "作用发挥情况反馈"),
    *("微心愿", "微心愿评价与异议", "微心愿认领", "微心愿组团", "微心愿进展"),
    *("网格事项", "跟进的网格事项", "办理的网格事项", "联席会议"),
    *("志愿服务报名与出勤", "签到尝试", "服务时长", "志愿服务证明", "特长", "志愿服务评价", "爽约申诉"),
    *("预约", "场地预约", "周期预约", "预约改期", "窗口取号", "预约评价", "投诉", "值班", "上门服务"),
    *("爽约", "暂停报名与预约", "服务记录与积分", "参加的排行榜", "对社区的评价"),
    *("消息", "读过的公告", "订阅消息授权", "订阅消息授权明细", "消息偏好", "上传的图片", "内容安全检查"),
    *("登录设备", "登录工作台", "工作台登录方式", "日历订阅", "谁看过我的信息", "我的操作记录"),
)
"""Titles of the sheets as they follow each other, by what they are about; a new sheet finds its place here."""

_one_at_a_time = asyncio.Semaphore(1)


async def copy_personal_data(person_id: str) -> File:
    """Everything that is kept about the person, for the person alone; audited.

    Raises TooManyRequests (`retry_at`) after COPIES within a day.
    """
    await _count_copy(person_id)
    ordered = sorted(SHEETS, key=lambda copied: ORDER.index(copied.title))
    # Of several large ones at once, the process builds one after the other: the threads are everybody's.
    async with _one_at_a_time:
        async with snapshot():
            sheets = [await _copy(copied, person_id) for copied in ordered]
        content = await asyncio.to_thread(write_workbook, [_about(sheets), *sheets])
    return File(f"个人信息副本 {clock.shanghai(clock.now()):%Y-%m-%d %H%M}.xlsx", content)


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
                retry_after=math.ceil((retry_at - now).total_seconds()),
                retry_at=retry_at.isoformat(),
            )
        await record_audit(
            ACTION,
            actor_id=person_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=person.community_id,
        )


async def _copy(copied: Copied, person_id: str) -> Sheet:
    whose = await copied.of(person_id) if copied.of else person_id
    rows: Sequence[Any] = await fetch(f"{copied.sql} LIMIT $2", whose, MOST_ROWS)
    if copied.complete:
        rows = await copied.complete(rows)
    named = [column.value for column in copied.columns if isinstance(column, Named)]
    others = {row[name] for row in rows for name in named} - {person_id}
    people = await describe_persons(others) if others else {}

    def show(column: Shown | Sealed | Named, row: Any) -> Cell:
        if isinstance(column, Shown):
            return _in_words(column.value(row) if callable(column.value) else row[column.value], column.words)
        value = row[column.value]
        if isinstance(column, Sealed):
            return keyring().decrypt(bytes(value), column.context) if value else ""
        return "本人" if value == person_id else people[value]["name"]

    columns = [Column(column.heading, column.width) for column in copied.columns]
    return Sheet(copied.title, columns, [[show(column, row) for column in copied.columns] for row in rows])


def _in_words(value: Any, words: Mapping[Any, str]) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return render_time(value)
    if isinstance(value, list):
        return "、".join(words.get(each, each) for each in value)
    if isinstance(value, str):
        return words.get(value, value)
    shown: Cell = value
    return shown


def _about(sheets: list[Sheet]) -> Sheet:
    lines: list[tuple[str, int | str, str]] = [
        ("个人信息副本", "", f"生成于 {render_time(clock.now())}，时间均为北京时间，最新的在前"),
        ("", "", "内容为您的个人信息，请妥善保管，不要转发；他人的姓名、电话不在其中，或已隐去"),
    ]
    for sheet in sheets:
        count = len(list(sheet.rows))
        lines.append((sheet.name, count, f"只含最近 {MOST_ROWS} 行" if count >= MOST_ROWS else ""))
    return Sheet("说明", (Column("工作表", 24), Column("行数", 10), Column("说明", 60)), lines)
