"""What of wishes is forgotten, and when: those that came to nothing, and where to find those who wished."""

from datetime import timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute
from server.media.uploads.uploading import detach_pictures
from server.wishes.models import OVER

FORGOTTEN_AFTER = timedelta(days=180)
CONTACTS_FORGOTTEN_AFTER = timedelta(days=30)


async def _forget(row: Any) -> None:
    await detach_pictures(row["picture_ids"], ("wish", row["id"]))
    await execute("DELETE FROM wish WHERE id = $1", row["id"])


FORGET_WISHES = due_sweep(
    "forget_wishes",
    timedelta(hours=1),
    rows="wish",
    where=f"{OVER} AND state <> 'fulfilled' AND NOT EXISTS (SELECT 1 FROM wish_claim c WHERE c.wish_id = wish.id)",
    due="changed_at",
    before=lambda: clock.now() - FORGOTTEN_AFTER,
    columns="picture_ids",
    do=_forget,
)
"""Drafts that nobody went on with, and wishes that were withdrawn, refused or expired before anybody claimed them."""


async def _forget_contact(row: Any) -> None:
    await execute("UPDATE wish SET address = NULL, phone = NULL WHERE id = $1", row["id"])


FORGET_WISH_CONTACTS = due_sweep(
    "forget_wish_contacts",
    timedelta(hours=1),
    rows="wish",
    where=f"{OVER} AND state <> 'draft' AND (address IS NOT NULL OR phone IS NOT NULL)",
    due="changed_at",
    before=lambda: clock.now() - CONTACTS_FORGOTTEN_AFTER,
    do=_forget_contact,
)
"""Where a wish that is over was to be fulfilled."""
