"""A person's copy of the ledger of what they did, and of where they are shown in rankings."""

from collections.abc import Sequence
from typing import Any

from server.foundation.personal_copy import Copied, Shown
from server.service_record.queries import source_titles


async def _with_titles(rows: Sequence[Any]) -> list[dict[str, Any]]:
    titles = await source_titles({(row["source_kind"], row["source_id"]) for row in rows})
    return [{**row, "title": titles.get((row["source_kind"], row["source_id"]), "")} for row in rows]


SHEETS = (
    Copied(
        "服务记录与积分",
        "SELECT COALESCE(r.name, e.rule) AS rule, e.source_kind, e.source_id, e.minutes, e.points, e.occurred_at, "
        "e.created_at, o.name AS community, g.name AS grid, u.name AS unit, e.words, "
        "e.reversal_of_id IS NOT NULL AS is_reversal FROM service_entry e "
        "LEFT JOIN service_rule r ON r.code = e.rule AND r.version = e.rule_version "
        "LEFT JOIN organization o ON o.id = e.organization_id LEFT JOIN organization g ON g.id = e.grid_id "
        "LEFT JOIN organization u ON u.id = e.unit_id WHERE e.person_id = $1 "
        "ORDER BY e.occurred_at DESC, e.id DESC",
        Shown("类别", "rule", 18),
        Shown("事项", "title", 30),
        Shown("服务分钟", "minutes", 10),
        Shown("积分", "points", 10),
        Shown("是冲销", "is_reversal", 10),
        Shown("说明", "words", 30),
        Shown("社区", "community", 20),
        Shown("网格", "grid"),
        Shown("单位", "unit", 20),
        Shown("发生时间", "occurred_at", 22),
        Shown("记录时间", "created_at", 22),
        complete=_with_titles,
    ),
    Copied(
        "参加的排行榜",
        "SELECT g.name AS grid, u.name AS unit, r.created_at FROM ranking_place r "
        "LEFT JOIN organization g ON g.id = r.grid_id LEFT JOIN organization u ON u.id = r.unit_id "
        "WHERE r.person_id = $1",
        Shown("网格", "grid", 20),
        Shown("单位", "unit", 24),
        Shown("选择时间", "created_at", 22),
    ),
)
