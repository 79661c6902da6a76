"""The code for a venue's door, which opens its page with all that can be booked there."""

from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.media.drawing.sheet import Sheet, SheetFormat, Tone, draw_sheet
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
from server.neighbor_center.venues.models import VenueKind
from server.neighbor_center.venues.queries import require_venue_reader
from server.organizations.queries import describe_organizations


async def show_venue_mini_code(actor_id: str, venue_id: str, width: int) -> CodePicture:
    """The venue's code, for its staff. Raises NotFound, NotAllowed."""
    await require_venue_reader(actor_id, venue_id)
    return await draw_mini_code(CodeKind.VENUE, venue_id, width)


async def make_venue_sheet(actor_id: str, venue_id: str, kind: SheetFormat) -> DrawnSheet:
    """A sheet for the venue's door, for its staff. Raises NotFound, NotAllowed."""
    await require_venue_reader(actor_id, venue_id)
    row = await fetch_one(
        "SELECT name, kind, address, opening, phone, organization_id FROM venue WHERE id = $1", venue_id
    )
    if row is None:
        raise NotFound()
    code = await draw_mini_code(CodeKind.VENUE, venue_id, SHEET_WIDTH)
    facts = [("地址", row["address"]), ("开放时间", row["opening"]), ("电话", row["phone"])]
    sheet = Sheet(
        kicker=VenueKind(row["kind"]).word,
        title=row["name"],
        subtitle="预约服务、场地和活动室",
        code=code.content,
        how=(f"{BY_MINIPROGRAM if code.is_plain else BY_WECHAT}，查看与预约",),
        facts=[(label, value) for label, value in facts if value],
        issuer=(await describe_organizations([row["organization_id"]]))[row["organization_id"]]["full_name"],
        tone=Tone.GREEN,
    )
    return DrawnSheet(await draw_sheet(sheet, kind), code.is_plain)


async def venue_target(venue_id: str) -> CodeTarget | None:
    """What a venue's code opens, as long as the venue does."""
    row = await fetch_one("SELECT name FROM venue WHERE id = $1 AND state = 'open'", venue_id)
    return CodeTarget(venue_id, row["name"], f"id={venue_id}") if row else None
