"""Which units and communities are a pair today: what a check-in of somebody who lives elsewhere rests on."""

from collections.abc import Awaitable, Callable
from typing import Any

from server.foundation.database import fetch, fetch_value
from server.foundation.dates import today
from server.foundation.errors import Refusal
from server.members.homes import host_of_home

IN_FORCE = "c.state = 'accepted' AND c.starts_on <= $1 AND (c.ends_on IS NULL OR c.ends_on >= $1)"
"""SQL: the unit check-in `c` counts on the day $1."""


class NotPaired(Refusal):
    """Checking in through a unit needs the unit's own check-in there, and a home organization that belongs to it."""

    code, title, status = "not_paired", "只能通过本人所在单位，向该单位已报到的社区报到", 409


async def require_pairing(unit_id: str, community_id: str, home_organization_id: str | None) -> None:
    """Raises NotPaired unless the unit is paired with the community now and the home organization belongs to it."""
    if home_organization_id is None:
        raise NotPaired("请从党组织名单中选择您的所属党组织")
    if await host_of_home(home_organization_id) != unit_id:
        raise NotPaired("您的所属党组织不属于该单位")
    if not await fetch_value(
        f"SELECT 1 FROM unit_check_in c WHERE c.unit_id = $2 AND c.area_id = $3 AND {IN_FORCE}",
        today(),
        unit_id,
        community_id,
    ):
        raise NotPaired("该单位目前没有与该社区结对")


ENDED: list[Callable[[str], Awaitable[Any]]] = []
"""What ends with a pairing (its id), in the transaction that ends it. Filled by wiring.py."""


async def pairs_of(organization_ids: list[str], *, hold: bool) -> list[Any]:
    """The pairs in force today of units, or of places and those above them, the oldest first: id, unit_id, area_id.
    `hold`: whoever ends one waits until the transaction is over."""
    return await fetch(
        "SELECT c.id, c.unit_id, c.area_id FROM unit_check_in c JOIN organization a ON a.id = c.area_id "
        "WHERE (c.unit_id = ANY($2::uuid[]) OR EXISTS (SELECT 1 FROM organization o WHERE o.id = ANY($2::uuid[]) "
        f"AND a.path @> o.path)) AND {IN_FORCE} ORDER BY c.id{' FOR SHARE OF c' if hold else ''}",
        today(),
        organization_ids,
    )
