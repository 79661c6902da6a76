"""A community's code to check in by: a sheet for staff to print. What a scanned one opens, accounts/joining.py tells.

The code is a mini-program code 小程序码 (see media/mini_codes.py). Where WeChat refuses or is away, a plain QR code
stands in, which the mini-program's own scanner reads.
"""

from server.media.drawing.sheet import Sheet, SheetFormat, draw_sheet
from server.media.mini_codes import SHEET_WIDTH, CodeKind, DrawnSheet, draw_mini_code
from server.organizations.access import READERS, require_role_or_hide
from server.organizations.queries import get_open_community


async def make_community_code(actor_id: str, community_id: str, kind: SheetFormat) -> DrawnSheet:
    """The sheet with the community's code, for those who work there or above. Raises NotFound."""
    await require_role_or_hide(actor_id, community_id, READERS)
    community = await get_open_community(community_id)
    code = await draw_mini_code(CodeKind.COMMUNITY, community_id, SHEET_WIDTH)
    sheet = Sheet(
        kicker="党员报到",
        title=community.name,
        subtitle="双报到 · 双服务",
        code=code.content,
        how=(
            "打开小程序，在“报到”中扫一扫" if code.is_plain else "微信扫一扫，向社区报到",
            "在职、流动、离退休党员均可在此报到",
        ),
        issuer=community.full_name,
    )
    return DrawnSheet(await draw_sheet(sheet, kind), code.is_plain)
