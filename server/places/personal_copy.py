"""A person's copy of what came of places that they did not take: no-shows 爽约, and what these led to."""

from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.places.models import NoShowReason, Purpose

_BLOCK_WORDS = {"no_shows": "多次爽约"}


SHEETS = (
    Copied(
        "爽约",
        "SELECT purpose, reason, happened_at, forgiven_at FROM no_show WHERE person_id = $1 "
        "ORDER BY happened_at DESC, id DESC",
        Shown("类别", "purpose", 16, words_of(Purpose)),
        Shown("情况", "reason", 22, words_of(NoShowReason)),
        Shown("时间", "happened_at", 22),
        Shown("不再计入时间", "forgiven_at", 22),
    ),
    Copied(
        "暂停报名与预约",
        "SELECT purpose, reason, created_at, until, lifted_at FROM block WHERE person_id = $1 ORDER BY id DESC",
        Shown("类别", "purpose", 16, words_of(Purpose)),
        Shown("原因", "reason", 22, _BLOCK_WORDS),
        Shown("开始时间", "created_at", 22),
        Shown("暂停至", "until", 22),
        Shown("解除时间", "lifted_at", 22),
    ),
)
