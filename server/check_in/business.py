"""Whom a community knows as a member, or as somebody who acts for a unit."""

from server.foundation.database import exists
from server.members.memberships import index_of


async def is_in_roster_or_checked_in(person_id: str, path: str) -> bool:
    """Whether the person is a member who is placed in a community below `path`, or has applied to one."""
    return await exists(
        "SELECT 1 FROM membership m JOIN organization o ON o.id = m.community_id "
        "WHERE m.person_index = $1 AND m.ended_at IS NULL AND o.path <@ $2::ltree "
        "UNION ALL SELECT 1 FROM membership m JOIN check_in c ON c.membership_id = m.id "
        "JOIN organization o ON o.id = c.community_id WHERE m.person_index = $1 AND o.path <@ $2::ltree",
        index_of(person_id),
        path,
    )


async def acts_for_paired_unit(person_id: str, path: str) -> bool:
    """Whether the person is a liaison of a unit that is checked in to an organization whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM role_grant g JOIN unit_check_in u ON u.unit_id = g.organization_id "
        "JOIN organization o ON o.id = u.area_id WHERE g.person_id = $1 AND g.ended_at IS NULL "
        "AND u.state = 'accepted' AND o.path <@ $2::ltree",
        person_id,
        path,
    )
