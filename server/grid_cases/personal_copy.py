"""A person's copy of what they reported, follow and handled. Who else reported or follows something stays unnamed."""

from typing import Any

from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.grid_cases.contact import open_contact
from server.grid_cases.models import CaseOutcome, CaseSource, CaseState
from server.grid_cases.rules import CaseAction


def _contact(row: Any) -> str:
    given = open_contact(row["contact"])
    return f"{given.name} {given.phone}".strip()


SHEETS = (
    Copied(
        "网格事项",
        "SELECT k.name AS category, c.text, c.place, o.name AS community, g.name AS grid, b.name AS building, "
        "c.location::text AS location, c.source, c.state, c.is_private, c.shares_contact, c.contact, "
        "cardinality(c.picture_ids) AS pictures, c.created_at, c.filed_at, c.outcome, "
        "CASE WHEN c.state IN ('checked', 'closed') THEN c.answer ELSE '' END AS answer, c.checked_at, c.reached, "
        "c.solved, c.stars, c.rating_text, c.rated_at, c.closed_at FROM grid_case c "
        "JOIN case_category k ON k.id = c.category_id JOIN organization o ON o.id = c.community_id "
        "LEFT JOIN organization g ON g.id = c.grid_id LEFT JOIN organization b ON b.id = c.building_id "
        "WHERE c.reporter_id = $1 ORDER BY c.id DESC",
        Shown("类别", "category", 16),
        Shown("内容", "text", 40),
        Shown("地点", "place", 24),
        Shown("位置（经度，纬度）", "location", 24),
        Shown("社区", "community", 20),
        Shown("网格", "grid"),
        Shown("楼栋", "building"),
        Shown("来源", "source", 12, words_of(CaseSource)),
        Shown("状态", "state", 16, words_of(CaseState)),
        Shown("不公开", "is_private", 8),
        Shown("同意处置人联系", "shares_contact", 16),
        Shown("留下的联系方式", _contact, 24),
        Shown("图片数", "pictures", 8),
        Shown("反映时间", "created_at", 22),
        Shown("立案时间", "filed_at", 22),
        Shown("结果", "outcome", 20, words_of(CaseOutcome)),
        Shown("答复", "answer", 40),
        Shown("答复时间", "checked_at", 22),
        Shown("有人联系", "reached", 8),
        Shown("已解决", "solved", 8),
        Shown("星级", "stars", 8),
        Shown("评价", "rating_text", 40),
        Shown("评价时间", "rated_at", 22),
        Shown("结案时间", "closed_at", 22),
    ),
    Copied(
        "跟进的网格事项",
        "SELECT k.name AS category, c.place, f.created_at, f.told_at, f.ended_at FROM grid_case_follower f "
        "JOIN grid_case c ON c.id = f.case_id JOIN case_category k ON k.id = c.category_id WHERE f.person_id = $1 "
        "ORDER BY f.id DESC",
        Shown("类别", "category", 16),
        Shown("地点", "place", 24),
        Shown("跟进时间", "created_at", 22),
        Shown("收到答复时间", "told_at", 22),
        Shown("退出时间", "ended_at", 22),
    ),
    Copied(
        "办理的网格事项",
        "SELECT k.name AS category, s.action, s.words, s.minutes, cardinality(s.picture_ids) AS pictures, s.created_at "
        "FROM grid_case_step s JOIN grid_case c ON c.id = s.case_id JOIN case_category k ON k.id = c.category_id "
        "WHERE s.by_id = $1 ORDER BY s.id DESC",
        Shown("类别", "category", 16),
        Shown("步骤", "action", 16, words_of(CaseAction)),
        Shown("我写的话", "words", 40),
        Shown("用时（分钟）", "minutes", 12),
        Shown("图片数", "pictures", 8),
        Shown("时间", "created_at", 22),
    ),
)
