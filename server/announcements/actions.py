"""What staff could do with an announcement now, told before the tap."""

from server.announcements.queries import get_staff_announcement
from server.announcements.sending import (
    AnnouncementText,
    change_announcement,
    send_announcement,
    withdraw_announcement,
)
from server.foundation.actions import ActionView, Verb, try_each


async def list_announcement_actions(actor_id: str, announcement_id: str) -> list[ActionView]:
    """Raises NotFound for who has no role there."""
    seen = await get_staff_announcement(actor_id, announcement_id)
    same = AnnouncementText(
        title=seen.title,
        text=seen.text,
        audience=seen.audience,
        urgent=seen.urgent,
        picture_ids=[picture.id for picture in seen.pictures],
    )
    verbs: dict[str, Verb] = {
        "change": lambda: change_announcement(actor_id, announcement_id, seen.version, same),
        "send": lambda: send_announcement(actor_id, announcement_id, seen.version),
        "withdraw": lambda: withdraw_announcement(actor_id, announcement_id),
    }
    return await try_each(seen, verbs)
