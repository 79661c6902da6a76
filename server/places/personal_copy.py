"""A person's copy of what came of places that they did not take: no-shows 爽约, and what these led to."""

from server.foundation.personal_copy import Copied, Shown
from server.places.models import NoShowReason, PlaceState, Purpose

PLACE_WORDS = {
    PlaceState.WAITING: "候补中",
    PlaceState.OFFERED: "候补名额待确认",
    PlaceState.CONFIRMED: "已确认",
    PlaceState.ATTENDED: "已参加",
    PlaceState.NO_SHOW: "爽约",
    PlaceState.CANCELLED: "本人取消",
    PlaceState.EXPIRED: "已过期",
    PlaceState.REMOVED: "被取消",
}

PURPOSE_WORDS = {Purpose.SHIFT_ROLE: "志愿服务", Purpose.SLOT: "邻里中心预约", Purpose.POST: "岗位"}

REASON_WORDS = {NoShowReason.ABSENT: "未到场", NoShowReason.CANCELLED_LATE: "过了截止时间才取消"}
_BLOCK_WORDS = {"no_shows": "多次爽约"}


SHEETS = (
    Copied(
        "爽约",
        "SELECT purpose, reason, happened_at, forgiven_at FROM no_show WHERE person_id = $1 "
        "ORDER BY happened_at DESC, id DESC",
        Shown("类别", "purpose", 16, PURPOSE_WORDS),
        Shown("情况", "reason", 22, REASON_WORDS),
        Shown("时间", "happened_at", 22),
        Shown("不再计入时间", "forgiven_at", 22),
    ),
    Copied(
        "暂停报名与预约",
        "SELECT purpose, reason, created_at, until, lifted_at FROM block WHERE person_id = $1 ORDER BY id DESC",
        Shown("类别", "purpose", 16, PURPOSE_WORDS),
        Shown("原因", "reason", 22, _BLOCK_WORDS),
        Shown("开始时间", "created_at", 22),
        Shown("暂停至", "until", 22),
        Shown("解除时间", "lifted_at", 22),
    ),
)
