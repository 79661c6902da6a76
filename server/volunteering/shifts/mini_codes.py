"""The code for a shift's poster, which opens its activity. What people clock in by is in attendance/codes.py."""

from server.foundation.database import fetch_one
from server.media.mini_codes import CodeKind, CodePicture, CodeTarget, draw_mini_code
from server.volunteering.access import require_leader_or_staff
from server.volunteering.models import SHOWN_STATES
from server.volunteering.steps import get_shift


async def show_shift_mini_code(actor_id: str, shift_id: str, width: int) -> CodePicture:
    """The shift's code, for its leader and the organizer's staff, before publication too. Raises NotFound."""
    await require_leader_or_staff(actor_id, await get_shift(shift_id))
    return await draw_mini_code(CodeKind.SHIFT, shift_id, width)


async def shift_target(shift_id: str) -> CodeTarget | None:
    """What a shift's code opens: its activity, once residents may see that. What happened to it, the page tells."""
    row = await fetch_one(
        "SELECT a.id, a.title FROM shift sh JOIN activity a ON a.id = sh.activity_id "
        "WHERE sh.id = $1 AND a.state = ANY($2)",
        shift_id,
        [str(state) for state in SHOWN_STATES],
    )
    return CodeTarget(shift_id, row["title"], f"id={row['id']}&shift={shift_id}") if row else None
