"""Allotments for tests."""

from datetime import datetime, timedelta

from server.foundation import clock
from server.foundation.ids import new_id
from server.places.models import Allotment, Purpose
from server.places.taking import open_allotment

FAR = timedelta(days=7)
"""So far from the start that freed places are given at once."""
NEAR = timedelta(hours=6)
"""So near to the start that freed places are offered."""


async def create_allotment(
    capacity: int, *, starts_in: timedelta | None = FAR, may_wait: bool = True, purpose: Purpose = Purpose.SLOT
) -> Allotment:
    """An open allotment of something that starts `starts_in` from now."""
    starts_at: datetime | None = None if starts_in is None else clock.now() + starts_in
    return await open_allotment(purpose, new_id(), capacity, starts_at=starts_at, may_wait=may_wait)
