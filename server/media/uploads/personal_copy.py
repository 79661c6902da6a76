"""A person's copy of what they uploaded: which pictures there are. The pictures themselves are in the mini-program."""

from server.foundation.personal_copy import Copied, Shown

SUBJECT_WORDS = {
    "avatar": "头像",
    "wish": "微心愿",
    "wish_claim": "微心愿完成报告或感谢",
    "wish_note": "微心愿进展",
    "activity": "活动",
    "activity_recap": "活动回顾",
    "venue": "场馆",
}


SHEETS = (
    Copied(
        "上传的图片",
        "SELECT COALESCE(subject_kind, '') AS subject, width, height, size_bytes, created_at FROM picture "
        "WHERE owner_id = $1 ORDER BY id DESC",
        Shown("用于", "subject", 24, {"": "未使用", **SUBJECT_WORDS}),
        Shown("宽（像素）", "width", 12),
        Shown("高（像素）", "height", 12),
        Shown("字节", "size_bytes", 12),
        Shown("上传时间", "created_at", 22),
    ),
)
