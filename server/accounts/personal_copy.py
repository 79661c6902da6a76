"""A person's copy of what accounts know: who they are, consents, family and roles."""

from collections.abc import Sequence
from typing import Any

from server.accounts.details import read_details
from server.accounts.models import ConsentKind, LinkState, PersonOrigin, Relation
from server.foundation.database import fetch
from server.foundation.dates import render_date
from server.foundation.personal_copy import Copied, Named, Shown
from server.foundation.words import words_of
from server.organizations.models import RoleKind


async def one_person(person_id: str) -> list[str]:
    """The person, and the persons that turned out to be them."""
    rows = await fetch(
        "WITH RECURSIVE one AS (SELECT $1::uuid AS id UNION SELECT p.id FROM person p JOIN one "
        "ON p.merged_into_id = one.id) SELECT id FROM one",
        person_id,
    )
    return [person_id, *sorted(row["id"] for row in rows if row["id"] != person_id)]


async def _facts(persons: Sequence[Any]) -> list[dict[str, Any]]:
    """What is known of each, and the accounts with which they sign in, line by line."""
    ids = [person["id"] for person in persons]
    details = await read_details(ids)
    lines: list[tuple[str, Any]] = []
    for number, person in enumerate(persons):
        if number:
            lines.append(("已合并的登记", ""))
        lines += [
            ("昵称", person["nickname"]),
            ("他人看到的昵称", person["shown_nickname"]),
            ("出生日期", person["birth_date"] and render_date(person["birth_date"])),
            ("所在社区", person["community"]),
            ("所在网格", person["grid"]),
            ("登记方式", PersonOrigin(person["origin"]).word),
            ("登记时间", person["created_at"]),
        ]
        if found := details.get(person["id"]):
            lines += [
                ("真实姓名", found.real_name),
                ("手机号", found.phone),
                ("手机号已验证", found.phone_is_verified),
                ("住址", found.address),
            ]
    for account in await fetch(
        "SELECT appid, openid, unionid, created_at, signed_in_at FROM wechat_identity WHERE person_id = ANY($1) "
        "ORDER BY id",
        ids,
    ):
        lines += [
            ("微信小程序", account["appid"]),
            ("微信标识 openid", account["openid"]),
            ("微信标识 unionid", account["unionid"]),
            ("首次登录", account["created_at"]),
            ("最近登录", account["signed_in_at"]),
        ]
    return [{"fact": fact, "content": content} for fact, content in lines]


SHEETS = (
    Copied(
        "基本信息",
        "SELECT p.id, p.nickname, p.shown_nickname, p.origin, p.birth_date, p.created_at, o.name AS community, "
        "g.name AS grid FROM person p LEFT JOIN organization o ON o.id = p.community_id "
        "LEFT JOIN organization g ON g.id = p.grid_id WHERE p.id = ANY($1) "
        "ORDER BY array_position($1, p.id)",
        Shown("项目", "fact", 20),
        Shown("内容", "content", 50),
        of=one_person,
        complete=_facts,
    ),
    Copied(
        "同意记录",
        "SELECT kind, text_version, given_at, withdrawn_at, given_by_id IS NOT NULL AND given_by_id <> ALL($1) "
        "AS by_another FROM consent WHERE person_id = ANY($1) ORDER BY given_at DESC, id DESC",
        Shown("条款", "kind", 24, words_of(ConsentKind)),
        Shown("版本", "text_version"),
        Shown("同意时间", "given_at", 22),
        Shown("撤回时间", "withdrawn_at", 22),
        Shown("由他人代为同意", "by_another"),
        of=one_person,
    ),
    Copied(
        "家人",
        "SELECT CASE WHEN d.guardian_id = $1 THEN d.person_id ELSE d.guardian_id END AS other_id, d.relation, "
        "CASE WHEN d.guardian_id = $1 THEN '我照看的' ELSE '照看我的' END AS side, d.created_at, d.ended_at, "
        "CASE WHEN d.guardian_id = $1 AND d.ended_at IS NULL THEN p.birth_date END AS birth_date FROM dependant d "
        "JOIN person p ON p.id = d.person_id WHERE $1 IN (d.guardian_id, d.person_id) ORDER BY d.id DESC",
        Shown("关系方向", "side"),
        Named("家人", "other_id"),
        Shown("被照看人是照看人的", "relation", 20, words_of(Relation)),
        Shown("出生日期", "birth_date"),
        Shown("添加时间", "created_at", 22),
        Shown("结束时间", "ended_at", 22),
    ),
    Copied(
        "工作角色",
        "SELECT g.kind, o.name AS organization, g.granted_at, g.ended_at FROM role_grant g "
        "JOIN organization o ON o.id = g.organization_id WHERE g.person_id = ANY($1) ORDER BY g.id DESC",
        Shown("角色", "kind", 16, words_of(RoleKind)),
        Shown("组织", "organization", 24),
        Shown("授予时间", "granted_at", 22),
        Shown("结束时间", "ended_at", 22),
        of=one_person,
    ),
    Copied(
        "名册核对",
        "SELECT o.name AS organization, l.state, l.created_at, l.decided_at FROM roster_link l JOIN organization o "
        "ON o.id = l.organization_id WHERE l.person_id = ANY($1) ORDER BY l.id DESC",
        Shown("社区", "organization", 24),
        Shown("结果", "state", 16, words_of(LinkState)),
        Shown("提出时间", "created_at", 22),
        Shown("处理时间", "decided_at", 22),
        of=one_person,
    ),
    Copied(
        "现场登记",
        "SELECT o.name AS organization, r.created_at FROM registration r JOIN organization o "
        "ON o.id = r.organization_id WHERE r.person_id = ANY($1) ORDER BY r.id DESC",
        Shown("组织", "organization", 24),
        Shown("登记时间", "created_at", 22),
        of=one_person,
    ),
)
