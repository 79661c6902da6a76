"""The rules of waiting lists and no-shows: figures that a city may want otherwise, and what follows from them."""

from datetime import datetime, timedelta
from typing import NamedTuple

from server.foundation.settings import Settings, parse_no_show_rules
from server.places.models import Purpose

AUTOMATIC_BEFORE = timedelta(hours=24)
"""Further than this from the start a freed place is given at once; later it is offered."""
OFFER_LASTS = timedelta(hours=2)
"""How long an offer stands, where its allotment does not say otherwise."""
MAX_PASSES = 3
"""How often smaller parties may be let past a waiting group that does not fit."""
HOLD_LASTS = timedelta(hours=12)
"""How long freed places are held for a group that was passed as often as it may be."""

NO_SHOWS_WITHIN = timedelta(days=90)
BLOCK_LASTS = timedelta(days=30)


class NoShowRule(NamedTuple):
    """The `to_block`th no-show `within` that time blocks for as long as the block `lasts`."""

    to_block: int
    within: timedelta = NO_SHOWS_WITHIN
    lasts: timedelta = BLOCK_LASTS


NO_SHOW_RULES = {Purpose.SHIFT_ROLE: NoShowRule(2), Purpose.SLOT: NoShowRule(3), Purpose.POST: NoShowRule(2)}
"""Each purpose counts for itself. People book more often than they sign up for shifts, so one more is borne there.
LINLI_NO_SHOW_RULES may say otherwise."""


def use_no_show_rules(settings: Settings) -> None:
    """Take from the settings what this deployment wants otherwise."""
    for name, (to_block, within_days, block_days) in parse_no_show_rules(settings.no_show_rules).items():
        NO_SHOW_RULES[Purpose(name)] = NoShowRule(to_block, timedelta(days=within_days), timedelta(days=block_days))


def offer_until(now: datetime, starts_at: datetime | None, lasts: timedelta = OFFER_LASTS) -> datetime | None:
    """Until when a place freed now is offered; None: it is given at once. Never past the start."""
    if starts_at is None or starts_at - now > AUTOMATIC_BEFORE:
        return None
    return min(now + lasts, starts_at)


def hold_until(now: datetime, starts_at: datetime | None) -> datetime:
    """Until when places freed from now on are held for a group. Never past the start."""
    until = now + HOLD_LASTS
    return until if starts_at is None else min(until, starts_at)
