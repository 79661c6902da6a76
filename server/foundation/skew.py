"""By how much our clock and the database's are apart: leases, codes and due times rest on their being one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog

from server.foundation import clock
from server.foundation.alongside import alongside
from server.foundation.database import fetch_value, is_unreachable

log = structlog.get_logger()

SKEW_SECONDS = 1.0
"""From which on it is worth a word."""
_EVERY = 60.0


async def clock_skew(ask: Callable[[str], Awaitable[Any]] = fetch_value) -> float:
    """By how many seconds at least our clock is ahead of the database's, or behind (negative)."""
    before = clock.real_now()
    theirs = await ask("SELECT clock_timestamp()")
    after = clock.real_now()
    ahead, behind = (before - theirs).total_seconds(), (theirs - after).total_seconds()
    skew: float = max(ahead, 0.0) or -max(behind, 0.0)
    return skew


async def warn_of_skew() -> None:
    """Say so where they are not the same."""
    skew = await clock_skew()
    if abs(skew) > SKEW_SECONDS:
        log.warning("clock_skewed", seconds=round(skew, 1))


@asynccontextmanager
async def watching_skew() -> AsyncIterator[None]:
    """Look now, and every minute while inside: a clock may also go wrong later."""
    await warn_of_skew()
    async with alongside(_watch()):
        yield


async def _watch() -> None:
    while True:
        await asyncio.sleep(_EVERY)
        try:
            await warn_of_skew()
        except Exception as error:
            if not is_unreachable(error):
                log.error("clock_not_compared", exc_info=error)
