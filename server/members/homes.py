"""Home organizations 所属党组织: whose unit one belongs to, and which belong to a unit."""

import re

from server.foundation.database import fetch, fetch_value
from server.foundation.typed import organization_key

_NEAREST_HOST = (
    "(SELECT a.host_id FROM party_organization a WHERE a.path @> p.path AND a.host_id IS NOT NULL "
    "AND a.closed_at IS NULL ORDER BY nlevel(a.path) DESC LIMIT 1)"
)
"""A branch without a host of its own belongs to the host of the nearest one above; a closed one to its successor's."""


async def host_of_home(party_organization_id: str) -> str | None:
    """The unit or organization here that a Party organization belongs to; None for one that is elsewhere."""
    host_id: str | None = await fetch_value(
        f"SELECT {_NEAREST_HOST} FROM party_organization p WHERE p.id = $1",
        party_organization_id,
    )
    return host_id


async def homes_of_host(host_id: str) -> list[str]:
    """All Party organizations that belong to a unit, closed ones with their former members included."""
    rows = await fetch(
        "SELECT p.id FROM party_organization p WHERE EXISTS (SELECT 1 FROM party_organization a "
        f"WHERE a.host_id = $1 AND a.closed_at IS NULL AND a.path @> p.path) AND {_NEAREST_HOST} = $1",
        host_id,
    )
    return [row["id"] for row in rows]


async def find_home_by_name(name: str) -> str | None:
    """The only open Party organization of this name, its brackets of either width; None where there is none, or
    several."""
    key = organization_key(name)
    rows = await fetch(
        "SELECT id FROM party_organization WHERE text_bigrams(name) @> text_bigrams($1) "
        "AND translate(name, '（）［］【】 ', '()[][]') = $2 AND closed_at IS NULL LIMIT 2",
        # The longest part that has no bracket is written in one way.
        max(re.split(r"[()\[\]]", key), key=len),
        key,
    )
    return rows[0]["id"] if len(rows) == 1 else None


async def describe_homes(party_organization_ids: set[str]) -> dict[str, str]:
    """Id → name."""
    rows = await fetch("SELECT id, name FROM party_organization WHERE id = ANY($1)", list(party_organization_ids))
    return {row["id"]: row["name"] for row in rows}
