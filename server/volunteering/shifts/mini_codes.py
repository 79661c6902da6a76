"""The code for a shift's poster, which opens its activity. What people clock in by is in attendance/codes.py."""

from server.foundation.database import fetch_one
from server.foundation.dates import render_span
from server.media.drawing.sheet import Sheet, SheetFormat, draw_sheet
from server.media.mini_codes import (
    BY_MINIPROGRAM,
    BY_WECHAT,
    SHEET_WIDTH,
    CodeKind,
    CodePicture,
    CodeTarget,
    DrawnSheet,
    draw_mini_code,
)
from server.organizations.queries import describe_organizations
from server.volunteering.access import require_leader_or_staff
from server.volunteering.models import SHOWN_STATES
from server.volunteering.steps import get_shift


async def show_shift_mini_code(actor_id: str, shift_id: str, width: int) -> CodePicture:
    """The shift's code, for its leader and the organizer's staff, before publication too. Raises NotFound."""
    await require_leader_or_staff(actor_id, await get_shift(shift_id))
    return await draw_mini_code(CodeKind.SHIFT, shift_id, width)


async def make_shift_sheet(actor_id: str, shift_id: str, kind: SheetFormat) -> DrawnSheet:
    """A poster for the shift, for its leader and the organizer's staff. Raises NotFound."""
    shift = await get_shift(shift_id)
    await require_leader_or_staff(actor_id, shift)
    activity = shift.activity
    code = await draw_mini_code(CodeKind.SHIFT, shift_id, SHEET_WIDTH)
    organizer = (await describe_organizations([activity.organizer_id]))[activity.organizer_id]
    facts = [("时间", render_span(shift.starts_at, shift.ends_at)), ("地点", activity.place_name)]
    sheet = Sheet(
        kicker=activity.kind.word,
        title=activity.title,
        subtitle=f"{organizer['name']}邀您一起来",
        code=code.content,
        how=(f"{BY_MINIPROGRAM if code.is_plain else BY_WECHAT}，了解与报名",),
        facts=[*facts, *([("集合", activity.meeting_point)] if activity.meeting_point else [])],
        issuer=organizer["full_name"],
    )
    return DrawnSheet(await draw_sheet(sheet, kind), code.is_plain)


async def shift_target(shift_id: str) -> CodeTarget | None:
    """What a shift's code opens: its activity, once residents may see that. What happened to it, the page tells."""
    row = await fetch_one(
        "SELECT a.id, a.title FROM shift sh JOIN activity a ON a.id = sh.activity_id "
        "WHERE sh.id = $1 AND a.state = ANY($2)",
        shift_id,
        [str(state) for state in SHOWN_STATES],
    )
    return CodeTarget(shift_id, row["title"], f"id={row['id']}&shift={shift_id}") if row else None
