"""The code for a venue's door, which opens its page with all that can be booked there."""

from server.foundation.database import fetch_one
from server.media.mini_codes import CodeKind, CodePicture, CodeTarget, draw_mini_code
from server.neighbor_center.venues.queries import require_venue_reader


async def show_venue_mini_code(actor_id: str, venue_id: str, width: int) -> CodePicture:
    """The venue's code, for its staff. Raises NotFound, NotAllowed."""
    await require_venue_reader(actor_id, venue_id)
    return await draw_mini_code(CodeKind.VENUE, venue_id, width)


async def venue_target(venue_id: str) -> CodeTarget | None:
    """What a venue's code opens, as long as the venue does."""
    row = await fetch_one("SELECT name FROM venue WHERE id = $1 AND state = 'open'", venue_id)
    return CodeTarget(venue_id, row["name"], f"id={venue_id}") if row else None
