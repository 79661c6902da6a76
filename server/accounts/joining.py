"""A community's code for its residents 加入社区: a sheet for staff to hang up, and what a scanned one opens.

The code for members to check in by is the check-in's; whoever scans this one becomes a resident.
"""

from server.accounts.models import ConsentKind
from server.accounts.sharing import SharedCard, find_bar, make_card
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
from server.organizations.queries import current_community, get_open_community


async def make_join_sheet(actor_id: str, community_id: str, kind: SheetFormat) -> DrawnSheet:
    """The sheet with the community's code for residents, for those who work there or above. Raises NotFound."""
    await require_role_or_hide(actor_id, community_id, READERS)
    community = await get_open_community(community_id)
    code = await draw_mini_code(CodeKind.JOIN, community_id, SHEET_WIDTH)
    sheet = Sheet(
        kicker="社区居民",
        title=community.name,
        subtitle="志愿服务 · 邻里中心 · 微心愿",
        code=code.content,
        how=(
            f"{BY_MINIPROGRAM if code.is_plain else BY_WECHAT}，成为社区的一员",
            "报名志愿服务、预约场馆、许下微心愿",
        ),
        issuer=community.full_name,
        tone=Tone.GREEN,
    )
    return DrawnSheet(await draw_sheet(sheet, kind), code.is_plain)


async def show_shared_community(person_id: str | None, community_id: str) -> SharedCard:
    """The card of a community whose code was scanned, to join it or to check in there; of its successor, where it has
    one. Raises NotFound."""
    current = await current_community(community_id)
    if current is None:
        raise NotFound()
    bar = await find_bar(person_id, consent=ConsentKind.PRIVACY)
    return make_card(current.id, current.name, current.full_name, bar)


async def community_target(community_id: str) -> CodeTarget | None:
    """What a community's code opens, this one and the check-in's: its page about the community, or about the one that
    has taken its place."""
    current = await current_community(community_id)
    return CodeTarget(current.id, current.name, f"id={current.id}") if current else None
