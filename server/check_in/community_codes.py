"""A community's code to check in by: a sheet for staff to print, and what a scanned one opens.

The code is a mini-program code 小程序码 (see media/mini_codes.py). Where WeChat refuses or is away, a plain QR code
stands in, which the mini-program's own scanner reads.
"""

from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.media.drawing.sheet import Sheet, SheetFormat, draw_sheet
from server.media.mini_codes import SHEET_WIDTH, CodeKind, CodeTarget, DrawnSheet, draw_mini_code
from server.organizations.access import READERS, require_role_or_hide
from server.organizations.models import Level
from server.organizations.queries import current_organization_id, describe_organizations


async def make_community_code(actor_id: str, community_id: str, kind: SheetFormat) -> DrawnSheet:
    """The sheet with the community's code, for those who work there or above. Raises NotFound."""
    await require_role_or_hide(actor_id, community_id, READERS)
    row = await fetch_one(
        "SELECT name FROM organization WHERE id = $1 AND level = $2 AND closed_at IS NULL",
        community_id,
        str(Level.COMMUNITY),
    )
    if row is None:
        raise NotFound()
    code = await draw_mini_code(CodeKind.COMMUNITY, community_id, SHEET_WIDTH)
    sheet = Sheet(
        kicker="党员报到",
        title=row["name"],
        subtitle="双报到 · 双服务",
        code=code.content,
        how=(
            "打开小程序，在“报到”中扫一扫" if code.is_plain else "微信扫一扫，向社区报到",
            "在职、流动、离退休党员均可在此报到",
        ),
        issuer=(await describe_organizations([community_id]))[community_id]["full_name"],
    )
    return DrawnSheet(await draw_sheet(sheet, kind), code.is_plain)


async def community_target(community_id: str) -> CodeTarget | None:
    """What a community's code opens: the page to check in at it, or at the one that has taken its place."""
    current_id = await current_organization_id(community_id)
    row = await fetch_one("SELECT name, level FROM organization WHERE id = $1", current_id) if current_id else None
    if current_id is None or row is None or row["level"] != Level.COMMUNITY:
        return None
    return CodeTarget(current_id, row["name"], f"id={current_id}")
