"""Who opened which announcement: when persons merge, leave, or ask for their copy."""

from server.foundation.database import execute
from server.foundation.personal_copy import Copied, Shown


async def move_reads(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one, who has read once."""
    await execute(
        "UPDATE announcement_read r SET person_id = $2 WHERE r.person_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM announcement_read o WHERE o.announcement_id = r.announcement_id AND o.person_id = $2)",
        from_id,
        into_id,
    )
    await erase_reads(from_id)


async def erase_reads(person_id: str) -> None:
    """That the person read anything is forgotten."""
    await execute("DELETE FROM announcement_read WHERE person_id = $1", person_id)


SHEETS = (
    Copied(
        "读过的公告",
        "SELECT a.title, r.created_at FROM announcement_read r JOIN announcement a ON a.id = r.announcement_id "
        "WHERE r.person_id = $1 ORDER BY r.id DESC",
        Shown("公告", "title", 30),
        Shown("打开时间", "created_at", 22),
    ),
)
