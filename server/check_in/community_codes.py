"""A community's code to check in by: a sheet for staff to print, and what a scanned one opens.

The code is a mini-program code 小程序码 (see media/mini_codes.py). Where WeChat refuses or is away, a plain QR code
stands in, which the mini-program's own scanner reads.
"""

from typing import NamedTuple

from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.media.drawing.member_card import draw_code_sheet
from server.media.drawing.threads import draw_in_thread
from server.media.mini_codes import CodeKind, CodeTarget, draw_mini_code
from server.organizations.access import READERS, require_role_or_hide
from server.organizations.models import Level
from server.organizations.queries import current_organization_id

_WIDTH = 1280
_HOW_BY_WECHAT = ("微信扫一扫，向社区报到", "在职、流动、离退休党员均可在此报到")
_HOW_BY_MINIPROGRAM = ("打开小程序，在“报到”中扫一扫", "在职、流动、离退休党员均可在此报到")


class CodeSheet(NamedTuple):
    """A PNG to print; `by_wechat` tells whether WeChat's own scanner opens its code."""

    picture: bytes
    by_wechat: bool


async def make_community_code(actor_id: str, community_id: str) -> CodeSheet:
    """The sheet with the community's code, for those who work there or above. Raises NotFound."""
    await require_role_or_hide(actor_id, community_id, READERS)
    row = await fetch_one(
        "SELECT name FROM organization WHERE id = $1 AND level = $2 AND closed_at IS NULL",
        community_id,
        str(Level.COMMUNITY),
    )
    if row is None:
        raise NotFound()
    code = await draw_mini_code(CodeKind.COMMUNITY, community_id, _WIDTH)
    how = _HOW_BY_MINIPROGRAM if code.is_plain else _HOW_BY_WECHAT
    picture = await draw_in_thread(draw_code_sheet, code.content, row["name"], how)
    return CodeSheet(picture, not code.is_plain)


async def community_target(community_id: str) -> CodeTarget | None:
    """What a community's code opens: the page to check in at it, or at the one that has taken its place."""
    current_id = await current_organization_id(community_id)
    row = await fetch_one("SELECT name, level FROM organization WHERE id = $1", current_id) if current_id else None
    if current_id is None or row is None or row["level"] != Level.COMMUNITY:
        return None
    return CodeTarget(current_id, row["name"], f"id={current_id}")
