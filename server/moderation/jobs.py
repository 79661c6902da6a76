"""Scheduled work on content checks."""

from datetime import timedelta

from server.background.sweeps import Batch, Sweep
from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.moderation.models import CheckState
from server.moderation.service import record_state

OVERDUE = timedelta(minutes=40)
"""WeChat promises a picture's verdict within 30 minutes."""
_BATCH = 100


async def hold_overdue_checks() -> int:
    """Parts without a verdict after 40 minutes go to the staff. `record_state` decides again under the subject's lock,
    so any number of workers may find the same ones."""
    batch, done = Batch("overdue_content_checks"), 0
    rows = await fetch(
        "SELECT id FROM content_check WHERE state = 'pending' AND created_at < $1 AND id <> ALL($3) "
        "ORDER BY created_at LIMIT $2",
        clock.now() - OVERDUE,
        _BATCH,
        batch.passed_over,
    )
    for row in rows:
        async with batch.row(row["id"]):
            done += await record_state(row["id"], CheckState.HELD, note="no verdict in time")
    return batch.finish(done)


async def overdue_seconds() -> float:
    """By how much the oldest pending part is past its time."""
    oldest = await fetch_value("SELECT min(created_at) FROM content_check WHERE state = 'pending'")
    return max((clock.now() - oldest - OVERDUE).total_seconds(), 0.0) if oldest else 0.0


SWEEPS: list[Sweep] = [
    Sweep("overdue_content_checks", timedelta(minutes=1), hold_overdue_checks, overdue_seconds),
]
