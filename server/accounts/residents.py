"""Residents when their community or grid ends."""

from server.accounts import messages
from server.foundation.database import execute, fetch
from server.notifications.telling import notify


async def follow_successor(organization_id: str, successor_id: str | None) -> None:
    """The residents of a community that is closed belong to its successor, and are told.

    Called in the transaction that closes it.
    """
    await _leave_grid(organization_id, successor_id)
    if successor_id is None:
        return
    rows = await fetch(
        "UPDATE person SET community_id = $2 WHERE community_id = $1 RETURNING id", organization_id, successor_id
    )
    await notify(
        [row["id"] for row in rows], messages.COMMUNITY_SUCCEEDED, closed=organization_id, organization=successor_id
    )


async def _leave_grid(grid_id: str, successor_id: str | None) -> None:
    """Who lives in a grid that is closed lives in its successor, where that is another of their community."""
    await execute(
        "UPDATE person p SET grid_id = (SELECT s.id FROM organization s JOIN organization c ON c.id = p.community_id "
        "WHERE s.id = $2 AND s.level = 'grid' AND s.path <@ c.path) WHERE p.grid_id = $1",
        grid_id,
        successor_id,
    )
