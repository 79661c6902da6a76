"""A person's copy of what they were told, and of what they let us send to WeChat."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.foundation.dates import wall_clock
from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.notifications.events import Topic
from server.notifications.models import Delivery, GrantSource, SubscribeAnswer
from server.notifications.rendering import Told, describe_subjects, render_words
from server.wechat.templates import BY_NAME

_TEMPLATE_WORDS = {name: template.title for name, template in BY_NAME.items()}


async def _in_words(rows: Sequence[Any]) -> list[dict[str, Any]]:
    told = [Told(row["event"], msgspec.json.decode(row["facts"])) for row in rows]
    described = await describe_subjects(told)
    words = [render_words(one, described) for one in told]
    return [{**row, "title": each.title, "text": each.text} for row, each in zip(rows, words, strict=True)]


def _time_of_day(name: str) -> Callable[[Any], str]:
    return lambda row: "" if row[name] is None else wall_clock(row[name])


SHEETS = (
    Copied(
        "消息",
        "SELECT event, facts, created_at, read_at, delivery FROM inbox_message WHERE person_id = $1 AND NOT hidden "
        "ORDER BY id DESC",
        Shown("标题", "title", 24),
        Shown("内容", "text", 60),
        Shown("时间", "created_at", 22),
        Shown("已读时间", "read_at", 22),
        Shown("微信订阅消息", "delivery", 14, words_of(Delivery)),
        complete=_in_words,
    ),
    Copied(
        "订阅消息授权",
        "SELECT template, balance, answer, answered_at FROM grant_balance WHERE person_id = $1 ORDER BY template",
        Shown("订阅消息", "template", 20, _TEMPLATE_WORDS),
        Shown("还可发送", "balance", 10),
        Shown("最近的选择", "answer", 14, words_of(SubscribeAnswer)),
        Shown("选择时间", "answered_at", 22),
    ),
    Copied(
        "订阅消息授权明细",
        "SELECT template, change, source, told_at FROM grant_entry WHERE person_id = $1 ORDER BY id DESC",
        Shown("订阅消息", "template", 20, _TEMPLATE_WORDS),
        Shown("次数变化", "change", 10),
        Shown("来源", "source", 14, words_of(GrantSource)),
        Shown("时间", "told_at", 22),
    ),
    Copied(
        "消息偏好",
        "SELECT ARRAY(SELECT jsonb_array_elements_text(muted)) AS muted, quiet_from, quiet_until, created_at "
        "FROM notification_preferences WHERE person_id = $1",
        Shown("不在微信提醒的类别", "muted", 40, words_of(Topic)),
        Shown("免打扰开始", _time_of_day("quiet_from")),
        Shown("免打扰结束", _time_of_day("quiet_until")),
        Shown("首次设置时间", "created_at", 22),
    ),
)
