"""A person's copy of the ledger of what they did, and of where they are shown in rankings."""

from server.foundation.database import fetch
from server.media.spreadsheets import MOST_ROWS, Sheet, Shown, sheet_of
from server.service_record.queries import source_titles


async def copy_of_ledger(person_id: str) -> list[Sheet]:
    """Minutes and points with their sources, reversals too, and the person's places in rankings."""
    return [await _entries(person_id), await _rankings(person_id)]


async def _entries(person_id: str) -> Sheet:
    rows = await fetch(
        "SELECT COALESCE(r.name, e.rule) AS rule, e.source_kind, e.source_id, e.minutes, e.points, e.occurred_at, "
        "e.created_at, o.name AS community, g.name AS grid, u.name AS unit, e.words, "
        "e.reversal_of_id IS NOT NULL AS is_reversal FROM service_entry e "
        "LEFT JOIN service_rule r ON r.code = e.rule AND r.version = e.rule_version "
        "LEFT JOIN organization o ON o.id = e.organization_id LEFT JOIN organization g ON g.id = e.grid_id "
        "LEFT JOIN organization u ON u.id = e.unit_id WHERE e.person_id = $1 "
        "ORDER BY e.occurred_at DESC, e.id DESC LIMIT $2",
        person_id,
        MOST_ROWS,
    )
    titles = await source_titles({(row["source_kind"], row["source_id"]) for row in rows})
    shown = [{**row, "title": titles.get((row["source_kind"], row["source_id"]), "")} for row in rows]
    columns = (
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
    )
    return sheet_of("服务记录与积分", columns, shown)


async def _rankings(person_id: str) -> Sheet:
    rows = await fetch(
        "SELECT g.name AS grid, u.name AS unit, r.created_at FROM ranking_place r "
        "LEFT JOIN organization g ON g.id = r.grid_id LEFT JOIN organization u ON u.id = r.unit_id "
        "WHERE r.person_id = $1",
        person_id,
    )
    columns = (Shown("网格", "grid", 20), Shown("单位", "unit", 24), Shown("选择时间", "created_at", 22))
    return sheet_of("参加的排行榜", columns, rows)
