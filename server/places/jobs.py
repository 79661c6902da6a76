"""What time brings about in waiting lists."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.foundation import clock
from server.places.queries import due_lag
from server.places.service import settle_due


async def _lag() -> float:
    return await due_lag(clock.now())


SWEEPS = [Sweep("places_due", timedelta(seconds=5), settle_due, _lag)]
