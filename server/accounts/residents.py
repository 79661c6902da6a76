"""Residents when their community ends."""

from server.accounts import messages
from server.foundation.database import fetch
from server.notifications.telling import notify


async def follow_successor(organization_id: str, successor_id: str | None) -> None:
    """The residents of a community that is closed belong to its successor, and are told.

    Called in the transaction that closes it.
    """
    if successor_id is None:
        return
    rows = await fetch(
        "UPDATE person SET community_id = $2 WHERE community_id = $1 RETURNING id", organization_id, successor_id
    )
    await notify(
        [row["id"] for row in rows], messages.COMMUNITY_SUCCEEDED, closed=organization_id, organization=successor_id
    )
