"""Wishes, and how well they come true, as files."""

from datetime import date

from server.foundation.database import fetch
from server.foundation.dates import end_of, instant, render_date, render_time
from server.foundation.errors import InvalidFields
from server.foundation.pages import PageQuery
from server.media.files import File
from server.media.spreadsheets import Cell, Column
from server.organizations.access import READERS, require_role
from server.organizations.exports import MOST, days_in_words, export_list
from server.wishes.figures import WishFigures, get_wish_figures, list_wish_figures, period_of
from server.wishes.lists import CARD, SUBTREE, Where, make_card
from server.wishes.models import WishAudience, WishKind, WishState

_COLUMNS = (
    Column("心愿", 30),
    Column("类型", 10),
    Column("对象", 14),
    Column("数量", 8),
    Column("状态", 20),
    Column("社区", 20),
    Column("许愿人", 12),
    Column("公开的地点", 20),
    Column("希望实现日期", 16),
    Column("提交时间", 22),
)
_FIGURES = (
    Column("社区", 24),
    Column("发布", 8),
    Column("已认领", 8),
    Column("已实现", 8),
    Column("发布到认领（天，中位数）", 24),
    Column("发布到实现（天，中位数）", 24),
    Column("按期实现（%）", 14),
    Column("平均星级", 10),
    Column("评价数", 8),
)


async def export_wishes(
    actor_id: str, organization_id: str, first_day: date, last_day: date, state: WishState | None
) -> File:
    """The wishes of a subtree that were handed in on these days, as staff's lists show them, the latest first. Raises
    NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    if state is WishState.DRAFT:
        raise InvalidFields.of("state", "草稿只有本人可见")
    period = days_in_words(first_day, last_day)
    where = Where("w.submitted_at >= {} AND w.submitted_at < {}", instant(first_day), end_of(last_day))
    where.add("w.state <> 'draft'")
    where.add(SUBTREE, organization_id)
    if state:
        where.add("w.state = {}", str(state))
    rows = await fetch(f"{CARD} WHERE {where} ORDER BY w.submitted_at DESC, w.id DESC LIMIT {MOST + 1}", *where.values)
    cells: list[tuple[Cell, ...]] = []
    for row in rows[:MOST]:
        card = make_card(row)
        cells.append(
            (
                card.title,
                WishKind(card.kind).word,
                WishAudience(card.audience).word,
                card.quantity,
                WishState(card.state).word,
                card.community_name,
                card.beneficiary_name,
                card.place,
                render_date(card.wished_by) if card.wished_by else "",
                render_time(row["submitted_at"]),
            )
        )
    return await export_list(
        actor_id,
        organization_id,
        "export_wishes",
        "微心愿",
        _COLUMNS,
        cells,
        period=f"{period}提交{f'、{state.word}' if state else ''}",
        is_cut=len(rows) > MOST,
    )


async def export_wish_figures(actor_id: str, organization_id: str, since: date | None, until: date | None) -> File:
    """The figures of each community of a subtree, and of them all. Raises NotAllowed, InvalidFields."""
    total = await get_wish_figures(actor_id, organization_id, since, until)
    found = await list_wish_figures(actor_id, organization_id, since, until, PageQuery(limit=MOST))
    first_day, last_day = period_of(since, until)
    rows = [_figures(each.community_name, each) for each in found.items]
    return await export_list(
        actor_id,
        organization_id,
        "export_wish_figures",
        "微心愿统计",
        _FIGURES,
        [*rows, _figures("合计", total)],
        period=f"{render_date(first_day)}至{render_date(last_day)}首次发布的心愿",
    )


def _figures(name: str, figures: WishFigures) -> tuple[Cell, ...]:
    return (
        name,
        figures.published,
        figures.claimed,
        figures.fulfilled,
        figures.median_days_to_claim,
        figures.median_days_to_fulfil,
        figures.percent_in_time,
        figures.average_stars,
        figures.rating_count,
    )
