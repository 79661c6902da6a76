"""Figures as a file: an organization and those below it, one line for each figure."""

from server.figures.comparing import children_in, side_by_side
from server.figures.definitions import ALL
from server.figures.months import this_month
from server.figures.reading import Reading, load_facts, read_month
from server.foundation.dates import render_month
from server.media.files import File
from server.media.spreadsheets import Cell, Column
from server.organizations.access import READERS, require_role
from server.organizations.exports import export_list
from server.organizations.queries import describe_organizations

_COLUMNS = (
    Column("组织", 24),
    Column("指标", 26),
    Column("数值", 14),
    Column("单位", 8),
    Column("说明", 16),
    Column("分子", 12),
    Column("分母", 12),
    Column("不计入", 10),
    Column("环比（%，比率为百分点）", 20),
    Column("同比（%，比率为百分点）", 20),
    Column("统计口径", 60),
)


async def export_figures(actor_id: str, organization_id: str, month: str | None) -> File:
    """All figures of a month, by default this one. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    when = read_month("month", month)
    children = await children_in(organization_id, when)
    facts = await load_facts([organization_id, *(child.id for child in children)], [each.code for each in ALL], [when])
    name = (await describe_organizations([organization_id]))[organization_id]["name"]
    rows: list[tuple[Cell, ...]] = []
    for definition in ALL:
        compared = side_by_side(definition, organization_id, children, facts, when)
        places: list[tuple[str, Reading]] = [(f"{name}（合计）", compared.total)]
        if children:
            places += [*((item.name, item) for item in compared.items), (f"{name}（本级）", compared.own)]
        rows += [
            (
                place,
                definition.words,
                reading.value,
                definition.unit,
                reading.why_none.word if reading.why_none else "",
                reading.numerator,
                reading.denominator,
                reading.excluded,
                reading.month_on_month,
                reading.year_on_year,
                definition.what_counts,
            )
            for place, reading in places
        ]
    return await export_list(
        actor_id,
        organization_id,
        "export_figures",
        "统计指标",
        _COLUMNS,
        rows,
        period=f"{render_month(when)}{'（未结束）' if when >= this_month() else ''}",
    )
