"""A person's copy of what became of the content checks of what they wrote."""

from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.moderation.models import CheckState, Part

KIND_WORDS = {
    "nickname": "昵称",
    "grid_case": "网格事项",
    "wish": "微心愿",
    "wish_note": "微心愿进展",
    "wish_report": "微心愿完成报告",
    "wish_thanks": "微心愿感谢",
    "wish_dispute": "微心愿异议",
    "team": "团队名称",
    "activity": "活动",
    "activity_recap": "活动回顾",
    "shift_rating": "志愿服务评价",
    "unit_offers": "单位资源",
    "activity_reason": "活动取消说明",
    "shift_reason": "场次取消说明",
    "removal_reason": "取消报名说明",
    "hours_reason": "服务时长说明",
}


SHEETS = (
    Copied(
        "内容安全检查",
        "SELECT s.kind, c.part, c.revision, c.state, c.reason, c.created_at, c.decided_at FROM checked_subject s "
        "JOIN content_check c ON c.subject_id = s.id WHERE s.author_id = $1 ORDER BY c.id DESC",
        Shown("内容", "kind", 20, KIND_WORDS),
        Shown("部分", "part", 8, words_of(Part)),
        Shown("第几次提交", "revision", 12),
        Shown("结果", "state", 16, words_of(CheckState)),
        Shown("原因", "reason", 30),
        Shown("提交时间", "created_at", 22),
        Shown("处理时间", "decided_at", 22),
    ),
)
