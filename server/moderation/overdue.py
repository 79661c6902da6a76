"""Content checks that WeChat never answered."""

from datetime import timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.moderation.models import CheckState
from server.moderation.verdicts import record_state

OVERDUE = timedelta(minutes=40)
"""WeChat promises a picture's verdict within 30 minutes."""


async def _hold(row: Any) -> bool:
    return await record_state(row["id"], CheckState.HELD, note="no verdict in time")


HOLD_OVERDUE_CHECKS = due_sweep(
    "overdue_content_checks",
    timedelta(minutes=1),
    rows="content_check",
    where="state = 'pending'",
    due="created_at",
    before=lambda: clock.now() - OVERDUE,
    do=_hold,
    # `record_state` decides again under the subject's lock.
    lock="",
    batch=100,
)
"""Parts without a verdict after 40 minutes go to the staff."""
