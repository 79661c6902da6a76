"""A community's code for its residents 加入社区: a sheet for staff to hang up, and what a scanned one opens.

The code for members to check in by is the check-in's; whoever scans this one becomes a resident.
"""

from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.media.drawing.sheet import Sheet, SheetFormat, Tone, draw_sheet
from server.media.mini_codes import (
    BY_MINIPROGRAM,
    BY_WECHAT,
    SHEET_WIDTH,
    CodeKind,
    CodeTarget,
    DrawnSheet,
    draw_mini_code,
)
from server.organizations.access import READERS, require_role_or_hide
from server.organizations.models import Level
from server.organizations.queries import current_organization_id, describe_organizations


async def make_join_sheet(actor_id: str, community_id: str, kind: SheetFormat) -> DrawnSheet:
    """The sheet with the community's code for residents, for those who work there or above. Raises NotFound."""
    await require_role_or_hide(actor_id, community_id, READERS)
    row = await fetch_one(
        "SELECT name FROM organization WHERE id = $1 AND level = $2 AND closed_at IS NULL",
        community_id,
        str(Level.COMMUNITY),
    )
    if row is None:
        raise NotFound()
    code = await draw_mini_code(CodeKind.JOIN, community_id, SHEET_WIDTH)
    sheet = Sheet(
        kicker="社区居民",
        title=row["name"],
        subtitle="志愿服务 · 邻里中心 · 微心愿",
        code=code.content,
        how=(
            f"{BY_MINIPROGRAM if code.is_plain else BY_WECHAT}，成为社区的一员",
            "报名志愿服务、预约场馆、许下微心愿",
        ),
        issuer=(await describe_organizations([community_id]))[community_id]["full_name"],
        tone=Tone.GREEN,
    )
    return DrawnSheet(await draw_sheet(sheet, kind), code.is_plain)


async def joining_target(community_id: str) -> CodeTarget | None:
    """What such a code opens: the page to become a resident of the community, or of the one that has taken its
    place."""
    current_id = await current_organization_id(community_id)
    row = await fetch_one("SELECT name, level FROM organization WHERE id = $1", current_id) if current_id else None
    if current_id is None or row is None or row["level"] != Level.COMMUNITY:
        return None
    return CodeTarget(current_id, row["name"], f"id={current_id}")
