"""Which units and places are a pair, as the check-in of units (server/check_in) tells it."""

from collections.abc import Awaitable, Callable
from typing import Any

from server.foundation.database import fetch
from server.foundation.errors import Refusal

PAIRINGS: list[Callable[..., Awaitable[list[Any]]]] = []
"""Who tells of pairs: (organization ids, hold) → rows of id, unit_id and area_id. Filled by wiring.py."""


class UnitNotPaired(Refusal):
    code, title, status = "unit_not_paired", "该单位目前没有向相应的社区（街道）报到", 409


async def pairs_of(*organization_ids: str, hold: bool = False) -> list[Any]:
    """The pairs in force today of units, or of places and whatever lies above them. `hold`: they don't end until the
    transaction does."""
    return [pair for tell in PAIRINGS for pair in await tell(list(organization_ids), hold=hold)]


async def require_pair(unit_id: str, area_id: str) -> str:
    """The pairing of the unit with this place, or with one above it, held until the transaction ends; its id. Raises
    UnitNotPaired."""
    above = await fetch(
        "SELECT above.id FROM organization o JOIN organization above ON above.path @> o.path WHERE o.id = $1", area_id
    )
    places = {row["id"] for row in above}
    found = [pair["id"] for pair in await pairs_of(unit_id, hold=True) if pair["area_id"] in places]
    if not found:
        raise UnitNotPaired()
    return str(found[0])
