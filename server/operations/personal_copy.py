"""A person's copy of the traces that they left: devices, calendars, who looked at their data, what they did."""

from typing import Any

from server.accounts.personal_copy import one_person
from server.foundation.database import fetch
from server.media.spreadsheets import MOST_ROWS, Sheet, Shown, sheet_of
from server.operations.audit_words import ACTION_WORDS


async def copy_of_traces(person_id: str) -> list[Sheet]:
    """Devices, the calendar feed, who looked at the person's data, and what the person did themselves."""
    ids = await one_person(person_id)
    return [await _devices(ids), await _feeds(ids), await _looks(ids), await _deeds(ids)]


async def _devices(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT created_at, used_at, expires_at, ended_at FROM session WHERE person_id = ANY($1) "
        "ORDER BY id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    columns = (
        Shown("登录时间", "created_at", 22),
        # It is noted once an hour at most.
        Shown("最近使用（约）", "used_at", 22),
        Shown("到期时间", "expires_at", 22),
        Shown("退出时间", "ended_at", 22),
    )
    return sheet_of("登录设备", columns, rows)


async def _feeds(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT created_at, ended_at FROM calendar_feed WHERE person_id = ANY($1) ORDER BY id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    return sheet_of("日历订阅", (Shown("开通时间", "created_at", 22), Shown("停用时间", "ended_at", 22)), rows)


async def _looks(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT a.created_at, a.action, COALESCE(o.name, '') AS organization, "
        "CASE WHEN a.actor_id IS NULL THEN '系统' ELSE '他人' END AS actor FROM audit_entry a "
        "LEFT JOIN organization o ON o.id = a.organization_id WHERE a.person_id = ANY($1) "
        "AND (a.actor_id IS NULL OR a.actor_id <> ALL($1)) ORDER BY a.id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    columns = (
        Shown("时间", "created_at", 22),
        Shown("做了什么", "action", 32),
        Shown("组织", "organization", 24),
        Shown("由谁", "actor"),
    )
    return sheet_of("谁看过我的信息", columns, [_in_words(row) for row in rows])


async def _deeds(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT created_at, action, address FROM audit_entry WHERE actor_id = ANY($1) ORDER BY id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    columns = (Shown("时间", "created_at", 22), Shown("做了什么", "action", 32), Shown("网络地址", "address", 20))
    return sheet_of("我的操作记录", columns, [_in_words(row) for row in rows])


def _in_words(row: Any) -> dict[str, Any]:
    # A deed of an older version that no longer has a name must not be in the way of the copy.
    return {**row, "action": ACTION_WORDS.get(row["action"], "其他操作")}
