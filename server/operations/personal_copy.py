"""A person's copy of the traces that they left: devices, who looked at their data, what they did."""

from typing import Any

from server.accounts.personal_copy import one_person
from server.foundation.personal_copy import Copied, Shown
from server.operations.audit_words import ACTION_WORDS, OTHER


def _action(row: Any) -> str:
    # An action of an older version that no longer has a name must not stand in the way of the copy.
    return ACTION_WORDS.get(row["action"], OTHER)


SHEETS = (
    Copied(
        "登录设备",
        "SELECT created_at, used_at, expires_at, ended_at FROM session WHERE person_id = ANY($1) ORDER BY id DESC",
        Shown("登录时间", "created_at", 22),
        # It is noted once an hour at most.
        Shown("最近使用（约）", "used_at", 22),
        Shown("到期时间", "expires_at", 22),
        Shown("退出时间", "ended_at", 22),
        of=one_person,
    ),
    Copied(
        "登录工作台",
        "SELECT created_at, browser, address FROM console_sign_in WHERE person_id = ANY($1) ORDER BY id DESC",
        Shown("时间", "created_at", 22),
        Shown("浏览器", "browser", 24),
        Shown("网络地址", "address", 22),
        of=one_person,
    ),
    Copied(
        "工作台登录方式",
        "SELECT created_at, '密码' AS kind, NULL::timestamptz AS used_at FROM console_password "
        "WHERE person_id = ANY($1) UNION ALL SELECT created_at, name, used_at FROM console_passkey "
        "WHERE person_id = ANY($1) ORDER BY created_at",
        Shown("添加时间", "created_at", 22),
        Shown("方式", "kind", 24),
        Shown("上次使用", "used_at", 22),
        of=one_person,
    ),
    Copied(
        "谁看过我的信息",
        "SELECT a.created_at, a.action, COALESCE(o.name, '') AS organization, "
        "CASE WHEN a.actor_id IS NULL THEN '系统' ELSE '他人' END AS actor FROM audit_entry a "
        "LEFT JOIN organization o ON o.id = a.organization_id WHERE a.person_id = ANY($1) "
        "AND (a.actor_id IS NULL OR a.actor_id <> ALL($1)) ORDER BY a.id DESC",
        Shown("时间", "created_at", 22),
        Shown("做了什么", _action, 32),
        Shown("组织", "organization", 24),
        Shown("由谁", "actor"),
        of=one_person,
    ),
    Copied(
        "我的操作记录",
        "SELECT created_at, action, address FROM audit_entry WHERE actor_id = ANY($1) ORDER BY id DESC",
        Shown("时间", "created_at", 22),
        Shown("做了什么", _action, 32),
        Shown("网络地址", "address", 20),
        of=one_person,
    ),
)
