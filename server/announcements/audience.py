"""Who an announcement reaches."""

from typing import Any

import msgspec

from server.announcements import messages
from server.announcements.models import AnnouncementAudience
from server.foundation.database import fetch, fetch_structs
from server.organizations.tree import within

_RESIDENTS = (
    "p.merged_into_id IS NULL AND p.closed_at IS NULL "
    "AND EXISTS (SELECT 1 FROM wechat_identity w WHERE w.person_id = p.id) "
    "AND (p.community_id = ANY($1) OR p.grid_id = ANY($1))"
)
_CONDITIONS = {
    AnnouncementAudience.RESIDENTS: _RESIDENTS,
    AnnouncementAudience.VOLUNTEERS: (
        f"{_RESIDENTS} AND EXISTS (SELECT 1 FROM consent v WHERE v.person_id = p.id "
        "AND v.kind = 'volunteer_terms' AND v.withdrawn_at IS NULL)"
    ),
    AnnouncementAudience.WORKERS: "p.id = ANY($1)",
}
_HOMES = (
    f"SELECT c.id FROM organization c WHERE {within('c.path', '$1')} AND c.level = 'community' "
    "UNION ALL SELECT c.id FROM organization c WHERE c.id = $1 AND c.level = 'grid'"
)
"""The communities of an area, or the grid itself."""
_WORKERS = (
    "SELECT DISTINCT g.person_id AS id FROM role_grant g JOIN organization held ON held.id = g.organization_id "
    f"WHERE {within('held.path', '$1')} AND g.ended_at IS NULL"
)


class AudienceView(msgspec.Struct):
    """How many people an announcement would reach now, and how many of them on WeChat too (they have accepted it, and
    not turned it off); the others find it in the inbox."""

    people: int
    on_wechat: int


async def count_audience(organization_id: str, audience: AnnouncementAudience) -> AudienceView:
    """How many people there are."""
    (found,) = await fetch_structs(
        AudienceView,
        "SELECT count(*) AS people, count(*) FILTER (WHERE EXISTS (SELECT 1 FROM grant_balance b "
        "WHERE b.person_id = p.id AND b.template = $2 AND b.balance > 0) AND NOT EXISTS (SELECT 1 "
        "FROM notification_preferences n WHERE n.person_id = p.id AND n.muted ? $3)) AS on_wechat "
        f"FROM person p WHERE {_CONDITIONS[audience]}",
        await _scope(organization_id, audience),
        messages.ANNOUNCEMENT.template,
        messages.ANNOUNCEMENT.topic,
    )
    return found


async def next_persons(
    organization_id: str, audience: AnnouncementAudience, after: str | None, limit: int
) -> list[str]:
    """The audience's next persons in the order of their ids. Who moves meanwhile is met once all the same."""
    rows = await fetch(
        f"SELECT p.id FROM person p WHERE {_CONDITIONS[audience]} AND p.id > $2 ORDER BY p.id LIMIT $3",
        await _scope(organization_id, audience),
        after or "0" * 22,
        limit,
    )
    return [row["id"] for row in rows]


async def _scope(organization_id: str, audience: AnnouncementAudience) -> list[Any]:
    """The communities, or the grid, whose residents are meant, or the persons: found first, so that the plan knows how
    many."""
    sql = _WORKERS if audience is AnnouncementAudience.WORKERS else _HOMES
    return [row["id"] for row in await fetch(sql, organization_id)]
