"""Hours as a file."""

from datetime import date

from server.foundation.dates import render_duration, render_time
from server.media.files import File
from server.media.spreadsheets import Column
from server.organizations.access import require_role
from server.organizations.exports import MOST, days_in_words, export_list, yes
from server.volunteering.access import LOOKERS
from server.volunteering.hours.models import HoursState
from server.volunteering.hours.queries import hours_of_days
from server.volunteering.models import ActivityKind

_COLUMNS = (
    Column("姓名", 12),
    Column("活动", 30),
    Column("类别", 12),
    Column("开始时间", 22),
    Column("结束时间", 22),
    Column("服务分钟", 10),
    Column("时长", 18),
    Column("状态", 12),
    Column("是补录", 10),
    Column("说明", 30),
)


async def export_hours(
    actor_id: str, organization_id: str, first_day: date, last_day: date, state: HoursState | None
) -> File:
    """Hours given in a subtree for service on these days, in the order of time; names masked as in the lists. Raises
    NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, LOOKERS)
    period = days_in_words(first_day, last_day)
    found = await hours_of_days(organization_id, first_day, last_day, state, MOST + 1)
    rows = [
        (
            hours.name,
            hours.title,
            ActivityKind(hours.kind).word,
            render_time(hours.starts_at),
            render_time(hours.ends_at),
            hours.minutes,
            render_duration(hours.minutes),
            HoursState(hours.state).word,
            yes(hours.is_late),
            hours.reason,
        )
        for hours in found[:MOST]
    ]
    what = "志愿服务时长"
    return await export_list(
        actor_id,
        organization_id,
        "export_hours",
        what,
        _COLUMNS,
        rows,
        period=f"{period}{f'、{state.word}' if state else ''}",
        is_cut=len(found) > MOST,
    )
