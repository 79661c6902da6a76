"""Scheduled work on messages."""

from datetime import timedelta

from server import clock
from server.database import execute
from server.jobs import Sweep

KEPT = timedelta(days=180)
_BATCH = 1000


async def purge_old_messages() -> int:
    """Forget inbox messages after 180 days, a batch at a time."""
    return await execute(
        "DELETE FROM inbox_message WHERE id IN (SELECT id FROM inbox_message WHERE created_at < $1 "
        "ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        clock.now() - KEPT,
        _BATCH,
    )


SWEEPS: list[Sweep] = [Sweep("old_inbox_messages", timedelta(hours=1), purge_old_messages)]
