"""A person's copy of the calendar feeds that they opened."""

from server.accounts.personal_copy import one_person
from server.foundation.personal_copy import Copied, Shown

SHEETS = (
    Copied(
        "日历订阅",
        "SELECT created_at, ended_at FROM calendar_feed WHERE person_id = ANY($1) ORDER BY id DESC",
        Shown("开通时间", "created_at", 22),
        Shown("停用时间", "ended_at", 22),
        of=one_person,
    ),
)
