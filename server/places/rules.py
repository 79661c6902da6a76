"""The rules of waiting lists and no-shows: figures that a city may want otherwise, and what follows from them."""

from datetime import datetime, timedelta

AUTOMATIC_BEFORE = timedelta(hours=24)
"""Further than this from the start a freed place is given at once; later it is offered."""
OFFER_LASTS = timedelta(hours=2)
"""How long an offer stands, where its allotment does not say otherwise."""
MAX_PASSES = 3
"""How often smaller parties may be let past a waiting group that does not fit."""
HOLD_LASTS = timedelta(hours=12)
"""How long freed places are held for a group that was passed as often as it may be."""

NO_SHOWS_TO_BLOCK = 2
NO_SHOWS_WITHIN = timedelta(days=90)
BLOCK_LASTS = timedelta(days=30)


def offer_until(now: datetime, starts_at: datetime | None, lasts: timedelta = OFFER_LASTS) -> datetime | None:
    """Until when a place freed now is offered; None: it is given at once. Never past the start."""
    if starts_at is None or starts_at - now > AUTOMATIC_BEFORE:
        return None
    return min(now + lasts, starts_at)


def hold_until(now: datetime, starts_at: datetime | None) -> datetime:
    """Until when places freed from now on are held for a group. Never past the start."""
    until = now + HOLD_LASTS
    return until if starts_at is None else min(until, starts_at)
