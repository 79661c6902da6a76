"""A person's copy of what they uploaded: which pictures there are. The pictures themselves are in the mini-program."""

from server.foundation.database import fetch
from server.media.spreadsheets import MOST_ROWS, Sheet, Shown, sheet_of

SUBJECT_WORDS = {
    "avatar": "头像",
    "wish": "微心愿",
    "wish_claim": "微心愿完成报告或感谢",
    "wish_note": "微心愿进展",
    "activity": "活动",
    "venue": "场馆",
}


async def copy_of_pictures(person_id: str) -> list[Sheet]:
    """What each picture belongs to, and its size."""
    rows = await fetch(
        "SELECT COALESCE(subject_kind, '') AS subject, width, height, size_bytes, created_at FROM picture "
        "WHERE owner_id = $1 ORDER BY id DESC LIMIT $2",
        person_id,
        MOST_ROWS,
    )
    columns = (
        Shown("用于", "subject", 24, {"": "未使用", **SUBJECT_WORDS}),
        Shown("宽（像素）", "width", 12),
        Shown("高（像素）", "height", 12),
        Shown("字节", "size_bytes", 12),
        Shown("上传时间", "created_at", 22),
    )
    return [sheet_of("上传的图片", columns, rows)]
